"""What this machine spends on Frontwire: disk, the write-ahead log, and the processes by kind."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from workers.database import sqlite_path
from workers.settings import Settings

# What a process of ours is, by the word after `workers` or `frontwire` on its command line.
KINDS = ("run", "poller", "dispatcher", "worker", "dashboard", "metrics")
# Ours too, without such a word: what a worker or poller starts to parse with, and the embedded queue.
OTHER_KINDS = ("child", "valkey")


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """The living processes of one kind: how many, CPU seconds used so far and resident bytes, each summed."""

    count: int = 0
    cpu_s: float = 0.0
    rss_bytes: int = 0


@dataclass(frozen=True, slots=True)
class OneProcess:
    """One living process: its id, when it began (an id is used again one day), kind, CPU seconds, resident bytes."""

    pid: int
    began: float
    kind: str
    cpu_s: float
    rss_bytes: int


def our_processes() -> list[OneProcess]:
    """Every process of this user that works for Frontwire here, with those that it started.

    A process is known by its command line: two installations of one user on one machine are counted together.
    """
    found: dict[int, OneProcess] = {}
    user = psutil.Process().username()
    for process in psutil.process_iter(["pid", "username", "cmdline"]):
        if process.info["username"] != user:
            continue
        kind = kind_of(process.info["cmdline"] or ())
        if kind is None:
            continue
        _add(found, process, kind)
        try:
            children = process.children(recursive=True)
        except psutil.Error:
            continue
        for child in children:
            if child.pid not in found:
                _add(found, child, _kind_of_child(child))
    return list(found.values())


def kind_of(command: Iterable[str]) -> str | None:
    """What the command line of a process says that it is; None when it is not a Frontwire command that stays."""
    words = list(command)
    for place, word in enumerate(words[:-1]):
        is_module = word == "workers" and place > 0 and words[place - 1] == "-m"
        if (is_module or Path(word).name == "frontwire") and words[place + 1] in KINDS:
            return words[place + 1]
    return None


def _kind_of_child(child: psutil.Process) -> str:
    try:
        command = child.cmdline()
    except psutil.Error:
        return "child"
    if command and "valkey" in Path(command[0].split()[0]).name:
        return "valkey"
    return kind_of(command) or "child"


def _add(found: dict[int, OneProcess], process: psutil.Process, kind: str) -> None:
    try:
        with process.oneshot():
            times = process.cpu_times()
            found[process.pid] = OneProcess(
                process.pid, process.create_time(), kind, times.user + times.system, process.memory_info().rss
            )
    except psutil.Error:
        return  # it ended while we looked


class CpuTotals:
    """CPU seconds by kind that only grow: what an ended process had used stays in the sum."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, float], float] = {}
        self._totals = dict.fromkeys((*KINDS, *OTHER_KINDS), 0.0)

    def add(self, processes: Iterable[OneProcess]) -> dict[str, float]:
        """The totals after a look at the living processes."""
        seen: dict[tuple[int, float], float] = {}
        for one in processes:
            key = (one.pid, one.began)
            self._totals[one.kind] += max(0.0, one.cpu_s - self._seen.get(key, 0.0))
            seen[key] = one.cpu_s
        self._seen = seen
        return dict(self._totals)


def by_kind(processes: Iterable[OneProcess]) -> dict[str, ProcessFigures]:
    """The processes summed by kind; every kind is a key."""
    sums = dict.fromkeys((*KINDS, *OTHER_KINDS), ProcessFigures())
    for one in processes:
        old = sums[one.kind]
        sums[one.kind] = ProcessFigures(old.count + 1, old.cpu_s + one.cpu_s, old.rss_bytes + one.rss_bytes)
    return sums


def disk_free_bytes(settings: Settings) -> int:
    """Free bytes where the data directory lies, or will lie."""
    directory = settings.data_dir.absolute()
    while not directory.exists():
        directory = directory.parent
    return shutil.disk_usage(directory).free


def wal_bytes(settings: Settings) -> int | None:
    """The size of SQLite's write-ahead log, 0 when there is none now; None on PostgreSQL."""
    file = sqlite_path(settings.database_dsn)
    if file is None:
        return None
    log = file.with_name(file.name + "-wal")
    return log.stat().st_size if log.exists() else 0
