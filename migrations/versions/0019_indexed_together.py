"""Search answers in time whatever is asked, and the stories of a batch are indexed in one go on SQLite.

The SQL beside this file is as it was when this migration was written.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

REPLACED = ("stories_learn", "stories_forget", "stories_reword", "story_facts_come", "story_facts_go")


def upgrade() -> None:
    connection = op.get_bind()
    op.create_index(op.f("ix_stories_site_id"), "stories", ["site", "id"], unique=False)
    if connection.dialect.name == "sqlite":
        for name in REPLACED:
            op.execute(f"DROP TRIGGER IF EXISTS {name}")
        # Made anew with the beginnings of two letters in place of three: two minutes of CPU a million stories.
        op.execute("DROP TABLE story_search")
    for statement in _statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


def _statements(dialect: str) -> list[str]:
    """The statements of the file beside this one; a line of `--;` ends each, since triggers have semicolons inside."""
    sql = (Path(__file__).parent / f"0019_indexed_together.{dialect}.sql").read_text(encoding="utf-8")
    return [statement.strip() for statement in sql.split("\n--;\n") if statement.strip()]


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")
