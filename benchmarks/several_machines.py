"""More workers, and more machines: stories a second, CPU a story, fairness, politeness, and nothing lost or doubled.

    PYTHONPATH=. python benchmarks/several_machines.py [--workers 1 2 4 8] [--machines N] [--corpus PATH] [--copies N]

The real processes over the recorded wire of benchmarks/logged_origin.py, on a PostgreSQL and a Redis server that are
started for it: `initdb` and `redis-server` must be found. For each number of workers a new database: the processes
start, read the pages of some feeds, since the first pages of a process load models, and come to rest; then all other
feeds are added at once and the wire is drained.

With `--machines` above 1 each machine is a network namespace of its own with an address of its own, and so is the one
of the servers; they see one another over a bridge and nothing else (root is needed). Every machine runs a poller, a
dispatcher and its part of the workers, and keeps its own archive. Without it all is on loopback, with one poller and
one dispatcher.

Prints JSON. CPU a story is of all our processes while the wire was drained, PostgreSQL's and Redis' in lines of their
own, the origin's apart. Politeness is read from the origin's log: between two requests to a host, whoever made them,
there must be the host's delay, and never more than two at once. The rate is that of the middle eight tenths of the
stories: before, processes wake; after, the last hosts are waited for.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pwd
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import psycopg
from sqlalchemy import Engine, func, select

from benchmarks.logged_origin import Asked, logged_origin, read_log
from benchmarks.wire import Page, load_pages
from pipeline.outcomes import UrlState
from pipeline.store import feeds as feed_store
from pipeline.store import ledger
from pipeline.store.feeds import NewFeed
from pipeline.store.schema import stories, urls
from workers.database import open_engine, reading, upgrade
from workers.process import utc_now
from workers.queue import connect
from workers.settings import Settings, child_environment, load_settings

DELAY_S = 1.0
# One feed in so many warms the processes.
WARM_EVERY = 8
LIMIT_S = 600.0
# Between two clocks' readings of one moment on a busy machine; a gap shorter by more than that is a fault.
JITTER_S = 0.1
LAN = "10.77.0"


@dataclass(frozen=True, slots=True)
class Machine:
    """Where processes run: a network namespace and its address, or this one's loopback."""

    netns: str | None
    address: str

    def start(self, command: Sequence[str], log: Path, **given: Any) -> psutil.Popen:
        """A process there; what it says goes to the end of `log`."""
        prefix = ["ip", "netns", "exec", self.netns] if self.netns else []
        with log.open("ab") as said:
            return psutil.Popen([*prefix, *command], stdout=said, stderr=said, **given)

    def free_port(self) -> int:
        """A port that nobody has; in a namespace of its own any will do."""
        if self.netns:
            return 5_400 + int(time.monotonic()) % 500
        with socket.socket() as probe:
            probe.bind((self.address, 0))
            return int(probe.getsockname()[1])


@contextlib.contextmanager
def lan(count: int) -> Iterator[list[Machine]]:
    """The servers' machine and `count` others; in namespaces of their own if there is more than one."""
    if count == 1:
        here = Machine(None, "127.0.0.1")
        yield [here, here]
        return
    hub = f"fw{os.getpid()}hub"
    machines = [Machine(f"fw{os.getpid()}m{number}", f"{LAN}.{number + 1}") for number in range(count + 1)]
    try:
        _ip(f"netns add {hub}")
        _ip(f"-n {hub} link add br0 type bridge")
        _ip(f"-n {hub} link set br0 up")
        for number, machine in enumerate(machines):
            _ip(f"netns add {machine.netns}")
            _ip(f"-n {hub} link add v{number} type veth peer name eth0 netns {machine.netns}")
            _ip(f"-n {hub} link set v{number} master br0 up")
            _ip(f"-n {machine.netns} addr add {machine.address}/24 dev eth0")
            _ip(f"-n {machine.netns} link set eth0 up")
            _ip(f"-n {machine.netns} link set lo up")
        yield machines
    finally:
        for name in (hub, *(machine.netns for machine in machines)):
            subprocess.run(["ip", "netns", "del", str(name)], check=False)


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)


# ------------------------------------------------------------------------------------------------------------ servers


@dataclass(frozen=True, slots=True)
class Servers:
    """The URLs of both servers for everybody and (by sockets) for this process, and the servers' processes."""

    postgres_url: str
    postgres_here: str
    redis_url: str
    redis_here: str
    postgres: psutil.Process
    redis: psutil.Process

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds so far of both."""
        return {"postgresql": tree_cpu_s(self.postgres), "redis": tree_cpu_s(self.redis)}


@contextlib.contextmanager
def servers(machine: Machine, directory: Path) -> Iterator[Servers]:
    """PostgreSQL and Redis on that machine while inside, as they are configured by default."""
    binaries = Path(shutil.which("initdb") or _newest_initdb()).parent
    data, port, redis_port = directory / "postgres", machine.free_port(), machine.free_port() + 1
    data.mkdir()
    who: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = pwd.getpwnam("nobody")
        who = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        for path in (directory, data):
            os.chown(path, user.pw_uid, user.pw_gid)
        directory.chmod(0o755)
    words = ["-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C"]
    made = [*who, str(binaries / "initdb"), "-D", str(data), *words]
    subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
    with (data / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {LAN}.0/24 trust\n")
    settings = (f"listen_addresses={machine.address}", f"port={port}", f"unix_socket_directories={directory}")
    options = [part for setting in (*settings, "max_connections=200") for part in ("-c", setting)]
    server = [*who, str(binaries / "postgres"), "-D", str(data), *options]
    postgres = machine.start(server, directory / "postgres.log", cwd=directory)
    bound = ["--bind", machine.address, "--port", str(redis_port), "--save", "", "--protected-mode", "no"]
    bound += ["--unixsocket", str(directory / "redis.sock")]
    redis = machine.start(["redis-server", *bound], directory / "redis.log", cwd=directory)
    here = f"postgresql://postgres@/postgres?host={directory}&port={port}"
    try:
        _wait_for(lambda: _answers(here), "PostgreSQL")
        yield Servers(
            f"postgresql://postgres@{machine.address}:{port}", here, f"redis://{machine.address}:{redis_port}/0",
            f"unix://{directory}/redis.sock?db=0", postgres, redis,
        )  # fmt: skip
    finally:
        redis.terminate()
        postgres.send_signal(2)
        psutil.wait_procs([redis, postgres], timeout=30)


def _newest_initdb() -> Path:
    return max(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def _answers(url: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(url).close()
        return True
    return False


def _wait_for(is_there: Any, what: str, limit_s: float = 120.0) -> None:
    until = time.monotonic() + limit_s
    while not is_there():
        if time.monotonic() > until:
            raise SystemExit(f"{what} did not come within {limit_s:.0f} s")
        time.sleep(0.2)


def tree_cpu_s(root: psutil.Process) -> float:
    """CPU seconds so far of a process and all below it, ended ones included."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


# ------------------------------------------------------------------------------------------------------------ one run


@dataclass
class Running:
    """Our processes by role, and where worker number N writes its log."""

    processes: list[tuple[str, psutil.Popen]]
    worker_logs: list[Path]

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds so far by role."""
        found: defaultdict[str, float] = defaultdict(float)
        for role, process in self.processes:
            found[role] += tree_cpu_s(process)
        return found


@contextlib.contextmanager
def started(machines: Sequence[Machine], workers: int, settings: Settings, directory: Path) -> Iterator[Running]:
    """A poller and a dispatcher on every machine, and the workers in turns, while inside."""
    running = Running([], [])

    def start(machine: Machine, role: str, log: Path) -> None:
        own = settings.model_copy(update={"data_dir": directory / f"data-{machine.address}"})
        command = [sys.executable, "-m", "workers", role]
        environment = child_environment(own)
        running.processes.append((role, machine.start(command, log, env=environment, cwd=directory)))

    try:
        for machine in machines:
            for role in ("poller", "dispatcher"):
                start(machine, role, directory / f"{role}-{machine.address}.log")
        for number in range(workers):
            running.worker_logs.append(directory / f"worker-{number}.log")
            start(machines[number % len(machines)], "worker", running.worker_logs[-1])
        yield running
    finally:
        for _, process in reversed(running.processes):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        psutil.wait_procs([process for _, process in running.processes], timeout=40)


def come_to_rest(running: Running, seconds: float = 2.0) -> None:
    """Wait until the processes have started and use hardly any CPU."""
    until = time.monotonic() + 180
    while time.monotonic() < until:
        before = sum(running.cpu_s().values())
        time.sleep(seconds)
        if sum(running.cpu_s().values()) - before < 0.15 * seconds:
            return
    raise SystemExit("the processes did not come to rest")


def drain(given: argparse.Namespace, machines: Sequence[Machine], on: Servers, pages: list[Page], workers: int) -> Any:
    """One run over the wire with so many workers."""
    with tempfile.TemporaryDirectory(prefix="frontwire-several-") as name:
        directory, database = Path(name), f"several_{workers}"
        with psycopg.connect(on.postgres_here, autocommit=True) as server:
            server.execute(f"CREATE DATABASE {database}".encode())
        engine = open_engine(on.postgres_here.replace("/postgres?", f"/{database}?"))
        upgrade(engine)
        options = ["--copies", str(given.copies), "--answer-s", str(given.answer_s), "--bind", machines[0].address]
        options += ["--corpus", str(given.corpus)] if given.corpus else []
        with logged_origin(directory / "asked", *options, netns=machines[0].netns) as (proxy, origin):
            settings = load_settings(
                database_url=f"{on.postgres_url}/{database}",
                redis_url=on.redis_url,
                http_proxy=proxy,
                host_delay_s=DELAY_S,
                log_level="info",
                log_format="json",
                workers=workers,
            )
            with started(machines[1:], workers, settings, directory) as running:
                feeds = sorted({page.feed for page in pages})
                warm, feeds = feeds[::WARM_EVERY], [feed for n, feed in enumerate(feeds) if n % WARM_EVERY]
                read(engine, warm, len(warm))
                come_to_rest(running)
                before = running.cpu_s() | on.cpu_s() | {"origin": tree_cpu_s(origin)}
                begun = time.monotonic()
                since = utc_now()
                read(engine, feeds, len(warm) + len(feeds))
                wall_s = time.monotonic() - begun
                after = running.cpu_s() | on.cpu_s() | {"origin": tree_cpu_s(origin)}
                shares = [log.read_text("utf-8").count('"event": "page"') for log in running.worker_logs]
        asked = read_log(directory / "asked")
        with connect(on.redis_here) as queue:
            queue.flushdb()
        warming = {page.url for page in pages if page.feed in set(warm)}
        report = told(engine, asked, pages, warming, since) | {"workers": workers, "wall_s": round(wall_s, 1)}
        report["cpu_ms_a_story"] = {
            role: round(1000 * (after[role] - before[role]) / report["measured_stories"], 1) for role in after
        }
        ours = sum(ms for role, ms in report["cpu_ms_a_story"].items() if role != "origin")
        report |= {"cpu_ms_a_story_without_origin": round(ours, 1), "pages_by_worker": shares}
        engine.dispose()
        return report


def read(engine: Engine, new: Sequence[str], feeds: int) -> None:
    """Add feeds, and wait until all there are then were polled and drained."""
    with engine.begin() as connection:
        feed_store.add_feeds(connection, [NewFeed(feed) for feed in new], utc_now())
    _wait_for(lambda: is_drained(engine, feeds), "the last URL", LIMIT_S)


def is_drained(engine: Engine, feeds: int) -> bool:
    """Whether every feed was polled and every URL has ended."""
    with reading(engine) as connection:
        polled = connection.execute(
            select(func.count()).select_from(feed_store.feeds).where(feed_store.feeds.c.last_polled_at.is_not(None))
        )
        return polled.scalar_one() == feeds and ledger.count_open(connection) == 0


def told(
    engine: Engine, asked: Sequence[Asked], pages: Sequence[Page], warming: set[str], since: datetime
) -> dict[str, Any]:
    """What SQL and the origin's log say of the run; rate and fairness leave out the warming."""
    expected = {page.url for page in pages}
    with reading(engine) as connection:
        # A page is known by its canonical address, and as it was announced where that differs.
        query = select(func.coalesce(urls.c.link, urls.c.url).label("asked"), urls.c.state)
        states = {row.asked: row.state for row in connection.execute(query)}
        whole = connection.execute(select(func.count()).select_from(stories)).scalar_one()
        stored_at = sorted(connection.execute(select(stories.c.stored_at).where(stories.c.stored_at > since)).scalars())
    fetched = Counter(one.url for one in asked if one.url in expected and one.status == 200)
    first, last = stored_at[len(stored_at) // 10], stored_at[len(stored_at) * 9 // 10]
    machines = Counter(one.asker for one in asked if one.url in expected)
    return {
        "pages": len(expected),
        "stories": whole,
        "measured_stories": len(stored_at),
        "stories_per_s": round(0.8 * len(stored_at) / (last - first).total_seconds(), 2),
        "ended": dict(Counter(str(UrlState(state)) for state in states.values())),
        "lost": len(expected - states.keys()),
        "fetched_twice": sum(count > 1 for count in fetched.values()),
        "fetches_by_machine": dict(machines) if len(machines) > 1 else {},
        "politeness": politeness(asked),
        "fairness": fairness(asked, expected - warming),
    }


def politeness(asked: Sequence[Asked]) -> dict[str, Any]:
    """Whether any host was asked sooner than its delay, or more than twice at once; the origin's clock is the judge."""
    by_host: defaultdict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        by_host[one.host].append(one)
    gaps = [b.came_s - a.came_s for of_host in by_host.values() for a, b in pairwise(of_host)]
    at_once = max(
        sum(other.came_s <= one.came_s < other.answered_s for other in of_host)
        for of_host in by_host.values()
        for one in of_host
    )
    return {
        "hosts": len(by_host),
        "requests": len(asked),
        "gaps": len(gaps),
        "shortest_gap_s": round(min(gaps), 3),
        "sooner_than_the_delay": sum(gap < DELAY_S - JITTER_S for gap in gaps),
        "at_once_to_a_host": at_once,
    }


def fairness(asked: Sequence[Asked], pages: set[str]) -> dict[str, Any]:
    """Seconds from the first page's request to that of each host's first, second, … page: median, and the longest."""
    turns: Counter[str] = Counter()
    waited: defaultdict[int, list[float]] = defaultdict(list)
    begun = next(one.came_s for one in asked if one.url in pages)
    for one in asked:
        if one.url in pages:
            turns[one.host] += 1
            waited[turns[one.host]].append(one.came_s - begun)
    return {
        f"page {turn} of a host": {
            "hosts": len(seconds), "median_s": round(statistics.median(seconds), 1), "longest_s": round(max(seconds), 1)
        }
        for turn, seconds in sorted(waited.items())
        if turn <= 4
    }  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--machines", type=int, default=1)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--answer-s", type=float, default=0.1, help="how long a site takes to answer")
    given = parser.parse_args()
    pages = load_pages(given.corpus, given.copies)
    with (
        tempfile.TemporaryDirectory(prefix="frontwire-servers-") as name,
        lan(given.machines) as machines,
        servers(machines[0], Path(name)) as on,
    ):
        for workers in given.workers:
            print(json.dumps(drain(given, machines, on, pages, workers), indent=1), flush=True)


if __name__ == "__main__":
    main()
