# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""SQLite's full-text index, and how it is kept: each story by a trigger, those of a batch all at once.

FTS5 holds new words in memory and sorts them into its file when the transaction ends, but also before every statement
that may be taken back, and most of ours may be: then a story is a piece of the index of its own, and pieces are merged
again and again. So a batch opens `story_search_pending`, behind whose `after_id` no trigger indexes, and indexes what
came with one statement before it commits. Nobody else ever sees that row, and a writer without it is indexed at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from pipeline.store.dialects import sqlite_trigger

SEARCHED = ("title", "standfirst", "text")
_COLUMNS = ", ".join(SEARCHED)
_LEARN = f"INSERT INTO story_search (rowid, {_COLUMNS})"

# A row that is there already was left by nobody knows whom: what it waits for is indexed as well.
_OPEN = text(
    "INSERT OR IGNORE INTO story_search_pending (id, after_id) VALUES (1, (SELECT coalesce(max(id), 0) FROM stories))"
)
_INDEX = text(f"""{_LEARN}
SELECT id, {_COLUMNS} FROM stories WHERE id > (SELECT after_id FROM story_search_pending) ORDER BY id""")
_CLOSE = text("DELETE FROM story_search_pending")


@contextmanager
def indexed_together(connection: Connection) -> Iterator[None]:
    """Stories that the transaction stores inside are indexed at the end of the block, in one go; see the module.

    An error inside leaves that to the rollback. PostgreSQL gathers what is new by itself (GIN's list of pending words).
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.execute(_OPEN)
    yield
    connection.execute(_INDEX)
    connection.execute(_CLOSE)


def sqlite_index() -> dict[str, str]:
    """The index and its triggers, by the name of each object, in the order to make them."""
    old, new = (", ".join(f"{row}.{column}" for column in SEARCHED) for row in ("OLD", "NEW"))
    # What an external-content index forgets has to be told to it word by word.
    forget = f"INSERT INTO story_search (story_search, rowid, {_COLUMNS}) VALUES ('delete', OLD.id, {old})"
    learn = f"{_LEARN} VALUES (NEW.id, {new})"
    is_reworded = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in SEARCHED)
    return {
        "story_search": f"""CREATE VIRTUAL TABLE story_search USING fts5(
    {_COLUMNS}, content='stories', content_rowid='id', tokenize='unicode61 remove_diacritics 2', prefix='2'
)""",
        "story_search_pending": """CREATE TABLE story_search_pending (
    id integer NOT NULL CONSTRAINT pk_story_search_pending PRIMARY KEY CHECK (id = 1),
    after_id integer NOT NULL
)""",
        **sqlite_trigger("stories_learn", f"AFTER INSERT ON stories WHEN {_is_indexed('NEW')}", learn),
        **sqlite_trigger("stories_forget", f"AFTER DELETE ON stories WHEN {_is_indexed('OLD')}", forget),
        **sqlite_trigger(
            "stories_reword",
            f"AFTER UPDATE OF {_COLUMNS} ON stories WHEN ({is_reworded}) AND {_is_indexed('OLD')}",
            forget,
            learn,
        ),
    }


def _is_indexed(row: str) -> str:
    """Whether the row's story is in the index, or has to be at once: no batch will index it at its end."""
    return f"NOT EXISTS (SELECT 1 FROM story_search_pending WHERE after_id < {row}.id)"


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
        connection.execute(_CLOSE)
