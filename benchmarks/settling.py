"""What it costs to settle a story, in process: CPU time and statements, against the bare loop over the same pages.

    PYTHONPATH=. python benchmarks/settling.py [--corpus PATH] [--copies N] [--limit N] [--database-url URL]

Every page is read, then all are claimed and settled in batches as `workers/settler.py` does it. What a PostgreSQL
server spends is not counted. The database named must be empty; without one a SQLite file in a temporary directory is
used.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from sqlalchemy import Engine, event, insert, select
from trafilatura import bare_extraction

from benchmarks.wire import Page, corpus_digest, load_pages
from pipeline.identity.urls import site_of
from pipeline.outcomes import UrlState
from pipeline.record import read_record
from pipeline.store import ledger
from pipeline.store.schema import urls
from pipeline.values import EntryHints, FetchedPage, PageRef, StoryRecord, Unread
from workers.database import open_engine, upgrade
from workers.settings import load_settings
from workers.settler import ReadPage, Settler
from workers.together import ENOUGH

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
# Before anything is measured every statement has been compiled once.
WARM_UP = 4 * ENOUGH


@dataclass(frozen=True, slots=True)
class Read:
    """A page with what was read of it."""

    response: FetchedPage
    reading: StoryRecord | Unread


def bare_ms(pages: list[Page]) -> float:
    """CPU milliseconds a page of `bare_extraction`, the loop that every ratio is against."""
    for page in pages[:5]:
        bare_extraction(page.html, url=page.url, with_metadata=True, include_comments=False)
    begun = time.process_time()
    for page in pages:
        bare_extraction(page.html, url=page.url, with_metadata=True, include_comments=False)
    return 1000 * (time.process_time() - begun) / len(pages)


def read_all(pages: list[Page]) -> tuple[dict[str, Read], float]:
    """URL -> what was read of its page, and CPU milliseconds a page; each URL once."""
    responses = {page.url: (_response(page), EntryHints(title=page.title)) for page in pages}
    for response, hints in list(responses.values())[:5]:
        read_record(response, hints)
    begun = time.process_time()
    found = {url: Read(response, read_record(response, hints)) for url, (response, hints) in responses.items()}
    return found, 1000 * (time.process_time() - begun) / len(found)


def _response(page: Page) -> FetchedPage:
    headers = (("content-type", "text/html"),)
    return FetchedPage(page.url, page.url, 200, headers, page.html, fetched_at=NOW, elapsed_s=0.1)


def settle_all(engine: Engine, settler: Settler, read: dict[str, Read]) -> tuple[float, float, Counter[str]]:
    """CPU milliseconds and statements a page for claiming and settling, and how the pages ended."""
    rows = [
        {
            "url": url,
            "host": urlsplit(url).hostname,
            "site": site_of(url),
            "state": UrlState.QUEUED,
            "announced_at": NOW,
            "due_at": NOW,
        }
        for url in read
    ]
    with engine.begin() as connection:
        connection.execute(insert(urls), rows)
        ids = list(connection.execute(select(urls.c.id).order_by(urls.c.id)).scalars())
    statements = Counter[str]()

    def count(*_: object) -> None:
        statements["all"] += 1

    for start in range(0, len(ids), ENOUGH):
        if start == WARM_UP:
            event.listen(engine, "before_cursor_execute", count)
            ended, begun = Counter[str](), time.process_time()
        _settle(engine, settler, read, ids[start : start + ENOUGH], ended if start >= WARM_UP else Counter())
    taken = time.process_time() - begun
    return 1000 * taken / ended.total(), statements["all"] / ended.total(), ended


def _settle(engine: Engine, settler: Settler, read: dict[str, Read], ids: list[int], ended: Counter[str]) -> None:
    now = datetime.now(UTC)
    with engine.begin() as connection:
        claims = ledger.claim_urls(connection, ids, f"token-{ids[0]}", now, 600.0)
    ready = [
        ReadPage(claim, item.response, ref_of(item.response), item.reading)
        for claim in claims
        for item in [read[claim.url]]
    ]
    for outcome in settler.settle_now(ready):
        ended[outcome.reason.value] += 1


def ref_of(page: FetchedPage) -> PageRef:
    """Where a benchmark says that the page lies in the archive."""
    return PageRef(
        url=page.url,
        final_url=page.url,
        status=page.status,
        content_type="text/html",
        etag=None,
        last_modified=None,
        fetched_at=page.fetched_at,
        body_bytes=len(page.body),
        body_sha256=hashlib.sha256(page.body).hexdigest(),
        warc_file="benchmark.warc.gz",
        warc_offset=0,
        warc_length=1,
    )


def measure(pages: list[Page], database_url: str | None) -> dict[str, object]:
    """All figures of one run."""
    bare = bare_ms(pages)
    read, reading = read_all(pages)
    with tempfile.TemporaryDirectory(prefix="frontwire-bench-") as directory:
        engine = open_engine(database_url or f"sqlite:///{directory}/settling.db")
        upgrade(engine)
        settings = load_settings(data_dir=directory, database_url=database_url)
        settling, statements, ended = settle_all(engine, Settler(engine, settings, lambda: False), read)
        engine.dispose()
    return {
        "corpus": corpus_digest(pages),
        "pages": len(read),
        "database": "postgresql" if database_url else "sqlite",
        "bare_cpu_ms": round(bare, 2),
        "read_cpu_ms": round(reading, 2),
        "read_ratio": round(reading / bare, 3),
        "settle_cpu_ms": round(settling, 2),
        "settle_ratio": round(settling / bare, 3),
        "statements_a_story": round(statements, 1),
        "ended": dict(ended),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--copies", type=int, default=2)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--database-url")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(json.dumps(measure(load_pages(given.corpus, given.copies, given.limit), given.database_url), indent=1))


if __name__ == "__main__":
    main()
