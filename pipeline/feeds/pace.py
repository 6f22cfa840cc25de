"""How long to wait before the next poll: the feed's own pace when it answers, a back-off by reason when not."""

from __future__ import annotations

import math
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

# A feed that brings news now, at least an item in SLOW_GAP_S, is asked so often that half of its items are seen within
# five minutes. A slower one is asked ever more rarely, since each look finds less.
PROMPT_S = 480.0
SLOW_GAP_S = 2_700.0
_SLOWING = 1.4
# One that brings them so fast that more than three would wait for a look is asked sooner.
_ITEMS_A_LOOK = 3.0
# Between the two gaps the interval still grows, by a hair: that is how the gap is read back from it.
_HAIR = 0.02
# What a feed brought counts by half after two hours: long enough to remember a burst, short enough to follow the day.
MEMORY_S = 10_800.0
# At a steady pace a silence of three gaps comes once in twenty: who is silent for longer has grown slower.
_SILENT_GAPS = 3.0
# A quiet feed may wake up and bring an item every so many seconds; until then its window must not have rolled over.
WAKING_GAP_S = 720.0
_WINDOW_MIN = 15
# In a burst two items are waited for, at least so long: what is in it waits about half of that, and a look for each
# item costs the requests that find the next burst sooner (docs/benchmarks.md, the simulated week).
_BURST_ITEMS = 2.0
BURST_MIN_S = 200.0
# A feed is asked four times within its window.
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
    return min(interval_at(median(gaps)), clamped(window_s(entries, now) or INTERVAL_MAX_S))


def interval_at(gap_s: float) -> float:
    """Seconds between two polls of a feed that brings an item every `gap_s` seconds. It grows with the gap."""
    fast_gap_s = PROMPT_S / _ITEMS_A_LOOK
    if gap_s <= fast_gap_s:
        return clamped(_ITEMS_A_LOOK * gap_s)
    if gap_s <= SLOW_GAP_S:
        return PROMPT_S * math.pow(gap_s / fast_gap_s, _HAIR)
    if gap_s >= 10 * DAY_S:  # as slow as can be, and its power might be too large a number
        return INTERVAL_MAX_S
    return clamped(_slow_s() * math.pow(gap_s / SLOW_GAP_S, _SLOWING))


def gap_at(interval_s: float) -> float:
    """The other way round: the seconds between two items that led to that interval."""
    fast_gap_s, interval_s = PROMPT_S / _ITEMS_A_LOOK, clamped(interval_s)
    if interval_s <= PROMPT_S:
        return interval_s / _ITEMS_A_LOOK
    if interval_s <= _slow_s():
        return fast_gap_s * math.pow(interval_s / PROMPT_S, 1.0 / _HAIR)
    return SLOW_GAP_S * math.pow(interval_s / _slow_s(), 1.0 / _SLOWING)


def _slow_s() -> float:
    return PROMPT_S * math.pow(SLOW_GAP_S * _ITEMS_A_LOOK / PROMPT_S, _HAIR)


def next_interval_s(
    interval_s: float, elapsed_s: float | None, new_count: int, silence_s: float | None = None
) -> float:
    """The interval after a poll that found `new_count` items in `elapsed_s` seconds; None when that is not known.

    The interval is all that is remembered of the feed's pace. A poll weighs as much as the time that it covers, with
    news or without, so that many short looks and one long one that find the same say the same. `silence_s` is how long
    the feed has brought nothing, as far as that is known.
    """
    if elapsed_s is None or elapsed_s <= 0:
        return clamped(interval_s)
    kept = math.exp(-elapsed_s / MEMORY_S)
    rate = kept / gap_at(interval_s) + (1.0 - kept) * new_count / elapsed_s
    if silence_s is not None and not new_count:
        rate = min(rate, _SILENT_GAPS / max(silence_s, 1.0))
    return interval_at(1.0 / rate) if rate > 0 else INTERVAL_MAX_S


def before_rolling_s(interval_s: float, listed_count: int) -> float:
    """`interval_s`, or shorter where a feed that lists so many entries would roll over unseen when it wakes up.

    A few entries are taken for _WINDOW_MIN: most feeds that list so few have not filled their window.
    """
    return min(interval_s, max(listed_count, _WINDOW_MIN) * WAKING_GAP_S)


def after_news_s(interval_s: float, gap_s: float, elapsed_s: float | None, new_count: int, listed_count: int) -> float:
    """`interval_s`, or a shorter wait after a poll that found `new_count` items in `elapsed_s` seconds.

    At the pace of that poll a quarter of the window is waited for at most. In a burst, that is with more than twice as
    many items as one every `gap_s` seconds, two more are waited for: news comes in heaps. A burst begins with two.
    """
    if elapsed_s is None or elapsed_s <= 0 or not new_count:
        return interval_s
    goes_on = elapsed_s < interval_s / 2.0
    is_burst = new_count > 2.0 * elapsed_s / gap_s and (new_count >= 2 or goes_on)
    an_item_s = elapsed_s / new_count
    soon_s = an_item_s * max(listed_count, LOOKS) / LOOKS
    if is_burst:
        soon_s = min(soon_s, max(BURST_MIN_S, an_item_s * _BURST_ITEMS))
    return max(INTERVAL_MIN_S, min(interval_s, soon_s))


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


def believed_s(period_s: float | None, interval_s: float) -> float:
    """`period_s`, in which the publisher says that nothing changes, or 0 when the feed's own pace says otherwise.

    A ttl is a wish. An update period is a statement, which much software makes unasked ("hourly"): it counts while the
    feed keeps to it, that is while it brings no more than an item a period.
    """
    return period_s if period_s and gap_at(interval_s) >= period_s else 0.0


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
