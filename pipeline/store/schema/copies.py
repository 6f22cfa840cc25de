"""Which stories are copies of which: fingerprints, links, clusters and origins, and the events they tell of."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    text,
)

from pipeline.outcomes import CreditPlace, MoveCause, OriginKind, Relation
from pipeline.store.schema.parts import Id, metadata, words
from pipeline.store.types import UtcDateTime, UtcDay

# Every exact text ever stored belongs to the first story that had it: the key that lets no story in twice (P2).
fingerprints = Table(
    "fingerprints",
    metadata,
    Column("content_hash", String(64), primary_key=True),
    Column("method", String(64), primary_key=True),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("word_count", Integer, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
)

# One row per anchor and cluster, not per story: a copy adds few rows, and the length of a list tells how common
# the phrase is.
story_bands = Table(
    "story_bands",
    metadata,
    Column("anchor", BigInteger, primary_key=True, autoincrement=False),
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

story_links = Table(
    "story_links",
    metadata,
    Column("id", Id, primary_key=True),
    Column("url_id", Id, ForeignKey("urls.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE")),
    Column("matched_story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("relation", words(Relation), nullable=False),
    Column("score", Float, nullable=False),
    Column("method", String(64), nullable=False),
    Column("title", String(1024)),
    Column("linked_at", UtcDateTime, nullable=False, index=True),
    UniqueConstraint("url_id", "matched_story_id"),
    # Without the copies that have no story of their own: SQLite would go through all of them to find those of a report.
    Index(None, "story_id", sqlite_where=text("story_id IS NOT NULL"), postgresql_where=text("story_id IS NOT NULL")),
)

# Links as an earlier method of comparing saw them: what `recluster` replaces is kept here.
past_links = Table(
    "past_links",
    metadata,
    Column("id", Id, primary_key=True),
    Column("url_id", Id, ForeignKey("urls.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), index=True),
    Column("matched_story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("relation", String(24), nullable=False),
    Column("score", Float, nullable=False),
    Column("method", String(64), nullable=False),
    Column("title", String(1024)),
    Column("linked_at", UtcDateTime, nullable=False),
    Column("superseded_at", UtcDateTime, nullable=False),
)

# A story that ever changed its cluster, with the link that made it: no merge is silent.
cluster_moves = Table(
    "cluster_moves",
    metadata,
    Column("id", Id, primary_key=True),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("old_cluster_id", Id, ForeignKey("clusters.id"), nullable=False, index=True),
    Column("new_cluster_id", Id, ForeignKey("clusters.id"), nullable=False, index=True),
    Column("cause", words(MoveCause), nullable=False),
    Column("linked_story_id", Id, ForeignKey("stories.id", ondelete="SET NULL")),
    Column("matched_story_id", Id, ForeignKey("stories.id", ondelete="SET NULL")),
    Column("score", Float),
    Column("method", String(64), nullable=False),
    Column("moved_at", UtcDateTime, nullable=False),
)

# Stories that founded a cluster and are to be looked up once more, when all that was stored beside them is visible.
second_looks = Table(
    "second_looks",
    metadata,
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("asked_at", UtcDateTime, nullable=False, index=True),
)

# What a page claims of its report: that it is an agency's or another outlet's.
story_credits = Table(
    "story_credits",
    metadata,
    Column("url_id", Id, ForeignKey("urls.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("source", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("is_agency", Boolean, nullable=False),
    Column("place", words(CreditPlace), nullable=False),
    Column("surface", String(255), nullable=False),
    Column("method", String(64), nullable=False),
)

# From where each story has its report, decided anew whenever its cluster or event changes.
story_origins = Table(
    "story_origins",
    metadata,
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("kind", words(OriginKind), nullable=False),
    Column("source", String(64), index=True),
    Column("name", String(64)),
    Column("origin_story_id", Id, ForeignKey("stories.id", ondelete="SET NULL"), index=True),
    Column("place", words(CreditPlace)),
    Column("surface", String(255)),
    Column("method", String(64), nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
)

# Clusters that tell of one event in words of their own: weaker than a cluster, and never a reason to merge two.
told_events = Table(
    "told_events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("founded_at", UtcDateTime, nullable=False),
    Column("merged_into", Id, ForeignKey("told_events.id")),
    Column("method", String(64), nullable=False),
    Column("independent_origins", Integer, nullable=False, server_default="1"),
    Column("changed_at", UtcDateTime, nullable=False, index=True),
)

event_clusters = Table(
    "event_clusters",
    metadata,
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("event_id", Id, ForeignKey("told_events.id"), nullable=False, index=True),
    Column("joined_at", UtcDateTime, nullable=False),
)

# Every pair of clusters that was found to tell of one event, with its score: why an event is what it is.
event_links = Table(
    "event_links",
    metadata,
    Column("id", Id, primary_key=True),
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False),
    Column("matched_cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("score", Float, nullable=False),
    Column("method", String(64), nullable=False),
    Column("linked_at", UtcDateTime, nullable=False),
    UniqueConstraint("cluster_id", "matched_cluster_id"),
)

# By what clusters are found that may tell of one event.
event_keys = Table(
    "event_keys",
    metadata,
    Column("day", UtcDay, primary_key=True),
    Column("actor", String(32), primary_key=True),
    Column("act", String(24), primary_key=True),
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Index(None, "cluster_id"),
    sqlite_with_rowid=False,
)

# Clusters whose event is to be decided after the commit, when all that was stored beside them is visible.
event_looks = Table(
    "event_looks",
    metadata,
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("asked_at", UtcDateTime, nullable=False, index=True),
)

# How far `recluster` has come with a method of comparing.
reclusterings = Table(
    "reclusterings",
    metadata,
    Column("method", String(64), primary_key=True),
    Column("last_story_id", Id, nullable=False),
    Column("until_story_id", Id, nullable=False),
    Column("moved", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
)
