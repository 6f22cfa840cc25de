"""Second looks: founders of clusters are looked up again, when what was stored at the same moment is visible.

The settler does it right after its commit. What it leaves (its process died, a cluster was held) the dispatcher's sweep
takes up. Each look is a short transaction of its own and may run twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from pipeline.store import copies
from workers.database import reading
from workers.process import describe, is_passing, utc_now

log = structlog.get_logger("second_look")

# A settler looks within moments of its commit; what is older than this was left over.
LEFT_AFTER_S = 10.0
# Of what is left over so many at a time, so that a sweep stays short.
PER_SWEEP = 200


def look_again(engine: Engine, story_ids: Sequence[int]) -> int:
    """Look those of the stories up again that founded a cluster; returns how many were found to be copies.

    What fails for a moment is left to the sweeper.
    """
    if not story_ids:
        return 0
    with reading(engine) as connection:
        founders = copies.looks_of(connection, story_ids)
    return sum(_look(engine, story_id) is copies.Looked.JOINED for story_id in founders)


def sweep_looks(engine: Engine, now: datetime) -> int:
    """Take up second looks that were left over; returns how many stories were found to be copies."""
    with reading(engine) as connection:
        left = copies.waiting_looks(connection, now - timedelta(seconds=LEFT_AFTER_S), PER_SWEEP)
    return look_again(engine, left)


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
