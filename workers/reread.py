"""Reading archived pages again, after the rules have changed: no request, no new revision, the same fences."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine, Row

from pipeline.outcomes import UrlState
from pipeline.record import READER_VERSION
from pipeline.store import ledger, reports, sitelines, stories
from pipeline.store.statements import lock_texts
from pipeline.values import Claim, Settlement, StoryRecord, Unread
from workers.archive import ArchiveError, load, page_ref
from workers.child import ReadingChild
from workers.database import reading
from workers.memory import SiteMemory
from workers.process import utc_now

log = structlog.get_logger("reread")

PAGE_OF_IDS = 200


class Rereader:
    """Reads archived pages again, one at a time, in a killable child."""

    def __init__(self, engine: Engine, archive_dir: Path, child: ReadingChild, lease_s: float) -> None:
        self._engine = engine
        self._archive_dir = archive_dir
        self._child = child
        self._lease_s = lease_s
        self._memory = SiteMemory(engine)

    async def run(
        self, *, everything: bool, only_url_id: int | None = None, site: str | None = None
    ) -> AsyncIterator[str]:
        """The outcome word of each page: changed, same, found (a story where none was), unread, lost, busy."""
        after_id = 0
        while True:
            ids = [only_url_id] if only_url_id is not None else self._next_ids(everything, site, after_id)
            if not ids:
                return
            for url_id in ids:
                yield await self._reread(url_id)
            if only_url_id is not None:
                return
            after_id = ids[-1]

    def _next_ids(self, everything: bool, site: str | None, after_id: int) -> list[int]:
        with reading(self._engine) as connection:
            return reports.stale_story_urls(connection, READER_VERSION, everything, after_id, PAGE_OF_IDS, site)

    async def _reread(self, url_id: int) -> str:
        token = uuid.uuid4().hex
        with self._engine.begin() as connection:
            before = ledger.standing(connection, url_id)
            claim = ledger.reclaim(connection, url_id, token, utc_now(), self._lease_s)
            row = stories.newest_page(connection, url_id)
        if claim is None or row is None or before is None:
            return "busy"
        try:
            page = load(self._archive_dir, page_ref(row))
            furniture = await self._memory.furniture_of(page.final_url)
            reading = await self._child.read_page(page, claim.hints, furniture)
        except ArchiveError as error:
            log.warning("archive_unreadable", url=claim.url, error=str(error))
            self._restore(claim, before)
            return "lost"
        return self._apply(claim, row, reading, before, furniture)

    def _apply(
        self,
        claim: Claim,
        row: Row[Any],
        reading: StoryRecord | Unread,
        before: Settlement,
        furniture: frozenset[str],
    ) -> str:
        now = utc_now()
        with self._engine.begin() as connection:
            if isinstance(reading, StoryRecord):
                lock_texts(connection, [reading.fingerprint.content_hash])
            if not ledger.is_held(connection, claim):
                return "busy"
            if claim.story_id is not None:
                sitelines.mark_cleaned(connection, claim.story_id, furniture)
            if isinstance(reading, Unread):
                stories.keep_dropped(connection, claim.url_id, reading.dropped)
                # A story that stands is not taken away by a rule; a page without one may have another reason now.
                fresh = Settlement(UrlState.REJECTED, reading.reason, detail=reading.detail)
                after = before if claim.story_id is not None else fresh
                ledger.settle(connection, claim, after, now)
                return "unread"
            if claim.story_id is not None:
                is_changed = stories.replace_reading(connection, claim.story_id, reading, now)
                ledger.settle(connection, claim, before, now, claim.story_id)
                return "changed" if is_changed else "same"
            stored = stories.store_record(connection, claim, row.id, row.final_url, reading, now)
            ledger.settle(connection, claim, Settlement(stored.state, stored.reason), now, stored.story_id)
            return "found"

    def _restore(self, claim: Claim, before: Settlement) -> None:
        with self._engine.begin() as connection:
            ledger.settle(connection, claim, before, utc_now(), claim.story_id)


def summarise(outcomes: Counter[str]) -> str:
    """The counts in one line for people."""
    return ", ".join(f"{count} {word}" for word, count in outcomes.most_common()) or "nothing to read again"
