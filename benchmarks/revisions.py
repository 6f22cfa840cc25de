"""What looking at stored stories costs: requests a story, and the CPU of comparing two versions.

    PYTHONPATH=. python benchmarks/revisions.py

The schedule is run as it is, over 30 days of a story that is dated at its publication. Times are medians.
"""

from __future__ import annotations

import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pipeline.revisions.changes import describe_revision
from pipeline.revisions.diffing import Version
from pipeline.revisions.notices import find_notice
from pipeline.revisions.returns import is_flip_flop
from pipeline.revisions.schedule import plan_look

T0 = datetime(2026, 1, 1, tzinfo=UTC)
AGES = (("3 hours", timedelta(hours=3)), ("a day", timedelta(days=1)), ("7 days", timedelta(days=7)))


def count_looks(jitter: Sequence[float], late_s: float = 0.0) -> Counter[str]:
    """Looks at one story by its age, each made `late_s` after it was due; `jitter` is used round and round."""
    looks: Counter[str] = Counter()
    now, number = T0, 0
    while (due_at := plan_look(T0, T0, now, jitter=jitter[number % len(jitter)])) is not None:
        now, number = due_at + timedelta(seconds=late_s), number + 1
        looks[next((name for name, age in AGES if due_at - T0 <= age), "30 days")] += 1
    return looks


def story(rng: random.Random, words: int, paragraph: int = 50) -> list[list[str]]:
    """Paragraphs of so many words in all, from a vocabulary of 3,000."""
    return [[f"w{rng.randrange(3000)}" for _ in range(paragraph)] for _ in range(words // paragraph)]


def edited(rng: random.Random, paragraphs: list[list[str]], share: float) -> list[list[str]]:
    """The same with a share of its words replaced, and a paragraph more."""
    changed = [[word if rng.random() > share else f"e{rng.randrange(3000)}" for word in line] for line in paragraphs]
    return [*changed, *story(rng, 50)]


def version(paragraphs: list[list[str]]) -> Version:
    """The paragraphs as a version."""
    return Version("A headline of six words here", None, "\n\n".join(" ".join(line) + "." for line in paragraphs))


def median_ms(old: Version, new: Version, times: int) -> float:
    """CPU milliseconds for all that is asked of a changed page: notices, diff and classes, whether it returns."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        notice = find_notice(new.title, new.paragraphs)
        describe_revision(old, new, ("no act", "no act"), notice)
        is_flip_flop(new, old, [old] * 3)
        taken.append(time.process_time() - started)
    return statistics.median(taken) * 1000


def main() -> None:
    """Print both tables."""
    rng = random.Random(7)
    for name, jitter, late_s in (
        ("no jitter", [0.0], 0.0),
        ("jitter", [rng.random() for _ in range(997)], 0.0),
        ("jitter, each look 5 min late", [rng.random() for _ in range(997)], 300.0),
    ):
        looks = count_looks(jitter, late_s)
        print(f"{name:30} {sum(looks.values()):4} looks: " + ", ".join(f"{n} to {age}" for age, n in looks.items()))
    for words in (300, 1_000, 5_000):
        text = story(rng, words)
        for share in (0.02, 0.3):
            cost = median_ms(version(text), version(edited(rng, text, share)), 15)
            print(f"{words:6} words, {share:4.0%} of them changed: {cost:8.1f} ms")
    hostile = {
        "100,000 words, all others": (story(rng, 100_000), story(rng, 100_000)),
        "20,000 times the same word": ([["a"] * 20_000], [["a"] * 19_000 + ["b"]]),
        "4,000 words of two kinds in one paragraph": (
            [[rng.choice("ab") for _ in range(4000)]],
            [[rng.choice("ab") for _ in range(4000)]],
        ),
        "20,000 paragraphs of a word": ([[f"p{n}"] for n in range(20_000)], [[f"q{n}"] for n in range(20_000)]),
    }
    for name, (old, new) in hostile.items():
        print(f"{name:45} {median_ms(version(old), version(new), 3):8.1f} ms")


if __name__ == "__main__":
    main()
