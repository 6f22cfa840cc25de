"""The reading child: a process that can be killed from outside (P22)."""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
import psutil
import pytest

from pipeline.outcomes import Reason
from pipeline.values import EntryHints, FetchedPage, StoryRecord, Unread
from workers import child as child_module
from workers.child import ChildUnavailable, ReadingChild

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PARAGRAPHS = [
    "The government said on Monday that it would not renew the agreement on overflights when it ends in June.",
    "Two neighbours had asked for talks about the air corridor, which military transports have used since 2019.",
    "A spokesman said the cabinet would explain its decision to parliament before the end of the week.",
]
ARTICLE = (
    "<html lang=en><head><title>Government ends overflight pact</title></head><body><article>"
    "<h1>Government ends overflight pact</h1>"
    + "".join(f"<p>{text}</p>" for text in PARAGRAPHS * 2)
    + "</article></body></html>"
)


def page(body: str | bytes, content_type: str = "text/html; charset=utf-8") -> FetchedPage:
    raw = body.encode() if isinstance(body, str) else body
    url = "https://outlet.example/story/1"
    return FetchedPage(url, url, 200, (("content-type", content_type),), raw, NOW, 0.1)


def with_child(act: Callable[[ReadingChild], Awaitable[None]], wall_limit_s: float = 15.0) -> None:
    async def run() -> None:
        child = ReadingChild(wall_limit_s)
        try:
            await act(child)
        finally:
            await child.close()

    asyncio.run(run())


def test_a_page_is_read_in_another_process() -> None:
    async def act(child: ReadingChild) -> None:
        result = await child.read_page(page(ARTICLE), EntryHints())
        assert isinstance(result, StoryRecord)
        assert result.story.title == "Government ends overflight pact"
        assert PARAGRAPHS[0] in result.story.text
        assert child.pid not in (None, os.getpid())

    with_child(act)


def test_a_feed_is_read_in_another_process() -> None:
    rss = (
        "<rss version='2.0'><channel><item><title>A</title><link>https://outlet.example/a</link></item></channel></rss>"
    )

    async def act(child: ReadingChild) -> None:
        reading = await child.read_feed(page(rss, "application/rss+xml"), NOW)
        assert [entry.url for entry in reading.entries] == ["https://outlet.example/a"]

    with_child(act)


def test_a_page_that_takes_too_long_ends_as_extract_budget_and_the_next_is_read() -> None:
    async def act(child: ReadingChild) -> None:
        assert isinstance(await child.read_page(page(ARTICLE), EntryHints()), StoryRecord)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGSTOP)
        stopped = await child.read_page(page(ARTICLE), EntryHints())
        assert isinstance(stopped, Unread)
        assert stopped.reason is Reason.EXTRACT_BUDGET
        assert isinstance(await child.read_page(page(ARTICLE), EntryHints()), StoryRecord)

    # Long enough for the first page of a new process on a busy machine, which loads its models with it.
    with_child(act, wall_limit_s=8.0)


def test_a_child_that_somebody_killed_is_no_verdict_on_the_page() -> None:
    async def act(child: ReadingChild) -> None:
        assert isinstance(await child.read_page(page(ARTICLE), EntryHints()), StoryRecord)
        reading = asyncio.create_task(child.read_page(page(ARTICLE), EntryHints()))
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        assert isinstance(await reading, StoryRecord)

    with_child(act)


# A reading process that says it is ready, and dies of whatever it is given.
DIES = """
import msgspec, os, struct, sys
from workers.child import Answer
ready = msgspec.msgpack.encode(Answer())
os.write(1, struct.pack("!I", len(ready)) + ready)
sys.stdin.buffer.read(1)
os._exit(3)
"""


def test_a_page_on_which_every_child_dies_ends_as_an_outcome() -> None:
    async def act() -> None:
        child = ReadingChild(command=(sys.executable, "-c", DIES))
        died = await child.read_page(page(ARTICLE), EntryHints())
        assert isinstance(died, Unread)
        assert (died.reason, died.detail) == (Reason.EXTRACT_BUDGET, "the reading process died 3 times (exit status 3)")

    asyncio.run(act())


def test_a_child_that_does_not_start_is_not_the_pages_fault() -> None:
    async def act() -> None:
        child = ReadingChild(command=(sys.executable, "-c", "raise SystemExit(1)"))
        with pytest.raises(ChildUnavailable, match="3 tries"):
            await child.read_page(page(ARTICLE), EntryHints())

    asyncio.run(act())


def test_the_kernel_ends_a_child_that_uses_too_much_cpu() -> None:
    endless = "from workers.child import _allow_cpu; _allow_cpu(0); list(iter(int, 1))"
    ended = subprocess.run([sys.executable, "-c", endless], timeout=60)
    assert ended.returncode == -signal.SIGXCPU
    assert "CPU" in child_module._death_words(ended.returncode)


def test_a_child_whose_heap_a_page_has_blown_up_is_replaced_and_a_sound_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hog = "x = bytearray(200 << 20); x[::4096] = b'1' * len(x[::4096])\n"
    monkeypatch.setattr(child_module, "PAGE_MEMORY_BYTES", 1 << 30)
    command = (sys.executable, "-c", f"import workers.child as c\n{hog}c.main()")

    async def pids(child: ReadingChild) -> list[int | None]:
        found = []
        for _ in range(2):
            assert isinstance(await child.read_page(page(ARTICLE), EntryHints()), StoryRecord)
            found.append(child.pid)
        return found

    async def act() -> None:
        for told, is_kept in ((child_module.COMMAND, True), (command, False)):
            child = ReadingChild(60.0, command=told)
            first, second = await pids(child)
            assert (first is not None and first == second) is is_kept
            await child.close()

    asyncio.run(act())


@pytest.mark.parametrize(("left", "is_worn"), [(100 << 20, False), (child_module.WORN_BYTES + 1, True)])
def test_a_child_is_worn_only_by_what_it_can_not_give_back(
    monkeypatch: pytest.MonkeyPatch, left: int, is_worn: bool
) -> None:
    monkeypatch.setattr(child_module, "_allow_cpu", lambda seconds: None)
    monkeypatch.setattr(child_module, "_held_bytes", lambda: child_module.WORN_BYTES + 1)
    monkeypatch.setattr(child_module, "_tidy", lambda: left)
    requests, answers = io.BytesIO(), io.BytesIO()
    request = child_module.Request(page(ARTICLE), EntryHints())
    child_module._write_frame(requests, msgspec.msgpack.encode(request))
    requests.seek(0)
    child_module.serve(requests, answers)
    answers.seek(0)
    raw = child_module._read_frame(answers)
    assert raw is not None
    answer = msgspec.msgpack.decode(raw, type=child_module.Answer)
    assert answer.record is not None
    assert answer.is_worn is is_worn


def test_a_page_that_takes_too_much_memory_ends_as_extract_budget_and_the_next_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = page("<article>" + f"<p>{PARAGRAPHS[0]}</p>" * 9_000 + "</article>")

    async def act(child: ReadingChild) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(child_module, "PAGE_MEMORY_BYTES", 50 << 20)
            result = await child.read_page(long, EntryHints())
        assert isinstance(result, Unread)
        assert (result.reason, result.detail) == (Reason.EXTRACT_BUDGET, "reading took more than 50 MB of memory")
        assert isinstance(await child.read_page(page(ARTICLE), EntryHints()), StoryRecord)

    with_child(act, 60.0)


def test_no_child_outlives_its_parent() -> None:
    async def act(child: ReadingChild) -> None:
        await child.read_page(page(ARTICLE), EntryHints())
        pid = child.pid
        assert pid is not None
        await child.close()
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    with_child(act)


def test_a_child_knows_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTWIRE_DATABASE_URL", "postgresql://frontwire:geheim@db/frontwire")

    async def act(child: ReadingChild) -> None:
        await child.read_page(page(ARTICLE), EntryHints())
        environment = psutil.Process(child.pid).environ()
        assert "geheim" not in " ".join(environment.values())

    with_child(act)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00" * 5000,
        b"<" * 100_000,
        b"<div>" * 5000 + b"deep",
        b"<p " + b"a=1 " * 50_000 + b">",
        b"<p>&#27;</p>" * 50,
        b"\xff\xfe\x00",
        random.Random(1).randbytes(20_000),
    ],
    ids=["empty", "nul", "brackets", "deep", "attributes", "escape", "bom", "noise"],
)
def test_a_hostile_body_ends_as_an_outcome(body: bytes) -> None:
    async def act(child: ReadingChild) -> None:
        result = await child.read_page(page(body), EntryHints())
        assert isinstance(result, Unread | StoryRecord)

    with_child(act)


def test_a_child_imports_neither_the_settings_nor_a_database() -> None:
    script = "import sys, workers.child, pipeline.feeds, pipeline.record; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert {"pydantic", "pydantic_settings", "sqlalchemy", "rq", "aiohttp"}.isdisjoint(loaded)
    assert "lxml" in loaded


def test_what_reads_pages_does_not_import_what_reads_feeds() -> None:
    script = "import sys, workers.child, pipeline.record; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "pipeline.reading.read" in loaded
    assert not [name for name in loaded if name.startswith("pipeline.feeds")]


def test_a_child_logs_as_the_settings_of_its_parent_say(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FRONTWIRE_LOG_LEVEL", "error")
    child = ReadingChild(command=(sys.executable, "-c", "import sys; print(sys.argv[1], file=sys.stderr)"))
    with pytest.raises(ChildUnavailable):
        asyncio.run(child.read_page(page(ARTICLE), EntryHints()))
    assert capfd.readouterr().err.splitlines()[0] == "--log=error,auto"
