INSERT INTO source_digests (day, source, stories, conflict, conflict_policy)
SELECT day, source, CAST(sum(stories) AS bigint) AS stories, CAST(sum(conflict) AS bigint) AS conflict, CAST(sum(conflict_policy) AS bigint) AS conflict_policy FROM day_tallies WHERE day NOT IN (SELECT day FROM day_tallies WHERE is_folded = false) GROUP BY day, source HAVING sum(stories) > 0
--;
INSERT INTO language_digests (day, language, stories, conflict, conflict_policy)
SELECT day, language, CAST(sum(stories) AS bigint) AS stories, CAST(sum(conflict) AS bigint) AS conflict, CAST(sum(conflict_policy) AS bigint) AS conflict_policy FROM day_tallies WHERE day NOT IN (SELECT day FROM day_tallies WHERE is_folded = false) GROUP BY day, language HAVING sum(stories) > 0
--;
INSERT INTO act_digests (day, act, actor, stories)
SELECT day, act, actor, CAST(sum(stories) AS bigint) AS stories FROM act_tallies WHERE day NOT IN (SELECT day FROM act_tallies WHERE is_folded = false) GROUP BY day, act, actor HAVING sum(stories) > 0
--;
INSERT INTO latency_digests (day, stories, dated_stories, published_p50_s, published_p95_s, announced_p50_s, announced_p95_s)
SELECT
    day,
    CAST(sum(CASE WHEN since = 'announced' THEN stories ELSE 0 END) AS bigint) AS stories,
    CAST(sum(CASE WHEN since = 'published' THEN stories ELSE 0 END) AS bigint) AS dated_stories,
    CAST(min(CASE WHEN since = 'published' AND reached >= (CAST(total AS bigint) * 50 + 99) / 100 THEN seconds END) AS double precision) AS published_p50_s,
    CAST(min(CASE WHEN since = 'published' AND reached >= (CAST(total AS bigint) * 95 + 99) / 100 THEN seconds END) AS double precision) AS published_p95_s,
    CAST(min(CASE WHEN since = 'announced' AND reached >= (CAST(total AS bigint) * 50 + 99) / 100 THEN seconds END) AS double precision) AS announced_p50_s,
    CAST(min(CASE WHEN since = 'announced' AND reached >= (CAST(total AS bigint) * 95 + 99) / 100 THEN seconds END) AS double precision) AS announced_p95_s
FROM (
    SELECT
        day,
        since,
        seconds,
        stories,
        sum(stories) OVER (PARTITION BY day, since ORDER BY seconds) AS reached,
        sum(stories) OVER (PARTITION BY day, since) AS total
    FROM (
        SELECT day, since, seconds, sum(stories) AS stories
        FROM latency_tallies
        WHERE day NOT IN (SELECT day FROM latency_tallies WHERE is_folded = false)
        GROUP BY day, since, seconds
        HAVING sum(stories) > 0
    ) AS counted
) AS ranked
GROUP BY day
--;
CREATE VIEW backlog AS
SELECT
    due.state,
    coalesce(tallied.urls, 0) AS urls,
    due.oldest_due_at,
    CASE WHEN CAST(round(extract(epoch FROM now() - due.oldest_due_at), 3) AS double precision) > 0 THEN CAST(round(extract(epoch FROM now() - due.oldest_due_at), 3) AS double precision) WHEN due.oldest_due_at IS NOT NULL THEN 0.0 END AS overdue_s
FROM (SELECT 'waiting' AS state, (SELECT min(urls.due_at) FROM urls WHERE urls.state = 'waiting') AS oldest_due_at UNION ALL SELECT 'queued' AS state, (SELECT min(urls.due_at) FROM urls WHERE urls.state = 'queued') AS oldest_due_at UNION ALL SELECT 'claimed' AS state, (SELECT min(urls.due_at) FROM urls WHERE urls.state = 'claimed') AS oldest_due_at) AS due
LEFT JOIN (SELECT state, CAST(sum(urls) AS bigint) AS urls FROM url_tallies GROUP BY state) AS tallied
    ON tallied.state = due.state
--;
CREATE VIEW latency AS
SELECT day, stories, dated_stories, published_p50_s, published_p95_s, announced_p50_s, announced_p95_s FROM latency_digests WHERE day NOT IN (SELECT day FROM latency_tallies WHERE is_folded = false)
UNION ALL
SELECT day, stories, dated_stories, published_p50_s, published_p95_s, announced_p50_s, announced_p95_s FROM (
SELECT
    day,
    CAST(sum(CASE WHEN since = 'announced' THEN stories ELSE 0 END) AS bigint) AS stories,
    CAST(sum(CASE WHEN since = 'published' THEN stories ELSE 0 END) AS bigint) AS dated_stories,
    CAST(min(CASE WHEN since = 'published' AND reached >= (CAST(total AS bigint) * 50 + 99) / 100 THEN seconds END) AS double precision) AS published_p50_s,
    CAST(min(CASE WHEN since = 'published' AND reached >= (CAST(total AS bigint) * 95 + 99) / 100 THEN seconds END) AS double precision) AS published_p95_s,
    CAST(min(CASE WHEN since = 'announced' AND reached >= (CAST(total AS bigint) * 50 + 99) / 100 THEN seconds END) AS double precision) AS announced_p50_s,
    CAST(min(CASE WHEN since = 'announced' AND reached >= (CAST(total AS bigint) * 95 + 99) / 100 THEN seconds END) AS double precision) AS announced_p95_s
FROM (
    SELECT
        day,
        since,
        seconds,
        stories,
        sum(stories) OVER (PARTITION BY day, since ORDER BY seconds) AS reached,
        sum(stories) OVER (PARTITION BY day, since) AS total
    FROM (
        SELECT day, since, seconds, sum(stories) AS stories
        FROM latency_tallies
        WHERE day IN (SELECT day FROM latency_tallies WHERE is_folded = false)
        GROUP BY day, since, seconds
        HAVING sum(stories) > 0
    ) AS counted
) AS ranked
GROUP BY day
) AS fresh
--;
CREATE VIEW volume_by_source AS
SELECT day, source, stories, conflict, conflict_policy FROM source_digests WHERE day NOT IN (SELECT day FROM day_tallies WHERE is_folded = false)
UNION ALL
SELECT day, source, stories, conflict, conflict_policy FROM (
SELECT day, source, CAST(sum(stories) AS bigint) AS stories, CAST(sum(conflict) AS bigint) AS conflict, CAST(sum(conflict_policy) AS bigint) AS conflict_policy FROM day_tallies WHERE day IN (SELECT day FROM day_tallies WHERE is_folded = false) GROUP BY day, source HAVING sum(stories) > 0
) AS fresh
--;
CREATE VIEW volume_by_language AS
SELECT day, language, stories, conflict, conflict_policy FROM language_digests WHERE day NOT IN (SELECT day FROM day_tallies WHERE is_folded = false)
UNION ALL
SELECT day, language, stories, conflict, conflict_policy FROM (
SELECT day, language, CAST(sum(stories) AS bigint) AS stories, CAST(sum(conflict) AS bigint) AS conflict, CAST(sum(conflict_policy) AS bigint) AS conflict_policy FROM day_tallies WHERE day IN (SELECT day FROM day_tallies WHERE is_folded = false) GROUP BY day, language HAVING sum(stories) > 0
) AS fresh
--;
CREATE VIEW acts_by_day AS
SELECT day, nullif(act, '') AS act, nullif(actor, '') AS actor, stories
FROM (
SELECT day, act, actor, stories FROM act_digests WHERE day NOT IN (SELECT day FROM act_tallies WHERE is_folded = false)
UNION ALL
SELECT day, act, actor, stories FROM (
SELECT day, act, actor, CAST(sum(stories) AS bigint) AS stories FROM act_tallies WHERE day IN (SELECT day FROM act_tallies WHERE is_folded = false) GROUP BY day, act, actor HAVING sum(stories) > 0
) AS fresh
) AS counted
