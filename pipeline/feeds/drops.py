"""What a file means that was dropped into a watched folder: the same as a poll, but that nothing is missing from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pipeline.outcomes import PollOutcome, Reason
from pipeline.values import FeedReading, FeedState, PollPlan

# A file in the making is told by its missing end; one that has not grown for so long will not be finished any more.
GIVE_UP_S = 60.0
_DETAIL_MAX_CHARS = 500


def is_unfinished(reading: FeedReading, unchanged_s: float) -> bool:
    """Whether the file may still be written: its end is missing, and it changed less than GIVE_UP_S ago."""
    return reading.is_partial and 0 <= unchanged_s < GIVE_UP_S


def plan_drop(state: FeedState, reading: FeedReading, known: Mapping[str, str], name: str, now: datetime) -> PollPlan:
    """What to write for the file `name` that was read as `reading`.

    `known` maps those of its entry keys that the folder brought before to their versions. A file lists nothing: what it
    does not hold stays known.
    """
    looked = state._replace(last_polled_at=now, next_poll_at=now)
    problem = reading.problem or ("The file is cut off." if reading.is_partial else None)
    if problem is not None:
        failed = looked._replace(error_count=state.error_count + 1)
        detail = f"{name}: {problem}"[:_DETAIL_MAX_CHARS]
        return PollPlan(failed, PollOutcome.NOT_A_FEED, reason=Reason.NOT_A_FEED, detail=detail)
    announced = tuple(entry for entry in reading.entries if entry.key not in known)
    edited = tuple(entry for entry in reading.entries if entry.key in known and known[entry.key] != entry.version)
    has_news = bool(announced or edited)
    read = looked._replace(
        error_count=0,
        last_success_at=now,
        last_new_at=now if announced else state.last_new_at,
        known_entries=max(state.known_entries, len(reading.entries)),
    )
    return PollPlan(
        read,
        PollOutcome.NEW_ENTRIES if has_news else PollOutcome.NOTHING_NEW,
        detail=name[:_DETAIL_MAX_CHARS],
        announced=announced,
        edited=edited,
        entries_count=len(reading.entries),
    )
