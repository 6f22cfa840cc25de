# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""The views that count. They read the tallies and facts that triggers keep, so a year answers as quickly as a day."""

from __future__ import annotations

from pipeline.outcomes import UrlState
from pipeline.store.dialects import flag, item_of, now_of, seconds_between
from pipeline.store.digests import digested


def volume_hourly(_dialect: str) -> str:
    """Stories by hour of storing, source and language."""
    return _volume("hour")


def volume_daily(_dialect: str) -> str:
    """Stories by day of storing, source and language."""
    return _volume("day")


def _volume(unit: str) -> str:
    return f"""
SELECT
    {unit},
    source,
    language,
    sum(stories) AS stories,
    sum(conflict) AS conflict,
    sum(conflict_policy) AS conflict_policy
FROM {unit}_tallies
GROUP BY {unit}, source, language
HAVING sum(stories) > 0"""


def policy_stories(dialect: str) -> str:
    """The narrow table alone, for what only counts: SQLite carries out outer joins also where they change nothing."""
    return f"""
SELECT story_id, cluster_id, day, stored_at, source, language, acts, actors
FROM story_facts
WHERE is_conflict_policy = {flag(dialect, True)}"""


def stories_by_act(_dialect: str) -> str:
    """A row for each conflict-policy story and each of its acts, each of its actors and each pair; empty is any."""
    return """
SELECT act, actor, story_id, cluster_id, stored_at, language
FROM act_stories"""


def policy_acts(dialect: str) -> str:
    """A row for each conflict-policy story, act and actor."""
    if dialect == "postgresql":
        acts = "CROSS JOIN LATERAL jsonb_array_elements(story_facts.scored_acts) AS acts (pair)"
        actors = "LEFT JOIN LATERAL jsonb_array_elements(story_facts.named_actors) AS actors (pair) ON true"
        act, score = "acts.pair->>0", "CAST(acts.pair->>1 AS double precision)"
        actor, kind = "actors.pair->>0", "actors.pair->>1"
    else:
        acts = "JOIN json_each(story_facts.scored_acts) AS acts"
        actors = "LEFT JOIN json_each(story_facts.named_actors) AS actors"
        act, score = (f"json_extract(acts.value, '$[{place}]')" for place in (0, 1))
        actor, kind = (f"json_extract(actors.value, '$[{place}]')" for place in (0, 1))
    return f"""
SELECT
    story_facts.day,
    {act} AS act,
    {actor} AS actor,
    {kind} AS actor_kind,
    story_facts.story_id,
    story_facts.source,
    story_facts.language,
    story_facts.stored_at,
    {score} AS score
FROM story_facts
{acts}
{actors}
WHERE story_facts.is_conflict_policy = {flag(dialect, True)}"""


def scored_acts(dialect: str) -> str:
    """The acts of one row of `story_facts` with their scores, as rows `scored` of `act` and `score`."""
    if dialect == "postgresql":
        act, score = "pair->>0", "CAST(pair->>1 AS double precision)"
        pairs = "jsonb_array_elements(story_facts.scored_acts) AS pair"
    else:
        act, score = (f"json_extract(value, '$[{place}]')" for place in (0, 1))
        pairs = "json_each(story_facts.scored_acts)"
    return f"(SELECT {act} AS act, {score} AS score FROM {pairs}) AS scored"


def policy_acts_daily(_dialect: str) -> str:
    """Conflict-policy stories by day, act, actor and language."""
    return _acts("act, actor", "act <> '' AND actor <> ''")


def acts_daily(_dialect: str) -> str:
    """Conflict-policy stories by day, act and language, whoever acts."""
    return _acts("act", "act <> '' AND actor = ''")


def actors_daily(_dialect: str) -> str:
    """Conflict-policy stories by day, actor and language, whatever the act."""
    return _acts("actor", "act = '' AND actor <> ''")


def _acts(named: str, which: str) -> str:
    return f"""
SELECT day, {named}, language, sum(stories) AS stories
FROM act_tallies
WHERE {which}
GROUP BY day, {named}, language
HAVING sum(stories) > 0"""


def pipeline_funnel(_dialect: str) -> str:
    """URLs by state and reason. The oldest of them is looked up in an index, also where the reason is NULL."""
    oldest = "SELECT min(urls.announced_at) FROM urls WHERE urls.state = tallied.state AND urls.reason"
    return f"""
SELECT
    state,
    reason,
    urls,
    CASE WHEN reason IS NULL THEN ({oldest} IS NULL) ELSE ({oldest} = tallied.reason) END AS oldest_announced_at
FROM (
    SELECT state, reason, sum(urls) AS urls FROM url_tallies GROUP BY state, reason HAVING sum(urls) > 0
) AS tallied"""


def backlog(dialect: str) -> str:
    """How long URLs that are to be read have been due; the earliest of each state is the first of an index."""
    overdue = seconds_between(dialect, "due.oldest_due_at", now_of(dialect))
    first = "SELECT min(urls.due_at) FROM urls WHERE urls.state"
    states = " UNION ALL ".join(
        f"SELECT '{state.value}' AS state, ({first} = '{state.value}') AS oldest_due_at"
        for state in (UrlState.WAITING, UrlState.QUEUED, UrlState.CLAIMED)
    )
    return f"""
SELECT
    due.state,
    coalesce(tallied.urls, 0) AS urls,
    due.oldest_due_at,
    CASE WHEN {overdue} > 0 THEN {overdue} WHEN due.oldest_due_at IS NOT NULL THEN 0.0 END AS overdue_s
FROM ({states}) AS due
LEFT JOIN (SELECT state, CAST(sum(urls) AS bigint) AS urls FROM url_tallies GROUP BY state) AS tallied
    ON tallied.state = due.state"""


def latency(dialect: str) -> str:
    """Percentiles of the waits of each day's stories."""
    return digested(dialect, "latency_digests")


def volume_by_source(dialect: str) -> str:
    """Stories by day of storing and source, in whatever language."""
    return digested(dialect, "source_digests")


def volume_by_language(dialect: str) -> str:
    """Stories by day of storing and language, of whatever source."""
    return digested(dialect, "language_digests")


def acts_by_day(dialect: str) -> str:
    """Conflict-policy stories by day, act and actor, in whatever language; NULL stands for any act or actor."""
    return f"""
SELECT day, nullif(act, '') AS act, nullif(actor, '') AS actor, stories
FROM (
{digested(dialect, "act_digests")}
) AS counted"""


def policy_places(dialect: str) -> str:
    """A row for each conflict-policy story and place that it names."""
    if dialect == "postgresql":
        rows = "CROSS JOIN LATERAL jsonb_array_elements(story_facts.named_places) AS places (value)"
    else:
        rows = "JOIN json_each(story_facts.named_places) AS places"
    place, country, latitude, longitude = (item_of(dialect, number, "places.value") for number in range(4))
    return f"""
SELECT
    story_facts.day,
    {place} AS place,
    {country} AS country,
    {latitude} AS lat,
    {longitude} AS lon,
    story_facts.story_id,
    story_facts.source,
    story_facts.language,
    story_facts.stored_at,
    story_facts.acts,
    story_facts.actors
FROM story_facts
{rows}
WHERE story_facts.is_conflict_policy = {flag(dialect, True)}"""


def places_daily(_dialect: str) -> str:
    """Conflict-policy stories by day, place, act and language; an empty word stands for any."""
    keys = "day, place, country, latitude, longitude, act, language"
    return f"""
SELECT day, place, country, latitude AS lat, longitude AS lon, act, language, sum(stories) AS stories
FROM place_tallies
GROUP BY {keys}
HAVING sum(stories) > 0"""


def places_by_day(_dialect: str) -> str:
    """Conflict-policy stories by day and place that they name, whatever their act and language."""
    return """
SELECT day, place, country, latitude AS lat, longitude AS lon, sum(stories) AS stories
FROM place_tallies
WHERE act = '' AND language = '' AND place <> ''
GROUP BY day, place, country, latitude, longitude
HAVING sum(stories) > 0"""
