"""Copies found again: relations of links, moves between clusters, second looks, re-clustering.

No row changes. The relation of a link may be two more words; four tables are new.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from pipeline.store.migrating import set_words

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# SQLite keeps an instant as text of a fixed width, 2024-05-31T03:59:00.000Z.
Instant = sa.DateTime(timezone=True).with_variant(sa.String(24), "sqlite")

RELATIONS = ("copy", "version", "follow_up", "shares")
MOVE_CAUSES = ("second_look", "recluster")


def upgrade() -> None:
    set_words(op.get_bind(), "story_links", "relation", "ck_story_links_is_relation", RELATIONS)
    _past_links()
    _cluster_moves()
    _second_looks()
    _reclusterings()


def _past_links() -> None:
    op.create_table(
        "past_links",
        sa.Column("id", Id, nullable=False),
        sa.Column("url_id", Id, nullable=False),
        sa.Column("story_id", Id, nullable=True),
        sa.Column("matched_story_id", Id, nullable=False),
        sa.Column("relation", sa.String(length=24), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=1024), nullable=True),
        sa.Column("linked_at", Instant, nullable=False),
        sa.Column("superseded_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(["url_id"], ["urls.id"], name=op.f("fk_past_links_url_id_urls"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["story_id"], ["stories.id"], name=op.f("fk_past_links_story_id_stories"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["matched_story_id"],
            ["stories.id"],
            name=op.f("fk_past_links_matched_story_id_stories"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_links")),
    )
    for column in ("url_id", "story_id", "matched_story_id"):
        op.create_index(op.f(f"ix_past_links_{column}"), "past_links", [column], unique=False)


def _cluster_moves() -> None:
    cause = sa.Enum(*MOVE_CAUSES, name="is_movecause", native_enum=False, create_constraint=True, length=24)
    op.create_table(
        "cluster_moves",
        sa.Column("id", Id, nullable=False),
        sa.Column("story_id", Id, nullable=False),
        sa.Column("old_cluster_id", Id, nullable=False),
        sa.Column("new_cluster_id", Id, nullable=False),
        sa.Column("cause", cause, nullable=False),
        sa.Column("linked_story_id", Id, nullable=True),
        sa.Column("matched_story_id", Id, nullable=True),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("moved_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["story_id"], ["stories.id"], name=op.f("fk_cluster_moves_story_id_stories"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["old_cluster_id"], ["clusters.id"], name=op.f("fk_cluster_moves_old_cluster_id_clusters")
        ),
        sa.ForeignKeyConstraint(
            ["new_cluster_id"], ["clusters.id"], name=op.f("fk_cluster_moves_new_cluster_id_clusters")
        ),
        sa.ForeignKeyConstraint(
            ["linked_story_id"],
            ["stories.id"],
            name=op.f("fk_cluster_moves_linked_story_id_stories"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["matched_story_id"],
            ["stories.id"],
            name=op.f("fk_cluster_moves_matched_story_id_stories"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cluster_moves")),
    )
    for column in ("story_id", "old_cluster_id", "new_cluster_id"):
        op.create_index(op.f(f"ix_cluster_moves_{column}"), "cluster_moves", [column], unique=False)


def _second_looks() -> None:
    op.create_table(
        "second_looks",
        sa.Column("story_id", Id, autoincrement=False, nullable=False),
        sa.Column("asked_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["story_id"], ["stories.id"], name=op.f("fk_second_looks_story_id_stories"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("story_id", name=op.f("pk_second_looks")),
    )
    op.create_index(op.f("ix_second_looks_asked_at"), "second_looks", ["asked_at"], unique=False)


def _reclusterings() -> None:
    op.create_table(
        "reclusterings",
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("last_story_id", Id, nullable=False),
        sa.Column("until_story_id", Id, nullable=False),
        sa.Column("moved", sa.Integer(), nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("finished_at", Instant, nullable=True),
        sa.PrimaryKeyConstraint("method", name=op.f("pk_reclusterings")),
    )
