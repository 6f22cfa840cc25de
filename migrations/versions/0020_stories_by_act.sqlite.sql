INSERT OR IGNORE INTO act_stories (act, actor, stored_at, story_id, cluster_id, language)
    SELECT json_extract(acts.value, '$[0]'), json_extract(actors.value, '$[0]'),
        stored_at, story_id, cluster_id, language
    FROM story_facts, json_each(json_insert(scored_acts, '$[#]', json_array(''))) AS acts, json_each(json_insert(named_actors, '$[#]', json_array(''))) AS actors
    WHERE is_conflict_policy
--;
CREATE TRIGGER story_facts_policy_come AFTER INSERT ON story_facts WHEN NEW.is_conflict_policy BEGIN
    INSERT INTO act_tallies (is_folded, day, act, actor, language, stories)
    SELECT 0, NEW.day, act, actor, NEW.language, 1 FROM (SELECT act, '' AS actor FROM (SELECT DISTINCT json_extract(acts.value, '$[0]') AS act FROM json_each(NEW.scored_acts) AS acts) UNION ALL SELECT '', actor FROM (SELECT DISTINCT json_extract(actors.value, '$[0]') AS actor FROM json_each(NEW.named_actors) AS actors)
        UNION ALL SELECT act, actor FROM (SELECT DISTINCT json_extract(acts.value, '$[0]') AS act FROM json_each(NEW.scored_acts) AS acts), (SELECT DISTINCT json_extract(actors.value, '$[0]') AS actor FROM json_each(NEW.named_actors) AS actors));
    INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
    SELECT 0, NEW.day, place, country, latitude, longitude, act, language, 1
    FROM (SELECT json_extract(value, '$[0]') AS place, json_extract(value, '$[1]') AS country, json_extract(value, '$[2]') AS latitude, json_extract(value, '$[3]') AS longitude FROM json_each(NEW.named_places) UNION SELECT '' AS place, json_extract(value, '$[1]') AS country, CAST(NULL AS double precision) AS latitude, CAST(NULL AS double precision) AS longitude FROM json_each(NEW.named_places)), (SELECT '' AS act UNION SELECT json_extract(value, '$[0]') FROM json_each(NEW.scored_acts)), (SELECT '' AS language UNION SELECT NEW.language);
    INSERT OR IGNORE INTO act_stories (act, actor, stored_at, story_id, cluster_id, language)
    SELECT json_extract(acts.value, '$[0]'), json_extract(actors.value, '$[0]'),
        NEW.stored_at, NEW.story_id, NEW.cluster_id, NEW.language
    FROM json_each(json_insert(NEW.scored_acts, '$[#]', json_array(''))) AS acts, json_each(json_insert(NEW.named_actors, '$[#]', json_array(''))) AS actors
    WHERE NEW.is_conflict_policy;
END
--;
CREATE TRIGGER story_facts_policy_go AFTER DELETE ON story_facts WHEN OLD.is_conflict_policy BEGIN
    INSERT INTO act_tallies (is_folded, day, act, actor, language, stories)
    SELECT 0, OLD.day, act, actor, OLD.language, -1 FROM (SELECT act, '' AS actor FROM (SELECT DISTINCT json_extract(acts.value, '$[0]') AS act FROM json_each(OLD.scored_acts) AS acts) UNION ALL SELECT '', actor FROM (SELECT DISTINCT json_extract(actors.value, '$[0]') AS actor FROM json_each(OLD.named_actors) AS actors)
        UNION ALL SELECT act, actor FROM (SELECT DISTINCT json_extract(acts.value, '$[0]') AS act FROM json_each(OLD.scored_acts) AS acts), (SELECT DISTINCT json_extract(actors.value, '$[0]') AS actor FROM json_each(OLD.named_actors) AS actors));
    INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
    SELECT 0, OLD.day, place, country, latitude, longitude, act, language, -1
    FROM (SELECT json_extract(value, '$[0]') AS place, json_extract(value, '$[1]') AS country, json_extract(value, '$[2]') AS latitude, json_extract(value, '$[3]') AS longitude FROM json_each(OLD.named_places) UNION SELECT '' AS place, json_extract(value, '$[1]') AS country, CAST(NULL AS double precision) AS latitude, CAST(NULL AS double precision) AS longitude FROM json_each(OLD.named_places)), (SELECT '' AS act UNION SELECT json_extract(value, '$[0]') FROM json_each(OLD.scored_acts)), (SELECT '' AS language UNION SELECT OLD.language);
    DELETE FROM act_stories
    WHERE act IN (SELECT '' UNION SELECT json_extract(value, '$[0]') FROM json_each(OLD.scored_acts)) AND actor IN (SELECT '' UNION SELECT json_extract(value, '$[0]') FROM json_each(OLD.named_actors)) AND stored_at = OLD.stored_at AND story_id = OLD.story_id;
END
--;
DROP VIEW volume_by_source
--;
CREATE VIEW volume_by_source AS
SELECT day, source, stories, conflict, conflict_policy FROM source_digests WHERE day NOT IN (SELECT day FROM day_tallies WHERE is_folded = 0)
UNION ALL
SELECT day, source, stories, conflict, conflict_policy FROM (
SELECT day, source, CAST(sum(stories) AS bigint) AS stories, CAST(sum(conflict) AS bigint) AS conflict, CAST(sum(conflict_policy) AS bigint) AS conflict_policy FROM day_tallies INDEXED BY ix_day_tallies_day WHERE day IN (SELECT day FROM day_tallies WHERE is_folded = 0) GROUP BY day, source HAVING sum(stories) > 0
) AS fresh
--;
DROP VIEW volume_by_language
--;
CREATE VIEW volume_by_language AS
SELECT day, language, stories, conflict, conflict_policy FROM language_digests WHERE day NOT IN (SELECT day FROM day_tallies WHERE is_folded = 0)
UNION ALL
SELECT day, language, stories, conflict, conflict_policy FROM (
SELECT day, language, CAST(sum(stories) AS bigint) AS stories, CAST(sum(conflict) AS bigint) AS conflict, CAST(sum(conflict_policy) AS bigint) AS conflict_policy FROM day_tallies INDEXED BY ix_day_tallies_day WHERE day IN (SELECT day FROM day_tallies WHERE is_folded = 0) GROUP BY day, language HAVING sum(stories) > 0
) AS fresh
--;
DROP VIEW acts_by_day
--;
CREATE VIEW acts_by_day AS
SELECT day, nullif(act, '') AS act, nullif(actor, '') AS actor, stories
FROM (
SELECT day, act, actor, stories FROM act_digests WHERE day NOT IN (SELECT day FROM act_tallies WHERE is_folded = 0)
UNION ALL
SELECT day, act, actor, stories FROM (
SELECT day, act, actor, CAST(sum(stories) AS bigint) AS stories FROM act_tallies INDEXED BY ix_act_tallies_day WHERE day IN (SELECT day FROM act_tallies WHERE is_folded = 0) GROUP BY day, act, actor HAVING sum(stories) > 0
) AS fresh
) AS counted
--;
DROP VIEW latency
--;
CREATE VIEW latency AS
SELECT day, stories, dated_stories, published_p50_s, published_p95_s, announced_p50_s, announced_p95_s FROM latency_digests WHERE day NOT IN (SELECT day FROM latency_tallies WHERE is_folded = 0)
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
        FROM latency_tallies INDEXED BY ix_latency_tallies_day
        WHERE day IN (SELECT day FROM latency_tallies WHERE is_folded = 0)
        GROUP BY day, since, seconds
        HAVING sum(stories) > 0
    ) AS counted
) AS ranked
GROUP BY day
) AS fresh
--;
CREATE VIEW stories_by_act AS
SELECT act, actor, story_id, cluster_id, stored_at, language
FROM act_stories
