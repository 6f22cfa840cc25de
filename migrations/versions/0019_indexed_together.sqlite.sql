CREATE VIRTUAL TABLE story_search USING fts5(
    title, standfirst, text, content='stories', content_rowid='id', tokenize='unicode61 remove_diacritics 2', prefix='2'
)
--;
INSERT INTO story_search (story_search) VALUES ('rebuild')
--;
CREATE TABLE story_search_pending (
    id integer NOT NULL CONSTRAINT pk_story_search_pending PRIMARY KEY CHECK (id = 1),
    after_id integer NOT NULL
)
--;
CREATE TRIGGER stories_learn AFTER INSERT ON stories WHEN NOT EXISTS (SELECT 1 FROM story_search_pending WHERE after_id < NEW.id) BEGIN
    INSERT INTO story_search (rowid, title, standfirst, text) VALUES (NEW.id, NEW.title, NEW.standfirst, NEW.text);
END
--;
CREATE TRIGGER stories_forget AFTER DELETE ON stories WHEN NOT EXISTS (SELECT 1 FROM story_search_pending WHERE after_id < OLD.id) BEGIN
    INSERT INTO story_search (story_search, rowid, title, standfirst, text) VALUES ('delete', OLD.id, OLD.title, OLD.standfirst, OLD.text);
END
--;
CREATE TRIGGER stories_reword AFTER UPDATE OF title, standfirst, text ON stories WHEN (OLD.title IS NOT NEW.title OR OLD.standfirst IS NOT NEW.standfirst OR OLD.text IS NOT NEW.text) AND NOT EXISTS (SELECT 1 FROM story_search_pending WHERE after_id < OLD.id) BEGIN
    INSERT INTO story_search (story_search, rowid, title, standfirst, text) VALUES ('delete', OLD.id, OLD.title, OLD.standfirst, OLD.text);
    INSERT INTO story_search (rowid, title, standfirst, text) VALUES (NEW.id, NEW.title, NEW.standfirst, NEW.text);
END
--;
CREATE TRIGGER story_facts_come AFTER INSERT ON story_facts BEGIN
    INSERT INTO hour_tallies (is_folded, hour, source, language, stories, conflict, conflict_policy)
    VALUES (0, substr(NEW.stored_at, 1, 13) || ':00:00.000Z', NEW.source, NEW.language, 1, 1 * NEW.is_conflict, 1 * NEW.is_conflict_policy);
    INSERT INTO day_tallies (is_folded, day, source, language, stories, conflict, conflict_policy) VALUES (0, substr(NEW.stored_at, 1, 10), NEW.source, NEW.language, 1, 1 * NEW.is_conflict, 1 * NEW.is_conflict_policy);
    INSERT INTO latency_tallies (is_folded, day, since, seconds, stories) VALUES (0, substr(NEW.stored_at, 1, 10), 'announced', NEW.announced_s, 1);
    INSERT INTO latency_tallies (is_folded, day, since, seconds, stories) SELECT 0, substr(NEW.stored_at, 1, 10), 'published', NEW.published_s, 1
    WHERE NEW.published_s IS NOT NULL;
END
--;
CREATE TRIGGER story_facts_policy_come AFTER INSERT ON story_facts WHEN NEW.is_conflict_policy BEGIN
    INSERT INTO act_tallies (is_folded, day, act, actor, language, stories)
    SELECT 0, NEW.day, act, actor, NEW.language, 1 FROM (SELECT act, '' AS actor FROM (SELECT DISTINCT json_extract(acts.value, '$[0]') AS act FROM json_each(NEW.scored_acts) AS acts) UNION ALL SELECT '', actor FROM (SELECT DISTINCT json_extract(actors.value, '$[0]') AS actor FROM json_each(NEW.named_actors) AS actors)
        UNION ALL SELECT act, actor FROM (SELECT DISTINCT json_extract(acts.value, '$[0]') AS act FROM json_each(NEW.scored_acts) AS acts), (SELECT DISTINCT json_extract(actors.value, '$[0]') AS actor FROM json_each(NEW.named_actors) AS actors));
    INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
    SELECT 0, NEW.day, place, country, latitude, longitude, act, language, 1
    FROM (SELECT json_extract(value, '$[0]') AS place, json_extract(value, '$[1]') AS country, json_extract(value, '$[2]') AS latitude, json_extract(value, '$[3]') AS longitude FROM json_each(NEW.named_places) UNION SELECT '' AS place, json_extract(value, '$[1]') AS country, CAST(NULL AS double precision) AS latitude, CAST(NULL AS double precision) AS longitude FROM json_each(NEW.named_places)), (SELECT '' AS act UNION SELECT json_extract(value, '$[0]') FROM json_each(NEW.scored_acts)), (SELECT '' AS language UNION SELECT NEW.language);
END
--;
CREATE TRIGGER story_facts_go AFTER DELETE ON story_facts BEGIN
    INSERT INTO hour_tallies (is_folded, hour, source, language, stories, conflict, conflict_policy)
    VALUES (0, substr(OLD.stored_at, 1, 13) || ':00:00.000Z', OLD.source, OLD.language, -1, -1 * OLD.is_conflict, -1 * OLD.is_conflict_policy);
    INSERT INTO day_tallies (is_folded, day, source, language, stories, conflict, conflict_policy) VALUES (0, substr(OLD.stored_at, 1, 10), OLD.source, OLD.language, -1, -1 * OLD.is_conflict, -1 * OLD.is_conflict_policy);
    INSERT INTO latency_tallies (is_folded, day, since, seconds, stories) VALUES (0, substr(OLD.stored_at, 1, 10), 'announced', OLD.announced_s, -1);
    INSERT INTO latency_tallies (is_folded, day, since, seconds, stories) SELECT 0, substr(OLD.stored_at, 1, 10), 'published', OLD.published_s, -1
    WHERE OLD.published_s IS NOT NULL;
END
--;
CREATE TRIGGER story_facts_policy_go AFTER DELETE ON story_facts WHEN OLD.is_conflict_policy BEGIN
    INSERT INTO act_tallies (is_folded, day, act, actor, language, stories)
    SELECT 0, OLD.day, act, actor, OLD.language, -1 FROM (SELECT act, '' AS actor FROM (SELECT DISTINCT json_extract(acts.value, '$[0]') AS act FROM json_each(OLD.scored_acts) AS acts) UNION ALL SELECT '', actor FROM (SELECT DISTINCT json_extract(actors.value, '$[0]') AS actor FROM json_each(OLD.named_actors) AS actors)
        UNION ALL SELECT act, actor FROM (SELECT DISTINCT json_extract(acts.value, '$[0]') AS act FROM json_each(OLD.scored_acts) AS acts), (SELECT DISTINCT json_extract(actors.value, '$[0]') AS actor FROM json_each(OLD.named_actors) AS actors));
    INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
    SELECT 0, OLD.day, place, country, latitude, longitude, act, language, -1
    FROM (SELECT json_extract(value, '$[0]') AS place, json_extract(value, '$[1]') AS country, json_extract(value, '$[2]') AS latitude, json_extract(value, '$[3]') AS longitude FROM json_each(OLD.named_places) UNION SELECT '' AS place, json_extract(value, '$[1]') AS country, CAST(NULL AS double precision) AS latitude, CAST(NULL AS double precision) AS longitude FROM json_each(OLD.named_places)), (SELECT '' AS act UNION SELECT json_extract(value, '$[0]') FROM json_each(OLD.scored_acts)), (SELECT '' AS language UNION SELECT OLD.language);
END
