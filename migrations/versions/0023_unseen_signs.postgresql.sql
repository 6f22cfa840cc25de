CREATE OR REPLACE FUNCTION search_stories(
    typed text, most integer DEFAULT 50, language text DEFAULT NULL, since timestamptz DEFAULT NULL,
    policy_only boolean DEFAULT false, site text DEFAULT NULL, marks text DEFAULT '«»', until timestamptz DEFAULT NULL
)
RETURNS TABLE (story_id bigint, rank double precision, snippet text, ranked_since timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET jit = off AS $$
DECLARE
    short text;
    asked text;
    lowest bigint;
    highest bigint;
    alike bigint;
    walked integer;
    matches bigint[] := CAST(ARRAY[] AS bigint[]);
    more bigint[];
    oldest bigint;
BEGIN
    SELECT trim(terms.words) INTO short
    FROM (SELECT cut.place, cut.is_prefix, replace(cut.words, '-', ' ') AS words
            FROM (
                SELECT
                    found.place,
                    found.parts[2] = '*' OR coalesce(right(found.parts[3], 1) = '*', false) AS is_prefix,
                    replace(coalesce(nullif(found.parts[1], ''), rtrim(found.parts[3], '*'), ''), '"', ' ') AS words
                FROM regexp_matches(
                    regexp_replace(left(typed, 500), '[\u0001-\u001f\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]', ' ', 'g'), '"([^"]*)"?(\*?)|([^\s"]\S*)', 'g'
                ) WITH ORDINALITY AS found (parts, place)
            ) AS cut
            WHERE cut.words ~ '[^[:punct:][:space:]]'
            ORDER BY cut.place LIMIT 16) AS terms
    CROSS JOIN substring(
        terms.words FROM '(?:^|[[:space:][:punct:]])([^[:space:][:punct:]])[[:space:][:punct:]]*$'
    ) AS letter
    WHERE terms.is_prefix AND ascii(letter) < 11904 LIMIT 1;
    IF short IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22023',
            MESSAGE = '"' || short || '*" is too short: a beginning needs two letters';
    END IF;
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
                FROM regexp_matches(
                    regexp_replace(left(typed, 500), '[\u0001-\u001f\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]', ' ', 'g'), '"([^"]*)"?(\*?)|([^\s"]\S*)', 'g'
                ) WITH ORDINALITY AS found (parts, place)
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
    -- Ids follow the time of storing, but for clocks that differ, by less than a day.
    lowest := coalesce((
        SELECT stories.id FROM stories
        WHERE stories.stored_at < since - interval '1 day' ORDER BY stories.stored_at DESC LIMIT 1
    ), 0);
    highest := coalesce((
        SELECT stories.id FROM stories
        WHERE stories.stored_at > until + interval '1 day' ORDER BY stories.stored_at LIMIT 1
    ), (SELECT max(stories.id) FROM stories));
    EXECUTE $sql$
    SELECT count(*) FROM story_search
    WHERE story_id > $2 - $3 AND story_id <= $2 AND document @@ CAST($1 AS tsquery)$sql$ INTO alike
    USING regexp_replace(asked, '<(-|[0-9]+)>', '&', 'g'), highest, 2000;
    IF alike < 100 THEN
        EXECUTE $sql$
    WITH found AS MATERIALIZED (
        SELECT story_id FROM story_search
        WHERE document @@ (SELECT CAST($1 AS tsquery)) AND story_id BETWEEN $7 AND $8
    )
    SELECT coalesce(array_agg(matched.story_id), CAST(ARRAY[] AS bigint[])) FROM (
        SELECT found.story_id
        FROM found
        JOIN story_facts ON story_facts.story_id = found.story_id
        WHERE ($2 IS NULL OR story_facts.language = $2)
            AND ($3 IS NULL OR story_facts.stored_at >= $3)
            AND (NOT $4 OR story_facts.is_conflict_policy)
            AND ($6 IS NULL OR story_facts.stored_at <= $6)
            AND story_facts.story_id BETWEEN $7 AND $8
            AND ($5 IS NULL OR EXISTS (SELECT FROM stories WHERE stories.id = found.story_id AND stories.site = $5))
        ORDER BY found.story_id DESC LIMIT $9
    ) AS matched$sql$ INTO matches
        USING asked, search_stories.language, since, policy_only, search_stories.site, until, lowest, highest,
            2000;
    ELSE
        FOREACH walked IN ARRAY ARRAY[3000, 17000, 60000] LOOP
            EXECUTE replace(
                $sql$
    WITH chosen AS MATERIALIZED (<chosen>),
    matched AS (
        SELECT chosen.story_id
        FROM chosen
        CROSS JOIN LATERAL (
            SELECT FROM story_search
            WHERE story_search.story_id = chosen.story_id AND document @@ CAST($1 AS tsquery) OFFSET 0
        ) AS looked_at
        ORDER BY chosen.story_id DESC LIMIT $9
    )
    SELECT coalesce((SELECT array_agg(story_id ORDER BY story_id DESC) FROM matched), CAST(ARRAY[] AS bigint[])),
        (SELECT min(story_id) FROM chosen HAVING count(*) = $10)$sql$, '<chosen>',
                CASE WHEN search_stories.site IS NULL THEN $sql$SELECT story_id FROM story_facts
        WHERE ($2 IS NULL OR story_facts.language = $2)
            AND ($3 IS NULL OR story_facts.stored_at >= $3)
            AND (NOT $4 OR story_facts.is_conflict_policy)
            AND ($6 IS NULL OR story_facts.stored_at <= $6)
            AND story_facts.story_id BETWEEN $7 AND $8 ORDER BY story_id DESC LIMIT $10$sql$
                    ELSE $sql$SELECT story_facts.story_id
        FROM (SELECT id FROM stories WHERE site = $5 ORDER BY id DESC) AS of_site
        JOIN story_facts ON story_facts.story_id = of_site.id
        WHERE ($2 IS NULL OR story_facts.language = $2)
            AND ($3 IS NULL OR story_facts.stored_at >= $3)
            AND (NOT $4 OR story_facts.is_conflict_policy)
            AND ($6 IS NULL OR story_facts.stored_at <= $6)
            AND story_facts.story_id BETWEEN $7 AND $8 ORDER BY story_facts.story_id DESC LIMIT $10$sql$ END
            ) INTO more, oldest
            USING asked, search_stories.language, since, policy_only, search_stories.site, until, lowest, highest,
                2000 - cardinality(matches), walked;
            matches := matches || more;
            EXIT WHEN oldest IS NULL OR cardinality(matches) = 2000
                OR walked > 3000 AND cardinality(matches) >= most;
            highest := oldest - 1;
        END LOOP;
    END IF;
    IF cardinality(matches) = 2000 THEN
        oldest := matches[2000];
    END IF;
    RETURN QUERY EXECUTE $sql$
WITH found AS MATERIALIZED (
    SELECT story_id, ts_rank_cd('{0.1, 0.1, 0.4, 1.0}', document, CAST($1 AS tsquery), 1) AS rank
    FROM story_search WHERE story_id = ANY ($2)
    ORDER BY rank DESC, story_id DESC LIMIT $3
)
SELECT found.story_id, CAST(found.rank AS double precision), ts_headline(
        search_config(stories.language), concat_ws(' ', stories.title, stories.standfirst, left(stories.text, 20000)), CAST($1 AS tsquery), $4
    ), (SELECT stories.stored_at FROM stories WHERE stories.id = $5)
FROM found
JOIN stories ON stories.id = found.story_id
ORDER BY found.rank DESC, found.story_id DESC$sql$
    USING asked, matches, greatest(least(most, 2000), 0),
        'StartSel="' || left(marks, 1) || '", StopSel="' || right(marks, 1)
            || '", MaxWords=24, MinWords=12, MaxFragments=1', oldest;
    -- That nothing was found so far back is an answer, too.
    IF NOT FOUND AND oldest IS NOT NULL THEN
        RETURN QUERY SELECT CAST(NULL AS bigint), CAST(NULL AS double precision), CAST(NULL AS text), stories.stored_at
        FROM stories WHERE stories.id = oldest;
    END IF;
END
$$
