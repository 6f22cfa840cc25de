"""Monitor: what was decided, who had it first, and what went quiet."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from boards.parts import CHOSEN, OF_DAYS, OF_SOURCE, SAFE_URL, board, is_all, number, one_of, over_time, rows
from boards.shared import HEALTH, actors, acts, most_copied

FILTERS = ("source", "language", "act", "actor")
STORIES = f"SELECT count(*) AS stories FROM policy_stories WHERE {CHOSEN}"
REPORTS = f"SELECT count(DISTINCT cluster_id) AS reports FROM policy_stories WHERE {CHOSEN}"
# The 50 are chosen in the narrow view: by its costs PostgreSQL would first look up the titles of all that match.
LATEST = f"""
WITH newest AS (
    SELECT story_id FROM policy_stories WHERE {CHOSEN} ORDER BY stored_at DESC, story_id DESC LIMIT 50
)
SELECT stored_at, title, source, language, acts, actors, round(CAST(score AS numeric), 2) AS score, {SAFE_URL}
FROM newest JOIN conflict_policy_stories AS story ON story.story_id = newest.story_id
ORDER BY stored_at DESC, story.story_id DESC"""
# Hours within a week, days beyond: the two conditions are known before the query runs, so one half costs nothing.
_SPAN = "CAST($__timeTo() AS timestamptz) - CAST($__timeFrom() AS timestamptz)"
BY_HOUR = f"""
SELECT "time", CAST(sum(stories) AS bigint) AS stories FROM (
    SELECT hour AS "time", conflict_policy AS stories FROM volume_hourly
    WHERE {_SPAN} <= interval '8 days' AND $__timeFilter(hour) AND {OF_SOURCE}
    UNION ALL
    SELECT CAST(day AS timestamp) AT TIME ZONE 'UTC', conflict_policy FROM volume_by_language
    WHERE {_SPAN} > interval '8 days' AND {is_all("source")} AND {OF_DAYS}
    UNION ALL
    SELECT CAST(day AS timestamp) AT TIME ZONE 'UTC', conflict_policy FROM volume_daily
    WHERE {_SPAN} > interval '8 days' AND NOT ({is_all("source")}) AND {OF_DAYS} AND {one_of("source")}
) AS volume
GROUP BY "time" ORDER BY "time\""""
OPEN = "SELECT coalesce(sum(urls), 0) AS urls FROM pipeline_funnel WHERE state IN ('waiting', 'queued', 'claimed')"
SILENT = "SELECT coalesce(sum(is_silent), 0) AS feeds FROM source_health"


def monitor() -> Dashboard:
    """The page that stands open all day."""
    panels = [
        number("Conflict-policy stories", STORIES, about="Stored in the chosen time."),
        number("Different reports among them", REPORTS, about="Copies of one report are counted once."),
        number("URLs still to be read", OPEN, about="Waiting, queued or claimed now."),
        number("Silent sources", SILENT, about="Against their own habit of two weeks.", bad_from=1),
        over_time("Conflict-policy stories by hour (by day beyond a week)", BY_HOUR),
        acts(),
        actors(15),
        rows("Latest conflict-policy stories", LATEST, links={"title": "url"}),
        most_copied(),
        rows("Health of the sources", HEALTH, about="Worst first.", links={"feed": "url"}),
    ]
    about = "What was decided, who had it first, and what went quiet. Times are UTC."
    return board("monitor", "monitor", about, panels, FILTERS, "now-24h")
