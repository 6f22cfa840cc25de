"""The figures of near-copies over the real SQL store: clusters, cost, and what several workers at once do to them.

    python benchmarks/near_copies.py --corpus DIR [--in-flight 1,16,64] [--postgres URL] [--burst] [--anew]

prints every figure of docs/near-copies.md for the documents in DIR (`dev.jsonl.gz`, `real_*.json.gz`). Other scorers
use `clusterer()` (SQLite in a temporary file) or `postgres_clusterer(URL)`: an object with `add(document)`, `flush()`,
`clusters()`. A document is a dictionary with `id`, `title`, `text`.

Everything that finds, joins, links, indexes, looks again and merges is the product's own: pipeline.identity and
pipeline.store, on a migrated database. Between two flushes documents don't see each other, as when several workers run
at once: they are looked up in what was flushed before. One document at a time is one worker, whose pages are settled
BATCH at once as the settler does it: looked up in two questions, each seeing those before it, indexed for search in one
go. Second looks follow each commit. Only the rows around a story (its URL, its page) are made by this file, in bulk
ahead of their stories.
CPU is that of this process, SQLite and the client's side of PostgreSQL included; it is told in milliseconds and as
so many times that of a plain loop which hashes the same texts in the same run.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg
from sqlalchemy import Connection, Engine, bindparam, select, text
from sqlalchemy.engine import make_url

from benchmarks.near_copy_scores import score_generated, score_real
from pipeline.identity.fingerprints import fingerprint
from pipeline.identity.near_copies import METHOD, Match
from pipeline.outcomes import Relation
from pipeline.store import copies
from pipeline.store.lookups import BatchLook, Wanted, is_in_two
from pipeline.store.schema import revisions, stories, urls
from pipeline.store.search_index import indexed_together
from pipeline.store.statements import insert_rows
from pipeline.store.stories import own_text, owner_of_text
from pipeline.values import Fingerprint
from workers.database import open_engine, reading, upgrade
from workers.recluster import recluster
from workers.second_look import look_again

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEDGER_ROWS_AHEAD = 2_000
# Pages in a job, and so in a settling transaction, as shipped.
BATCH = 8


@dataclass(slots=True)
class Added:
    """A document that waits for the next flush."""

    document_id: Any
    story_id: int
    title: str
    text: str
    fingerprint: Fingerprint

    @property
    def wanted(self) -> Wanted:
        """What it is looked up by. All documents are of sites of their own."""
        return Wanted(self.fingerprint.anchors, self.text, None, self.title)


@dataclass(slots=True)
class Clusterer:
    """Documents in, clusters out, by way of SQL."""

    engine: Engine
    _directory: Any = None  # kept until this object goes
    _story_of: dict[Any, int] = field(default_factory=dict)
    _added: list[Added] = field(default_factory=list)
    _batch: list[Added] = field(default_factory=list)
    _count: int = 0
    _ledger_rows: int = 0

    def add(self, document: Mapping[str, Any]) -> None:
        """Keep a document until the next flush."""
        self._count += 1
        title, text = document["title"] or "", document["text"] or ""
        self._story_of[document["id"]] = self._count
        self._added.append(Added(document["id"], self._count, title, text, fingerprint(title, text)))

    def flush(self) -> None:
        """Let the documents that were added be seen by later ones.

        A single one waits for its batch to be full, or for a `flush` without one.
        """
        added, self._added = self._added, []
        if len(added) == 1:
            self._batch += added
            if len(self._batch) < BATCH:
                return
        self._settle_batch()
        if len(added) > 1:
            self._settle([[one] for one in added])

    def _settle_batch(self) -> None:
        batch, self._batch = self._batch, []
        if batch:
            self._settle([batch])

    def _settle(self, batches: Sequence[Sequence[Added]]) -> None:
        """Store batches that don't see each other in one transaction, then take the second looks asked for."""
        if self._count + BATCH > self._ledger_rows:
            self._add_ledger_rows()
        noted: list[int] = []
        with self.engine.begin() as connection:
            looks = [BatchLook(connection, [one.wanted for one in batch]) for batch in batches]
            with indexed_together(connection):
                for batch, look in zip(batches, looks, strict=True):
                    for one in batch:
                        if self._store(connection, one, look, is_alone=len(batches) == 1):
                            noted.append(one.story_id)
        look_again(self.engine, noted)

    def clusters(self) -> dict[Any, int]:
        """The final cluster of each document id."""
        self._settle_batch()
        with reading(self.engine) as connection:
            rows = connection.execute(select(stories.c.id, stories.c.cluster_id))
            cluster_of = {row.id: row.cluster_id for row in rows}
        return {document_id: cluster_of[story_id] for document_id, story_id in self._story_of.items()}

    def _store(self, connection: Connection, one: Added, look: BatchLook, *, is_alone: bool) -> bool:
        """Store a document; whether it has to be looked up again."""
        twin_id = owner_of_text(connection, one.fingerprint)
        if twin_id is not None:
            twin = Match(0, twin_id, Relation.COPY, 1.0)
            copies.link_stories(connection, one.story_id, None, one.title, [twin], NOW)
            self._story_of[one.document_id] = twin_id
            return False
        copy, linked = look.find(one.wanted)
        if copy is None:
            cluster_id = copies.found_cluster(connection, NOW)
            look.note_founded(cluster_id)
        else:
            cluster_id = copies.hold_cluster(connection, copy.cluster_id)
        insert_rows(connection, stories, [_story_row(one, cluster_id)])
        insert_rows(connection, revisions, [_revision_row(one)])
        own_text(connection, one.story_id, one.fingerprint, NOW)
        copies.index_new(connection, cluster_id, look.open_anchors(one.wanted))
        look.note_stored(cluster_id, one.story_id, one.wanted)
        matches = [*([copy] if copy else []), *linked]
        copies.link_stories(connection, one.story_id, one.story_id, one.title, matches, NOW)
        is_noted = is_in_two(linked) if copy else not is_alone
        if is_noted:
            copies.note_second_look(connection, one.story_id, NOW)
        return is_noted

    def _add_ledger_rows(self) -> None:
        last = self._count + LEDGER_ROWS_AHEAD
        with self.engine.begin() as connection:
            for statement in (_URLS, _PAGES):
                connection.execute(statement, {"first": self._ledger_rows + 1, "last": last, "now": NOW})
        self._ledger_rows = last


_GIVEN = """
WITH RECURSIVE given (id) AS (
    SELECT CAST(:first AS bigint) UNION ALL SELECT id + 1 FROM given WHERE id < CAST(:last AS bigint)
)"""
_NOW = bindparam("now", type_=urls.c.announced_at.type)
_URLS = text(f"""{_GIVEN}
INSERT INTO urls (id, url, host, site, announced_at, due_at, state)
SELECT id, 'https://a.example/' || id, 'a.example', 'a.example', :now, :now, 'stored' FROM given""").bindparams(_NOW)
_PAGES = text(f"""{_GIVEN}
INSERT INTO pages (id, url_id, final_url, status, fetched_at, body_bytes, body_sha256, warc_file, warc_offset,
    warc_length)
SELECT id, id, 'https://a.example/', 200, :now, 1, '{"0" * 64}', 'a', 0, 1 FROM given""").bindparams(_NOW)


def _story_row(one: Added, cluster_id: int) -> dict[str, Any]:
    return {
        "id": one.story_id,
        "url_id": one.story_id,
        "page_id": one.story_id,
        "cluster_id": cluster_id,
        "url": f"https://a.example/{one.story_id}",
        "site": f"s{one.story_id}.example",
        "title": one.title,
        "text": one.text,
        "subheads": [],
        "authors": [],
        "captions": [],
        "credits": [],
        "access": "free",
        "announced_at": NOW,
        "stored_at": NOW,
        "revision": 1,
        "content_hash": one.fingerprint.content_hash,
        "word_count": one.fingerprint.word_count,
        "reader": "r",
        "candidate": "c",
    }


def _revision_row(one: Added) -> dict[str, Any]:
    return {
        "story_id": one.story_id,
        "number": 1,
        "page_id": one.story_id,
        "title": one.title,
        "text": one.text,
        "content_hash": one.fingerprint.content_hash,
        "stored_at": NOW,
    }


def clusterer() -> Clusterer:
    """The store on a new SQLite file, which goes when the object does."""
    directory = tempfile.TemporaryDirectory(prefix="near-copies-")
    engine = open_engine(f"sqlite:///{directory.name}/bench.db")
    upgrade(engine)
    return Clusterer(engine, directory)


def postgres_clusterer(server_url: str) -> Clusterer:
    """The store on a new PostgreSQL database, which stays until `drop`."""
    name = f"near_copies_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode())
    engine = open_engine(make_url(server_url).set(database=name).render_as_string(hide_password=False))
    upgrade(engine)
    return Clusterer(engine)


def drop(engine: Engine, server_url: str) -> None:
    """Drop the database that postgres_clusterer made."""
    name = engine.url.database
    engine.dispose()
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def in_bursts(documents: Sequence[Mapping[str, Any]], seed: int = 3) -> list[Mapping[str, Any]]:
    """The documents reordered so that a family arrives within a few dozen documents, as on a wire."""
    chance = random.Random(seed)
    hour: defaultdict[str, float] = defaultdict(chance.random)
    return sorted(documents, key=lambda document: hour[document["family"]] + chance.random() * 0.004)


def read_corpus(path: Path) -> tuple[list[Mapping[str, Any]], set[tuple[int, int]], set[tuple[int, int]]]:
    """Documents, and for real articles the index pairs that are copies and those that nobody can tell."""
    if path.name.endswith(".jsonl.gz"):
        with gzip.open(path, "rt") as lines:
            return [json.loads(line) for line in lines], set(), set()
    with gzip.open(path, "rt") as file:
        record = json.load(file)
    known, unclear = ({(min(pair), max(pair)) for pair in record[key]} for key in ("pos", "ign"))
    return record["docs"], known, unclear


def bare_hashing_s(documents: Sequence[Mapping[str, Any]]) -> float:
    """CPU seconds of a plain loop over the texts that has nothing of ours: what a machine's pace is measured by."""
    began = time.process_time()
    for document in documents:
        words = document["text"].lower().split()
        runs = zip(words, words[1:], words[2:], strict=False)
        {blake2b(" ".join(run).encode(), digest_size=8).digest() for run in runs}
    return time.process_time() - began


def run(path: Path, in_flight: int, postgres: str | None, *, burst: bool, anew: bool) -> list[str]:
    """Lines of figures for one corpus."""
    documents, known, unclear = read_corpus(path)
    if burst and not known:
        documents = in_bursts(documents)
    engine = clusterer() if postgres is None else postgres_clusterer(postgres)
    bare_s, began = bare_hashing_s(documents), time.process_time()
    for number, document in enumerate(documents, 1):
        engine.add(document)
        if number % in_flight == 0:
            engine.flush()
    engine.flush()
    taken_s = time.process_time() - began
    # Half of the yardstick on each side: machines that others use change their pace within a run.
    times = taken_s / ((bare_s + bare_hashing_s(documents)) / 2)
    cost_ms = 1000 * taken_s / len(documents)
    if anew:
        list(recluster(engine.engine, anew=True))
    found = engine.clusters()
    labels = [found[document["id"]] for document in documents]
    if postgres is not None:
        drop(engine.engine, postgres)
    head = [
        f"{path.name.split('.')[0]}, {in_flight} in flight: {cost_ms:.2f} ms CPU a document, {times:.1f} bare hashings"
    ]
    return head + ([f"  {score_real(labels, known, unclear)}"] if known else score_generated(documents, labels))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--in-flight", default="1", help="numbers, joined by commas")
    parser.add_argument("--postgres", metavar="URL", help="a server on which databases may be made")
    parser.add_argument("--burst", action="store_true", help="the copies of a report arrive close together")
    parser.add_argument("--anew", action="store_true", help="re-cluster everything at the end")
    args = parser.parse_args()
    print(f"{METHOD}, {'SQLite' if args.postgres is None else 'PostgreSQL'}{', in bursts' if args.burst else ''}")
    for path in [*sorted(args.corpus.glob("*.jsonl.gz")), *sorted(args.corpus.glob("real_*.json.gz"))]:
        for in_flight in map(int, args.in_flight.split(",")):
            lines = run(path, in_flight, args.postgres, burst=args.burst, anew=args.anew)
            print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
