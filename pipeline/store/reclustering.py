"""Deciding again, story by story, with a newer method of comparing: nothing stands still, nothing is forgotten.

Stories are decided in the order in which they were stored, each against older ones only, as when they came in. A story
that stays where it is keeps its cluster and its cluster's id; one that moves leaves a row in `cluster_moves`. Links of
the earlier method go to `past_links`, and anchors of an earlier hashing out of the index. Each story is one short
transaction, and how far it came is written with it, so the work may be stopped at any moment and taken up again, while
new stories are being stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, literal, select, update

from pipeline.identity.fingerprints import anchors as anchors_of
from pipeline.identity.near_copies import METHOD, Match
from pipeline.identity.past_anchors import past_anchors
from pipeline.outcomes import MoveCause
from pipeline.store.copies import (
    anchors_ever,
    are_held,
    found_cluster,
    index_story,
    link_stories,
    move_stories,
    note_second_look,
    unindex,
)
from pipeline.store.events_told import ask_event_looks
from pipeline.store.lookups import Wanted, find_copies, is_in_two
from pipeline.store.origins import credit_again, keep_origins
from pipeline.store.schema import past_links, reclusterings, stories, story_links

_KEPT = ("url_id", "story_id", "matched_story_id", "relation", "score", "method", "title", "linked_at")


class Redecided(StrEnum):
    """What became of one story."""

    STAYED = "stayed"
    MOVED = "moved"
    BUSY = "busy"  # somebody holds its cluster: the same story again, a moment later


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the re-clustering has come. Stories above `until_story_id` were stored since it was last asked."""

    last_story_id: int
    until_story_id: int
    moved: int
    is_finished: bool


def start(connection: Connection, now: datetime, *, anew: bool = False) -> Progress:
    """Begin to re-cluster with today's method, or take up where it was left; `anew` begins again at the first story."""
    found = connection.execute(select(reclusterings).where(reclusterings.c.method == METHOD)).first()
    if found is not None and not anew:
        return Progress(found.last_story_id, found.until_story_id, found.moved, found.finished_at is not None)
    until = connection.execute(select(func.max(stories.c.id))).scalar() or 0
    values = {"last_story_id": 0, "until_story_id": until, "moved": 0, "started_at": now, "finished_at": None}
    if found is None:
        connection.execute(insert(reclusterings).values(method=METHOD, **values))
    else:
        connection.execute(update(reclusterings).where(reclusterings.c.method == METHOD).values(**values))
    return Progress(0, until, 0, is_finished=False)


def next_stories(connection: Connection, progress: Progress, limit: int) -> list[int]:
    """The ids of the next stories to decide on, at most `limit`; empty at the end."""
    query = select(stories.c.id).where(stories.c.id > progress.last_story_id, stories.c.id <= progress.until_story_id)
    # A pruned story has no words to decide by: it stays where it is.
    query = query.where(stories.c.pruned_at.is_(None))
    return list(connection.execute(query.order_by(stories.c.id).limit(limit)).scalars())


def go_on(connection: Connection) -> bool:
    """Take in what was stored meanwhile: it saw only some of the older stories by their new anchors. False if nothing.

    Deciding again is quicker than storing, so this comes to an end.
    """
    newest = connection.execute(select(func.max(stories.c.id)).where(stories.c.pruned_at.is_(None))).scalar() or 0
    behind = reclusterings.c.method == METHOD, reclusterings.c.until_story_id < newest
    extended = update(reclusterings).where(*behind).values(until_story_id=newest)
    return connection.execute(extended).rowcount > 0


def finish(connection: Connection, now: datetime) -> None:
    """Note that every story has been decided on."""
    connection.execute(update(reclusterings).where(reclusterings.c.method == METHOD).values(finished_at=now))


def decide_again(connection: Connection, story_id: int, now: datetime) -> Redecided:
    """Decide on one story with today's method, and note that it is done. BUSY changes nothing."""
    query = select(
        stories.c.id, stories.c.url_id, stories.c.cluster_id, stories.c.site, stories.c.title, stories.c.text
    )
    story = connection.execute(query.where(stories.c.id == story_id)).one()
    wanted = Wanted(anchors_of(story.text), story.text, story.site, story.title)
    copy, linked = find_copies(connection, wanted, before_story=story_id)
    held = {story.cluster_id: story_id} if copy is None else _both(story, copy)
    if not are_held(connection, held, story):
        return Redecided.BUSY
    target = copy.cluster_id if copy is not None else _own_cluster(connection, story, now)
    _replace_links(connection, story, copy, linked, now)
    if target != story.cluster_id:
        move_stories(connection, [story_id], story.cluster_id, target, MoveCause.RECLUSTER, (story_id, copy), now)
    unindex(connection, story.cluster_id, sorted(anchors_ever(connection, [story_id], past_anchors)))
    index_story(connection, target, sorted(anchors_ever(connection, [story_id])))
    if copy is not None and is_in_two(linked):
        note_second_look(connection, story_id, now)
    credit_again(connection, story_id)
    keep_origins(connection, target, now)
    ask_event_looks(connection, [target], now)
    is_moved = target != story.cluster_id
    done = update(reclusterings).where(reclusterings.c.method == METHOD)
    connection.execute(done.values(last_story_id=story_id, moved=reclusterings.c.moved + int(is_moved)))
    return Redecided.MOVED if is_moved else Redecided.STAYED


def _both(story: Row[*tuple[Any, ...]], copy: Match) -> dict[int, int | None]:
    return {story.cluster_id: None} | {copy.cluster_id: copy.story_id}


def _own_cluster(connection: Connection, story: Row[*tuple[Any, ...]], now: datetime) -> int:
    """Its cluster when it is the oldest there, otherwise a new one."""
    oldest = connection.execute(
        select(func.min(stories.c.id)).where(stories.c.cluster_id == story.cluster_id)
    ).scalar_one()
    return int(story.cluster_id) if oldest == story.id else found_cluster(connection, now)


def _replace_links(
    connection: Connection, story: Row[*tuple[Any, ...]], copy: Match | None, linked: tuple[Match, ...], now: datetime
) -> None:
    old = (story_links.c.story_id == story.id) & (story_links.c.method != METHOD)
    columns = [story_links.c[name] for name in _KEPT]
    kept = select(*columns, literal(now, past_links.c.superseded_at.type)).where(old)
    connection.execute(insert(past_links).from_select([*_KEPT, "superseded_at"], kept))
    connection.execute(delete(story_links).where(old))
    matches = [match for match in (copy, *linked) if match is not None]
    link_stories(connection, story.url_id, story.id, story.title, matches, now)
