CREATE VIEW watch_matches AS
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
    (SELECT string_agg(word, ', ') FROM (SELECT act AS word FROM story_acts WHERE story_id = stories.id ORDER BY score DESC, act) AS words) AS acts,
    (SELECT string_agg(word, ', ') FROM (SELECT actor AS word FROM mentions WHERE story_id = stories.id GROUP BY actor ORDER BY count(*) DESC, min(id)) AS words) AS actors,
    watch_alerts.state,
    watch_alerts.reason,
    watch_alerts.attempts,
    watch_alerts.sent_at
FROM watch_alerts
JOIN watches ON watches.id = watch_alerts.watch_id
JOIN stories ON stories.id = watch_alerts.story_id
LEFT JOIN feeds ON feeds.id = stories.feed_id;
