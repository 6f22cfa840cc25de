"""What was judged of a story: acts, actors, places, sources, codes; and what people said of it."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table

from pipeline.outcomes import PolicyType, SourceKind, Standing
from pipeline.store.schema.parts import Id, Json, metadata, words
from pipeline.store.types import UtcDateTime

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("is_current", Boolean, nullable=False),
    Column("model", String(64), nullable=False),
    Column("language_supported", Boolean, nullable=False),
    Column("conflict", Float),
    Column("conflict_policy", Float),
    Column("threshold", Float, nullable=False),
    Column("is_conflict", Boolean, nullable=False),
    Column("is_conflict_policy", Boolean, nullable=False),
    Column("evidence", Json, nullable=False),
    Column("judged_at", UtcDateTime, nullable=False),
    Column("rules", String(64), nullable=False, server_default=""),
    Index(None, "story_id", "is_current"),
    Index(None, "is_conflict_policy", "judged_at"),
)

verdict_acts = Table(
    "verdict_acts",
    metadata,
    Column("verdict_id", Id, ForeignKey("verdicts.id", ondelete="CASCADE"), primary_key=True),
    Column("act", words(PolicyType), primary_key=True),
    Column("score", Float, nullable=False),
)

mentions = Table(
    "mentions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("actor", String(32), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("place", String(8), nullable=False),
    Column("span_start", Integer, nullable=False),
    Column("span_end", Integer, nullable=False),
    Column("surface", String(255), nullable=False),
    Column("cameo", String(32)),
)

place_mentions = Table(
    "place_mentions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("country", String(3), nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("place", String(8), nullable=False),
    Column("span_start", Integer, nullable=False),
    Column("span_end", Integer, nullable=False),
    Column("surface", String(255), nullable=False),
)

attributions = Table(
    "attributions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("source", words(SourceKind)),
    Column("standing", words(Standing)),
    Column("name", String(255)),
    Column("actor", String(32)),
    Column("place", String(8), nullable=False),
    Column("span_start", Integer, nullable=False),
    Column("span_end", Integer, nullable=False),
    Column("surface", String(500), nullable=False),
)

# A report has one verdict however many outlets carry it: the pooled one of its stories (pipeline/judging/pooling.py).
cluster_verdicts = Table(
    "cluster_verdicts",
    metadata,
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("stories", Integer, nullable=False),
    Column("conflict", Float),
    Column("conflict_policy", Float),
    Column("threshold", Float, nullable=False),
    Column("is_conflict", Boolean, nullable=False),
    Column("is_conflict_policy", Boolean, nullable=False),
    Column("judged_at", UtcDateTime, nullable=False),
)

cluster_acts = Table(
    "cluster_acts",
    metadata,
    Column(
        "cluster_id",
        Id,
        ForeignKey("cluster_verdicts.cluster_id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("act", words(PolicyType), primary_key=True),
    Column("score", Float, nullable=False),
)

# What people said of a story. A label that was taken back keeps its row.
labels = Table(
    "labels",
    metadata,
    Column("id", Id, primary_key=True),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("verdict_id", Id, ForeignKey("verdicts.id", ondelete="SET NULL")),
    Column("conflict", Boolean, nullable=False),
    Column("conflict_policy", Boolean, nullable=False),
    Column("acts", Json, nullable=False),
    Column("drawn", String(16), nullable=False),
    Column("reviewer", String(255), nullable=False),
    Column("labelled_at", UtcDateTime, nullable=False),
    Column("undone_at", UtcDateTime),
)

# Subjects that the wire itself gave the story, beside ours.
story_codes = Table(
    "story_codes",
    metadata,
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("scheme", String(255), primary_key=True),
    Column("code", String(255), primary_key=True),
    Column("name", String(255)),
)
