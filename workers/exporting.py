"""Exports: stories by ascending id into one file, in bounded memory, that goes on where it was cut off.

While it is made the file is called `NAME.partial`; beside it `NAME.partial.json` says how far it is good, written anew
after each page. A repeated command cuts the partial file to what was good and goes on behind it. The last step is one
rename, so a file of the wanted name is always whole.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Protocol

from sqlalchemy import Engine

from pipeline.exporting.lines import COLUMNS, LINES
from pipeline.store import reports
from pipeline.store.reports import StoryFilter, StoryPage
from pipeline.watching.conditions import Condition
from workers.database import reading
from workers.snapshot import Snapshot

FORMATS = ("jsonl", "csv", "ninjs", "text", "parquet", "sqlite")
PAGE_STORIES = 500
PARQUET_MEMORY = "384MB"

# Types of the columns that are not text.
_PARQUET_TYPES = (
    dict.fromkeys(("id", "revision", "cluster_id", "word_count"), "BIGINT")
    | dict.fromkeys(("conflict", "conflict_policy"), "DOUBLE")
    | dict.fromkeys(("is_conflict", "is_conflict_policy"), "BOOLEAN")
    | dict.fromkeys(("authors", "captions", "credits", "acts", "actors"), "VARCHAR[]")
    | dict.fromkeys(("published_at", "modified_at", "announced_at", "stored_at"), "TIMESTAMPTZ")
)

OnProgress = Callable[[int, int], None]


class ExportRefused(Exception):
    """The export can't be made. The message is one sentence: why, and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to export. `asked` names the options as they were given: a repeated command goes on only with the same."""

    format: str
    filter: StoryFilter
    condition: Condition | None
    after_id: int
    asked: dict[str, object]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partial file is good: up to a story, and to a byte."""

    after_id: int
    stories: int
    good_bytes: int
    since: datetime | None
    until: datetime | None


def pages(engine: Engine, wanted: Wanted, after_id: int) -> Iterator[StoryPage]:
    """The stories, page by page, each read in a transaction of its own: an hour's export holds back nobody."""
    while True:
        with reading(engine) as connection:
            page = reports.story_page(connection, wanted.filter, wanted.condition, after_id, PAGE_STORIES)
        if page is None:
            return
        yield page
        after_id = page.last_id


def export_stream(engine: Engine, wanted: Wanted, out: IO[bytes], on_progress: OnProgress) -> int:
    """Write the stories to `out` as they come; returns how many."""
    if wanted.format not in LINES:
        raise ExportRefused(f"{wanted.format} is a file and can't be written to a pipe: give --output")
    head, line = LINES[wanted.format]
    out.write(head)
    count = 0
    for page in pages(engine, wanted, wanted.after_id):
        for row in page.rows:
            out.write(line(row))
        count += len(page.rows)
        on_progress(page.last_id, count)
    out.flush()
    return count


def export_file(engine: Engine, wanted: Wanted, output: Path, on_progress: OnProgress) -> int:
    """Write the stories to the file `output`, going on where the same command was cut off; returns how many.

    Raises ExportRefused where a partial file of another command lies there.
    """
    require_format(wanted.format)
    partial, noted = Path(f"{output}.partial"), Path(f"{output}.partial.json")
    progress = _resumed(wanted, partial, noted)
    # `3h ago` is what it was when the first of the two commands was given.
    wanted = replace(wanted, filter=replace(wanted.filter, since=progress.since, until=progress.until))
    sink: _Sink = (
        _DatabaseSink(partial, progress) if wanted.format == "sqlite" else _LineSink(wanted, partial, progress)
    )
    try:
        for page in pages(engine, wanted, progress.after_id):
            good_bytes = sink.add(page)
            stories = progress.stories + len(page.rows)
            progress = replace(progress, after_id=page.last_id, stories=stories, good_bytes=good_bytes)
            _note(noted, wanted, progress)
            on_progress(progress.after_id, progress.stories)
        sink.finish()
    finally:
        sink.close()
    if wanted.format == "parquet":
        _to_parquet(partial, parquet := Path(f"{output}.partial.parquet"))
        os.replace(parquet, output)
        partial.unlink()
    else:
        os.replace(partial, output)
    noted.unlink(missing_ok=True)
    return progress.stories


def require_format(format: str) -> None:
    """Raises ExportRefused where the format needs a package that is not installed."""
    if format == "parquet" and importlib.util.find_spec("duckdb") is None:
        raise ExportRefused('parquet needs duckdb: pip install "frontwire[parquet]"')


def _resumed(wanted: Wanted, partial: Path, noted: Path) -> Progress:
    if not (partial.exists() and noted.exists()):
        # A partial file without its note holds nothing that anybody vouches for.
        partial.unlink(missing_ok=True)
        noted.unlink(missing_ok=True)
        return Progress(wanted.after_id, 0, 0, wanted.filter.since, wanted.filter.until)
    found = json.loads(noted.read_text("utf-8"))
    if found["asked"] != wanted.asked:
        raise ExportRefused(
            f"{partial} is the beginning of another export ({json.dumps(found['asked'])}): "
            f"repeat that command, or remove {partial} and {noted.name}"
        )
    since, until = (None if at is None else datetime.fromisoformat(at) for at in (found["since"], found["until"]))
    return Progress(found["after_id"], found["stories"], found["good_bytes"], since, until)


def _note(noted: Path, wanted: Wanted, progress: Progress) -> None:
    since, until = (None if at is None else at.isoformat() for at in (progress.since, progress.until))
    value = {
        "asked": wanted.asked,
        "after_id": progress.after_id,
        "stories": progress.stories,
        "good_bytes": progress.good_bytes,
        "since": since,
        "until": until,
    }
    fresh = noted.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, noted)


class _Sink(Protocol):
    """Where pages go. `add` returns the number of bytes that are good now, 0 where that is told otherwise."""

    def add(self, page: StoryPage) -> int: ...
    def finish(self) -> None: ...
    def close(self) -> None: ...


class _LineSink:
    """A file of lines; on disk before it is vouched for."""

    def __init__(self, wanted: Wanted, path: Path, progress: Progress) -> None:
        head, self._line = LINES["jsonl" if wanted.format == "parquet" else wanted.format]
        self._file = path.open("r+b" if progress.good_bytes else "wb")
        self._file.truncate(progress.good_bytes)
        self._file.seek(progress.good_bytes)
        if not progress.good_bytes:
            self._file.write(head)

    def add(self, page: StoryPage) -> int:
        for row in page.rows:
            self._file.write(self._line(row))
        return self._synced()

    def finish(self) -> None:
        self._synced()

    def close(self) -> None:
        self._file.close()

    def _synced(self) -> int:
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()


class _DatabaseSink:
    """A SQLite file, which keeps its own transactions."""

    def __init__(self, path: Path, progress: Progress) -> None:
        self._snapshot = Snapshot(path, progress.after_id)

    def add(self, page: StoryPage) -> int:
        self._snapshot.add(page.rows)
        return 0

    def finish(self) -> None:
        self._snapshot.finish()

    def close(self) -> None:
        self._snapshot.close()


def _to_parquet(lines: Path, parquet: Path) -> None:
    """The JSON lines as Parquet with typed columns, by DuckDB, which spills to disk beyond PARQUET_MEMORY."""
    import duckdb

    columns = ", ".join(f"'{name}': '{_PARQUET_TYPES.get(name, 'VARCHAR')}'" for name in COLUMNS)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": PARQUET_MEMORY,
        "threads": "1",
        "temp_directory": f"{lines}.tmp",
    }
    # Nothing is to be fetched from the network for it.
    config |= {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    with duckdb.connect(":memory:", config=config) as connection:
        form = f"format='newline_delimited', maximum_object_size=67108864, columns={{{columns}}}"
        source = f"read_json({_quoted(lines)}, {form})"
        target = f"{_quoted(parquet)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 10000)"
        connection.execute(f"COPY (SELECT * FROM {source}) TO {target}")  # noqa: S608 - quoted paths and constants


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
