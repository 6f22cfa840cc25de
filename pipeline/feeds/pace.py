"""How long to wait before the next poll: the feed's own pace when it answers, a back-off by reason when not."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median

from pipeline.feeds.dates import parse_instant
from pipeline.outcomes import Reason
from pipeline.values import Entry, FetchedPage, NotModified

INTERVAL_MIN_S = 120.0
INTERVAL_MAX_S = 21_600.0
WISH_MAX_S = 3_600.0
SKIPPED_MAX_S = 14_400.0
DAY_S = 86_400.0
JITTER = 0.1

# A quiet poll makes the interval this much longer; a poll with news goes half of the way to the observed pace.
GROWTH = 1.25
# A feed is asked at least four times within the time it has been silent, and four times within its window.
LOOKS = 4.0
_DATED_MAX = 20

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?([0-9]{1,9})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits for one kind of failure: at least `start_s`, doubled with each failure in a row, at most `ceiling_s`."""

    start_s: float
    ceiling_s: float


_OUTAGE = Backoff(INTERVAL_MIN_S, INTERVAL_MAX_S)
_REFUSAL = Backoff(900.0, DAY_S)
_DAILY = Backoff(DAY_S, DAY_S)
# After so many failures in a row, two or three days of them, an outage moves to the slow lane: once a day.
SLOW_LANE_ERRORS = 18

# What is not listed is an outage.
BACKOFFS: dict[Reason, Backoff] = {
    Reason.THROTTLED: Backoff(600.0, DAY_S),
    Reason.NOT_FOUND: _REFUSAL,
    Reason.HTTP_REFUSED: _REFUSAL,
    Reason.ROBOTS_DISALLOWED: _REFUSAL,
    Reason.URL_REFUSED: _REFUSAL,
    Reason.BLOCKED_ADDRESS: _REFUSAL,
    Reason.TOO_MANY_REDIRECTS: _REFUSAL,
    Reason.NOT_A_PAGE: _REFUSAL,
    Reason.NOT_A_FEED: _REFUSAL,
    Reason.TOO_LARGE: _REFUSAL,
    Reason.UNKNOWN_CODING: _REFUSAL,
    Reason.GONE: _DAILY,
}


def backoff_s(reason: Reason, interval_s: float, error_count: int) -> float:
    """Seconds to wait after the `error_count`-th failure in a row (1 = the first)."""
    backoff = BACKOFFS.get(reason, _OUTAGE)
    ceiling_s = DAY_S if error_count >= SLOW_LANE_ERRORS else backoff.ceiling_s
    doubled_s = max(backoff.start_s, clamped(interval_s)) * 2.0 ** min(max(error_count, 1), 32)
    return min(ceiling_s, doubled_s)


def first_interval_s(entries: Sequence[Entry], interval_s: float, now: datetime) -> float:
    """The interval after a first reading: the usual time between its newest dated entries, else `interval_s`."""
    instants = _newest(entries, now)
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(instants)]
    if len(gaps) < 3:
        return clamped(interval_s)
    return clamped(min(median(gaps), window_s(entries, now) or INTERVAL_MAX_S))


def busy_interval_s(interval_s: float, elapsed_s: float | None, new_count: int, listed_count: int) -> float:
    """The interval after a poll with news: half of the way to one new entry a poll, and far from a full window."""
    if elapsed_s is None or elapsed_s <= 0:
        return clamped(interval_s)
    gap_s = elapsed_s / new_count
    return clamped(min((interval_s + gap_s) / 2.0, gap_s * max(listed_count, LOOKS) / LOOKS))


def quiet_interval_s(interval_s: float, silence_s: float | None) -> float:
    """The interval after a poll without news: a quarter longer, but at most a quarter of the silence so far."""
    grown_s = interval_s * GROWTH
    return clamped(min(grown_s, max(interval_s, silence_s / LOOKS)) if silence_s is not None else grown_s)


def window_s(entries: Sequence[Entry], now: datetime) -> float | None:
    """A quarter of the time that the feed's dated entries span, in seconds; None when fewer than four have dates."""
    instants = _newest(entries, now, limit=len(entries))
    return (instants[0] - instants[-1]).total_seconds() / LOOKS if len(instants) >= LOOKS else None


def lost_between(entries: Sequence[Entry], since: datetime | None, now: datetime) -> int:
    """How many items probably passed between the poll at `since` and the oldest entry listed now; at least 1.

    The pace of the listed entries goes on into the hole. Without dates nothing better than "at least one" is known.
    """
    instants = _newest(entries, now, limit=len(entries))
    if since is None or len(instants) < 2:
        return 1
    span_s = (instants[0] - instants[-1]).total_seconds()
    hole_s = (instants[-1] - since).total_seconds()
    if span_s <= 0 or hole_s <= 0:
        return 1
    return max(1, min(1_000_000, round((len(instants) - 1) / span_s * hole_s)))


def wished_s(answer: FetchedPage | NotModified, ttl_s: float | None) -> float:
    """The shortest interval that the publisher asks for, in seconds, at most WISH_MAX_S; 0 when it asks for none.

    Of the feed's own ttl and HTTP's Cache-Control max-age or else Expires the longest counts.
    """
    max_age = _MAX_AGE.search(answer.header("cache-control") or "")
    if max_age is not None:
        cached_s = float(max_age[1])
    else:
        expires = parse_instant(answer.header("expires"))
        sent = parse_instant(answer.header("date")) or answer.fetched_at
        cached_s = (expires - sent).total_seconds() if expires is not None else 0.0
    return min(WISH_MAX_S, max(0.0, cached_s, ttl_s or 0.0))


def after_skipped_s(now: datetime, wait_s: float, skip_hours: Collection[int], skip_days: Collection[int]) -> float:
    """`wait_s`, or longer to the end of the hours and days (UTC) in which the publisher has nothing new.

    Never longer than SKIPPED_MAX_S, whatever the feed says: publishers forget such lists, and news comes all the same.
    """
    due = now.astimezone(UTC) + timedelta(seconds=wait_s)
    latest = now.astimezone(UTC) + timedelta(seconds=max(wait_s, SKIPPED_MAX_S))
    while due < latest and (due.hour in skip_hours or due.weekday() in skip_days):
        due = due.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return (min(due, latest) - now).total_seconds()


def jittered_s(wait_s: float, floor_s: float, jitter: float) -> float:
    """`wait_s` moved by up to a tenth either way (`jitter` 0..1, 0.5 stays), not below `floor_s`, at most a day."""
    share = min(1.0, max(0.0, jitter))
    moved_s = wait_s * (1.0 - JITTER + 2.0 * JITTER * share)
    return min(DAY_S, max(moved_s, floor_s * (1.0 + JITTER * share)))


def clamped(interval_s: float) -> float:
    """`interval_s` within two minutes and six hours."""
    return min(INTERVAL_MAX_S, max(INTERVAL_MIN_S, interval_s))


def _newest(entries: Sequence[Entry], now: datetime, limit: int = _DATED_MAX) -> list[datetime]:
    """The instants of the entries that are not dated ahead, the newest first."""
    instants = [min(entry.published_at, now.astimezone(UTC)) for entry in entries if entry.published_at is not None]
    return sorted(instants, reverse=True)[:limit]
