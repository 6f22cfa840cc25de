DROP VIEW source_health
--;
DROP VIEW feed_gaps
--;
DROP VIEW story_clusters
--;
DROP TRIGGER IF EXISTS stories_regroup
--;
DROP TRIGGER IF EXISTS verdicts_retire
--;
DROP TRIGGER IF EXISTS story_facts_come
--;
DROP TRIGGER IF EXISTS story_facts_go
--;
UPDATE story_facts SET named_places = (SELECT json_group_array(json_array(name, country, latitude, longitude)) FROM (SELECT name, country, latitude, longitude FROM place_mentions WHERE story_id = story_facts.story_id GROUP BY name, country, latitude, longitude ORDER BY min(id)) AS listed)
WHERE is_conflict_policy = 1
--;
INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, stories)
SELECT true, day, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'), count(*) FROM story_facts, json_each(named_places)
WHERE is_conflict_policy GROUP BY 2, 3, 4, 5, 6
--;
INSERT INTO feed_days (day, feed_id, polls, new_urls, gaps, lost_estimate, arrivals, first_arrival_at, last_arrival_at, longest_pause_s)
SELECT day, feed_id, count(*), sum(new_urls), count(lost_estimate), coalesce(sum(lost_estimate), 0), sum(has_new),
    min(CASE WHEN has_new = 1 THEN polled_at END), max(CASE WHEN has_new = 1 THEN polled_at END),
    coalesce(max(CASE WHEN has_new = 1 THEN pause_s END), 0)
FROM (
    SELECT *, round((julianday(polled_at) - julianday(lag(polled_at) OVER (PARTITION BY feed_id, day, has_new ORDER BY polled_at))) * 86400.0, 3) AS pause_s FROM (
        SELECT feed_id, substr(polled_at, 1, 10) AS day, polled_at, new_urls, lost_estimate,
            CASE WHEN new_urls > 0 THEN 1 ELSE 0 END AS has_new
        FROM feed_polls
    ) AS polls
) AS paused
GROUP BY day, feed_id
--;
INSERT INTO cluster_digests (cluster_id, first_story_id, first_seen_at, last_seen_at, stories, copies, sites) SELECT
    cluster_id,
    min(story_id) AS first_story_id,
    min(seen_at) AS first_seen_at,
    max(seen_at) AS last_seen_at,
    count(DISTINCT story_id) AS stories,
    count(DISTINCT CASE WHEN story_id IS NULL THEN url_id END) AS copies,
    count(DISTINCT site) AS sites
FROM (
    SELECT cluster_id, url_id, site, stored_at AS seen_at, id AS story_id FROM stories WHERE stories.cluster_id IS NOT NULL
    UNION ALL
    SELECT stories.cluster_id, story_links.url_id, urls.site, story_links.linked_at, NULL
    FROM stories
    JOIN story_links ON story_links.matched_story_id = stories.id AND story_links.relation = 'copy'
    JOIN urls ON urls.id = story_links.url_id
    WHERE stories.cluster_id IS NOT NULL
) AS members
GROUP BY cluster_id
--;
CREATE TRIGGER stories_regroup AFTER UPDATE OF feed_id, cluster_id ON stories WHEN OLD.feed_id IS NOT NEW.feed_id OR OLD.cluster_id IS NOT NEW.cluster_id BEGIN
    DELETE FROM story_facts WHERE story_id = NEW.id;
    INSERT INTO story_facts (story_id, verdict_id, cluster_id, stored_at, day, source, language, is_conflict, is_conflict_policy, announced_s, published_s, acts, actors, scored_acts, named_actors, named_places) 
SELECT
    stories.id,
    verdicts.id,
    stories.cluster_id,
    stories.stored_at,
    substr(coalesce(stories.published_at, stories.stored_at), 1, 10),
    coalesce(feeds.source, stories.site),
    coalesce(stories.language, 'und'),
    coalesce(cluster_verdicts.is_conflict, verdicts.is_conflict, false),
    coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false),
    (CAST((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3)) / (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END) AS integer) + ((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3)) / (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END) > CAST((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3)) / (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END) AS integer))) * (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END),
    (CAST((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3)) / (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END) AS integer) + ((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3)) / (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END) > CAST((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3)) / (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END) AS integer))) * (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END),
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT group_concat(word, ', ') FROM (SELECT act AS word FROM (
        SELECT act, score FROM cluster_acts WHERE cluster_id = cluster_verdicts.cluster_id
        UNION ALL
        SELECT act, score FROM verdict_acts WHERE verdict_id = verdicts.id AND cluster_verdicts.cluster_id IS NULL
    ) AS counting ORDER BY score DESC, act) AS words) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT group_concat(word, ', ') FROM (SELECT actor AS word FROM mentions WHERE story_id = stories.id GROUP BY actor ORDER BY count(*) DESC, min(id)) AS words) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT json_group_array(json_array(act, score)) FROM (SELECT act, score FROM (
        SELECT act, score FROM cluster_acts WHERE cluster_id = cluster_verdicts.cluster_id
        UNION ALL
        SELECT act, score FROM verdict_acts WHERE verdict_id = verdicts.id AND cluster_verdicts.cluster_id IS NULL
    ) AS counting ORDER BY score DESC, act) AS listed) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT json_group_array(json_array(actor, kind)) FROM (SELECT actor, kind FROM mentions WHERE story_id = stories.id GROUP BY actor, kind ORDER BY count(*) DESC, min(id)) AS listed) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT json_group_array(json_array(name, country, latitude, longitude)) FROM (SELECT name, country, latitude, longitude FROM place_mentions WHERE story_id = stories.id GROUP BY name, country, latitude, longitude ORDER BY min(id)) AS listed) END
FROM stories
LEFT JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current
LEFT JOIN cluster_verdicts ON cluster_verdicts.cluster_id = stories.cluster_id AND verdicts.id IS NOT NULL
LEFT JOIN feeds ON feeds.id = stories.feed_id
WHERE stories.id = NEW.id;
END
--;
CREATE TRIGGER verdicts_retire AFTER UPDATE OF is_current ON verdicts WHEN OLD.is_current AND NOT NEW.is_current BEGIN
    DELETE FROM story_facts WHERE story_id = NEW.story_id;
    INSERT INTO story_facts (story_id, verdict_id, cluster_id, stored_at, day, source, language, is_conflict, is_conflict_policy, announced_s, published_s, acts, actors, scored_acts, named_actors, named_places) 
SELECT
    stories.id,
    verdicts.id,
    stories.cluster_id,
    stories.stored_at,
    substr(coalesce(stories.published_at, stories.stored_at), 1, 10),
    coalesce(feeds.source, stories.site),
    coalesce(stories.language, 'und'),
    coalesce(cluster_verdicts.is_conflict, verdicts.is_conflict, false),
    coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false),
    (CAST((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3)) / (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END) AS integer) + ((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3)) / (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END) > CAST((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3)) / (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END) AS integer))) * (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.announced_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END),
    (CAST((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3)) / (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END) AS integer) + ((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3)) / (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END) > CAST((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3)) / (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END) AS integer))) * (CASE WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 64 THEN 1 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 128 THEN 2 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 256 THEN 4 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 512 THEN 8 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1024 THEN 16 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2048 THEN 32 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4096 THEN 64 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8192 THEN 128 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16384 THEN 256 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 32768 THEN 512 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 65536 THEN 1024 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 131072 THEN 2048 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 262144 THEN 4096 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 524288 THEN 8192 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1048576 THEN 16384 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2097152 THEN 32768 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 4194304 THEN 65536 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 8388608 THEN 131072 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 16777216 THEN 262144 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 33554432 THEN 524288 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 67108864 THEN 1048576 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 134217728 THEN 2097152 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 268435456 THEN 4194304 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 536870912 THEN 8388608 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 1073741824 THEN 16777216 WHEN abs((round((julianday(stories.stored_at) - julianday(stories.published_at)) * 86400.0, 3))) < 2147483648 THEN 33554432 ELSE 67108864 END),
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT group_concat(word, ', ') FROM (SELECT act AS word FROM (
        SELECT act, score FROM cluster_acts WHERE cluster_id = cluster_verdicts.cluster_id
        UNION ALL
        SELECT act, score FROM verdict_acts WHERE verdict_id = verdicts.id AND cluster_verdicts.cluster_id IS NULL
    ) AS counting ORDER BY score DESC, act) AS words) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT group_concat(word, ', ') FROM (SELECT actor AS word FROM mentions WHERE story_id = stories.id GROUP BY actor ORDER BY count(*) DESC, min(id)) AS words) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT json_group_array(json_array(act, score)) FROM (SELECT act, score FROM (
        SELECT act, score FROM cluster_acts WHERE cluster_id = cluster_verdicts.cluster_id
        UNION ALL
        SELECT act, score FROM verdict_acts WHERE verdict_id = verdicts.id AND cluster_verdicts.cluster_id IS NULL
    ) AS counting ORDER BY score DESC, act) AS listed) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT json_group_array(json_array(actor, kind)) FROM (SELECT actor, kind FROM mentions WHERE story_id = stories.id GROUP BY actor, kind ORDER BY count(*) DESC, min(id)) AS listed) END,
    CASE WHEN coalesce(cluster_verdicts.is_conflict_policy, verdicts.is_conflict_policy, false) THEN (SELECT json_group_array(json_array(name, country, latitude, longitude)) FROM (SELECT name, country, latitude, longitude FROM place_mentions WHERE story_id = stories.id GROUP BY name, country, latitude, longitude ORDER BY min(id)) AS listed) END
FROM stories
LEFT JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current
LEFT JOIN cluster_verdicts ON cluster_verdicts.cluster_id = stories.cluster_id AND verdicts.id IS NOT NULL
LEFT JOIN feeds ON feeds.id = stories.feed_id
WHERE stories.id = NEW.story_id;
END
--;
CREATE TRIGGER story_facts_come AFTER INSERT ON story_facts BEGIN
    INSERT INTO hour_tallies (is_folded, hour, source, language, stories, conflict, conflict_policy)
    VALUES (0, substr(NEW.stored_at, 1, 13) || ':00:00.000Z', NEW.source, NEW.language, 1, 1 * NEW.is_conflict, 1 * NEW.is_conflict_policy);
    INSERT INTO day_tallies (is_folded, day, source, language, stories, conflict, conflict_policy) VALUES (0, substr(NEW.stored_at, 1, 10), NEW.source, NEW.language, 1, 1 * NEW.is_conflict, 1 * NEW.is_conflict_policy);
    INSERT INTO latency_tallies (is_folded, day, since, seconds, stories) VALUES (0, substr(NEW.stored_at, 1, 10), 'announced', NEW.announced_s, 1);
    INSERT INTO latency_tallies (is_folded, day, since, seconds, stories) SELECT 0, substr(NEW.stored_at, 1, 10), 'published', NEW.published_s, 1
    WHERE NEW.published_s IS NOT NULL;
    INSERT INTO act_tallies (is_folded, day, act, actor, language, stories)
    SELECT 0, NEW.day, act, actor, NEW.language, 1 FROM (SELECT act, '' AS actor FROM (SELECT DISTINCT json_extract(acts.value, '$[0]') AS act FROM json_each(NEW.scored_acts) AS acts) UNION ALL SELECT '', actor FROM (SELECT DISTINCT json_extract(actors.value, '$[0]') AS actor FROM json_each(NEW.named_actors) AS actors)
        UNION ALL SELECT act, actor FROM (SELECT DISTINCT json_extract(acts.value, '$[0]') AS act FROM json_each(NEW.scored_acts) AS acts), (SELECT DISTINCT json_extract(actors.value, '$[0]') AS actor FROM json_each(NEW.named_actors) AS actors)) WHERE NEW.is_conflict_policy;
    INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, stories)
    SELECT 0, NEW.day, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'), 1
    FROM json_each(NEW.named_places) WHERE NEW.is_conflict_policy;
END
--;
CREATE TRIGGER story_facts_go AFTER DELETE ON story_facts BEGIN
    INSERT INTO hour_tallies (is_folded, hour, source, language, stories, conflict, conflict_policy)
    VALUES (0, substr(OLD.stored_at, 1, 13) || ':00:00.000Z', OLD.source, OLD.language, -1, -1 * OLD.is_conflict, -1 * OLD.is_conflict_policy);
    INSERT INTO day_tallies (is_folded, day, source, language, stories, conflict, conflict_policy) VALUES (0, substr(OLD.stored_at, 1, 10), OLD.source, OLD.language, -1, -1 * OLD.is_conflict, -1 * OLD.is_conflict_policy);
    INSERT INTO latency_tallies (is_folded, day, since, seconds, stories) VALUES (0, substr(OLD.stored_at, 1, 10), 'announced', OLD.announced_s, -1);
    INSERT INTO latency_tallies (is_folded, day, since, seconds, stories) SELECT 0, substr(OLD.stored_at, 1, 10), 'published', OLD.published_s, -1
    WHERE OLD.published_s IS NOT NULL;
    INSERT INTO act_tallies (is_folded, day, act, actor, language, stories)
    SELECT 0, OLD.day, act, actor, OLD.language, -1 FROM (SELECT act, '' AS actor FROM (SELECT DISTINCT json_extract(acts.value, '$[0]') AS act FROM json_each(OLD.scored_acts) AS acts) UNION ALL SELECT '', actor FROM (SELECT DISTINCT json_extract(actors.value, '$[0]') AS actor FROM json_each(OLD.named_actors) AS actors)
        UNION ALL SELECT act, actor FROM (SELECT DISTINCT json_extract(acts.value, '$[0]') AS act FROM json_each(OLD.scored_acts) AS acts), (SELECT DISTINCT json_extract(actors.value, '$[0]') AS actor FROM json_each(OLD.named_actors) AS actors)) WHERE OLD.is_conflict_policy;
    INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, stories)
    SELECT 0, OLD.day, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'), -1
    FROM json_each(OLD.named_places) WHERE OLD.is_conflict_policy;
END
--;
CREATE TRIGGER feed_polls_count AFTER INSERT ON feed_polls BEGIN
    INSERT INTO feed_days (day, feed_id, polls, new_urls, gaps, lost_estimate, arrivals, first_arrival_at, last_arrival_at, longest_pause_s)
    VALUES (substr(NEW.polled_at, 1, 10), NEW.feed_id, 1, NEW.new_urls, CASE WHEN NEW.lost_estimate IS NOT NULL THEN 1 ELSE 0 END, coalesce(NEW.lost_estimate, 0),
        CASE WHEN NEW.new_urls > 0 THEN 1 ELSE 0 END, CASE WHEN NEW.new_urls > 0 THEN NEW.polled_at END, CASE WHEN NEW.new_urls > 0 THEN NEW.polled_at END, 0)
    ON CONFLICT (day, feed_id) DO UPDATE SET polls = feed_days.polls + excluded.polls, new_urls = feed_days.new_urls + excluded.new_urls, gaps = feed_days.gaps + excluded.gaps, lost_estimate = feed_days.lost_estimate + excluded.lost_estimate, arrivals = feed_days.arrivals + excluded.arrivals,
        first_arrival_at = coalesce(
            min(feed_days.first_arrival_at, excluded.first_arrival_at),
            feed_days.first_arrival_at, excluded.first_arrival_at
        ),
        last_arrival_at = coalesce(
            max(feed_days.last_arrival_at, excluded.last_arrival_at),
            feed_days.last_arrival_at, excluded.last_arrival_at
        ),
        longest_pause_s = max(feed_days.longest_pause_s, coalesce(round((julianday(excluded.last_arrival_at) - julianday(feed_days.last_arrival_at)) * 86400.0, 3), 0));
END
--;
CREATE TRIGGER stories_carry AFTER INSERT ON stories BEGIN
    INSERT INTO cluster_changes (cluster_id) SELECT DISTINCT cluster_id FROM (SELECT NEW.cluster_id AS cluster_id) AS told WHERE cluster_id IS NOT NULL;
END
--;
CREATE TRIGGER stories_uncarry AFTER DELETE ON stories BEGIN
    INSERT INTO cluster_changes (cluster_id) SELECT DISTINCT cluster_id FROM (SELECT OLD.cluster_id AS cluster_id) AS told WHERE cluster_id IS NOT NULL;
END
--;
CREATE TRIGGER stories_recarry AFTER UPDATE OF cluster_id, site, stored_at ON stories WHEN OLD.cluster_id IS NOT NEW.cluster_id OR OLD.site IS NOT NEW.site OR OLD.stored_at IS NOT NEW.stored_at BEGIN
    INSERT INTO cluster_changes (cluster_id) SELECT DISTINCT cluster_id FROM (SELECT OLD.cluster_id AS cluster_id) AS told WHERE cluster_id IS NOT NULL;
    INSERT INTO cluster_changes (cluster_id) SELECT DISTINCT cluster_id FROM (SELECT NEW.cluster_id AS cluster_id) AS told WHERE cluster_id IS NOT NULL;
END
--;
CREATE TRIGGER story_links_carry AFTER INSERT ON story_links BEGIN
    INSERT INTO cluster_changes (cluster_id) SELECT DISTINCT stories.cluster_id FROM (SELECT NEW.matched_story_id AS matched_story_id, NEW.relation AS relation) AS links
    JOIN stories ON stories.id = links.matched_story_id
    WHERE links.relation = 'copy' AND stories.cluster_id IS NOT NULL;
END
--;
CREATE TRIGGER story_links_uncarry AFTER DELETE ON story_links BEGIN
    INSERT INTO cluster_changes (cluster_id) SELECT DISTINCT stories.cluster_id FROM (SELECT OLD.matched_story_id AS matched_story_id, OLD.relation AS relation) AS links
    JOIN stories ON stories.id = links.matched_story_id
    WHERE links.relation = 'copy' AND stories.cluster_id IS NOT NULL;
END
--;
CREATE TRIGGER story_links_recarry AFTER UPDATE OF url_id, story_id, matched_story_id, relation, linked_at ON story_links WHEN OLD.url_id IS NOT NEW.url_id OR OLD.story_id IS NOT NEW.story_id OR OLD.matched_story_id IS NOT NEW.matched_story_id OR OLD.relation IS NOT NEW.relation OR OLD.linked_at IS NOT NEW.linked_at BEGIN
    INSERT INTO cluster_changes (cluster_id) SELECT DISTINCT stories.cluster_id FROM (SELECT OLD.matched_story_id AS matched_story_id, OLD.relation AS relation) AS links
    JOIN stories ON stories.id = links.matched_story_id
    WHERE links.relation = 'copy' AND stories.cluster_id IS NOT NULL;
    INSERT INTO cluster_changes (cluster_id) SELECT DISTINCT stories.cluster_id FROM (SELECT NEW.matched_story_id AS matched_story_id, NEW.relation AS relation) AS links
    JOIN stories ON stories.id = links.matched_story_id
    WHERE links.relation = 'copy' AND stories.cluster_id IS NOT NULL;
END
--;
CREATE VIEW source_health AS
WITH recent AS (
    SELECT * FROM feed_days WHERE day >= substr(strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-14 days'), 1, 10)
),
arrivals AS (
    SELECT
        feed_id,
        arrivals,
        first_arrival_at,
        last_arrival_at,
        longest_pause_s,
        round((julianday(first_arrival_at) - julianday(lag(last_arrival_at) OVER (PARTITION BY feed_id ORDER BY day))) * 86400.0, 3) AS pause_before_s
    FROM recent
    WHERE arrivals > 0
),
usual AS (
    SELECT
        feed_id,
        sum(arrivals) - 1 AS measured,
        round((julianday(max(last_arrival_at)) - julianday(min(first_arrival_at))) * 86400.0, 3) / nullif(sum(arrivals) - 1, 0) AS usual_gap_s,
        max(max(longest_pause_s), coalesce(max(pause_before_s), 0.0)) AS longest_gap_s
    FROM arrivals
    GROUP BY feed_id
),
polls AS (
    SELECT
        feed_id,
        sum(polls) AS polls,
        sum(new_urls) AS new_urls,
        sum(gaps) AS gaps,
        sum(lost_estimate) AS lost_estimate
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
        round((julianday(strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) - julianday(feeds.last_success_at)) * 86400.0, 3) AS lag_s,
        round((julianday(strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) - julianday(coalesce(feeds.last_new_at, feeds.added_at))) * 86400.0, 3) AS silent_s
    FROM feeds
)
SELECT
    health.id AS feed_id,
    health.source,
    health.title,
    substr(health.url, 1, instr(health.url || '?', '?') - 1) AS feed_url,
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
LEFT JOIN polls ON polls.feed_id = health.id
--;
CREATE VIEW feed_gaps AS
SELECT
    feed_polls.id AS poll_id,
    feed_polls.feed_id,
    feeds.source,
    substr(feeds.url, 1, instr(feeds.url || '?', '?') - 1) AS feed_url,
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
LEFT JOIN feeds ON feeds.id = feed_polls.feed_id
WHERE feed_polls.lost_estimate IS NOT NULL
--;
CREATE VIEW policy_stories AS
SELECT story_id, cluster_id, day, stored_at, source, language, acts, actors
FROM story_facts
WHERE is_conflict_policy = 1
--;
CREATE VIEW story_clusters AS
SELECT
    clusters.id AS cluster_id,
    founder.title,
    founder.url,
    founder.site AS first_site,
    coalesce(kept.first_story_id, (SELECT min(stories.id) FROM stories WHERE stories.cluster_id = clusters.id)) AS first_story_id,
    coalesce(kept.first_seen_at, (SELECT min(seen_at) FROM (SELECT stored_at AS seen_at FROM stories WHERE stories.cluster_id = clusters.id UNION ALL SELECT linked_at FROM stories AS told
    JOIN story_links ON story_links.matched_story_id = told.id AND story_links.relation = 'copy'
    JOIN urls ON urls.id = story_links.url_id
    WHERE told.cluster_id = clusters.id) AS seen)) AS first_seen_at,
    coalesce(kept.last_seen_at, (SELECT max(seen_at) FROM (SELECT stored_at AS seen_at FROM stories WHERE stories.cluster_id = clusters.id UNION ALL SELECT linked_at FROM stories AS told
    JOIN story_links ON story_links.matched_story_id = told.id AND story_links.relation = 'copy'
    JOIN urls ON urls.id = story_links.url_id
    WHERE told.cluster_id = clusters.id) AS seen)) AS last_seen_at,
    coalesce(kept.stories, (SELECT count(*) FROM stories WHERE stories.cluster_id = clusters.id)) AS stories,
    coalesce(kept.copies, (SELECT count(DISTINCT urls.id) FROM stories AS told
    JOIN story_links ON story_links.matched_story_id = told.id AND story_links.relation = 'copy'
    JOIN urls ON urls.id = story_links.url_id
    WHERE told.cluster_id = clusters.id)) AS copies,
    clusters.independent_origins,
    coalesce(kept.sites, (SELECT count(*) FROM (SELECT site FROM stories WHERE stories.cluster_id = clusters.id UNION SELECT urls.site FROM stories AS told
    JOIN story_links ON story_links.matched_story_id = told.id AND story_links.relation = 'copy'
    JOIN urls ON urls.id = story_links.url_id
    WHERE told.cluster_id = clusters.id) AS carriers)) AS sites,
    event_clusters.event_id,
    coalesce(told_events.independent_origins, clusters.independent_origins) AS event_origins
FROM clusters
LEFT JOIN cluster_digests AS kept ON kept.cluster_id = clusters.id AND clusters.id NOT IN (SELECT cluster_id FROM cluster_changes)
LEFT JOIN stories AS founder ON founder.id = coalesce(kept.first_story_id, (SELECT min(stories.id) FROM stories WHERE stories.cluster_id = clusters.id))
LEFT JOIN event_clusters ON event_clusters.cluster_id = clusters.id
LEFT JOIN told_events ON told_events.id = event_clusters.event_id
WHERE coalesce(kept.first_story_id, (SELECT min(stories.id) FROM stories WHERE stories.cluster_id = clusters.id)) IS NOT NULL
--;
CREATE VIEW policy_places AS
SELECT
    story_facts.day,
    json_extract(places.value, '$[0]') AS place,
    json_extract(places.value, '$[1]') AS country,
    json_extract(places.value, '$[2]') AS lat,
    json_extract(places.value, '$[3]') AS lon,
    story_facts.story_id,
    story_facts.source,
    story_facts.language,
    story_facts.stored_at,
    story_facts.acts,
    story_facts.actors
FROM story_facts
JOIN json_each(story_facts.named_places) AS places
WHERE story_facts.is_conflict_policy = 1
--;
CREATE VIEW places_by_day AS
SELECT day, place, country, latitude AS lat, longitude AS lon, sum(stories) AS stories
FROM place_tallies
GROUP BY day, place, country, latitude, longitude
HAVING sum(stories) > 0
