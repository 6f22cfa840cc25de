"""What the reading child does for a page against the bare loop, in turns in one process, and where its time goes.

    PYTHONPATH=. python benchmarks/reading_cpu.py --corpus PATH [--rounds 3] [--pages 100]

Ours is all of it: request decoded, `read_record` (reading, fingerprint, verdict, credits), answer encoded. The bare
loop is `bare_extraction(html, url, with_metadata=True, include_comments=False)`. Each page is read by both, now the
one first, now the other; the round with the least CPU time counts. A stage's time is its own, without the stages that
it calls.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec
from trafilatura import bare_extraction

from benchmarks.extraction import FETCHED_AT
from benchmarks.extraction_corpus import Page, hash_of_corpus, load_corpus
from pipeline.record import read_record
from pipeline.values import EntryHints, FetchedPage, Unread
from workers.child import Answer, Request

# Stage -> the functions that are it, each by the module that calls it.
STAGES: dict[str, tuple[tuple[str, str], ...]] = {
    "decode": (("pipeline.reading.read", "decode_page"),),
    "look before parsing": (("pipeline.reading.read", "look_before_parsing"),),
    "parse": (("pipeline.reading.read", "parse_markup"),),
    "hidden notes": (("pipeline.reading.read", "drop_hidden_notes"),),
    "walk over the tree": (("pipeline.reading.evidence", "blocks_of"),),
    "declared": (("pipeline.reading.evidence", "read_declared"),),
    "bylines": (("pipeline.reading.evidence", "find_bylines"),),
    "other evidence": (("pipeline.reading.read", "gather_evidence"),),
    "title": (("pipeline.reading.read", "choose_title"),),
    "quick mode": (("pipeline.reading.candidates", "quick_extraction"),),
    "other extractors": (("pipeline.reading.candidates", "full_extraction"),),
    "candidate": (("pipeline.reading.read", "best_candidate"),),
    "mend": (("pipeline.reading.read", "mend_lines"), ("pipeline.reading.read", "restore_lines")),
    "facts": (("pipeline.reading.read", "_facts"),),
    "rules": (("pipeline.reading.read", "clean_lines"),),
    "kind": (("pipeline.reading.read", "tell_kind"),),
    "dates": (("pipeline.reading.read", "choose_dates"),),
    "language": (("pipeline.reading.read", "choose_language"),),
    "captions": (("pipeline.reading.read", "caption_fields"),),
    "left out": (("pipeline.reading.read", "left_out"),),
    "live entries": (("pipeline.reading.read", "live_entries"),),
    "other reading": (("pipeline.record", "read_page"),),
    "fingerprint": (("pipeline.record", "fingerprint"),),
    "verdict": (("pipeline.judging.stories", "judge"),),
    "names and places": (
        ("pipeline.judging.stories", "sentences_of"),
        ("pipeline.judging.stories", "mentions_in"),
        ("pipeline.judging.stories", "places_in"),
    ),
    "sourcing": (("pipeline.judging.stories", "sourcing_in"),),
    "other judging": (("pipeline.record", "judge_story"),),
    "credits": (("pipeline.record", "read_credits"),),
}  # fmt: skip


class Clock:
    """CPU seconds by stage since the last `taken`."""

    def __init__(self) -> None:
        self._stack: list[tuple[str, float]] = []
        self._spent: dict[str, float] = {}

    def around(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, its own time counted to the stage; what it yields lazily is made inside."""

        def timed(*args: Any, **named: Any) -> Any:
            self._turn(stage)
            try:
                result = function(*args, **named)
                return list(result) if isinstance(result, Iterator) else result
            finally:
                self._turn(None)

        return timed

    def _turn(self, stage: str | None) -> None:
        """Count the time so far to the stage that runs, and enter another one or return to the one around it."""
        now = time.process_time()
        if self._stack:
            running, since = self._stack[-1]
            self._spent[running] = self._spent.get(running, 0.0) + now - since
        if stage is not None:
            self._stack.append((stage, now))
            return
        self._stack.pop()
        if self._stack:
            self._stack[-1] = (self._stack[-1][0], now)

    def taken(self) -> dict[str, float]:
        """The seconds since the last call."""
        spent, self._spent = self._spent, {}
        return spent


@contextmanager
def timed_stages(clock: Clock) -> Iterator[None]:
    """Inside, the functions of STAGES are timed."""
    before: list[tuple[Any, str, Any]] = []
    for stage, places in STAGES.items():
        for module_name, name in places:
            module = import_module(module_name)
            before.append((module, name, getattr(module, name)))
            setattr(module, name, clock.around(stage, getattr(module, name)))
    try:
        yield
    finally:
        for module, name, function in before:
            setattr(module, name, function)


def request_of(page: Page) -> bytes:
    """The request by which the worker asks its child to read the page."""
    url = page.gold["url"] or "http://page.invalid/story"
    fetched = FetchedPage(url, url, 200, (("content-type", "text/html"),), page.html, FETCHED_AT, 0.0)
    return msgspec.msgpack.encode(Request(fetched, EntryHints()))


def answered(raw: bytes) -> bytes:
    """The child's answer to a request."""
    request = msgspec.msgpack.decode(raw, type=Request)
    result = read_record(request.page, request.hints, request.furniture)
    answer = Answer(unread=result) if isinstance(result, Unread) else Answer(record=result)
    return msgspec.msgpack.encode(answer)


def in_turns(pages: list[Page], rounds: int) -> list[tuple[float, dict[str, float], float]]:
    """For each page the least CPU seconds: ours, ours by stage in that round, and the bare loop's."""
    clock = Clock()
    whole = clock.around("frames", answered)
    least: list[tuple[float, dict[str, float], float]] = [(float("inf"), {}, float("inf"))] * len(pages)
    requests = [request_of(page) for page in pages]
    with timed_stages(clock):
        for turn in range(rounds):
            for index, page in enumerate(pages):
                for is_ours in (True, False) if (turn + index) % 2 else (False, True):
                    ours, stages, bare = least[index]
                    if is_ours:
                        whole(requests[index])
                        stages_now = clock.taken()
                        if (now := sum(stages_now.values())) < ours:
                            least[index] = (now, stages_now, bare)
                    else:
                        begun = time.process_time()
                        bare_extraction(page.html, page.gold["url"], with_metadata=True, include_comments=False)
                        least[index] = (ours, stages, min(bare, time.process_time() - begun))
    return least


def main() -> None:
    """Prints the figures as JSON: milliseconds a page, their ratio, and the stages in ms and as shares of the loop."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", type=int, help="only so many of the corpus' pages, spread over it")
    options = parser.parse_args()
    logging.disable()  # extractors complain about each page that holds nothing for them
    pages = load_corpus(options.corpus)
    corpus = hash_of_corpus(pages)
    pages = pages[:: max(1, len(pages) // options.pages)] if options.pages else pages
    in_turns(pages[:5], 1)  # what is imported or read late is loaded now
    rows = in_turns(pages, options.rounds)
    ours, bare = fmean(row[0] for row in rows), fmean(row[2] for row in rows)
    names = ("frames", *STAGES)
    stages = {name: fmean(row[1].get(name, 0.0) for row in rows) for name in names}
    print(
        json.dumps(
            {
                "corpus": corpus,
                "pages": len(pages),
                "ours_ms": round(1000 * ours, 2),
                "bare_loop_ms": round(1000 * bare, 2),
                "ratio": round(ours / bare, 3),
                "stages_ms": {name: round(1000 * cost, 2) for name, cost in stages.items()},
                "stages_to_bare_loop": {name: round(cost / bare, 3) for name, cost in stages.items()},
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
