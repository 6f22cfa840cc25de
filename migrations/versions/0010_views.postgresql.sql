CREATE VIEW story_details AS
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
    story_facts.actors
FROM stories
LEFT JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current
LEFT JOIN cluster_verdicts ON cluster_verdicts.cluster_id = stories.cluster_id AND verdicts.id IS NOT NULL
LEFT JOIN story_facts ON story_facts.story_id = stories.id
LEFT JOIN feeds ON feeds.id = stories.feed_id;

CREATE VIEW learned_lines AS
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
WHERE site_lines.state <> 'seen';
