"""The watcher: looks for what watches ask for, and tells people of it. Any number may run.

Committed first, sent after: an alert is `sending` under a lease before anybody speaks, and whoever dies in between
leaves it to the next (at least once; decision 0019). What was found is found once, by a unique key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from sqlalchemy import Engine

from pipeline.outcomes import AlertReason
from pipeline.store import watches as watch_store
from pipeline.store.conditions import Candidate
from pipeline.store.watches import OVERLAP, Taken, Watch
from pipeline.watching.conditions import ConditionError, parse_condition
from pipeline.watching.messages import Message, compose
from workers.alerting import SEND_LIMIT_S, Sent, send
from workers.database import reading
from workers.process import run_steps, stop_on_signals, utc_now
from workers.settings import Settings
from workers.targets import TargetUnknown, read_targets

log = structlog.get_logger("watcher")

LOOK_EVERY_S = 10.0
MESSAGES_A_STEP = 20
Send = Callable[[Sequence[str], Message], Sent]


class Watcher:
    """One watcher's engine and settings, and how it sends."""

    def __init__(self, engine: Engine, settings: Settings, send: Send = send) -> None:
        self._engine = engine
        self._settings = settings
        self._send = send

    def step(self) -> None:
        """Look once for every watch, then send what may be sent now."""
        with reading(self._engine) as connection:
            watches = watch_store.list_watches(connection, active_only=True)
        for watch in watches:
            self.look(watch, utc_now())
        for watch in watches:
            if watch.targets:
                self.tell(watch)

    def look(self, watch: Watch, now: datetime) -> int:
        """Keep what is new for one watch; returns how many alerts."""
        try:
            condition = parse_condition(watch.condition)
        except ConditionError as error:
            # Another version's words: the watch stands still, and says so each time.
            log.error("watch_unreadable", watch=watch.name, error=str(error))
            return 0
        # A clock that was ahead when it looked last must not make this one blind.
        since = min(watch.looked_at, now + OVERLAP) - OVERLAP
        with reading(self._engine) as connection:
            candidates: list[Candidate] = watch_store.stirred_stories(connection, since)
            found = watch_store.find_matches(connection, condition, candidates)
        with self._engine.begin() as connection:
            new = watch_store.note_matches(connection, watch, found, now)
            followed = watch_store.note_status_changes(connection, watch, now)
        if new or followed:
            log.info("watch_matched", watch=watch.name, alerts=new, follow_ups=followed)
        return new + followed

    def tell(self, watch: Watch) -> int:
        """Send the watch's messages that may be sent now; returns how many arrived."""
        arrived = 0
        for _ in range(MESSAGES_A_STEP):
            token = uuid4().hex
            lease_s = SEND_LIMIT_S * max(1, len(watch.targets)) + 30
            with self._engine.begin() as connection:
                taken = watch_store.take_message(connection, watch, token, utc_now(), lease_s)
            if taken is None:
                break
            if not self._deliver(watch, taken):
                break
            arrived += 1
        return arrived

    def _deliver(self, watch: Watch, taken: Taken) -> bool:
        try:
            urls = read_targets(watch.targets, self._settings)
        except TargetUnknown as error:
            sent = Sent(AlertReason.NO_TARGET, str(error))
        else:
            sent = self._send(urls, compose(watch.name, taken.matches))
        with self._engine.begin() as connection:
            if sent.reason is None:
                alerts = watch_store.settle_sent(connection, taken, utc_now())
                log.info("alert_sent", watch=watch.name, alerts=alerts)
                return True
            again, dead = watch_store.settle_failed(connection, taken, sent.reason, sent.detail, utc_now())
        log.warning(
            "alert_failed", watch=watch.name, reason=sent.reason.value, detail=sent.detail, again=again, dead=dead
        )
        return False


def recent_matches(engine: Engine, watch: Watch, span: timedelta, now: datetime) -> list[int]:
    """The stories that the watch would have found in the last `span`, by cluster; nothing is kept or sent."""
    with reading(engine) as connection:
        candidates = watch_store.stirred_stories(connection, now - span)
        found = watch_store.find_matches(connection, parse_condition(watch.condition), candidates)
    return [one.story_id for one in found]


def run_watcher(engine: Engine, settings: Settings) -> None:
    """Watch until SIGTERM."""
    stop = stop_on_signals()
    log.info("watcher_started")
    run_steps("watch", Watcher(engine, settings).step, stop, LOOK_EVERY_S)
    log.info("watcher_stopped")
