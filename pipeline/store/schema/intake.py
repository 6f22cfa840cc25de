"""Hosts and feeds: who is asked, when, and what came of it."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from pipeline.outcomes import BackfillKind, FeedStatus, FullText, PollOutcome, Reason, SubscriptionState
from pipeline.store.schema.parts import Id, Json, metadata, words
from pipeline.store.types import Numbers, UtcDateTime, UtcDay

hosts = Table(
    "hosts",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("next_free_at", UtcDateTime, nullable=False),
    # Two connections at most, over all machines: each slot is free once its instant has passed.
    Column("slot_a_until", UtcDateTime),
    Column("slot_b_until", UtcDateTime),
    Column("slot_a_token", String(32)),
    Column("slot_b_token", String(32)),
    Column("delay_s", Float),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("down_until", UtcDateTime),
    Column("robots_status", Integer),
    Column("robots_body", Text),
    Column("robots_until", UtcDateTime),
    # Each request changes its host's row twice: with room beside it the new version needs no entry in the index.
    postgresql_with={"fillfactor": 70},
)

feeds = Table(
    "feeds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("url", String(2048), nullable=False, unique=True),
    Column("host", String(255), nullable=False),
    Column("title", String(1024)),
    Column("source", String(255), nullable=False),
    Column("category", String(255)),
    Column("language", String(35)),
    Column("status", words(FeedStatus), nullable=False, server_default=FeedStatus.ACTIVE.value),
    Column("added_at", UtcDateTime, nullable=False),
    Column("etag", String(1024)),
    Column("last_modified", String(255)),
    Column("body_sha256", String(64)),
    Column("interval_s", Float, nullable=False),
    Column("error_count", Integer, nullable=False, server_default="0"),
    Column("known_entries", Integer, nullable=False, server_default="0"),
    Column("last_polled_at", UtcDateTime),
    Column("last_success_at", UtcDateTime),
    Column("last_new_at", UtcDateTime),
    Column("last_unconditional_at", UtcDateTime),
    Column("last_outcome", words(PollOutcome)),
    Column("last_reason", words(Reason)),
    Column("last_detail", String(500)),
    Column("redirect_url", String(2048)),
    Column("redirect_count", Integer, nullable=False, server_default="0"),
    Column("next_poll_at", UtcDateTime, nullable=False),
    Column("lease_token", String(32)),
    Column("lease_until", UtcDateTime),
    # A folder is filled by others and never polled.
    Column("is_folder", Boolean, nullable=False, server_default=false()),
    Column("full_text", words(FullText), nullable=False, server_default=FullText.AUTO.value),
    Column("full_text_agreed", Integer, nullable=False, server_default="0"),
    Column("silent_after", UtcDateTime),
    # An index of sitemaps: its poll reads the sitemaps that it lists.
    Column("is_index", Boolean, nullable=False, server_default=false()),
    # WebSub: who pushes what, and how far the pushes are believed.
    Column("hub_url", String(2048)),
    Column("topic_url", String(2048)),
    Column("pushed_at", UtcDateTime),
    Column("push_confirmed", Integer, nullable=False, server_default="0"),
    # What the last body that was read asks of those who poll it; most answers have none.
    Column("ttl_s", Float),
    Column("update_period_s", Float),
    Column("skip_hours", Numbers(64)),
    Column("skip_days", Numbers(16)),
    Index(None, "status", "next_poll_at"),
)

# When the feed usually brings news: counts that halve every four weeks, for each hour of the week that had any.
feed_rhythm = Table(
    "feed_rhythm",
    metadata,
    Column("feed_id", Id, ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("polls", Float, nullable=False),
    Column("entries", Float, nullable=False),
    Column("as_of", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)

# The sitemaps that an index lists, each with the validators and the pace of a feed of its own.
indexed_sitemaps = Table(
    "indexed_sitemaps",
    metadata,
    Column("id", Id, primary_key=True),
    Column("feed_id", Id, ForeignKey("feeds.id", ondelete="CASCADE"), nullable=False),
    Column("url", String(2048), nullable=False),
    Column("position", Integer, nullable=False),
    Column("is_listed", Boolean, nullable=False),
    Column("lastmod", UtcDateTime),
    Column("read_lastmod", UtcDateTime),
    # NULL while it was never read.
    Column("has_news", Boolean),
    Column("etag", String(1024)),
    Column("last_modified", String(255)),
    Column("body_sha256", String(64)),
    Column("interval_s", Float, nullable=False),
    Column("error_count", Integer, nullable=False, server_default="0"),
    Column("known_entries", Integer, nullable=False, server_default="0"),
    Column("last_polled_at", UtcDateTime),
    Column("last_success_at", UtcDateTime),
    Column("last_new_at", UtcDateTime),
    Column("last_unconditional_at", UtcDateTime),
    Column("next_poll_at", UtcDateTime),
    Column("last_outcome", words(PollOutcome)),
    Column("last_detail", String(500)),
    Column("first_seen_at", UtcDateTime, nullable=False),
    UniqueConstraint("feed_id", "url"),
)

# Subscriptions at WebSub hubs. Only the worker's role may read them: a secret signs what a hub pushes.
websub_subscriptions = Table(
    "websub_subscriptions",
    metadata,
    Column("feed_id", Id, ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("hub_url", String(2048), nullable=False),
    Column("topic_url", String(2048), nullable=False),
    # The callback's path, which nobody can guess, and the key of the hub's signatures.
    Column("token", String(64), nullable=False, unique=True),
    Column("secret", String(64), nullable=False),
    Column("state", words(SubscriptionState), nullable=False),
    Column("lease_until", UtcDateTime),
    Column("next_request_at", UtcDateTime, nullable=False, index=True),
    Column("requested_at", UtcDateTime),
    Column("verified_at", UtcDateTime),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("detail", String(500)),
    Column("pushes", Integer, nullable=False, server_default="0"),
    Column("bad_signatures", Integer, nullable=False, server_default="0"),
    Column("last_push_at", UtcDateTime),
)

# How far each source of a backfill was read.
backfills = Table(
    "backfills",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", words(BackfillKind), nullable=False),
    Column("source", String(2048), nullable=False),
    # Bytes of a file, the last sitemap read to its end; NULL before the first.
    Column("position", String(2048)),
    Column("counts", Json, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    UniqueConstraint("kind", "source"),
)

feed_polls = Table(
    "feed_polls",
    metadata,
    Column("id", Id, primary_key=True),
    Column("feed_id", Id, ForeignKey("feeds.id", ondelete="CASCADE"), nullable=False),
    Column("polled_at", UtcDateTime, nullable=False),
    Column("outcome", words(PollOutcome), nullable=False),
    Column("reason", words(Reason)),
    Column("detail", String(500)),
    Column("http_status", Integer),
    Column("entries", Integer, nullable=False, server_default="0"),
    Column("new_urls", Integer, nullable=False, server_default="0"),
    Column("lost_estimate", Integer),
    Column("body_bytes", Integer, nullable=False, server_default="0"),
    Column("elapsed_s", Float, nullable=False, server_default="0"),
    Index(None, "feed_id", "polled_at"),
    Index(None, "polled_at"),
    # Polls before which entries passed unseen, of very many polls.
    Index(
        "ix_feed_polls_gaps",
        "polled_at",
        "feed_id",
        sqlite_where=text("lost_estimate IS NOT NULL"),
        postgresql_where=text("lost_estimate IS NOT NULL"),
    ),
)

# The polls of a feed, counted by day as they come: the health of a source is asked all day and walks no polls.
feed_days = Table(
    "feed_days",
    metadata,
    Column("day", UtcDay, primary_key=True),
    Column("feed_id", Id, ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("polls", Integer, nullable=False),
    Column("new_urls", Integer, nullable=False),
    Column("gaps", Integer, nullable=False),
    Column("lost_estimate", Integer, nullable=False),
    # Polls that brought something new, the first and the last of them, and the longest pause in between.
    Column("arrivals", Integer, nullable=False),
    Column("first_arrival_at", UtcDateTime),
    Column("last_arrival_at", UtcDateTime),
    Column("longest_pause_s", Float, nullable=False),
    sqlite_with_rowid=False,
)
