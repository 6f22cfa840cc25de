# ruff: noqa: SIM905
"""Items that came with their announcement, watched folders, the rhythm of feeds, and the reasons that go with them."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from pipeline.store.migrating import set_words, without_views

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Instant = sa.DateTime(timezone=True).with_variant(sa.String(24), "sqlite")

# Split in lines as the list grows: a later migration copies it whole.
REASONS = tuple(
    """
    new revised unchanged retouched flip_flop revisit_failed same_text same_canonical url_refused
    blocked_address robots_disallowed not_found gone http_refused too_many_redirects not_a_page not_a_feed
    too_large unknown_coding consent_wall paywall bot_challenge soft_404 home_page index_page media_page no_text
    too_complex extract_budget extract_failed embargoed withheld canceled dns_failed connect_failed tls_failed
    timeout protocol_error bad_body server_error throttled robots_unreachable worker_lost internal_error
    """.split()
)
REASON_COLUMNS = (("feeds", "last_reason"), ("feed_polls", "reason"), ("urls", "reason"))


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    connection = op.get_bind()
    for table, column in REASON_COLUMNS:
        set_words(connection, table, column, f"ck_{table}_is_reason", REASONS)
    _items()
    _feed_rhythm()
    with without_views(connection, ["source_health"]):
        _feeds()
        for statement in _views(connection.dialect.name):
            connection.exec_driver_sql(statement)


def _views(dialect: str) -> list[str]:
    """The CREATE VIEW statements as they were when this migration was written."""
    sql = (Path(__file__).parent / f"0004_views.{dialect}.sql").read_text(encoding="utf-8")
    return [statement.strip() for statement in sql.split(";\n") if statement.strip()]


def _feeds() -> None:
    op.add_column("feeds", sa.Column("is_folder", sa.Boolean(), server_default=sa.false(), nullable=False))
    # Alembic leaves the CHECK out on SQLite.
    op.execute(
        "ALTER TABLE feeds ADD COLUMN full_text VARCHAR(24) DEFAULT 'auto' NOT NULL"
        " CONSTRAINT ck_feeds_is_fulltext CHECK (full_text IN ('auto', 'always', 'never'))"
    )
    columns = (
        sa.Column("full_text_agreed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("silent_after", Instant, nullable=True),
    )
    for column in columns:
        op.add_column("feeds", column)


def _feed_rhythm() -> None:
    op.create_table(
        "feed_rhythm",
        sa.Column("feed_id", Id, autoincrement=False, nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("polls", sa.Float(), nullable=False),
        sa.Column("entries", sa.Float(), nullable=False),
        sa.Column("as_of", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["feeds.id"], name=op.f("fk_feed_rhythm_feed_id_feeds"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("feed_id", "hour", name=op.f("pk_feed_rhythm")),
        sqlite_with_rowid=False,
    )


def _items() -> None:
    op.create_table(
        "items",
        sa.Column("url_id", Id, autoincrement=False, nullable=False),
        sa.Column("feed_id", Id, nullable=True),
        sa.Column("guid", sa.String(length=2048), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("version_at", Instant, nullable=True),
        sa.Column("status", _words("is_wirestatus", ("usable", "withheld", "canceled")), nullable=False),
        sa.Column("held_until", Instant, nullable=True),
        sa.Column("urgency", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("subjects", Json, nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("body_sha256", sa.String(length=64), nullable=True),
        sa.Column("is_probe", sa.Boolean(), nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name=op.f("fk_items_feed_id_feeds"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["url_id"], ["urls.id"], name=op.f("fk_items_url_id_urls"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("url_id", name=op.f("pk_items")),
    )
    op.create_index(op.f("ix_items_held_until"), "items", ["held_until"], unique=False)
