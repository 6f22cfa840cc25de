"""From where each story has its report, and which reports tell of one event; the views that say so.

The SQL beside this file is that of the views as they were when this migration was written. Stories that are stored
already have no origin until `frontwire recluster --anew`, and their clusters one, as before.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# SQLite keeps an instant as text of a fixed width, 2024-05-31T03:59:00.000Z, and a day as its first ten characters.
Instant = sa.DateTime(timezone=True).with_variant(sa.String(24), "sqlite")
Day = sa.Date().with_variant(sa.String(10), "sqlite")

PLACES = ("dateline", "byline", "end", "lead")
KINDS = ("own", "agency", "outlet", "copy")
CHANGED_VIEWS = ("conflict_policy_stories", "story_clusters", "story_details")


def upgrade() -> None:
    for view in CHANGED_VIEWS:
        op.execute(f"DROP VIEW {view}")
    op.add_column("clusters", sa.Column("independent_origins", sa.Integer(), server_default="1", nullable=False))
    op.add_column("clusters", sa.Column("origins_at", Instant, nullable=True))
    op.create_index(op.f("ix_clusters_origins_at"), "clusters", ["origins_at"], unique=False)
    _story_credits()
    _story_origins()
    _told_events()
    _event_clusters()
    _event_links()
    _event_keys()
    _event_looks()
    sql = (Path(__file__).parent / f"0013_views.{op.get_bind().dialect.name}.sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement.strip())


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")


def _story_credits() -> None:
    op.create_table(
        "story_credits",
        sa.Column("url_id", Id, autoincrement=False, nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("is_agency", sa.Boolean(), nullable=False),
        sa.Column("place", _words("is_creditplace", PLACES), nullable=False),
        sa.Column("surface", sa.String(length=255), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        _key("story_credits", "url_id", "urls", "CASCADE"),
        sa.PrimaryKeyConstraint("url_id", "source", name=op.f("pk_story_credits")),
    )


def _story_origins() -> None:
    op.create_table(
        "story_origins",
        sa.Column("story_id", Id, autoincrement=False, nullable=False),
        sa.Column("kind", _words("is_originkind", KINDS), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=True),
        sa.Column("name", sa.String(length=64), nullable=True),
        sa.Column("origin_story_id", Id, nullable=True),
        sa.Column("place", _words("is_creditplace", PLACES), nullable=True),
        sa.Column("surface", sa.String(length=255), nullable=True),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("decided_at", Instant, nullable=False),
        _key("story_origins", "story_id", "stories", "CASCADE"),
        _key("story_origins", "origin_story_id", "stories", "SET NULL"),
        sa.PrimaryKeyConstraint("story_id", name=op.f("pk_story_origins")),
    )
    for column in ("source", "origin_story_id"):
        op.create_index(op.f(f"ix_story_origins_{column}"), "story_origins", [column], unique=False)


def _told_events() -> None:
    op.create_table(
        "told_events",
        sa.Column("id", Id, nullable=False),
        sa.Column("founded_at", Instant, nullable=False),
        sa.Column("merged_into", Id, nullable=True),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("independent_origins", sa.Integer(), server_default="1", nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        _key("told_events", "merged_into", "told_events", None),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_told_events")),
    )
    op.create_index(op.f("ix_told_events_changed_at"), "told_events", ["changed_at"], unique=False)


def _event_clusters() -> None:
    op.create_table(
        "event_clusters",
        sa.Column("cluster_id", Id, autoincrement=False, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("joined_at", Instant, nullable=False),
        _key("event_clusters", "cluster_id", "clusters", "CASCADE"),
        _key("event_clusters", "event_id", "told_events", None),
        sa.PrimaryKeyConstraint("cluster_id", name=op.f("pk_event_clusters")),
    )
    op.create_index(op.f("ix_event_clusters_event_id"), "event_clusters", ["event_id"], unique=False)


def _event_links() -> None:
    op.create_table(
        "event_links",
        sa.Column("id", Id, nullable=False),
        sa.Column("cluster_id", Id, nullable=False),
        sa.Column("matched_cluster_id", Id, nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("linked_at", Instant, nullable=False),
        _key("event_links", "cluster_id", "clusters", "CASCADE"),
        _key("event_links", "matched_cluster_id", "clusters", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_links")),
        sa.UniqueConstraint(
            "cluster_id", "matched_cluster_id", name=op.f("uq_event_links_cluster_id_matched_cluster_id")
        ),
    )
    op.create_index(op.f("ix_event_links_matched_cluster_id"), "event_links", ["matched_cluster_id"], unique=False)


def _event_keys() -> None:
    op.create_table(
        "event_keys",
        sa.Column("day", Day, nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("act", sa.String(length=24), nullable=False),
        sa.Column("cluster_id", Id, autoincrement=False, nullable=False),
        _key("event_keys", "cluster_id", "clusters", "CASCADE"),
        sa.PrimaryKeyConstraint("day", "actor", "act", "cluster_id", name=op.f("pk_event_keys")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_event_keys_cluster_id"), "event_keys", ["cluster_id"], unique=False)


def _event_looks() -> None:
    op.create_table(
        "event_looks",
        sa.Column("cluster_id", Id, autoincrement=False, nullable=False),
        sa.Column("asked_at", Instant, nullable=False),
        _key("event_looks", "cluster_id", "clusters", "CASCADE"),
        sa.PrimaryKeyConstraint("cluster_id", name=op.f("pk_event_looks")),
    )
    op.create_index(op.f("ix_event_looks_asked_at"), "event_looks", ["asked_at"], unique=False)


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=24)


def _key(table: str, column: str, referred: str, ondelete: str | None) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{referred}")
    return sa.ForeignKeyConstraint([column], [f"{referred}.id"], name=name, ondelete=ondelete)
