"""Which patterns of the lexicon stand in a sentence."""

from __future__ import annotations

from pipeline.judging.lexicon import Pattern
from pipeline.judging.tags import Tag


def pattern_hits(tags: list[Tag], count: int, patterns: tuple[Pattern, ...]) -> list[tuple[Pattern, int, int]]:
    """Each pattern that stands in a sentence of `count` words, once: its first word and the word after its last."""
    present = 0
    starting: list[list[Tag]] = [[] for _ in range(count)]
    for tag in tags:
        present |= tag.bits
        starting[tag.first].append(tag)
    hits = []
    for pattern in patterns:
        # The two ends rule nearly every pattern out, before anything is searched.
        if pattern.steps[0][1] & present and pattern.steps[-1][1] & present:
            hit = _first_hit(pattern, tags, starting)
            if hit is not None:
                hits.append((pattern, *hit))
    return hits


def _first_hit(pattern: Pattern, tags: list[Tag], starting: list[list[Tag]]) -> tuple[int, int] | None:
    opening = pattern.steps[0][1]
    for tag in tags:
        if tag.bits & opening:
            after: int | None = tag.after
            for gap, bits in pattern.steps[1:]:
                after = _next(starting, after, gap, bits) if after is not None else None
            if after is not None:
                return tag.first, after
    return None


def _next(starting: list[list[Tag]], here: int, gap: int, bits: int) -> int | None:
    for place in range(here, min(here + gap + 1, len(starting))):
        for tag in starting[place]:
            if tag.bits & bits:
                return tag.after
    return None
