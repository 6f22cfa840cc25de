"""The real road over the hostile origin: feeds are polled, URLs dispatched and read by real processes, ends in SQL."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import psutil
from hostile_cases import STORY_PATH, FeedCase, PageCase
from hostile_server import Answer, HostileOrigin, Reply, hostile_origin
from sqlalchemy import Engine, func, select, update

from pipeline.identity.urls import canonical_url
from pipeline.outcomes import OPEN_STATES
from pipeline.store import feeds as feed_store
from pipeline.store.feeds import NewFeed
from pipeline.store.schema import feed_listings, feed_polls, feeds, stories, urls
from workers.database import open_engine, upgrade
from workers.process import utc_now
from workers.settings import load_settings
from workers.valkey import start_valkey

WORKERS = 2
Rows = list[Any]


@dataclass
class RoadEnd:
    """What SQL, the logs and the canaries say when the road has been walked.

    `pages` are the rows of `urls` by URL, with the story's columns where there is one; `polls` the polls of each feed
    by its first URL, in order. `tree_peak_bytes` is the resident memory of a worker and its child together at most.
    """

    origin: HostileOrigin
    pages: dict[str, Any] = field(default_factory=dict)
    polls: dict[str, Rows] = field(default_factory=dict)
    feeds: dict[str, Any] = field(default_factory=dict)
    announced: dict[int, Rows] = field(default_factory=dict)
    log_lines: list[str] = field(default_factory=list)
    tree_peak_bytes: int = 0
    seconds: float = 0.0

    def page(self, case: PageCase) -> Any:
        """The row of the case's URL; None when it never became one."""
        return self.pages.get(canonical_url(self.origin.ports.url(case.announced)) or "")


@dataclass
class Road:
    """Running processes on one database."""

    engine: Engine
    processes: dict[str, subprocess.Popen[bytes]]
    directory: Path
    end: RoadEnd

    def wait(self, is_done: Callable[[], bool], limit_s: float) -> None:
        """Wait until it is done, with an eye on memory. A process that ends by itself is a failure."""
        deadline = time.monotonic() + limit_s
        while not is_done():
            for name, process in self.processes.items():
                assert process.poll() is None, f"{name} ended: {self._log(name)[-3000:]}"
                if name.startswith("worker"):
                    self.end.tree_peak_bytes = max(self.end.tree_peak_bytes, tree_bytes(process.pid))
            assert time.monotonic() < deadline, f"not at the end after {limit_s} s: {self._open()}"
            time.sleep(0.1)

    def _open(self) -> Rows:
        with self.engine.connect() as connection:
            return list(
                connection.execute(select(urls.c.url, urls.c.state).where(urls.c.state.in_(OPEN_STATES)).limit(9))
            )

    def _log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text("utf-8", "replace")

    def log_lines(self) -> list[str]:
        return [line for name in self.processes for line in self._log(name).split("\n") if line]


def walk_pages(directory: Path, database_url: str, cases: Sequence[PageCase], limit_s: float) -> RoadEnd:
    """Announce the cases' pages by feeds, let real processes work them off, and look."""
    sites: dict[str, dict[str, Answer]] = {case.host: {STORY_PATH: case.answer, **case.more} for case in cases} | {
        "announce.example": {},
        "another-site-of-the-wire.example": {},
    }
    for case in cases:
        sites["another-site-of-the-wire.example"] |= case.more if case.name == "redirect-to-another-site" else {}
    early, late = [case for case in cases if not case.is_late], [case for case in cases if case.is_late]
    sites["announce.example"] = {"/early.xml": announcement(early), "/late.xml": announcement(late)}
    names = {case.host: case.names for case in cases if case.names}
    with hostile_origin(sites, limit_s) as origin, road(directory, database_url, origin, names, limit_s) as walked:
        wanted = 0
        for path, told in (("/early.xml", early), ("/late.xml", late)):
            add_feeds(walked.engine, [origin.ports.url(f"http://announce.example:@PORT@{path}")] if told else [])
            wanted += bool(told)
            walked.wait(partial(_is_worked_off, walked.engine, wanted), 60 + len(cases) * (0.5 + limit_s / 4))
        with walked.engine.connect() as connection:
            columns = (stories.c.title, stories.c.text, stories.c.canonical_url, stories.c.authors, stories.c.section)
            found = select(urls, *columns).outerjoin(stories, stories.c.id == urls.c.story_id)
            walked.end.pages = {row.url: row for row in connection.execute(found)}
    return walked.end


def walk_feeds(directory: Path, database_url: str, cases: Sequence[FeedCase], limit_s: float) -> RoadEnd:
    """Let a real poller poll the cases' feeds, as often as each case asks, and look."""
    sites = {case.host: {case.path: case.answer, **case.more} for case in cases}
    names = {case.host: case.names for case in cases if case.names}
    with (
        hostile_origin(sites, limit_s) as origin,
        road(directory, database_url, origin, names, limit_s, pages=False) as walked,
    ):
        first = {origin.ports.url(case.url): case for case in cases}
        add_feeds(walked.engine, list(first))
        with walked.engine.connect() as connection:
            ids = {row.id: row.url for row in connection.execute(select(feeds.c.id, feeds.c.url))}
        wanted = 0
        for turn in range(max(len(case.outcomes) for case in cases)):
            due = [feed_id for feed_id, url in ids.items() if len(first[url].outcomes) > turn]
            wanted += len(due)
            with walked.engine.begin() as connection:
                connection.execute(update(feeds).where(feeds.c.id.in_(due)).values(next_poll_at=utc_now()))
            walked.wait(partial(_has_polls, walked.engine, wanted), 60 + len(due) * (0.5 + limit_s / 8))
        _gather_feeds(walked, ids)
    return walked.end


def _gather_feeds(walked: Road, ids: Mapping[int, str]) -> None:
    with walked.engine.connect() as connection:
        for row in connection.execute(select(feed_polls).order_by(feed_polls.c.id)):
            walked.end.polls.setdefault(ids[row.feed_id], []).append(row)
        walked.end.feeds = {ids[row.id]: row for row in connection.execute(select(feeds))}
        named = select(feed_listings.c.feed_id, urls).join(urls, urls.c.id == feed_listings.c.url_id)
        for row in connection.execute(named):
            walked.end.announced.setdefault(ids[row.feed_id], []).append(row)  # type: ignore[arg-type]


def announcement(cases: Sequence[PageCase]) -> Reply:
    """The feed that lists the cases' pages."""
    items = "".join(
        f"<item><title>Report of {case.name}</title><link>{escape(case.announced)}</link></item>" for case in cases
    )
    return Reply(
        f"<rss version='2.0'><channel><title>Hostile</title>{items}</channel></rss>", ("Content-Type: text/xml",)
    )


def add_feeds(engine: Engine, wanted: Sequence[str]) -> None:
    with engine.begin() as connection:
        feed_store.add_feeds(connection, [NewFeed(url=url) for url in wanted], utc_now())


@contextmanager
def road(
    directory: Path,
    database_url: str,
    origin: HostileOrigin,
    names: Mapping[str, Any],
    limit_s: float,
    *,
    pages: bool = True,
) -> Iterator[Road]:
    """Valkey, a poller and, for `pages`, a dispatcher and workers, until the context ends."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "names.json").write_text(json.dumps(names), "utf-8")
    engine = open_engine(database_url)
    upgrade(engine)
    environment = _environment(directory, database_url, origin)
    script = str(Path(__file__).with_name("hostile_process.py"))
    own = [sys.executable, script, "{}", "--names", str(directory / "names.json"), "--limit-s", str(limit_s)]
    commands = {"poller": [*own[:2], "poller", *own[3:]]}
    if pages:
        commands["dispatcher"] = [sys.executable, "-m", "workers", "dispatcher", "--until-parent-ends"]
        commands |= {f"worker{n}": [*own[:2], "worker", *own[3:]] for n in range(WORKERS)}
    end = RoadEnd(origin)
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        valkey = start_valkey(load_settings(data_dir=directory / "data"))
        stack.callback(_end, valkey)
        processes = {}
        for name, command in commands.items():
            log = stack.enter_context((directory / f"{name}.log").open("wb"))
            processes[name] = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log)
            stack.callback(_end, processes[name])
        walked = Road(engine, processes, directory, end)
        yield walked
        end.log_lines = walked.log_lines()
    end.seconds = time.monotonic() - began
    engine.dispose()


def _environment(directory: Path, database_url: str, origin: HostileOrigin) -> dict[str, str]:
    root = Path(__file__).parents[2]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    return kept | {
        "PYTHONPATH": str(root),
        "FRONTWIRE_DATA_DIR": str(directory / "data"),
        "FRONTWIRE_DATABASE_URL": database_url,
        "FRONTWIRE_ALLOW_ADDRESSES": f"127.0.0.1:{origin.ports.origin}",
        "FRONTWIRE_HOST_DELAY_S": "0",
        "FRONTWIRE_TICK_S": "0.1",
        "FRONTWIRE_MAX_ATTEMPTS": "1",
        "FRONTWIRE_LOG_FORMAT": "json",
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL for what does not hear it; its children end with their pipes."""
    process.terminate()
    try:
        process.wait(40)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tree_bytes(pid: int) -> int:
    """Resident memory of a process and all below it; what is gone counts nothing."""
    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += each.memory_info().rss
    return total


def _is_worked_off(engine: Engine, wanted: int) -> bool:
    """Whether that many polls have been made and no URL is open."""
    with engine.connect() as connection:
        polls = connection.execute(select(func.count(feed_polls.c.id))).scalar_one()
        is_open = connection.execute(select(urls.c.id).where(urls.c.state.in_(OPEN_STATES)).limit(1)).first()
    return polls >= wanted and is_open is None


def _has_polls(engine: Engine, wanted: int) -> bool:
    with engine.connect() as connection:
        return connection.execute(select(func.count(feed_polls.c.id))).scalar_one() >= wanted
