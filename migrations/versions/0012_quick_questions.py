"""Questions over many stories that took long, and the view of what is overdue."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


Day = sa.Date().with_variant(sa.String(10), "sqlite")


def upgrade() -> None:
    connection = op.get_bind()
    op.execute("DROP VIEW latency")
    counts = ("stories", "conflict", "conflict_policy")
    _digest("source_digests", {"source": 255}, counts)
    _digest("language_digests", {"language": 35}, counts)
    _digest("act_digests", {"act": 24, "actor": 32}, ("stories",))
    waits = (f"{since}_p{percent}_s" for since in ("published", "announced") for percent in (50, 95))
    _digest(
        "latency_digests",
        {},
        ("stories", "dated_stories"),
        *(sa.Column(name, sa.Float(), nullable=True) for name in waits),
    )
    for statement in _statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


def _digest(name: str, keys: dict[str, int], counts: tuple[str, ...], *columns: sa.Column[float]) -> None:
    op.create_table(
        name,
        sa.Column("day", Day, nullable=False),
        *(sa.Column(key, sa.String(length), nullable=False) for key, length in keys.items()),
        *(sa.Column(count, sa.Integer(), nullable=False) for count in counts),
        *columns,
        sa.PrimaryKeyConstraint("day", *keys, name=op.f(f"pk_{name}")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")


def _statements(dialect: str) -> list[str]:
    """The statements of the file beside this one; a line of `--;` ends each, since triggers have semicolons inside."""
    sql = (Path(__file__).parent / f"0012_quick_questions.{dialect}.sql").read_text(encoding="utf-8")
    return [statement.strip() for statement in sql.split("\n--;\n") if statement.strip()]
