"""Statuses in SQL: a story that is corrected, retracted or killed stays, and says so (docs/revisions.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, insert, or_, select, update

from pipeline.outcomes import Relation, StatusCause, StoryStatus
from pipeline.revisions.notices import Notice
from pipeline.revisions.statuses import TAKEN_BACK, Relative, derived_from, next_status
from pipeline.store.schema import status_changes, stories, story_links
from pipeline.store.statements import slices

# The links that make a family: one story is the other's text, whole or edited.
FAMILY_RELATIONS = tuple(relation for relation in Relation if relation.value in ("copy", "version"))
FAMILY_MAX = 2_000


def withdraw_story(
    connection: Connection,
    story_id: int,
    status: StoryStatus,
    now: datetime,
    *,
    cause: StatusCause = StatusCause.WIRE,
    note: str | None = None,
) -> tuple[int, ...]:
    """Give a story the status that its outlet or agency sent; returns the ids of all stories whose status changed.

    `status` is usable, corrected, withdrawn or canceled; ValueError for origin_withdrawn, which only follows from
    another story's. A withdrawal or kill marks the copies and versions that were made from the story too; an agency's
    `usable` takes that back. Text, revisions and verdict stay as they are. Call it in a settling transaction.
    """
    if status is StoryStatus.ORIGIN_WITHDRAWN:
        raise ValueError("origin_withdrawn follows from another story's status and can't be sent")
    query = select(stories.c.status).where(stories.c.id == story_id)
    present = StoryStatus(connection.execute(query.with_for_update()).scalar_one())
    told = next_status(present, status, cause)
    if told is present:
        return ()
    _set_status(connection, story_id, told, cause, now, note=note)
    if told in TAKEN_BACK:
        return (story_id, *_fell(connection, story_id, told, now))
    return (story_id, *_restored(connection, story_id, now)) if present in TAKEN_BACK else (story_id,)


def apply_notice(connection: Connection, story_id: int, notice: Notice | None, now: datetime) -> tuple[int, ...]:
    """Let what a page says about its own story change the status; returns the ids of all stories concerned."""
    if notice is None or notice.status is StoryStatus.USABLE:
        return ()
    return withdraw_story(connection, story_id, notice.status, now, cause=StatusCause.NOTICE, note=notice.text)


def inherit_status(connection: Connection, story_id: int, now: datetime) -> bool:
    """Mark a story that was just stored and is made from one that was withdrawn before; whether it was."""
    source = connection.execute(_WITHDRAWN_SOURCES, {"story": story_id}).first()
    if source is None:
        return False
    origin = source.id if source.status in TAKEN_BACK else _origin_of(connection, source.id)
    return _mark_fallen(connection, story_id, origin, now)


def inherit_statuses(connection: Connection, stored_at: Mapping[int, datetime]) -> None:
    """The same of stories that were stored together; one may be made from another of them."""
    waiting = sorted(stored_at)
    while waiting:
        fallen = set(connection.execute(_WITH_WITHDRAWN_SOURCES, {"stories": waiting}).scalars())
        for story_id in sorted(fallen):
            inherit_status(connection, story_id, stored_at[story_id])
        waiting = [story_id for story_id in waiting if story_id not in fallen] if fallen else []


_matched = stories.alias("matched")
_came_first = _matched.c.published_at.is_(None) | stories.c.published_at.is_(None)


def _of_withdrawn_sources(*columns: ColumnElement[Any]) -> Select[Any]:
    return (
        select(*columns)
        .select_from(story_links)
        .join(_matched, _matched.c.id == story_links.c.matched_story_id)
        .join(stories, stories.c.id == story_links.c.story_id)
        .where(story_links.c.relation.in_(FAMILY_RELATIONS))
        .where(_matched.c.status.in_((*TAKEN_BACK, StoryStatus.ORIGIN_WITHDRAWN)))
        .where(or_(_came_first, _matched.c.published_at <= stories.c.published_at))
    )


_WITHDRAWN_SOURCES = (
    _of_withdrawn_sources(_matched.c.id, _matched.c.status)
    .where(story_links.c.story_id == bindparam("story"))
    .order_by(_matched.c.id)
)
_WITH_WITHDRAWN_SOURCES = _of_withdrawn_sources(story_links.c.story_id).where(
    story_links.c.story_id.in_(bindparam("stories", expanding=True))
)


def _fell(connection: Connection, story_id: int, status: StoryStatus, now: datetime) -> tuple[int, ...]:
    fallen = derived_from(story_id, _family(connection, story_id), status)
    return tuple(one for one in fallen if _mark_fallen(connection, one, story_id, now))


def _mark_fallen(connection: Connection, story_id: int, origin_id: int | None, now: datetime) -> bool:
    present = StoryStatus(connection.execute(select(stories.c.status).where(stories.c.id == story_id)).scalar_one())
    told = next_status(present, StoryStatus.ORIGIN_WITHDRAWN, StatusCause.ORIGIN)
    if told is not present:
        _set_status(connection, story_id, told, StatusCause.ORIGIN, now, origin_id=origin_id)
    return told is not present


def _restored(connection: Connection, story_id: int, now: datetime) -> tuple[int, ...]:
    """Stories that fell with `story_id` stand again, each with the status that it had of its own."""
    marked = select(status_changes.c.story_id).where(status_changes.c.origin_story_id == story_id)
    query = select(stories.c.id).where(stories.c.id.in_(marked), stories.c.status == StoryStatus.ORIGIN_WITHDRAWN)
    restored = []
    for one in list(connection.execute(query.order_by(stories.c.id)).scalars()):
        if _origin_of(connection, one) == story_id:
            _set_status(connection, one, _own_status(connection, one), StatusCause.ORIGIN, now, origin_id=story_id)
            restored.append(one)
    return tuple(restored)


def _own_status(connection: Connection, story_id: int) -> StoryStatus:
    query = (
        select(status_changes.c.status)
        .where(status_changes.c.story_id == story_id, status_changes.c.cause != StatusCause.ORIGIN)
        .order_by(status_changes.c.id.desc())
    )
    found = connection.execute(query.limit(1)).scalar()
    return StoryStatus.USABLE if found is None else StoryStatus(found)


def _origin_of(connection: Connection, story_id: int) -> int | None:
    """The story whose withdrawal marked this one last."""
    query = select(status_changes.c.origin_story_id).where(
        status_changes.c.story_id == story_id, status_changes.c.origin_story_id.is_not(None)
    )
    found: int | None = connection.execute(query.order_by(status_changes.c.id.desc()).limit(1)).scalar()
    return found


def _family(connection: Connection, story_id: int) -> list[Relative]:
    """The story and all that hang together with it by family links, FAMILY_MAX at most."""
    members, fresh = {story_id}, {story_id}
    sources: dict[int, set[int]] = {}
    while fresh and len(members) < FAMILY_MAX:
        pairs = [pair for piece in slices(sorted(fresh)) for pair in _pairs(connection, piece)]
        for later, earlier in pairs:
            sources.setdefault(later, set()).add(earlier)
        fresh = {one for pair in pairs for one in pair} - members
        members |= fresh
    born: dict[int, datetime] = {}
    for piece in slices(sorted(members)):
        query = select(stories.c.id, stories.c.published_at, stories.c.stored_at).where(stories.c.id.in_(piece))
        born |= {row.id: row.published_at or row.stored_at for row in connection.execute(query)}
    return [
        # A story that was out before the other can't have been made from it, whatever was read first.
        Relative(one, at, tuple(sorted(e for e in sources.get(one, ()) if e in born and born[e] <= at)))
        for one, at in sorted(born.items())
    ]


def _pairs(connection: Connection, story_ids: Sequence[int]) -> list[tuple[int, int]]:
    """(story, story it matched) of every family link at one of the stories."""
    query = select(story_links.c.story_id, story_links.c.matched_story_id).where(
        story_links.c.story_id.is_not(None),
        story_links.c.relation.in_(FAMILY_RELATIONS),
        or_(story_links.c.story_id.in_(story_ids), story_links.c.matched_story_id.in_(story_ids)),
    )
    return [(row.story_id, row.matched_story_id) for row in connection.execute(query)]


def _set_status(
    connection: Connection,
    story_id: int,
    status: StoryStatus,
    cause: StatusCause,
    now: datetime,
    *,
    note: str | None = None,
    origin_id: int | None = None,
) -> None:
    connection.execute(update(stories).where(stories.c.id == story_id).values(status=status, status_at=now))
    revision = select(stories.c.revision).where(stories.c.id == story_id).scalar_subquery()
    connection.execute(
        insert(status_changes).values(
            story_id=story_id,
            status=status,
            cause=cause,
            revision=revision,
            origin_story_id=origin_id,
            note=(note or "")[:500] or None,
            changed_at=now,
        )
    )
