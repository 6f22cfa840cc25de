"""Reading other people's WARC files (ISO 28500; CC-NEWS as it is published): each record, or why it is passed over.

A record is read by itself from its offset, so that reading can go on at any of them, and one that is damaged costs no
other: the next one is looked for behind it.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from pipeline.feeds.dates import in_bounds, parse_instant
from pipeline.identity.urls import asked_url
from pipeline.outcomes import Backfilled
from pipeline.text import one_line, scrub
from pipeline.values import FetchedPage

PAGE_MAX_BYTES = 8 << 20
_GZIP = b"\x1f\x8b\x08"
_SEARCH_BYTES = 1 << 20
_PIECE_BYTES = 4096  # deflate makes a thousand times as much of them at the most
_HTML = ("text/html", "application/xhtml+xml")
# What warcio can undo here; brotli needs a package that we do not ship.
_CODINGS = ("", "identity", "gzip", "x-gzip", "deflate")
# warcio names few errors of its own; damaged bytes raise what the layer that met them raises.
_DAMAGE = (ArchiveLoadFailed, zlib.error, EOFError, ValueError, LookupError, AttributeError, TypeError)


class WebArchiveError(Exception):
    """The file is no WARC file that can be read record by record."""


@dataclass(frozen=True, slots=True)
class ArchivedRecord:
    """A record at `offset`, the next one being at `next_offset`. `page` is set only where `outcome` is NEW.

    For the rest `detail` is one sentence.
    """

    offset: int
    next_offset: int
    outcome: Backfilled
    page: FetchedPage | None = None
    detail: str | None = None


def is_web_archive(path: Path) -> bool:
    """Whether the file begins like a WARC file, packed or not."""
    with path.open("rb") as file:
        return _begins_record(file, 0)


def read_records(path: Path, offset: int, now: datetime) -> Iterator[ArchivedRecord]:
    """The records from `offset` to the end of the file. Raises WebArchiveError for a file that is packed as a whole."""
    size = path.stat().st_size
    with path.open("rb") as file:
        while offset < size:
            try:
                record = _read_record(file, offset, now)
            except _DAMAGE as error:
                behind = _next_record(file, offset + 1, size)
                detail = one_line(f"The record at {offset} is damaged ({type(error).__name__}).", 300)
                record = ArchivedRecord(offset, behind, Backfilled.BAD_RECORD, detail=detail)
            if record is None:
                return
            yield record
            offset = record.next_offset


def _read_record(file: BinaryIO, offset: int, now: datetime) -> ArchivedRecord | None:
    file.seek(offset)
    records = ArchiveIterator(file, check_digests=True)
    record = next(iter(records), None)
    if record is None:
        file.seek(offset)
        if file.read(_SEARCH_BYTES).strip(b"\r\n \0"):
            raise EOFError("the file ends before the record does")
        return None
    outcome, page, detail = _judged(record, now)
    records.read_to_end()
    if record.raw_stream.limit > 0:
        raise EOFError("the file ends before the record does")
    if records.reader is not None and records.reader.decompressor and records.next_line:
        raise WebArchiveError(
            "the file is packed as a whole and not record by record; `warcio recompress IN OUT` mends that"
        )
    if outcome is Backfilled.NOT_RESPONSE:
        # Perhaps a response whose headers damage made into others, its length among them. A response has a digest.
        if records.err_count:
            raise EOFError("the record does not end where it says")
        _require_whole(file, offset)
    if outcome is Backfilled.NEW and (problem := _digest_problem(record)) is not None:
        outcome, page, detail = Backfilled.BAD_DIGEST, None, problem
    return ArchivedRecord(offset, max(records.offset, offset + 1), outcome, page, detail)


def _require_whole(file: BinaryIO, offset: int) -> None:
    """Raises zlib.error or EOFError when the packed record at `offset` fails its checksum or has no end."""
    file.seek(offset)
    piece = file.read(_PIECE_BYTES)
    if not piece.startswith(_GZIP):
        return
    member = zlib.decompressobj(wbits=31)
    while not member.eof:
        if not piece:
            raise EOFError("the file ends before the record does")
        member.decompress(piece)
        piece = file.read(_PIECE_BYTES)


def _judged(record: Any, now: datetime) -> tuple[Backfilled, FetchedPage | None, str | None]:
    uri = (record.rec_headers.get_header("WARC-Target-URI") or "").strip("<> ")
    if record.rec_type != "response" or record.http_headers is None:
        return Backfilled.NOT_RESPONSE, None, None
    url = asked_url(uri)
    if url is None:
        return Backfilled.URL_REFUSED, None, one_line(f"{uri[:200]!r} is no web address.", 300)
    status = record.http_headers.get_statuscode()
    if status != "200":
        return Backfilled.NOT_OK, None, one_line(f"{url} had answered {status}.", 300)
    kind = (record.http_headers.get_header("Content-Type") or "").partition(";")[0].strip().lower()
    if kind not in _HTML:
        return Backfilled.NOT_HTML, None, one_line(f"{url} is {kind or 'of no type'}.", 300)
    coding = (record.http_headers.get_header("Content-Encoding") or "").strip().lower()
    if coding not in _CODINGS:
        return Backfilled.UNKNOWN_CODING, None, one_line(f"{url} is packed as {coding}.", 300)
    date = record.rec_headers.get_header("WARC-Date")
    fetched_at = in_bounds(parse_instant(date), now)
    if fetched_at is None:
        return Backfilled.BAD_RECORD, None, one_line(f"{url} has no date that can be true: {date}.", 300)
    body = record.content_stream().read(PAGE_MAX_BYTES + 1)
    if len(body) > PAGE_MAX_BYTES:
        return Backfilled.TOO_LARGE, None, f"{url} is over {PAGE_MAX_BYTES >> 20} MiB."
    headers = tuple((_clean(name).lower(), _clean(value)) for name, value in record.http_headers.headers)
    return Backfilled.NEW, FetchedPage(url, url, 200, headers, body, fetched_at, elapsed_s=0.0), None


def _digest_problem(record: Any) -> str | None:
    """What speaks against the record's bytes: the digest of its block, or of its payload where it has no other.

    Crawlers disagree on what the payload of a chunked response is, and all agree on the block.
    """
    has_block_digest = record.rec_headers.get_header("WARC-Block-Digest") is not None
    wrong = [problem for problem in record.digest_checker.problems if "failed" in problem]
    deciding = [problem for problem in wrong if problem.startswith("block") or not has_block_digest]
    return one_line(deciding[0], 300) if deciding else None


def _next_record(file: BinaryIO, start: int, size: int) -> int:
    """Where the next record begins at or behind `start`; the file's size when none does."""
    place = start
    while place < size:
        file.seek(place)
        piece = file.read(_SEARCH_BYTES + len(_GZIP))
        marks = [at for mark in (_GZIP, b"WARC/1.") if (at := piece.find(mark)) >= 0]
        if not marks:
            place += _SEARCH_BYTES
            continue
        found = place + min(marks)
        if _begins_record(file, found):
            return found
        place = found + 1
    return size


def _begins_record(file: BinaryIO, offset: int) -> bool:
    file.seek(offset)
    head = file.read(4096)
    if head.startswith(_GZIP):
        with contextlib.suppress(zlib.error):
            return zlib.decompressobj(wbits=31).decompress(head, 16).startswith(b"WARC/")
    return head.startswith(b"WARC/")


def _clean(text: str) -> str:
    return scrub(text).replace("\n", " ").strip()
