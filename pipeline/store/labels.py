"""What people said of stories: which are worth asking about, and the labels that they gave."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, func, select, update

from pipeline.judging.reviewing import Candidate, Drawn, Label
from pipeline.judging.verdicts import lead_from
from pipeline.outcomes import PolicyType
from pipeline.store.schema import cluster_verdicts, feeds, labels, revisions, stories, verdicts
from pipeline.store.statements import insert_id

# How many of the least certain, and of those drawn by chance, are looked at; more than anybody labels in a sitting.
NEAR_MAX = 500
CHANCE_MAX = 125
_SPREAD = 2_654_435_761  # Knuth's multiplier: neighbouring ids fall far apart
_SPREAD_MODULUS = 1_000_003


def review_candidates(connection: Connection, since: datetime) -> list[Candidate]:
    """Reports stored since an instant that nobody has labelled: the least certain, and others drawn by chance.

    The first story of a report stands for it. Stories that can't be scored are no candidates.
    """
    twin, earlier = stories.alias("twin"), stories.alias("earlier")
    is_labelled = (
        exists()
        .where(labels.c.undone_at.is_(None), labels.c.story_id == twin.c.id, twin.c.cluster_id == stories.c.cluster_id)
        .correlate(stories)
    )
    has_earlier = exists().where(earlier.c.cluster_id == stories.c.cluster_id, earlier.c.id < stories.c.id)
    query = (
        select(
            stories.c.id,
            func.coalesce(feeds.c.source, stories.c.site).label("source"),
            cluster_verdicts.c.conflict_policy.label("score"),
            cluster_verdicts.c.threshold,
        )
        .join(cluster_verdicts, cluster_verdicts.c.cluster_id == stories.c.cluster_id)
        .outerjoin(feeds, feeds.c.id == stories.c.feed_id)
        .where(
            stories.c.stored_at >= since, cluster_verdicts.c.conflict_policy.is_not(None), ~has_earlier, ~is_labelled
        )
    )
    distance = func.abs(cluster_verdicts.c.conflict_policy - cluster_verdicts.c.threshold)
    near = connection.execute(query.order_by(distance, stories.c.id).limit(NEAR_MAX)).all()
    chance = connection.execute(
        query.order_by((stories.c.id * _SPREAD) % _SPREAD_MODULUS, stories.c.id).limit(CHANCE_MAX)
    ).all()
    found = {row.id: Candidate(row.id, row.source, row.score, row.threshold) for row in (*near, *chance)}
    return [found[story_id] for story_id in sorted(found)]


def add_label(connection: Connection, story_id: int, label: Label, drawn: Drawn, reviewer: str, now: datetime) -> int:
    """Keep a label of the story's newest revision and current verdict; returns its id. Raises without a story."""
    revision = connection.execute(select(stories.c.revision).where(stories.c.id == story_id)).scalar_one()
    verdict_id = connection.execute(
        select(verdicts.c.id).where(verdicts.c.story_id == story_id, verdicts.c.is_current)
    ).scalar()
    row = {
        "story_id": story_id,
        "revision": revision,
        "verdict_id": verdict_id,
        "conflict": label.conflict,
        "conflict_policy": label.conflict_policy,
        "acts": [act.value for act in label.acts],
        "drawn": drawn.value,
        "reviewer": reviewer[:255],
        "labelled_at": now,
    }
    return insert_id(connection, labels, row)


def undo_label(connection: Connection, label_id: int, now: datetime) -> bool:
    """Take a label back; its row stays. False when it was taken back before or is not there."""
    statement = update(labels).where(labels.c.id == label_id, labels.c.undone_at.is_(None))
    return bool(connection.execute(statement.values(undone_at=now)).rowcount)


def list_labels(connection: Connection, limit: int | None = None) -> list[Row[Any]]:
    """Labels that stand, newest first, with the story's title and address and the score at the time."""
    query = (
        select(labels, stories.c.title, stories.c.url, verdicts.c.conflict_policy.label("score"), verdicts.c.model)
        .join(stories, stories.c.id == labels.c.story_id)
        .outerjoin(verdicts, verdicts.c.id == labels.c.verdict_id)
        .where(labels.c.undone_at.is_(None))
        .order_by(labels.c.id.desc())
    )
    return list(connection.execute(query.limit(limit) if limit is not None else query))


def training_rows(connection: Connection) -> Iterator[dict[str, Any]]:
    """Labels as benchmarks/train_model.py reads them: the last one of each story that stands, by story.

    Title and text are those of the revision that was labelled, cut to what is judged.
    """
    newest = (
        select(func.max(labels.c.id).label("id")).where(labels.c.undone_at.is_(None)).group_by(labels.c.story_id)
    ).subquery()
    query = (
        select(
            labels,
            revisions.c.title,
            revisions.c.standfirst,
            revisions.c.text,
            stories.c.language,
            stories.c.published_at,
            stories.c.stored_at,
            func.coalesce(feeds.c.source, stories.c.site).label("source"),
        )
        .join(newest, newest.c.id == labels.c.id)
        .join(stories, stories.c.id == labels.c.story_id)
        .join(revisions, (revisions.c.story_id == labels.c.story_id) & (revisions.c.number == labels.c.revision))
        .outerjoin(feeds, feeds.c.id == stories.c.feed_id)
        .order_by(labels.c.story_id)
    )
    for row in connection.execute(query):
        yield {
            "id": f"review-{row.story_id}",
            "source": row.source,
            "lang": (row.language or "en").split("-")[0].lower(),
            "date": (row.published_at or row.stored_at).date().isoformat(),
            "title": row.title,
            "text": lead_from(row.standfirst, row.text),
            "conflict": int(row.conflict),
            "policy_types": [PolicyType(act).value for act in row.acts],
            "conflict_policy": int(row.conflict_policy),
            "hard": False,
            "stratum": f"review_{row.drawn}",
        }
