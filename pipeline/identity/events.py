"""Whether two reports, each in words of its own, tell of one event. Weaker than a near-copy: it never merges clusters.

Two reports are compared when they name an actor and an act in common within a day of one another. What they share is
then weighed: the rarer a word is among all reports with these actors and acts, the more it says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from math import exp, log

METHOD = "event-1"

# The score from which two reports tell of one event; docs/near-copies.md has its precision.
JOIN_AT = 0.65
# An event takes no report that was told so much before or after the one that founded it.
SPAN = timedelta(days=3)
WITHIN = timedelta(hours=36)
MAX_CANDIDATES = 40
MAX_ACTORS, MAX_ACTS = 5, 3
TITLE_MAX, LEAD_MAX = 300, 600

# As if so many reports more had been seen, with none of the words: two candidates alone make no word common.
_PRIOR = 50
_STEM = 6
_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")
_FIGURE = re.compile(r"\d")
# Words that say nothing of what happened, in the languages we judge. Our own list.
_STOP = frozenset(files("pipeline.identity").joinpath("data/stop_words.txt").read_text("utf-8").split())
_BIAS = -4.6
_WEIGHTS = {"title": 5.6, "lead": 4.4, "names": 1.3, "figures": 0.5, "places": 0.8, "acts": 0.6, "days": -0.7}


@dataclass(frozen=True, slots=True)
class Telling:
    """What is compared of a report: its first story's words, and what its verdict names in title and lead."""

    cluster_id: int
    told_at: datetime
    title: str
    lead: str
    actors: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventMatch:
    """A report that tells of the same event. `score` is 0..1 (METHOD)."""

    cluster_id: int
    score: float


def event_keys(told: Telling) -> tuple[tuple[date, str, str], ...]:
    """By what the report is found: (day, actor, act)."""
    day = told.told_at.date()
    pairs = [(actor, act) for actor in told.actors[:MAX_ACTORS] for act in told.acts[:MAX_ACTS]]
    return tuple((day, actor, act) for actor, act in dict.fromkeys(pairs))


def days_around(told: Telling) -> tuple[date, ...]:
    """The days on which other reports of its event may have been told."""
    day = told.told_at.date()
    return tuple(day + timedelta(days=apart) for apart in (-1, 0, 1))


def match_events(told: Telling, candidates: Sequence[Telling]) -> tuple[EventMatch, ...]:
    """The candidates that tell of the same event, best first; their order is of no matter."""
    near = [one for one in candidates if abs(one.told_at - told.told_at) <= WITHIN]
    weights = rarity([told, *near])
    matches = [EventMatch(one.cluster_id, round(score(features(told, one, weights)), 4)) for one in near]
    kept = [match for match in matches if match.score >= JOIN_AT]
    return tuple(sorted(kept, key=lambda match: (-match.score, match.cluster_id)))


def rarity(tellings: Sequence[Telling]) -> Mapping[str, float]:
    """Word -> what it weighs among these reports."""
    counts = Counter(word for one in tellings for word in _read(one).whole)
    return {word: log((len(tellings) + _PRIOR) / count) for word, count in counts.items()}


def features(mine: Telling, other: Telling, weights: Mapping[str, float]) -> dict[str, float]:
    """What two reports have in common, each 0..1, but for `days`, how far they are apart."""
    one, two = _read(mine), _read(other)
    covered = (_cover(one.title, two.whole, weights) + _cover(two.title, one.whole, weights)) / 2
    shared, either = one.whole & two.whole, one.whole | two.whole
    names = one.names & two.names
    return {
        "title": covered,
        "lead": _sum(shared, weights) / max(_sum(either, weights), 1e-9),
        "names": min(1.0, _sum(names, weights) / 12),
        "figures": float(any(_FIGURE.search(word) for word in shared)),
        "places": float(bool(set(mine.places) & set(other.places))),
        "acts": float(mine.acts[:1] == other.acts[:1]),
        "days": abs(mine.told_at - other.told_at) / timedelta(days=1),
    }


def score(found: Mapping[str, float]) -> float:
    """How likely two reports with these features tell of one event, 0..1."""
    return 1 / (1 + exp(-(_BIAS + sum(weight * found[name] for name, weight in _WEIGHTS.items()))))


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a telling: of its title, of title and lead, and those that are names."""

    title: frozenset[str]
    whole: frozenset[str]
    names: frozenset[str]


@lru_cache(maxsize=512)
def _read(one: Telling) -> _Words:
    """Kept for a while: the reports of a busy day are compared with each new one."""
    title = _words(one.title[:TITLE_MAX])
    return _Words(title, title | _words(one.lead[:LEAD_MAX]), _names(one))


def _cover(part: frozenset[str], whole: frozenset[str], weights: Mapping[str, float]) -> float:
    return _sum(part & whole, weights) / max(_sum(part, weights), 1e-9)


def _sum(words: Iterable[str], weights: Mapping[str, float]) -> float:
    # Rounded, because a sum of floats must not depend on the order of a set.
    return round(sum(sorted(weights.get(word, 0.0) for word in words)), 6)


def _words(text: str) -> frozenset[str]:
    found = (match[0].lower() for match in _WORD.finditer(text))
    return frozenset(word[:_STEM] for word in found if word not in _STOP and (len(word) > 2 or word.isdigit()))


def _names(one: Telling) -> frozenset[str]:
    """Words of the lead that begin with a capital though no sentence does there."""
    found = (match[1].lower() for match in _NAME.finditer(one.lead[:LEAD_MAX]))
    return frozenset(word[:_STEM] for word in found if word not in _STOP)


_NAME = re.compile(r"(?<=[^\s.!?:\"“”] )([A-ZÀ-ÞА-ЯІЇЄҐŁŚŻŹĆČŠŽ][^\W_]{2,})")
