"""A SQLite file of stories to give away: their texts, verdicts, acts and actors, and nothing of how we got them.

No feed, URL with a key, watch, archive or queue is in it: it has tables of its own, filled from exported rows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.exporting.lines import COLUMNS

_LISTS = ("acts", "actors")
_OWN = tuple(name for name in COLUMNS if name not in _LISTS)
_NUMBERS = {"id", "revision", "cluster_id", "word_count", "is_conflict", "is_conflict_policy"}
_TYPES = dict.fromkeys(_NUMBERS, "INTEGER") | {"conflict": "REAL", "conflict_policy": "REAL"}

_TABLES = f"""
CREATE TABLE IF NOT EXISTS stories (
    {", ".join(f"{name} {_TYPES.get(name, 'TEXT')}{' PRIMARY KEY' if name == 'id' else ''}" for name in _OWN)}
);
CREATE TABLE IF NOT EXISTS story_acts (story_id INTEGER, place INTEGER, act TEXT, PRIMARY KEY (story_id, act));
CREATE TABLE IF NOT EXISTS story_actors (story_id INTEGER, place INTEGER, actor TEXT, PRIMARY KEY (story_id, actor));
"""

_VIEWS = """
CREATE INDEX stories_stored_at ON stories (stored_at);
CREATE INDEX story_acts_act ON story_acts (act);
CREATE INDEX story_actors_actor ON story_actors (actor);
CREATE VIEW conflict_policy_stories AS
SELECT
    id AS story_id, title, url, site, coalesce(language, 'und') AS language, dateline, standfirst, published_at,
    stored_at, revision, word_count, cluster_id, conflict_policy AS score, status,
    (SELECT group_concat(act, ', ') FROM
        (SELECT act FROM story_acts WHERE story_id = stories.id ORDER BY place)) AS acts,
    (SELECT group_concat(actor, ', ') FROM
        (SELECT actor FROM story_actors WHERE story_id = stories.id ORDER BY place)) AS actors
FROM stories WHERE is_conflict_policy;
CREATE VIEW policy_acts AS
SELECT
    substr(coalesce(published_at, stored_at), 1, 10) AS day, act, actor, stories.id AS story_id, site,
    coalesce(language, 'und') AS language, stored_at
FROM stories
JOIN story_acts ON story_acts.story_id = stories.id
LEFT JOIN story_actors ON story_actors.story_id = stories.id
WHERE is_conflict_policy;
CREATE VIEW volume_hourly AS
SELECT
    substr(stored_at, 1, 13) || ':00:00.000Z' AS hour, site, coalesce(language, 'und') AS language, count(*) AS stories,
    sum(is_conflict) AS conflict, sum(is_conflict_policy) AS conflict_policy
FROM stories GROUP BY 1, 2, 3;
"""


class Snapshot:
    """A snapshot in the making at `path`; stories above `after_id`, of a run that was cut off, are taken out first."""

    def __init__(self, path: Path, after_id: int) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(_TABLES)
        with self._transaction():
            for table, column in (("stories", "id"), ("story_acts", "story_id"), ("story_actors", "story_id")):
                self._connection.execute(f"DELETE FROM {table} WHERE {column} > ?", (after_id,))  # noqa: S608 - constants

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add whole stories, all or none."""
        marks = ", ".join("?" * len(_OWN))
        with self._transaction():
            for row in rows:
                values = [_plain(row[name]) for name in _OWN]
                self._connection.execute(f"INSERT INTO stories ({', '.join(_OWN)}) VALUES ({marks})", values)  # noqa: S608
                for table, words in (("story_acts", row["acts"]), ("story_actors", row["actors"])):
                    self._connection.executemany(
                        f"INSERT INTO {table} VALUES (?, ?, ?)",  # noqa: S608 - one of two names
                        [(row["id"], place, word) for place, word in enumerate(words)],
                    )

    def finish(self) -> None:
        """Add indexes and views, and close."""
        self._connection.executescript(_VIEWS)
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _transaction(self) -> sqlite3.Connection:
        self._connection.execute("BEGIN")
        # As a context manager it commits, or rolls back when an error passes.
        return self._connection


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z"
    if isinstance(value, list | tuple):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, int | float) or value is None else str(value)
