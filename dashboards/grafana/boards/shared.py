"""Questions that more than one dashboard asks."""

from __future__ import annotations

from boards.parts import CHOSEN, DAYS, OF_DAYS, SAFE_URL, Panel, bars, is_all, one_of, rows

# Without a source or the other filter the days' counts answer; with one, the stories themselves.
_NAMED = f"{one_of('act')} AND {one_of('actor')}"


def acts() -> Panel:
    """Stories by type of act."""
    return bars("By type of act", _counted("act", "acts_daily", "actor", 14), "act")


def actors(most: int) -> Panel:
    """Stories by actor, so many of them."""
    return bars(f"By actor (the {most} most named)", _counted("actor", "actors_daily", "act", most), "actor")


def _counted(what: str, view: str, other: str, most: int) -> str:
    alone = is_all("source", other)
    return f"""
SELECT {what}, CAST(sum(stories) AS bigint) AS stories FROM (
    SELECT {what}, stories FROM acts_by_day
    WHERE {alone} AND {is_all("language")} AND {what} IS NOT NULL AND {other} IS NULL AND {DAYS} AND {one_of(what)}
    UNION ALL
    SELECT {what}, stories FROM {view}
    WHERE {alone} AND NOT ({is_all("language")}) AND {OF_DAYS} AND {one_of(what)}
    UNION ALL
    SELECT {what}, count(DISTINCT story_id) FROM policy_acts
    WHERE NOT ({alone}) AND {what} IS NOT NULL AND {OF_DAYS} AND {one_of("source")} AND {_NAMED}
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

ACTS_BY_DAY = f"""
SELECT CAST(day AS timestamp) AT TIME ZONE 'UTC' AS "time", act AS metric, CAST(sum(stories) AS bigint) AS stories
FROM (
    SELECT day, act, stories FROM acts_by_day
    WHERE {is_all("source", "actor", "language")} AND act IS NOT NULL AND actor IS NULL AND {DAYS} AND {one_of("act")}
    UNION ALL
    SELECT day, act, stories FROM acts_daily
    WHERE {is_all("source", "actor")} AND NOT ({is_all("language")}) AND {OF_DAYS} AND {one_of("act")}
    UNION ALL
    SELECT day, act, count(DISTINCT story_id) FROM policy_acts
    WHERE NOT ({is_all("source", "actor")}) AND {OF_DAYS} AND {one_of("source")} AND {_NAMED}
    GROUP BY day, act
) AS counted
GROUP BY day, act ORDER BY day, act"""

# The newest 2,000 reports that the filters leave, each with how many others carry it. OFFSET 0 has them looked up one
# by one: by its costs PostgreSQL would rather read the clusters of the whole year.
COUNTED = f"""
WITH reports AS (
    SELECT cluster_id, min(story_id) AS story_id, min(stored_at) AS first_seen_at, count(*) AS stories
    FROM policy_stories
    WHERE {CHOSEN}
    GROUP BY cluster_id ORDER BY first_seen_at DESC LIMIT 2000
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
SELECT most.first_seen_at, title, site AS first_site, stories, copies, sites, independent_origins AS origins, {SAFE_URL}
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
