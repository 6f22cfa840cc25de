# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""The views: the questions that dashboards and analysts ask, with the same names and columns on both databases.

Views, not tables, are what others build on: their names and columns stay (docs/sql.md describes each, a test holds the
two equal). Every view is one SELECT, made for a dialect by a function of this package; VIEWS lists them in the order
to create. The migration that brings a view keeps its own copy of the SQL.

Instants are timestamptz on PostgreSQL and text like `2024-05-31T03:59:00.000Z` on SQLite; days are UTC days, a date on
PostgreSQL and `2024-05-31` on SQLite. Where a view needs the present, it asks the database's clock.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from pipeline.judging.codes import SCHEMES
from pipeline.store.cluster_digests import carried, kept
from pipeline.store.dialects import flag, joined
from pipeline.store.views import judging
from pipeline.store.views.counts import (
    actors_daily,
    acts_by_day,
    acts_daily,
    backlog,
    latency,
    pipeline_funnel,
    places_by_day,
    places_daily,
    policy_acts,
    policy_acts_daily,
    policy_places,
    policy_stories,
    scored_acts,
    stories_by_act,
    volume_by_language,
    volume_by_source,
    volume_daily,
    volume_hourly,
)
from pipeline.store.views.pages import archived_pages, learned_lines, story_copies, story_details, story_dropped_lines
from pipeline.store.views.running import dead_letters, feed_gaps, silent_sources, source_health, wire_items
from pipeline.store.views.watching import watch_matches


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


def _conflict_policy_stories(dialect: str) -> str:
    """Outer joins by primary key, so that what only lists the newest begins with the narrow table."""
    # Each code once, the best act's best code first.
    codes = {
        scheme: joined(
            dialect,
            "code",
            f"FROM {scored_acts(dialect)} JOIN act_codes ON act_codes.act = scored.act"
            f" WHERE scheme = '{scheme}' GROUP BY code",
            "max(score) DESC, min(place), code",
        )
        for scheme in SCHEMES
    }
    return f"""
SELECT
    story_facts.story_id,
    stories.title,
    stories.url,
    stories.site,
    story_facts.source,
    story_facts.language,
    stories.section,
    stories.dateline,
    stories.standfirst,
    stories.published_at,
    story_facts.stored_at,
    stories.revised_at,
    stories.revision,
    stories.word_count,
    stories.access,
    story_facts.cluster_id,
    coalesce(cluster_verdicts.conflict_policy, verdicts.conflict_policy) AS score,
    coalesce(cluster_verdicts.threshold, verdicts.threshold) AS threshold,
    story_facts.acts,
    story_facts.actors,
    verdicts.model,
    verdicts.judged_at,
    stories.status,
    stories.gone_at,
    verdicts.conflict_policy AS own_score,
    {codes["plover"]} AS plover,
    {codes["cameo"]} AS cameo,
    {codes["medtop"]} AS medtop,
    clusters.independent_origins,
    event_clusters.event_id,
    told_events.independent_origins AS event_origins
FROM story_facts
LEFT JOIN stories ON stories.id = story_facts.story_id
LEFT JOIN verdicts ON verdicts.id = story_facts.verdict_id
LEFT JOIN cluster_verdicts ON cluster_verdicts.cluster_id = story_facts.cluster_id
LEFT JOIN clusters ON clusters.id = story_facts.cluster_id
LEFT JOIN event_clusters ON event_clusters.cluster_id = story_facts.cluster_id
LEFT JOIN told_events ON told_events.id = event_clusters.event_id
WHERE story_facts.is_conflict_policy = {flag(dialect, True)}"""


def _story_clusters(dialect: str) -> str:
    """Outer joins by primary key: a question about numbers alone is answered without them."""
    first = carried("first_story_id")
    return f"""
SELECT
    clusters.id AS cluster_id,
    founder.title,
    founder.url,
    founder.site AS first_site,
    {first} AS first_story_id,
    {carried("first_seen_at")} AS first_seen_at,
    {carried("last_seen_at")} AS last_seen_at,
    {carried("stories")} AS stories,
    {carried("copies")} AS copies,
    clusters.independent_origins,
    {carried("sites")} AS sites,
    event_clusters.event_id,
    coalesce(told_events.independent_origins, clusters.independent_origins) AS event_origins
FROM {kept(dialect)}
LEFT JOIN stories AS founder ON founder.id = {first}
LEFT JOIN event_clusters ON event_clusters.cluster_id = clusters.id
LEFT JOIN told_events ON told_events.id = event_clusters.event_id
WHERE {first} IS NOT NULL"""


def _story_events(_dialect: str) -> str:
    return """
WITH firsts AS (
    SELECT cluster_id, min(id) AS first_story_id, count(*) AS stories FROM stories
    WHERE cluster_id IN (SELECT cluster_id FROM event_clusters)
    GROUP BY cluster_id
)
SELECT
    event_clusters.event_id,
    told_events.independent_origins AS event_origins,
    event_clusters.cluster_id,
    first.id AS first_story_id,
    first.title,
    first.url,
    first.site,
    first.published_at,
    first.stored_at AS first_seen_at,
    firsts.stories,
    clusters.independent_origins,
    (
        SELECT max(event_links.score) FROM event_links
        WHERE event_links.cluster_id = event_clusters.cluster_id
            OR event_links.matched_cluster_id = event_clusters.cluster_id
    ) AS score,
    event_clusters.joined_at,
    told_events.method
FROM event_clusters
JOIN told_events ON told_events.id = event_clusters.event_id
JOIN clusters ON clusters.id = event_clusters.cluster_id
JOIN firsts ON firsts.cluster_id = event_clusters.cluster_id
JOIN stories AS first ON first.id = firsts.first_story_id"""


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


VIEWS: dict[str, Callable[[str], str]] = {
    # Others read these three.
    "story_verdicts": judging.story_verdicts,
    "story_acts": judging.story_acts,
    "act_codes": judging.act_codes_view,
    "conflict_policy_stories": _conflict_policy_stories,
    "policy_stories": policy_stories,
    "stories_by_act": stories_by_act,
    "story_clusters": _story_clusters,
    "story_events": _story_events,
    "story_revisions": _story_revisions,
    "source_health": source_health,
    "pipeline_funnel": pipeline_funnel,
    "backlog": backlog,
    "latency": latency,
    "volume_hourly": volume_hourly,
    "volume_daily": volume_daily,
    "policy_acts": policy_acts,
    "policy_acts_daily": policy_acts_daily,
    "acts_daily": acts_daily,
    "actors_daily": actors_daily,
    "volume_by_source": volume_by_source,
    "volume_by_language": volume_by_language,
    "acts_by_day": acts_by_day,
    "policy_places": policy_places,
    "places_by_day": places_by_day,
    "places_daily": places_daily,
    "sourcing": judging.sourcing,
    "places": judging.places,
    "verdict_changes": judging.verdict_changes,
    "model_drift": judging.model_drift,
    "dead_letters": dead_letters,
    "feed_gaps": feed_gaps,
    "silent_sources": silent_sources,
    "wire_items": wire_items,
    "story_details": story_details,
    "story_dropped_lines": story_dropped_lines,
    "story_copies": story_copies,
    "archived_pages": archived_pages,
    "watch_matches": watch_matches,
    "learned_lines": learned_lines,
}
