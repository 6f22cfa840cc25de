CREATE VIEW conflict_policy_stories AS
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
    verdicts.conflict_policy AS score,
    verdicts.threshold,
    (SELECT group_concat(word, ', ') FROM (SELECT act AS word FROM verdict_acts WHERE verdict_id = verdicts.id ORDER BY score DESC, act) AS words) AS acts,
    (SELECT group_concat(word, ', ') FROM (SELECT actor AS word FROM mentions WHERE story_id = stories.id GROUP BY actor ORDER BY count(*) DESC, min(id)) AS words) AS actors,
    verdicts.model,
    verdicts.judged_at,
    stories.status,
    stories.gone_at
FROM stories
JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current AND verdicts.is_conflict_policy
LEFT JOIN feeds ON feeds.id = stories.feed_id;
CREATE VIEW story_revisions AS
SELECT
    revisions.story_id,
    revisions.number AS revision,
    CASE WHEN stories.revision = revisions.number THEN 1 ELSE 0 END AS is_latest,
    stories.url,
    stories.site,
    revisions.title,
    lag(revisions.title) OVER (PARTITION BY revisions.story_id ORDER BY revisions.number) AS previous_title,
    revisions.standfirst,
    revisions.text,
    lag(revisions.text) OVER (PARTITION BY revisions.story_id ORDER BY revisions.number) AS previous_text,
    revisions.content_hash,
    revisions.stored_at,
    lag(revisions.stored_at) OVER (PARTITION BY revisions.story_id ORDER BY revisions.number) AS previous_stored_at,
    (SELECT group_concat(word, ', ') FROM (SELECT change AS word FROM revision_changes WHERE revision_id = revisions.id GROUP BY change ORDER BY min(id)) AS words) AS changes,
    (SELECT group_concat(word, ', ') FROM (SELECT coalesce(old, '') || ' -> ' || coalesce(new, '') AS word FROM revision_changes WHERE revision_id = revisions.id AND change IN ('casualties', 'figures') ORDER BY id) AS words) AS figures,
    (SELECT group_concat(word, ', ') FROM (SELECT new AS word FROM revision_changes WHERE revision_id = revisions.id AND change IN ('withdrawal', 'correction') ORDER BY id) AS words) AS note,
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
LEFT JOIN revisits ON revisits.url_id = stories.url_id;
