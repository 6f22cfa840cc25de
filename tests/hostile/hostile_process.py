"""A real poller or worker process in which nothing is replaced but the name look-up and the two clocks.

The client's deadline is given; a page's wall clock is widened, so that a busy machine does not judge pages. Its CPU and
memory limits are what they are.

    python hostile_process.py worker|poller --names FILE --limit-s 2

Every name ends at the hostile origin unless FILE (JSON: host to lists of addresses, one list a look-up, the last one
stays) says otherwise. What the look-up answers is judged by the guard as any other answer.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from workers import poller, reader
from workers.child import ReadingChild
from workers.cli.common import current_engine
from workers.http import HttpClient, HttpPolicy
from workers.logs import start_logging
from workers.policy import http_policy
from workers.process import end_with_parent
from workers.settings import Settings, load_settings

WALL_LIMIT_S = 90.0


def look_up_in(names: dict[str, list[list[str]]]) -> Callable[[str, int], Awaitable[list[str]]]:
    """A name look-up whose answers may change from one call to the next."""
    asked: Counter[str] = Counter()

    async def resolve(host: str, port: int) -> list[str]:
        answers = names.get(host.lower())
        if answers is None:
            return ["127.0.0.1"]
        turn = min(asked[host], len(answers) - 1)
        asked[host] += 1
        if not answers[turn]:
            raise OSError("no such name")
        return answers[turn]

    return resolve


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("process", choices=["worker", "poller"])
    parser.add_argument("--names", type=Path, required=True)
    parser.add_argument("--limit-s", type=float, required=True)
    options = parser.parse_args()
    client = functools.partial(HttpClient, resolve=look_up_in(json.loads(options.names.read_text("utf-8"))))

    def policy(settings: Settings) -> HttpPolicy:
        return replace(http_policy(settings), total_timeout_s=options.limit_s)

    child = functools.partial(ReadingChild, wall_limit_s=WALL_LIMIT_S)
    settings = load_settings()
    start_logging(settings, options.process)
    end_with_parent()
    engine = current_engine(settings)
    if options.process == "worker":
        reader.HttpClient, reader.http_policy, reader.ReadingChild = client, policy, child  # type: ignore
        reader.run_reader(engine, settings)
    else:
        poller.HttpClient, poller.http_policy, poller.ReadingChild = client, policy, child  # type: ignore
        poller.run_poller(engine, settings)


if __name__ == "__main__":
    main()
