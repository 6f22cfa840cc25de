"""Lines that were taken out of stories, and what is remembered of the lines of a site."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, ForeignKeyConstraint, Integer, String, Table, Text

from pipeline.outcomes import SiteLineState
from pipeline.store.schema.parts import Id, metadata, words
from pipeline.store.types import UtcDateTime

dropped_lines = Table(
    "dropped_lines",
    metadata,
    Column("id", Id, primary_key=True),
    Column("url_id", Id, ForeignKey("urls.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("line", Text, nullable=False),
    Column("rule", String(64), nullable=False),
)

# How many stories of a site its memory has looked at; the shares of its lines are counted in them.
site_memories = Table(
    "site_memories",
    metadata,
    Column("site", String(255), primary_key=True),
    Column("stories_seen", Integer, nullable=False),
)

site_lines = Table(
    "site_lines",
    metadata,
    Column("site", String(255), primary_key=True),
    Column("line_hash", String(64), primary_key=True),
    Column("line", Text, nullable=False),
    Column("place", String(8), nullable=False),
    Column("state", words(SiteLineState), nullable=False),
    Column("story_count", Integer, nullable=False),
    Column("since_story", Integer, nullable=False),
    Column("echo", Float, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False, index=True),
    Column("learned_at", UtcDateTime),
)

site_line_stories = Table(
    "site_line_stories",
    metadata,
    Column("site", String(255), primary_key=True),
    Column("line_hash", String(64), primary_key=True),
    # Copies of one report, and its revisions, show a line once.
    Column("cluster_id", Id, ForeignKey("clusters.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("signer", String(255), nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("is_cleaned", Boolean, nullable=False),
    ForeignKeyConstraint(["site", "line_hash"], ["site_lines.site", "site_lines.line_hash"], ondelete="CASCADE"),
)
