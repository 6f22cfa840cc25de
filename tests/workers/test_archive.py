"""The raw archive: what was judged can be read back, by us and by any web archive."""

from __future__ import annotations

import gzip
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from pipeline.values import FetchedPage
from workers.archive import Archive, ArchiveError, load

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def page(body: bytes, url: str = "https://outlet.example/story/1", now: datetime = NOW) -> FetchedPage:
    headers = (("content-type", "text/html; charset=utf-8"), ("etag", '"abc"'), ("set-cookie", "id=1"))
    return FetchedPage(url, url, 200, headers, body, now, 0.1)


def test_a_response_is_read_back_byte_for_byte(tmp_path: Path) -> None:
    archive = Archive(tmp_path, "writer")
    refs = [archive.add(page(body)) for body in (b"one", b"", b"\x00\xff" * 1000)]
    archive.close()
    assert [load(tmp_path, ref).body for ref in refs] == [b"one", b"", b"\x00\xff" * 1000]
    assert load(tmp_path, refs[0]).header("etag") == '"abc"'


def test_the_file_is_a_warc_that_others_read(tmp_path: Path) -> None:
    archive = Archive(tmp_path, "writer")
    ref = archive.add(page(b"<p>x</p>"))
    archive.close()
    with (tmp_path / ref.warc_file).open("rb") as file:
        read = [
            (record.rec_type, record.rec_headers.get_header("WARC-Target-URI"), record.content_stream().read())
            for record in ArchiveIterator(file)
        ]
    assert read == [("response", "https://outlet.example/story/1", b"<p>x</p>")]


def test_both_digests_of_a_record_hold_for_any_checker(tmp_path: Path) -> None:
    archive = Archive(tmp_path, "writer")
    refs = [archive.add(page(body)) for body in (b"<p>x</p>" * 9_000, b"")]
    refs.append(archive.add(page(b"an item"), as_resource=True))
    archive.close()
    with (tmp_path / refs[0].warc_file).open("rb") as file:
        for record in ArchiveIterator(file, check_digests="raise"):
            record.content_stream().read()
            assert record.rec_headers.get_header("WARC-Block-Digest").startswith("sha1:")
            assert record.rec_headers.get_header("WARC-Payload-Digest").startswith("sha256:")
    assert len(refs) == 3


def test_each_record_is_a_gzip_member_of_its_own_that_any_gzip_reads(tmp_path: Path) -> None:
    archive = Archive(tmp_path, "writer")
    bodies = [b"<p>One line of a page.</p>" * 9_000, random.Random(1).randbytes(90_000), b""]
    refs = [archive.add(page(body)) for body in bodies]
    archive.close()
    raw = (tmp_path / refs[0].warc_file).read_bytes()
    members = [raw[ref.warc_offset : ref.warc_offset + ref.warc_length] for ref in refs]
    assert b"".join(members) == raw
    for member, body in zip(members, bodies, strict=True):
        assert gzip.decompress(member).endswith(body + b"\r\n\r\n")
    assert gzip.decompress(raw) == b"".join(gzip.decompress(member) for member in members)
    assert len(members[0]) < len(bodies[0]) / 50


def test_cookies_are_not_archived(tmp_path: Path) -> None:
    archive = Archive(tmp_path, "writer")
    ref = archive.add(page(b"x"))
    archive.close()
    assert load(tmp_path, ref).header("set-cookie") is None


def test_a_record_that_a_kill_cut_off_harms_no_other(tmp_path: Path) -> None:
    archive = Archive(tmp_path, "writer")
    first, second = archive.add(page(b"first" * 100)), archive.add(page(b"second" * 100))
    archive.close()
    path = tmp_path / second.warc_file
    path.write_bytes(path.read_bytes()[:-20])
    assert load(tmp_path, first).body == b"first" * 100
    with pytest.raises(ArchiveError):
        load(tmp_path, second)


def test_a_missing_or_strange_file_is_said(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a", "writer")
    ref = archive.add(page(b"x"))
    archive.close()
    with pytest.raises(ArchiveError, match="restore"):
        load(tmp_path / "elsewhere", ref)
    with pytest.raises(ArchiveError, match="outside"):
        load(tmp_path / "a", replace(ref, warc_file="../../etc/passwd"))


def test_two_writers_and_two_days_never_share_a_file(tmp_path: Path) -> None:
    one, two = Archive(tmp_path, "one"), Archive(tmp_path, "two")
    files = {
        one.add(page(b"x")).warc_file,
        two.add(page(b"x")).warc_file,
        one.add(page(b"x", now=NOW + timedelta(days=1))).warc_file,
    }
    assert len(files) == 3
