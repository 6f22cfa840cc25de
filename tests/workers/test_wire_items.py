"""Agencies' items from a dropped file to a story: versions, kills, embargoes, and folders that nothing escapes from."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from scripted_origin import ScriptedOrigin, scripted_origin
from sqlalchemy import Engine, select, update
from warcio.archiveiterator import ArchiveIterator

from pipeline.outcomes import PollOutcome, Reason, StoryStatus, UrlState, WireStatus
from pipeline.store import feeds as feed_store
from pipeline.store import items as item_store
from pipeline.store import ledger, schema
from pipeline.store.events import EventKind
from workers.archive import Archive
from workers.child import ReadingChild
from workers.folder import FILE_MAX_BYTES, Folder
from workers.gate import SqlGate, SqlRobotsStore
from workers.http import HttpClient, RobotsBook, product_token
from workers.policy import http_policy
from workers.poller import Poller
from workers.process import utc_now
from workers.reader import Reader
from workers.settings import load_settings

GUID = "urn:newsml:nordkap.example:20261122:1"
URL = "wire://nordkap/urn%3Anewsml%3Anordkap.example%3A20261122%3A1"
BODY = (
    "<p>Ministers of both countries agreed on Sunday to a ceasefire that begins on Monday at noon, officials said.</p>"
)


def news_item(version: int, body: str = BODY, *, guid: str = GUID, meta: str = "", status: str = "usable") -> str:
    return (
        f'<newsItem guid="{guid}" version="{version}" xml:lang="en"><itemMeta><itemClass qcode="ninat:text"/>'
        f"<versionCreated>2026-11-22T15:0{version}:00Z</versionCreated>"
        f'<pubStatus qcode="stat:{status}"/>{meta}</itemMeta>'
        f"<contentMeta><urgency>2</urgency><headline>Ceasefire agreed, take {version}</headline></contentMeta>"
        f'<contentSet><inlineXML contenttype="application/xhtml+xml"><html><body>{body}</body></html></inlineXML>'
        "</contentSet></newsItem>"
    )


class Wire:
    """One machine's poller and reader over a watched folder."""

    def __init__(self, engine: Engine, poller: Poller, reader: Reader, directory: Path) -> None:
        self.engine, self.poller, self.reader = engine, poller, reader
        self.folder = directory / "wire" / "nordkap"

    def drop(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, "utf-8")
        os.utime(path, (time.time() - 10, time.time() - 10))
        return path

    async def poll(self) -> None:
        """One look into every folder."""
        with self.engine.begin() as connection:
            feed_store.make_feeds_due(connection, utc_now())
        await self.poller.step()
        await self.poller.idle()

    async def read(self) -> None:
        """Read whatever waits."""
        with self.engine.begin() as connection:
            ids = [due.url_id for due in ledger.lease_due_urls(connection, utc_now(), 100, 60.0)]
        await self.reader.read_urls(ids)

    async def take(self, name: str, text: str) -> None:
        """Drop a file, poll and read."""
        self.drop(name, text)
        await self.poll()
        await self.read()


@asynccontextmanager
async def wire(engine: Engine, child: ReadingChild, directory: Path, origin: ScriptedOrigin) -> AsyncIterator[Wire]:
    (directory / "wire" / "nordkap").mkdir(parents=True, exist_ok=True)
    settings = load_settings(
        http_proxy=origin.proxy_url, host_delay_s=0, data_dir=directory, wire_dir=directory / "wire"
    )
    archive = Archive(settings.archive_dir, "reader-1")
    robots = RobotsBook(SqlRobotsStore(engine), product_token(settings.user_agent))
    gate = SqlGate(engine, 0)
    async with HttpClient(http_policy(settings), gate, utc_now) as http:
        reader = Reader(engine, http, robots, child, archive, settings)
        yield Wire(engine, Poller(engine, http, gate, child, settings), reader, directory)
    archive.close()


@pytest.fixture
def play(
    engine: Engine, runner: asyncio.Runner, child: ReadingChild, tmp_path: Path
) -> Callable[[Callable[[Wire], Awaitable[None]]], None]:
    """Run a scene; no scene may ask the web for anything."""

    def run(scene: Callable[[Wire], Awaitable[None]]) -> None:
        async def played(origin: ScriptedOrigin) -> None:
            async with wire(engine, child, tmp_path, origin) as stage:
                await scene(stage)

        with scripted_origin({}) as origin:
            runner.run(played(origin))
        assert origin.asked == []

    return run


def rows(engine: Engine, table: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(table).order_by(table.primary_key.columns.values()[0])))


def ends(engine: Engine) -> list[tuple[str, str, str | None]]:
    return [(row.url, row.state, row.reason) for row in rows(engine, schema.urls)]


def events(engine: Engine, kind: EventKind) -> list[dict[str, Any]]:
    return [row.detail for row in rows(engine, schema.events) if row.kind == kind]


Play = Callable[[Callable[[Wire], Awaitable[None]]], None]


def test_a_dropped_item_becomes_a_story_at_once_and_without_a_request(
    play: Play, engine: Engine, tmp_path: Path
) -> None:
    async def scene(stage: Wire) -> None:
        path = stage.drop("0001.xml", news_item(1, meta="<edNote>Eds: UPDATES to come</edNote>"))
        await stage.poll()
        (url,) = rows(engine, schema.urls)
        assert (url.url, url.host, url.site, url.priority) == (URL, "nordkap", "nordkap", 1)
        assert not path.exists()
        assert (stage.folder / "done" / "0001.xml").exists()
        await stage.read()

    play(scene)
    assert ends(engine) == [(URL, UrlState.STORED, Reason.NEW)]
    (story,) = rows(engine, schema.stories)
    assert (story.title, story.site, story.candidate) == ("Ceasefire agreed, take 1", "nordkap", "newsml-g2")
    (item,) = rows(engine, schema.items)
    assert (item.version, item.urgency, item.note, item.body) == (1, 2, "Eds: UPDATES to come", None)
    (warc,) = (tmp_path / "archive").rglob("*.warc.gz")
    with warc.open("rb") as file:
        kinds = [
            (record.rec_type, record.rec_headers.get_header("WARC-Target-URI")) for record in ArchiveIterator(file)
        ]
    assert kinds == [("resource", URL)]


def test_a_second_version_is_a_revision_and_a_late_first_one_is_ignored_and_recorded(
    play: Play, engine: Engine
) -> None:
    async def scene(stage: Wire) -> None:
        await stage.take("a.xml", news_item(2))
        await stage.take(
            "b.xml", news_item(3, BODY + "<p>Prisoners will be exchanged too, a spokeswoman said later.</p>")
        )
        await stage.take("c.xml", news_item(1, "<p>A first word that came last and must change nothing at all.</p>"))

    play(scene)
    assert ends(engine) == [(URL, UrlState.STORED, Reason.REVISED)]
    (story,) = rows(engine, schema.stories)
    assert (story.revision, story.title) == (2, "Ceasefire agreed, take 3")
    assert "Prisoners" in story.text
    assert events(engine, EventKind.ITEM_OUTDATED) == [{"version": 1, "known_version": 3, "guid": GUID}]


def test_a_canceled_item_is_never_read_and_its_story_is_recorded_as_canceled(play: Play, engine: Engine) -> None:
    other = GUID + "-other"

    async def scene(stage: Wire) -> None:
        await stage.take("a.xml", news_item(1))
        stage.drop("b.xml", news_item(2, status="canceled", meta="<edNote>MANDATORY KILL</edNote>"))
        stage.drop("c.xml", news_item(1, guid=other, status="canceled"))
        await stage.poll()
        await stage.read()
        await stage.take("d.xml", news_item(1, "<p>An older version after the kill.</p>"))

    play(scene)
    assert [(state, reason) for _, state, reason in ends(engine)] == [
        (UrlState.STORED, Reason.CANCELED),
        (UrlState.REJECTED, Reason.CANCELED),
    ]
    (story,) = rows(engine, schema.stories)
    assert story.status == StoryStatus.CANCELED
    (told,) = rows(engine, schema.status_changes)
    assert (told.status, told.note) == (StoryStatus.CANCELED, "MANDATORY KILL")
    assert {item.status for item in rows(engine, schema.items)} == {WireStatus.CANCELED}


def test_nothing_of_an_embargoed_item_is_read_before_its_end_not_even_when_somebody_requeues_it(
    play: Play, engine: Engine
) -> None:
    until = (utc_now() + timedelta(days=3)).replace(microsecond=0)

    async def scene(stage: Wire) -> None:
        await stage.take("a.xml", news_item(1, meta=f"<embargoed>{until.isoformat()}</embargoed>"))
        with engine.begin() as connection:
            assert item_store.release_held(connection, until - timedelta(seconds=1)) == 0
            assert ledger.requeue(connection, utc_now(), reasons=[Reason.EMBARGOED]) == 1
        await stage.read()
        assert ends(engine) == [(URL, UrlState.REJECTED, Reason.EMBARGOED)]
        assert rows(engine, schema.stories) == []
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT title FROM wire_items").all() == [(None,)]
        with engine.begin() as connection:
            assert item_store.release_held(connection, until) == 1
        await stage.read()

    play(scene)
    assert ends(engine) == [(URL, UrlState.STORED, Reason.NEW)]


def test_a_version_that_comes_while_the_older_one_is_read_is_read_next(play: Play, engine: Engine) -> None:
    async def scene(stage: Wire) -> None:
        stage.drop("a.xml", news_item(1))
        await stage.poll()
        read_item = stage.reader._read

        async def interrupted(*args: Any) -> Any:
            done = await read_item(*args)
            stage.drop("b.xml", news_item(2, BODY + "<p>With a second paragraph of its own.</p>"))
            await stage.poll()
            return done

        stage.reader._read = interrupted  # type: ignore[method-assign]
        await stage.read()
        assert rows(engine, schema.stories) == []
        stage.reader._read = read_item  # type: ignore[method-assign]
        await stage.read()

    play(scene)
    (story,) = rows(engine, schema.stories)
    assert (story.revision, story.title) == (1, "Ceasefire agreed, take 2")


def test_an_item_that_was_read_can_be_read_again_from_the_archive(play: Play, engine: Engine) -> None:
    async def scene(stage: Wire) -> None:
        await stage.take("a.xml", news_item(1))
        with engine.begin() as connection:
            assert ledger.requeue(connection, utc_now(), states=[UrlState.STORED]) == 1
        await stage.read()

    play(scene)
    assert ends(engine) == [(URL, UrlState.STORED, Reason.UNCHANGED)]


def test_what_is_no_feed_goes_to_failed_with_a_reason_beside_it_and_links_are_never_followed(
    play: Play, engine: Engine, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_text(news_item(1), "utf-8")

    async def scene(stage: Wire) -> None:
        stage.drop("note.txt", "Dear colleagues, lunch is at noon.")
        stage.drop("cut.xml", news_item(1)[:300])
        for name in ("cut.xml", "note.txt"):
            os.utime(stage.folder / name, (time.time() - 600, time.time() - 600))
        (stage.folder / "link.xml").symlink_to(secret)
        os.mkfifo(stage.folder / "pipe.xml")
        with (stage.folder / "big.xml").open("wb") as file:
            file.truncate(FILE_MAX_BYTES + 1)
        os.utime(stage.folder / "big.xml", (time.time() - 10, time.time() - 10))
        stage.drop(".hidden.xml", news_item(1))
        stage.drop("coming.xml.part", news_item(1))
        await stage.poll()
        assert sorted(path.name for path in stage.folder.iterdir()) == [".hidden.xml", "coming.xml.part", "failed"]

    play(scene)
    failed = tmp_path / "wire" / "nordkap" / "failed"
    names = ["big.xml", "cut.xml", "link.xml", "note.txt", "pipe.xml"]
    assert sorted(path.name for path in failed.iterdir()) == sorted(names + [f"{name}.reason.txt" for name in names])
    assert "symbolic link" in (failed / "link.xml.reason.txt").read_text("utf-8")
    assert "no feed format" in (failed / "note.txt.reason.txt").read_text("utf-8")
    assert "not well formed" in (failed / "cut.xml.reason.txt").read_text("utf-8")
    assert secret.exists()
    assert ends(engine) == []
    polls = [(row.outcome, row.reason) for row in rows(engine, schema.feed_polls)]
    assert polls == [(PollOutcome.NOT_A_FEED, Reason.NOT_A_FEED)] * 2


def test_a_file_that_still_grows_waits(play: Play, engine: Engine) -> None:
    async def scene(stage: Wire) -> None:
        whole = news_item(1)
        path = stage.folder / "slow.xml"
        path.write_text(whole[:300], "utf-8")
        os.utime(path, (time.time() - 5, time.time() - 5))
        await stage.poll()
        assert path.exists(), "its end is missing, and it changed a moment ago"
        path.write_text(whole, "utf-8")
        await stage.poll()
        assert path.exists(), "it was changed just now"
        os.utime(path, (time.time() - 5, time.time() - 5))
        await stage.poll()
        assert not path.exists()

    play(scene)
    assert [url for url, _, _ in ends(engine)] == [URL]


def test_a_kill_between_commit_and_move_reads_the_file_again_and_changes_nothing(
    play: Play, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(stage: Wire) -> None:
        path = stage.drop("a.xml", news_item(1))
        put_away = Folder.put_away
        with monkeypatch.context() as broken:
            broken.setattr(Folder, "put_away", lambda *_: (_ for _ in ()).throw(OSError(5, "killed")))
            await stage.poll()
        assert Folder.put_away is put_away
        assert path.exists()
        await stage.read()
        await stage.poll()
        assert not path.exists()
        await stage.read()

    play(scene)
    assert ends(engine) == [(URL, UrlState.STORED, Reason.NEW)]
    polls = [(row.outcome, row.new_urls) for row in rows(engine, schema.feed_polls)]
    assert polls == [(PollOutcome.NEW_ENTRIES, 1), (PollOutcome.NOTHING_NEW, 0)]


def test_two_pollers_at_once_read_each_file_once(play: Play, engine: Engine, tmp_path: Path) -> None:
    async def scene(stage: Wire) -> None:
        await stage.poll()
        for number in range(6):
            stage.drop(f"{number}.xml", news_item(1, guid=f"{GUID}-{number}"))
        other = Poller(
            engine, stage.poller._http, stage.poller._gate, stage.poller._bodies._child, stage.poller._settings
        )
        with engine.begin() as connection:
            connection.execute(update(schema.feeds).values(next_poll_at=utc_now()))
        await asyncio.gather(stage.poller.step(), other.step())
        await asyncio.gather(stage.poller.idle(), other.idle())

    play(scene)
    assert len(ends(engine)) == 6
    assert [row.new_urls for row in rows(engine, schema.feed_polls)] == [1] * 6
    assert len(list((tmp_path / "wire" / "nordkap" / "done").iterdir())) == 6
