"""What the dashboards share: the data source, the filters, and one function for each kind of panel.

Panels ask the views as the role frontwire_read. The time picker is the time of storing for lists and numbers of
stories, and the day of publication for acts, actors and places.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import barchart, bargauge, common, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models

from pipeline.outcomes import PolicyType

SOURCE = models.DataSourceRef(type_val="grafana-postgresql-datasource", uid="frontwire")
# What a filter's "All" is in SQL: the database sees that '*' IN ('*') holds, and drops the condition.
ALL = "'*'"
Panel = Builder[models.Panel]

_RECENT = "day >= current_date - 30"
_CHOICES = {
    "source": f"SELECT DISTINCT source FROM volume_by_source WHERE {_RECENT} ORDER BY source",
    "language": f"SELECT DISTINCT language FROM volume_by_language WHERE {_RECENT} ORDER BY language",
    "actor": f"SELECT DISTINCT actor FROM actors_daily WHERE {_RECENT} ORDER BY actor",
}
_LABELS = {"source": "Source", "language": "Language", "act": "Type of act", "actor": "Actor"}
# The title of a story leads to it; its address is a column that nobody sees.
SAFE_URL = "CASE WHEN url ~ '^https?://' THEN url END AS url"


# ------------------------------------------------------------------------------------------------------------ filters


def one_of(filter_name: str, column: str | None = None) -> str:
    """The condition that `column` (by default of the filter's name) is among what the filter has chosen."""
    return f"({ALL} IN (${filter_name}) OR {column or filter_name} IN (${filter_name}))"


def among(filter_name: str, column: str) -> str:
    """The condition that a list like `talks, sanction` in `column` has one of what the filter has chosen."""
    return f"({ALL} IN (${filter_name}) OR string_to_array({column}, ', ') && ARRAY[${filter_name}])"


def is_all(*filter_names: str) -> str:
    """The condition that none of the filters has chosen anything."""
    return " AND ".join(f"{ALL} IN (${name})" for name in filter_names)


STORED = "$__timeFilter(stored_at)"
DAYS = "day BETWEEN CAST($__timeFrom() AS date) AND CAST($__timeTo() AS date)"
OF_SOURCE = f"{one_of('source')} AND {one_of('language')}"
CHOSEN = f"{STORED} AND {OF_SOURCE} AND {among('act', 'acts')} AND {among('actor', 'actors')}"
OF_DAYS = f"{DAYS} AND {one_of('language')}"


def is_one(*filter_names: str) -> str:
    """The condition that each of the filters has chosen one thing or nothing: counts by it add up to stories."""
    return " AND ".join(f"cardinality(ARRAY[${name}]) = 1" for name in filter_names)


def counted_as(filter_name: str) -> str:
    """The condition on a column of the filter's name in which an empty word stands for any."""
    return f"CASE WHEN {is_all(filter_name)} THEN {filter_name} = '' ELSE {filter_name} IN (${filter_name}) END"


# Stories under the filters, in two halves of which one is empty: those of a source are few and asked themselves, all
# others stand by act and actor. One that has several of the chosen acts or actors stands there as often.
BY_ACT = f"{is_all('source')} AND {counted_as('act')} AND {counted_as('actor')} AND {STORED} AND {one_of('language')}"
BY_SOURCE = f"NOT ({is_all('source')}) AND {CHOSEN}"


def variables(names: Sequence[str]) -> list[Builder[models.VariableModel]]:
    """The filters of those names, each of several values or all."""
    return [_variable(name) for name in names]


def _variable(name: str) -> Builder[models.VariableModel]:
    everything = models.VariableOption(text="All", value="$__all", selected=True)
    if name == "act":
        words = ",".join(act.value for act in PolicyType)
        closed = dashboards.CustomVariable(name).label(_LABELS[name]).values(words)
        return closed.multi(True).include_all(True).all_value(ALL).current(everything)
    found = dashboards.QueryVariable(name).label(_LABELS[name]).datasource(SOURCE).query(_CHOICES[name])
    found = found.refresh(models.VariableRefresh.ON_DASHBOARD_LOAD)
    return found.multi(True).include_all(True).all_value(ALL).current(everything)


# ------------------------------------------------------------------------------------------------------------- queries


@dataclass(frozen=True, slots=True)
class Query(Dataquery):
    """One question in SQL, as Grafana's PostgreSQL data source takes it."""

    sql: str
    format: str

    def to_json(self) -> dict[str, object]:
        """The fields of a target."""
        return {
            "refId": "A",
            "datasource": SOURCE,
            "editorMode": "code",
            "format": self.format,
            "rawQuery": True,
            "rawSql": self.sql,
        }


class Asked(Builder[Dataquery]):
    """Builds the one query of a panel; `format` is table or time_series."""

    def __init__(self, sql: str, format: str = "table") -> None:
        self._query = Query(textwrap.dedent(sql).strip(), format)

    def build(self) -> Dataquery:
        """The query."""
        return self._query


# -------------------------------------------------------------------------------------------------------------- panels


def number(title: str, sql: str, *, about: str = "", unit: str = "", bad_from: float | None = None) -> Panel:
    """One number; from `bad_from` on it is red."""
    panel = stat.Panel().title(title).description(about).span(6).height(4).datasource(SOURCE).with_target(Asked(sql))
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    panel = panel.graph_mode(kinds.BigValueGraphMode.NONE).color_mode(kinds.BigValueColorMode.VALUE)
    if unit:
        panel = panel.unit(unit)
    steps = [models.Threshold(value=None, color="text")]
    if bad_from is not None:
        steps = [models.Threshold(value=None, color="green"), models.Threshold(value=bad_from, color="red")]
    limits = dashboards.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
    return panel.thresholds(limits)


def bars(title: str, sql: str, by: str, *, about: str = "", span: int = 12, stacked: bool = False) -> Panel:
    """Horizontal bars: one for each row, named by the column `by`."""
    panel = barchart.Panel().title(title).description(about).span(span).height(10).datasource(SOURCE)
    panel = panel.with_target(Asked(sql)).x_field(by).orientation(kinds.VizOrientation.HORIZONTAL)
    panel = panel.stacking(kinds.StackingMode.NORMAL if stacked else kinds.StackingMode.NONE)
    return panel.legend(_legend(stacked)).tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI))


def gauges(title: str, sql: str, *, about: str = "", span: int = 12) -> Panel:
    """A bar and its number for each row, named by the row's column of text."""
    panel = bargauge.Panel().title(title).description(about).span(span).height(10).datasource(SOURCE)
    panel = panel.with_target(Asked(sql)).orientation(kinds.VizOrientation.HORIZONTAL)
    return panel.reduce_options(common.ReduceDataOptions().values(True)).display_mode(kinds.BarGaugeDisplayMode.BASIC)


def over_time(
    title: str, sql: str, *, about: str = "", span: int = 24, unit: str = "", lines: bool = False, stacked: bool = False
) -> Panel:
    """Values over the column `time`, as bars or lines; a column `metric` of text parts them into series."""
    panel = timeseries.Panel().title(title).description(about).span(span).height(8).datasource(SOURCE)
    panel = panel.with_target(Asked(sql, "time_series")).legend(_legend(True))
    panel = panel.tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI))
    panel = panel.draw_style(kinds.GraphDrawStyle.LINE if lines else kinds.GraphDrawStyle.BARS)
    panel = panel.fill_opacity(0 if lines else 80).line_width(1)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL).group("A"))
    return panel.unit(unit) if unit else panel


def rows(
    title: str,
    sql: str,
    *,
    about: str = "",
    span: int = 24,
    height: int = 12,
    links: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
) -> Panel:
    """A table. `links`: a column's cells lead to the address in another column, which is hidden. `units`: by column."""
    panel = table.Panel().title(title).description(about).span(span).height(height).datasource(SOURCE)
    panel = panel.with_target(Asked(sql))
    for column, address in (links or {}).items():
        link = {"title": "Open", "url": f"${{__data.fields.{address}:raw}}", "targetBlank": True}
        panel = panel.override_by_name(column, [models.DynamicConfigValue(id_val="links", value=[link])])
        panel = panel.override_by_name(address, [models.DynamicConfigValue(id_val="custom.hidden", value=True)])
    for column, unit in (units or {}).items():
        panel = panel.override_by_name(column, [models.DynamicConfigValue(id_val="unit", value=unit)])
    return panel


def _legend(is_shown: bool) -> common.VizLegendOptions:
    legend = common.VizLegendOptions().placement(kinds.LegendPlacement.BOTTOM).show_legend(is_shown)
    return legend.display_mode(kinds.LegendDisplayMode.LIST)


# ---------------------------------------------------------------------------------------------------------- dashboards


def board(
    slug: str, title: str, about: str, panels: Sequence[Panel], filters: Sequence[str], since: str
) -> models.Dashboard:
    """A dashboard that nobody changes in the browser, with links to the others; `since` as in now-24h."""
    link = dashboards.DashboardLink("Frontwire").type(models.DashboardLinkType.DASHBOARDS).tags(["frontwire"])
    made = dashboards.Dashboard(f"Frontwire: {title}").uid(f"frontwire-{slug}").description(about).tags(["frontwire"])
    made = made.timezone("utc").readonly().refresh("1m").time(since, "now").variables(variables(filters))
    made = made.link(link.include_vars(True).keep_time(True).icon("external link"))
    for panel in panels:
        made = made.with_panel(panel)
    built = made.build()
    for place, panel_model in enumerate(built.panels or [], start=1):
        # A panel's number stands in links to it: its place, not what the browser would choose.
        panel_model.id_val = place
    return built
