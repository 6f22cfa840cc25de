"""Health of sources, reports and places are counted beforehand, so that they are asked quickly at a million stories.

The SQL beside this file is as it was when this migration was written: the filling from what is stored already, the
triggers, and the views.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Instant = sa.DateTime(timezone=True).with_variant(sa.String(24), "sqlite")
Day = sa.Date().with_variant(sa.String(10), "sqlite")


def upgrade() -> None:
    connection = op.get_bind()
    op.add_column("story_facts", sa.Column("named_places", Json, nullable=True))
    if connection.dialect.name == "postgresql":
        # Everything that is stored is counted once.
        op.execute("SET LOCAL statement_timeout = 0")
    else:
        op.drop_index("ix_story_facts_policy_stored_at", "story_facts")
        columns = ["stored_at", "story_id", "cluster_id", "source", "language", "acts", "actors"]
        is_policy = "is_conflict_policy = 1"
        _partial_index("ix_story_facts_policy_chosen", "story_facts", columns, is_policy, is_policy)
    dead, lost = "state = 'dead'", "lost_estimate IS NOT NULL"
    _partial_index("ix_urls_dead", "urls", ["settled_at"], dead, dead)
    _partial_index("ix_feed_polls_gaps", "feed_polls", ["polled_at", "feed_id"], lost, lost)
    _feed_days()
    _place_tallies()
    _clusters()
    for statement in _statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


def _feed_days() -> None:
    op.create_table(
        "feed_days",
        sa.Column("day", Day, nullable=False),
        sa.Column("feed_id", Id, autoincrement=False, nullable=False),
        *_counts("polls", "new_urls", "gaps", "lost_estimate", "arrivals"),
        sa.Column("first_arrival_at", Instant, nullable=True),
        sa.Column("last_arrival_at", Instant, nullable=True),
        sa.Column("longest_pause_s", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name=op.f("fk_feed_days_feed_id_feeds"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("day", "feed_id", name=op.f("pk_feed_days")),
        sqlite_with_rowid=False,
    )


def _place_tallies() -> None:
    op.create_table(
        "place_tallies",
        sa.Column("id", Id, nullable=False),
        sa.Column("is_folded", sa.Boolean(), nullable=False),
        sa.Column("day", Day, nullable=False),
        sa.Column("place", sa.String(255), nullable=False),
        sa.Column("country", sa.String(3), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        *_counts("stories"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place_tallies")),
    )
    op.create_index(op.f("ix_place_tallies_day"), "place_tallies", ["day"], unique=False)
    _partial_index("ix_place_tallies_unfolded", "place_tallies", ["day"], "is_folded = 0", "is_folded = false")


def _clusters() -> None:
    op.create_table(
        "cluster_changes",
        sa.Column("id", Id, nullable=False),
        sa.Column("cluster_id", Id, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cluster_changes")),
    )
    op.create_index(op.f("ix_cluster_changes_cluster_id"), "cluster_changes", ["cluster_id"], unique=False)
    op.create_table(
        "cluster_digests",
        sa.Column("cluster_id", Id, autoincrement=False, nullable=False),
        sa.Column("first_story_id", Id, nullable=False),
        sa.Column("first_seen_at", Instant, nullable=False),
        sa.Column("last_seen_at", Instant, nullable=False),
        *_counts("stories", "copies", "sites"),
        sa.PrimaryKeyConstraint("cluster_id", name=op.f("pk_cluster_digests")),
    )


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def _partial_index(name: str, table: str, columns: list[str], on_sqlite: str, on_postgres: str) -> None:
    op.create_index(
        op.f(name),
        table,
        columns,
        unique=False,
        sqlite_where=sa.text(on_sqlite),
        postgresql_where=sa.text(on_postgres),
    )


def _statements(dialect: str) -> list[str]:
    """The statements of the file beside this one; a line of `--;` ends each, since triggers have semicolons inside."""
    sql = (Path(__file__).parent / f"0016_quick_at_a_million.{dialect}.sql").read_text(encoding="utf-8")
    return [statement.strip() for statement in sql.split("\n--;\n") if statement.strip()]


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")
