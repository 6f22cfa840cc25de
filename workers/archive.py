"""The raw archive: every response as it was judged, in WARC files that any web archive reads (ISO 28500).

A process writes files of its own, so that no two ever share one. What lies in a file after a kill is whole records
and perhaps one cut-off at the end, which no row points to.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from base64 import b32encode
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from isal import isal_zlib
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from pipeline.values import FetchedPage, PageRef, Redirect

FILE_MAX_BYTES = 256 << 20
_STORED_HEADERS_MAX = 200
# Intel's igzip one below its highest level: half of that level's time for files 4 % larger, an eighth of the time of
# zlib's level 4 for files 10 % larger. warcio's own level 9 of zlib would take three times as long as level 4.
_GZIP_LEVEL = 2


class ArchiveError(Exception):
    """An archived response can't be read back: the file is gone, cut off, or not what the row says."""


class Archive:
    """Writes responses below `directory`, a new file a day and at 256 MiB."""

    def __init__(self, directory: Path, writer: str) -> None:
        self._directory = directory
        self._writer = writer
        self._file: BinaryIO | None = None
        self._path = Path()
        self._day = ""

    def add(self, page: FetchedPage, *, as_resource: bool = False, filed_at: datetime | None = None) -> PageRef:
        """Append the response and return where it lies; flushed before this returns.

        `as_resource` is for what no server answered, an agency's item or a feed's text: it has no HTTP headers.
        `filed_at` is the day under which a response lies that somebody else fetched long ago; it is kept as long as
        what was fetched that day.
        """
        file = self._file_for(filed_at or page.fetched_at)
        offset = file.tell()
        member = _GzipMember()
        writer = WARCWriter(member, gzip=False)
        digest = hashlib.sha256(page.body)
        warc_headers = {
            "WARC-Payload-Digest": f"sha256:{b32encode(digest.digest()).decode()}",
            "WARC-Date": page.fetched_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "X-Frontwire-Final-URL": page.final_url,
        }
        body, length = BytesIO(page.body), len(page.body)
        if as_resource:
            kind = page.header("content-type") or "application/octet-stream"
            record = writer.create_warc_record(page.url, "resource", body, length, kind, warc_headers_dict=warc_headers)
        else:
            headers = StatusAndHeaders(f"{page.status} OK", _kept_headers(page), protocol="HTTP/1.1")
            record = writer.create_warc_record(
                page.url, "response", body, length, http_headers=headers, warc_headers_dict=warc_headers
            )
        writer.write_record(record)
        file.write(member.closed())
        file.flush()
        return PageRef(
            url=page.url,
            final_url=page.final_url,
            status=page.status,
            content_type=(page.header("content-type") or "")[:255] or None,
            etag=_short(page.header("etag"), 1024),
            last_modified=_short(page.header("last-modified"), 255),
            fetched_at=page.fetched_at,
            body_bytes=len(page.body),
            body_sha256=digest.hexdigest(),
            warc_file=self._path.relative_to(self._directory).as_posix(),
            warc_offset=offset,
            warc_length=file.tell() - offset,
        )

    def close(self) -> None:
        """Close the current file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _file_for(self, now: datetime) -> BinaryIO:
        day = now.astimezone(UTC).strftime("%Y-%m-%d")
        if self._file is not None and (day != self._day or self._file.tell() >= FILE_MAX_BYTES):
            self.close()
        if self._file is None:
            self._day = day
            folder = self._directory / day
            folder.mkdir(parents=True, exist_ok=True)
            stamp = now.astimezone(UTC).strftime("%H%M%S%f")
            self._path = folder / f"frontwire-{stamp}-{self._writer}-{os.getpid()}.warc.gz"
            self._file = self._path.open("xb")
        return self._file


class _GzipMember:
    """A record of a WARC file is a gzip member of its own, so that it can be read without those before it."""

    def __init__(self) -> None:
        self._engine = isal_zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        self._parts: list[bytes] = []

    def write(self, raw: bytes) -> None:
        self._parts.append(self._engine.compress(raw))

    def flush(self) -> None:
        """The writer calls it after each record; `closed` is what ends the member."""

    def closed(self) -> bytes:
        return b"".join([*self._parts, self._engine.flush()])


def _short(value: str | None, longest: int) -> str | None:
    """A validator that does not fit is worth nothing: half of one would never match."""
    return value if value is not None and len(value) <= longest else None


def _kept_headers(page: FetchedPage) -> list[tuple[str, str]]:
    """The response's headers, but for those that describe the transfer: the body is stored decoded."""
    transfer = {"content-encoding", "content-length", "transfer-encoding", "set-cookie"}
    kept = [(name, value) for name, value in page.headers if name not in transfer][:_STORED_HEADERS_MAX]
    return [*kept, ("content-length", str(len(page.body)))]


def page_ref(row: Any) -> PageRef:
    """Where a response lies, from a row of `pages` joined with its URL."""
    return PageRef(**{name: getattr(row, name) for name in PageRef.__dataclass_fields__})


def load(directory: Path, page: PageRef) -> FetchedPage:
    """The archived response that `page` points to; raises ArchiveError when it is gone or not the same bytes."""
    path = directory / page.warc_file
    # Uncompressed by itself: what a reader of records makes of half a record is an error of any kind.
    plain = raw_record(directory, page.warc_file, page.warc_offset, page.warc_length)
    record = next(iter(ArchiveIterator(BytesIO(plain))), None)
    if record is None:
        raise ArchiveError(f"{path} at {page.warc_offset}: no record there; the file was cut off")
    body = record.content_stream().read()
    if hashlib.sha256(body).hexdigest() != page.body_sha256:
        raise ArchiveError(f"{path} at {page.warc_offset}: not the bytes that were stored")
    if record.http_headers is not None:
        headers = tuple((name.lower(), value) for name, value in record.http_headers.headers)
    else:
        headers = (("content-type", record.rec_headers.get_header("Content-Type") or ""),)
    return FetchedPage(
        url=page.url,
        final_url=page.final_url,
        status=page.status,
        headers=headers,
        body=body,
        fetched_at=page.fetched_at,
        elapsed_s=0.0,
        redirects=() if page.url == page.final_url else (Redirect(302, page.final_url),),
    )


def raw_record(directory: Path, warc_file: str, offset: int, length: int) -> bytes:
    """The archived record as WARC has it, headers and body, uncompressed; raises ArchiveError when it can't be read."""
    try:
        return gzip.decompress(_stored_bytes(directory, warc_file, offset, length))
    except (OSError, EOFError, zlib.error) as error:
        raise ArchiveError(f"{warc_file} at {offset}: no record there; the file was cut off") from error


def _stored_bytes(directory: Path, warc_file: str, offset: int, length: int) -> bytes:
    if length == 0:
        raise ArchiveError(f"{warc_file} was taken out of the archive by `frontwire prune`")
    path = directory / warc_file
    if not path.resolve().is_relative_to(directory.resolve()):
        raise ArchiveError(f"{warc_file} lies outside the archive")
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)
    except OSError as error:
        raise ArchiveError(f"{path}: {error.strerror}; restore the archive directory from its backup") from error
