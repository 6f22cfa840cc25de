"""Backfills: WARC files written here, also damaged ones; lists; sitemaps; killed and resumed; read on the real road."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_origin import Answer, scripted_origin
from sqlalchemy import Engine, select, text
from test_cli import frontwire
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from pipeline.batches import BACKFILL_PRIORITY
from pipeline.feeds.sitemaplist import read_sitemap
from pipeline.outcomes import Backfilled, BackfillKind, Reason, UrlState
from pipeline.store import backfills as backfill_store
from pipeline.store import ledger, schema
from workers.archive import Archive
from workers.backfill import BATCH, Backfiller, SourceRead
from workers.child import ReadingChild
from workers.database import open_engine
from workers.gate import SqlGate, SqlRobotsStore
from workers.http import HttpClient, RobotsBook
from workers.policy import http_policy
from workers.process import utc_now
from workers.reader import Reader
from workers.settings import load_settings
from workers.webarchive import read_records

WORDS = (
    "The defence ministry said on Sunday that it would send twelve launchers to the eastern border, reversing a "
    "position it had held since the spring. The decision follows weeks of talks between the two governments."
)


def page(number: object) -> bytes:
    paragraphs = "".join(f"<p>Report {number}, part {n}. {WORDS}</p>" for n in range(3))
    head = f"<title>Report {number}</title><h1>Report {number}</h1>"
    return f"<!doctype html><html><body><article>{head}{paragraphs}</article></body></html>".encode()


class Warc:
    """A WARC file in the making; `offsets` are where its records begin."""

    def __init__(self, *, is_packed: bool = True, ids: str = "") -> None:
        self._ids = ids
        self.raw = io.BytesIO()
        self._writer = WARCWriter(self.raw, gzip=is_packed)
        self.offsets: list[int] = []

    def add(
        self, url: str, body: bytes | None = None, status: str = "200 OK", kind: str = "response", **headers: str
    ) -> Warc:
        self.offsets.append(self.raw.tell())
        told = {"Content-Type": "text/html; charset=utf-8"} | {k.replace("_", "-"): v for k, v in headers.items()}
        answer = StatusAndHeaders(status, list(told.items()), protocol="HTTP/1.1")
        record = self._writer.create_warc_record(
            url,
            kind,
            io.BytesIO(page(url) if body is None else body),
            http_headers=answer if kind == "response" else None,
            # Given and not drawn: what damage does to a packed record hangs on each of its bytes.
            warc_headers_dict={
                "WARC-Date": "2026-10-01T12:00:00Z",
                "WARC-Record-ID": f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, self._ids + url)}>",
            },
        )
        self._writer.write_record(record)
        return self

    def at(self, path: Path) -> Path:
        path.write_bytes(self.raw.getvalue())
        return path


def story(number: object) -> str:
    return f"http://wire.example/story/{number}"


def stories(count: int, *, is_packed: bool = True, ids: str = "") -> Warc:
    warc = Warc(is_packed=is_packed, ids=ids)
    for number in range(count):
        warc.add(story(number))
    return warc


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    archive = Archive(tmp_path / "data" / "archive", "test")
    yield archive
    archive.close()


def backfiller(engine: Engine, archive: Archive, **more: Any) -> Backfiller:
    return Backfiller(engine, archive, lambda done, size: None, **more)


def rows(engine: Engine, table: Any = schema.urls) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(table).order_by(table.c.id)))


def test_pages_of_a_web_archive_are_archived_and_wait_behind_all_other_work(
    engine: Engine, archive: Archive, tmp_path: Path
) -> None:
    warc = Warc().add(story(1)).add(story(2), content_encoding="gzip", body=gzip.compress(page(2)))
    read = backfiller(engine, archive).read_archive(warc.at(tmp_path / "a.warc.gz"))
    assert (read.counts, read.problem) == ({"new": 2}, None)
    urls = rows(engine)
    assert [(row.url, row.state, row.priority, row.is_archived) for row in urls] == [
        (story(n), UrlState.WAITING, BACKFILL_PRIORITY, True) for n in (1, 2)
    ]
    kept = rows(engine, schema.pages)
    assert [str(row.fetched_at)[:10] for row in kept] == ["2026-10-01", "2026-10-01"]
    assert {row.warc_file[:10] for row in kept} == {utc_now().strftime("%Y-%m-%d")}, "kept as long as what is new"


def test_what_is_no_page_is_counted_by_its_reason(engine: Engine, archive: Archive, tmp_path: Path) -> None:
    warc = (
        Warc()
        .add("urn:info", b"software: test", kind="warcinfo")
        .add(story(1), status="404 Not Found")
        .add(story(2), Content_Type="application/pdf")
        .add(story(3), content_encoding="br")
        .add("http://[wire.example/")
        .add(story(4), b"x" * (9 << 20))
        .add(story(5))
        .add(story(5) + "?utm_source=rss")
    )
    read = backfiller(engine, archive).read_archive(warc.at(tmp_path / "a.warc.gz"))
    assert read.counts == {
        "not_response": 1, "not_ok": 1, "not_html": 1, "unknown_coding": 1, "url_refused": 1, "too_large": 1,
        "new": 1, "known": 1,
    }  # fmt: skip


@pytest.mark.parametrize("is_packed", [True, False])
@pytest.mark.parametrize("damage", ["bytes", "cut", "noise"])
def test_a_damaged_record_is_counted_and_the_others_are_read(
    sqlite_url: str, archive: Archive, tmp_path: Path, is_packed: bool, damage: str
) -> None:
    warc = stories(5, is_packed=is_packed)
    raw = bytearray(warc.raw.getvalue())
    place = warc.offsets[2]
    if damage == "bytes":
        middle = (warc.offsets[2] + warc.offsets[3]) // 2
        raw[middle : middle + 8] = b"\xff" * 8
    elif damage == "cut":
        raw = raw[: warc.offsets[4] + (len(raw) - warc.offsets[4]) // 2]
    else:
        raw[place:place] = b"\x00\x1f\x8b\x08 noise WARC/1 \n" * 20
    path = tmp_path / "a.warc"
    path.write_bytes(raw)
    engine = open_engine(sqlite_url)
    read = backfiller(engine, archive).read_archive(path)
    bad = {word: count for word, count in read.counts.items() if word != "new"}
    assert bad in ({"bad_record": 1}, {"bad_digest": 1})
    assert read.counts["new"] == (5 if damage == "noise" else 4)
    assert read.problem is None
    engine.dispose()


@pytest.mark.parametrize("ids", ["20", "21", "48", "90", "435"])
def test_damage_that_makes_other_headers_of_a_packed_record_takes_no_other_along(tmp_path: Path, ids: str) -> None:
    warc = stories(5, ids=ids)
    raw = bytearray(warc.raw.getvalue())
    middle = (warc.offsets[2] + warc.offsets[3]) // 2
    raw[middle : middle + 8] = b"\xff" * 8
    path = tmp_path / "a.warc.gz"
    path.write_bytes(raw)
    found = [record.outcome for record in read_records(path, 0, utc_now())]
    assert found == [Backfilled.NEW, Backfilled.NEW, Backfilled.BAD_RECORD, Backfilled.NEW, Backfilled.NEW]


def test_a_wrong_digest_is_found_by_itself(tmp_path: Path) -> None:
    raw = (
        stories(2, is_packed=False)
        .raw.getvalue()
        .replace(b"Report http://wire.example/story/0, part 1", b"Retort http://wire.example/story/0, part 1")
    )
    path = tmp_path / "a.warc"
    path.write_bytes(raw)
    found = list(read_records(path, 0, utc_now()))
    assert [record.outcome.value for record in found] == ["bad_digest", "new"]
    assert "digest failed" in (found[0].detail or "")


def test_a_file_packed_as_a_whole_is_one_sentence_that_says_what_mends_it(
    sqlite_url: str, archive: Archive, tmp_path: Path
) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(stories(3, is_packed=False).raw.getvalue()))
    engine = open_engine(sqlite_url)
    read = backfiller(engine, archive).read_archive(path)
    assert "warcio recompress" in (read.problem or "")
    engine.dispose()


def test_a_second_run_goes_on_at_the_end_and_a_run_from_the_start_finds_everything_known(
    engine: Engine, archive: Archive, tmp_path: Path
) -> None:
    path = stories(BATCH + 5).at(tmp_path / "a.warc.gz")
    assert backfiller(engine, archive).read_archive(path).counts == {"new": BATCH + 5}
    assert backfiller(engine, archive).read_archive(path).counts == {}
    assert backfiller(engine, archive, again=True).read_archive(path).counts == {"known": BATCH + 5}
    assert len(rows(engine)) == len(rows(engine, schema.pages)) == BATCH + 5
    (row,) = rows(engine, schema.backfills)
    assert (row.position, row.kind, row.counts["known"]) == (str(path.stat().st_size), BackfillKind.WARC, BATCH + 5)
    assert row.finished_at is not None


def test_a_run_killed_in_the_middle_is_resumed_where_it_was_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    count = BATCH * 6
    path = stories(count).at(tmp_path / "a.warc.gz")
    assert frontwire("db", "upgrade", directory=tmp_path).returncode == 0
    env = {name: value for name, value in os.environ.items() if not name.startswith("FRONTWIRE_")}
    env |= {"FRONTWIRE_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "-m", "workers", "backfill", str(path)]
    engine = open_engine(f"sqlite:///{tmp_path}/data/frontwire.sqlite")
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not rows(engine):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    killed_at = len(rows(engine))
    ended = frontwire("backfill", str(path), "--json", directory=tmp_path)
    assert ended.returncode in (0, 3), ended.stderr
    counts = json.loads(ended.stdout)[0]["counts"]
    assert counts == ({"new": count - killed_at} if killed_at < count else {})
    assert len(rows(engine)) == len(rows(engine, schema.pages)) == count
    engine.dispose()


def test_a_backfilled_page_is_read_from_the_archive_without_any_request(
    engine: Engine, archive: Archive, tmp_path: Path, runner: asyncio.Runner, child: ReadingChild
) -> None:
    backfiller(engine, archive).read_archive(stories(2).at(tmp_path / "a.warc.gz"))

    async def scene() -> None:
        async with HttpClient(http_policy(settings), SqlGate(engine, 0), utc_now) as http:
            robots = RobotsBook(SqlRobotsStore(engine), "frontwire")
            reader = Reader(engine, http, robots, child, archive, settings)
            with engine.begin() as connection:
                due = ledger.lease_due_urls(connection, utc_now(), 10, 60)
            ended = await reader.read_urls([one.url_id for one in due])
            assert [one.state for one in ended] == [UrlState.STORED]

    with scripted_origin({}) as origin:
        settings = load_settings(http_proxy=origin.proxy_url, host_delay_s=0, data_dir=tmp_path / "data")
        runner.run(scene())
        runner.run(scene())
    assert origin.asked == []
    assert len(rows(engine, schema.pages)) == 2, "the response was archived once"
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT url, page_id FROM stories ORDER BY url")).all()
    assert [row.url for row in kept] == [story(0), story(1)]
    assert all(row.reason == Reason.NEW for row in rows(engine))


def test_urls_of_a_backfill_go_out_after_all_others(engine: Engine) -> None:
    now = utc_now()
    with engine.begin() as connection:
        backfill_store.add_urls(connection, ["http://a.example/old"], now)
        row = {"host": "b.example", "site": "b.example", "announced_at": now, "due_at": now, "priority": 4}
        connection.execute(schema.urls.insert().values(url="http://b.example/look", **row))
        due = ledger.lease_due_urls(connection, now, 1, 60)
    assert [one.host for one in due] == ["b.example"]


# ------------------------------------------------------------------------------------------------ lists and sitemaps


LIST = (
    "# old stories\nhttp://wire.example/a\n\nhttp://wire.example/a?utm_source=x\nnonsense\n  HTTP://Wire.example/b  \n"
)


def test_a_list_of_urls_is_read_line_by_line_and_appended_lines_are_new(
    engine: Engine, archive: Archive, tmp_path: Path
) -> None:
    path = tmp_path / "urls.txt"
    path.write_text(LIST)
    assert backfiller(engine, archive).read_list(path).counts == {"new": 2, "known": 1, "url_refused": 1}
    assert backfiller(engine, archive).read_list(path).counts == {}
    with path.open("a") as file:
        file.write("http://wire.example/c")
    assert backfiller(engine, archive).read_list(path).counts == {"new": 1}
    assert [(row.url, row.is_archived) for row in rows(engine)] == [
        (f"http://wire.example/{name}", False) for name in "abc"
    ]


def test_the_command_reads_standard_input_and_its_exit_status_says_what_came_of_it(tmp_path: Path) -> None:
    first = frontwire("backfill", "-", "--json", directory=tmp_path, stdin=LIST)
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)[0]["counts"] == {"new": 2, "known": 1, "url_refused": 1}
    assert frontwire("backfill", "-", directory=tmp_path, stdin=LIST).returncode == 3
    assert frontwire("backfill", str(tmp_path / "missing"), directory=tmp_path).returncode == 2
    assert frontwire("backfill", "ftp://wire.example/", directory=tmp_path).returncode == 2


def sitemap(*names: object) -> Answer:
    listed = "".join(f"<url><loc>{story(name)}</loc><lastmod>2026-01-01</lastmod></url>" for name in names)
    return Answer(f"<urlset>{listed}</urlset>", content_type="application/xml")


def test_all_sitemaps_of_an_index_are_read_and_a_second_run_reads_those_after_the_last(
    engine: Engine, archive: Archive, tmp_path: Path, runner: asyncio.Runner
) -> None:
    root = "http://wire.example"
    listed = "".join(f"<sitemap><loc>{root}/{name}.xml</loc></sitemap>" for name in "cab")
    foreign = "<sitemap><loc>http://other.example/x.xml</loc></sitemap>"
    answers = {
        f"{root}/index.xml": Answer(f"<sitemapindex>{listed}{foreign}</sitemapindex>", content_type="application/xml"),
        f"{root}/a.xml": sitemap(1, 2),
        f"{root}/b.xml": sitemap(2, 3),
    }

    async def scene() -> SourceRead:
        async with HttpClient(http_policy(settings), SqlGate(engine, 0), utc_now) as http:
            return await backfiller(engine, archive).read_sitemaps(http, f"{root}/index.xml")

    with scripted_origin(answers) as origin:
        settings = load_settings(http_proxy=origin.proxy_url, host_delay_s=0)
        read = runner.run(scene())
        with engine.begin() as connection:
            (row,) = connection.execute(select(schema.backfills)).all()
            backfill_store.save_progress(connection, row.id, f"{root}/a.xml", {}, utc_now())
        again = runner.run(scene())
    assert read.counts == {"new": 3, "known": 1, "not_a_sitemap": 1, "other_site": 1}
    assert again.counts == {"known": 2, "not_a_sitemap": 1, "other_site": 1}
    assert [url.rpartition("/")[2] for url in origin.asked] == [
        "index.xml",
        "a.xml",
        "b.xml",
        "c.xml",
        "index.xml",
        "b.xml",
        "c.xml",
    ]


def test_a_sitemap_of_fifty_thousand_pages_is_read_whole_and_pictures_are_no_pages() -> None:
    pages = "".join(
        f"<url><image:image><image:loc>http://wire.example/{n}.jpg</image:loc></image:image>"
        f"<loc><![CDATA[ http://wire.example/{n}?a=1&b=2 ]]></loc></url>"
        for n in range(50_000)
    )
    body = gzip.compress(f"<urlset>{pages}<url><loc>http://other.example/x</loc></url></urlset>".encode())
    read = read_sitemap(body, None, "http://wire.example/sitemap.xml.gz", utc_now())
    assert (len(read.pages), read.refused, read.problem) == (50_000, 1, None)
    assert read.pages[0] == "http://wire.example/0?a=1&b=2"
    assert read_sitemap(b"<html></html>", None, "http://wire.example/", utc_now()).problem is not None
