"""A watched folder on disk: which dropped files may be read, and where they go afterwards.

Nothing but regular files directly in the folder is read; symbolic links, devices and directories are not. Every step
goes through the folder's own descriptor, so that no name and no link leads out of it.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

FILE_MAX_BYTES = 16 << 20
FILES_A_LOOK = 200
# A file that was not changed for so long is taken to be whole; what follows shows whether it is.
SETTLE_S = 1.0
DONE, FAILED = "done", "failed"
_WRITING = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp", "~")
_NAME_MAX_BYTES = 200
_NO_FOLLOW = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FolderUnusable(OSError):
    """The watched folder can't be worked in; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Drop:
    """A file that may be read: its name in the folder, its size in bytes, and for how many seconds it is unchanged."""

    name: str
    size: int
    unchanged_s: float


@dataclass(frozen=True, slots=True)
class Look:
    """What a look into a folder found. `refused` are names with the reason why they are never read."""

    ready: tuple[Drop, ...]
    refused: tuple[tuple[str, str], ...]
    has_more: bool


class Folder:
    """One watched folder. It remembers between looks which files were growing; what it remembers may be lost."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}

    def look(self, wall_s: float) -> Look:
        """The files that have settled, by name, at most FILES_A_LOOK. `wall_s` is the time of day in epoch seconds."""
        ready: list[Drop] = []
        refused: list[tuple[str, str]] = []
        present: set[str] = set()
        with self._opened() as folder:
            for name, facts in sorted(_entries(folder)):
                present.add(name)
                reason = _refusal(facts)
                if reason is not None:
                    refused.append((name, reason))
                elif (unchanged_s := self._unchanged_s(name, facts, wall_s)) >= SETTLE_S:
                    ready.append(Drop(name, facts.st_size, unchanged_s))
        self._seen = {name: seen for name, seen in self._seen.items() if name in present}
        return Look(tuple(ready[:FILES_A_LOOK]), tuple(refused[:FILES_A_LOOK]), len(ready) > FILES_A_LOOK)

    def read(self, drop: Drop) -> bytes | None:
        """The file's bytes; None when it is gone, or was changed or replaced since the look."""
        with self._opened() as folder:
            try:
                number = os.open(drop.name, _NO_FOLLOW, dir_fd=folder)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ELOOP):
                    return None
                raise
            with os.fdopen(number, "rb") as file:
                if not stat.S_ISREG(os.fstat(number).st_mode):
                    return None
                body = file.read(FILE_MAX_BYTES + 1)
        return body if len(body) == drop.size else None

    def put_away(self, name: str, into: str, reason: str | None = None) -> None:
        """Move the file to `into` (DONE or FAILED), under another name where that is taken; `reason` goes beside it."""
        with self._opened() as folder, _subfolder(folder, into, self.path) as target:
            kept = _free_name(target, name)
            if reason is not None:
                _write(target, f"{kept}.reason.txt", reason)
            os.rename(name, kept, src_dir_fd=folder, dst_dir_fd=target)

    def _unchanged_s(self, name: str, facts: os.stat_result, wall_s: float) -> float:
        """For how long the file is known not to have changed: by its own date, or by our own earlier looks."""
        shape, now = (facts.st_size, facts.st_mtime_ns), time.monotonic()
        before = self._seen.get(name)
        since = before[1] if before is not None and before[0] == shape else now
        self._seen[name] = (shape, since)
        return max(wall_s - facts.st_mtime, now - since)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            number = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise FolderUnusable(
                error.errno, f"the watched folder can't be read ({error.strerror}); check its path and rights",
                str(self.path),
            ) from error  # fmt: skip
        try:
            yield number
        finally:
            os.close(number)


def _entries(folder: int) -> Iterator[tuple[str, os.stat_result]]:
    """Name and facts of what lies in the folder, without directories, hidden files and files in the making."""
    with os.scandir(folder) as found:
        for entry in found:
            if entry.name.startswith(".") or entry.name.lower().endswith(_WRITING):
                continue
            try:
                facts = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if not stat.S_ISDIR(facts.st_mode):
                yield entry.name, facts


def _refusal(facts: os.stat_result) -> str | None:
    """Why the file is never read; None when it may be."""
    if stat.S_ISLNK(facts.st_mode):
        return "This is a symbolic link; drop the file itself."
    if not stat.S_ISREG(facts.st_mode):
        return "This is no regular file."
    if facts.st_size > FILE_MAX_BYTES:
        return f"The file has {facts.st_size:,} bytes; {FILE_MAX_BYTES:,} are allowed."
    return None


@contextmanager
def _subfolder(folder: int, name: str, path: Path) -> Iterator[int]:
    """The folder's own subfolder of that name, made where it is missing; never one that a link leads to."""
    with suppress(FileExistsError):
        os.mkdir(name, 0o770, dir_fd=folder)
    try:
        number = os.open(name, _NO_FOLLOW | os.O_DIRECTORY, dir_fd=folder)
    except OSError as error:
        raise FolderUnusable(
            error.errno, f"can't be opened as a directory ({error.strerror}); it must be one, and no link",
            str(path / name),
        ) from error  # fmt: skip
    try:
        yield number
    finally:
        os.close(number)


def _free_name(target: int, name: str) -> str:
    """`name`, or with a number before its ending where that is taken already."""
    raw = os.fsencode(name)
    plain = name if len(raw) <= _NAME_MAX_BYTES else os.fsdecode(raw[-_NAME_MAX_BYTES:])
    stem, ending = os.path.splitext(plain)
    number = 1
    kept = plain
    while _is_there(target, kept) or _is_there(target, f"{kept}.reason.txt"):
        number += 1
        kept = f"{stem}.{number}{ending}"
    return kept


def _is_there(target: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=target, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _write(target: int, name: str, text: str) -> None:
    number = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o660, dir_fd=target)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(text + "\n")
