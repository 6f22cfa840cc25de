"""What a feed's body asks of those who poll it is remembered, and what it lists now is found by an index of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("feeds", sa.Column("ttl_s", sa.Float(), nullable=True))
    op.add_column("feeds", sa.Column("update_period_s", sa.Float(), nullable=True))
    op.add_column("feeds", sa.Column("skip_hours", sa.String(64), nullable=True))
    op.add_column("feeds", sa.Column("skip_days", sa.String(16), nullable=True))
    op.add_column("feed_listings", sa.Column("item_digest", sa.String(32), nullable=True))
    op.create_index(
        "ix_feed_listings_listed",
        "feed_listings",
        ["feed_id"],
        unique=False,
        sqlite_where=sa.text("is_listed = 1"),
        postgresql_where=sa.text("is_listed = true"),
    )


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")
