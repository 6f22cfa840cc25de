"""The tables. docs/sql.md says what each column means; migrations/ makes them; a test holds the three equal.

Names are the product's interface. Tables are written by the functions of this package only; views (views.py) are what
dashboards and analysts read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Enum,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from pipeline.outcomes import (
    AlertKind,
    AlertReason,
    AlertState,
    BackfillKind,
    Change,
    CreditPlace,
    FeedStatus,
    FullText,
    MoveCause,
    OriginKind,
    PolicyType,
    PollOutcome,
    Reason,
    Relation,
    SiteLineState,
    SourceKind,
    Standing,
    StatusCause,
    StoryStatus,
    SubscriptionState,
    UrlState,
    WireStatus,
)
from pipeline.store.types import Numbers, UtcDateTime, UtcDay

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite only counts up an INTEGER key; PostgreSQL wants the room of a bigint.
Id = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB(), "postgresql")


def _words(enum: type) -> Enum:
    """A closed list as a string column with a CHECK, so that SQL refuses a word that code does not know."""
    return Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        length=24,
        name=f"is_{enum.__name__.lower()}",
        values_callable=lambda members: [member.value for member in members],
    )


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
    Column("status", _words(FeedStatus), nullable=False, server_default=FeedStatus.ACTIVE.value),
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
    Column("last_outcome", _words(PollOutcome)),
    Column("last_reason", _words(Reason)),
    Column("last_detail", String(500)),
    Column("redirect_url", String(2048)),
    Column("redirect_count", Integer, nullable=False, server_default="0"),
    Column("next_poll_at", UtcDateTime, nullable=False),
    Column("lease_token", String(32)),
    Column("lease_until", UtcDateTime),
    # A folder is filled by others and never polled.
    Column("is_folder", Boolean, nullable=False, server_default=false()),
    Column("full_text", _words(FullText), nullable=False, server_default=FullText.AUTO.value),
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
    Column("last_outcome", _words(PollOutcome)),
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
    Column("state", _words(SubscriptionState), nullable=False),
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
    Column("kind", _words(BackfillKind), nullable=False),
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
    Column("outcome", _words(PollOutcome), nullable=False),
    Column("reason", _words(Reason)),
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
    Column("state", _words(UrlState), nullable=False, server_default=UrlState.WAITING.value),
    Column("reason", _words(Reason)),
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
    Column("status", _words(WireStatus), nullable=False),
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
    Column("status", _words(StoryStatus), nullable=False, server_default=StoryStatus.USABLE.value),
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
    Column("change", _words(Change), nullable=False),
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
    Column("status", _words(StoryStatus), nullable=False),
    Column("cause", _words(StatusCause), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("origin_story_id", Id, ForeignKey("stories.id", ondelete="SET NULL")),
    Column("note", String(500)),
    Column("changed_at", UtcDateTime, nullable=False),
)

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
    Column("relation", _words(Relation), nullable=False),
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
    Column("cause", _words(MoveCause), nullable=False),
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
    Column("place", _words(CreditPlace), nullable=False),
    Column("surface", String(255), nullable=False),
    Column("method", String(64), nullable=False),
)

# From where each story has its report, decided anew whenever its cluster or event changes.
story_origins = Table(
    "story_origins",
    metadata,
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("kind", _words(OriginKind), nullable=False),
    Column("source", String(64), index=True),
    Column("name", String(64)),
    Column("origin_story_id", Id, ForeignKey("stories.id", ondelete="SET NULL"), index=True),
    Column("place", _words(CreditPlace)),
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
    Column("act", _words(PolicyType), primary_key=True),
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
    Column("source", _words(SourceKind)),
    Column("standing", _words(Standing)),
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
    Column("act", _words(PolicyType), primary_key=True),
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
    Column("state", _words(SiteLineState), nullable=False),
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

events = Table(
    "events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("detail", Json, nullable=False),
)


# ------------------------------------------------------------------------------------------- counted beforehand
#
# What dashboards count, kept by the transaction that changes it (tallies.py, triggers.py; docs/decisions/0016 says why
# so). `story_facts` follows the current verdict of a story; its triggers append to the tallies what came or went. A
# tally is the sum of its rows: those that are not folded yet are single changes.


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
    Column("kind", _words(AlertKind), nullable=False),
    Column("story_id", Id, ForeignKey("stories.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("state", _words(AlertState), nullable=False),
    Column("reason", _words(AlertReason)),
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
