"""What dashboards count is kept beforehand, texts are indexed for search, and the views that count read the counts.

The SQL beside this file is as it was when this migration was written: the full-text index and the triggers, the
filling of both from what is stored already, and the views.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Instant = sa.DateTime(timezone=True).with_variant(sa.String(24), "sqlite")
Day = sa.Date().with_variant(sa.String(10), "sqlite")

CHANGED_VIEWS = ("conflict_policy_stories", "pipeline_funnel", "latency", "volume_hourly", "policy_acts")


def upgrade() -> None:
    connection = op.get_bind()
    for view in CHANGED_VIEWS:
        op.execute(f"DROP VIEW {view}")
    _story_facts()
    for name, unit in (
        ("hour_tallies", sa.Column("hour", Instant, nullable=False)),
        ("day_tallies", sa.Column("day", Day, nullable=False)),
    ):
        _tally(
            name,
            unit,
            sa.Column("source", sa.String(255), nullable=False),
            sa.Column("language", sa.String(35), nullable=False),
            sa.Column("stories", sa.Integer(), nullable=False),
            sa.Column("conflict", sa.Integer(), nullable=False),
            sa.Column("conflict_policy", sa.Integer(), nullable=False),
        )
    _tally(
        "latency_tallies",
        sa.Column("day", Day, nullable=False),
        sa.Column("since", sa.String(16), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("stories", sa.Integer(), nullable=False),
    )
    _tally(
        "act_tallies",
        sa.Column("day", Day, nullable=False),
        sa.Column("act", sa.String(24), nullable=False),
        sa.Column("actor", sa.String(32), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("stories", sa.Integer(), nullable=False),
    )
    _tally(
        "url_tallies",
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("reason", sa.String(24), nullable=True),
        sa.Column("urls", sa.Integer(), nullable=False),
    )
    op.create_index(
        op.f("ix_urls_state_reason_announced_at"), "urls", ["state", "reason", "announced_at"], unique=False
    )
    for statement in _statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


def _statements(dialect: str) -> list[str]:
    """The statements of the file beside this one; a line of `--;` ends each, since triggers have semicolons inside."""
    sql = (Path(__file__).parent / f"0007_counts_and_search.{dialect}.sql").read_text(encoding="utf-8")
    return [statement.strip() for statement in sql.split("\n--;\n") if statement.strip()]


def _story_facts() -> None:
    op.create_table(
        "story_facts",
        sa.Column("story_id", Id, autoincrement=False, nullable=False),
        sa.Column("verdict_id", Id, nullable=True),
        sa.Column("cluster_id", Id, nullable=True),
        sa.Column("stored_at", Instant, nullable=False),
        sa.Column("day", Day, nullable=False),
        sa.Column("source", sa.String(255), nullable=False),
        sa.Column("language", sa.String(35), nullable=False),
        sa.Column("is_conflict", sa.Boolean(), nullable=False),
        sa.Column("is_conflict_policy", sa.Boolean(), nullable=False),
        sa.Column("announced_s", sa.Integer(), nullable=False),
        sa.Column("published_s", sa.Integer(), nullable=True),
        sa.Column("acts", sa.Text(), nullable=True),
        sa.Column("actors", sa.Text(), nullable=True),
        sa.Column("scored_acts", Json, nullable=True),
        sa.Column("named_actors", Json, nullable=True),
        sa.ForeignKeyConstraint(
            ["story_id"], ["stories.id"], name=op.f("fk_story_facts_story_id_stories"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("story_id", name=op.f("pk_story_facts")),
    )
    for name, columns in (
        ("stored_at", ["stored_at", "story_id"]),
        ("source", ["source", "stored_at"]),
        ("day", ["day"]),
    ):
        _partial_index(f"ix_story_facts_policy_{name}", "story_facts", columns, "is_conflict_policy", is_set=True)


def _tally(name: str, *columns: sa.Column[object]) -> None:
    first = columns[0].name
    op.create_table(
        name,
        sa.Column("id", Id, nullable=False),
        sa.Column("is_folded", sa.Boolean(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_{first}"), name, [first], unique=False)
    _partial_index(f"ix_{name}_unfolded", name, [first], "is_folded", is_set=False)


def _partial_index(name: str, table: str, columns: list[str], flag: str, *, is_set: bool) -> None:
    op.create_index(
        op.f(name),
        table,
        columns,
        unique=False,
        sqlite_where=sa.text(f"{flag} = {int(is_set)}"),
        postgresql_where=sa.text(f"{flag} = {str(is_set).lower()}"),
    )
