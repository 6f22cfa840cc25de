# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""Full-text search: FTS5 on SQLite, tsvector on PostgreSQL, with one small language of words, "phrases" and prefix*.

What a person types is data. Each term is quoted for the index and bound as a parameter, so no sign in it is syntax.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text

from pipeline.store.readers_search import FIRST_IDEOGRAPH, RANKED_MAX, SNIPPET_WORDS, TERMS_MAX
from pipeline.store.reports import Facts, StoryFilter, stories_by_id
from pipeline.store.types import UtcDateTime

# As POSTGRES_WEIGHTS of readers_search.py.
_SQLITE_RANK = "bm25(story_search, 10.0, 4.0, 1.0)"
# Stored text has no control characters, so these can't be part of it.
MARK_START, MARK_END = "\x02", "\x03"

_TERM = re.compile(r'"([^"]*)"?(\*?)|(\S+)')
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to be found: words that stand side by side, the last of them perhaps only begun."""

    words: str
    is_prefix: bool = False

    def is_too_short(self) -> bool:
        """Whether it is the beginning of one letter, which every story has: no answer is worth gathering them all."""
        last = _WORD.findall(self.words)[-1:]
        return self.is_prefix and bool(last) and len(last[0]) == 1 and ord(last[0]) < FIRST_IDEOGRAPH


class TooShort(ValueError):
    """A beginning of one letter is asked for. The message is one sentence for people."""


def require_long(terms: Sequence[Term]) -> None:
    """Raises TooShort for a beginning of one letter."""
    for term in terms:
        if term.is_too_short():
            raise TooShort(f'"{term.words}*" is too short: a beginning needs two letters')


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


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, best first: stories, each with `snippet` and `rank` (higher is better).

    In a snippet MARK_START and MARK_END stand around what was found. `ranked_since` is None when everything that
    matches was compared; otherwise only the newest matches were, those stored since then.
    """

    stories: list[Facts]
    ranked_since: datetime | None


def search_stories(connection: Connection, typed: str, wanted: StoryFilter, limit: int) -> Found:
    """The best stories for `typed` under the filter. Nothing to look for finds nothing; TooShort is raised."""
    require_long(parse_terms(typed))
    rows = (_of_postgres if connection.dialect.name == "postgresql" else _of_sqlite)(connection, typed, wanted, limit)
    listed = {row["id"]: row for row in stories_by_id(connection, [hit.story_id for hit in rows if hit.story_id])}
    hits = [listed[hit.story_id] | {"rank": hit.rank, "snippet": hit.snippet} for hit in rows if hit.story_id in listed]
    return Found(hits, rows[0].ranked_since if rows else None)


_SEARCH_POSTGRES = text("""
SELECT story_id, rank, snippet, ranked_since FROM search_stories(
    CAST(:typed AS text), most => :limit, language => CAST(:language AS text), since => CAST(:since AS timestamptz),
    policy_only => :policy_only, site => CAST(:site AS text), marks => :marks, until => CAST(:until AS timestamptz)
)""").bindparams(bindparam("since", type_=UtcDateTime()), bindparam("until", type_=UtcDateTime()))


def _of_postgres(connection: Connection, typed: str, wanted: StoryFilter, limit: int) -> Sequence[Row[Any]]:
    """What the function of the database finds (readers_search.py)."""
    filters = {name: getattr(wanted, name) for name in ("language", "since", "until", "policy_only", "site")}
    parameters = {"typed": typed.replace("\0", " "), "limit": limit, "marks": MARK_START + MARK_END} | filters
    return connection.execute(_SEARCH_POSTGRES, parameters).all()


def _of_sqlite(connection: Connection, typed: str, wanted: StoryFilter, limit: int) -> Sequence[Row[Any]]:
    terms = parse_terms(typed)
    if not terms:
        return []
    where, values = _conditions(wanted)
    statement = text(sqlite_search(terms, where)).columns(ranked_since=UtcDateTime())
    instants = [bindparam(name, type_=UtcDateTime()) for name in ("since", "until") if name in values]
    statement = statement.bindparams(*instants)
    bound = {"query": fts5_query(terms), "ranked": RANKED_MAX, "limit": limit}
    return connection.execute(statement, values | bound).all()


def _conditions(wanted: StoryFilter) -> tuple[list[str], dict[str, Any]]:
    """The filter as conditions for `sqlite_search`, and its values."""
    told = {"language": OF_LANGUAGE, "since": STORED_SINCE, "until": STORED_UNTIL, "site": OF_SITE}
    values = {name: value for name in told if (value := getattr(wanted, name))}
    conditions = [told[name] for name in values]
    if wanted.policy_only:
        conditions.append(of_facts("is_conflict_policy"))
    return conditions, values


# Conditions on what SQLite's index finds. Each match is looked up in the narrow rows of `story_facts`: those of
# `stories` hold the texts.


def of_facts(condition: str) -> str:
    """A condition on the row of a match in `story_facts`, where most will do: the newest that do are found soon."""
    return f"EXISTS (SELECT 1 FROM story_facts WHERE story_id = story_search.rowid AND {condition})"


def among_facts(condition: str) -> str:
    """The same where few will do: these are gathered first. The plus keeps FTS5 from being asked for each one alone,
    which gathers a beginning, and weighs a word, over all stories each time."""
    return f"+story_search.rowid IN (SELECT story_id FROM story_facts WHERE {condition})"


# Of a language or an outlet that no story has, no match is looked at: SQLite asks first what depends on none.
OF_LANGUAGE = f"""EXISTS (SELECT 1 FROM volume_by_language WHERE language = :language)
        AND {of_facts("language = :language")}"""
OF_SITE = """EXISTS (SELECT 1 FROM stories WHERE site = :site)
        AND +story_search.rowid IN (SELECT id FROM stories WHERE site = :site)"""


def _day_from(instant: str, days: int) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {instant}, '{days:+} day')"


# Other matches are not even walked: ids follow the time of storing, but for clocks that differ, by less than a day.
STORED_SINCE = f"""story_search.rowid > coalesce((
            SELECT id FROM stories WHERE stored_at < {_day_from(":since", -1)} ORDER BY stored_at DESC LIMIT 1
        ), 0) AND {of_facts("stored_at >= :since")}"""
STORED_UNTIL = f"""story_search.rowid <= coalesce((
            SELECT id FROM stories WHERE stored_at > {_day_from(":until", 1)} ORDER BY stored_at LIMIT 1
        ), (SELECT max(id) FROM stories)) AND {of_facts("stored_at <= :until")}"""


# Where the snippets come from: the index asked for each of the best, or walked once from the last to the first of them.
_ASKED = "FROM best CROSS JOIN story_search ON story_search.rowid = best.story_id AND story_search MATCH :query"
_WALKED = """FROM story_search CROSS JOIN best ON best.story_id = +story_search.rowid
WHERE story_search MATCH :query
    AND story_search.rowid BETWEEN (SELECT min(story_id) FROM best) AND (SELECT max(story_id) FROM best)
    AND +story_search.rowid IN (SELECT story_id FROM best)"""


def sqlite_search(terms: Sequence[Term], conditions: Sequence[str] = ()) -> str:
    """The search on SQLite: `story_id, rank, snippet, ranked_since` (see Found) of the best.

    Its parameters are `query` (see fts5_query), `ranked`, `limit` and those of the conditions on `story_search.rowid`.
    For the snippets the index is asked once more, and walked where a beginning is among the terms: all that begins so
    would be gathered for each story.
    """
    snippets = _WALKED if any(term.is_prefix for term in terms) else _ASKED
    snippet = f"snippet(story_search, -1, '{MARK_START}', '{MARK_END}', '…', {SNIPPET_WORDS})"
    where = "".join(f"\n        AND {condition}" for condition in conditions)
    return f"""
WITH newest AS MATERIALIZED (
    SELECT story_search.rowid AS story_id, -{_SQLITE_RANK} AS rank
    FROM story_search
    WHERE story_search MATCH :query{where}
    ORDER BY story_search.rowid DESC LIMIT :ranked
),
best AS MATERIALIZED (SELECT story_id, rank FROM newest ORDER BY rank DESC, story_id DESC LIMIT :limit),
oldest AS MATERIALIZED (SELECT min(story_id) AS story_id FROM newest HAVING count(*) = :ranked)
SELECT best.story_id, best.rank, {snippet} AS snippet,
    (SELECT stored_at FROM stories WHERE id = (SELECT story_id FROM oldest)) AS ranked_since
{snippets}
ORDER BY best.rank DESC, best.story_id DESC"""
