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
LEFT JOIN polls ON polls.feed_id = health.id;
CREATE VIEW silent_sources AS
SELECT
    feeds.id AS feed_id,
    feeds.source,
    feeds.title,
    split_part(feeds.url, '?', 1) AS feed_url,
    feeds.category,
    feeds.last_new_at,
    feeds.silent_after,
    feeds.last_success_at,
    CAST(round(extract(epoch FROM feeds.last_success_at - feeds.last_new_at), 3) AS double precision) AS silent_s
FROM feeds
WHERE feeds.status <> 'disabled' AND feeds.last_success_at >= feeds.silent_after;
CREATE VIEW wire_items AS
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
WHERE NOT items.is_probe;
