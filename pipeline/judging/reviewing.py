"""Which stories people should look at next, and what their labels say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from math import log

from pipeline.verdict import PolicyType

# One story in so many is drawn by chance, whatever its score: labels of uncertain stories alone teach the model its own
# border and say nothing of what it misses with confidence, nor how well it does on the stream.
CHANCE_EVERY = 5
_EDGE = 1e-6

# One key a type; the letters of the labelling guideline in docs/classification.md.
ACT_KEYS = {
    "f": PolicyType.FORCE,
    "t": PolicyType.THREAT,
    "a": PolicyType.ARMS_AID,
    "d": PolicyType.DEPLOY,
    "s": PolicyType.SANCTION,
    "c": PolicyType.TALKS,
    "l": PolicyType.ALLIANCE,
    "k": PolicyType.ARMS_CONTROL,
    "u": PolicyType.INTL_LAW,
    "r": PolicyType.STATUS,
    "x": PolicyType.DETAINEE,
    "h": PolicyType.HUMANITARIAN,
    "g": PolicyType.HOME,
    "o": PolicyType.POSITION,
}


class Drawn(StrEnum):
    """Why a story was shown."""

    UNCERTAIN = "uncertain"
    CHANCE = "chance"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A report that may be shown: the story that stands for it, its score and the threshold, and its source."""

    story_id: int
    source: str
    score: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Label:
    """What a person said of a story. `acts` is empty unless it is conflict policy."""

    conflict: bool
    conflict_policy: bool
    acts: tuple[PolicyType, ...] = ()

    def __post_init__(self) -> None:
        if self.conflict_policy and not (self.conflict and self.acts):
            raise ValueError("conflict policy is about a conflict, and has an act at least")
        if self.acts and not self.conflict_policy:
            raise ValueError("only conflict policy has acts")


def uncertainty(candidate: Candidate) -> float:
    """How far the score lies from the threshold, in log-odds; 0 is the least certain."""
    return abs(_log_odds(candidate.score) - _log_odds(candidate.threshold))


def plan_review(candidates: Sequence[Candidate], limit: int) -> list[tuple[Candidate, Drawn]]:
    """What to show, in order: the least certain first, every fifth drawn from all by chance; each at most once.

    Of stories that are as uncertain as each other, those of sources shown less come first, so that one busy feed does
    not fill the queue. The draw is by a digest of the story's id: the same candidates give the same queue.
    """
    by_chance = sorted(candidates, key=lambda c: sha256(f"review {c.story_id}".encode()).digest())
    uncertain = _mixed(sorted(candidates, key=lambda c: (uncertainty(c), c.story_id)))
    planned: list[tuple[Candidate, Drawn]] = []
    taken: set[int] = set()
    while len(planned) < min(limit, len(candidates)):
        is_chance = len(planned) % CHANCE_EVERY == CHANCE_EVERY - 1
        queue = by_chance if is_chance else uncertain
        chosen = next(item for item in queue if item.story_id not in taken)
        taken.add(chosen.story_id)
        planned.append((chosen, Drawn.CHANCE if is_chance else Drawn.UNCERTAIN))
    return planned


def _mixed(ordered: Sequence[Candidate]) -> list[Candidate]:
    """The same order in steps of half a log-odd; within a step the sources take turns."""
    turn: dict[tuple[int, str], int] = {}
    keyed = []
    for place, item in enumerate(ordered):
        step = int(uncertainty(item) * 2)
        turn[step, item.source] = turn.get((step, item.source), 0) + 1
        keyed.append(((step, turn[step, item.source], place), item))
    return [item for _, item in sorted(keyed, key=lambda pair: pair[0])]


def _log_odds(score: float) -> float:
    inside = min(max(score, _EDGE), 1 - _EDGE)
    return log(inside / (1 - inside))
