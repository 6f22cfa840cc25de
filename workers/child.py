"""Reading in a process that can be killed from outside (promise P22).

`python -m workers.child [--feeds]` answers framed requests on its standard input. It opens no connection, and no file
but /proc's word on its own memory. It limits its memory and its CPU time per request; the parent adds a wall clock, an
eye on its memory, and a kill.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import gc
import os
import resource
import signal
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

import msgspec
import structlog

from pipeline.outcomes import Reason
from pipeline.values import NOTHING_KNOWN, EntryHints, FeedReading, FetchedPage, Listing, StoryRecord, Unread
from workers.logs import start_logging
from workers.turns import Rank, Turns

log = structlog.get_logger("child")

CPU_LIMIT_S = 10
WALL_LIMIT_S = 15.0
MEMORY_LIMIT_BYTES = 1 << 30
# Parsers leak a little (6 MB in 2,000 pages), and a heap that one huge page has blown up does not shrink: start afresh
# now and then. A start takes as much CPU as forty pages.
PAGES_PER_CHILD = 2_000
# A child has about 115 MB with its models, and a long page takes some 40 MB more. One that holds more than the first
# between two pages won't give it back; a page that drives it over the second is ended, so that a worker and its child
# stay under 400 MB. Feeds may be larger than pages: for them the 1 GiB of the kernel's limit holds.
WORN_BYTES = 208 << 20
PAGE_MEMORY_BYTES = 240 << 20
MEMORY_LOOK_S = 0.05
# A child that has grown by so much since it last did gives back what it can.
TIDY_BYTES = 16 << 20
# So many more objects than before, and the child looks for cycles among the young ones (Python: 700).
GC_THRESHOLD = 50_000
COMMAND = (sys.executable, "-m", "workers.child")
# A child that reads feeds alone need not import what reads pages: half of its memory, and of what its start costs.
FEEDS_COMMAND = (*COMMAND, "--feeds")
START_LIMIT_S = 60.0
START_TRIES = 3
# The kernel, or a person, may end a child twice in one page; three times, and the page is to blame.
ASK_TRIES = 3
_LENGTH = struct.Struct("!I")
# Most pages fit in.
PIPE_BYTES = 1 << 20
_FRAME_MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """Read `page` as a story, or, where `feed_at` is set, its body as a feed at that instant.

    `known` are entries that the feed is known to have listed: they don't count against the feed's cap.
    `source` is who sends the feed, by which items without a web address are known.
    `furniture` are the hashes of lines that the page's site repeats.
    """

    page: FetchedPage
    hints: EntryHints
    feed_at: datetime | None = None
    known: Listing = NOTHING_KNOWN
    source: str = ""
    furniture: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the first three is set; all None is the child's sign that it is ready.

    `is_worn`: the page has blown up the child's heap, and the next one is for a fresh child.
    """

    record: StoryRecord | None = None
    unread: Unread | None = None
    reading: FeedReading | None = None
    is_worn: bool = False


class _TooMuchMemory(Exception):
    """A page has driven the child over PAGE_MEMORY_BYTES."""


class ChildUnavailable(ChildProcessError):
    """No reading process can be had: nothing was read and no page is to blame."""


class ReadingChild:
    """One child process, started when first needed and again after it was killed or has grown old.

    Several tasks may ask; each waits for the answers of those before.
    """

    def __init__(self, wall_limit_s: float = WALL_LIMIT_S, command: Sequence[str] = COMMAND) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._served = 0
        self._turns = Turns()
        self._wall_limit_s = wall_limit_s
        self._command = command

    @property
    def pid(self) -> int | None:
        """The running child's process id."""
        return self._process.pid if self._process is not None else None

    async def read_page(
        self, page: FetchedPage, hints: EntryHints, furniture: frozenset[str] = frozenset(), rank: Rank = (0, 0)
    ) -> StoryRecord | Unread:
        """The story on the page, or why there is none; a child over its budget ends as extract_budget.

        Of pages that wait for the child the one of the lowest rank is read first.
        """
        answer = await self._ask(Request(page, hints, furniture=furniture), rank)
        if isinstance(answer, Unread):
            return answer
        return answer.record or answer.unread or Unread(Reason.EXTRACT_FAILED, "the reading process gave no answer")

    async def read_feed(
        self, page: FetchedPage, now: datetime, known: Listing = NOTHING_KNOWN, source: str = ""
    ) -> FeedReading:
        """The feed's entries; a body that could not be read within the budget has `problem` set."""
        answer = await self._ask(Request(page, EntryHints(), now, known, source))
        if isinstance(answer, Unread):
            return FeedReading(format="", problem=answer.detail)
        return answer.reading or FeedReading(format="", problem="the reading process gave no answer")

    async def close(self) -> None:
        """End the child."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _ask(self, request: Request, rank: Rank = (0, 0)) -> Answer | Unread:
        """The child's answer. A child that somebody else killed is no verdict on the page: it is asked once more."""
        async with self._turns.turn(rank):
            return await self._asked(request)

    async def _asked(self, request: Request) -> Answer | Unread:
        died = Unread(Reason.EXTRACT_BUDGET, "the reading process died")
        for _ in range(ASK_TRIES):
            process = await self._started()
            try:
                async with asyncio.timeout(self._wall_limit_s):
                    await _send(process, msgspec.msgpack.encode(request))
                    raw = await _answered(process, is_page=request.feed_at is None)
            except _TooMuchMemory:
                await self.close()
                return Unread(Reason.EXTRACT_BUDGET, f"reading took more than {PAGE_MEMORY_BYTES >> 20} MB of memory")
            except TimeoutError:
                await self.close()
                return Unread(Reason.EXTRACT_BUDGET, f"reading took longer than {self._wall_limit_s:g} s")
            except (asyncio.IncompleteReadError, BrokenPipeError, ConnectionResetError):
                code = await process.wait()
                await self.close()
                died = Unread(Reason.EXTRACT_BUDGET, _death_words(code))
                if code == -signal.SIGXCPU:
                    break
            except asyncio.CancelledError:
                # The answer to this request would be taken for the answer to the next.
                await self.close()
                raise
            else:
                self._served += 1
                answer = msgspec.msgpack.decode(raw, type=Answer)
                if answer.is_worn:
                    await self.close()
                return answer
        log.warning("reading_process_died", url=request.page.url, detail=died.detail)
        return died

    async def _started(self) -> asyncio.subprocess.Process:
        for _ in range(START_TRIES):
            try:
                return await self._ready()
            except (TimeoutError, asyncio.IncompleteReadError, BrokenPipeError, ConnectionResetError):
                await self.close()
        raise ChildUnavailable(
            f"the reading process did not start in {START_TRIES} tries; see the log for its own words"
        )

    async def _ready(self) -> asyncio.subprocess.Process:
        if self._served >= PAGES_PER_CHILD or (self._process is not None and self._process.returncode is not None):
            await self.close()
        if self._process is None:
            # Here alone: the child imports this module too, and the settings would be a sixth of its memory.
            from workers.settings import load_settings, reading_environment

            settings = load_settings()
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                f"--log={settings.log_level},{settings.log_format}",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=reading_environment(),
            )
            self._served = 0
            if self._process.stdin is not None:
                pipe = self._process.stdin.transport.get_extra_info("pipe")
                # A child that ended at once has none any more; that there is no answer is seen below.
                if not pipe.closed:
                    _widen(pipe.fileno())
            async with asyncio.timeout(START_LIMIT_S):
                await _receive(self._process)
        return self._process


def _widen(pipe: int) -> None:
    """Let a page pass the pipe in one piece: with Linux' 64 KiB it goes in five, and each side wakes up for each."""
    # Elsewhere than on Linux there is no such call; a user who holds many wide pipes already is refused.
    with contextlib.suppress(AttributeError, OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _death_words(code: int) -> str:
    if code == -signal.SIGXCPU:
        return f"reading took more than {CPU_LIMIT_S} s of CPU time"
    return f"the reading process died {ASK_TRIES} times (exit status {code})"


async def _send(process: asyncio.subprocess.Process, raw: bytes) -> None:
    if process.stdin is None:
        raise BrokenPipeError("the child has no standard input")
    process.stdin.write(_LENGTH.pack(len(raw)) + raw)
    await process.stdin.drain()


async def _answered(process: asyncio.subprocess.Process, *, is_page: bool) -> bytes:
    """The child's answer, with an eye on its memory while a page is read. Raises _TooMuchMemory."""
    answer = asyncio.create_task(_receive(process))
    try:
        while not (await asyncio.wait({answer}, timeout=MEMORY_LOOK_S))[0]:
            if is_page and _held_bytes(process.pid) > PAGE_MEMORY_BYTES:
                raise _TooMuchMemory
        return await answer
    finally:
        answer.cancel()


async def _receive(process: asyncio.subprocess.Process) -> bytes:
    if process.stdout is None:
        raise BrokenPipeError("the child has no standard output")
    (length,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
    return await process.stdout.readexactly(length)


# ------------------------------------------------------------------------------------------------- inside the child


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until the input ends."""
    decoder = msgspec.msgpack.Decoder(Request)
    # What the imports and the models needed for a moment goes back first.
    tidied = _tidy()
    while (raw := _read_frame(requests)) is not None:
        _allow_cpu(CPU_LIMIT_S)
        answer = _answer(decoder.decode(raw))
        del raw
        held = _held_bytes()
        if held > WORN_BYTES:
            # Most of what one long page took is free again: a fresh child would cost as much as reading forty pages.
            held = tidied = _tidy()
        _write_frame(answers, msgspec.msgpack.encode(replace(answer, is_worn=held > WORN_BYTES)))
        if held > tidied + TIDY_BYTES:
            tidied = _tidy()


def _calm_gc() -> None:
    """Look for cycles seldom, and never among what the imports and the models made: a page makes few of them.

    With Python's own thresholds a page's thousands of small objects are gone through again and again, to no end.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 10, 10)
    gc.enable()


def _tidy() -> int:
    """Give the memory that pages have freed, and the C library keeps for the next, back to the system.

    Returns the bytes that are held afterwards.
    """
    # glibc alone has it; other libraries give memory back by rules of their own.
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    return _held_bytes()


def _answer(request: Request) -> Answer:
    # Imported by main() before the first request; here the names are only looked up.
    try:
        if request.feed_at is not None:
            from pipeline.feeds import read_feed

            page = request.page
            content_type = page.header("content-type")
            reading = read_feed(
                page.body, content_type, page.final_url, request.feed_at, request.known, request.source or None
            )
            return Answer(reading=reading)
        from pipeline.record import read_record

        result = read_record(request.page, request.hints, request.furniture)
    except MemoryError:
        return _failed(request, Reason.EXTRACT_BUDGET, "reading took more than 1 GiB of memory")
    except RecursionError:
        return _failed(request, Reason.TOO_COMPLEX, "the page is nested too deeply")
    except Exception as error:
        log.exception("reading_failed", url=request.page.url)
        return _failed(request, Reason.EXTRACT_FAILED, f"{type(error).__name__}: {error}"[:300])
    return Answer(unread=result) if isinstance(result, Unread) else Answer(record=result)


def _failed(request: Request, reason: Reason, detail: str) -> Answer:
    if request.feed_at is not None:
        return Answer(reading=FeedReading(format="", problem=detail))
    return Answer(unread=Unread(reason, detail))


def _allow_cpu(seconds: int) -> None:
    """Let the kernel end this process when it has used `seconds` more of CPU time: no Python code can be in the way."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, hard))


def _held_bytes(pid: int | str = "self") -> int:
    """The resident memory of a process; 0 where /proc does not tell, and then count and clock alone bound a child.

    Not getrusage's peak: on Linux that begins with the memory of whoever started the process.
    """
    try:
        # Not by pathlib: a worker looks twenty times a second.
        with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


def _read_frame(source: BinaryIO) -> bytes | None:
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    return source.read(length) if length <= _FRAME_MAX_BYTES else None


def _write_frame(target: BinaryIO, raw: bytes) -> None:
    target.write(_LENGTH.pack(len(raw)) + raw)
    target.flush()


@dataclass(frozen=True, slots=True)
class _Log:
    log_level: str
    log_format: str


def _log_settings(arguments: Sequence[str]) -> _Log:
    """How the parent wants its child to log, as it says on the command line; its settings stay with it."""
    said = next((word.removeprefix("--log=") for word in arguments if word.startswith("--log=")), "info,auto")
    level, _, form = said.partition(",")
    return _Log(level, form)


def _limit_memory() -> None:
    with contextlib.suppress(ValueError, OSError):
        # macOS has no working RLIMIT_AS; the wall clock still holds there.
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))


def main() -> None:
    """Serve on standard input and output, which nothing else may write to."""
    # Ctrl-C on a terminal reaches every process of the group; the parent decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb")
    _widen(1)
    os.dup2(2, 1)
    start_logging(_log_settings(sys.argv), "reading")
    # The heavy imports and the largest model are paid once, before the first page's budget starts.
    gc.disable()
    if "--feeds" in sys.argv:
        import pipeline.feeds
    else:
        import pipeline.record  # noqa: F401
        from pipeline.reading.languages import load

        load()
    _calm_gc()
    _limit_memory()
    with contextlib.suppress(BrokenPipeError):
        # A parent that was killed reads no answer; then there is nobody left to tell.
        _write_frame(answers, msgspec.msgpack.encode(Answer()))
        serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
