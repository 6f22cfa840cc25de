"""Pipeline: where every URL is, how long stories take, and what was given up."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from boards.monitor import OPEN
from boards.parts import DAYS, board, number, one_of, over_time, rows

_OF = one_of("source")
_OLDEST = "SELECT coalesce(max(overdue_s), 0) AS seconds FROM backlog"
_DEAD = "SELECT coalesce(sum(urls), 0) AS urls FROM pipeline_funnel WHERE state = 'dead'"
_STORED = f"SELECT coalesce(sum(stories), 0) AS stories FROM volume_by_source WHERE {DAYS} AND {_OF}"
_FUNNEL = """
SELECT state, coalesce(reason, 'not tried yet') AS reason, urls, oldest_announced_at
FROM pipeline_funnel ORDER BY urls DESC, state, reason"""
_LATENCY = f"""
SELECT CAST(day AS timestamp) AT TIME ZONE 'UTC' AS "time", announced_p50_s AS "half of the stories",
    announced_p95_s AS "95 of 100"
FROM latency WHERE {DAYS} ORDER BY 1"""
_BY_DAY = f"""
SELECT CAST(day AS timestamp) AT TIME ZONE 'UTC' AS "time", CAST(sum(conflict_policy) AS bigint) AS conflict_policy,
    CAST(sum(stories) - sum(conflict_policy) AS bigint) AS others
FROM volume_by_source WHERE {DAYS} AND {_OF}
GROUP BY day ORDER BY day"""
_DEAD_LETTERS = f"""
SELECT settled_at, host, reason, detail, attempts, entry_title,
    CASE WHEN url ~ '^https?://' THEN url END AS url
FROM dead_letters
WHERE $__timeFilter(settled_at) AND {_OF}
ORDER BY settled_at DESC, url_id DESC LIMIT 100"""


def road() -> Dashboard:
    """For whoever keeps it running."""
    panels = [
        number("URLs still to be read", OPEN),
        number("The oldest of them is overdue for", _OLDEST, unit="s"),
        number("Given up", _DEAD),
        number("Stories stored", _STORED),
        rows("Every state and reason", _FUNNEL, span=12, height=10),
        over_time("From announcement to storage", _LATENCY, span=12, unit="s", lines=True),
        over_time("Stories stored by day", _BY_DAY, stacked=True),
        rows("Given up", _DEAD_LETTERS, links={"entry_title": "url"}),
    ]
    about = "Where every URL is, how long stories take, and what was given up."
    return board("pipeline", "pipeline", about, panels, ("source",), "now-7d")
