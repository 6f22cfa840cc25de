"""Conditions of people (pipeline/watching/conditions.py) as SQLAlchemy expressions: values only ever as parameters.

The columns are those of the views (docs/sql.md): a story's own, and through `type`, `actor`, `standing`, `country` and
the numbers of its cluster those of story_acts, sourcing, places and story_clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Float,
    Integer,
    String,
    and_,
    column,
    false,
    func,
    not_,
    or_,
    select,
    table,
    true,
)

from pipeline.store.schema import Id, feeds, mentions, place_mentions, stories
from pipeline.watching.conditions import Comparison, Condition, Every, Negation, Some, Value

story_verdicts = table(
    "story_verdicts",
    column("story_id", Id),
    column("conflict_policy", Float),
    column("is_conflict_policy", Boolean),
)
story_acts = table("story_acts", column("story_id", Id), column("act", String), column("score", Float))
sourcing = table("sourcing", column("story_id", Id), column("source", String), column("standing", String))
story_clusters = table(
    "story_clusters",
    column("cluster_id", Id),
    column("independent_origins", Integer),
    column("event_origins", Integer),
    column("copies", Integer),
    column("sites", Integer),
    column("stories", Integer),
)

# Columns of which a story has any number of values: the condition holds if one of them fulfils it.
_MANY: dict[str, tuple[ColumnElement[Any], ColumnElement[Any]]] = {
    "type": (story_acts.c.act, story_acts.c.story_id),
    "actor": (mentions.c.actor, mentions.c.story_id),
    "standing": (sourcing.c.standing, sourcing.c.story_id),
    "source_kind": (sourcing.c.source, sourcing.c.story_id),
    # The view of places sums up the mentions of all stories before it is asked for some.
    "place": (place_mentions.c.name, place_mentions.c.story_id),
    "country": (place_mentions.c.country, place_mentions.c.story_id),
}
_CLUSTER = ("independent_origins", "event_origins", "copies", "sites", "stories")
_ONE: dict[str, ColumnElement[Any]] = {
    "source": func.coalesce(feeds.c.source, stories.c.site),
    "language": func.coalesce(stories.c.language, "und"),
    "score": story_verdicts.c.conflict_policy,
} | {
    name: stories.c[name]
    for name in (
        "title", "standfirst", "text", "url", "site", "section", "dateline", "access", "status", "word_count",
        "revision", "published_at", "stored_at",
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """A story that a condition is asked about, with its cluster."""

    story_id: int
    cluster_id: int | None


def matching(
    connection: Connection, condition: Condition, candidates: Sequence[Candidate], *, policy_only: bool
) -> set[int]:
    """The ids of those candidates, some hundred at most, that fulfil the condition.

    Asked of named stories only, so that the views have few rows to make, however many stories there are. With
    `policy_only` no story matches that is not about conflict policy.
    """
    if not candidates:
        return set()
    clusters = sorted({one.cluster_id for one in candidates if one.cluster_id is not None})
    # A condition on the id, written out for each view: that is what both databases push down into them.
    ids = [one.story_id for one in candidates]
    verdict = and_(story_verdicts.c.story_id == stories.c.id, story_verdicts.c.story_id.in_(ids))
    query = (
        select(stories.c.id)
        .select_from(stories.outerjoin(story_verdicts, verdict).outerjoin(feeds, feeds.c.id == stories.c.feed_id))
        .where(stories.c.id.in_(ids), _clause(condition, ids, clusters))
    )
    if policy_only:
        query = query.where(story_verdicts.c.is_conflict_policy)
    return set(connection.execute(query).scalars())


def _clause(condition: Condition, ids: Sequence[int], clusters: Sequence[int]) -> ColumnElement[bool]:
    match condition:
        case Every(parts=parts):
            return and_(true(), *(_clause(part, ids, clusters) for part in parts))
        case Some(parts=parts):
            return or_(false(), *(_clause(part, ids, clusters) for part in parts))
        case Negation(part=part):
            return not_(_clause(part, ids, clusters))
        case Comparison():
            return _comparison(condition, ids, clusters)


def _comparison(comparison: Comparison, ids: Sequence[int], clusters: Sequence[int]) -> ColumnElement[bool]:
    name = comparison.column
    if name in _MANY:
        return _any_of(comparison, ids, *_MANY[name])
    if name in _CLUSTER:
        held = select(story_clusters.c.cluster_id).where(
            story_clusters.c.cluster_id.in_(clusters), _compare(story_clusters.c[name], comparison)
        )
        return stories.c.cluster_id.in_(held)
    return _compare(_ONE[name], comparison)


def _any_of(
    comparison: Comparison, ids: Sequence[int], value: ColumnElement[Any], story_id: ColumnElement[Any]
) -> ColumnElement[bool]:
    """Whether one of a story's values fulfils the comparison; a negative one says that none fulfils the positive."""
    positive = {"!=": "=", "not in": "in", "not like": "like", "is null": "is not null"}.get(comparison.operator)
    asked = comparison if positive is None else Comparison(comparison.column, positive, comparison.values)
    found = stories.c.id.in_(select(story_id).where(story_id.in_(ids), _compare(value, asked)))
    return found if positive is None else not_(found)


def _compare(value: ColumnElement[Any], comparison: Comparison) -> ColumnElement[bool]:
    operator, values = comparison.operator, comparison.values
    if operator == "is null":
        return value.is_(None)
    if operator == "is not null":
        return value.is_not(None)
    if operator in ("in", "not in"):
        return value.in_(values) if operator == "in" else value.not_in(values)
    given: Value = values[0]
    if operator in ("like", "not like"):
        # Without an escape character % and _ are all that is special, the same on both databases.
        matched = func.lower(value).like(func.lower(str(given)), escape="\x1f")
        return matched if operator == "like" else not_(matched)
    comparisons: dict[str, ColumnElement[bool]] = {
        "=": value == given,
        "!=": value != given,
        "<": value < given,
        "<=": value <= given,
        ">": value > given,
        ">=": value >= given,
    }
    return comparisons[operator]
