"""Stories about conflict policy stand by act and actor in the order of storing, and are found by their report.

The days of one language or source are found by an index of their own.

The SQL beside this file is as it was when this migration was written: the rows of what is stored already, the triggers,
and the view.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UtcDateTime = sa.DateTime(timezone=True).with_variant(sa.String(24), "sqlite")


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        # All stories about conflict policy are gone through once.
        op.execute("SET LOCAL statement_timeout = 0")
    else:
        for name in ("story_facts_policy_come", "story_facts_policy_go"):
            op.execute(f"DROP TRIGGER IF EXISTS {name}")
    op.create_table(
        "act_stories",
        sa.Column("act", sa.String(24), nullable=False),
        sa.Column("actor", sa.String(32), nullable=False),
        sa.Column("stored_at", UtcDateTime, nullable=False),
        sa.Column("story_id", Id, nullable=False, autoincrement=False),
        sa.Column("cluster_id", Id, nullable=True),
        sa.Column("language", sa.String(35), nullable=False),
        sa.PrimaryKeyConstraint(
            *("act", "actor", "stored_at", "story_id"),
            name=op.f("pk_act_stories"),
            postgresql_include=["cluster_id", "language"],
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_story_facts_policy_cluster"),
        "story_facts",
        ["cluster_id", "stored_at", "story_id", "language"],
        unique=False,
        sqlite_where=sa.text("is_conflict_policy = 1"),
        postgresql_where=sa.text("is_conflict_policy = true"),
    )
    for first, last in (("language", "source"), ("source", "language")):
        op.create_index(
            op.f(f"ix_day_tallies_{first}"),
            "day_tallies",
            [first, "day", last, "stories", "conflict", "conflict_policy"],
            unique=False,
        )
    for statement in _statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


def _statements(dialect: str) -> list[str]:
    """The statements of the file beside this one; a line of `--;` ends each, since triggers have semicolons inside."""
    sql = (Path(__file__).parent / f"0020_stories_by_act.{dialect}.sql").read_text(encoding="utf-8")
    return [statement.strip() for statement in sql.split("\n--;\n") if statement.strip()]


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")
