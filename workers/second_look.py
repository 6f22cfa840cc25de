"""Looks after the commit, when what was stored at the same moment is visible: founders of clusters, and events.

The settler does it right after its commit. What it leaves (its process died, a cluster was held) the dispatcher's sweep
takes up. Each look is a short transaction of its own and may run twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from pipeline.store import copies, events_told
from workers.database import reading
from workers.process import describe, is_passing, utc_now

log = structlog.get_logger("second_look")

# A settler looks within moments of its commit; what is older than this was left over.
LEFT_AFTER_S = 10.0
# Of what is left over so many at a time, so that a sweep stays short.
PER_SWEEP = 200


def look_again(engine: Engine, story_ids: Sequence[int]) -> int:
    """Look those of the stories up again that founded a cluster; returns how many were found to be copies.

    A story whose cluster somebody held is tried once more behind the others: a copy of it is being looked up by another
    worker, and that takes milliseconds. What fails again is left to the sweeper.
    """
    if not story_ids:
        return 0
    with reading(engine) as connection:
        founders = copies.looks_of(connection, story_ids)
    looked = {story_id: _look(engine, story_id) for story_id in founders}
    looked |= {story_id: _look(engine, story_id) for story_id, found in looked.items() if found is copies.Looked.BUSY}
    return sum(found is copies.Looked.JOINED for found in looked.values())


def look_for_events(engine: Engine, story_ids: Sequence[int]) -> None:
    """Decide of which events the reports of these stories tell, where that was asked for; each a transaction."""
    if not story_ids:
        return
    with reading(engine) as connection:
        asked = events_told.asked_of(connection, story_ids)
    _decide_events(engine, asked)


def _decide_events(engine: Engine, cluster_ids: Sequence[int]) -> None:
    for cluster_id in cluster_ids:
        try:
            with engine.begin() as connection:
                events_told.look_for_event(connection, cluster_id, utc_now())
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("event_look_waits", cluster=cluster_id, error=describe(error))


def sweep_looks(engine: Engine, now: datetime) -> int:
    """Take up second looks that were left over; returns how many stories were found to be copies."""
    with reading(engine) as connection:
        until = now - timedelta(seconds=LEFT_AFTER_S)
        left = copies.waiting_looks(connection, until, PER_SWEEP)
        asked = events_told.waiting_event_looks(connection, until, PER_SWEEP)
    joined = look_again(engine, left)
    _decide_events(engine, asked)
    return joined


def _look(engine: Engine, story_id: int) -> copies.Looked:
    try:
        with engine.begin() as connection:
            looked = copies.look_again(connection, story_id, utc_now())
    except Exception as error:
        if not is_passing(error):
            raise
        log.warning("second_look_waits", story=story_id, error=describe(error))
        return copies.Looked.BUSY
    if looked is not copies.Looked.ALONE:
        log.info("second_look", story=story_id, outcome=looked.value)
    return looked
