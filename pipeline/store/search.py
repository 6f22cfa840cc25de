# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""Full-text search: FTS5 on SQLite, tsvector on PostgreSQL, with one small language of words, "phrases" and prefix*.

What a person types is data. Each term is quoted for the index and bound as a parameter, so no sign in it is syntax.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, text

from pipeline.store.readers_search import POSTGRES_WEIGHTS, RANKED_MAX, SNIPPET_OF, SNIPPET_WORDS, TERMS_MAX
from pipeline.store.reports import Facts, StoryFilter, stories_by_id
from pipeline.store.triggers import SEARCH_CONFIGS
from pipeline.store.types import UtcDateTime

# As POSTGRES_WEIGHTS.
_SQLITE_RANK = "bm25(story_search, 10.0, 4.0, 1.0)"
# Stored text has no control characters, so these can't be part of it.
MARK_START, MARK_END = "\x02", "\x03"

_TERM = re.compile(r'"([^"]*)"?(\*?)|(\S+)')


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to be found: words that stand side by side, the last of them perhaps only begun."""

    words: str
    is_prefix: bool = False


def parse_terms(typed: str) -> tuple[Term, ...]:
    """The terms of a search as a person types it: `word`, `"a phrase"`, `begin*`; all of them must be found.

    What holds no letter or digit is passed over, and so is everything after 16 terms.
    """
    found = []
    for phrase, star, word in _TERM.findall(typed.replace("\0", " ")):
        words = (phrase or word.rstrip("*")).replace('"', " ").strip()
        if any(sign.isalnum() for sign in words):
            found.append(Term(words, is_prefix=bool(star) or word.endswith("*")))
    return tuple(found[:TERMS_MAX])


def fts5_query(terms: Sequence[Term]) -> str:
    """The terms as an FTS5 expression: each one a string of its own, which FTS5 never reads as syntax."""
    return " AND ".join(f'"{term.words}"{" *" if term.is_prefix else ""}' for term in terms)


def search_stories(connection: Connection, typed: str, wanted: StoryFilter, limit: int) -> list[Facts]:
    """The best stories for `typed` under the filter, best first, each with `snippet` and `rank` (higher is better).

    In a snippet MARK_START and MARK_END stand around what was found. Nothing to look for finds nothing.
    """
    terms = parse_terms(typed)
    if not terms:
        return []
    where, values = _conditions(wanted)
    if connection.dialect.name == "postgresql":
        asked = _asked(connection, terms, wanted.language)
        if not asked:
            return []
        query, bound = _postgres(where, is_phrase="<" in asked), {"asked": asked}
    else:
        query, bound = sqlite_search(where), {"query": fts5_query(terms)}
    parameters = values | bound | {"ranked": RANKED_MAX, "limit": limit}
    statement = text(query)
    if wanted.since:
        statement = statement.bindparams(bindparam("since", type_=UtcDateTime()))
    found = connection.execute(statement, parameters).all()
    listed = {row["id"]: row for row in stories_by_id(connection, [hit.story_id for hit in found])}
    return [listed[hit.story_id] | {"rank": hit.rank, "snippet": hit.snippet} for hit in found]


def _conditions(wanted: StoryFilter) -> tuple[str, dict[str, Any]]:
    """The filter as SQL on `stories` and `story_facts`, and its values."""
    parts, values = ["true"], {}
    if wanted.policy_only:
        parts.append("story_facts.is_conflict_policy")
    for name in ("site", "language"):
        if value := getattr(wanted, name):
            parts.append(f"stories.{name} = :{name}")
            values[name] = value
    if wanted.since:
        parts.append("stories.stored_at >= :since")
        values["since"] = wanted.since
    return " AND ".join(parts), values


def sqlite_search(where: str = "true") -> str:
    """The search on SQLite, `story_id, rank, snippet` of the best.

    Its parameters are `query` (see fts5_query), `ranked`, `limit` and those of `where`, a condition on `stories` and
    `story_facts`.
    """
    snippet = f"snippet(story_search, -1, '{MARK_START}', '{MARK_END}', '…', {SNIPPET_WORDS})"
    return f"""
WITH newest AS (
    SELECT story_search.rowid AS story_id, -{_SQLITE_RANK} AS rank
    FROM story_search
    CROSS JOIN stories ON stories.id = story_search.rowid
    LEFT JOIN story_facts ON story_facts.story_id = stories.id
    WHERE story_search MATCH :query AND {where}
    ORDER BY story_search.rowid DESC LIMIT :ranked
),
best AS (SELECT story_id, rank FROM newest ORDER BY rank DESC, story_id DESC LIMIT :limit)
SELECT story_id, rank, (
    SELECT {snippet} FROM story_search WHERE story_search MATCH :query AND story_search.rowid = best.story_id
) AS snippet
FROM best
ORDER BY rank DESC, story_id DESC"""


def _asked(connection: Connection, terms: Sequence[Term], language: str | None) -> str | None:
    """The terms as a tsquery; a story is indexed by its own language, so each is tried in every language's form.

    A word with signs inside is a phrase of its parts, so a hyphen finds what is written with a space, and the reverse.
    """
    values: dict[str, Any] = {"language_tag": language}
    parts = []
    for number, term in enumerate(terms):
        words = term.words.replace("-", " ")
        values[f"term{number}"] = _tsquery_word(words) + ":*" if term.is_prefix else words
        maker = "to_tsquery" if term.is_prefix else "phraseto_tsquery"
        parts.append(f"{maker}(config, :term{number})")
    configs = ", ".join(f"'{config}'" for config in sorted({*SEARCH_CONFIGS.values(), "simple"}))
    query = f"""
SELECT string_agg(DISTINCT '(' || CAST(query AS text) || ')', ' | ')
FROM unnest(CAST(ARRAY[{configs}] AS regconfig[])) AS config, LATERAL (SELECT {" && ".join(parts)} AS query) AS made
WHERE numnode(query) > 0
    AND (CAST(:language_tag AS text) IS NULL OR config = search_config(CAST(:language_tag AS text)))"""
    asked: str | None = connection.execute(text(query), values).scalar_one()
    return asked


def _postgres(where: str, *, is_phrase: bool) -> str:
    """The search on PostgreSQL, with the parameters `asked`, `ranked`, `limit` and those of `where`.

    What is asked is a value and no subquery, so that PostgreSQL knows how common it is: common words it finds from the
    newest story downwards, rare ones by their index. It takes a phrase for as common as its words, so that is asked
    as a subquery, and always by the index. Documents are wide, so only ids are sorted.
    """
    query = "CAST(:asked AS tsquery)"
    looked_up = f"(SELECT {query})" if is_phrase else query
    return f"""
WITH matched AS MATERIALIZED (
    SELECT story_search.story_id
    FROM story_search
    JOIN stories ON stories.id = story_search.story_id
    LEFT JOIN story_facts ON story_facts.story_id = stories.id
    WHERE story_search.document @@ {looked_up} AND {where}
    ORDER BY story_search.story_id DESC LIMIT :ranked
),
found AS MATERIALIZED (
    SELECT story_id, ts_rank_cd({POSTGRES_WEIGHTS}, document, {query}, 1) AS rank
    FROM matched JOIN story_search USING (story_id)
    ORDER BY rank DESC, story_id DESC LIMIT :limit
)
SELECT found.story_id, CAST(found.rank AS double precision) AS rank, ts_headline(
        search_config(stories.language),
        {SNIPPET_OF},
        {query},
        'StartSel="{MARK_START}", StopSel="{MARK_END}", MaxWords={SNIPPET_WORDS}, MinWords=12, MaxFragments=1'
    ) AS snippet
FROM found
JOIN stories ON stories.id = found.story_id
ORDER BY found.rank DESC, found.story_id DESC"""


def _tsquery_word(words: str) -> str:
    """Quoted for to_tsquery, in which nothing inside quotes is syntax."""
    return "'" + words.replace("\\", "\\\\").replace("'", "''") + "'"


def rebuild_search(connection: Connection) -> None:
    """Makes the full-text index anew from the stories."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("DELETE FROM story_search"))
        connection.execute(
            text(
                "INSERT INTO story_search (story_id, document) "
                "SELECT id, search_document(language, title, standfirst, text) FROM stories"
            )
        )
    else:
        connection.execute(text("INSERT INTO story_search (story_search) VALUES ('rebuild')"))
