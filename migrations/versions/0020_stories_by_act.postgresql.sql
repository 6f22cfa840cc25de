INSERT INTO act_stories (act, actor, stored_at, story_id, cluster_id, language)
    SELECT acts.act, actors.actor, stored_at, story_id, cluster_id, language
    FROM story_facts,
        LATERAL (SELECT '' UNION SELECT pair->>0 FROM jsonb_array_elements(scored_acts) AS pair) AS acts (act),
        LATERAL (SELECT '' UNION SELECT pair->>0 FROM jsonb_array_elements(named_actors) AS pair) AS actors (actor)
    WHERE is_conflict_policy
--;
CREATE OR REPLACE FUNCTION tally_story_facts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
    gone record;
BEGIN
    IF NOT EXISTS (SELECT FROM changed) THEN
        RETURN NULL;
    END IF;
    INSERT INTO hour_tallies (is_folded, hour, source, language, stories, conflict, conflict_policy)
    SELECT false, date_trunc('hour', stored_at, 'UTC'), source, language, sign * count(*), sign * count(*) FILTER (WHERE is_conflict), sign * count(*) FILTER (WHERE is_conflict_policy) FROM changed GROUP BY 2, 3, 4;
    INSERT INTO day_tallies (is_folded, day, source, language, stories, conflict, conflict_policy)
    SELECT false, CAST(stored_at AT TIME ZONE 'UTC' AS date), source, language, sign * count(*), sign * count(*) FILTER (WHERE is_conflict), sign * count(*) FILTER (WHERE is_conflict_policy) FROM changed GROUP BY 2, 3, 4;
    INSERT INTO latency_tallies (is_folded, day, since, seconds, stories)
    SELECT false, CAST(stored_at AT TIME ZONE 'UTC' AS date), 'announced', announced_s, sign * count(*) FROM changed GROUP BY 2, 4
    UNION ALL
    SELECT false, CAST(stored_at AT TIME ZONE 'UTC' AS date), 'published', published_s, sign * count(*) FROM changed
    WHERE published_s IS NOT NULL GROUP BY 2, 4;
    INSERT INTO act_tallies (is_folded, day, act, actor, language, stories)
    SELECT false, day, act, actor, language, sign * count(*)
    FROM changed, LATERAL (
            SELECT act, '' AS actor FROM (SELECT DISTINCT pair->>0 AS act FROM jsonb_array_elements(scored_acts) AS pair) AS a UNION ALL SELECT '', actor FROM (SELECT DISTINCT pair->>0 AS actor FROM jsonb_array_elements(named_actors) AS pair) AS b
            UNION ALL SELECT act, actor FROM (SELECT DISTINCT pair->>0 AS act FROM jsonb_array_elements(scored_acts) AS pair) AS a, (SELECT DISTINCT pair->>0 AS actor FROM jsonb_array_elements(named_actors) AS pair) AS b
        ) AS named
    WHERE is_conflict_policy GROUP BY day, act, actor, language;
    INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
    SELECT false, day, spots.*, acts.act, languages.tag, sign * count(*)
    FROM changed,
        LATERAL (SELECT value->>0, value->>1, CAST(value->>2 AS double precision), CAST(value->>3 AS double precision) FROM jsonb_array_elements(named_places) AS value UNION SELECT '', value->>1, CAST(NULL AS double precision), CAST(NULL AS double precision) FROM jsonb_array_elements(named_places) AS value) AS spots (place, country, latitude, longitude),
        LATERAL (SELECT '' UNION SELECT pair->>0 FROM jsonb_array_elements(scored_acts) AS pair) AS acts (act),
        LATERAL (VALUES (''), (language)) AS languages (tag)
    WHERE is_conflict_policy GROUP BY 2, 3, 4, 5, 6, 7, 8;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO act_stories (act, actor, stored_at, story_id, cluster_id, language)
    SELECT acts.act, actors.actor, stored_at, story_id, cluster_id, language
    FROM changed,
        LATERAL (SELECT '' UNION SELECT pair->>0 FROM jsonb_array_elements(scored_acts) AS pair) AS acts (act),
        LATERAL (SELECT '' UNION SELECT pair->>0 FROM jsonb_array_elements(named_actors) AS pair) AS actors (actor)
    WHERE is_conflict_policy;
    ELSE
        FOR gone IN SELECT story_id, stored_at, ARRAY(SELECT '' UNION SELECT pair->>0 FROM jsonb_array_elements(scored_acts) AS pair) AS acts,
            ARRAY(SELECT '' UNION SELECT pair->>0 FROM jsonb_array_elements(named_actors) AS pair) AS actors FROM changed WHERE is_conflict_policy
        LOOP
            DELETE FROM act_stories
            WHERE act = ANY (gone.acts) AND actor = ANY (gone.actors)
                AND act_stories.stored_at = gone.stored_at AND act_stories.story_id = gone.story_id;
        END LOOP;
    END IF;
    RETURN NULL;
END
$$
--;
CREATE VIEW stories_by_act AS
SELECT act, actor, story_id, cluster_id, stored_at, language
FROM act_stories
