"""Two other ways to poll the feeds of intake_origin, in the Python that has them: run by benchmarks/intake.py.

    D/bin/python benchmarks/intake_rivals.py plain_loop|reader PORT FEEDS

Both know every feed when they are measured, as Frontwire's poller does. Says that it is ready by a line, then polls all
feeds at each line that it reads and prints CPU and wall as a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.intake_origin import feed_url

AT_ONCE = 32


def plain_loop(urls: list[str]) -> Callable[[], None]:
    """httpx, feedparser and two dictionaries: no guard, no politeness, nothing kept but validators and known ids."""
    import feedparser
    import httpx

    tags: dict[str, str] = {}
    known: dict[str, set[str]] = {}

    async def poll(client: httpx.AsyncClient, turn: asyncio.Semaphore, url: str) -> None:
        async with turn:
            answer = await client.get(url, headers={"If-None-Match": tags[url]} if url in tags else {})
        if answer.status_code == 200:
            tags[url] = answer.headers["etag"]
            known.setdefault(url, set()).update(entry.id for entry in feedparser.parse(answer.content).entries)

    async def all_once() -> None:
        turn = asyncio.Semaphore(AT_ONCE)
        async with httpx.AsyncClient(trust_env=False) as client:
            await asyncio.gather(*(poll(client, turn, url) for url in urls))

    return lambda: asyncio.run(all_once())


def reader(urls: list[str]) -> Callable[[], None]:
    """lemon24/reader with its SQLite file, and as many threads as it is polled with elsewhere here."""
    from reader import make_reader

    store = make_reader(str(Path(tempfile.mkdtemp(prefix="frontwire-rival-")) / "reader.db"))
    for url in urls:
        store.add_feed(url)
    return lambda: store.update_feeds(scheduled=False, workers=AT_ONCE)


def main() -> None:
    """Learn all feeds, then a round for each line."""
    name, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    urls = [feed_url(number, port) for number in range(count)]
    poll = {"plain_loop": plain_loop, "reader": reader}[name](urls)
    poll()
    print("ready", flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        poll()
        wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
        figures = {"cpu_ms_per_feed": round(1000 * cpu_s / count, 3), "feeds_per_s": round(count / wall_s, 1)}
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
