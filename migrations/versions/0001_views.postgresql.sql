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
    (SELECT string_agg(word, ', ') FROM (SELECT act AS word FROM verdict_acts WHERE verdict_id = verdicts.id ORDER BY score DESC, act) AS words) AS acts,
    (SELECT string_agg(word, ', ') FROM (SELECT actor AS word FROM mentions WHERE story_id = stories.id GROUP BY actor ORDER BY count(*) DESC, min(id)) AS words) AS actors,
    verdicts.model,
    verdicts.judged_at
FROM stories
JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current AND verdicts.is_conflict_policy
LEFT JOIN feeds ON feeds.id = stories.feed_id;

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
    1 AS independent_origins,
    totals.sites
FROM totals
JOIN stories AS founder ON founder.id = totals.first_story_id;

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
    lag(revisions.stored_at) OVER (PARTITION BY revisions.story_id ORDER BY revisions.number) AS previous_stored_at
FROM revisions
JOIN stories ON stories.id = revisions.story_id;

CREATE VIEW source_health AS
WITH recent AS (
    SELECT feed_id, polled_at, new_urls, lost_estimate FROM feed_polls WHERE polled_at >= now() - interval '14 days'
),
arrivals AS (
    SELECT
        feed_id,
        new_urls,
        CAST(round(extract(epoch FROM polled_at - lag(polled_at) OVER (PARTITION BY feed_id ORDER BY polled_at)), 3) AS double precision) AS gap_s
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
        feeds.*,
        CAST(round(extract(epoch FROM now() - feeds.last_success_at), 3) AS double precision) AS lag_s,
        CAST(round(extract(epoch FROM now() - coalesce(feeds.last_new_at, feeds.added_at)), 3) AS double precision) AS silent_s
    FROM feeds
)
SELECT
    health.id AS feed_id,
    health.source,
    health.title,
    split_part(health.url, '?', 1) AS feed_url,
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
        WHEN health.status = 'disabled' OR usual.measured IS NULL OR usual.measured < 3 THEN 0
        WHEN health.silent_s > 3600 AND health.silent_s > 2 * usual.longest_gap_s THEN 1
        ELSE 0
    END AS is_silent,
    coalesce(polls.polls, 0) AS polls,
    coalesce(polls.new_urls, 0) AS new_urls,
    coalesce(polls.gaps, 0) AS gaps,
    coalesce(polls.lost_estimate, 0) AS lost_estimate
FROM health
LEFT JOIN usual ON usual.feed_id = health.id
LEFT JOIN polls ON polls.feed_id = health.id;

CREATE VIEW pipeline_funnel AS
SELECT state, reason, count(*) AS urls, min(announced_at) AS oldest_announced_at
FROM urls
GROUP BY state, reason;

CREATE VIEW latency AS
WITH measured AS (
    SELECT CAST(stored_at AT TIME ZONE 'UTC' AS date) AS day, 'published' AS since, CAST(round(extract(epoch FROM stored_at - published_at), 3) AS double precision) AS seconds
    FROM stories
    WHERE published_at IS NOT NULL
    UNION ALL
    SELECT CAST(stored_at AT TIME ZONE 'UTC' AS date), 'announced', CAST(round(extract(epoch FROM stored_at - announced_at), 3) AS double precision) FROM stories
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
    max(CASE WHEN since = 'published' AND place = (total * 50 + 99) / 100 THEN seconds END) AS published_p50_s,
    max(CASE WHEN since = 'published' AND place = (total * 95 + 99) / 100 THEN seconds END) AS published_p95_s,
    max(CASE WHEN since = 'announced' AND place = (total * 50 + 99) / 100 THEN seconds END) AS announced_p50_s,
    max(CASE WHEN since = 'announced' AND place = (total * 95 + 99) / 100 THEN seconds END) AS announced_p95_s
FROM ranked
GROUP BY day;

CREATE VIEW volume_hourly AS
SELECT
    date_trunc('hour', stories.stored_at, 'UTC') AS hour,
    coalesce(feeds.source, stories.site) AS source,
    coalesce(stories.language, 'und') AS language,
    count(*) AS stories,
    sum(CASE WHEN verdicts.is_conflict THEN 1 ELSE 0 END) AS conflict,
    sum(CASE WHEN verdicts.is_conflict_policy THEN 1 ELSE 0 END) AS conflict_policy
FROM stories
LEFT JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current
LEFT JOIN feeds ON feeds.id = stories.feed_id
GROUP BY date_trunc('hour', stories.stored_at, 'UTC'), coalesce(feeds.source, stories.site), coalesce(stories.language, 'und');

CREATE VIEW policy_acts AS
SELECT
    CAST(coalesce(stories.published_at, stories.stored_at) AT TIME ZONE 'UTC' AS date) AS day,
    verdict_acts.act,
    named.actor,
    named.kind AS actor_kind,
    stories.id AS story_id,
    coalesce(feeds.source, stories.site) AS source,
    coalesce(stories.language, 'und') AS language,
    stories.stored_at,
    verdict_acts.score
FROM stories
JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current AND verdicts.is_conflict_policy
JOIN verdict_acts ON verdict_acts.verdict_id = verdicts.id
LEFT JOIN (SELECT DISTINCT story_id, actor, kind FROM mentions) AS named ON named.story_id = stories.id
LEFT JOIN feeds ON feeds.id = stories.feed_id;

CREATE VIEW dead_letters AS
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
WHERE urls.state = 'dead';

CREATE VIEW feed_gaps AS
SELECT
    feed_polls.id AS poll_id,
    feed_polls.feed_id,
    feeds.source,
    split_part(feeds.url, '?', 1) AS feed_url,
    (
        SELECT max(earlier.polled_at) FROM feed_polls AS earlier
        WHERE earlier.feed_id = feed_polls.feed_id AND earlier.polled_at < feed_polls.polled_at
            AND earlier.outcome NOT IN ('failed', 'not_a_feed')
    ) AS previous_poll_at,
    feed_polls.polled_at,
    feed_polls.entries,
    feed_polls.new_urls,
    feed_polls.lost_estimate
FROM feed_polls
JOIN feeds ON feeds.id = feed_polls.feed_id
WHERE feed_polls.lost_estimate IS NOT NULL;
