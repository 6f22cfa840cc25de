# ruff: noqa: S608 - the SQL is made of constants of this file alone
"""The views: the questions that dashboards and analysts ask, with the same names and columns on both databases.

Views, not tables, are what others build on: their names and columns stay (docs/sql.md describes each, a test holds the
two equal). Every view is one SELECT, made for a dialect by a function below; VIEWS lists them in the order to create.
The migration that brings a view keeps its own copy of the SQL.

Instants are timestamptz on PostgreSQL and text like `2024-05-31T03:59:00.000Z` on SQLite; days are UTC days, a date on
PostgreSQL and `2024-05-31` on SQLite. Where a view needs the present, it asks the database's clock.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from pipeline.judging.codes import SCHEMES
from pipeline.store import views_judging
from pipeline.store.dialects import day_of, days_ago, hour_of, joined, now_of, seconds_between, without_query

# How far back the health of a source is looked at: two whole weeks, so that quiet nights and weekends are in it.
HEALTH_WINDOW_DAYS = 14


def create_views(connection: Connection) -> None:
    """Makes every view; those that exist already are made anew."""
    drop_views(connection)
    for name, select_for in VIEWS.items():
        connection.exec_driver_sql(create_statement(name, select_for(connection.dialect.name)))


def drop_views(connection: Connection) -> None:
    """Drops every view that exists."""
    for name in reversed(VIEWS):
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")


def create_statement(name: str, select: str) -> str:
    """The CREATE VIEW statement, to be given to the driver as it is: a percent sign or colon in it is no parameter."""
    return f"CREATE VIEW {name} AS\n{select.strip()}"


# ------------------------------------------------------------------------------------------------------- the stories


def _conflict_policy_stories(dialect: str) -> str:
    acts = joined(dialect, "act", "FROM story_acts WHERE story_id = stories.id", "score DESC, act")
    # Each code once, the best act's best code first.
    codes = {
        scheme: joined(
            dialect,
            "code",
            "FROM story_acts JOIN act_codes ON act_codes.act = story_acts.act"
            f" WHERE story_id = stories.id AND scheme = '{scheme}' GROUP BY code",
            "max(score) DESC, min(place), code",
        )
        for scheme in SCHEMES
    }
    actors = joined(
        dialect, "actor", "FROM mentions WHERE story_id = stories.id GROUP BY actor", "count(*) DESC, min(id)"
    )
    return f"""
SELECT
    stories.id AS story_id,
    stories.title,
    stories.url,
    stories.site,
    coalesce(feeds.source, stories.site) AS source,
    coalesce(stories.language, 'und') AS language,
    stories.section,
    stories.dateline,
    stories.standfirst,
    stories.published_at,
    stories.stored_at,
    stories.revised_at,
    stories.revision,
    stories.word_count,
    stories.access,
    stories.cluster_id,
    story_verdicts.conflict_policy AS score,
    story_verdicts.threshold,
    {acts} AS acts,
    {actors} AS actors,
    story_verdicts.model,
    story_verdicts.judged_at,
    stories.status,
    stories.gone_at,
    story_verdicts.own_conflict_policy AS own_score,
    {codes["plover"]} AS plover,
    {codes["cameo"]} AS cameo,
    {codes["medtop"]} AS medtop
FROM stories
JOIN story_verdicts ON story_verdicts.story_id = stories.id AND story_verdicts.is_conflict_policy
LEFT JOIN feeds ON feeds.id = stories.feed_id"""


def _story_clusters(dialect: str) -> str:
    return """
WITH members AS (
    SELECT cluster_id, url_id, site, stored_at AS seen_at, id AS story_id FROM stories WHERE cluster_id IS NOT NULL
    UNION ALL
    SELECT stories.cluster_id, story_links.url_id, urls.site, story_links.linked_at, NULL
    FROM story_links
    JOIN stories ON stories.id = story_links.matched_story_id
    JOIN urls ON urls.id = story_links.url_id
    WHERE story_links.relation = 'copy' AND stories.cluster_id IS NOT NULL
),
totals AS (
    SELECT
        cluster_id,
        min(seen_at) AS first_seen_at,
        max(seen_at) AS last_seen_at,
        min(story_id) AS first_story_id,
        count(DISTINCT story_id) AS stories,
        count(DISTINCT CASE WHEN story_id IS NULL THEN url_id END) AS copies,
        count(DISTINCT site) AS sites
    FROM members
    GROUP BY cluster_id
)
SELECT
    totals.cluster_id,
    founder.title,
    founder.url,
    founder.site AS first_site,
    totals.first_story_id,
    totals.first_seen_at,
    totals.last_seen_at,
    totals.stories,
    totals.copies,
    1 AS independent_origins,
    totals.sites
FROM totals
JOIN stories AS founder ON founder.id = totals.first_story_id"""


def _story_revisions(dialect: str) -> str:
    before = "OVER (PARTITION BY revisions.story_id ORDER BY revisions.number)"
    told = "FROM revision_changes WHERE revision_id = revisions.id"
    changes = joined(dialect, "change", f"{told} GROUP BY change", "min(id)")
    figure = "coalesce(old, '') || ' -> ' || coalesce(new, '')"
    figures = joined(dialect, figure, f"{told} AND change IN ('casualties', 'figures')", "id")
    note = joined(dialect, "new", f"{told} AND change IN ('withdrawal', 'correction')", "id")
    return f"""
SELECT
    revisions.story_id,
    revisions.number AS revision,
    CASE WHEN stories.revision = revisions.number THEN 1 ELSE 0 END AS is_latest,
    stories.url,
    stories.site,
    revisions.title,
    lag(revisions.title) {before} AS previous_title,
    revisions.standfirst,
    revisions.text,
    lag(revisions.text) {before} AS previous_text,
    revisions.content_hash,
    revisions.stored_at,
    lag(revisions.stored_at) {before} AS previous_stored_at,
    {changes} AS changes,
    {figures} AS figures,
    {note} AS note,
    CASE WHEN revisions.is_boring THEN 1 ELSE 0 END AS is_boring,
    revisions.words_added,
    revisions.words_removed,
    revisions.paragraphs_changed,
    stories.status,
    stories.gone_at,
    coalesce(revisits.looks, 0) AS looks,
    coalesce(revisits.flip_flops, 0) AS flip_flops,
    revisits.due_at AS next_look_at
FROM revisions
JOIN stories ON stories.id = revisions.story_id
LEFT JOIN revisits ON revisits.url_id = stories.url_id"""


def _volume_hourly(dialect: str) -> str:
    hour = hour_of(dialect, "stories.stored_at")
    return f"""
SELECT
    {hour} AS hour,
    coalesce(feeds.source, stories.site) AS source,
    coalesce(stories.language, 'und') AS language,
    count(*) AS stories,
    sum(CASE WHEN story_verdicts.is_conflict THEN 1 ELSE 0 END) AS conflict,
    sum(CASE WHEN story_verdicts.is_conflict_policy THEN 1 ELSE 0 END) AS conflict_policy
FROM stories
LEFT JOIN story_verdicts ON story_verdicts.story_id = stories.id
LEFT JOIN feeds ON feeds.id = stories.feed_id
GROUP BY {hour}, coalesce(feeds.source, stories.site), coalesce(stories.language, 'und')"""


def _policy_acts(dialect: str) -> str:
    day = day_of(dialect, "coalesce(stories.published_at, stories.stored_at)")
    return f"""
SELECT
    {day} AS day,
    story_acts.act,
    named.actor,
    named.kind AS actor_kind,
    stories.id AS story_id,
    coalesce(feeds.source, stories.site) AS source,
    coalesce(stories.language, 'und') AS language,
    stories.stored_at,
    story_acts.score
FROM stories
JOIN story_acts ON story_acts.story_id = stories.id
LEFT JOIN (SELECT DISTINCT story_id, actor, kind FROM mentions) AS named ON named.story_id = stories.id
LEFT JOIN feeds ON feeds.id = stories.feed_id"""


# ------------------------------------------------------------------------------------------------------- the running


def _source_health(dialect: str) -> str:
    since = days_ago(dialect, HEALTH_WINDOW_DAYS)
    earlier = "lag(polled_at) OVER (PARTITION BY feed_id ORDER BY polled_at)"
    return f"""
WITH recent AS (
    SELECT feed_id, polled_at, new_urls, lost_estimate FROM feed_polls WHERE polled_at >= {since}
),
arrivals AS (
    SELECT
        feed_id,
        new_urls,
        {seconds_between(dialect, earlier, "polled_at")} AS gap_s
    FROM recent
    WHERE new_urls > 0
),
usual AS (
    SELECT feed_id, count(gap_s) AS measured, avg(gap_s) AS usual_gap_s, max(gap_s) AS longest_gap_s
    FROM arrivals
    GROUP BY feed_id
),
polls AS (
    SELECT
        feed_id,
        count(*) AS polls,
        sum(new_urls) AS new_urls,
        count(lost_estimate) AS gaps,
        coalesce(sum(lost_estimate), 0) AS lost_estimate
    FROM recent
    GROUP BY feed_id
),
health AS (
    SELECT
        feeds.id,
        feeds.source,
        feeds.title,
        feeds.url,
        feeds.status,
        feeds.last_polled_at,
        feeds.last_success_at,
        feeds.error_count,
        feeds.last_outcome,
        feeds.last_reason,
        feeds.last_detail,
        feeds.interval_s,
        feeds.next_poll_at,
        feeds.last_new_at,
        feeds.silent_after,
        {seconds_between(dialect, "feeds.last_success_at", now_of(dialect))} AS lag_s,
        {seconds_between(dialect, "coalesce(feeds.last_new_at, feeds.added_at)", now_of(dialect))} AS silent_s
    FROM feeds
)
SELECT
    health.id AS feed_id,
    health.source,
    health.title,
    {without_query(dialect, "health.url")} AS feed_url,
    health.status,
    health.last_polled_at,
    health.last_success_at,
    health.lag_s,
    health.error_count,
    health.last_outcome,
    health.last_reason,
    health.last_detail,
    health.interval_s,
    health.next_poll_at,
    health.last_new_at,
    health.silent_s,
    CASE WHEN usual.measured >= 3 THEN usual.usual_gap_s END AS usual_gap_s,
    CASE WHEN usual.measured >= 3 THEN usual.longest_gap_s END AS longest_gap_s,
    CASE
        WHEN health.status = 'disabled' THEN 0
        WHEN health.silent_after IS NOT NULL AND health.last_success_at >= health.silent_after THEN 1
        WHEN health.silent_after IS NOT NULL OR usual.measured IS NULL OR usual.measured < 3 THEN 0
        WHEN health.silent_s > 3600 AND health.silent_s > 2 * usual.longest_gap_s THEN 1
        ELSE 0
    END AS is_silent,
    coalesce(polls.polls, 0) AS polls,
    coalesce(polls.new_urls, 0) AS new_urls,
    coalesce(polls.gaps, 0) AS gaps,
    coalesce(polls.lost_estimate, 0) AS lost_estimate
FROM health
LEFT JOIN usual ON usual.feed_id = health.id
LEFT JOIN polls ON polls.feed_id = health.id"""


def _silent_sources(dialect: str) -> str:
    return f"""
SELECT
    feeds.id AS feed_id,
    feeds.source,
    feeds.title,
    {without_query(dialect, "feeds.url")} AS feed_url,
    feeds.category,
    feeds.last_new_at,
    feeds.silent_after,
    feeds.last_success_at,
    {seconds_between(dialect, "feeds.last_new_at", "feeds.last_success_at")} AS silent_s
FROM feeds
WHERE feeds.status <> 'disabled' AND feeds.last_success_at >= feeds.silent_after"""


def _wire_items(dialect: str) -> str:
    return """
SELECT
    items.url_id,
    items.guid,
    coalesce(feeds.source, urls.site) AS source,
    items.version,
    items.version_at,
    items.status,
    items.held_until,
    items.urgency,
    items.note,
    items.subjects,
    CASE WHEN items.held_until IS NULL AND items.status = 'usable' THEN urls.entry_title END AS title,
    urls.state,
    urls.reason,
    stories.id AS story_id,
    stories.revision,
    items.received_at
FROM items
JOIN urls ON urls.id = items.url_id
LEFT JOIN feeds ON feeds.id = items.feed_id
LEFT JOIN stories ON stories.url_id = items.url_id
WHERE NOT items.is_probe"""


def _feed_gaps(dialect: str) -> str:
    previous = """(
        SELECT max(earlier.polled_at) FROM feed_polls AS earlier
        WHERE earlier.feed_id = feed_polls.feed_id AND earlier.polled_at < feed_polls.polled_at
            AND earlier.outcome NOT IN ('failed', 'not_a_feed')
    )"""
    return f"""
SELECT
    feed_polls.id AS poll_id,
    feed_polls.feed_id,
    feeds.source,
    {without_query(dialect, "feeds.url")} AS feed_url,
    {previous} AS previous_poll_at,
    feed_polls.polled_at,
    feed_polls.entries,
    feed_polls.new_urls,
    feed_polls.lost_estimate
FROM feed_polls
JOIN feeds ON feeds.id = feed_polls.feed_id
WHERE feed_polls.lost_estimate IS NOT NULL"""


def _pipeline_funnel(dialect: str) -> str:
    return """
SELECT state, reason, count(*) AS urls, min(announced_at) AS oldest_announced_at
FROM urls
GROUP BY state, reason"""


def _dead_letters(dialect: str) -> str:
    return """
SELECT
    urls.id AS url_id,
    urls.url,
    urls.host,
    urls.site,
    coalesce(feeds.source, urls.site) AS source,
    urls.reason,
    urls.detail,
    urls.attempts,
    urls.entry_title,
    urls.announced_at,
    urls.settled_at
FROM urls
LEFT JOIN feeds ON feeds.id = urls.feed_id
WHERE urls.state = 'dead'"""


def _latency(dialect: str) -> str:
    """Percentiles by nearest rank: the value whose rank is the number of stories times p, rounded up."""
    day = day_of(dialect, "stored_at")
    columns = ",\n    ".join(
        f"max(CASE WHEN since = '{since}' AND place = (total * {percent} + 99) / 100 THEN seconds END)"
        f" AS {since}_p{percent}_s"
        for since in ("published", "announced")
        for percent in (50, 95)
    )
    return f"""
WITH measured AS (
    SELECT {day} AS day, 'published' AS since, {seconds_between(dialect, "published_at", "stored_at")} AS seconds
    FROM stories
    WHERE published_at IS NOT NULL
    UNION ALL
    SELECT {day}, 'announced', {seconds_between(dialect, "announced_at", "stored_at")} FROM stories
),
ranked AS (
    SELECT
        day,
        since,
        seconds,
        row_number() OVER (PARTITION BY day, since ORDER BY seconds) AS place,
        count(*) OVER (PARTITION BY day, since) AS total
    FROM measured
)
SELECT
    day,
    sum(CASE WHEN since = 'announced' THEN 1 ELSE 0 END) AS stories,
    sum(CASE WHEN since = 'published' THEN 1 ELSE 0 END) AS dated_stories,
    {columns}
FROM ranked
GROUP BY day"""


VIEWS: dict[str, Callable[[str], str]] = {
    # Others read these three.
    "story_verdicts": views_judging.story_verdicts,
    "story_acts": views_judging.story_acts,
    "act_codes": views_judging.act_codes_view,
    "conflict_policy_stories": _conflict_policy_stories,
    "story_clusters": _story_clusters,
    "story_revisions": _story_revisions,
    "source_health": _source_health,
    "pipeline_funnel": _pipeline_funnel,
    "latency": _latency,
    "volume_hourly": _volume_hourly,
    "policy_acts": _policy_acts,
    "sourcing": views_judging.sourcing,
    "places": views_judging.places,
    "verdict_changes": views_judging.verdict_changes,
    "model_drift": views_judging.model_drift,
    "dead_letters": _dead_letters,
    "feed_gaps": _feed_gaps,
    "silent_sources": _silent_sources,
    "wire_items": _wire_items,
}
