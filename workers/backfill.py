"""Backfill: old pages from web archives, lists of URLs and sitemaps, as the lowest-priority work of the same road.

What a source brings and how far it was read stand in one transaction, so a run that was killed goes on where it was,
and a second run adds nothing.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog
from sqlalchemy import Engine

from pipeline.feeds.sitemaplist import SitemapList, read_sitemap
from pipeline.identity.urls import asked_url, canonical_url
from pipeline.outcomes import Backfilled, BackfillKind
from pipeline.store import backfills, ledger
from pipeline.store.backfills import Backfill
from pipeline.values import FetchedPage, FetchFailure
from workers.archive import Archive
from workers.database import reading
from workers.http import HttpClient
from workers.process import utc_now
from workers.webarchive import ArchivedRecord, WebArchiveError, read_records

log = structlog.get_logger("backfill")

# Records or lines of one transaction.
BATCH = 100
BATCH_BYTES = 16 << 20
_LINE_MAX_BYTES = 8192

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class SourceRead:
    """How a source ended: what this run made of its records, and why it stopped early; None when it did not."""

    kind: BackfillKind
    source: str
    counts: Counter[str]
    problem: str | None = None


class Backfiller:
    """Reads sources into the ledger. `on_progress` is told how much of how much was read; `again` begins anew."""

    def __init__(self, engine: Engine, archive: Archive, on_progress: Progress, *, again: bool = False) -> None:
        self._engine = engine
        self._archive = archive
        self._on_progress = on_progress
        self._again = again

    # ------------------------------------------------------------------------------------------------ web archives

    def read_archive(self, path: Path) -> SourceRead:
        """Every HTML page with status 200 of a WARC file goes into our archive and the ledger."""
        source, size = os.path.abspath(path), path.stat().st_size
        known = self._open(BackfillKind.WARC, source)
        start = int(known.position or 0)
        start = start if start <= size else 0
        counts: Counter[str] = Counter()
        batch: list[ArchivedRecord] = []
        problem = None
        try:
            for record in read_records(path, start, utc_now()):
                batch.append(record)
                start = record.next_offset
                if len(batch) >= BATCH or _body_bytes(batch) >= BATCH_BYTES:
                    counts += self._take_records(known, batch, counts)
                    self._on_progress(start, size)
                    batch = []
        except WebArchiveError as error:
            problem = str(error)
        counts += self._take_records(known, batch, counts, position=start, is_finished=problem is None)
        self._on_progress(start, size)
        return SourceRead(BackfillKind.WARC, source, counts, problem)

    def _take_records(
        self,
        known: Backfill,
        batch: Sequence[ArchivedRecord],
        before: Counter[str],
        *,
        position: int | None = None,
        is_finished: bool = False,
    ) -> Counter[str]:
        counts = Counter({record.outcome.value: 0 for record in batch})
        pages: dict[str, FetchedPage] = {}
        for record in batch:
            if record.page is None:
                counts[record.outcome.value] += 1
                if record.detail is not None:
                    log.debug("record", outcome=record.outcome.value, offset=record.offset, detail=record.detail)
            elif canonical_url(record.page.url) in {canonical_url(url) for url in pages}:
                counts[Backfilled.KNOWN.value] += 1
            else:
                pages[record.page.url] = record.page
        fresh = self._unknown(list(pages))
        now = utc_now()
        refs = {url: self._archive.add(pages[url], filed_at=now) for url in fresh}
        with self._engine.begin() as connection:
            added = backfills.add_urls(connection, list(refs), now, refs)
            counts[Backfilled.NEW.value] = len(added)
            counts[Backfilled.KNOWN.value] += len(pages) - len(added)
            at = position if position is not None else batch[-1].next_offset
            total = Counter(known.counts) + before + counts
            backfills.save_progress(connection, known.id, str(at), total, now, is_finished=is_finished)
        return +counts

    def _unknown(self, links: Sequence[str]) -> list[str]:
        """Those that the ledger lacks: only their responses are copied."""
        wanted = {link: canonical_url(link) or link for link in links}
        with reading(self._engine) as connection:
            known = ledger.known_urls(connection, list(wanted.values()))
        return [link for link, url in wanted.items() if url not in known]

    # ------------------------------------------------------------------------------------------------------ lists

    def read_list(self, path: Path) -> SourceRead:
        """Every line of the file that is a URL; empty lines and those that begin with # are none."""
        source, size = os.path.abspath(path), path.stat().st_size
        known = self._open(BackfillKind.LIST, source)
        start = int(known.position or 0)
        with path.open("rb") as file:
            file.seek(start if start <= size else 0)
            return self._read_lines(file, known, source, size)

    def read_stream(self, file: BinaryIO) -> SourceRead:
        """The same of a stream, which has no place to go on from; a second run finds its URLs known."""
        return self._read_lines(file, None, "-", 0)

    def _read_lines(self, file: BinaryIO, known: Backfill | None, source: str, size: int) -> SourceRead:
        counts: Counter[str] = Counter()
        at = file.tell() if known is not None else 0
        while True:
            lines: list[bytes] = []
            while len(lines) < BATCH and (line := file.readline(_LINE_MAX_BYTES)):
                at += len(line)
                lines.append(line)
            counts += self._take_links(known, counts, (_link(line) for line in lines), str(at), is_finished=not lines)
            self._on_progress(at, size)
            if not lines:
                return SourceRead(BackfillKind.LIST, source, counts)

    def _take_links(
        self,
        known: Backfill | None,
        before: Counter[str],
        links: Iterable[str | None],
        position: str | None,
        *,
        is_finished: bool = False,
    ) -> Counter[str]:
        """Add the links in one transaction with the position. None is no address, "" is nothing at all."""
        given = [link for link in links if link != ""]
        wanted = [link for link in given if link is not None]
        now = utc_now()
        with self._engine.begin() as connection:
            added = backfills.add_urls(connection, wanted, now)
            counts = Counter({
                Backfilled.NEW.value: len(added),
                Backfilled.KNOWN.value: len(wanted) - len(added),
                Backfilled.URL_REFUSED.value: len(given) - len(wanted),
            })  # fmt: skip
            if known is not None:
                total = Counter(known.counts) + before + counts
                backfills.save_progress(connection, known.id, position, total, now, is_finished=is_finished)
        return +counts

    # --------------------------------------------------------------------------------------------------- sitemaps

    async def read_sitemaps(self, http: HttpClient, url: str) -> SourceRead:
        """Every page of the sitemap at `url`, or of all the sitemaps that it lists, in the order of their addresses."""
        known = self._open(BackfillKind.SITEMAP, url)
        counts: Counter[str] = Counter()
        first = await self._sitemap(http, url)
        if isinstance(first, str):
            return SourceRead(BackfillKind.SITEMAP, url, Counter({Backfilled.NOT_A_SITEMAP.value: 1}), first)
        if first.pages:
            counts += self._take_links(known, counts, _links_of(first), known.position)
        elif first.refused:
            counts[Backfilled.OTHER_SITE.value] += first.refused
        # By address and not by date: what an index lists moves about between two runs.
        waiting = sorted(one.url for one in first.sitemaps if known.position is None or one.url > known.position)
        for done, address in enumerate(waiting, 1):
            read = await self._sitemap(http, address)
            if isinstance(read, str) or not read.pages:
                counts[Backfilled.NOT_A_SITEMAP.value] += 1
                log.warning("sitemap_not_read", sitemap=address, detail=read if isinstance(read, str) else "no pages")
            else:
                counts += self._take_links(known, counts, _links_of(read), address)
            self._on_progress(done, len(waiting))
        # The next run begins anew: a sitemap that was read to its end lists new pages tomorrow.
        self._take_links(known, counts, (), None, is_finished=True)
        return SourceRead(BackfillKind.SITEMAP, url, counts)

    async def _sitemap(self, http: HttpClient, url: str) -> SitemapList | str:
        result = await http.fetch(url, kind="feed")
        if not isinstance(result, FetchedPage):
            return result.detail if isinstance(result, FetchFailure) else "It answered 304 to a plain request."
        listed = read_sitemap(result.body, result.header("content-type"), result.final_url, utc_now())
        return listed if listed.problem is None else listed.problem

    def _open(self, kind: BackfillKind, source: str) -> Backfill:
        with self._engine.begin() as connection:
            return backfills.open_backfill(connection, kind, source, utc_now(), again=self._again)


def _links_of(listed: SitemapList) -> tuple[str | None, ...]:
    return *listed.pages, *(None for _ in range(listed.refused))


def _body_bytes(batch: Sequence[ArchivedRecord]) -> int:
    return sum(len(record.page.body) for record in batch if record.page is not None)


def _link(line: bytes) -> str | None:
    """The address on a line; "" where the line holds none, None where it holds something else."""
    text = line.decode("utf-8", "replace").strip().lstrip("\ufeff")
    return "" if not text or text.startswith("#") else asked_url(text)
