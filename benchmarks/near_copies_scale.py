"""What a look-up and an insert cost, and how many bytes a story takes, as the index of anchors grows.

    python benchmarks/near_copies_scale.py --stories 10000000 [--postgres URL]

Synthetic signatures: 25 anchors a story, of which three in ten are drawn from phrases that many stories have (a Zipf
law over 200,000) and the rest belong to this story alone; one story in four is a copy and founds no cluster. The
statements are those of pipeline.store.copies, and stories are committed 100 at a time. A line a step: stories in the
index, bytes of `story_bands` a story, milliseconds of wall clock and of this process' CPU a story for look-up and
insert, as the median over the batches of the step's last 5,000 stories.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import Connection, Engine, insert, text

from benchmarks.near_copies import NOW, clusterer, drop, postgres_clusterer
from pipeline.identity.near_copies import METHOD, rank_clusters
from pipeline.store import copies
from pipeline.store.schema import clusters
from pipeline.store.statements import listed, values_of

ANCHORS = 25
COMMON_SHARE = 0.3
PHRASES = 200_000
COPY_SHARE = 0.25
BATCH = 100
MEASURED = 5_000


class Signatures:
    """Invented anchors, the same in every run."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._phrases = [self._chance.getrandbits(63) for _ in range(PHRASES)]
        self._recent: list[tuple[tuple[int, ...], int]] = []

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


def fill(connection: Connection, signatures: Signatures, first: int, count: int) -> None:
    """Index stories as store_batch does, without look-ups and many in one statement."""
    connection.execute(
        insert(clusters), [{"id": n, "founded_at": NOW, "method": METHOD} for n in range(first, first + count)]
    )
    pairs = sorted(
        {(a, c) for n in range(first, first + count) for story in [signatures.next_story(n)] for a, c in _rows(*story)}
    )
    dialect = connection.dialect.name
    if dialect == "postgresql":
        source = (
            "SELECT * FROM unnest(CAST(:anchors AS bigint[]), CAST(:clusters AS bigint[])) AS g (anchor, cluster_id)"
        )
    else:
        anchors, owners = values_of(dialect, "anchors"), values_of(dialect, "clusters")
        source = (
            f"SELECT a.value AS anchor, c.value AS cluster_id FROM {anchors} AS a JOIN {owners} AS c ON c.key = a.key"
        )
    statement = (
        f"INSERT INTO story_bands (anchor, cluster_id) SELECT anchor, cluster_id FROM ({source}) AS given WHERE "
        "(SELECT count(*) FROM story_bands AS held WHERE held.anchor = given.anchor) < :stop ON CONFLICT DO NOTHING"
    )
    for start in range(0, len(pairs), 20_000):
        piece = pairs[start : start + 20_000]
        values = {
            "anchors": listed(connection, [a for a, _ in piece]),
            "clusters": listed(connection, [c for _, c in piece]),
        }
        connection.execute(text(statement), values | {"stop": copies.STOP_ANCHOR_AT})


def _rows(anchors: Sequence[int], cluster_id: int) -> list[tuple[int, int]]:
    return [(anchor, cluster_id) for anchor in anchors]


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
    sizes = [size for size in (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000) if size <= args.stories]
    for size in sizes:
        while number + MEASURED <= size:
            count = min(5_000, size - MEASURED - number + 1)
            with engine.begin() as connection:
                fill(connection, signatures, number, count)
            number += count
        wall, cpu = measure(engine, signatures, number)
        number += MEASURED
        taken = index_bytes(engine) / number
        print(f"{number - 1:>10,} stories  {taken:5.0f} bytes  {wall:.3f} ms  {cpu:.3f} ms CPU a story", flush=True)
    if args.postgres is not None:
        drop(engine, args.postgres)


if __name__ == "__main__":
    main()
