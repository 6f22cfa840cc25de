"""Monitor: what was decided, who had it first, and what went quiet."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from boards.parts import (
    BY_ACT,
    BY_SOURCE,
    OF_DAYS,
    OF_SOURCE,
    SAFE_URL,
    STORED,
    board,
    is_all,
    number,
    one_of,
    over_time,
    rows,
)
from boards.shared import HEALTH, actors, acts, most_copied

FILTERS = ("source", "language", "act", "actor")
# Whole days that ask for neither source, act nor actor are counted already; of the two at the ends the stories are.
_COUNTED = is_all("source", "act", "actor")
_FIRST, _LAST = (f"CAST($__time{end}() AS timestamptz) AT TIME ZONE 'UTC'" for end in ("From", "To"))
STORIES = f"""
SELECT CAST(sum(stories) AS bigint) AS stories FROM (
    SELECT sum(conflict_policy) AS stories FROM volume_by_language
    WHERE {_COUNTED} AND day > CAST({_FIRST} AS date) AND day < CAST({_LAST} AS date) AND {one_of("language")}
    UNION ALL
    SELECT count(*) FROM stories_by_act
    WHERE {_COUNTED} AND {BY_ACT} AND stored_at < date_trunc('day', {_FIRST}) AT TIME ZONE 'UTC' + interval '1 day'
    UNION ALL
    SELECT count(*) FROM stories_by_act
    WHERE {_COUNTED} AND {BY_ACT} AND stored_at >= greatest(
        date_trunc('day', {_LAST}) AT TIME ZONE 'UTC', date_trunc('day', {_FIRST}) AT TIME ZONE 'UTC' + interval '1 day'
    )
    UNION ALL
    SELECT count(DISTINCT story_id) FROM stories_by_act WHERE NOT ({_COUNTED}) AND {BY_ACT}
    UNION ALL
    SELECT count(*) FROM policy_stories WHERE {BY_SOURCE}
) AS counted"""
# Without an act or actor in the order of the index by report, which takes no sorting.
_ANY = is_all("act", "actor")
REPORTS = f"""
SELECT CAST(sum(reports) AS bigint) AS reports FROM (
    SELECT count(*) AS reports FROM (
        SELECT DISTINCT cluster_id FROM policy_stories
        WHERE {is_all("source")} AND {_ANY} AND cluster_id IS NOT NULL AND {STORED} AND {one_of("language")}
    ) AS reports
    UNION ALL
    SELECT count(DISTINCT cluster_id) FROM stories_by_act WHERE NOT ({_ANY}) AND {BY_ACT}
    UNION ALL
    SELECT count(DISTINCT cluster_id) FROM policy_stories WHERE {BY_SOURCE}
) AS counted"""
# The 50 are chosen in narrow rows: by its costs PostgreSQL would first look up the titles of all that match. Each half
# has its own end: an order of both together would be made of all their rows.
LATEST = f"""
WITH newest AS (
    (
        SELECT DISTINCT stored_at, story_id FROM stories_by_act WHERE {BY_ACT}
        ORDER BY stored_at DESC, story_id DESC LIMIT 50
    )
    UNION ALL
    (
        SELECT stored_at, story_id FROM policy_stories WHERE {BY_SOURCE}
        ORDER BY stored_at DESC, story_id DESC LIMIT 50
    )
)
SELECT story.stored_at, title, source, language, acts, actors, round(CAST(score AS numeric), 2) AS score, {SAFE_URL}
FROM newest JOIN conflict_policy_stories AS story ON story.story_id = newest.story_id
ORDER BY story.stored_at DESC, story.story_id DESC"""
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
