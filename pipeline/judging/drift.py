"""Whether scores have moved: how far two distributions over bins lie apart, and when that is more than noise.

The measure is the population stability index in its second-order form, 2 x sum of (p - q)^2 / (p + q) over the bins,
with p and q the shares of this week's and the earlier stories. It agrees with the index in small moves, needs no
logarithm (SQLite may have none) and no trick for empty bins, and runs from 0 to 4. The view `model_drift` says the same
in SQL.
"""

from __future__ import annotations

from collections.abc import Sequence

# Scores fall into [0, .05), [.05, .15), [.15, .36), [.36, .75), [.75, 1].
BIN_EDGES = (0.05, 0.15, 0.36, 0.75)
REFERENCE_WEEKS = 8
# Below so many stories on either side nothing is claimed.
MIN_STORIES = 30
# The customary bar of the stability index: .1 is a slight move, .25 a large one.
BAR = 0.1
# Two samples of one distribution differ by about chi-square with four degrees of freedom times (1/n + 1/m); 18.47 is
# its 99.9 % point, so that one honest week in a thousand is flagged.
NOISE = 18.47


def distance(now: Sequence[int], before: Sequence[int]) -> float | None:
    """How far the counts by bin lie apart, 0..4; None when either side is empty."""
    total_now, total_before = sum(now), sum(before)
    if not total_now or not total_before:
        return None
    pairs = [(a / total_now, b / total_before) for a, b in zip(now, before, strict=True)]
    return 2 * sum((p - q) ** 2 / (p + q) for p, q in pairs if p + q)


def has_moved(now: Sequence[int], before: Sequence[int]) -> bool:
    """Whether the distance is above the bar and above what chance does in samples of these sizes."""
    moved = distance(now, before)
    if moved is None or min(sum(now), sum(before)) < MIN_STORIES:
        return False
    return moved >= BAR and moved >= NOISE * (1 / sum(now) + 1 / sum(before))
