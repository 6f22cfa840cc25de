"""The pages and feeds of benchmarks/wire.py behind a forward proxy that notes who asked for what, and when.

    python -m benchmarks.logged_origin --log FILE [--bind ADDRESS] [--corpus PATH] [--copies N] [--answer-s SECONDS]

Prints its URL and serves until its standard input ends; then it writes a line for each request to FILE: seconds of the
monotonic clock (one for all network namespaces) at which it came and was answered, the asker's address, the status and
the URL. It is a process of its own, so that its CPU time is not taken for the product's. `http://quiet-N.example/feed`
are feeds whose one old entry never changes, `http://news-N.example/feed` lists page N before it. `--list` names a file
that gets the addresses of all pages, a line each.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from urllib.parse import urlsplit

import psutil

from benchmarks.wire import Page, answers_of, load_pages, rss

_ROBOTS = b"User-agent: *\nAllow: /\n"
_REASONS = {200: b"OK", 304: b"Not Modified", 404: b"Not Found"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the origin saw it; seconds of the monotonic clock."""

    came_s: float
    answered_s: float
    asker: str
    status: int
    url: str

    @property
    def host(self) -> str:
        """The host that was asked."""
        return urlsplit(self.url).hostname or ""


def quiet_feed(number: int) -> str:
    """The address of a feed that never has news."""
    return f"http://quiet-{number}.example/feed"


def news_feed(number: int) -> str:
    """The address of the feed that lists page `number`."""
    return f"http://news-{number}.example/feed"


def quiet_body(url: str, *news: Page) -> bytes:
    """What that feed lists: its old entry, and before it what is new."""
    host = urlsplit(url).netloc
    return rss(url, [*news, Page(f"http://{host}/old", url, "An old story", "2026-01-01T00:00:00+00:00", b"")])


def etag_of(body: bytes) -> str:
    """The entity tag of a body."""
    return f'"{zlib.crc32(body):08x}"'


@contextmanager
def logged_origin(log: Path, *options: str, netns: str | None = None) -> Iterator[tuple[str, psutil.Process]]:
    """The origin while inside, in a network namespace if one is named; gives its URL and its process."""
    prefix = ["ip", "netns", "exec", netns] if netns else []
    command = [*prefix, sys.executable, "-m", "benchmarks.logged_origin", "--log", str(log), *options]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            # `ip netns exec` becomes the program that it starts.
            yield process.stdout.readline().strip(), psutil.Process(process.pid)
        finally:
            process.stdin.close()
            process.wait()


def read_log(log: Path) -> list[Asked]:
    """The requests in the order in which they came."""
    asked = []
    for line in log.read_text("utf-8").splitlines():
        came, answered, asker, status, url = line.split(" ", 4)
        asked.append(Asked(float(came), float(answered), asker, int(status), url))
    return sorted(asked, key=lambda one: one.came_s)


class _Origin:
    def __init__(self, pages: Sequence[Page], answer_s: float) -> None:
        self._pages = pages
        self._answers = answers_of(pages)
        self._answer_s = answer_s
        self.asked: list[Asked] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asker = str(writer.get_extra_info("peername")[0])
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                came_s = time.monotonic()
                url = request.split(b" ", 2)[1].decode("latin-1")
                if self._answer_s:
                    await asyncio.sleep(self._answer_s)
                status, head, body = self._answer(url, request)
                writer.write(b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, _REASONS[status], head, body))
                await writer.drain()
                self.asked.append(Asked(came_s, time.monotonic(), asker, status, url))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, url: str, request: bytes) -> tuple[int, bytes, bytes]:
        host = urlsplit(url).netloc
        if url.endswith("/robots.txt"):
            kind, body = "text/plain", _ROBOTS
        elif host.startswith("quiet-"):
            kind, body = "application/rss+xml", quiet_body(url)
        elif host.startswith("news-"):
            page = self._pages[int(host.removeprefix("news-").removesuffix(".example"))]
            kind, body = "application/rss+xml", quiet_body(url, page)
        elif url in self._answers:
            kind, body = self._answers[url]
        else:
            return 404, b"Content-Length: 4\r\n", b"gone"
        tag = etag_of(body).encode()
        if tag in request:
            return 304, b"ETag: %b\r\n" % tag, b""
        return 200, b"Content-Type: %b\r\nETag: %b\r\nContent-Length: %d\r\n" % (kind.encode(), tag, len(body)), body


async def _serve(given: argparse.Namespace) -> None:
    pages = load_pages(given.corpus, given.copies, given.limit)
    if given.list:
        given.list.write_text("\n".join(page.url for page in pages), "utf-8")
    origin = _Origin(pages, given.answer_s)
    server = await asyncio.start_server(origin.serve, given.bind, 0, backlog=1024)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"http://{host}:{port}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()
    lines = (
        f"{one.came_s:.4f} {one.answered_s:.4f} {one.asker} {one.status} {one.url}\n" for one in list(origin.asked)
    )
    given.log.write_text("".join(lines), "utf-8")


def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--list", type=Path, help="where to write the pages' addresses")
    parser.add_argument("--answer-s", type=float, default=0.0, help="how long each answer takes")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
