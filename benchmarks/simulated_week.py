"""A week of polling under a simulated clock: the pure policy of pipeline/feeds over feeds whose arrivals are known.

    PYTHONPATH=. python benchmarks/simulated_week.py [--feeds 1000] [--days 7] [--seed 1]

Each feed is followed by itself: its items appear at instants drawn beforehand, its listing shows the newest `window`
of them, request_headers() and plan_poll() say what is asked, what is announced and when to come back. Nothing is
fetched or stored. Items that appear within the days are counted; polls go on for a day, so that the last can be caught.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.feeds import body_digest, plan_poll, request_headers
from pipeline.outcomes import Reason
from pipeline.values import Entry, FeedReading, FeedState, FetchedPage, FetchFailure, FetchResult, NotModified

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY_S = 86_400.0
FIXED_S = 900.0
BUSY_PER_DAY = 20
# Of 429 feeds: the share of requests that is refused, and for how long.
REFUSED = 0.1
RETRY_AFTER_S = (600.0, 1_800.0)


@dataclass(frozen=True, slots=True)
class Publisher:
    """A feed as it truly is: seconds from START at which items appear (before 0 the past), and how its server behaves.

    `lies` answers 304 to every request with a validator, by a tag that is always the same or (`lies_anew`) by the one
    that it gave. `is_throttled` answers some with 429 and Retry-After.
    """

    kind: str
    arrivals: tuple[float, ...]
    window: int
    is_dated: bool
    lies: bool = False
    lies_anew: bool = False
    is_throttled: bool = False

    def listed(self, now_s: float) -> range:
        """The numbers of the items that the feed lists at `now_s`."""
        newest = bisect_right(self.arrivals, now_s)
        return range(max(0, newest - self.window), newest)


@dataclass(slots=True)
class Followed:
    """What following one feed came to: seconds at which each item was announced, and at which polls saw a gap."""

    publisher: Publisher
    requests: int = 0
    announced: dict[int, float] = field(default_factory=dict)
    bodies: list[tuple[float, bool]] = field(default_factory=list)

    def due(self, days: float) -> list[int]:
        """The items that appeared within the days."""
        return [n for n, at in enumerate(self.publisher.arrivals) if 0 <= at < days * DAY_S]

    def lost(self, days: float) -> list[int]:
        """Those of them that were never announced."""
        return [n for n in self.due(days) if n not in self.announced]

    def is_recorded(self, number: int) -> bool:
        """Whether the first body that was read after the item appeared was recorded as a gap."""
        at = self.publisher.arrivals[number]
        return next((is_gap for polled, is_gap in self.bodies if polled >= at), False)


# ------------------------------------------------------------------------------------------------------- publishers


def _poisson(chance: random.Random, per_day: float, days: float, weight: Callable[[float], float]) -> Iterator[float]:
    """Instants from a week before START on, at a pace that `weight` (0..1, of the hour of the day) thins."""
    at = -7 * DAY_S
    while per_day > 0 and (at := at + chance.expovariate(per_day / DAY_S)) < (days + 1) * DAY_S:
        if chance.random() < weight(at % DAY_S / 3600):
            yield at


def _by_day(hour: float) -> float:
    return 1.0 if 6 <= hour < 22 else 0.15


def _by_night(hour: float) -> float:
    return 1.0 if hour < 4 or hour >= 22 else 0.02


def _always(_hour: float) -> float:
    return 1.0


def _bursts(chance: random.Random, days: float) -> Iterator[float]:
    """Quiet with some items a day, and five times a day 4 to 12 items within a quarter of an hour."""
    yield from _poisson(chance, 6, days, _by_day)
    for at in _poisson(chance, 5, days, _by_day):
        yield from (at + chance.uniform(0, 900) for _ in range(chance.randint(4, 12)))


def publishers(count: int, days: float, seed: int) -> list[Publisher]:
    """So many feeds: of twenty 4 dead, 5 slow, 3 nightly, 3 bursty, 2 of window 10, 1 agency, 1 lying, 1 throttled."""
    chance = random.Random(seed)
    kinds = ["dead"] * 4 + ["slow"] * 5 + ["nightly"] * 3 + ["bursty"] * 3 + ["window"] * 2
    kinds += ["agency", "lying", "throttled"]
    made = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        arrivals = {
            "dead": lambda: iter([-6 * DAY_S, -5 * DAY_S]),
            "slow": lambda: _poisson(chance, chance.uniform(0.5, 5), days, _by_day),
            "nightly": lambda: _poisson(chance, chance.uniform(20, 60), days, _by_night),
            "bursty": lambda: _bursts(chance, days),
            "window": lambda: _poisson(chance, chance.uniform(25, 80), days, _by_day),
            "agency": lambda: _poisson(chance, chance.uniform(150, 400), days, _always),
            "lying": lambda: _poisson(chance, chance.uniform(5, 15), days, _by_day),
            "throttled": lambda: _poisson(chance, chance.uniform(10, 40), days, _by_day),
        }[kind]()
        made.append(
            Publisher(
                kind,
                tuple(sorted(arrivals)),
                10 if kind == "window" else chance.choice((20, 30, 50)),
                chance.random() < 0.8,
                lies=kind == "lying",
                lies_anew=kind == "lying" and number // len(kinds) % 2 == 1,
                is_throttled=kind == "throttled",
            )
        )
    return made


# ---------------------------------------------------------------------------------------------------------- polling


def follow(publisher: Publisher, days: float, chance: random.Random) -> Followed:
    """Poll one feed from START until a day after the days, as the policy says."""
    found = Followed(publisher)
    url = "https://feed.example/"
    state, known, at_s = FeedState(1, url), dict[str, str](), chance.uniform(0, FIXED_S)
    while at_s < (days + 1) * DAY_S:
        now = START + timedelta(seconds=at_s)
        found.requests += at_s < days * DAY_S
        result = _answer(publisher, state, at_s, now, chance)
        reading = None
        if isinstance(result, FetchedPage) and body_digest(result.body) != state.body_sha256:
            reading = _reading(publisher, at_s)
        plan = plan_poll(state, result, reading, known, now, chance.random())
        if isinstance(result, FetchedPage):
            found.bodies.append((at_s, plan.lost_estimate is not None))
        for entry in plan.announced:
            found.announced.setdefault(int(entry.key), at_s)
        known |= dict(plan.listed or ())
        state = plan.state
        assert state.next_poll_at is not None
        at_s = max((state.next_poll_at - START).total_seconds(), at_s + plan.fetch_delay_s)
    return found


def _answer(publisher: Publisher, state: FeedState, at_s: float, now: datetime, chance: random.Random) -> FetchResult:
    if publisher.is_throttled and chance.random() < REFUSED:
        wait_s = chance.choice(RETRY_AFTER_S)
        return FetchFailure(state.url, Reason.THROTTLED, "429", now, status=429, retry_after_s=wait_s)
    newest = str(publisher.listed(at_s).stop)
    tag = '"always the same"' if publisher.lies and not publisher.lies_anew else f'"{newest}"'
    headers = (("etag", tag),)
    asked = request_headers(state, now)
    if ("If-None-Match", tag) in asked or (publisher.lies_anew and asked):
        return NotModified(state.url, state.url, headers, now, 0.0)
    return FetchedPage(state.url, state.url, 200, headers, newest.encode(), now, 0.0)


def _reading(publisher: Publisher, at_s: float) -> FeedReading:
    def instant(number: int) -> datetime | None:
        return START + timedelta(seconds=publisher.arrivals[number]) if publisher.is_dated else None

    numbers = reversed(publisher.listed(at_s))
    entries = tuple(Entry(str(n), f"https://feed.example/{n}", published_at=instant(n), version="1") for n in numbers)
    return FeedReading("rss20", entries=entries)


# ---------------------------------------------------------------------------------------------------------- figures


def figures(followed: list[Followed], days: float) -> dict[str, Any]:
    """What came of it; delays in seconds."""
    due = sum(len(feed.due(days)) for feed in followed)
    lost = [(feed, number) for feed in followed for number in feed.lost(days)]
    busy = [feed for feed in followed if len(feed.due(days)) > BUSY_PER_DAY * days]
    delays = [delay for feed in busy for delay in _delays(feed, days)]
    requests = sum(feed.requests for feed in followed)
    return {
        "feeds": len(followed),
        "items": due,
        "caught": round(1 - len(lost) / max(1, due), 6),
        "lost": len(lost),
        "lost_without_a_gap": sum(not feed.is_recorded(number) for feed, number in lost),
        "requests": requests,
        "requests_to_fixed": round(requests / (len(followed) * days * DAY_S / FIXED_S), 3),
        "busy_feeds": len(busy),
        "busy_delay_median_s": round(statistics.median(delays), 1) if delays else None,
    }


def _delays(feed: Followed, days: float) -> list[float]:
    return [feed.announced[n] - feed.publisher.arrivals[n] for n in feed.due(days) if n in feed.announced]


def simulate(count: int, days: float, seed: int) -> dict[str, Any]:
    """All figures, and those of each kind of feed."""
    chance = random.Random(seed + 1)
    followed = [follow(publisher, days, chance) for publisher in publishers(count, days, seed)]
    kinds = dict.fromkeys(feed.publisher.kind for feed in followed)
    by_kind = {kind: figures([feed for feed in followed if feed.publisher.kind == kind], days) for kind in kinds}
    return {"days": days, "seed": seed, "all": figures(followed, days), "by_kind": by_kind}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=1_000)
    parser.add_argument("--days", type=float, default=7)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(json.dumps(simulate(given.feeds, given.days, given.seed), indent=1))


if __name__ == "__main__":
    main()
