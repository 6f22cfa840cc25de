"""Stories, their revisions, and when they are looked at again."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, false

from pipeline.outcomes import Change, StatusCause, StoryStatus
from pipeline.store.schema.parts import Id, Json, metadata, words
from pipeline.store.types import UtcDateTime

clusters = Table(
    "clusters",
    metadata,
    Column("id", Id, primary_key=True),
    Column("founded_at", UtcDateTime, nullable=False),
    Column("merged_into", Id, ForeignKey("clusters.id")),
    Column("method", String(64), nullable=False),
    # How many of its stories don't derive from one another, and when that changed last.
    Column("independent_origins", Integer, nullable=False, server_default="1"),
    Column("origins_at", UtcDateTime, index=True),
)

stories = Table(
    "stories",
    metadata,
    Column("id", Id, primary_key=True),
    Column("url_id", Id, ForeignKey("urls.id"), nullable=False, unique=True),
    Column("page_id", Id, ForeignKey("pages.id"), nullable=False),
    Column("feed_id", Id, ForeignKey("feeds.id", ondelete="SET NULL")),
    Column("cluster_id", Id, ForeignKey("clusters.id"), index=True),
    Column("url", String(2048), nullable=False),
    Column("canonical_url", String(2048), index=True),
    Column("site", String(255), nullable=False),
    Column("title", String(1024), nullable=False),
    Column("kicker", String(255)),
    Column("standfirst", Text),
    Column("text", Text, nullable=False),
    Column("subheads", Json, nullable=False),
    Column("authors", Json, nullable=False),
    Column("dateline", String(255)),
    Column("captions", Json, nullable=False),
    Column("credits", Json, nullable=False),
    Column("language", String(35)),
    Column("section", String(255)),
    Column("access", String(16), nullable=False),
    Column("published_at", UtcDateTime),
    Column("published_raw", String(255)),
    Column("modified_at", UtcDateTime),
    Column("announced_at", UtcDateTime, nullable=False),
    Column("stored_at", UtcDateTime, nullable=False, index=True),
    Column("revised_at", UtcDateTime),
    Column("revision", Integer, nullable=False),
    Column("content_hash", String(64), nullable=False, index=True),
    Column("word_count", Integer, nullable=False),
    Column("reader", String(64), nullable=False),
    Column("candidate", String(32), nullable=False),
    Column("status", words(StoryStatus), nullable=False, server_default=StoryStatus.USABLE.value),
    Column("status_at", UtcDateTime),
    # The page answered 404 or 410 when it was last looked at; the text is kept.
    Column("gone_at", UtcDateTime),
    Column("kind", String(8), nullable=False, server_default="story"),
    Column("live_entries", Json, nullable=False, server_default="[]"),
    Column("agencies", Json, nullable=False, server_default="[]"),
    Column("place", String(255)),
    Column("slug", String(255)),
    Column("wire_mark", String(64)),
    Column("editor_notes", Json, nullable=False, server_default="[]"),
    # Its text was taken out by `prune`; the row stays, so that nothing of it is stored a second time.
    Column("pruned_at", UtcDateTime),
    # East of UTC: instants are kept in UTC, and this is the clock on which the outlet wrote `published_at`.
    Column("published_offset_s", Integer),
    Index(None, "site", "id"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("id", Id, primary_key=True),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("page_id", Id, ForeignKey("pages.id"), nullable=False),
    Column("title", String(1024), nullable=False),
    Column("standfirst", Text),
    Column("text", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("stored_at", UtcDateTime, nullable=False),
    Column("is_boring", Boolean, nullable=False, server_default=false()),
    Column("is_coarse", Boolean, nullable=False, server_default=false()),
    Column("words_added", Integer, nullable=False, server_default="0"),
    Column("words_removed", Integer, nullable=False, server_default="0"),
    Column("paragraphs_changed", Integer, nullable=False, server_default="0"),
    UniqueConstraint("story_id", "number"),
)

revision_changes = Table(
    "revision_changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("revision_id", Id, ForeignKey("revisions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("change", words(Change), nullable=False),
    Column("old", String(500)),
    Column("new", String(500)),
    Column("near", String(500)),
)

# When the page of a stored story is looked at again, and what the looks showed. One row a story, made with it.
revisits = Table(
    "revisits",
    metadata,
    Column("url_id", Id, ForeignKey("urls.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("host", String(255), nullable=False),
    Column("due_at", UtcDateTime),
    # The URL was put back into the ledger for a look and has not ended yet.
    Column("opened_at", UtcDateTime, index=True),
    Column("looked_at", UtcDateTime),
    Column("looks", Integer, nullable=False, server_default="0"),
    Column("unchanged", Integer, nullable=False, server_default="0"),
    Column("retouched", Integer, nullable=False, server_default="0"),
    Column("flip_flops", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("shown_key", String(64)),
    Column("etag", String(1024)),
    Column("last_modified", String(255)),
    Column("body_sha256", String(64)),
    Column("whole_at", UtcDateTime),
    Column("return_key", String(64)),
    Column("return_looks", Integer, nullable=False, server_default="0"),
    Column("turns", Integer, nullable=False, server_default="0"),
    Index(None, "due_at", "host"),
)

# Every status a story has had, with the words or the story that gave it.
status_changes = Table(
    "status_changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("status", words(StoryStatus), nullable=False),
    Column("cause", words(StatusCause), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("origin_story_id", Id, ForeignKey("stories.id", ondelete="SET NULL")),
    Column("note", String(500)),
    Column("changed_at", UtcDateTime, nullable=False),
)
