"""The ledger of URLs: what was announced, what became of it, and where its page lies."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, false, text

from pipeline.outcomes import Reason, UrlState, WireStatus
from pipeline.store.schema.parts import Id, Json, metadata, words
from pipeline.store.types import UtcDateTime

urls = Table(
    "urls",
    metadata,
    Column("id", Id, primary_key=True),
    # The canonical form, by which the page is known, and the announced one, which is asked for where it differs.
    Column("url", String(2048), nullable=False, unique=True),
    Column("link", String(2048)),
    Column("host", String(255), nullable=False),
    Column("site", String(255), nullable=False),
    Column("feed_id", Id, ForeignKey("feeds.id", ondelete="SET NULL")),
    Column("state", words(UrlState), nullable=False, server_default=UrlState.WAITING.value),
    Column("reason", words(Reason)),
    Column("detail", String(500)),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # 1 is read first.
    Column("priority", Integer, nullable=False, server_default="2"),
    Column("announced_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime),
    Column("lease_token", String(32)),
    Column("lease_until", UtcDateTime),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="SET NULL", use_alter=True)),
    Column("entry_title", String(1024)),
    Column("entry_summary", Text),
    Column("entry_published_at", UtcDateTime),
    Column("entry_published_raw", String(255)),
    Column("entry_authors", Json),
    Column("entry_language", String(35)),
    # Subjects that the feed gives the entry: an array of [scheme, code, name]; NULL when it gives none.
    Column("entry_codes", Json),
    # Its page came from a web archive and lies in ours: it is read from there and not fetched.
    Column("is_archived", Boolean, nullable=False, server_default=false()),
    Index(None, "state", "due_at"),
    # The dispatcher's: the hosts with waiting URLs, and the first of each.
    Index(None, "state", "host", "priority", "due_at", "id"),
    Index(None, "feed_id", "announced_at"),
    # The oldest URL of each state and reason.
    Index(None, "state", "reason", "announced_at"),
    # Breaking news (pipeline/batches.py) that waits: few rows, however many others wait.
    Index(
        "ix_urls_breaking",
        "priority",
        "host",
        sqlite_where=text("state = 'waiting' AND priority <= 1"),
        postgresql_where=text("state = 'waiting' AND priority <= 1"),
    ),
    # What was given up, the newest first: few rows of very many.
    Index(
        "ix_urls_dead",
        "settled_at",
        sqlite_where=text("state = 'dead'"),
        postgresql_where=text("state = 'dead'"),
    ),
    # What ended last: /metrics and `top` follow it.
    Index(None, "settled_at"),
)

# What came in place of a page. The body lies here until it was read and archived.
items = Table(
    "items",
    metadata,
    Column("url_id", Id, ForeignKey("urls.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("feed_id", Id, ForeignKey("feeds.id", ondelete="SET NULL")),
    Column("guid", String(2048)),
    Column("version", Integer),
    Column("version_at", UtcDateTime),
    Column("status", words(WireStatus), nullable=False),
    Column("held_until", UtcDateTime, index=True),
    Column("urgency", Integer),
    Column("note", Text),
    Column("subjects", Json, nullable=False),
    Column("media_type", String(100)),
    Column("body", Text),
    Column("body_sha256", String(64)),
    Column("is_probe", Boolean, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
)

feed_listings = Table(
    "feed_listings",
    metadata,
    Column("feed_id", Id, ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    Column("entry_key", String(64), primary_key=True),
    Column("entry_version", String(64), nullable=False),
    Column("url_id", Id, ForeignKey("urls.id", ondelete="SET NULL")),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("is_listed", Boolean, nullable=False),
    # Of the item's text when it was announced or edited last; NULL where it has none of its own.
    Column("item_digest", String(32)),
    # A feed has listed a hundred thousand entries after a year, and lists fifty of them.
    Index(
        "ix_feed_listings_listed",
        "feed_id",
        sqlite_where=text("is_listed = 1"),
        postgresql_where=text("is_listed = true"),
    ),
)

pages = Table(
    "pages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("url_id", Id, ForeignKey("urls.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("final_url", String(2048), nullable=False),
    Column("status", Integer, nullable=False),
    Column("content_type", String(255)),
    Column("etag", String(1024)),
    Column("last_modified", String(255)),
    Column("fetched_at", UtcDateTime, nullable=False),
    Column("body_bytes", Integer, nullable=False),
    Column("body_sha256", String(64), nullable=False),
    Column("warc_file", String(255), nullable=False),
    Column("warc_offset", BigInteger, nullable=False),
    Column("warc_length", BigInteger, nullable=False),
)
