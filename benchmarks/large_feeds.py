"""The memory a poller takes when many feeds are large at once, each packed into a few KB, as a hostile site would send.

    PYTHONPATH=. python benchmarks/large_feeds.py [--feeds 96] [--mib 15]

All are due at the same moment, each on a host of its own, and all are polled at once, on SQLite. Peak resident memory
of the poller itself; its reading child is another process, which reads one feed at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import logging
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import structlog
from sqlalchemy import Engine

from pipeline.store import feeds as feed_store
from pipeline.store.feeds import NewFeed
from workers.child import FEEDS_COMMAND, ReadingChild
from workers.database import open_engine, upgrade
from workers.gate import SqlGate
from workers.http import HttpClient
from workers.policy import http_policy
from workers.poller import Poller
from workers.process import utc_now
from workers.settings import load_settings

MIB = 1 << 20
ITEM = "<item><title>Report</title><link>http://www.wire.example/story/1</link></item>"
# The server's own process: what it holds is not the poller's.
ORIGIN = """
import asyncio, sys
told = sys.stdin.buffer.read()
async def serve(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(told)
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


def answer(size: int) -> bytes:
    """A feed of one item that is `size` bytes unpacked."""
    padding = "x" * size
    body = gzip.compress(f"<rss version='2.0'><channel>{ITEM}<!--{padding}--></channel></rss>".encode())
    head = ("HTTP/1.1 200 OK", "Content-Type: text/xml", "Content-Encoding: gzip", f"Content-Length: {len(body)}")
    return "\r\n".join((*head, "", "")).encode() + body


def peak_mb() -> int:
    """The most that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


async def poll_all(engine: Engine, feeds: int, told: bytes) -> None:
    """Poll every feed once, all at the same time, and say what it took."""
    command = (sys.executable, "-c", ORIGIN)
    pipe = asyncio.subprocess.PIPE
    origin = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert origin.stdin is not None
    assert origin.stdout is not None
    origin.stdin.write(told)
    origin.stdin.close()
    proxy = f"http://127.0.0.1:{int(await origin.stdout.readline())}"
    settings = load_settings(http_proxy=proxy, host_delay_s=0, poll_concurrency=feeds)
    child, gate = ReadingChild(command=FEEDS_COMMAND), SqlGate(engine, 0)
    try:
        async with HttpClient(http_policy(settings), gate, utc_now) as http:
            poller = Poller(engine, http, gate, child, settings)
            before, began = peak_mb(), time.perf_counter()
            polls = await poller.step()
            await poller.idle()
            took_s = time.perf_counter() - began
    finally:
        await child.close()
        origin.kill()
        await origin.wait()
    print(f"{polls} polls in {took_s:.0f} s; peak of the poller {before} MB before, {peak_mb()} MB after")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=96)
    parser.add_argument("--mib", type=int, default=15, help="how large each feed is, unpacked")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="frontwire-large-") as directory:
        engine = open_engine(f"sqlite:///{Path(directory) / 'large.db'}")
        upgrade(engine)
        wires = [NewFeed(f"http://wire{number}.example/feed.xml") for number in range(given.feeds)]
        with engine.begin() as connection:
            feed_store.add_feeds(connection, wires, datetime(2026, 1, 5, tzinfo=UTC))
        asyncio.run(poll_all(engine, given.feeds, answer(given.mib * MIB)))
        engine.dispose()


if __name__ == "__main__":
    main()
