# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""Search on PostgreSQL: a function that asks the full-text index, also for those who may read views alone.

The index is a table of words with no view to it, so `frontwire_read` can't ask it. The function runs with the rights of
who made it, and takes what a person types as a value.

Beyond RANKED_MAX matches only the newest are ranked, and finding these is the work. A common word is found by walking
the newest stories, a rare one by the index, and either way takes seconds for the other kind. The planner knows the few
thousand commonest words only, so the newest stories are tried first: they tell how common it is, and how far back
the newest RANKED_MAX matches reach.
"""

from __future__ import annotations

from collections.abc import Mapping

TYPED_MAX = 500
TERMS_MAX = 16
# Beyond these the newest matches alone are ranked: a word that every story has must not cost a look at every story.
RANKED_MAX = 2_000
# So many of the newest stories are tried first. What one in COMMON of them has is common; with fewer matches than
# SEEN_MIN nothing can be said of how far back the newest RANKED_MAX reach.
TRIED, COMMON, SEEN_MIN = 2_000, 10, 8
# A hit in the headline counts ten times one in the text, one in the standfirst four times.
POSTGRES_WEIGHTS = "'{0.1, 0.1, 0.4, 1.0}'"
SNIPPET_WORDS = 24
SNIPPET_OF = "concat_ws(' ', stories.title, stories.standfirst, left(stories.text, 20000))"

# A phrase in quotation marks, the last of which may be missing, perhaps with a star; or a word.
_TERM = r""""([^"]*)"?(\*?)|([^\s"]\S*)"""


def search_function(configs: Mapping[str, str]) -> str:
    """The statement that makes `search_stories(typed, most, language, since, policy_only, site, marks)`."""
    arrayed = ", ".join(f"'{config}'" for config in sorted({*configs.values(), "simple"}))
    return f"""CREATE FUNCTION search_stories(
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
    {_asked(arrayed)};
    IF asked IS NULL THEN
        RETURN;
    END IF;
    EXECUTE $sql${_TRIED}$sql$ INTO alike, chosen
    USING asked, search_stories.language, since, policy_only, search_stories.site, newest - {TRIED};
    IF alike >= {TRIED // COMMON} THEN
        lookup := 'CAST($1 AS tsquery)';
    END IF;
    IF chosen >= {SEEN_MIN} THEN
        lowest := greatest(newest - {2 * TRIED * RANKED_MAX} / chosen, 0);
    END IF;
    LOOP
        EXECUTE replace($sql${_MATCHING}$sql$, '<lookup>', lookup) INTO matches
        USING asked, search_stories.language, since, policy_only, search_stories.site, lowest;
        EXIT WHEN lowest = 0 OR cardinality(matches) = {RANKED_MAX};
        lowest := 0;
    END LOOP;
    RETURN QUERY EXECUTE $sql${_RANKING}$sql$
    USING asked, matches, greatest(least(most, {RANKED_MAX}), 0),
        'StartSel="' || left(marks, 1) || '", StopSel="' || right(marks, 1)
            || '", MaxWords={SNIPPET_WORDS}, MinWords=12, MaxFragments=1';
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


# $1 what is asked, $2 language, $3 since, $4 conflict policy alone, $5 site, $6 the id before the first that counts. A
# table is joined only where its filter is given: what is known when a query is planned is left out of it.
_CHOSEN = """($2 IS NULL OR stories.language = $2)
            AND ($3 IS NULL OR stories.stored_at >= $3)
            AND (NOT $4 OR story_facts.is_conflict_policy)
            AND ($5 IS NULL OR stories.site = $5)"""
_STORIES = """FROM story_search
        LEFT JOIN stories ON stories.id = story_search.story_id
        LEFT JOIN story_facts ON story_facts.story_id = story_search.story_id"""
_TRIED = f"""
    SELECT count(*), count(*) FILTER (WHERE {_CHOSEN})
    {_STORIES}
    WHERE story_search.story_id > $6 AND story_search.document @@ CAST($1 AS tsquery)"""
# <lookup>, as the drivers take %s for a parameter: a value, of which the planner knows how common it is, or a subquery,
# which it looks up by the index.
_MATCHING = f"""
    SELECT coalesce(array_agg(matched.story_id), CAST(ARRAY[] AS bigint[])) FROM (
        SELECT story_search.story_id
        {_STORIES}
        WHERE story_search.story_id > $6 AND story_search.document @@ <lookup>
            AND {_CHOSEN}
        ORDER BY story_search.story_id DESC LIMIT {RANKED_MAX}
    ) AS matched"""
# $2 the ids that match, $3 how many of them, $4 how to cut the words out. Documents are wide: only ids are sorted.
_RANKING = f"""
WITH found AS MATERIALIZED (
    SELECT story_id, ts_rank_cd({POSTGRES_WEIGHTS}, document, CAST($1 AS tsquery), 1) AS rank
    FROM story_search WHERE story_id = ANY ($2)
    ORDER BY rank DESC, story_id DESC LIMIT $3
)
SELECT found.story_id, CAST(found.rank AS double precision), ts_headline(
        search_config(stories.language), {SNIPPET_OF}, CAST($1 AS tsquery), $4
    )
FROM found
JOIN stories ON stories.id = found.story_id
ORDER BY found.rank DESC, found.story_id DESC"""
