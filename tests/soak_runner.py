"""Work for a long time and watch memory and the write-ahead log (promises P10, P22).

    python tests/soak_runner.py --jobs 10000 [--reader-s 30] [--database-url postgresql://…]

starts `frontwire run` with one worker and one URL a job against an origin whose answers are known, measures the worker
alone and with its child, holds SQLite under readers of `--reader-s` seconds each all the while, and checks: the worker
grows by less than 5 MB per 10,000 jobs once it is warm (after a fifth of them), the tree stays under 400 MB, the
write-ahead log under 256 MB, and every URL is stored. Prints one JSON line; exit status 1 when a bound is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from chaos_runner import end_tree, processes, write_opml
from known_origin import start_origin
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

GROWTH_MAX_MB, TREE_MAX_MB, WAL_MAX_MB = 5.0, 400, 256
MB = 1 << 20


@dataclass
class Watch:
    """Samples of one run: jobs done, the worker's memory and its tree's in bytes, the log's size."""

    samples: list[tuple[int, int, int]] = field(default_factory=list)
    wal_bytes: int = 0

    def growth_mb(self, jobs: int) -> float:
        """The worker's growth per 10,000 jobs: a line through its samples after the first fifth of the work."""
        warm = [(done, own / MB) for done, own, _ in self.samples if done >= jobs / 5]
        if len({done for done, _ in warm}) < 2:
            return float("nan")
        slope, _ = statistics.linear_regression([done for done, _ in warm], [own for _, own in warm])
        return slope * 10_000


def run_soak(directory: Path, jobs: int, reader_s: float, database_url: str | None, limit_s: float) -> dict[str, Any]:
    """One run; the figures and whether each bound held."""
    origin = start_origin(sites=max(8, jobs // 100), pages=jobs)
    database = database_url or f"sqlite:///{directory / 'data' / 'frontwire.sqlite'}"
    environment = os.environ | {
        "FRONTWIRE_DATA_DIR": str(directory / "data"), "FRONTWIRE_HTTP_PROXY": origin.proxy_url,
        "FRONTWIRE_HOST_DELAY_S": "0", "FRONTWIRE_TICK_S": "0.1", "FRONTWIRE_WORKERS": "1",
        "FRONTWIRE_BATCH_SIZE": "1", "FRONTWIRE_LOG_LEVEL": "warning",
    }  # fmt: skip
    if database_url is not None:
        environment["FRONTWIRE_DATABASE_URL"] = database_url
    write_opml(directory / "feeds.opml", origin.feeds())
    frontwire = [sys.executable, "-m", "workers"]
    subprocess.run(
        [*frontwire, "feeds", "import", str(directory / "feeds.opml")],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    began = time.monotonic()
    with (directory / "run.log").open("wb") as log:
        run = subprocess.Popen(
            [*frontwire, "run", "--until-idle", "--no-dashboard"], env=environment, stdout=log, stderr=log
        )
        try:
            watch = watch_run(run, database, directory / "data", reader_s, began + limit_s)
        finally:
            end_tree(run)
            origin.close()
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        done = _done(connection)
    engine.dispose()
    figures = {
        "jobs": done, "seconds": round(time.monotonic() - began), "growth_mb_per_10000": round(watch.growth_mb(done), 2),  # noqa: E501
        "worker_mb": round(max((own for _, own, _ in watch.samples), default=0) / MB),
        "tree_mb": round(max((tree for *_, tree in watch.samples), default=0) / MB),
        "wal_mb": round(watch.wal_bytes / MB, 1), "reader_s": reader_s,
    }  # fmt: skip
    held = (
        figures["growth_mb_per_10000"] < GROWTH_MAX_MB
        and figures["tree_mb"] < TREE_MAX_MB
        and figures["wal_mb"] < WAL_MAX_MB
    )
    return figures | {"is_clean": held and done == jobs}


def watch_run(run: subprocess.Popen[bytes], database: str, data: Path, reader_s: float, deadline: float) -> Watch:
    """Sample twice a second until the run ends, with a reader on the database that begins anew every `reader_s`."""
    watch = Watch()
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://"))
    reader: Connection | None = None
    renew_at = 0.0
    while run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.5)
        try:
            if reader is None or time.monotonic() >= renew_at:
                if reader is not None:
                    reader.close()
                reader, renew_at = engine.connect(), time.monotonic() + reader_s
                reader.execute(text("SELECT count(*) FROM urls"))  # the snapshot is held until the next turn
            with engine.connect() as looking:
                done = _done(looking)
        except SQLAlchemyError:
            continue  # at the start there is no table yet
        wal = data / "frontwire.sqlite-wal"
        watch.wal_bytes = max(watch.wal_bytes, wal.stat().st_size if wal.exists() else 0)
        for worker in processes(run.pid, "worker"):
            watch.samples.append((done, *_memory(worker)))
    if reader is not None:
        reader.close()
    engine.dispose()
    return watch


def _done(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM urls WHERE state = 'stored'")).scalar_one())


def _memory(worker: psutil.Process) -> tuple[int, int]:
    """Bytes of the worker alone and of it with all below it; what is gone counts nothing."""
    try:
        own = worker.memory_info().rss
        return own, own + sum(child.memory_info().rss for child in worker.children(recursive=True))
    except psutil.Error:
        return 0, 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--reader-s", type=float, default=30.0, help="how long each reader holds its snapshot")
    parser.add_argument("--database-url", help="an empty PostgreSQL database (default: SQLite)")
    parser.add_argument("--limit-s", type=float, default=7200.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="frontwire-soak-") as name:
        figures = run_soak(Path(name), options.jobs, options.reader_s, options.database_url, options.limit_s)
        print(json.dumps(figures), flush=True)
        if not figures["is_clean"]:
            print((Path(name) / "run.log").read_text(errors="replace")[-3000:], file=sys.stderr)
    return 0 if figures["is_clean"] else 1


if __name__ == "__main__":
    sys.exit(main())
