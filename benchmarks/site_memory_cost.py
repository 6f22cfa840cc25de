"""What remembering a story's lines costs: CPU and statements of one story, on a site that has many already."""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, event, insert

from pipeline.reading.site_memory import may_be_furniture
from pipeline.store import schema
from pipeline.store.sitelines import learn_from
from pipeline.values import CleanStory
from workers.database import open_engine, upgrade

START = datetime(2026, 3, 1, tzinfo=UTC)
FURNITURE = (
    "Written by people, on paper first.",
    "Report a slip of the pen",
    "The Island Trust owns this newsroom.",
)


def story_of(number: int) -> CleanStory:
    """A story of twelve paragraphs of its own, and three lines that every story of the site has."""
    body = [" ".join(f"w{number}x{line}x{word}" for word in range(40)) for line in range(12)]
    return CleanStory(url="", title=f"Story {number}", text="\n\n".join([*body, *FURNITURE]), authors=(f"A {number}",))


def add_stories(engine: Engine, count: int) -> None:
    """The rows that the memory's own rows refer to."""
    with engine.begin() as connection:
        feedless = {"host": "i.example", "site": "i.example", "state": "stored", "announced_at": START, "due_at": START}
        page = {"final_url": "u", "status": 200, "fetched_at": START, "body_bytes": 1, "body_sha256": "0" * 64}
        page |= {"warc_file": "w", "warc_offset": 0, "warc_length": 1}
        story = {"url": "u", "site": "i.example", "title": "t", "text": "x", "subheads": [], "authors": []}
        story |= {"captions": [], "credits": [], "access": "free", "announced_at": START, "stored_at": START}
        story |= {"revision": 1, "word_count": 1, "reader": "r", "candidate": "c", "content_hash": "0" * 64}
        ids = range(1, count + 1)
        connection.execute(insert(schema.urls), [feedless | {"id": n, "url": f"https://i.example/{n}"} for n in ids])
        connection.execute(insert(schema.pages), [page | {"id": n, "url_id": n} for n in ids])
        connection.execute(insert(schema.clusters), [{"id": n, "founded_at": START, "method": "m"} for n in ids])
        rows = [story | {"id": n, "url_id": n, "page_id": n, "cluster_id": n} for n in ids]
        connection.execute(insert(schema.stories), rows)


def measure(engine: Engine, count: int) -> None:
    """Print what one more story costs."""
    statements = [0]
    event.listen(engine, "before_cursor_execute", lambda *_: statements.__setitem__(0, statements[0] + 1))
    add_stories(engine, count)
    statements[0] = 0
    stories = [story_of(number) for number in range(1, count + 1)]
    cpu, wall = time.process_time(), time.perf_counter()
    for number, story in enumerate(stories, 1):
        with engine.begin() as connection:
            learn_from(connection, "i.example", number, number, story, START + timedelta(hours=number))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    started = time.process_time()
    for story in stories:
        may_be_furniture(story)
    pure = time.process_time() - started
    print(
        f"{engine.dialect.name}: {1000 * cpu / count:.2f} ms CPU ({1000 * pure / count:.2f} of it without SQL), "
        f"{1000 * wall / count:.2f} ms, {statements[0] / count:.1f} statements a story"
    )


def main() -> None:
    """Measure on a new SQLite file, or on the empty database of --database-url."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=1000)
    parser.add_argument("--database-url")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        engine = open_engine(options.database_url or f"sqlite:///{Path(directory) / 'memory.db'}")
        upgrade(engine)
        measure(engine, options.stories)
        engine.dispose()


if __name__ == "__main__":
    main()
