"""One verdict for a report that several outlets carry: the verdicts on its near-copies, pooled.

The scores of copies are looks at one text under different headlines, so they are averaged on the scale of log-odds: a
single odd headline can't decide, and a copy whose lead says more counts as the evidence that it is. The mean is taken
and not the sum, since copies are no independent witnesses: forty of them must not make a weak report a sure one. The
greatest score would let the loudest headline decide, the first outlet's alone would depend on who was quickest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

from pipeline.verdict import ActScore, PolicyType

_EDGE = 1e-6  # a score of 0 or 1 has no log-odds, and must not outvote all others for ever


@dataclass(frozen=True, slots=True)
class StoryScores:
    """What one story of the cluster was judged to be; scores are None in a language that can't be judged."""

    conflict: float | None
    conflict_policy: float | None
    threshold: float
    acts: tuple[ActScore, ...] = ()


@dataclass(frozen=True, slots=True)
class PooledVerdict:
    """The verdict on the report. `stories` counts those pooled, unjudged ones included."""

    stories: int
    conflict: float | None
    conflict_policy: float | None
    threshold: float
    acts: tuple[ActScore, ...] = ()

    @property
    def is_conflict(self) -> bool:
        """Whether the pooled score reaches the threshold."""
        return self.conflict is not None and self.conflict >= self.threshold

    @property
    def is_conflict_policy(self) -> bool:
        """Whether the pooled score reaches the threshold."""
        return self.conflict_policy is not None and self.conflict_policy >= self.threshold


def pool(members: Sequence[StoryScores]) -> PooledVerdict:
    """The verdict on a cluster by its stories, the one judged last at the end, whose threshold counts.

    An act stays if at least half of the stories that are conflict policy by themselves report it; its score is the mean
    of theirs. Raises ValueError without a story.
    """
    if not members:
        raise ValueError("a cluster without a story has no verdict")
    pooled = PooledVerdict(
        stories=len(members),
        conflict=pooled_score([member.conflict for member in members]),
        conflict_policy=pooled_score([member.conflict_policy for member in members]),
        threshold=members[-1].threshold,
    )
    if not pooled.is_conflict_policy:
        return pooled
    return PooledVerdict(
        pooled.stories, pooled.conflict, pooled.conflict_policy, pooled.threshold, _pooled_acts(members)
    )


def pooled_score(scores: Sequence[float | None]) -> float | None:
    """The mean of the log-odds as a score; None counts nothing, and one score is its own mean."""
    known = [score for score in scores if score is not None]
    if len(known) < 2:
        return known[0] if known else None
    odds = [log(score / (1 - score)) for score in (min(max(score, _EDGE), 1 - _EDGE) for score in known)]
    return 1 / (1 + exp(-sum(odds) / len(odds)))


def _pooled_acts(members: Sequence[StoryScores]) -> tuple[ActScore, ...]:
    voting = [m for m in members if m.conflict_policy is not None and m.conflict_policy >= m.threshold]
    found: dict[PolicyType, list[float]] = {}
    for member in voting:
        for item in member.acts:
            found.setdefault(item.act, []).append(item.score)
    acts = [ActScore(act, sum(s) / len(s)) for act, s in found.items() if 2 * len(s) >= len(voting)]
    return tuple(sorted(acts, key=lambda item: (-item.score, item.act)))
