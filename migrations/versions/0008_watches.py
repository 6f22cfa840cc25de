"""Watches: conditions of people, what they found, once a cluster, and whom was told; the view of the matches."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
# SQLite keeps an instant as text of a fixed width, 2024-05-31T03:59:00.000Z.
Instant = sa.DateTime(timezone=True).with_variant(sa.String(24), "sqlite")

KINDS = ("match", "correction", "withdrawal")
STATES = ("waiting", "sending", "sent", "recorded", "dead")
REASONS = ("no_target", "bad_target", "refused", "timeout", "crashed")


def upgrade() -> None:
    op.create_index(op.f("ix_story_links_linked_at"), "story_links", ["linked_at"], unique=False)
    _watches()
    _watch_alerts()
    sql = (Path(__file__).parent / f"0008_views.{op.get_bind().dialect.name}.sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement.strip())


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")


def _watches() -> None:
    op.create_table(
        "watches",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("condition", sa.String(length=2000), nullable=False),
        sa.Column("targets", Json, nullable=False),
        sa.Column("digest_s", sa.Float(), nullable=True),
        sa.Column("limit_messages", sa.Integer(), nullable=True),
        sa.Column("limit_s", sa.Float(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("added_at", Instant, nullable=False),
        sa.Column("looked_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watches")),
        sa.UniqueConstraint("name", name=op.f("uq_watches_name")),
    )


def _watch_alerts() -> None:
    op.create_table(
        "watch_alerts",
        sa.Column("id", Id, nullable=False),
        sa.Column("watch_id", Id, nullable=False),
        sa.Column("cluster_id", Id, nullable=False),
        sa.Column("kind", _words("is_alertkind", KINDS), nullable=False),
        sa.Column("story_id", Id, nullable=False),
        sa.Column("state", _words("is_alertstate", STATES), nullable=False),
        sa.Column("reason", _words("is_alertreason", REASONS), nullable=True),
        sa.Column("detail", sa.String(length=500), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("message", sa.String(length=32), nullable=True),
        sa.Column("lease_until", Instant, nullable=True),
        sa.Column("sent_at", Instant, nullable=True),
        _key("watch_id", "watches"),
        _key("cluster_id", "clusters"),
        _key("story_id", "stories"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watch_alerts")),
        sa.UniqueConstraint("watch_id", "cluster_id", "kind", name=op.f("uq_watch_alerts_watch_id_cluster_id_kind")),
    )
    for columns in (
        ["cluster_id"],
        ["story_id"],
        ["message"],
        ["state", "watch_id", "due_at"],
        ["watch_id", "created_at"],
    ):
        op.create_index(op.f(f"ix_watch_alerts_{'_'.join(columns)}"), "watch_alerts", columns, unique=False)


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=24)


def _key(column: str, table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_watch_alerts_{column}_{table}")
    return sa.ForeignKeyConstraint([column], [f"{table}.id"], name=name, ondelete="CASCADE")
