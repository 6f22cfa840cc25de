# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""Search on PostgreSQL: a function that asks the full-text index, also for those who may read views alone.

The index is a table of words with no view to it, so `frontwire_read` can't ask it. The function runs with the rights of
who made it, and takes what a person types as a value.

Rare words are found by the index. Common ones are looked for in the newest stories under the filter: the index would
name most stories, and each would have to be looked at, since it knows neither phrases nor which are new. The planner
knows the few thousand commonest words only, so how common they are is tried in the newest stories first. What most
stories have, but seldom side by side, is looked for so far back and no further, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TYPED_MAX = 500
TERMS_MAX = 16
# One letter begins a word in every story, but a sign from here on is a word, or half of one: the radicals of CJK.
FIRST_IDEOGRAPH = 0x2E80
# Beyond these the newest matches alone are ranked: a word that every story has must not cost a look at every story.
RANKED_MAX = 2_000
# A hit in the headline counts ten times one in the text, one in the standfirst four times.
POSTGRES_WEIGHTS = "'{0.1, 0.1, 0.4, 1.0}'"
SNIPPET_WORDS = 24
SNIPPET_OF = "concat_ws(' ', stories.title, stories.standfirst, left(stories.text, 20000))"

# A phrase in quotation marks, the last of which may be missing, perhaps with a star; or a word.
_TERM = r""""([^"]*)"?(\*?)|([^\s"]\S*)"""
# Control characters, and the blanks of all scripts: what parts words, whatever locale the database has.
_UNSEEN = r"[\u0001-\u001f\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much work a search may be, in stories.

    `tried` of the newest are looked at first; words that `common` of them have, in whatever order, are common. These
    are looked for in `walked[0]` of the newest stories under the filter, then in `walked[1]` more, and in the last so
    many where fewer were found than were asked for. A story costs 3 to 5 µs. `ranked` matches are compared at most.
    """

    tried: int = 2_000
    common: int = 100
    walked: tuple[int, ...] = (3_000, 17_000, 60_000)
    ranked: int = RANKED_MAX


def search_function(configs: Mapping[str, str], bounds: Bounds = Bounds()) -> str:
    """The statement that makes `search_stories(typed, most, language, since, policy_only, site, marks, until)`."""
    arrayed = ", ".join(f"'{config}'" for config in sorted({*configs.values(), "simple"}))
    return f"""CREATE FUNCTION search_stories(
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
    {_TOO_SHORT};
    IF short IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22023',
            MESSAGE = '"' || short || '*" is too short: a beginning needs two letters';
    END IF;
    {_asked(arrayed)};
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
    EXECUTE $sql${_TRIED}$sql$ INTO alike
    USING regexp_replace(asked, '<(-|[0-9]+)>', '&', 'g'), highest, {bounds.tried};
    IF alike < {bounds.common} THEN
        EXECUTE $sql${_BY_INDEX}$sql$ INTO matches
        USING asked, search_stories.language, since, policy_only, search_stories.site, until, lowest, highest,
            {bounds.ranked};
    ELSE
        FOREACH walked IN ARRAY ARRAY{list(bounds.walked)} LOOP
            EXECUTE replace(
                $sql${_BY_WALKING}$sql$, '<chosen>',
                CASE WHEN search_stories.site IS NULL THEN $sql${_CHOSEN_BY_ID}$sql$
                    ELSE $sql${_CHOSEN_BY_SITE}$sql$ END
            ) INTO more, oldest
            USING asked, search_stories.language, since, policy_only, search_stories.site, until, lowest, highest,
                {bounds.ranked} - cardinality(matches), walked;
            matches := matches || more;
            EXIT WHEN oldest IS NULL OR cardinality(matches) = {bounds.ranked}
                OR walked > {bounds.walked[0]} AND cardinality(matches) >= most;
            highest := oldest - 1;
        END LOOP;
    END IF;
    IF cardinality(matches) = {bounds.ranked} THEN
        oldest := matches[{bounds.ranked}];
    END IF;
    RETURN QUERY EXECUTE $sql${_RANKING}$sql$
    USING asked, matches, greatest(least(most, {bounds.ranked}), 0),
        'StartSel="' || left(marks, 1) || '", StopSel="' || right(marks, 1)
            || '", MaxWords={SNIPPET_WORDS}, MinWords=12, MaxFragments=1', oldest;
    -- That nothing was found so far back is an answer, too.
    IF NOT FOUND AND oldest IS NOT NULL THEN
        RETURN QUERY SELECT CAST(NULL AS bigint), CAST(NULL AS double precision), CAST(NULL AS text), stories.stored_at
        FROM stories WHERE stories.id = oldest;
    END IF;
END
$$"""


_TERMS = f"""SELECT cut.place, cut.is_prefix, replace(cut.words, '-', ' ') AS words
            FROM (
                SELECT
                    found.place,
                    found.parts[2] = '*' OR coalesce(right(found.parts[3], 1) = '*', false) AS is_prefix,
                    replace(coalesce(nullif(found.parts[1], ''), rtrim(found.parts[3], '*'), ''), '"', ' ') AS words
                FROM regexp_matches(
                    regexp_replace(left(typed, {TYPED_MAX}), '{_UNSEEN}', ' ', 'g'), '{_TERM}', 'g'
                ) WITH ORDINALITY AS found (parts, place)
            ) AS cut
            WHERE cut.words ~ '[^[:punct:][:space:]]'
            ORDER BY cut.place LIMIT {TERMS_MAX}"""
# The last word of a beginning where it has one letter, as `is_too_short` of search.py says.
_TOO_SHORT = f"""SELECT trim(terms.words) INTO short
    FROM ({_TERMS}) AS terms
    CROSS JOIN substring(
        terms.words FROM '(?:^|[[:space:][:punct:]])([^[:space:][:punct:]])[[:space:][:punct:]]*$'
    ) AS letter
    WHERE terms.is_prefix AND ascii(letter) < {FIRST_IDEOGRAPH} LIMIT 1"""


def _asked(configs: str) -> str:
    """Every term in the form of every language, since a story is indexed by its own."""
    return f"""SELECT string_agg(DISTINCT '(' || whole.query || ')', ' | ') INTO asked
    FROM (
        SELECT configs.config, string_agg('(' || CAST(made.query AS text) || ')', ' & ' ORDER BY terms.place) AS query
        FROM unnest(CAST(ARRAY[{configs}] AS regconfig[])) AS configs (config)
        CROSS JOIN (
            {_TERMS}
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


_TRIED = """
    SELECT count(*) FROM story_search
    WHERE story_id > $2 - $3 AND story_id <= $2 AND document @@ CAST($1 AS tsquery)"""
# $1 what is asked, $2 language, $3 since, $4 conflict policy alone, $5 site, $6 until, $7 and $8 the ids between which
# a story must be, $9 how many matches are compared. What is known when a query is planned is left out of it.
_OF_FACTS = """($2 IS NULL OR story_facts.language = $2)
            AND ($3 IS NULL OR story_facts.stored_at >= $3)
            AND (NOT $4 OR story_facts.is_conflict_policy)
            AND ($6 IS NULL OR story_facts.stored_at <= $6)
            AND story_facts.story_id BETWEEN $7 AND $8"""
# A subquery in place of the value, of which the planner knows how common it is: then it asks the index.
_BY_INDEX = f"""
    WITH found AS MATERIALIZED (
        SELECT story_id FROM story_search
        WHERE document @@ (SELECT CAST($1 AS tsquery)) AND story_id BETWEEN $7 AND $8
    )
    SELECT coalesce(array_agg(matched.story_id), CAST(ARRAY[] AS bigint[])) FROM (
        SELECT found.story_id
        FROM found
        JOIN story_facts ON story_facts.story_id = found.story_id
        WHERE {_OF_FACTS}
            AND ($5 IS NULL OR EXISTS (SELECT FROM stories WHERE stories.id = found.story_id AND stories.site = $5))
        ORDER BY found.story_id DESC LIMIT $9
    ) AS matched"""
# $10 how many stories to look at; <chosen>, how the newest of them are found. OFFSET 0 lets their documents be looked
# up one by one, newest first, until there are enough matches. The second value is NULL when no story is left.
_BY_WALKING = """
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
        (SELECT min(story_id) FROM chosen HAVING count(*) = $10)"""
_CHOSEN_BY_ID = f"""SELECT story_id FROM story_facts
        WHERE {_OF_FACTS} ORDER BY story_id DESC LIMIT $10"""
_CHOSEN_BY_SITE = f"""SELECT story_facts.story_id
        FROM (SELECT id FROM stories WHERE site = $5 ORDER BY id DESC) AS of_site
        JOIN story_facts ON story_facts.story_id = of_site.id
        WHERE {_OF_FACTS} ORDER BY story_facts.story_id DESC LIMIT $10"""
# $2 the ids that match, $3 how many of them, $4 how to cut the words out, $5 the oldest story that was looked at.
# Documents are wide: only ids are sorted.
_RANKING = f"""
WITH found AS MATERIALIZED (
    SELECT story_id, ts_rank_cd({POSTGRES_WEIGHTS}, document, CAST($1 AS tsquery), 1) AS rank
    FROM story_search WHERE story_id = ANY ($2)
    ORDER BY rank DESC, story_id DESC LIMIT $3
)
SELECT found.story_id, CAST(found.rank AS double precision), ts_headline(
        search_config(stories.language), {SNIPPET_OF}, CAST($1 AS tsquery), $4
    ), (SELECT stories.stored_at FROM stories WHERE stories.id = $5)
FROM found
JOIN stories ON stories.id = found.story_id
ORDER BY found.rank DESC, found.story_id DESC"""
