# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""Full-text search: FTS5 on SQLite, tsvector on PostgreSQL, with one small language of words, "phrases" and prefix*.

What a person types is data. Each term is quoted for the index and bound as a parameter, so no sign in it is syntax.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from pipeline.store.readers_search import RANKED_MAX, SNIPPET_WORDS, TERMS_MAX
from pipeline.store.reports import Facts, StoryFilter, stories_by_id
from pipeline.store.types import UtcDateTime

# As POSTGRES_WEIGHTS of readers_search.py.
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
    found = (_of_postgres if connection.dialect.name == "postgresql" else _of_sqlite)(connection, typed, wanted, limit)
    listed = {row["id"]: row for row in stories_by_id(connection, [hit.story_id for hit in found])}
    return [listed[hit.story_id] | {"rank": hit.rank, "snippet": hit.snippet} for hit in found]


_SEARCH_POSTGRES = text("""
SELECT story_id, rank, snippet FROM search_stories(
    CAST(:typed AS text), most => :limit, language => CAST(:language AS text), since => CAST(:since AS timestamptz),
    policy_only => :policy_only, site => CAST(:site AS text), marks => :marks
)""").bindparams(bindparam("since", type_=UtcDateTime()))


def _of_postgres(connection: Connection, typed: str, wanted: StoryFilter, limit: int) -> Sequence[Row[Any]]:
    """What the function of the database finds (readers_search.py)."""
    filters = {name: getattr(wanted, name) for name in ("language", "since", "policy_only", "site")}
    parameters = {"typed": typed.replace("\0", " "), "limit": limit, "marks": MARK_START + MARK_END} | filters
    return connection.execute(_SEARCH_POSTGRES, parameters).all()


def _of_sqlite(connection: Connection, typed: str, wanted: StoryFilter, limit: int) -> Sequence[Row[Any]]:
    terms = parse_terms(typed)
    if not terms:
        return []
    where, values = _conditions(wanted)
    statement = text(sqlite_search(where))
    if wanted.since:
        statement = statement.bindparams(bindparam("since", type_=UtcDateTime()))
    bound = {"query": fts5_query(terms), "ranked": RANKED_MAX, "limit": limit}
    return connection.execute(statement, values | bound).all()


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
    `story_facts`. For the snippets the index is asked once more and walked: to ask it for each story alone would gather
    all that begins with a prefix as many times.
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
best AS MATERIALIZED (SELECT story_id, rank FROM newest ORDER BY rank DESC, story_id DESC LIMIT :limit)
SELECT best.story_id, best.rank, {snippet} AS snippet
FROM story_search
CROSS JOIN best ON best.story_id = +story_search.rowid
WHERE story_search MATCH :query
    AND story_search.rowid BETWEEN (SELECT min(story_id) FROM best) AND (SELECT max(story_id) FROM best)
ORDER BY best.rank DESC, best.story_id DESC"""


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
