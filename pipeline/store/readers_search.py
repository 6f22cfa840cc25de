# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""Search for those who may read views alone: a function of PostgreSQL that asks the full-text index for them.

The index is a table of words with no view to it, so `frontwire_read` can't ask it. The function runs with the rights of
who made it, takes what a person types as a value, and finds what search_stories() of search.py finds: the two are held
equal by test. It can't be the same SQL, because there the words are taken apart in Python and the filters are put in.
"""

from __future__ import annotations

from collections.abc import Mapping

TYPED_MAX = 500
TERMS_MAX = 16
# Beyond these the newest matches alone are ranked: a word that every story has must not cost a look at every story.
RANKED_MAX = 2_000
# A hit in the headline counts ten times one in the text, one in the standfirst four times.
POSTGRES_WEIGHTS = "'{0.1, 0.1, 0.4, 1.0}'"
SNIPPET_WORDS = 24
SNIPPET_OF = "concat_ws(' ', stories.title, stories.standfirst, left(stories.text, 20000))"

# A phrase in quotation marks, the last of which may be missing, perhaps with a star; or a word.
_TERM = r""""([^"]*)"?(\*?)|([^\s"]\S*)"""


def search_function(configs: Mapping[str, str]) -> str:
    """The statement that makes `search_stories(typed, most, language, since, policy_only)` on PostgreSQL."""
    arrayed = ", ".join(f"'{config}'" for config in sorted({*configs.values(), "simple"}))
    return f"""CREATE FUNCTION search_stories(
    typed text, most integer DEFAULT 50, language text DEFAULT NULL, since timestamptz DEFAULT NULL,
    policy_only boolean DEFAULT false
)
RETURNS TABLE (story_id bigint, rank double precision, snippet text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    asked text;
    lookup text;
BEGIN
    {_asked(arrayed)};
    IF asked IS NULL THEN
        RETURN;
    END IF;
    -- A phrase is taken for as common as its words: as a subquery it is looked up by the index.
    lookup := CASE WHEN position('<' IN asked) > 0 THEN '(SELECT CAST($1 AS tsquery))' ELSE 'CAST($1 AS tsquery)' END;
    RETURN QUERY EXECUTE replace($sql${_MATCHING}$sql$, '<lookup>', lookup)
    USING asked, greatest(least(most, {RANKED_MAX}), 0), search_stories.language, since, policy_only;
END
$$"""


def _asked(configs: str) -> str:
    """Every term in the form of every language, since a story is indexed by its own."""
    return f"""SELECT string_agg(DISTINCT '(' || whole.query || ')', ' | ') INTO asked
    FROM (
        SELECT configs.config, string_agg('(' || CAST(made.query AS text) || ')', ' & ' ORDER BY terms.place) AS query
        FROM unnest(CAST(ARRAY[{configs}] AS regconfig[])) AS configs (config)
        CROSS JOIN (
            SELECT cut.place, cut.is_prefix, replace(cut.words, '-', ' ') AS words
            FROM (
                SELECT
                    found.place,
                    found.parts[2] = '*' OR coalesce(right(found.parts[3], 1) = '*', false) AS is_prefix,
                    replace(coalesce(nullif(found.parts[1], ''), rtrim(found.parts[3], '*'), ''), '"', ' ') AS words
                FROM regexp_matches(left(typed, {TYPED_MAX}), '{_TERM}', 'g') WITH ORDINALITY AS found (parts, place)
            ) AS cut
            WHERE cut.words ~ '[^[:punct:][:space:]]'
            ORDER BY cut.place LIMIT {TERMS_MAX}
        ) AS terms
        CROSS JOIN LATERAL (
            SELECT CASE
                WHEN terms.is_prefix THEN to_tsquery(
                    configs.config,
                    '''' || replace(replace(terms.words, E'\\\\', E'\\\\\\\\'), '''', '''''') || ''':*'
                )
                ELSE phraseto_tsquery(configs.config, terms.words)
            END AS query
        ) AS made
        WHERE numnode(made.query) > 0
            AND (search_stories.language IS NULL OR configs.config = search_config(search_stories.language))
        GROUP BY configs.config
    ) AS whole"""


# $1 what is asked, $2 how many, $3 language, $4 since, $5 conflict policy alone; <lookup>, as the drivers take %s for
# a parameter, how the index is asked.
_MATCHING = f"""
WITH matched AS MATERIALIZED (
    SELECT story_search.story_id
    FROM story_search
    JOIN stories ON stories.id = story_search.story_id
    LEFT JOIN story_facts ON story_facts.story_id = stories.id
    WHERE story_search.document @@ <lookup>
        AND ($3 IS NULL OR stories.language = $3)
        AND ($4 IS NULL OR stories.stored_at >= $4)
        AND (NOT $5 OR story_facts.is_conflict_policy)
    ORDER BY story_search.story_id DESC LIMIT {RANKED_MAX}
),
found AS MATERIALIZED (
    SELECT story_id, ts_rank_cd({POSTGRES_WEIGHTS}, document, CAST($1 AS tsquery), 1) AS rank
    FROM matched JOIN story_search USING (story_id)
    ORDER BY rank DESC, story_id DESC LIMIT $2
)
SELECT found.story_id, CAST(found.rank AS double precision), ts_headline(
        search_config(stories.language),
        {SNIPPET_OF},
        CAST($1 AS tsquery),
        'StartSel="«", StopSel="»", MaxWords={SNIPPET_WORDS}, MinWords=12, MaxFragments=1'
    )
FROM found
JOIN stories ON stories.id = found.story_id
ORDER BY found.rank DESC, found.story_id DESC"""
