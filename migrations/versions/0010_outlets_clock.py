"""The clock on which an outlet dates its stories, and the view of what site memory learned."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stories", sa.Column("published_offset_s", sa.Integer(), nullable=True))
    # What is stored already was brought to UTC when it was read; `reread` finds its clock again.
    op.get_bind().exec_driver_sql("DROP VIEW story_details")
    sql = (Path(__file__).parent / f"0010_views.{op.get_bind().dialect.name}.sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement.strip())


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")
