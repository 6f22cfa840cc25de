"""Search for the role that reads views alone: a function of PostgreSQL. SQLite's readers ask the index itself.

The SQL beside this file is that of the function as it was when this migration was written.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        sql = (Path(__file__).parent / "0014_readers_search.postgresql.sql").read_text(encoding="utf-8")
        connection.exec_driver_sql(sql.strip())


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")
