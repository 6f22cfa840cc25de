"""Story clusters: one report and all that carry it."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from boards.monitor import FILTERS, REPORTS, STORIES
from boards.parts import SAFE_URL, bars, board, number, rows
from boards.shared import COUNTED, most_copied

_CARRIED = f"{COUNTED}\nSELECT count(*) AS reports FROM counted WHERE copies > 0"
_COPIES = f"{COUNTED}\nSELECT coalesce(sum(copies), 0) AS copies FROM counted"
_SPREAD = f"""{COUNTED}
SELECT CASE WHEN copies >= 10 THEN '10 and more' ELSE CAST(copies AS text) END AS copies, count(*) AS reports
FROM counted WHERE copies > 0 GROUP BY 1 ORDER BY min(copies)"""
_FIRSTS = f"""{COUNTED}
SELECT site, count(*) AS reports FROM (
    SELECT (SELECT site FROM story_details WHERE story_details.story_id = counted.story_id) AS site
    FROM counted WHERE copies > 0
) AS firsts
GROUP BY site ORDER BY reports DESC, site LIMIT 15"""

# An event's tie is weaker than a copy's: its reports are told in words of their own.
_EVENTS = f"""{COUNTED},
told AS (
    SELECT event_id, min(reports.story_id) AS story_id, min(reports.first_seen_at) AS first_seen_at,
        count(*) AS reports, max(event_origins) AS origins
    FROM reports JOIN conflict_policy_stories AS story ON story.story_id = reports.story_id
    WHERE event_origins >= 2
    GROUP BY event_id ORDER BY origins DESC, first_seen_at DESC LIMIT 25
)
SELECT told.first_seen_at, title, site AS first_site, reports, origins, {SAFE_URL}
FROM told JOIN story_details ON story_details.story_id = told.story_id
ORDER BY origins DESC, told.first_seen_at DESC"""
_EVENTS_TITLE = "Events told by two or more independently (of the newest 2,000 reports; a weaker tie than a copy)"


def clusters() -> Dashboard:
    """Who had a report first, and how far it went."""
    panels = [
        number("Conflict-policy stories", STORIES),
        number("Different reports among them", REPORTS),
        number("Reports that others carry (of the newest 2,000)", _CARRIED),
        number("Copies of them", _COPIES),
        bars("Reports by number of copies", _SPREAD, "copies"),
        bars("Who had them first (of reports with copies)", _FIRSTS, "site"),
        most_copied(),
        rows(_EVENTS_TITLE, _EVENTS, links={"title": "url"}),
    ]
    about = "One report and all that carry it. Who had it first, how far it went."
    return board("clusters", "story clusters", about, panels, FILTERS, "now-7d")
