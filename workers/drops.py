"""Reading what was dropped into watched folders: each file is a poll of its folder, and is put away once that stands.

Per file: gather (its bytes, its reading, what SQL knows of its entries), decide (plan_drop), apply (apply_poll), and
only then move it. Who dies in between reads the file again and finds every entry known.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog
from sqlalchemy import Engine

from pipeline.feeds.drops import is_unfinished, plan_drop
from pipeline.outcomes import PollOutcome
from pipeline.store import feeds as feed_store
from pipeline.store import listings
from pipeline.store.feeds import PollWritten
from pipeline.values import NOTHING_KNOWN, FeedReading, FeedState, FetchedPage, Listing, PollPlan
from workers.database import reading
from workers.folder import DONE, FAILED, Drop, Folder
from workers.process import utc_now

log = structlog.get_logger("folder")

LOOK_EVERY_S = 2.0
# Folders that appear below FRONTWIRE_WIRE_DIR, or are added by hand, are noticed within this time.
FOLDERS_EVERY_S = 15.0
_OWN = frozenset({DONE, FAILED})

ReadFeed = Callable[[FetchedPage, Listing, str], Awaitable[FeedReading]]


@dataclass(frozen=True, slots=True)
class FileRead:
    """What one look at a file came to: its last plan, and what was written over all rounds."""

    plan: PollPlan
    new_urls: int
    outdated: int


class Drops:
    """The watched folders of this machine. `read_feed` reads a body in the killable child."""

    def __init__(self, engine: Engine, wire_dir: Path | None, token: str, read_feed: ReadFeed) -> None:
        self._engine = engine
        self._wire_dir = wire_dir
        self._token = token
        self._read_feed = read_feed
        self._folders: dict[int, Folder] = {}
        self._next_search_at = utc_now()

    def folder_ids(self) -> frozenset[int]:
        """The ids of the watched folders that are on this machine; looked for now and then."""
        now = utc_now()
        if now >= self._next_search_at or self._next_search_at > now + timedelta(seconds=FOLDERS_EVERY_S):
            self._search()
            self._next_search_at = now + timedelta(seconds=FOLDERS_EVERY_S)
        return frozenset(self._folders)

    def _search(self) -> None:
        wanted = _sources(self._wire_dir) if self._wire_dir is not None else {}
        with reading(self._engine) as connection:
            known = set(feed_store.list_folders(connection, with_disabled=True).values())
        missing = {path: source for path, source in wanted.items() if path not in known}
        if missing:
            with self._engine.begin() as connection:
                for path, source in missing.items():
                    feed_store.add_folder(connection, path, source, utc_now())
            log.info("folders_added", folders=sorted(missing))
        with reading(self._engine) as connection:
            listed = feed_store.list_folders(connection)
        there = {feed_id: path for feed_id, path in listed.items() if Path(path).is_dir()}
        self._folders = {feed_id: self._folders.get(feed_id) or Folder(Path(path)) for feed_id, path in there.items()}

    async def poll(self, state: FeedState) -> None:
        """Read every file of the folder that has settled, and give the folder back."""
        folder = self._folders.get(state.id) or Folder(Path(feed_store.folder_path(state.url)))
        look = await asyncio.to_thread(folder.look, utc_now().timestamp())
        for name, reason in look.refused:
            await asyncio.to_thread(folder.put_away, name, FAILED, reason)
            log.warning("file", folder=state.url, file=_shown(name), outcome="refused", detail=reason)
        for drop in look.ready:
            after = await self._read_file(folder, drop, state)
            if after is None:
                return
            state = after
        await asyncio.to_thread(self._end, state, 0.0 if look.has_more else LOOK_EVERY_S)

    async def _read_file(self, folder: Folder, drop: Drop, state: FeedState) -> FeedState | None:
        """The folder's state after the file, which was read to its end and put away; None when the lease was lost."""
        body = await asyncio.to_thread(folder.read, drop)
        if body is None:
            return state
        known = NOTHING_KNOWN
        new_urls = outdated = 0
        while True:
            feed = await self._read_feed(_page(state, body), known, state.source)
            if is_unfinished(feed, drop.unchanged_s):
                return state
            result = await asyncio.to_thread(self._apply, state, feed, drop, len(body))
            if result is None:
                log.warning("poll_lease_lost", feed=state.url)
                return None
            plan, written = result
            state, new_urls, outdated = plan.state, new_urls + written.new_urls, outdated + written.outdated
            if not feed.beyond_cap:
                break
            known = Listing({**known.versions, **{entry.key: entry.version for entry in feed.entries}})
        is_read = plan.outcome is not PollOutcome.NOT_A_FEED
        await asyncio.to_thread(
            folder.put_away, drop.name, DONE if is_read else FAILED, None if is_read else plan.detail
        )
        write = log.info if is_read else log.warning
        write(
            "file",
            folder=state.url,
            file=_shown(drop.name),
            outcome=plan.outcome.value,
            reason=plan.reason.value if plan.reason else None,
            detail=None if is_read else plan.detail,
            format=feed.format,
            entries=plan.entries_count,
            new_urls=new_urls,
            outdated=outdated,
            refused=feed.refused,
        )
        return state

    def _apply(
        self, state: FeedState, feed: FeedReading, drop: Drop, body_bytes: int
    ) -> tuple[PollPlan, PollWritten] | None:
        now = utc_now()
        with self._engine.begin() as connection:
            known = listings.known_among(connection, state.id, [entry.key for entry in feed.entries])
            plan = plan_drop(state, feed, known, _shown(drop.name), now)
            written = feed_store.apply_poll(connection, self._token, plan, now, body_bytes, 0.0, keeps_lease=True)
        return None if written is None else (plan, written)

    def _end(self, state: FeedState, wait_s: float) -> None:
        now = utc_now()
        with self._engine.begin() as connection:
            feed_store.end_look(connection, self._token, state, now, now + timedelta(seconds=wait_s))


def _sources(wire_dir: Path) -> dict[str, str]:
    """Absolute path -> source of each subfolder, and of the directory itself for files that lie there directly."""
    root = Path(os.path.abspath(wire_dir))
    if not root.is_dir():
        log.warning("wire_dir_missing", path=str(root))
        return {}
    own = (path for path in sorted(root.iterdir()) if path.is_dir() and not path.is_symlink())
    named = {str(path): path.name for path in own if path.name not in _OWN and not path.name.startswith(".")}
    return {str(root): root.name} | named


def _page(state: FeedState, body: bytes) -> FetchedPage:
    return FetchedPage(state.url, state.url, 200, (), body, utc_now(), elapsed_s=0.0)


def _shown(name: str) -> str:
    """The file's name as it can be stored and shown, whatever bytes it is made of."""
    text = os.fsencode(name).decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)[:200]
