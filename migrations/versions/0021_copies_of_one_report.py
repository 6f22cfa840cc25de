"""The index of links by story leaves out those without one: copies of a text that is stored already.

SQLite took it for `story_id IS NULL` and went through all such links of the store to find those of one report: 0.4 s
at ten million stories.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

HAS_STORY = sa.text("story_id IS NOT NULL")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # All links are gone through once.
        op.execute("SET LOCAL statement_timeout = 0")
    name = op.f("ix_story_links_story_id")
    op.drop_index(name, "story_links")
    op.create_index(name, "story_links", ["story_id"], sqlite_where=HAS_STORY, postgresql_where=HAS_STORY)


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")
