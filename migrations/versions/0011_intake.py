"""Indexes of sitemaps, backfills and WebSub: what was read of each, and how far."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
# SQLite keeps an instant as text of a fixed width, 2024-05-31T03:59:00.000Z.
Instant = sa.DateTime(timezone=True).with_variant(sa.String(24), "sqlite")

OUTCOMES = ("new_entries", "nothing_new", "same_body", "not_modified", "not_a_feed", "failed")
KINDS = ("warc", "list", "sitemap")
STATES = ("wanted", "requested", "active", "denied", "ended")


def upgrade() -> None:
    op.add_column("feeds", sa.Column("is_index", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("feeds", sa.Column("hub_url", sa.String(length=2048), nullable=True))
    op.add_column("feeds", sa.Column("topic_url", sa.String(length=2048), nullable=True))
    op.add_column("feeds", sa.Column("pushed_at", Instant, nullable=True))
    op.add_column("feeds", sa.Column("push_confirmed", sa.Integer(), server_default="0", nullable=False))
    op.add_column("urls", sa.Column("is_archived", sa.Boolean(), server_default=sa.false(), nullable=False))
    _indexed_sitemaps()
    _websub_subscriptions()
    _backfills()


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")


def _indexed_sitemaps() -> None:
    op.create_table(
        "indexed_sitemaps",
        sa.Column("id", Id, nullable=False),
        sa.Column("feed_id", Id, nullable=False),
        sa.Column("url", sa.String(length=2048), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.Column("lastmod", Instant, nullable=True),
        sa.Column("read_lastmod", Instant, nullable=True),
        sa.Column("has_news", sa.Boolean(), nullable=True),
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
        sa.Column("next_poll_at", Instant, nullable=True),
        sa.Column("last_outcome", _words("is_polloutcome", OUTCOMES), nullable=True),
        sa.Column("last_detail", sa.String(length=500), nullable=True),
        sa.Column("first_seen_at", Instant, nullable=False),
        _key("indexed_sitemaps"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_indexed_sitemaps")),
        sa.UniqueConstraint("feed_id", "url", name=op.f("uq_indexed_sitemaps_feed_id_url")),
    )


def _websub_subscriptions() -> None:
    op.create_table(
        "websub_subscriptions",
        sa.Column("feed_id", Id, autoincrement=False, nullable=False),
        sa.Column("hub_url", sa.String(length=2048), nullable=False),
        sa.Column("topic_url", sa.String(length=2048), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("state", _words("is_subscriptionstate", STATES), nullable=False),
        sa.Column("lease_until", Instant, nullable=True),
        sa.Column("next_request_at", Instant, nullable=False),
        sa.Column("requested_at", Instant, nullable=True),
        sa.Column("verified_at", Instant, nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("detail", sa.String(length=500), nullable=True),
        sa.Column("pushes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("bad_signatures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_push_at", Instant, nullable=True),
        _key("websub_subscriptions"),
        sa.PrimaryKeyConstraint("feed_id", name=op.f("pk_websub_subscriptions")),
        sa.UniqueConstraint("token", name=op.f("uq_websub_subscriptions_token")),
    )
    op.create_index(
        op.f("ix_websub_subscriptions_next_request_at"), "websub_subscriptions", ["next_request_at"], unique=False
    )


def _backfills() -> None:
    op.create_table(
        "backfills",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", _words("is_backfillkind", KINDS), nullable=False),
        sa.Column("source", sa.String(length=2048), nullable=False),
        sa.Column("position", sa.String(length=2048), nullable=True),
        sa.Column("counts", Json, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.Column("finished_at", Instant, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backfills")),
        sa.UniqueConstraint("kind", "source", name=op.f("uq_backfills_kind_source")),
    )


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=24)


def _key(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_feed_id_feeds")
    return sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name=name, ondelete="CASCADE")
