"""What a poll with news costs, step by step, and whether a feed's past makes it dearer.

    PYTHONPATH=. python benchmarks/news_polls.py [--feeds 100] [--rounds 3] [--past 0,10000] [--database-url URL]

Each feed lists 25 entries, two of them new at each poll. CPU of this process: what SQL knows of the entries (known),
reading the body (read), deciding (plan), writing (apply). `--past` is how many entries each feed listed before and
lists no more. A PostgreSQL server's own CPU is not counted. A database that is named must be empty.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from sqlalchemy import Engine, insert

from pipeline.feeds import plan_poll, read_feed
from pipeline.store import feeds as feed_store
from pipeline.store import listings
from pipeline.store.feeds import NewFeed
from pipeline.store.schema import feed_listings
from pipeline.values import FeedState, FetchedPage
from workers.database import open_engine, upgrade

START = datetime(2026, 1, 5, tzinfo=UTC)
LISTED, NEW = 25, 2
TEASER = "What the delegations said of the talks, in the forty words that most outlets give it. " * 3
TOKEN = "benchmark"
STEPS = ("known", "read", "plan", "apply")


def body(feed: int, turn: int) -> bytes:
    """The feed's body at that turn: items with what most feeds give them."""
    items = "".join(
        f"<item><title>Report {number} of desk {feed} on the talks</title><guid>{feed}-{number}</guid>"
        f"<link>https://d{feed}.example/story/{number}</link><dc:creator>Desk {feed}</dc:creator>"
        f"<category>World</category><category>Talks</category>"
        f"<pubDate>Mon, 05 Jan 2026 0{number % 10}:00:00 GMT</pubDate>"
        f"<description>&lt;p&gt;{TEASER}&lt;/p&gt;</description></item>"
        for number in range(NEW * turn + LISTED, NEW * turn, -1)
    )
    head = '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Desk</title>'
    return f"{head}{items}</channel></rss>".encode()


def fill(engine: Engine, count: int, past: int) -> None:
    """So many feeds that are due, each with a past."""
    with engine.begin() as connection:
        feed_store.add_feeds(connection, [NewFeed(f"https://d{n}.example/feed.xml") for n in range(count)], START)
        for row in feed_store.list_feeds(connection):
            old = {"entry_version": "v" * 40, "first_seen_at": START, "last_seen_at": START, "is_listed": False}
            rows = [{"feed_id": row.id, "entry_key": f"{number:040d}", **old} for number in range(past)]
            if rows:
                connection.execute(insert(feed_listings), rows)


def poll(engine: Engine, state: FeedState, turn: int, now: datetime) -> list[float]:
    """One poll; CPU seconds of its steps."""
    number = int(state.url.split("//d")[1].split(".")[0])
    page = FetchedPage(state.url, state.url, 200, (("etag", f'"{turn}"'),), body(number, turn), now, 0.1)
    marks = [time.process_time()]
    with engine.connect() as connection:
        listing = listings.listings_of(connection, [state.id])[state.id]
    looked_s = time.process_time() - marks[0]
    marks.append(time.process_time())
    reading = read_feed(page.body, None, state.url, now, listing, state.source)
    marks.append(time.process_time())
    with engine.connect() as connection:
        unlisted = [entry.key for entry in reading.entries if entry.key not in listing.versions]
        known = {**listing.versions, **listings.known_among(connection, state.id, unlisted)}
    marks.append(time.process_time())
    plan = plan_poll(state, page, reading, known, now, 0.5)
    marks.append(time.process_time())
    with engine.begin() as connection:
        written = feed_store.apply_poll(connection, TOKEN, plan, now, len(page.body), 0.1)
    marks.append(time.process_time())
    assert written is not None
    assert written.new_urls == (NEW if turn else LISTED)
    _, read, looked, plan_s, apply = (later - earlier for earlier, later in pairwise(marks))
    return [looked_s + looked, read, plan_s, apply]


def measured(url: str, count: int, rounds: int, past: int) -> dict[str, float]:
    """Median CPU milliseconds of each step, after a first round that is not counted."""
    engine = open_engine(url)
    upgrade(engine)
    fill(engine, count, past)
    taken = []
    for turn in range(rounds + 1):
        now = START + timedelta(hours=8 * turn)
        with engine.begin() as connection:
            states = feed_store.claim_due_feeds(connection, TOKEN, now + timedelta(hours=8), count, 60.0)
        for state in states:
            steps = poll(engine, state, turn, now)
            if turn:
                taken.append(steps)
    engine.dispose()
    return {name: round(1000 * statistics.median(one[at] for one in taken), 2) for at, name in enumerate(STEPS)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--past", default="0,10000", help="entries that each feed listed before, comma separated")
    parser.add_argument("--database-url", help="an empty database, for one figure of --past")
    given = parser.parse_args()
    for past in map(int, given.past.split(",")):
        with tempfile.TemporaryDirectory(prefix="frontwire-news-") as directory:
            url = given.database_url or f"sqlite:///{Path(directory) / 'news.db'}"
            print(f"past of {past:,} entries, CPU ms a poll: {measured(url, given.feeds, given.rounds, past)}")


if __name__ == "__main__":
    main()
