"""Places are counted by act, language and state as well, so that the map under a filter is asked as quickly as without.

The SQL beside this file is as it was when this migration was written: the counting of what is stored already, the
triggers, and the views.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Day = sa.Date().with_variant(sa.String(10), "sqlite")
CHOSEN = ["act", "language", "day", "place", "country", "latitude", "longitude", "stories"]


def upgrade() -> None:
    connection = op.get_bind()
    op.execute("DROP VIEW places_by_day")
    if connection.dialect.name == "postgresql":
        # Everything that is stored is counted once.
        op.execute("SET LOCAL statement_timeout = 0")
        _widen_index()
    else:
        for name in ("story_facts_come", "story_facts_go"):
            op.execute(f"DROP TRIGGER IF EXISTS {name}")
    op.create_index(
        op.f("ix_act_tallies_language"), "act_tallies", ["language", "day", "act", "actor", "stories"], unique=False
    )
    # Its rows have no language, so they are counted anew.
    op.drop_table("place_tallies")
    _place_tallies()
    for statement in _statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


def _widen_index() -> None:
    """What only counts stories or reports is answered by the index alone."""
    op.drop_index("ix_story_facts_policy_stored_at", "story_facts")
    op.create_index(
        op.f("ix_story_facts_policy_stored_at"),
        "story_facts",
        ["stored_at", "story_id"],
        unique=False,
        postgresql_include=["cluster_id", "source", "language"],
        postgresql_where=sa.text("is_conflict_policy = true"),
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
        sa.Column("act", sa.String(24), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("stories", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place_tallies")),
    )
    op.create_index(op.f("ix_place_tallies_day"), "place_tallies", ["day"], unique=False)
    op.create_index(op.f("ix_place_tallies_chosen"), "place_tallies", CHOSEN, unique=False)
    op.create_index(
        op.f("ix_place_tallies_unfolded"),
        "place_tallies",
        ["day"],
        unique=False,
        sqlite_where=sa.text("is_folded = 0"),
        postgresql_where=sa.text("is_folded = false"),
    )


def _statements(dialect: str) -> list[str]:
    """The statements of the file beside this one; a line of `--;` ends each, since triggers have semicolons inside."""
    sql = (Path(__file__).parent / f"0017_places_by_filter.{dialect}.sql").read_text(encoding="utf-8")
    return [statement.strip() for statement in sql.split("\n--;\n") if statement.strip()]


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")
