"""Questions that more than one dashboard asks."""

from __future__ import annotations

from boards.parts import (
    BY_ACT,
    BY_SOURCE,
    CHOSEN,
    DAYS,
    OF_DAYS,
    SAFE_URL,
    Panel,
    bars,
    is_all,
    is_one,
    one_of,
    rows,
)

# Without a source, and with one act and actor at most, the days' counts answer; else the stories themselves, of which
# one may have several of the chosen ones and counts once.
_NAMED = f"{one_of('act')} AND {one_of('actor')}"


def acts() -> Panel:
    """Stories by type of act."""
    return bars("By type of act", _counted("act", "acts_daily", "actor", 14), "act")


def actors(most: int) -> Panel:
    """Stories by actor, so many of them."""
    return bars(f"By actor (the {most} most named)", _counted("actor", "actors_daily", "act", most), "actor")


def _of_other(other: str) -> str:
    """The condition for the rows of the other filter in `acts_by_day`, where NULL stands for any."""
    return f"CASE WHEN {is_all(other)} THEN {other} IS NULL ELSE {other} IN (${other}) END"


def _counted(what: str, view: str, other: str, most: int) -> str:
    known = f"{is_all('source')} AND {is_one(other)}"
    return f"""
SELECT {what}, CAST(sum(stories) AS bigint) AS stories FROM (
    SELECT {what}, stories FROM acts_by_day
    WHERE {known} AND {is_all("language")} AND {what} IS NOT NULL AND {_of_other(other)} AND {DAYS} AND {one_of(what)}
    UNION ALL
    SELECT {what}, stories FROM {view}
    WHERE {known} AND NOT ({is_all("language")}) AND {is_all(other)} AND {OF_DAYS} AND {one_of(what)}
    UNION ALL
    SELECT {what}, stories FROM policy_acts_daily
    WHERE {known} AND NOT ({is_all("language")}) AND NOT ({is_all(other)}) AND {OF_DAYS} AND {_NAMED}
    UNION ALL
    SELECT {what}, count(DISTINCT story_id) FROM policy_acts
    WHERE NOT ({known}) AND {what} IS NOT NULL AND {OF_DAYS} AND {one_of("source")} AND {_NAMED}
    GROUP BY {what}
) AS counted
GROUP BY {what} ORDER BY stories DESC, {what} LIMIT {most}"""


PAIRS = f"""
SELECT act, actor, CAST(sum(stories) AS bigint) AS stories FROM (
    SELECT act, actor, stories FROM acts_by_day
    WHERE {is_all("source", "language")} AND act IS NOT NULL AND actor IS NOT NULL AND {DAYS} AND {_NAMED}
    UNION ALL
    SELECT act, actor, stories FROM policy_acts_daily
    WHERE {is_all("source")} AND NOT ({is_all("language")}) AND {OF_DAYS} AND {_NAMED}
    UNION ALL
    SELECT act, actor, count(DISTINCT story_id) FROM policy_acts
    WHERE NOT ({is_all("source")}) AND actor IS NOT NULL AND {OF_DAYS} AND {one_of("source")} AND {_NAMED}
    GROUP BY act, actor
) AS counted
GROUP BY act, actor ORDER BY stories DESC, act, actor LIMIT 150"""

_KNOWN = f"{is_all('source')} AND {is_one('actor')}"
# The day as a sum: else the stories of all sources are read in the order of days, to spare the few of one a sort.
ACTS_BY_DAY = f"""
SELECT CAST(day AS timestamp) AT TIME ZONE 'UTC' AS "time", act AS metric, CAST(sum(stories) AS bigint) AS stories
FROM (
    SELECT day, act, stories FROM acts_by_day
    WHERE {_KNOWN} AND {is_all("language")} AND act IS NOT NULL AND {_of_other("actor")} AND {DAYS} AND {one_of("act")}
    UNION ALL
    SELECT day, act, stories FROM acts_daily
    WHERE {_KNOWN} AND {is_all("actor")} AND NOT ({is_all("language")}) AND {OF_DAYS} AND {one_of("act")}
    UNION ALL
    SELECT day, act, stories FROM policy_acts_daily
    WHERE {_KNOWN} AND NOT ({is_all("actor")}) AND NOT ({is_all("language")}) AND {OF_DAYS} AND {_NAMED}
    UNION ALL
    SELECT day + 0, act, count(DISTINCT story_id) FROM policy_acts
    WHERE NOT ({_KNOWN}) AND {OF_DAYS} AND {one_of("source")} AND {_NAMED}
    GROUP BY day + 0, act
) AS counted
GROUP BY day, act ORDER BY day, act"""

# The newest 2,000 reports that the filters leave, each by the first of its stories that they leave: one without an
# earlier one, so that only as many stories are walked as it takes. Each is looked up with how many others carry it, one
# by one. OFFSET 0, and a condition that is no EXISTS, keep PostgreSQL from reading the reports of the whole year.
_IS_FIRST = f"""coalesce((
    SELECT false FROM policy_stories AS earlier
    WHERE earlier.cluster_id = matching.cluster_id
        AND (earlier.stored_at, earlier.story_id) < (matching.stored_at, matching.story_id) AND {CHOSEN}
    LIMIT 1
), true)"""
_NEWEST = "SELECT DISTINCT ON (stored_at, story_id) stored_at AS first_seen_at, story_id, cluster_id"
_FIRST = "ORDER BY stored_at DESC, story_id DESC LIMIT 2000"
COUNTED = f"""
WITH reports AS (
    (
        {_NEWEST} FROM stories_by_act AS matching
        WHERE cluster_id IS NOT NULL AND {BY_ACT} AND {_IS_FIRST}
        {_FIRST}
    )
    UNION ALL
    (
        {_NEWEST} FROM policy_stories AS matching
        WHERE cluster_id IS NOT NULL AND {BY_SOURCE} AND {_IS_FIRST}
        {_FIRST}
    )
),
counted AS (
    SELECT reports.*, copies, sites, independent_origins
    FROM reports CROSS JOIN LATERAL (
        SELECT copies, sites, independent_origins FROM story_clusters
        WHERE story_clusters.cluster_id = reports.cluster_id OFFSET 0
    ) AS carried
)"""

_MOST_COPIED = f"""{COUNTED},
most AS (
    SELECT * FROM counted WHERE copies > 0 ORDER BY copies DESC, first_seen_at DESC LIMIT 25
)
SELECT most.first_seen_at, title, site AS first_site,
    (SELECT count(*) FROM policy_stories WHERE policy_stories.cluster_id = most.cluster_id AND {CHOSEN}) AS stories,
    copies, sites, independent_origins AS origins, {SAFE_URL}
FROM most JOIN story_details ON story_details.story_id = most.story_id
ORDER BY copies DESC, most.first_seen_at DESC"""


def most_copied() -> Panel:
    """The reports that most outlets carry."""
    title = "Reports with the most copies (of the newest 2,000)"
    return rows(title, _MOST_COPIED, links={"title": "url"})


HEALTH = f"""
SELECT source, coalesce(title, feed_url) AS feed, status, lag_s, silent_s, longest_gap_s,
    CASE is_silent WHEN 1 THEN 'silent' ELSE '' END AS alarm,
    error_count AS errors, last_reason, gaps, lost_estimate AS lost,
    CASE WHEN feed_url ~ '^https?://' THEN feed_url END AS url
FROM source_health
WHERE {one_of("source")}
ORDER BY is_silent DESC, error_count DESC, lag_s DESC NULLS LAST LIMIT 100"""
