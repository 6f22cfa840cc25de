INSERT INTO place_tallies (is_folded, day, place, country, latitude, longitude, act, language, stories)
    SELECT true, day, spots.*, acts.act, languages.tag, count(*)
    FROM story_facts,
        LATERAL (SELECT value->>0, value->>1, CAST(value->>2 AS double precision), CAST(value->>3 AS double precision) FROM jsonb_array_elements(named_places) AS value UNION SELECT '', value->>1, CAST(NULL AS double precision), CAST(NULL AS double precision) FROM jsonb_array_elements(named_places) AS value) AS spots (place, country, latitude, longitude),
        LATERAL (SELECT '' UNION SELECT pair->>0 FROM jsonb_array_elements(scored_acts) AS pair) AS acts (act),
        LATERAL (VALUES (''), (language)) AS languages (tag)
    WHERE is_conflict_policy GROUP BY 2, 3, 4, 5, 6, 7, 8
--;
CREATE OR REPLACE FUNCTION tally_story_facts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
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
    RETURN NULL;
END
$$
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
--;
DROP FUNCTION search_stories(text, integer, text, timestamptz, boolean)
--;
CREATE FUNCTION search_stories(
    typed text, most integer DEFAULT 50, language text DEFAULT NULL, since timestamptz DEFAULT NULL,
    policy_only boolean DEFAULT false, site text DEFAULT NULL, marks text DEFAULT '«»'
)
RETURNS TABLE (story_id bigint, rank double precision, snippet text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET jit = off AS $$
DECLARE
    asked text;
    newest bigint := (SELECT max(story_search.story_id) FROM story_search);
    lowest bigint := 0;
    lookup text := '(SELECT CAST($1 AS tsquery))';
    alike bigint;
    chosen bigint;
    matches bigint[];
BEGIN
    SELECT string_agg(DISTINCT '(' || whole.query || ')', ' | ') INTO asked
    FROM (
        SELECT configs.config, string_agg('(' || CAST(made.query AS text) || ')', ' & ' ORDER BY terms.place) AS query
        FROM unnest(CAST(ARRAY['arabic', 'armenian', 'basque', 'catalan', 'danish', 'dutch', 'english', 'finnish', 'french', 'german', 'greek', 'hindi', 'hungarian', 'indonesian', 'irish', 'italian', 'lithuanian', 'nepali', 'norwegian', 'portuguese', 'romanian', 'russian', 'serbian', 'simple', 'spanish', 'swedish', 'tamil', 'turkish', 'yiddish'] AS regconfig[])) AS configs (config)
        CROSS JOIN (
            SELECT cut.place, cut.is_prefix, replace(cut.words, '-', ' ') AS words
            FROM (
                SELECT
                    found.place,
                    found.parts[2] = '*' OR coalesce(right(found.parts[3], 1) = '*', false) AS is_prefix,
                    replace(coalesce(nullif(found.parts[1], ''), rtrim(found.parts[3], '*'), ''), '"', ' ') AS words
                FROM regexp_matches(left(typed, 500), '"([^"]*)"?(\*?)|([^\s"]\S*)', 'g') WITH ORDINALITY AS found (parts, place)
            ) AS cut
            WHERE cut.words ~ '[^[:punct:][:space:]]'
            ORDER BY cut.place LIMIT 16
        ) AS terms
        CROSS JOIN LATERAL (
            SELECT CASE
                WHEN terms.is_prefix THEN to_tsquery(
                    configs.config,
                    '''' || replace(replace(terms.words, E'\\', E'\\\\'), '''', '''''') || ''':*'
                )
                ELSE phraseto_tsquery(configs.config, terms.words)
            END AS query
        ) AS made
        WHERE numnode(made.query) > 0
            AND (search_stories.language IS NULL OR configs.config = search_config(search_stories.language))
        GROUP BY configs.config
    ) AS whole;
    IF asked IS NULL THEN
        RETURN;
    END IF;
    EXECUTE $sql$
    SELECT count(*), count(*) FILTER (WHERE ($2 IS NULL OR stories.language = $2)
            AND ($3 IS NULL OR stories.stored_at >= $3)
            AND (NOT $4 OR story_facts.is_conflict_policy)
            AND ($5 IS NULL OR stories.site = $5))
    FROM story_search
        LEFT JOIN stories ON stories.id = story_search.story_id
        LEFT JOIN story_facts ON story_facts.story_id = story_search.story_id
    WHERE story_search.story_id > $6 AND story_search.document @@ CAST($1 AS tsquery)$sql$ INTO alike, chosen
    USING asked, search_stories.language, since, policy_only, search_stories.site, newest - 2000;
    IF alike >= 200 THEN
        lookup := 'CAST($1 AS tsquery)';
    END IF;
    IF chosen >= 8 THEN
        lowest := greatest(newest - 8000000 / chosen, 0);
    END IF;
    LOOP
        EXECUTE replace($sql$
    SELECT coalesce(array_agg(matched.story_id), CAST(ARRAY[] AS bigint[])) FROM (
        SELECT story_search.story_id
        FROM story_search
        LEFT JOIN stories ON stories.id = story_search.story_id
        LEFT JOIN story_facts ON story_facts.story_id = story_search.story_id
        WHERE story_search.story_id > $6 AND story_search.document @@ <lookup>
            AND ($2 IS NULL OR stories.language = $2)
            AND ($3 IS NULL OR stories.stored_at >= $3)
            AND (NOT $4 OR story_facts.is_conflict_policy)
            AND ($5 IS NULL OR stories.site = $5)
        ORDER BY story_search.story_id DESC LIMIT 2000
    ) AS matched$sql$, '<lookup>', lookup) INTO matches
        USING asked, search_stories.language, since, policy_only, search_stories.site, lowest;
        EXIT WHEN lowest = 0 OR cardinality(matches) = 2000;
        lowest := 0;
    END LOOP;
    RETURN QUERY EXECUTE $sql$
WITH found AS MATERIALIZED (
    SELECT story_id, ts_rank_cd('{0.1, 0.1, 0.4, 1.0}', document, CAST($1 AS tsquery), 1) AS rank
    FROM story_search WHERE story_id = ANY ($2)
    ORDER BY rank DESC, story_id DESC LIMIT $3
)
SELECT found.story_id, CAST(found.rank AS double precision), ts_headline(
        search_config(stories.language), concat_ws(' ', stories.title, stories.standfirst, left(stories.text, 20000)), CAST($1 AS tsquery), $4
    )
FROM found
JOIN stories ON stories.id = found.story_id
ORDER BY found.rank DESC, found.story_id DESC$sql$
    USING asked, matches, greatest(least(most, 2000), 0),
        'StartSel="' || left(marks, 1) || '", StopSel="' || right(marks, 1)
            || '", MaxWords=24, MinWords=12, MaxFragments=1';
END
$$
