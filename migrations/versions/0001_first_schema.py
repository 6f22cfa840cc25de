# ruff: noqa: SIM905
"""The first schema: feeds, the ledger of URLs, pages, stories and what is known about them, and the views.

Written out in full and never changed afterwards: a later change of the schema is a later migration.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
# SQLite keeps an instant as text of a fixed width, 2024-05-31T03:59:00.000Z.
Instant = sa.DateTime(timezone=True).with_variant(sa.String(24), "sqlite")

FEED_STATUSES = ("active", "parked", "disabled")
POLL_OUTCOMES = ("new_entries", "nothing_new", "same_body", "not_modified", "not_a_feed", "failed")
REASONS = tuple(
    """
    new revised unchanged revisit_failed same_text same_canonical url_refused blocked_address robots_disallowed
    not_found gone http_refused too_many_redirects not_a_page too_large unknown_coding consent_wall paywall
    bot_challenge soft_404 home_page index_page media_page no_text too_complex extract_budget extract_failed
    dns_failed connect_failed tls_failed timeout protocol_error bad_body server_error throttled robots_unreachable
    worker_lost internal_error
    """.split()
)
URL_STATES = ("waiting", "queued", "claimed", "stored", "duplicate", "rejected", "dead")
RELATIONS = ("copy", "shares")
POLICY_TYPES = tuple(
    """
    force threat arms_aid deploy sanction talks alliance arms_control intl_law status detainee humanitarian home
    position
    """.split()
)


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    _clusters()
    _events()
    _feeds()
    _hosts()
    _site_lines()
    _feed_polls()
    _story_bands()
    _urls()
    _dropped_lines()
    _feed_listings()
    _pages()
    _stories()
    _fingerprints()
    _mentions()
    _revisions()
    _story_links()
    _verdicts()
    _verdict_acts()
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        # urls and stories refer to each other; SQLite has this key in its CREATE TABLE already.
        op.create_foreign_key(
            op.f("fk_urls_story_id_stories"), "urls", "stories", ["story_id"], ["id"], ondelete="SET NULL"
        )
    for statement in _views(connection.dialect.name):
        connection.exec_driver_sql(statement)


def _views(dialect: str) -> list[str]:
    """The CREATE VIEW statements as they were when this migration was written."""
    sql = (Path(__file__).parent / f"0001_views.{dialect}.sql").read_text(encoding="utf-8")
    return [statement.strip() for statement in sql.split(";\n") if statement.strip()]


def _clusters() -> None:
    op.create_table(
        "clusters",
        sa.Column("id", Id, nullable=False),
        sa.Column("founded_at", Instant, nullable=False),
        sa.Column("merged_into", Id, nullable=True),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["merged_into"], ["clusters.id"], name=op.f("fk_clusters_merged_into_clusters")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clusters")),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", Id, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("detail", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_at"), "events", ["at"], unique=False)


def _feeds() -> None:
    op.create_table(
        "feeds",
        sa.Column("id", Id, nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(length=1024), nullable=True),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("category", sa.String(length=255), nullable=True),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("status", _words("is_feedstatus", FEED_STATUSES), server_default="active", nullable=False),
        sa.Column("added_at", Instant, nullable=False),
        sa.Column("etag", sa.String(length=1024), nullable=True),
        sa.Column("last_modified", sa.String(length=255), nullable=True),
        sa.Column("body_sha256", sa.String(length=64), nullable=True),
        sa.Column("interval_s", sa.Float(), nullable=False),
        sa.Column("error_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("known_entries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_polled_at", Instant, nullable=True),
        sa.Column("last_success_at", Instant, nullable=True),
        sa.Column("last_new_at", Instant, nullable=True),
        sa.Column("last_unconditional_at", Instant, nullable=True),
        sa.Column("last_outcome", _words("is_polloutcome", POLL_OUTCOMES), nullable=True),
        sa.Column("last_reason", _words("is_reason", REASONS), nullable=True),
        sa.Column("last_detail", sa.String(length=500), nullable=True),
        sa.Column("redirect_url", sa.String(length=2048), nullable=True),
        sa.Column("redirect_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_poll_at", Instant, nullable=False),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_until", Instant, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feeds")),
        sa.UniqueConstraint("url", name=op.f("uq_feeds_url")),
    )
    op.create_index(op.f("ix_feeds_status_next_poll_at"), "feeds", ["status", "next_poll_at"], unique=False)


def _hosts() -> None:
    op.create_table(
        "hosts",
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("next_free_at", Instant, nullable=False),
        sa.Column("slot_a_until", Instant, nullable=True),
        sa.Column("slot_b_until", Instant, nullable=True),
        sa.Column("slot_a_token", sa.String(length=32), nullable=True),
        sa.Column("slot_b_token", sa.String(length=32), nullable=True),
        sa.Column("delay_s", sa.Float(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("down_until", Instant, nullable=True),
        sa.Column("robots_status", sa.Integer(), nullable=True),
        sa.Column("robots_body", sa.Text(), nullable=True),
        sa.Column("robots_until", Instant, nullable=True),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_hosts")),
    )


def _site_lines() -> None:
    op.create_table(
        "site_lines",
        sa.Column("site", sa.String(length=255), nullable=False),
        sa.Column("line_hash", sa.String(length=64), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("story_count", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", Instant, nullable=False),
        sa.Column("last_seen_at", Instant, nullable=False),
        sa.Column("is_boilerplate", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("site", "line_hash", name=op.f("pk_site_lines")),
    )


def _feed_polls() -> None:
    op.create_table(
        "feed_polls",
        sa.Column("id", Id, nullable=False),
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("polled_at", Instant, nullable=False),
        sa.Column("outcome", _words("is_polloutcome", POLL_OUTCOMES), nullable=False),
        sa.Column("reason", _words("is_reason", REASONS), nullable=True),
        sa.Column("detail", sa.String(length=500), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("entries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("new_urls", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lost_estimate", sa.Integer(), nullable=True),
        sa.Column("body_bytes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("elapsed_s", sa.Float(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["feeds.id"], name=op.f("fk_feed_polls_feed_id_feeds"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_polls")),
    )
    op.create_index(op.f("ix_feed_polls_feed_id_polled_at"), "feed_polls", ["feed_id", "polled_at"], unique=False)
    op.create_index(op.f("ix_feed_polls_polled_at"), "feed_polls", ["polled_at"], unique=False)


def _story_bands() -> None:
    op.create_table(
        "story_bands",
        sa.Column("anchor", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cluster_id", Id, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name=op.f("fk_story_bands_cluster_id_clusters"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("anchor", "cluster_id", name=op.f("pk_story_bands")),
        sqlite_with_rowid=False,
    )


def _urls() -> None:
    op.create_table(
        "urls",
        sa.Column("id", Id, nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("link", sa.String(length=2048), nullable=True),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("site", sa.String(length=255), nullable=False),
        sa.Column("feed_id", Id, nullable=True),
        sa.Column("state", _words("is_urlstate", URL_STATES), server_default="waiting", nullable=False),
        sa.Column("reason", _words("is_reason", REASONS), nullable=True),
        sa.Column("detail", sa.String(length=500), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("priority", sa.Integer(), server_default="2", nullable=False),
        sa.Column("announced_at", Instant, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("settled_at", Instant, nullable=True),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_until", Instant, nullable=True),
        sa.Column("story_id", Id, nullable=True),
        sa.Column("entry_title", sa.String(length=1024), nullable=True),
        sa.Column("entry_summary", sa.Text(), nullable=True),
        sa.Column("entry_published_at", Instant, nullable=True),
        sa.Column("entry_published_raw", sa.String(length=255), nullable=True),
        sa.Column("entry_authors", Json, nullable=True),
        sa.Column("entry_language", sa.String(length=35), nullable=True),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name=op.f("fk_urls_feed_id_feeds"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["story_id"], ["stories.id"], name=op.f("fk_urls_story_id_stories"), ondelete="SET NULL", use_alter=True
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_urls")),
        sa.UniqueConstraint("url", name=op.f("uq_urls_url")),
    )
    op.create_index(op.f("ix_urls_feed_id_announced_at"), "urls", ["feed_id", "announced_at"], unique=False)
    op.create_index(
        op.f("ix_urls_state_host_priority_due_at_id"),
        "urls",
        ["state", "host", "priority", "due_at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_urls_state_due_at"), "urls", ["state", "due_at"], unique=False)


def _dropped_lines() -> None:
    op.create_table(
        "dropped_lines",
        sa.Column("id", Id, nullable=False),
        sa.Column("url_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["url_id"], ["urls.id"], name=op.f("fk_dropped_lines_url_id_urls"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dropped_lines")),
    )
    op.create_index(op.f("ix_dropped_lines_url_id"), "dropped_lines", ["url_id"], unique=False)


def _feed_listings() -> None:
    op.create_table(
        "feed_listings",
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("entry_key", sa.String(length=64), nullable=False),
        sa.Column("entry_version", sa.String(length=64), nullable=False),
        sa.Column("url_id", Id, nullable=True),
        sa.Column("first_seen_at", Instant, nullable=False),
        sa.Column("last_seen_at", Instant, nullable=False),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["feeds.id"], name=op.f("fk_feed_listings_feed_id_feeds"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["url_id"], ["urls.id"], name=op.f("fk_feed_listings_url_id_urls"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("feed_id", "entry_key", name=op.f("pk_feed_listings")),
    )


def _pages() -> None:
    op.create_table(
        "pages",
        sa.Column("id", Id, nullable=False),
        sa.Column("url_id", Id, nullable=False),
        sa.Column("final_url", sa.String(length=2048), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.String(length=255), nullable=True),
        sa.Column("etag", sa.String(length=1024), nullable=True),
        sa.Column("last_modified", sa.String(length=255), nullable=True),
        sa.Column("fetched_at", Instant, nullable=False),
        sa.Column("body_bytes", sa.Integer(), nullable=False),
        sa.Column("body_sha256", sa.String(length=64), nullable=False),
        sa.Column("warc_file", sa.String(length=255), nullable=False),
        sa.Column("warc_offset", sa.BigInteger(), nullable=False),
        sa.Column("warc_length", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["url_id"], ["urls.id"], name=op.f("fk_pages_url_id_urls"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pages")),
    )
    op.create_index(op.f("ix_pages_url_id"), "pages", ["url_id"], unique=False)


def _stories() -> None:
    op.create_table(
        "stories",
        sa.Column("id", Id, nullable=False),
        sa.Column("url_id", Id, nullable=False),
        sa.Column("page_id", Id, nullable=False),
        sa.Column("feed_id", Id, nullable=True),
        sa.Column("cluster_id", Id, nullable=True),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("canonical_url", sa.String(length=2048), nullable=True),
        sa.Column("site", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(length=1024), nullable=False),
        sa.Column("kicker", sa.String(length=255), nullable=True),
        sa.Column("standfirst", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("subheads", Json, nullable=False),
        sa.Column("authors", Json, nullable=False),
        sa.Column("dateline", sa.String(length=255), nullable=True),
        sa.Column("captions", Json, nullable=False),
        sa.Column("credits", Json, nullable=False),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("section", sa.String(length=255), nullable=True),
        sa.Column("access", sa.String(length=16), nullable=False),
        sa.Column("published_at", Instant, nullable=True),
        sa.Column("published_raw", sa.String(length=255), nullable=True),
        sa.Column("modified_at", Instant, nullable=True),
        sa.Column("announced_at", Instant, nullable=False),
        sa.Column("stored_at", Instant, nullable=False),
        sa.Column("revised_at", Instant, nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("word_count", sa.Integer(), nullable=False),
        sa.Column("reader", sa.String(length=64), nullable=False),
        sa.Column("candidate", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["cluster_id"], ["clusters.id"], name=op.f("fk_stories_cluster_id_clusters")),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name=op.f("fk_stories_feed_id_feeds"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["page_id"], ["pages.id"], name=op.f("fk_stories_page_id_pages")),
        sa.ForeignKeyConstraint(["url_id"], ["urls.id"], name=op.f("fk_stories_url_id_urls")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stories")),
        sa.UniqueConstraint("url_id", name=op.f("uq_stories_url_id")),
    )
    op.create_index(op.f("ix_stories_canonical_url"), "stories", ["canonical_url"], unique=False)
    op.create_index(op.f("ix_stories_cluster_id"), "stories", ["cluster_id"], unique=False)
    op.create_index(op.f("ix_stories_content_hash"), "stories", ["content_hash"], unique=False)
    op.create_index(op.f("ix_stories_stored_at"), "stories", ["stored_at"], unique=False)


def _fingerprints() -> None:
    op.create_table(
        "fingerprints",
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("story_id", Id, nullable=False),
        sa.Column("word_count", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["story_id"], ["stories.id"], name=op.f("fk_fingerprints_story_id_stories"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("content_hash", "method", name=op.f("pk_fingerprints")),
    )
    op.create_index(op.f("ix_fingerprints_story_id"), "fingerprints", ["story_id"], unique=False)


def _mentions() -> None:
    op.create_table(
        "mentions",
        sa.Column("id", Id, nullable=False),
        sa.Column("story_id", Id, nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("place", sa.String(length=8), nullable=False),
        sa.Column("span_start", sa.Integer(), nullable=False),
        sa.Column("span_end", sa.Integer(), nullable=False),
        sa.Column("surface", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["story_id"], ["stories.id"], name=op.f("fk_mentions_story_id_stories"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mentions")),
    )
    op.create_index(op.f("ix_mentions_actor"), "mentions", ["actor"], unique=False)
    op.create_index(op.f("ix_mentions_story_id"), "mentions", ["story_id"], unique=False)


def _revisions() -> None:
    op.create_table(
        "revisions",
        sa.Column("id", Id, nullable=False),
        sa.Column("story_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("page_id", Id, nullable=False),
        sa.Column("title", sa.String(length=1024), nullable=False),
        sa.Column("standfirst", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("stored_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(["page_id"], ["pages.id"], name=op.f("fk_revisions_page_id_pages")),
        sa.ForeignKeyConstraint(
            ["story_id"], ["stories.id"], name=op.f("fk_revisions_story_id_stories"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revisions")),
        sa.UniqueConstraint("story_id", "number", name=op.f("uq_revisions_story_id_number")),
    )


def _story_links() -> None:
    op.create_table(
        "story_links",
        sa.Column("id", Id, nullable=False),
        sa.Column("url_id", Id, nullable=False),
        sa.Column("story_id", Id, nullable=True),
        sa.Column("matched_story_id", Id, nullable=False),
        sa.Column("relation", _words("is_relation", RELATIONS), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=1024), nullable=True),
        sa.Column("linked_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["matched_story_id"],
            ["stories.id"],
            name=op.f("fk_story_links_matched_story_id_stories"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["story_id"], ["stories.id"], name=op.f("fk_story_links_story_id_stories"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["url_id"], ["urls.id"], name=op.f("fk_story_links_url_id_urls"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story_links")),
        sa.UniqueConstraint("url_id", "matched_story_id", name=op.f("uq_story_links_url_id_matched_story_id")),
    )
    op.create_index(op.f("ix_story_links_matched_story_id"), "story_links", ["matched_story_id"], unique=False)
    op.create_index(op.f("ix_story_links_story_id"), "story_links", ["story_id"], unique=False)
    op.create_index(op.f("ix_story_links_url_id"), "story_links", ["url_id"], unique=False)


def _verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("id", Id, nullable=False),
        sa.Column("story_id", Id, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("language_supported", sa.Boolean(), nullable=False),
        sa.Column("conflict", sa.Float(), nullable=True),
        sa.Column("conflict_policy", sa.Float(), nullable=True),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("is_conflict", sa.Boolean(), nullable=False),
        sa.Column("is_conflict_policy", sa.Boolean(), nullable=False),
        sa.Column("evidence", Json, nullable=False),
        sa.Column("judged_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["story_id"], ["stories.id"], name=op.f("fk_verdicts_story_id_stories"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdicts")),
    )
    op.create_index(
        op.f("ix_verdicts_is_conflict_policy_judged_at"), "verdicts", ["is_conflict_policy", "judged_at"], unique=False
    )
    op.create_index(op.f("ix_verdicts_story_id_is_current"), "verdicts", ["story_id", "is_current"], unique=False)


def _verdict_acts() -> None:
    op.create_table(
        "verdict_acts",
        sa.Column("verdict_id", Id, nullable=False),
        sa.Column("act", _words("is_policytype", POLICY_TYPES), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["verdict_id"], ["verdicts.id"], name=op.f("fk_verdict_acts_verdict_id_verdicts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("verdict_id", "act", name=op.f("pk_verdict_acts")),
    )
