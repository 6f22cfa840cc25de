CREATE VIEW conflict_policy_stories AS
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
    (SELECT string_agg(word, ', ') FROM (SELECT code AS word FROM (SELECT pair->>0 AS act, CAST(pair->>1 AS double precision) AS score FROM jsonb_array_elements(story_facts.scored_acts) AS pair) AS scored JOIN act_codes ON act_codes.act = scored.act WHERE scheme = 'plover' GROUP BY code ORDER BY max(score) DESC, min(place), code) AS words) AS plover,
    (SELECT string_agg(word, ', ') FROM (SELECT code AS word FROM (SELECT pair->>0 AS act, CAST(pair->>1 AS double precision) AS score FROM jsonb_array_elements(story_facts.scored_acts) AS pair) AS scored JOIN act_codes ON act_codes.act = scored.act WHERE scheme = 'cameo' GROUP BY code ORDER BY max(score) DESC, min(place), code) AS words) AS cameo,
    (SELECT string_agg(word, ', ') FROM (SELECT code AS word FROM (SELECT pair->>0 AS act, CAST(pair->>1 AS double precision) AS score FROM jsonb_array_elements(story_facts.scored_acts) AS pair) AS scored JOIN act_codes ON act_codes.act = scored.act WHERE scheme = 'medtop' GROUP BY code ORDER BY max(score) DESC, min(place), code) AS words) AS medtop,
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
WHERE story_facts.is_conflict_policy = true;

CREATE VIEW story_clusters AS
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
    clusters.independent_origins,
    totals.sites,
    event_clusters.event_id,
    coalesce(told_events.independent_origins, clusters.independent_origins) AS event_origins
FROM totals
JOIN stories AS founder ON founder.id = totals.first_story_id
JOIN clusters ON clusters.id = totals.cluster_id
LEFT JOIN event_clusters ON event_clusters.cluster_id = totals.cluster_id
LEFT JOIN told_events ON told_events.id = event_clusters.event_id;

CREATE VIEW story_events AS
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
JOIN stories AS first ON first.id = firsts.first_story_id;

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
LEFT JOIN feeds ON feeds.id = stories.feed_id;
