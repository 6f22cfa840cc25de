"""A search takes control characters and the blanks of all scripts for white space, whatever the database's locale.

A control character with a star behind it was refused as the beginning of one letter. The SQL beside this file is as it
was when this migration was written. SQLite asks its index itself.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        sql = (Path(__file__).parent / "0023_unseen_signs.postgresql.sql").read_text(encoding="utf-8")
        connection.exec_driver_sql(sql)


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")
