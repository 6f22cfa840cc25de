"""What a lexicon alone is worth in another language: weights of classes learnt from English, read through its words.

    PYTHONPATH=. python benchmarks/transfer.py --labels gold.jsonl --language pl

A model of word classes, patterns and their order has no English in it, so it may be asked about any language whose
lexicon puts words into the same classes. It is fitted on the English labels and measured on the language's own, which
it never saw. No such model is shipped: this shows whether a language could be judged before it has labels enough.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from sklearn.feature_extraction import DictVectorizer  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks.labelled import Row, Vector, average_precision, column, precision_recall_f1, read_rows
from pipeline.judging import THRESHOLD
from pipeline.judging.features import features_of
from pipeline.judging.lexicon import LEXICONS, lexicon

FAMILIES = "cponfz"  # of classes alone; forms and words belong to a language
STRENGTH = 0.1


def class_amounts(rows: list[Row], language: str) -> list[dict[str, float]]:
    """The features of each story that name classes and no words."""
    words = lexicon(language)
    stories = [features_of(row["title"], row["text"], words).amounts for row in rows]
    return [{name: amount for name, amount in story.items() if name[0] in FAMILIES} for story in stories]


def main() -> int:
    """Fit on English, print the figures of the language."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--language", required=True, choices=sorted(set(LEXICONS) - {"en"}))
    args = parser.parse_args()
    english, other = read_rows(args.labels, "en"), read_rows(args.labels, args.language)
    policy = column(other, "conflict_policy")
    if not 0 < policy.sum() < len(policy):
        print(f"{args.language}: {len(other)} labelled stories, {int(policy.sum())} of them policy: nothing to measure")
        return 1
    with threadpool_limits(1):
        score = _scores(english, class_amounts(english, "en"), class_amounts(other, args.language))
    precision, recall, f1 = precision_recall_f1(policy, score >= THRESHOLD)
    ranked = average_precision(policy, score)
    everything = precision_recall_f1(policy, np.ones(len(policy), dtype=bool))[2]
    print(
        f"{args.language} ({len(other)} stories, {int(policy.sum())} policy): AP {ranked:.2f}, P {precision:.2f} "
        f"R {recall:.2f} F1 {f1:.2f} at {THRESHOLD}; F1 if everything were taken for policy {everything:.2f}"
    )
    return 0


def _scores(english: list[Row], fitting: list[dict[str, float]], asked: list[dict[str, float]]) -> Vector:
    table = DictVectorizer().fit(fitting)
    x, wanted = table.transform(fitting), table.transform(asked)
    conflict, policy = column(english, "conflict"), column(english, "conflict_policy")
    use = np.flatnonzero(conflict)
    chances = [
        LogisticRegression(C=STRENGTH, max_iter=500).fit(x[rows], y[rows]).predict_proba(wanted)[:, 1]
        for rows, y in ((np.arange(len(english)), conflict), (use, policy))
    ]
    return np.asarray(chances[0] * chances[1])


if __name__ == "__main__":
    sys.exit(main())
