"""Training: folds that do not leak, and the same bytes from the same labels. Needs the `train` extra."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from benchmarks.labelled import folds_of
from benchmarks.train_model import Corpus, held_out_logits, packed
from benchmarks.word_vectors import sentences_of
from pipeline.judging.features import features_of
from pipeline.judging.lexicon import lexicon
from pipeline.outcomes import PolicyType

COPIED = "The minister said that the army would send new air defence systems before the winter"


def row(
    number: int, title: str, text: str, day: str = "", acts: tuple[str, ...] = (), conflict: int = 0
) -> dict[str, Any]:
    policy = int(bool(acts and conflict))
    labels = {"conflict": conflict, "policy_types": list(acts), "conflict_policy": policy}
    return {"id": str(number), "lang": "en", "date": day, "title": title, "text": text, **labels}


def invented() -> list[dict[str, Any]]:
    """Stories made of one word an act, enough of each for every fold."""
    acts = [act.value for act in PolicyType]
    rows = []
    for number in range(420):
        act = acts[number % len(acts)]
        kind = number % 3
        words = f"{act.replace('_', '')} envoy" if kind == 0 else "shelling village" if kind == 1 else "recipe garden"
        title = f"{words} {chr(97 + number % 26)}{chr(97 + number // 26)}x"
        rows.append(row(number, title, f"{words} today", acts=(act,) if kind == 0 else (), conflict=int(kind < 2)))
    return rows


def test_copies_and_stories_of_one_week_share_a_fold() -> None:
    rows = [row(n, f"title {n} of its own", f"text {n}", f"2023-{1 + n % 12:02d}-{1 + n % 27:02d}") for n in range(200)]
    rows += [row(300, "One headline", COPIED, "2021-05-05"), row(301, "Another one", COPIED + " came", "2022-06-06")]
    rows += [row(302, "Monday", "a", "2023-03-06"), row(303, "Sunday", "b", "2023-03-12")]
    folds = folds_of(rows)
    assert folds[200] == folds[201]
    assert folds[202] == folds[203]
    assert len(set(folds)) == 5


def test_the_same_labels_give_the_same_bytes() -> None:
    rows, words = invented(), lexicon("en")
    corpus = Corpus(
        rows,
        [features_of(r["title"], r["text"], words).amounts for r in rows],
        [sentences_of(r, words) for r in rows],
        [],
        ({"shell": 0, "envoy": 1}, np.eye(2)),
    )
    logits = held_out_logits(corpus, folds_of(rows))
    assert packed(corpus, logits) == packed(corpus, logits)
