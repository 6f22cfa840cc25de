INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
SELECT true, day, json_extract(places.value, '$[0]'), json_extract(places.value, '$[1]'), json_extract(places.value, '$[2]'), json_extract(places.value, '$[3]'), '', '', count(*)
FROM story_facts, json_each(named_places) AS places WHERE is_conflict_policy GROUP BY 2, 3, 4, 5, 6, 7, 8
--;
INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
SELECT true, day, json_extract(places.value, '$[0]'), json_extract(places.value, '$[1]'), json_extract(places.value, '$[2]'), json_extract(places.value, '$[3]'), '', language, count(*)
FROM story_facts, json_each(named_places) AS places WHERE is_conflict_policy GROUP BY 2, 3, 4, 5, 6, 7, 8
--;
INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
SELECT true, day, json_extract(places.value, '$[0]'), json_extract(places.value, '$[1]'), json_extract(places.value, '$[2]'), json_extract(places.value, '$[3]'), json_extract(acts.value, '$[0]'), '', count(*)
FROM story_facts, json_each(named_places) AS places, json_each(scored_acts) AS acts WHERE is_conflict_policy GROUP BY 2, 3, 4, 5, 6, 7, 8
--;
INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
SELECT true, day, json_extract(places.value, '$[0]'), json_extract(places.value, '$[1]'), json_extract(places.value, '$[2]'), json_extract(places.value, '$[3]'), json_extract(acts.value, '$[0]'), language, count(*)
FROM story_facts, json_each(named_places) AS places, json_each(scored_acts) AS acts WHERE is_conflict_policy GROUP BY 2, 3, 4, 5, 6, 7, 8
--;
INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
SELECT true, day, '', json_extract(places.value, '$[1]'), CAST(NULL AS double precision), CAST(NULL AS double precision), '', '', count(DISTINCT story_id)
FROM story_facts, json_each(named_places) AS places WHERE is_conflict_policy GROUP BY 2, 3, 4, 5, 6, 7, 8
--;
INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
SELECT true, day, '', json_extract(places.value, '$[1]'), CAST(NULL AS double precision), CAST(NULL AS double precision), '', language, count(DISTINCT story_id)
FROM story_facts, json_each(named_places) AS places WHERE is_conflict_policy GROUP BY 2, 3, 4, 5, 6, 7, 8
--;
INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
SELECT true, day, '', json_extract(places.value, '$[1]'), CAST(NULL AS double precision), CAST(NULL AS double precision), json_extract(acts.value, '$[0]'), '', count(DISTINCT story_id)
FROM story_facts, json_each(named_places) AS places, json_each(scored_acts) AS acts WHERE is_conflict_policy GROUP BY 2, 3, 4, 5, 6, 7, 8
--;
INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
SELECT true, day, '', json_extract(places.value, '$[1]'), CAST(NULL AS double precision), CAST(NULL AS double precision), json_extract(acts.value, '$[0]'), language, count(DISTINCT story_id)
FROM story_facts, json_each(named_places) AS places, json_each(scored_acts) AS acts WHERE is_conflict_policy GROUP BY 2, 3, 4, 5, 6, 7, 8
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
    INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
    SELECT 0, NEW.day, place, country, latitude, longitude, act, language, 1
    FROM (SELECT json_extract(value, '$[0]') AS place, json_extract(value, '$[1]') AS country, json_extract(value, '$[2]') AS latitude, json_extract(value, '$[3]') AS longitude FROM json_each(NEW.named_places) UNION SELECT '' AS place, json_extract(value, '$[1]') AS country, CAST(NULL AS double precision) AS latitude, CAST(NULL AS double precision) AS longitude FROM json_each(NEW.named_places)), (SELECT '' AS act UNION SELECT json_extract(value, '$[0]') FROM json_each(NEW.scored_acts)), (SELECT '' AS language UNION SELECT NEW.language) WHERE NEW.is_conflict_policy;
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
    INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
    SELECT 0, OLD.day, place, country, latitude, longitude, act, language, -1
    FROM (SELECT json_extract(value, '$[0]') AS place, json_extract(value, '$[1]') AS country, json_extract(value, '$[2]') AS latitude, json_extract(value, '$[3]') AS longitude FROM json_each(OLD.named_places) UNION SELECT '' AS place, json_extract(value, '$[1]') AS country, CAST(NULL AS double precision) AS latitude, CAST(NULL AS double precision) AS longitude FROM json_each(OLD.named_places)), (SELECT '' AS act UNION SELECT json_extract(value, '$[0]') FROM json_each(OLD.scored_acts)), (SELECT '' AS language UNION SELECT OLD.language) WHERE OLD.is_conflict_policy;
END
--;
CREATE VIEW places_by_day AS
SELECT day, place, country, latitude AS lat, longitude AS lon, sum(stories) AS stories
FROM place_tallies
WHERE act = '' AND language = '' AND place <> ''
GROUP BY day, place, country, latitude, longitude
HAVING sum(stories) > 0
--;
CREATE VIEW places_daily AS
SELECT day, place, country, latitude AS lat, longitude AS lon, act, language, sum(stories) AS stories
FROM place_tallies
GROUP BY day, place, country, latitude, longitude, act, language
HAVING sum(stories) > 0
