"""Site memory, and what wire copy and live reports have beside a text.

`site_lines` is made anew with a state in place of its flag, its rows kept; the tables that count for it are new.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Instant = sa.DateTime(timezone=True).with_variant(sa.String(24), "sqlite")

SITE_LINE_STATES = ("seen", "learned", "kept")


def upgrade() -> None:
    connection = op.get_bind()
    kept = [dict(row._mapping) for row in connection.execute(sa.text("SELECT * FROM site_lines"))]
    op.drop_table("site_lines")
    _site_memories()
    site_lines = _site_lines()
    _site_line_stories()
    if kept:
        op.bulk_insert(site_lines, [_with_state(row) for row in kept])
    _story_columns()


def _with_state(row: dict[str, object]) -> dict[str, object]:
    is_learned = bool(row.pop("is_boilerplate"))
    state = {"state": "learned" if is_learned else "seen", "learned_at": row["last_seen_at"] if is_learned else None}
    return row | state | {"place": "body", "since_story": 1, "echo": 0.0}


def _site_memories() -> None:
    op.create_table(
        "site_memories",
        sa.Column("site", sa.String(length=255), nullable=False),
        sa.Column("stories_seen", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_site_memories")),
    )


def _site_lines() -> sa.Table:
    states = sa.Enum(
        *SITE_LINE_STATES,
        name=op.f("ck_site_lines_is_sitelinestate"),
        native_enum=False,
        create_constraint=True,
        length=24,
    )
    table = op.create_table(
        "site_lines",
        sa.Column("site", sa.String(length=255), nullable=False),
        sa.Column("line_hash", sa.String(length=64), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("place", sa.String(length=8), nullable=False),
        sa.Column("state", states, nullable=False),
        sa.Column("story_count", sa.Integer(), nullable=False),
        sa.Column("since_story", sa.Integer(), nullable=False),
        sa.Column("echo", sa.Float(), nullable=False),
        sa.Column("first_seen_at", Instant, nullable=False),
        sa.Column("last_seen_at", Instant, nullable=False),
        sa.Column("learned_at", Instant, nullable=True),
        sa.PrimaryKeyConstraint("site", "line_hash", name=op.f("pk_site_lines")),
    )
    op.create_index(op.f("ix_site_lines_last_seen_at"), "site_lines", ["last_seen_at"], unique=False)
    return table


def _site_line_stories() -> None:
    op.create_table(
        "site_line_stories",
        sa.Column("site", sa.String(length=255), nullable=False),
        sa.Column("line_hash", sa.String(length=64), nullable=False),
        sa.Column("cluster_id", Id, autoincrement=False, nullable=False),
        sa.Column("story_id", Id, nullable=False),
        sa.Column("signer", sa.String(length=255), nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
        sa.Column("is_cleaned", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name=op.f("fk_site_line_stories_cluster_id_clusters"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["story_id"], ["stories.id"], name=op.f("fk_site_line_stories_story_id_stories"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["site", "line_hash"],
            ["site_lines.site", "site_lines.line_hash"],
            name=op.f("fk_site_line_stories_site_line_hash_site_lines"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("site", "line_hash", "cluster_id", name=op.f("pk_site_line_stories")),
    )
    op.create_index(op.f("ix_site_line_stories_story_id"), "site_line_stories", ["story_id"], unique=False)


def _story_columns() -> None:
    # Added one by one: SQLite needs no copy of the table for that, and views on it stay.
    op.add_column("stories", sa.Column("kind", sa.String(length=8), server_default="story", nullable=False))
    op.add_column("stories", sa.Column("live_entries", Json, server_default="[]", nullable=False))
    op.add_column("stories", sa.Column("agencies", Json, server_default="[]", nullable=False))
    op.add_column("stories", sa.Column("place", sa.String(length=255), nullable=True))
    op.add_column("stories", sa.Column("slug", sa.String(length=255), nullable=True))
    op.add_column("stories", sa.Column("wire_mark", sa.String(length=64), nullable=True))
    op.add_column("stories", sa.Column("editor_notes", Json, server_default="[]", nullable=False))
