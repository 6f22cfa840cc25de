"""What Grafana makes of a panel's SQL before PostgreSQL sees it: filters, then macros, then nothing of either is left.

Filters are put in by the browser, where Grafana quotes each chosen value and writes what stands for All as it is;
macros by the server, which knows `$__name(arguments)` with no parenthesis among the arguments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)(?::\w+)?\]\]")
_MACRO = re.compile(r"\$(__\w+)\(([^)]*)\)")


def as_sent(
    sql: str, dashboard: Mapping[str, Any], chosen: Mapping[str, Sequence[str]], since: datetime, until: datetime
) -> str:
    """The SQL that reaches the database; a filter that is not among the chosen ones stands on All.

    Raises KeyError for a filter that the dashboard has not, ValueError for a macro that is not known here.
    """
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}

    def fill(found: re.Match[str]) -> str:
        name = found[1] or found[2] or found[3]
        return found[0] if name.startswith("__") else _value(variables[name], chosen.get(name))

    def expand(found: re.Match[str]) -> str:
        return _expanded(found[1], found[2].strip(), since, until)

    sent = _MACRO.sub(expand, _VARIABLE.sub(fill, sql))
    if "$" in sent:
        raise ValueError(f"nobody expands what is left in {sent}")
    return sent


def _value(variable: Mapping[str, Any], chosen: Sequence[str] | None) -> str:
    if chosen is None:
        return str(variable["allValue"])
    if not (variable["multi"] or variable["includeAll"]):
        return chosen[0]
    return ",".join("'" + value.replace("'", "''") + "'" for value in chosen)


def _expanded(macro: str, argument: str, since: datetime, until: datetime) -> str:
    first, last = (f"'{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}'" for moment in (since, until))
    match macro:
        case "__timeFilter":
            return f"{argument} BETWEEN {first} AND {last}"
        case "__timeFrom":
            return first
        case "__timeTo":
            return last
    raise ValueError(f"a macro that is not known here: ${macro}")
