"""Kill things in the middle of the main job and hold SQL against what was announced (promises P1-P3, P5-P7).

    python tests/chaos_runner.py --urls 1200 --kills 60 --seed 1 [--gap-s 0.75] [--server-url postgresql://…]

starts `frontwire run --until-idle` against an origin whose answers are known and whose feeds show what comes next to
those only who acknowledge what they had. Workers, their reading children, the poller, the dispatcher, Valkey and the
supervisor are killed at random with SIGKILL, others told to end, workers stopped for longer than a lease, Redis is
flushed. In the end every URL must be stored, once, with the right text, or known as a copy of the one that is, and
every edit be a revision. Prints how long it took after each accident until the next URL ended in SQL.
On PostgreSQL each seed gets a database of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
import psycopg
from known_origin import Origin, original_of, start_origin
from recovery import Progress, engine_of, spread
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.engine import make_url

FRONTWIRE = [sys.executable, "-m", "workers"]
LEASE_S = 3.0
GAP_S = 0.75
WINDOWS = 2
# `worker` is a leader without its child, `child` a child alone, `tree` both at once; `term` asks one process to end;
# after `supervisor` the whole machine is started again.
ACCIDENTS = (
    *("worker", "worker", "child", "child", "tree", "poller", "dispatcher", "valkey", "flush", "pause"),
    *("term", "supervisor"),
)
STOPPABLE = ("worker", "poller", "dispatcher")


@dataclass(frozen=True)
class ChaosResult:
    """What a run ended with. `lost`, `doubled`, `unfinished` and `wrong` must be empty.

    `revised` stories were seen in both editions.
    """

    seed: int
    urls: int
    accidents: dict[str, int]
    recovery_s: dict[str, float]
    seconds: float
    fetches_per_url: float
    revised: int
    lost: list[str]
    doubled: list[str]
    unfinished: list[str]
    wrong: list[str]
    exit_status: int

    @property
    def is_clean(self) -> bool:
        return self.exit_status == 0 and not (self.lost or self.doubled or self.unfinished or self.wrong)


def run_chaos(
    directory: Path,
    *,
    urls: int,
    kills: int,
    seed: int,
    database_url: str | None = None,
    limit_s: float = 300,
    gap_s: float = GAP_S,
) -> ChaosResult:
    """One run. The directory is left as it ends, with the processes' logs in `run.log`."""
    # About twelve pages a site; ten has no divisor in common with it, so that no site has all the pages that fail.
    origin = start_origin(sites=max(3, urls // 120 * 10 + 3), pages=urls, latency_s=0.02, windows=WINDOWS)
    started = time.monotonic()
    environment = os.environ | {
        "FRONTWIRE_DATA_DIR": str(directory / "data"),
        "FRONTWIRE_HTTP_PROXY": origin.proxy_url,
        "FRONTWIRE_LEASE_S": str(LEASE_S),
        "FRONTWIRE_HOST_DELAY_S": "0.02",
        "FRONTWIRE_TICK_S": "0.1",
        "FRONTWIRE_RETRY_BASE_S": "0.1",
        "FRONTWIRE_MAX_ATTEMPTS": "50",
        "FRONTWIRE_LOG_FORMAT": "json",
    }
    if database_url is not None:
        environment["FRONTWIRE_DATABASE_URL"] = database_url
    database = database_url or f"sqlite:///{directory / 'data' / 'frontwire.sqlite'}"
    try:
        write_opml(directory / "feeds.opml", origin.feeds())
        imported = [*FRONTWIRE, "feeds", "import", str(directory / "feeds.opml")]
        subprocess.run(imported, env=environment, check=True, stdout=subprocess.DEVNULL)
        with (directory / "run.log").open("wb") as log:
            machine = Machine(environment, log, directory / "data" / "valkey.sock")
            progress = Progress(database)
            try:
                accidents = Accidents(random.Random(seed), kills, gap_s)
                status = walk(machine, origin, accidents, started + limit_s)
            finally:
                machine.end()
                progress.close()
        return compare(origin, database, seed, accidents.done, progress, time.monotonic() - started, status)
    finally:
        origin.close()


class Machine:
    """`frontwire run --until-idle`, started again when it was killed or has more to do."""

    def __init__(self, environment: dict[str, str], log: IO[bytes], socket: Path) -> None:
        self._environment, self._log = environment, log
        self.socket = socket
        self.run = self._started()

    def start_again(self) -> None:
        self.run = self._started()

    def end(self) -> None:
        end_tree(self.run)

    def _started(self) -> subprocess.Popen[bytes]:
        command = [*FRONTWIRE, "run", "--until-idle", "--no-dashboard"]
        return subprocess.Popen(command, env=self._environment, stdout=self._log, stderr=self._log)


class Accidents:
    """What is to happen, `gap_s` apart in the mean and every kind once where there is time, and what did."""

    def __init__(self, chance: random.Random, kills: int, gap_s: float) -> None:
        self._chance, self._gap_s = chance, gap_s
        kinds = [*dict.fromkeys(ACCIDENTS), *(chance.choice(ACCIDENTS) for _ in range(kills))]
        self.planned = deque(kinds[: max(kills, len(set(ACCIDENTS)))])
        # The kind of each, and the instant (monotonic) at which it was over.
        self.done: list[tuple[str, float]] = []

    def cause(self, machine: Machine, deadline: float) -> None:
        """Cause those planned while the machine runs."""
        # The first one waits until the road is walked: an accident before the start proves nothing.
        pause_s = 2.5
        while self.planned and time.monotonic() < deadline:
            try:
                machine.run.wait(pause_s)
                return
            except subprocess.TimeoutExpired:
                pass
            kind = self.planned.popleft()
            if cause(kind, machine, self._chance):
                self.done.append((kind, time.monotonic()))
            else:
                # On a busy machine the victim of the moment before may not be back yet: its kind comes again later.
                self.planned.append(kind)
            pause_s = self._chance.uniform(0.4 * self._gap_s, 1.6 * self._gap_s)


def walk(machine: Machine, origin: Origin, accidents: Accidents, deadline: float) -> int:
    """Run until every window was acknowledged and all is read; returns the last exit status, -1 past the deadline.

    A run polls each feed once. Whose answer is lost on the way is told the same again by the next.
    """
    while True:
        accidents.cause(machine, deadline)
        try:
            status = machine.run.wait(max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return -1
        if status != 0 or origin.is_told:
            return status
        machine.start_again()


def cause(kind: str, machine: Machine, chance: random.Random) -> bool:
    """One accident; False when its victim was not there."""
    if kind == "flush":
        try:
            Redis.from_url(f"unix://{machine.socket}?db=0").flushall()
        except RedisError:
            return False
        return True
    if kind == "supervisor":
        machine.run.kill()
        machine.run.wait()
        machine.start_again()
        return True
    of_kind = {"pause": "worker", "tree": "worker", "term": chance.choice(STOPPABLE)}.get(kind, kind)
    victims = list(processes(machine.run.pid, of_kind))
    if not victims:
        return False
    victim = chance.choice(victims)
    try:
        if kind == "pause":
            victim.suspend()
            time.sleep(LEASE_S * 1.5)
            victim.resume()
        elif kind == "term":
            victim.terminate()
        else:
            below = victim.children(recursive=True) if kind == "tree" else []
            victim.kill()
            for process in below:
                process.kill()
    except psutil.NoSuchProcess:
        return False
    return True


def processes(run_pid: int, kind: str) -> Iterator[psutil.Process]:
    """The running processes of one kind below the run."""
    try:
        found = psutil.Process(run_pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return
    for process in found:
        try:
            command = process.cmdline()
        except psutil.Error:
            continue
        is_kind = {
            "worker": command[1:4] == ["-m", "workers", "worker"],
            "poller": command[1:4] == ["-m", "workers", "poller"],
            "dispatcher": command[1:4] == ["-m", "workers", "dispatcher"],
            "child": command[1:3] == ["-m", "workers.child"],
            "valkey": any("valkey-server" in word for word in command[:1]),
        }[kind]
        if is_kind:
            yield process


def end_tree(run: subprocess.Popen[bytes]) -> None:
    """Leave no process behind, whatever happened."""
    try:
        below = psutil.Process(run.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        below = []
    for process in below:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    if run.poll() is None:
        run.send_signal(signal.SIGKILL)
        run.wait()


def compare(
    origin: Origin,
    database: str,
    seed: int,
    caused: Sequence[tuple[str, float]],
    progress: Progress,
    seconds: float,
    status: int,
) -> ChaosResult:
    """Hold the ledger and the stories against what was announced."""
    engine = engine_of(database)
    with engine.connect() as connection:
        ledger = {row.url: row.state for row in connection.execute(text("SELECT url, state FROM urls"))}
        query = (
            "SELECT url, text, (SELECT count(*) FROM revisions WHERE story_id = stories.id) AS editions FROM stories"
        )
        rows = connection.execute(text(query)).all()
    engine.dispose()
    wanted = origin.urls()
    page_hits = sum(count for path, count in origin.hits.items() if "/story/" in path)
    stored = Counter(text_number(origin, wanted[row.url]) for row in rows if row.url in wanted)
    states = {"stored", "duplicate"} if origin.is_eventful else {"stored"}
    return ChaosResult(
        seed=seed,
        urls=len(wanted),
        accidents=dict(Counter(kind for kind, _ in caused)),
        # What was caused after the last URL had ended has nothing to recover.
        recovery_s=spread([waited for _, over in caused if (waited := progress.recovery_s(over)) is not None]),
        seconds=round(seconds, 1),
        fetches_per_url=round(page_hits / len(wanted), 3),
        revised=sum(row.editions > 1 for row in rows),
        lost=[url for url in wanted if url not in ledger],
        doubled=[f"report {number}" for number, times in stored.items() if times > 1],
        unfinished=[url for url, state in ledger.items() if state not in states],
        wrong=[row.url for row in rows if not is_right(origin, wanted.get(row.url), row.text, row.editions)]
        # Each text that was announced has its story: what is called a duplicate is the copy of one.
        + [url for url, number in wanted.items() if text_number(origin, number) not in stored],
        exit_status=status,
    )


def text_number(origin: Origin, number: int) -> int:
    """The report whose text the page has."""
    return original_of(number) if origin.is_eventful else number


def is_right(origin: Origin, number: int | None, told: str, editions: int) -> bool:
    """Whether a story has the text of its page as it is now, and no revision without an edition.

    One that was read late, when its page had been edited already, has but the second edition.
    """
    return number is not None and told == origin.text_of(number) and 1 <= editions <= origin.edition_of(number)


def write_opml(path: Path, feeds: Sequence[str]) -> None:
    """An OPML file of these feeds."""
    outlines = "".join(f'<outline type="rss" text="feed" xmlUrl="{url}"/>' for url in feeds)
    path.write_text(f'<opml version="2.0"><head><title>chaos</title></head><body>{outlines}</body></opml>')


@contextlib.contextmanager
def database_of_its_own(server_url: str | None, seed: int) -> Iterator[str | None]:
    """The URL of an empty database on that PostgreSQL server, dropped afterwards; without a server None (SQLite)."""
    if server_url is None:
        yield None
        return
    name = f"frontwire_chaos_{os.getpid()}_{seed}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode())
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def main() -> int:
    """Run from the command line; prints one JSON line a run, exit status 1 when any promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--urls", type=int, default=1200)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, action="append", help="may be repeated")
    parser.add_argument("--limit-s", type=float, default=900)
    parser.add_argument("--gap-s", type=float, default=GAP_S, help="mean seconds from one accident to the next")
    parser.add_argument("--server-url", help="a PostgreSQL server that lets us create databases (default: SQLite)")
    options = parser.parse_args()
    is_clean = True
    for seed in options.seed or [1]:
        with (
            tempfile.TemporaryDirectory(prefix="frontwire-chaos-") as name,
            database_of_its_own(options.server_url, seed) as database_url,
        ):
            result = run_chaos(
                Path(name),
                urls=options.urls,
                kills=options.kills,
                seed=seed,
                database_url=database_url,
                limit_s=options.limit_s,
                gap_s=options.gap_s,
            )
            database = "sqlite" if database_url is None else "postgresql"
            print(json.dumps({"database": database} | result.__dict__), flush=True)
            if not result.is_clean:
                is_clean = False
                print((Path(name) / "run.log").read_text(errors="replace")[-5000:], file=sys.stderr)
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
