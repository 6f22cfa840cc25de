"""What a look-up and an insert cost, and how many bytes a story takes, as the index of anchors grows.

    python benchmarks/near_copies_scale.py --stories 10000000 [--postgres URL]

Synthetic signatures: 25 anchors a story, of which three in ten are drawn from phrases that many stories have (a Zipf
law over 200,000) and the rest belong to this story alone; one story in four is a copy and founds no cluster. The
statements are those of pipeline.store.copies, and stories are committed 100 at a time. A line a step: stories in the
index, bytes of `story_bands` a story, milliseconds of wall clock and of this process' CPU a story for look-up and
insert, as the median over the batches of the step's last 2,000 stories.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from sqlalchemy import Connection, Engine, insert, text

from benchmarks.near_copies import NOW, clusterer, drop, postgres_clusterer
from pipeline.identity.near_copies import METHOD, STOP_ANCHOR_AT, rank_clusters
from pipeline.store import copies
from pipeline.store.lookups import hits_of
from pipeline.store.schema import clusters

ANCHORS = 25
COMMON_SHARE = 0.3
PHRASES = 200_000
COPY_SHARE = 0.25
# A copy is one of so many stories before it.
RECENT = 400
BATCH = 100
MEASURED = 2_000
BULK = 1_000_000


class Signatures:
    """Invented anchors, the same in every run."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._phrases = [self._chance.getrandbits(63) for _ in range(PHRASES)]
        self._known = frozenset(self._phrases)
        self._recent: deque[tuple[tuple[int, ...], int]] = deque(maxlen=RECENT)

    def is_phrase(self, anchor: int) -> bool:
        """Whether many stories may have the anchor."""
        return anchor in self._known

    def forget_recent(self) -> None:
        """Let no later story be a copy of an earlier one."""
        self._recent.clear()

    def next_story(self, cluster_id: int) -> tuple[tuple[int, ...], int]:
        """The anchors of the next story and its cluster: `cluster_id` when it founds one."""
        chance = self._chance
        if self._recent and chance.random() < COPY_SHARE:
            source, source_cluster = chance.choice(self._recent)
            kept = tuple(anchor if chance.random() < 0.9 else chance.getrandbits(63) for anchor in source)
            return tuple(sorted(set(kept))), source_cluster
        drawn = {
            self._phrases[int(PHRASES ** chance.random()) - 1]
            if chance.random() < COMMON_SHARE
            else chance.getrandbits(63)
            for _ in range(ANCHORS)
        }
        story = (tuple(sorted(drawn)), cluster_id)
        self._recent.append(story)
        return story


def store_batch(connection: Connection, signatures: Signatures, first: int) -> None:
    """Look BATCH stories up and index them."""
    connection.execute(
        insert(clusters), [{"id": n, "founded_at": NOW, "method": METHOD} for n in range(first, first + BATCH)]
    )
    for number in range(first, first + BATCH):
        anchors, cluster_id = signatures.next_story(number)
        hits = hits_of(connection, anchors)
        rank_clusters(hits, len(anchors))
        has_room = [anchor for anchor in anchors if len(hits.get(anchor, ())) < STOP_ANCHOR_AT]
        copies.index_new(connection, cluster_id, has_room)


class Filler:
    """Indexes stories as store_batch does, without look-ups and in bulk: what fills a big table within minutes.

    How many clusters an anchor has is counted here instead of asked for. SQLite gets each bulk sorted: the tree is
    written in one sweep. PostgreSQL gets its key when all rows are there, with leaves seven tenths full, as they are
    after inserts in no order: otherwise its tree would be packed tighter than any that grew.
    """

    def __init__(self, engine: Engine, signatures: Signatures) -> None:
        self._engine = engine
        self._signatures = signatures
        self._held: Counter[int] = Counter()

    def fill(self, first: int, last: int) -> None:
        """Index the stories from number `first` to `last`."""
        bulks = ((start, min(last, start + BULK - 1)) for start in range(first, last + 1, BULK))
        fill = _copy_all if self._engine.dialect.name == "postgresql" else _insert_sorted
        fill(self._engine, (Bulk(start, end, self._rows(start, end)) for start, end in bulks))

    def _rows(self, first: int, last: int) -> Iterator[Sequence[int]]:
        """Anchors and clusters, sorted, none twice."""
        self._signatures.forget_recent()
        stories = map(self._signatures.next_story, range(first, last + 1))
        rows = np.array([(anchor, owner) for anchors, owner in stories for anchor in anchors], dtype=np.int64)
        rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
        is_new = np.concatenate(([True], (rows[1:] != rows[:-1]).any(axis=1)))
        return (row for row in rows[is_new].tolist() if self._has_room(row[0]))

    def _has_room(self, anchor: int) -> bool:
        if not self._signatures.is_phrase(anchor):
            return True
        self._held[anchor] += 1
        return self._held[anchor] <= STOP_ANCHOR_AT


class Bulk(NamedTuple):
    """The stories from number `first` to `last`, with their anchors and clusters."""

    first: int
    last: int
    rows: Iterator[Sequence[int]]


def _insert_sorted(engine: Engine, bulks: Iterable[Bulk]) -> None:
    engine.dispose()  # the journal can be switched by the only connection there is
    with closing(sqlite3.connect(str(engine.url.database), isolation_level=None)) as database:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000"):
            database.execute(f"PRAGMA {pragma}")
        for bulk in bulks:
            database.execute("BEGIN")
            database.execute(_FOUNDED.format(first=bulk.first, last=bulk.last))
            database.executemany("INSERT OR IGNORE INTO story_bands (anchor, cluster_id) VALUES (?, ?)", bulk.rows)
            database.execute("COMMIT")
        database.execute("PRAGMA journal_mode=WAL")


def _copy_all(engine: Engine, bulks: Iterable[Bulk]) -> None:
    with engine.begin() as connection:
        # The session's limits are for the work of a worker; a bulk is invented, and a key is made, for minutes.
        for limit in _LIMITS:
            connection.exec_driver_sql(f"SET LOCAL {limit} = 0")
        connection.exec_driver_sql("ALTER TABLE story_bands DROP CONSTRAINT pk_story_bands, DROP CONSTRAINT " + _OWNER)
        for bulk in bulks:
            connection.exec_driver_sql(_FOUNDED.format(first=bulk.first, last=bulk.last))
            cursor: Any = connection.connection.cursor()
            with cursor.copy("COPY story_bands (anchor, cluster_id) FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(("int8", "int8"))
                for row in bulk.rows:
                    copy.write_row(row)
        connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '512MB'")
        for constraint in (
            "pk_story_bands PRIMARY KEY (anchor, cluster_id) WITH (fillfactor = 70)",
            f"{_OWNER} FOREIGN KEY (cluster_id) REFERENCES clusters (id) NOT VALID",
        ):
            connection.exec_driver_sql(f"ALTER TABLE story_bands ADD CONSTRAINT {constraint}")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM ANALYZE story_bands")
        connection.exec_driver_sql("CHECKPOINT")
    engine.dispose()  # what is measured has the limits again


_LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout")
_OWNER = "fk_story_bands_cluster_id_clusters"
_FOUNDED = f"""
WITH RECURSIVE given (id) AS (
    SELECT CAST({{first}} AS bigint) UNION ALL SELECT id + 1 FROM given WHERE id < CAST({{last}} AS bigint)
)
INSERT INTO clusters (id, founded_at, method, independent_origins)
SELECT id, '{NOW:%Y-%m-%dT%H:%M:%S.000Z}', '{METHOD}', 1 FROM given"""


def index_bytes(engine: Engine) -> int:
    """What `story_bands` takes on disk, its keys included."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            return int(connection.execute(text("SELECT pg_total_relation_size('story_bands')")).scalar_one())
        statement = "SELECT sum(pgsize) FROM dbstat WHERE name = 'story_bands'"
        return int(connection.execute(text(statement)).scalar_one())


def measure(engine: Engine, signatures: Signatures, first: int) -> tuple[float, float]:
    """Median milliseconds of wall clock and CPU a story."""
    walls, cpus = [], []
    for start in range(first, first + MEASURED, BATCH):
        wall, cpu = time.perf_counter(), time.process_time()
        with engine.begin() as connection:
            store_batch(connection, signatures, start)
        walls.append(1000 * (time.perf_counter() - wall) / BATCH)
        cpus.append(1000 * (time.process_time() - cpu) / BATCH)
    return statistics.median(walls), statistics.median(cpus)


def main() -> None:
    """Grow the index and print a line at each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, default=10_000_000)
    parser.add_argument("--postgres", metavar="URL")
    args = parser.parse_args()
    holder = clusterer() if args.postgres is None else postgres_clusterer(args.postgres)
    try:
        _grow(holder.engine, args.stories)
    finally:
        if args.postgres is not None:
            drop(holder.engine, args.postgres)


def _grow(engine: Engine, stories: int) -> None:
    signatures, number = Signatures(7), 1
    filler = Filler(engine, signatures)
    for size in (size for size in (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000) if size <= stories):
        began = time.process_time()
        filler.fill(number, size - MEASURED)
        number = size - MEASURED + 1
        filled_s = time.process_time() - began
        wall, cpu = measure(engine, signatures, number)
        number += MEASURED
        taken = index_bytes(engine) / number
        cost = f"{wall:.3f} ms  {cpu:.3f} ms CPU a story  (filled in {filled_s:.0f} s CPU)"
        print(f"{number - 1:>10,} stories  {taken:5.0f} bytes  {cost}", flush=True)


if __name__ == "__main__":
    main()
