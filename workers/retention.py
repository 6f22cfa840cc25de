"""Pruning: old days of the archive, the words of old stories and old polls go, in small steps, while all works on."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine

from pipeline.store.retention import FIRST_POLL, prunable, prunable_polls, prune_pages, prune_polls, prune_stories
from workers.database import reading
from workers.process import utc_now

log = structlog.get_logger("retention")

# Pages of SQLite's file that are given back in one transaction: 16 MiB.
VACUUM_STEP = 4096
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a run took out, or would: stories, archived responses, bytes of the archive, polls, bytes of the database
    file."""

    stories: int = 0
    pages: int = 0
    archive_bytes: int = 0
    polls: int = 0
    database_bytes: int = 0

    def __bool__(self) -> bool:
        """Whether anything was there to be taken out."""
        return bool(self.stories or self.pages or self.archive_bytes or self.polls)


def archive_days(directory: Path) -> dict[date, int]:
    """The bytes of each day's folder of the archive on this machine."""
    if not directory.is_dir():
        return {}
    folders = [path for path in directory.iterdir() if path.is_dir() and _DAY.fullmatch(path.name)]
    return {
        date.fromisoformat(folder.name): sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        for folder in folders
    }


def day_begins(day: date) -> datetime:
    """The first instant of a UTC day, at which the archive begins a new folder."""
    return datetime.combine(day, time(), UTC)


def plan(engine: Engine, archive_dir: Path, first_kept: date | None, first_poll: date) -> Pruned:
    """What `prune` would take out with these first days to keep, of stories and of polls; changes nothing."""
    with reading(engine) as connection:
        polls = prunable_polls(connection, day_begins(first_poll))
        found = None if first_kept is None else prunable(connection, day_begins(first_kept))
    if first_kept is None or found is None:
        return Pruned(polls=polls)
    bytes_ = sum(size for day, size in archive_days(archive_dir).items() if day < first_kept)
    return Pruned(found.stories, found.pages, bytes_, polls)


def prune(
    engine: Engine,
    archive_dir: Path,
    first_kept: date | None,
    first_poll: date,
    on_progress: Callable[[int, int], None] = lambda s, p: None,
) -> Pruned:
    """Take out what lies before the day `first_kept`: rows first, then the files that no row names any more; and the
    polls from before the day `first_poll`.

    Each batch is a transaction of its own. A run that is stopped anywhere is simply run again.
    `on_progress` is told how many stories and responses are done.
    """
    stories = pages = freed = 0
    if first_kept is not None:
        cutoff = day_begins(first_kept)
        stories = _in_batches(engine, lambda c: prune_stories(c, cutoff, utc_now()), lambda n: on_progress(n, 0))
        pages = _in_batches(engine, lambda c: prune_pages(c, cutoff), lambda n: on_progress(stories, n))
        freed = _remove_days(archive_dir, first_kept)
    polls = _prune_polls(engine, day_begins(first_poll))
    done = Pruned(stories, pages, freed, polls, give_back_space(engine))
    kept = None if first_kept is None else first_kept.isoformat()
    log.info("pruned", first_day_kept=kept, stories=stories, pages=pages, archive_bytes=freed, polls=polls)
    return done


def _remove_days(archive_dir: Path, first_kept: date) -> int:
    """Deletes the folders of days before that; returns their bytes."""
    old = {day: size for day, size in sorted(archive_days(archive_dir).items()) if day < first_kept}
    for day in old:
        shutil.rmtree(archive_dir / day.isoformat())
    return sum(old.values())


def _prune_polls(engine: Engine, cutoff: datetime) -> int:
    after = FIRST_POLL

    def step(connection: Connection) -> int:
        nonlocal after
        gone = prune_polls(connection, cutoff, after)
        after = gone[-1] if gone else after
        return len(gone)

    return _in_batches(engine, step, lambda _count: None)


def _in_batches(engine: Engine, act: Callable[[Connection], int], tell: Callable[[int], None]) -> int:
    total = 0
    while True:
        with engine.begin() as connection:
            count = act(connection)
        if not count:
            return total
        total += count
        tell(total)


def give_back_space(engine: Engine) -> int:
    """Shortens SQLite's file by its free pages, a piece at a time; returns the bytes given back.

    0 on PostgreSQL, whose autovacuum does it, and on a file that was made without incremental vacuum: there free pages
    are used again but stay.
    """
    if engine.dialect.name != "sqlite":
        return 0
    freed = 0
    while True:
        with engine.begin() as connection:
            size, free, mode = (_pragma(connection, name) for name in ("page_size", "freelist_count", "auto_vacuum"))
            if mode != 2 or free == 0:
                return freed
            # Each row that is fetched frees one page more.
            connection.exec_driver_sql(f"PRAGMA incremental_vacuum({VACUUM_STEP})").close()
            left = _pragma(connection, "freelist_count")
        if left == free:
            return freed
        freed += (free - left) * size


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
