"""Near-copies through the real processes: pages over HTTP, three workers, PostgreSQL; against one document at a time.

    PYTHONPATH=. python benchmarks/near_copies_workers.py --corpus DIR --postgres URL [--documents 1500] [--workers 3]

The first documents of DIR/dev.jsonl.gz, in bursts (the copies of a report arrive within a few dozen documents), become
small pages of many outlets, listed in their feeds in that order. `frontwire run --until-idle` polls, fetches, reads and
stores them, second looks included; clusters are read from SQL. Beside it stand the same documents one at a time: as
they were stored, and as they lie in the corpus, which cleaning has not touched. Documents that ended without a story
are counted and left out of all figures.
"""

from __future__ import annotations

import argparse
import gzip
import html
import json
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg
from sqlalchemy import Engine, func, select
from sqlalchemy.engine import make_url

from benchmarks.end_to_end import road
from benchmarks.near_copies import clusterer, drop, in_bursts, read_corpus
from benchmarks.near_copy_scores import score_generated
from benchmarks.wire import load_pages, wire
from pipeline.identity.near_copies import METHOD
from pipeline.store.copies import count_waiting_looks
from pipeline.store.schema import stories, story_links, urls
from workers.database import open_engine, reading, upgrade
from workers.second_look import sweep_looks

# So many outlets: few enough that the gates of their hosts are waited for, many enough that a report's copies differ.
OUTLETS = 60
PAGES_OF_A_FEED = 50


def write_wire(documents: Sequence[Mapping[str, Any]], directory: Path) -> None:
    """The documents as a corpus of benchmarks.wire: a page each, the outlets in turn, feeds of neighbours."""
    now = datetime.now(UTC).isoformat()
    with (directory / "gold.jsonl").open("w", encoding="utf-8") as lines:
        for number, document in enumerate(documents):
            path = f"{number}.html.gz"
            (directory / path).write_bytes(gzip.compress(_page(document).encode(), 1))
            feed = f"{number % OUTLETS}-{number // (OUTLETS * PAGES_OF_A_FEED)}"
            line = {"url": _url(number, "https"), "path": path, "published": now}
            line |= {"title": document["title"] or "", "site": f"outlet-{feed}"}
            lines.write(json.dumps(line) + "\n")


def _url(number: int, scheme: str = "http") -> str:
    return f"{scheme}://outlet-{number % OUTLETS}.example/world/2026/report-number-{number}"


def _page(document: Mapping[str, Any]) -> str:
    title = html.escape(document["title"] or "")
    body = "".join(f"<p>{html.escape(part)}</p>" for part in document["text"].split("\n") if part.strip())
    return (
        f'<!doctype html><html lang="{document["lang"]}"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta property="og:title" content="{title}"><meta property="og:type" content="article"></head>'
        f"<body><article><h1>{title}</h1>{body}</article></body></html>"
    )


def stored(engine: Engine) -> dict[str, tuple[int, str, str | None]]:
    """URL -> cluster, text and title of its story, or of the story whose words it has."""
    twins = select(story_links.c.url_id, func.min(story_links.c.matched_story_id).label("story"))
    twins = twins.where(story_links.c.story_id.is_(None)).group_by(story_links.c.url_id)
    columns = stories.c.cluster_id, stories.c.text, stories.c.title
    with reading(engine) as connection:
        own = connection.execute(select(urls.c.url, *columns).join(stories, stories.c.url_id == urls.c.id))
        found = {row[0]: tuple(row[1:]) for row in own}
        linked = twins.subquery()
        other = select(urls.c.url, *columns).join(linked, linked.c.url_id == urls.c.id)
        for row in connection.execute(other.join(stories, stories.c.id == linked.c.story)):
            found.setdefault(row[0], tuple(row[1:]))
    return found


def one_at_a_time(documents: Sequence[Mapping[str, Any]]) -> list[int]:
    """The labels of the documents when each sees all that came before."""
    holder = clusterer()
    for document in documents:
        holder.add(document)
        holder.flush()
    found = holder.clusters()
    return [found[document["id"]] for document in documents]


def main() -> None:
    """Run the processes, then print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--postgres", metavar="URL", required=True, help="a server on which databases may be made")
    parser.add_argument("--documents", type=int, default=1_500)
    parser.add_argument("--workers", type=int, default=3)
    args = parser.parse_args()
    documents = in_bursts(read_corpus(args.corpus / "dev.jsonl.gz")[0])[: args.documents]
    name = f"near_copies_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(args.postgres, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode())
    database = make_url(args.postgres).set(database=name).render_as_string(hide_password=False)
    engine = open_engine(database)
    try:
        upgrade(engine)
        with tempfile.TemporaryDirectory(prefix="near-copies-") as directory:
            write_wire(documents, Path(directory))
            with wire(Path(directory), 1) as proxy:
                cost = road(load_pages(Path(directory)), proxy, args.workers, database)
        with reading(engine) as connection:
            waiting = count_waiting_looks(connection)
        left = by_url = stored(engine)
        if waiting:
            # What a running dispatcher does some ten seconds later; the processes have ended before.
            while sweep_looks(engine, datetime.now(UTC) + timedelta(minutes=1)):
                pass
            by_url = stored(engine)
    finally:
        drop(engine, args.postgres)
    kept = [(one, by_url[_url(n)]) for n, one in enumerate(documents) if _url(n) in by_url]
    texts, urls_kept = [one for one, _ in kept], [_url(n) for n in range(len(documents)) if _url(n) in by_url]
    print(f"{METHOD}, PostgreSQL, {args.workers} workers: {len(kept)} of {len(documents)} documents became stories")
    print(f"{cost.wall_s:.0f} s, {1000 * cost.cpu_s / len(documents):.0f} ms CPU a page with all processes")
    if waiting:
        print(f"{waiting} second looks were left to the sweeper")
        _print("through the processes, before its sweep", texts, [left[url][0] for url in urls_kept])
    _print("through the processes", texts, [by_url[url][0] for url in urls_kept])
    as_stored = [one | {"text": text, "title": title} for one, (_, text, title) in kept]
    _print("one at a time, as stored", texts, one_at_a_time(as_stored))
    _print("one at a time, as in the corpus", texts, one_at_a_time(texts))


def _print(what: str, documents: Sequence[Mapping[str, Any]], labels: Sequence[int]) -> None:
    print("\n".join([f"{what}:", *score_generated(documents, labels)]), flush=True)


if __name__ == "__main__":
    main()
