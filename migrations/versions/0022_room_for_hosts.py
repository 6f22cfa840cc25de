"""Pages of `hosts` keep room: each request changes its host's row twice and no indexed column.

Without room a new version of the row goes to another page, and with it a new entry into the index of hosts.
"""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # What is full stays full until its rows are changed: nothing is written anew.
        op.execute("ALTER TABLE hosts SET (fillfactor = 70)")


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")
