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
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import Connection, Engine, bindparam, insert, text

from benchmarks.near_copies import NOW, clusterer, drop, postgres_clusterer
from pipeline.identity.near_copies import METHOD, rank_clusters
from pipeline.store import copies
from pipeline.store.schema import clusters

ANCHORS = 25
COMMON_SHARE = 0.3
PHRASES = 200_000
COPY_SHARE = 0.25
BATCH = 100
MEASURED = 2_000
BULK = 200_000


class Signatures:
    """Invented anchors, the same in every run."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._phrases = [self._chance.getrandbits(63) for _ in range(PHRASES)]
        self._known = frozenset(self._phrases)
        self._recent: list[tuple[tuple[int, ...], int]] = []

    def is_phrase(self, anchor: int) -> bool:
        """Whether many stories may have the anchor."""
        return anchor in self._known

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
        self._recent = [*self._recent[-400:], story]
        return story


def store_batch(connection: Connection, signatures: Signatures, first: int) -> None:
    """Look BATCH stories up and index them."""
    connection.execute(
        insert(clusters), [{"id": n, "founded_at": NOW, "method": METHOD} for n in range(first, first + BATCH)]
    )
    for number in range(first, first + BATCH):
        anchors, cluster_id = signatures.next_story(number)
        rank_clusters(copies.hits_of(connection, anchors), len(anchors))
        copies.index_story(connection, cluster_id, anchors)


class Filler:
    """Indexes stories as store_batch does, without look-ups and in bulk: what fills a big table within minutes.

    How many clusters an anchor has is counted here instead of asked for. Rows are sorted within a bulk, so that the
    tree is written in one sweep; its pages are then filled a little better than by stories that come one by one.
    """

    def __init__(self, signatures: Signatures) -> None:
        self._signatures = signatures
        self._held: Counter[int] = Counter()

    def fill(self, connection: Connection, first: int, count: int) -> None:
        """Index `count` stories from number `first` on."""
        numbers = range(first, first + count)
        connection.execute(_FOUNDED, {"first": first, "last": numbers[-1], "now": NOW, "method": METHOD})
        rows = [(anchor, owner) for anchors, owner in map(self._signatures.next_story, numbers) for anchor in anchors]
        rows.sort()
        kept = [row for row in rows if self._has_room(row[0])]
        cursor = connection.connection.cursor()
        if connection.dialect.name == "postgresql":
            with cursor.copy("COPY filled (anchor, cluster_id) FROM STDIN") as copy:  # type: ignore[attr-defined]
                for row in kept:
                    copy.write_row(row)
            cursor.execute("INSERT INTO story_bands SELECT * FROM filled ON CONFLICT DO NOTHING")
            cursor.execute("TRUNCATE filled")
        else:
            cursor.executemany("INSERT OR IGNORE INTO story_bands (anchor, cluster_id) VALUES (?, ?)", kept)

    def _has_room(self, anchor: int) -> bool:
        if not self._signatures.is_phrase(anchor):
            return True
        self._held[anchor] += 1
        return self._held[anchor] <= copies.STOP_ANCHOR_AT


_FOUNDED = text("""
WITH RECURSIVE given (id) AS (
    SELECT CAST(:first AS bigint) UNION ALL SELECT id + 1 FROM given WHERE id < CAST(:last AS bigint)
)
INSERT INTO clusters (id, founded_at, method) SELECT id, :now, :method FROM given""").bindparams(
    bindparam("now", type_=clusters.c.founded_at.type)
)


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
    engine, signatures, number = holder.engine, Signatures(7), 1
    filler = Filler(signatures)
    if args.postgres is not None:
        with engine.begin() as connection:
            connection.execute(text("CREATE UNLOGGED TABLE filled (anchor bigint, cluster_id bigint)"))
    sizes = [size for size in (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000) if size <= args.stories]
    for size in sizes:
        began = time.process_time()
        while number + MEASURED <= size:
            count = min(BULK, size - MEASURED - number + 1)
            with engine.begin() as connection:
                filler.fill(connection, number, count)
            number += count
        filled_s = time.process_time() - began
        wall, cpu = measure(engine, signatures, number)
        number += MEASURED
        taken = index_bytes(engine) / number
        cost = f"{wall:.3f} ms  {cpu:.3f} ms CPU a story  (filled in {filled_s:.0f} s CPU)"
        print(f"{number - 1:>10,} stories  {taken:5.0f} bytes  {cost}", flush=True)
    if args.postgres is not None:
        drop(engine, args.postgres)


if __name__ == "__main__":
    main()
