"""Holding what SQL, logs and canaries say against what a correct client ends with. Each answer is a list of faults."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from hostile_cases import FeedCase, PageCase
from hostile_road import RoadEnd

from pipeline.outcomes import REASONS
from pipeline.text import one_line, scrub

TREE_MAX_BYTES = 400 << 20


def page_faults(end: RoadEnd, case: PageCase) -> list[str]:
    """How the case's row differs from what it must be."""
    row = end.page(case)
    if row is None:
        return ["its URL never became a row"]
    facts = REASONS[case.reason]
    if (row.state, row.reason) != (facts.state, case.reason):
        return [f"{row.state.value} {row.reason.value} ({row.detail}) and not {case.reason.value}"]
    faults = _storable_faults(row.detail, row.entry_title)
    if row.story_id is None or row.state.value != "stored":
        return faults
    told = f"{row.title}\n{row.text}"
    faults += [f"lacks {piece!r}" for piece in case.has if piece not in told]
    faults += [f"has {piece!r}" for piece in case.lacks if piece in told]
    if case.title is not None and row.title != case.title:
        faults.append(f"title {row.title!r}")
    if case.canonical is not None and (row.canonical_url or "") != case.canonical:
        faults.append(f"canonical URL {row.canonical_url}")
    if one_line(row.title) != row.title:
        faults.append(f"the title is not one clean line: {row.title!r}")
    return faults + _storable_faults(row.text, row.section, *row.authors)


def feed_faults(end: RoadEnd, case: FeedCase) -> list[str]:
    """How the case's feed, polls and URLs differ from what they must be."""
    url = end.origin.ports.url(case.url)
    polls, row, announced = end.polls.get(url, []), end.feeds[url], end.announced.get(url, [])
    outcomes = tuple(poll.outcome for poll in polls)
    if outcomes != case.outcomes:
        return [f"{[outcome.value for outcome in outcomes]}, {[poll.detail for poll in polls]}"]
    checks: Sequence[tuple[str, Any, Any]] = (
        ("reason", polls[-1].reason, case.last_reason),
        ("new URLs", sum(poll.new_urls for poll in polls), case.new),
        ("address", row.url, end.origin.ports.url(case.moved or case.url)),
        ("validator", row.etag, case.validator if case.validator is not None else row.etag),
    )
    faults = [
        f"{name} {got!r}, not {wanted!r}"
        for name, got, wanted in checks
        if wanted != got and (wanted is not None or name == "reason")
    ]
    urls = {entry.url for entry in announced}
    titles = [entry.entry_title or "" for entry in announced]
    faults += [f"no {link}" for link in case.links if end.origin.ports.url(link) not in urls]
    faults += [f"no title {title!r}" for title in case.titles if title not in titles]
    faults += [f"has {piece!r}" for piece in case.lacks if any(piece in text for text in (*titles, *urls))]
    return faults + _storable_faults(row.title, row.etag, row.last_modified, row.last_detail, *titles)


def log_faults(end: RoadEnd) -> list[str]:
    """Log lines that are no JSON object, hold a control character, or tell of an error nobody foresaw (P28)."""
    faults = []
    for line in end.log_lines:
        try:
            event = json.loads(line)
        except ValueError:
            faults.append(f"not JSON: {line[:200]}")
            continue
        if "exception" in event:
            faults.append(f"an error: {event['exception'][-300:]}")
        values = [value for value in event.values() if isinstance(value, str)]
        if any(unicodedata.category(char) in ("Cc", "Cs") for value in values for char in value.replace("\t", "")):
            faults.append(f"a control character: {line[:200]!r}")
        if "hunter2" in line:
            faults.append(f"a password: {line[:200]}")
    return faults


def road_faults(end: RoadEnd) -> list[str]:
    """What is wrong with the run as a whole."""
    faults = [f"somebody connected to the canary at {name}" for name in end.origin.canary_hits]
    if end.tree_peak_bytes > TREE_MAX_BYTES:
        faults.append(f"a worker and its child took {end.tree_peak_bytes >> 20} MB")
    return faults + log_faults(end)


def all_faults(end: RoadEnd, cases: Sequence[Any], judge: Callable[[RoadEnd, Any], list[str]]) -> dict[str, list[str]]:
    """The faults by case, and those of the whole run under the empty name."""
    found = {case.name: judge(end, case) for case in cases} | {"": road_faults(end)}
    return {name: faults for name, faults in found.items() if faults}


def _storable_faults(*texts: str | None) -> list[str]:
    return [f"not storable: {text[:80]!r}" for text in texts if text and scrub(text) != text]
