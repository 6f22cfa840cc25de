"""What an export costs: rate and peak memory of every format over synthetic stories, on SQLite or PostgreSQL.

    python benchmarks/exports.py [--stories 100000] [--database postgresql://…]

Stories are invented words; each export runs in a process of its own, whose peak memory the kernel tells.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, insert

from pipeline.store.reports import StoryFilter
from pipeline.store.schema import clusters, mentions, pages, stories, urls, verdict_acts, verdicts
from pipeline.watching.conditions import parse_condition
from workers.database import open_engine, upgrade
from workers.exporting import FORMATS, Wanted, export_file

T0 = datetime(2026, 1, 1, tzinfo=UTC)
PIECE = 1_000


def fill(engine: Engine, count: int) -> None:
    """`count` stories of about 300 invented words, a third of them about conflict policy."""
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(2, 9))) for _ in range(5_000)]
    texts = [" ".join(rng.choices(words, k=300)) for _ in range(500)]
    for start in range(1, count + 1, PIECE):
        ids = range(start, min(start + PIECE, count + 1))
        at = {number: T0 + timedelta(seconds=number) for number in ids}
        found = {number: number % 3 == 0 for number in ids}
        with engine.begin() as connection:
            connection.execute(insert(clusters), [{"id": n, "founded_at": at[n], "method": "m"} for n in ids])
            connection.execute(
                insert(urls),
                [
                    {"id": n, "url": f"https://w.example/{n}", "host": "w.example", "site": "w.example"}
                    | {"announced_at": at[n], "due_at": at[n], "state": "stored", "priority": 1}
                    for n in ids
                ],
            )
            page = {"status": 200, "body_bytes": 1, "body_sha256": "0" * 64, "warc_file": "a", "warc_offset": 0}
            connection.execute(
                insert(pages),
                [
                    {"id": n, "url_id": n, "final_url": "https://w.example/", "fetched_at": at[n], "warc_length": 1}
                    | page
                    for n in ids
                ],
            )
            story = {"subheads": [], "authors": ["A Writer"], "captions": [], "credits": [], "access": "free"}
            story |= {"revision": 1, "word_count": 300, "reader": "r", "candidate": "c", "site": "w.example"}
            connection.execute(
                insert(stories),
                [
                    {"id": n, "url_id": n, "page_id": n, "cluster_id": n, "url": f"https://w.example/{n}"}
                    | {"title": " ".join(rng.choices(words, k=9)), "text": f"{n} {texts[n % 500]}"}
                    | {"announced_at": at[n], "stored_at": at[n], "content_hash": f"{n:064x}"}
                    | story
                    for n in ids
                ],
            )
            verdict = {"revision": 1, "is_current": True, "model": "m", "language_supported": True, "threshold": 0.5}
            connection.execute(
                insert(verdicts),
                [
                    {
                        "id": n,
                        "story_id": n,
                        "conflict": 0.5,
                        "conflict_policy": 0.5,
                        "judged_at": at[n],
                        "evidence": [],
                    }
                    | {"is_conflict": found[n], "is_conflict_policy": found[n]}
                    | verdict
                    for n in ids
                ],
            )
            chosen = [n for n in ids if found[n]]
            connection.execute(insert(verdict_acts), [{"verdict_id": n, "act": "force", "score": 0.9} for n in chosen])
            span = {"kind": "state", "place": "title", "span_start": 0, "span_end": 1, "surface": "x", "actor": "RUS"}
            connection.execute(insert(mentions), [{"story_id": n} | span for n in chosen])


def measure(url: str, format: str, where: str | None, output: Path) -> None:
    """One export in this process: prints stories a second, megabytes written, and the peak of memory."""
    engine = open_engine(url)
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    condition = None if where is None else parse_condition(where)
    begun, cpu = time.perf_counter(), time.process_time()
    count = export_file(engine, Wanted(format, StoryFilter(), condition, 0, {}), output, lambda last_id, count: None)
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = output.stat().st_size / 1e6
    print(
        f"{format:8} {where or '':34} {count:>8,} stories {took:7.1f} s ({cpu:6.1f} s CPU) {size:8.1f} MB"
        f"   peak {peak:4.0f} MB, {base:3.0f} MB before",
        flush=True,
    )


def main() -> None:
    """Fill a database, then export it in every format, each in a process of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stories", type=int, default=100_000)
    parser.add_argument("--database", help="an empty database; default: a SQLite file")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        url, format, where, output = given.measure
        measure(url, format, where or None, Path(output))
        return
    with tempfile.TemporaryDirectory() as directory:
        url = given.database or f"sqlite:///{directory}/stories.sqlite"
        engine = open_engine(url)
        upgrade(engine)
        fill(engine, given.stories)
        engine.dispose()
        for format in FORMATS:
            run(url, format, "", directory)
        for where in ("type = 'force' and actor = 'RUS'", "copies >= 0 and sites = 1"):
            run(url, "jsonl", where, directory)


def run(url: str, format: str, where: str, directory: str) -> None:
    """Measure one export in a new process."""
    output = f"{directory}/out.{format}"
    subprocess.run([sys.executable, __file__, "--measure", url, format, where, output], check=True)
    Path(output).unlink()


if __name__ == "__main__":
    main()
