# ruff: noqa: SIM905
"""Sourcing, places, labels, pooled verdicts and the wire's own subjects; the views that read them.

Every row stays. Each cluster gets its pooled verdict from the stories it has.
"""

from __future__ import annotations

import math
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
# SQLite keeps an instant as text of a fixed width, 2024-05-31T03:59:00.000Z.
Instant = sa.DateTime(timezone=True).with_variant(sa.String(24), "sqlite")

SOURCE_KINDS = ("named_official", "anonymous_official", "outlet", "armed_side", "document")
STANDINGS = ("confirmed", "denied", "unconfirmed")
POLICY_TYPES = tuple(
    """
    force threat arms_aid deploy sanction talks alliance arms_control intl_law status detainee humanitarian home
    position
    """.split()
)
CHANGED_VIEWS = ("policy_acts", "volume_hourly", "conflict_policy_stories")
CLUSTERS_AT_ONCE = 500


def upgrade() -> None:
    for name in CHANGED_VIEWS:
        op.execute(f"DROP VIEW {name}")
    op.add_column("urls", sa.Column("entry_codes", Json, nullable=True))
    op.add_column("verdicts", sa.Column("rules", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("mentions", sa.Column("cameo", sa.String(length=32), nullable=True))
    _place_mentions()
    _attributions()
    _cluster_verdicts()
    _labels()
    _story_codes()
    _pool(op.get_bind())
    sql = (Path(__file__).parent / f"0003_views.{op.get_bind().dialect.name}.sql").read_text(encoding="utf-8")
    for statement in sql.split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement.strip())


def downgrade() -> None:
    raise NotImplementedError("Frontwire's schema only goes forward: restore the backup made before the upgrade.")


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=24)


def _story_key(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["story_id"], ["stories.id"], name=op.f(f"fk_{table}_story_id_stories"), ondelete="CASCADE"
    )


def _span() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("place", sa.String(length=8), nullable=False),
        sa.Column("span_start", sa.Integer(), nullable=False),
        sa.Column("span_end", sa.Integer(), nullable=False),
    )


def _place_mentions() -> None:
    op.create_table(
        "place_mentions",
        sa.Column("id", Id, nullable=False),
        sa.Column("story_id", Id, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("country", sa.String(length=3), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        *_span(),
        sa.Column("surface", sa.String(length=255), nullable=False),
        _story_key("place_mentions"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place_mentions")),
    )
    op.create_index(op.f("ix_place_mentions_story_id"), "place_mentions", ["story_id"], unique=False)


def _attributions() -> None:
    op.create_table(
        "attributions",
        sa.Column("id", Id, nullable=False),
        sa.Column("story_id", Id, nullable=False),
        sa.Column("source", _words("is_sourcekind", SOURCE_KINDS), nullable=True),
        sa.Column("standing", _words("is_standing", STANDINGS), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("actor", sa.String(length=32), nullable=True),
        *_span(),
        sa.Column("surface", sa.String(length=500), nullable=False),
        _story_key("attributions"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attributions")),
    )
    op.create_index(op.f("ix_attributions_story_id"), "attributions", ["story_id"], unique=False)


def _cluster_verdicts() -> None:
    op.create_table(
        "cluster_verdicts",
        sa.Column("cluster_id", Id, autoincrement=False, nullable=False),
        sa.Column("stories", sa.Integer(), nullable=False),
        sa.Column("conflict", sa.Float(), nullable=True),
        sa.Column("conflict_policy", sa.Float(), nullable=True),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("is_conflict", sa.Boolean(), nullable=False),
        sa.Column("is_conflict_policy", sa.Boolean(), nullable=False),
        sa.Column("judged_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"], ["clusters.id"], name=op.f("fk_cluster_verdicts_cluster_id_clusters"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("cluster_id", name=op.f("pk_cluster_verdicts")),
    )
    op.create_table(
        "cluster_acts",
        sa.Column("cluster_id", Id, autoincrement=False, nullable=False),
        sa.Column("act", _words("is_policytype", POLICY_TYPES), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cluster_id"],
            ["cluster_verdicts.cluster_id"],
            name=op.f("fk_cluster_acts_cluster_id_cluster_verdicts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("cluster_id", "act", name=op.f("pk_cluster_acts")),
    )


def _labels() -> None:
    op.create_table(
        "labels",
        sa.Column("id", Id, nullable=False),
        sa.Column("story_id", Id, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("verdict_id", Id, nullable=True),
        sa.Column("conflict", sa.Boolean(), nullable=False),
        sa.Column("conflict_policy", sa.Boolean(), nullable=False),
        sa.Column("acts", Json, nullable=False),
        sa.Column("drawn", sa.String(length=16), nullable=False),
        sa.Column("reviewer", sa.String(length=255), nullable=False),
        sa.Column("labelled_at", Instant, nullable=False),
        sa.Column("undone_at", Instant, nullable=True),
        _story_key("labels"),
        sa.ForeignKeyConstraint(
            ["verdict_id"], ["verdicts.id"], name=op.f("fk_labels_verdict_id_verdicts"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labels")),
    )
    op.create_index(op.f("ix_labels_story_id"), "labels", ["story_id"], unique=False)


def _story_codes() -> None:
    op.create_table(
        "story_codes",
        sa.Column("story_id", Id, autoincrement=False, nullable=False),
        sa.Column("scheme", sa.String(length=255), nullable=False),
        sa.Column("code", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        _story_key("story_codes"),
        sa.PrimaryKeyConstraint("story_id", "scheme", "code", name=op.f("pk_story_codes")),
    )


def _pool(connection: sa.Connection) -> None:
    """The pooled verdict of every cluster that has a judged story: the mean of the log-odds, as of this version."""
    last = 0
    while True:
        ids = (
            connection.execute(
                sa.text("SELECT id FROM clusters WHERE id > :last ORDER BY id LIMIT :limit"),
                {"last": last, "limit": CLUSTERS_AT_ONCE},
            )
            .scalars()
            .all()
        )
        if not ids:
            return
        _pool_between(connection, last, ids[-1])
        last = ids[-1]


def _pool_between(connection: sa.Connection, after: int, up_to: int) -> None:
    judged = """
        SELECT stories.cluster_id, verdicts.id, verdicts.conflict, verdicts.conflict_policy, verdicts.threshold,
            verdicts.judged_at
        FROM stories JOIN verdicts ON verdicts.story_id = stories.id AND verdicts.is_current
        WHERE stories.cluster_id > :after AND stories.cluster_id <= :up_to
        ORDER BY stories.cluster_id, verdicts.judged_at, verdicts.id
    """
    members: dict[int, list[sa.Row[tuple[object, ...]]]] = {}
    for row in connection.execute(sa.text(judged), {"after": after, "up_to": up_to}):
        members.setdefault(row.cluster_id, []).append(row)
    for cluster_id, rows in members.items():
        _pool_one(connection, cluster_id, rows)


def _pool_one(connection: sa.Connection, cluster_id: int, rows: list[sa.Row[tuple[object, ...]]]) -> None:
    scored = [row for row in rows if row.conflict_policy is not None]
    conflict = _mean([row.conflict for row in scored])
    policy = _mean([row.conflict_policy for row in scored])
    threshold = rows[-1].threshold
    is_policy = policy is not None and policy >= threshold
    connection.execute(
        sa.text(
            "INSERT INTO cluster_verdicts (cluster_id, stories, conflict, conflict_policy, threshold, is_conflict,"
            " is_conflict_policy, judged_at) VALUES (:cluster_id, :stories, :conflict, :policy, :threshold,"
            " :is_conflict, :is_policy, :judged_at)"
        ),
        {
            "cluster_id": cluster_id,
            "stories": len(rows),
            "conflict": conflict,
            "policy": policy,
            "threshold": threshold,
            "is_conflict": conflict is not None and conflict >= threshold,
            "is_policy": is_policy,
            "judged_at": rows[-1].judged_at,
        },
    )
    if is_policy:
        _pool_acts(connection, cluster_id, [row.id for row in scored if row.conflict_policy >= row.threshold])


def _pool_acts(connection: sa.Connection, cluster_id: int, verdict_ids: list[int]) -> None:
    query = sa.text("SELECT act, score FROM verdict_acts WHERE verdict_id IN :ids ORDER BY verdict_id, act")
    found: dict[str, list[float]] = {}
    for row in connection.execute(query.bindparams(sa.bindparam("ids", expanding=True)), {"ids": verdict_ids}):
        found.setdefault(row.act, []).append(row.score)
    for act, scores in found.items():
        if 2 * len(scores) >= len(verdict_ids):
            connection.execute(
                sa.text("INSERT INTO cluster_acts (cluster_id, act, score) VALUES (:cluster_id, :act, :score)"),
                {"cluster_id": cluster_id, "act": act, "score": sum(scores) / len(scores)},
            )


def _mean(scores: list[float]) -> float | None:
    """The mean of probabilities on the scale of log-odds; one score is its own mean."""
    if len(scores) < 2:
        return scores[0] if scores else None
    odds = [math.log(score / (1 - score)) for score in (min(max(s, 1e-6), 1 - 1e-6) for s in scores)]
    return 1 / (1 + math.exp(-sum(odds) / len(odds)))
