"""What was pruned is marked, so that it is never stored again; what ended last is found by an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# SQLite keeps an instant as text of a fixed width, 2024-05-31T03:59:00.000Z.
Instant = sa.DateTime(timezone=True).with_variant(sa.String(24), "sqlite")


def upgrade() -> None:
    op.add_column("stories", sa.Column("pruned_at", Instant, nullable=True))
    op.create_index(op.f("ix_urls_settled_at"), "urls", ["settled_at"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")
