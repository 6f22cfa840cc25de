"""What origins and events cost: CPU a story in SQL, on SQLite, for stories about conflict policy on few actors.

python benchmarks/origins_cost.py --stories 100
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, select

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from store_builders import announce, claim_all, entry, record, store

from pipeline.identity.credits import CreditText, read_credits
from pipeline.store.events_told import look_for_event
from pipeline.store.origins import keep_origins
from pipeline.store.schema import stories
from workers.database import open_engine, upgrade

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SYLLABLES = ("ba", "ko", "ri", "ten", "mos", "lu", "var", "shi", "dor", "nel", "ka", "po", "fe", "gra", "sim", "tor")


def some_words(chance: random.Random, count: int) -> str:
    """Words that nobody has used, as many."""
    return " ".join("".join(chance.choices(SYLLABLES, k=3)) for _ in range(count))


def cpu_ms(engine: Engine, work: Callable[[Connection], object]) -> float:
    """The CPU that the work takes in a transaction of its own."""
    begun = time.process_time()
    with engine.begin() as connection:
        work(connection)
    return (time.process_time() - begun) * 1e3


def measure(engine: Engine, count: int) -> dict[str, float]:
    """CPU milliseconds a story of each step."""
    chance = random.Random(1)
    spent = dict.fromkeys(("credits", "store, origins included", "origins alone", "event"), 0.0)
    for number in range(1, count + 1):
        announce(engine, [entry(number, site=f"site{number % 40}.example")])
        (claim,) = claim_all(engine, now=NOW + timedelta(seconds=number))
        text = some_words(chance, 300)
        begun = time.process_time()
        read_credits(CreditText(("Ada Obi", "Reuters"), None, text, (("With AFP", "note"),)))
        spent["credits"] += (time.process_time() - begun) * 1e3
        what = record(text, title=some_words(chance, 9))
        begun = time.process_time()
        stored = store(engine, claim, what, NOW + timedelta(seconds=number))
        spent["store, origins included"] += (time.process_time() - begun) * 1e3
        assert stored is not None
        with engine.begin() as connection:
            query = select(stories.c.cluster_id).where(stories.c.id == stored.story_id)
            cluster_id = connection.execute(query).scalar_one()
        spent["origins alone"] += cpu_ms(engine, lambda connection, key=cluster_id: keep_origins(connection, key, NOW))
        spent["event"] += cpu_ms(engine, lambda connection, key=cluster_id: look_for_event(connection, key, NOW))
    return {name: total / count for name, total in spent.items()}


def main() -> None:
    """Print the CPU of each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stories", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        engine = open_engine(f"sqlite:///{directory}/cost.db")
        upgrade(engine)
        for name, ms in measure(engine, options.stories).items():
            print(f"{name}: {ms:.2f} ms")


if __name__ == "__main__":
    main()
