"""Watches and the alerts that they gave."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from pipeline.outcomes import AlertKind, AlertReason, AlertState
from pipeline.store.schema.parts import Id, Json, metadata, words
from pipeline.store.types import UtcDateTime

watches = Table(
    "watches",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("condition", String(2000), nullable=False),
    # Names of targets and of files that hold one, never a target itself.
    Column("targets", Json, nullable=False),
    Column("digest_s", Float),
    Column("limit_messages", Integer),
    Column("limit_s", Float),
    Column("is_active", Boolean, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    # Stories that were stored or linked before this (less an overlap) were looked at.
    Column("looked_at", UtcDateTime, nullable=False),
)

# What a watch found: once a cluster and kind, whatever crashes in between.
watch_alerts = Table(
    "watch_alerts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("watch_id", Id, ForeignKey("watches.id", ondelete="CASCADE"), nullable=False),
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", words(AlertKind), nullable=False),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("state", words(AlertState), nullable=False),
    Column("reason", words(AlertReason)),
    Column("detail", String(500)),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    # Alerts that were told together share the token of their message.
    Column("message", String(32), index=True),
    Column("lease_until", UtcDateTime),
    Column("sent_at", UtcDateTime),
    UniqueConstraint("watch_id", "cluster_id", "kind"),
    Index(None, "state", "watch_id", "due_at"),
    Index(None, "watch_id", "created_at"),
)
