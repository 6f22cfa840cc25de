CREATE FUNCTION search_stories(
    typed text, most integer DEFAULT 50, language text DEFAULT NULL, since timestamptz DEFAULT NULL,
    policy_only boolean DEFAULT false
)
RETURNS TABLE (story_id bigint, rank double precision, snippet text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    asked text;
    lookup text;
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
    -- A phrase is taken for as common as its words: as a subquery it is looked up by the index.
    lookup := CASE WHEN position('<' IN asked) > 0 THEN '(SELECT CAST($1 AS tsquery))' ELSE 'CAST($1 AS tsquery)' END;
    RETURN QUERY EXECUTE replace($sql$
WITH matched AS MATERIALIZED (
    SELECT story_search.story_id
    FROM story_search
    JOIN stories ON stories.id = story_search.story_id
    LEFT JOIN story_facts ON story_facts.story_id = stories.id
    WHERE story_search.document @@ <lookup>
        AND ($3 IS NULL OR stories.language = $3)
        AND ($4 IS NULL OR stories.stored_at >= $4)
        AND (NOT $5 OR story_facts.is_conflict_policy)
    ORDER BY story_search.story_id DESC LIMIT 2000
),
found AS MATERIALIZED (
    SELECT story_id, ts_rank_cd('{0.1, 0.1, 0.4, 1.0}', document, CAST($1 AS tsquery), 1) AS rank
    FROM matched JOIN story_search USING (story_id)
    ORDER BY rank DESC, story_id DESC LIMIT $2
)
SELECT found.story_id, CAST(found.rank AS double precision), ts_headline(
        search_config(stories.language),
        concat_ws(' ', stories.title, stories.standfirst, left(stories.text, 20000)),
        CAST($1 AS tsquery),
        'StartSel="«", StopSel="»", MaxWords=24, MinWords=12, MaxFragments=1'
    )
FROM found
JOIN stories ON stories.id = found.story_id
ORDER BY found.rank DESC, found.story_id DESC$sql$, '<lookup>', lookup)
    USING asked, greatest(least(most, 2000), 0), search_stories.language, since, policy_only;
END
$$
