"""What dashboards count, kept by the transaction that changes it.

`story_facts` follows the current verdict of a story; its triggers append to the tallies what came or went (tallies.py,
triggers.py; docs/decisions/0016 says why so). A tally is the sum of its rows: those that are not folded yet are single
changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from pipeline.store.schema.parts import Id, Json, metadata
from pipeline.store.types import UtcDateTime, UtcDay


def _of_policy(name: str, *columns: str, beside: Sequence[str] = ()) -> Index:
    """An index of the stories about conflict policy alone. PostgreSQL keeps the columns `beside` in it for reading."""
    return Index(
        f"ix_story_facts_policy_{name}",
        *columns,
        postgresql_include=beside,
        sqlite_where=text("is_conflict_policy = 1"),
        postgresql_where=text("is_conflict_policy = true"),
    )


story_facts = Table(
    "story_facts",
    metadata,
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("verdict_id", Id),
    Column("cluster_id", Id),
    Column("stored_at", UtcDateTime, nullable=False),
    Column("day", UtcDay, nullable=False),
    Column("source", String(255), nullable=False),
    Column("language", String(35), nullable=False),
    Column("is_conflict", Boolean, nullable=False),
    Column("is_conflict_policy", Boolean, nullable=False),
    Column("announced_s", Integer, nullable=False),
    Column("published_s", Integer),
    Column("acts", Text),
    Column("actors", Text),
    Column("scored_acts", Json),
    Column("named_actors", Json),
    Column("named_places", Json),
    _of_policy("source", "source", "stored_at"),
    _of_policy("day", "day"),
    # Of one report: is there an earlier story of it? And how many reports are there in the year of a language?
    _of_policy("cluster", "cluster_id", "stored_at", "story_id", "language"),
    # What the dashboards' filters look at. On PostgreSQL a long list of actors would not go into an index.
    _of_policy("stored_at", "stored_at", "story_id", beside=("cluster_id", "source", "language")).ddl_if(
        dialect="postgresql"
    ),
    _of_policy("chosen", "stored_at", "story_id", "cluster_id", "source", "language", "acts", "actors").ddl_if(
        dialect="sqlite"
    ),
)


# The stories about conflict policy by act and actor, an empty word for any (pipeline/store/act_stories.py).
act_stories = Table(
    "act_stories",
    metadata,
    Column("act", String(24), nullable=False),
    Column("actor", String(32), nullable=False),
    Column("stored_at", UtcDateTime, nullable=False),
    Column("story_id", Id, nullable=False, autoincrement=False),
    Column("cluster_id", Id),
    Column("language", String(35), nullable=False),
    # All of a row, so that the rows of a year are read in one go.
    PrimaryKeyConstraint("act", "actor", "stored_at", "story_id", postgresql_include=["cluster_id", "language"]),
    sqlite_with_rowid=False,
)


def _tally(name: str, first: Column[Any], *others: Column[Any] | Index) -> Table:
    """A table of appended counts; the first column is the one by which it is folded and asked."""
    return Table(
        name,
        metadata,
        Column("id", Id, primary_key=True),
        Column("is_folded", Boolean, nullable=False),
        first,
        *others,
        Index(None, first.name),
        Index(
            f"ix_{name}_unfolded",
            first.name,
            sqlite_where=text("is_folded = 0"),
            postgresql_where=text("is_folded = false"),
        ),
    )


hour_tallies = _tally(
    "hour_tallies",
    Column("hour", UtcDateTime, nullable=False),
    Column("source", String(255), nullable=False),
    Column("language", String(35), nullable=False),
    Column("stories", Integer, nullable=False),
    Column("conflict", Integer, nullable=False),
    Column("conflict_policy", Integer, nullable=False),
)

day_tallies = _tally(
    "day_tallies",
    Column("day", UtcDay, nullable=False),
    Column("source", String(255), nullable=False),
    Column("language", String(35), nullable=False),
    Column("stories", Integer, nullable=False),
    Column("conflict", Integer, nullable=False),
    Column("conflict_policy", Integer, nullable=False),
    # A year in one language, or of one source, is read in one go.
    Index("ix_day_tallies_language", "language", "day", "source", "stories", "conflict", "conflict_policy"),
    Index("ix_day_tallies_source", "source", "day", "language", "stories", "conflict", "conflict_policy"),
)

latency_tallies = _tally(
    "latency_tallies",
    Column("day", UtcDay, nullable=False),
    Column("since", String(16), nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("stories", Integer, nullable=False),
)

# An empty act stands for any, and so does an empty actor: a story with two acts and three actors is one story.
act_tallies = _tally(
    "act_tallies",
    Column("day", UtcDay, nullable=False),
    Column("act", String(24), nullable=False),
    Column("actor", String(32), nullable=False),
    Column("language", String(35), nullable=False),
    Column("stories", Integer, nullable=False),
    # A year in one language is read in one go.
    Index("ix_act_tallies_language", "language", "day", "act", "actor", "stories"),
)

# NULL coordinates are those of a name that covers a wide area. An empty act or language stands for any; a row without a
# place counts the stories that name any place of the state (pipeline/store/place_counts.py).
place_tallies = _tally(
    "place_tallies",
    Column("day", UtcDay, nullable=False),
    Column("place", String(255), nullable=False),
    Column("country", String(3), nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("act", String(24), nullable=False),
    Column("language", String(35), nullable=False),
    Column("stories", Integer, nullable=False),
    Index(
        "ix_place_tallies_chosen",
        *("act", "language", "day", "place", "country", "latitude", "longitude", "stories"),
    ),
)

url_tallies = _tally(
    "url_tallies",
    Column("state", String(24), nullable=False),
    Column("reason", String(24)),
    Column("urls", Integer, nullable=False),
)


def _digest(name: str, *columns: Column[Any]) -> Table:
    """Counts of whole days, written when a tally is folded (pipeline/store/digests.py)."""
    # On SQLite the key is the table: a year is read in one go, with no step from an index to its row.
    return Table(name, metadata, Column("day", UtcDay, primary_key=True), *columns, sqlite_with_rowid=False)


source_digests = _digest(
    "source_digests",
    Column("source", String(255), primary_key=True),
    Column("stories", Integer, nullable=False),
    Column("conflict", Integer, nullable=False),
    Column("conflict_policy", Integer, nullable=False),
)

language_digests = _digest(
    "language_digests",
    Column("language", String(35), primary_key=True),
    Column("stories", Integer, nullable=False),
    Column("conflict", Integer, nullable=False),
    Column("conflict_policy", Integer, nullable=False),
)

# As in act_tallies, an empty word stands for any.
act_digests = _digest(
    "act_digests",
    Column("act", String(24), primary_key=True),
    Column("actor", String(32), primary_key=True),
    Column("stories", Integer, nullable=False),
)

latency_digests = _digest(
    "latency_digests",
    Column("stories", Integer, nullable=False),
    Column("dated_stories", Integer, nullable=False),
    Column("published_p50_s", Float),
    Column("published_p95_s", Float),
    Column("announced_p50_s", Float),
    Column("announced_p95_s", Float),
)

# Clusters whose stories or copies changed since their digest was written.
cluster_changes = Table(
    "cluster_changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("cluster_id", Id, nullable=False, index=True),
)

# How many carry each report, written when its changes are folded (pipeline/store/digests.py).
cluster_digests = Table(
    "cluster_digests",
    metadata,
    Column("cluster_id", Id, primary_key=True, autoincrement=False),
    Column("first_story_id", Id, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("stories", Integer, nullable=False),
    Column("copies", Integer, nullable=False),
    Column("sites", Integer, nullable=False),
)
