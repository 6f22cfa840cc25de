"""Bytes a story takes: in SQL by table, in the archive, and on the queue a job. What docs/scaling.md reckons with.

    PYTHONPATH=. python benchmarks/sizes.py [--worlds 6] [--database-url URL]

The road runs over so many worlds of the generated wire (workers/demo/generated.py) and drains; what the tables and
their indexes grew by, over the empty schema, is divided by the stories stored. The database named must be empty.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import Engine, text

from pipeline.store import reports
from pipeline.store.feeds import NewFeed
from workers.database import open_engine, reading, upgrade
from workers.demo.generated import GeneratedWire
from workers.logs import start_logging
from workers.process import utc_now
from workers.queue import ReadQueue, connect
from workers.running import running_machine
from workers.selftest import selftest_settings
from workers.settings import load_settings

JOBS = 10_000
IDS_A_JOB = 8


def bytes_by_table(engine: Engine) -> dict[str, int]:
    """Every table with its indexes, in bytes."""
    if engine.dialect.name == "postgresql":
        query = "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'"
        query += " AND relnamespace = 'public'::regnamespace"
    else:
        query = (
            "SELECT m.tbl_name, sum(d.pgsize) FROM dbstat AS d JOIN sqlite_master AS m ON m.name = d.name GROUP BY 1"
        )
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            # dbstat must see what the write-ahead log still holds alone.
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
        return {row[0]: int(row[1]) for row in connection.execute(text(query))}


def job_bytes(dsn: str) -> float:
    """What a job on the queue takes of the server's memory."""
    queue = ReadQueue(dsn)
    with connect(dsn) as connection:
        before = int(connection.info("memory")["used_memory"])
        queue.put([list(range(n, n + IDS_A_JOB)) for n in range(10**9, 10**9 + JOBS)], 3600)
        grown = int(connection.info("memory")["used_memory"]) - before
        connection.flushall()
    queue.close()
    return grown / JOBS


def measure(worlds: int, database_url: str | None) -> dict[str, object]:
    """One run, from nothing."""
    with tempfile.TemporaryDirectory(prefix="frontwire-sizes-") as directory:
        wire = GeneratedWire(utc_now())
        settings = selftest_settings(load_settings(), Path(directory), wire.start())
        if database_url is not None:
            settings = settings.model_copy(update={"database_url": SecretStr(database_url)})
        start_logging(settings, "sizes")
        engine = open_engine(settings.database_dsn)
        upgrade(engine)
        empty = bytes_by_table(engine)
        engine.dispose()
        feeds = [NewFeed(*feed) for world in range(worlds) for feed in wire.feeds(world)]
        with running_machine(settings, with_dashboard=False, feeds=feeds, log_dir=Path(directory) / "log") as machine:
            if not machine.run_until_idle(lambda progress: None):
                raise SystemExit("ended by a signal")
            with reading(machine.engine) as connection:
                counts = reports.count_rows(connection)
                pages, body_bytes = connection.execute(
                    text("SELECT count(*), sum(body_bytes) FROM pages WHERE warc_length > 0")
                ).one()
                words = connection.execute(text("SELECT avg(length(text)) FROM stories")).scalar_one()
            full = bytes_by_table(machine.engine)
            archived = sum(file.stat().st_size for file in settings.archive_dir.rglob("*") if file.is_file())
            queued = job_bytes(settings.redis_dsn)
        wire.stop()
    stories = int(counts["stories"])
    grown = {table: (size - empty.get(table, 0)) / stories for table, size in full.items()}
    return {
        "database": settings.database_dsn.split(":", 1)[0],
        "stories": stories,
        "clusters": counts["clusters"],
        "text_characters_per_story": round(float(words)),
        "sql_bytes_per_story": round(sum(grown.values())),
        "sql_bytes_per_story_by_table": {
            table: round(size) for table, size in sorted(grown.items(), key=lambda row: -row[1]) if size >= 50
        },
        "archive_bytes_per_page": round(archived / pages),
        "body_bytes_per_page": round(body_bytes / pages),
        "queue_bytes_per_job": round(queued),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=6)
    parser.add_argument("--database-url")
    given = parser.parse_args()
    print(json.dumps(measure(given.worlds, given.database_url), indent=1))


if __name__ == "__main__":
    main()
