"""The views behind the page of one story: ask them for one story, not for all."""

from __future__ import annotations


def story_details(_dialect: str) -> str:
    """Every stored story whole, with the verdict that counts, its report's, and the evidence of its own."""
    return """
SELECT
    stories.id AS story_id,
    stories.url,
    stories.site,
    coalesce(feeds.source, stories.site) AS source,
    coalesce(stories.language, 'und') AS language,
    stories.kicker,
    stories.title,
    stories.standfirst,
    stories.text,
    stories.authors,
    stories.dateline,
    stories.captions,
    stories.credits,
    stories.section,
    stories.access,
    stories.published_at,
    stories.published_offset_s,
    stories.modified_at,
    stories.announced_at,
    stories.stored_at,
    stories.revised_at,
    stories.revision,
    stories.word_count,
    stories.cluster_id,
    stories.page_id,
    coalesce(cluster_verdicts.conflict, verdicts.conflict) AS conflict,
    coalesce(cluster_verdicts.conflict_policy, verdicts.conflict_policy) AS conflict_policy,
    coalesce(cluster_verdicts.threshold, verdicts.threshold) AS threshold,
    coalesce(cluster_verdicts.is_conflict, verdicts.is_conflict) AS is_conflict,
    coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy) AS is_conflict_policy,
    verdicts.conflict_policy AS own_conflict_policy,
    CASE WHEN verdicts.id IS NOT NULL THEN coalesce(cluster_verdicts.stories, 1) END AS pooled_stories,
    verdicts.language_supported,
    verdicts.evidence,
    verdicts.model,
    verdicts.judged_at,
    story_facts.acts,
    story_facts.scored_acts,
    story_facts.actors,
    story_origins.kind AS origin_kind,
    story_origins.name AS origin_name,
    story_origins.origin_story_id,
    story_origins.surface AS origin_surface,
    event_clusters.event_id
FROM stories
LEFT JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current
LEFT JOIN cluster_verdicts ON cluster_verdicts.cluster_id = stories.cluster_id AND verdicts.id IS NOT NULL
LEFT JOIN story_facts ON story_facts.story_id = stories.id
LEFT JOIN story_origins ON story_origins.story_id = stories.id
LEFT JOIN event_clusters ON event_clusters.cluster_id = stories.cluster_id
LEFT JOIN feeds ON feeds.id = stories.feed_id"""


def learned_lines(_dialect: str) -> str:
    """What site memory takes out of the pages of each site, and what a person said to keep."""
    return """
SELECT
    site_lines.site,
    site_lines.line,
    site_lines.state,
    site_lines.place,
    site_lines.story_count AS stories,
    site_memories.stories_seen - site_lines.since_story + 1 AS stories_since,
    site_lines.first_seen_at,
    site_lines.learned_at,
    site_lines.last_seen_at,
    site_lines.line_hash
FROM site_lines
JOIN site_memories ON site_memories.site = site_lines.site
WHERE site_lines.state <> 'seen'"""


def story_dropped_lines(_dialect: str) -> str:
    """What cleaning took out of each story's page."""
    return """
SELECT stories.id AS story_id, dropped_lines.position, dropped_lines.line, dropped_lines.rule
FROM stories
JOIN dropped_lines ON dropped_lines.url_id = stories.url_id"""


def story_copies(_dialect: str) -> str:
    """What else carries each story's report: stories of its cluster, and pages that repeat one word for word."""
    return """
SELECT
    stories.id AS story_id,
    other.id AS copy_story_id,
    other.site,
    other.url,
    other.title,
    other.stored_at AS seen_at
FROM stories
JOIN stories AS other ON other.cluster_id = stories.cluster_id AND other.id <> stories.id
UNION ALL
SELECT stories.id, NULL, urls.site, urls.url, coalesce(story_links.title, urls.entry_title), story_links.linked_at
FROM stories
JOIN stories AS matched ON matched.cluster_id = stories.cluster_id
JOIN story_links ON story_links.matched_story_id = matched.id
    AND story_links.relation = 'copy' AND story_links.story_id IS NULL
JOIN urls ON urls.id = story_links.url_id"""


def archived_pages(_dialect: str) -> str:
    """Where the raw response behind each version of each story lies in the archive."""
    return """
SELECT
    pages.id AS page_id,
    stories.id AS story_id,
    pages.final_url,
    pages.status,
    pages.content_type,
    pages.fetched_at,
    pages.body_bytes,
    pages.warc_file,
    pages.warc_offset,
    pages.warc_length
FROM stories
JOIN pages ON pages.url_id = stories.url_id"""
