# ruff: noqa: SIM905
"""Stories are looked at again: a schedule for each, what each revision changed, and the status of every story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Connection

from pipeline.store.migrating import set_words

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# SQLite keeps an instant as text of a fixed width, 2024-05-31T03:59:00.000Z.
Instant = sa.DateTime(timezone=True).with_variant(sa.String(24), "sqlite")

REASONS = tuple(
    """
    new revised unchanged retouched flip_flop revisit_failed same_text same_canonical url_refused blocked_address
    robots_disallowed not_found gone http_refused too_many_redirects not_a_page too_large unknown_coding consent_wall
    paywall bot_challenge soft_404 home_page index_page media_page no_text too_complex extract_budget extract_failed
    dns_failed connect_failed tls_failed timeout protocol_error bad_body server_error throttled robots_unreachable
    worker_lost internal_error
    """.split()
)
STATUSES = ("usable", "corrected", "origin_withdrawn", "withdrawn", "canceled")
CAUSES = ("notice", "wire", "origin")
CHANGES = tuple(
    """
    withdrawal correction policy_act headline standfirst casualties figures attribution body return
    """.split()
)
REASON_COLUMNS = (("urls", "reason"), ("feeds", "last_reason"), ("feed_polls", "reason"))
# Stories that are younger than this when the schema changes are looked at again, from now on.
LOOKED_AT_FOR = timedelta(days=30)


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    connection = op.get_bind()
    for table, column in REASON_COLUMNS:
        set_words(connection, table, column, f"ck_{table}_is_reason", REASONS)
    _stories(connection)
    _revisions()
    _revision_changes()
    _revisits()
    _status_changes()
    _schedule(connection)
    for statement in _views(connection.dialect.name):
        connection.exec_driver_sql(f"DROP VIEW {statement.split()[2]}")
        connection.exec_driver_sql(statement)


def _views(dialect: str) -> list[str]:
    """The CREATE VIEW statements as they were when this migration was written."""
    sql = (Path(__file__).parent / f"0002_views.{dialect}.sql").read_text(encoding="utf-8")
    return [statement.strip() for statement in sql.split(";\n") if statement.strip()]


def _stories(connection: Connection) -> None:
    # SQLite can add a column with its CHECK, but alembic does not say it. The line breaks keep the constraint on a line
    # of its own, as in a table that was made with it.
    words = ", ".join(f"'{status}'" for status in STATUSES)
    connection.exec_driver_sql(
        "ALTER TABLE stories ADD COLUMN status VARCHAR(24) DEFAULT 'usable' NOT NULL\n"
        f"CONSTRAINT ck_stories_is_storystatus CHECK (status IN ({words}))\n"
    )
    op.add_column("stories", sa.Column("status_at", Instant, nullable=True))
    op.add_column("stories", sa.Column("gone_at", Instant, nullable=True))


def _revisions() -> None:
    for name in ("is_boring", "is_coarse"):
        op.add_column("revisions", sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False))
    for name in ("words_added", "words_removed", "paragraphs_changed"):
        op.add_column("revisions", sa.Column(name, sa.Integer(), server_default="0", nullable=False))


def _revision_changes() -> None:
    op.create_table(
        "revision_changes",
        sa.Column("id", Id, nullable=False),
        sa.Column("revision_id", Id, nullable=False),
        sa.Column("change", _words("is_change", CHANGES), nullable=False),
        sa.Column("old", sa.String(length=500), nullable=True),
        sa.Column("new", sa.String(length=500), nullable=True),
        sa.Column("near", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["revision_id"],
            ["revisions.id"],
            name=op.f("fk_revision_changes_revision_id_revisions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revision_changes")),
    )
    op.create_index(op.f("ix_revision_changes_revision_id"), "revision_changes", ["revision_id"], unique=False)


def _revisits() -> None:
    counts = ("looks", "unchanged", "retouched", "flip_flops", "failures")
    op.create_table(
        "revisits",
        sa.Column("url_id", Id, autoincrement=False, nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("due_at", Instant, nullable=True),
        sa.Column("opened_at", Instant, nullable=True),
        sa.Column("looked_at", Instant, nullable=True),
        *(sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in counts),
        sa.Column("shown_key", sa.String(length=64), nullable=True),
        sa.Column("etag", sa.String(length=1024), nullable=True),
        sa.Column("last_modified", sa.String(length=255), nullable=True),
        sa.Column("body_sha256", sa.String(length=64), nullable=True),
        sa.Column("whole_at", Instant, nullable=True),
        sa.Column("return_key", sa.String(length=64), nullable=True),
        sa.Column("return_looks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("turns", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["url_id"], ["urls.id"], name=op.f("fk_revisits_url_id_urls"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("url_id", name=op.f("pk_revisits")),
    )
    op.create_index(op.f("ix_revisits_opened_at"), "revisits", ["opened_at"], unique=False)
    op.create_index(op.f("ix_revisits_due_at_host"), "revisits", ["due_at", "host"], unique=False)


def _status_changes() -> None:
    op.create_table(
        "status_changes",
        sa.Column("id", Id, nullable=False),
        sa.Column("story_id", Id, nullable=False),
        sa.Column("status", _words("is_storystatus", STATUSES), nullable=False),
        sa.Column("cause", _words("is_statuscause", CAUSES), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("origin_story_id", Id, nullable=True),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column("changed_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["story_id"], ["stories.id"], name=op.f("fk_status_changes_story_id_stories"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["origin_story_id"],
            ["stories.id"],
            name=op.f("fk_status_changes_origin_story_id_stories"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_changes")),
    )
    op.create_index(op.f("ix_status_changes_story_id"), "status_changes", ["story_id"], unique=False)


def _schedule(connection: Connection) -> None:
    """Stories of the last days are due for a look: what changed in them since can still be seen."""
    since = datetime.now(UTC) - LOOKED_AT_FOR
    if connection.dialect.name == "sqlite":
        since_value: object = since.strftime("%Y-%m-%dT%H:%M:%S.") + f"{since.microsecond // 1000:03d}Z"
    else:
        since_value = since
    connection.execute(
        sa.text(
            "INSERT INTO revisits (url_id, host, due_at) "
            "SELECT urls.id, urls.host, CASE WHEN stories.stored_at > :since THEN stories.stored_at END "
            "FROM stories JOIN urls ON urls.id = stories.url_id"
        ),
        {"since": since_value},
    )
