# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""The view of what watches found."""

from __future__ import annotations

from pipeline.store.dialects import joined


def watch_matches(dialect: str) -> str:
    """One row for each cluster that a watch found, and for each correction or withdrawal that followed."""
    acts = joined(dialect, "act", "FROM story_acts WHERE story_id = stories.id", "score DESC, act")
    actors = joined(
        dialect, "actor", "FROM mentions WHERE story_id = stories.id GROUP BY actor", "count(*) DESC, min(id)"
    )
    return f"""
SELECT
    watches.name AS watch,
    watches.condition,
    watch_alerts.id AS match_id,
    watch_alerts.kind,
    watch_alerts.created_at AS matched_at,
    watch_alerts.cluster_id,
    stories.id AS story_id,
    stories.title,
    stories.standfirst,
    stories.url,
    stories.site,
    coalesce(feeds.source, stories.site) AS source,
    coalesce(stories.language, 'und') AS language,
    stories.published_at,
    stories.status,
    {acts} AS acts,
    {actors} AS actors,
    watch_alerts.state,
    watch_alerts.reason,
    watch_alerts.attempts,
    watch_alerts.sent_at
FROM watch_alerts
JOIN watches ON watches.id = watch_alerts.watch_id
JOIN stories ON stories.id = watch_alerts.story_id
LEFT JOIN feeds ON feeds.id = stories.feed_id"""
