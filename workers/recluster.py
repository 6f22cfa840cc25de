"""Re-clustering of all that is stored with today's method of comparing, beside the running workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import structlog
from sqlalchemy import Engine

from pipeline.store import reclustering
from pipeline.store.reclustering import Redecided
from workers.database import reading
from workers.process import utc_now
from workers.second_look import look_again

log = structlog.get_logger("recluster")

PAGE_OF_IDS = 500
# Another process holds the cluster for the length of a batch, which is well below this.
BUSY_WAIT_S = 0.5
# A cluster that is held for so long is held by something that hangs.
BUSY_TRIES = 240


class ClusterHeld(Exception):
    """A cluster was held by another process for two minutes: end what hangs, then run the command again."""


def recluster(
    engine: Engine, *, anew: bool = False, limit: int | None = None, wait: Callable[[float], None] = time.sleep
) -> Iterator[Redecided]:
    """Decide on each story again, oldest first, from where the last run stopped; at most `limit` stories.

    Stories that come meanwhile are decided on as well. Each story is a transaction of its own. Raises ClusterHeld.
    """
    with engine.begin() as connection:
        progress = reclustering.start(connection, utc_now(), anew=anew)
    left = limit
    while not progress.is_finished and left != 0:
        with reading(engine) as connection:
            ids = reclustering.next_stories(connection, progress, min(PAGE_OF_IDS, left or PAGE_OF_IDS))
        if not ids:
            with engine.begin() as connection:
                if reclustering.go_on(connection):
                    progress = reclustering.start(connection, utc_now())
                    continue
                reclustering.finish(connection, utc_now())
            log.info("reclustered", moved=progress.moved)
            return
        for story_id in ids:
            outcome = _decide(engine, story_id, wait)
            look_again(engine, [story_id])
            yield outcome
        left = None if left is None else left - len(ids)
        with engine.begin() as connection:
            progress = reclustering.start(connection, utc_now())


def _decide(engine: Engine, story_id: int, wait: Callable[[float], None]) -> Redecided:
    for _ in range(BUSY_TRIES):
        with engine.begin() as connection:
            outcome = reclustering.decide_again(connection, story_id, utc_now())
        if outcome is not Redecided.BUSY:
            return outcome
        wait(BUSY_WAIT_S)
    raise ClusterHeld(f"the cluster of story {story_id} is held by another process: see pg_locks, then run it again")
