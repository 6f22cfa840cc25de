"""Fit the verifier of near-copies on labelled families of copies, measure it held out, and write it into the package.

    python benchmarks/fit_near_copies.py --corpus DIR [--folds 5] [--untitled] [--write]

DIR holds `dev.jsonl.gz` (documents with `family`, `base`, `text`) and any number of `real_*.json.gz` (`docs`, index
pairs `pos` that are copies and `ign` that nobody can tell). Pairs are those the engine itself would compare: each one
with the representatives of its candidate clusters, once with every pair judged by containment and once with the true
families. A logistic regression over the features, their squares and products, with a ridge, is fitted to them; real
articles weigh more, because the generated ones are many. Added are follow-ups of a kind that the corpus has not, made
here: the beginning of one text, and behind it the last paragraphs of another. There are two regressions: one for pairs
of which both texts have a title, and one, fitted to all pairs, that looks at no title.

With --folds the documents are parted by source text (all that was made of one original is in one fold; real articles in
runs of fifty); each is judged by a model that saw no pair with a document of its fold. The engine here is that of the
product over a table in memory. Nothing is random: with OMP_NUM_THREADS=1 two runs give one file. The texts stay where
they are. Needs the extra `train`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.near_copy_pairs import Corpus, Features, Score, Table, cluster, labelled_pairs, read_corpora  # noqa: E402
from benchmarks.near_copy_scores import score_generated, score_real  # noqa: E402
from pipeline.identity.comparing import FEATURES  # noqa: E402
from pipeline.identity.near_copies import JOIN_AT  # noqa: E402
from pipeline.identity.near_copy_model import FILE, STEPS_MAX  # noqa: E402
from pipeline.identity.own_parts import TITLE_FEATURES  # noqa: E402

RIDGE = 300.0
PACKAGE = ROOT / "pipeline" / "identity"


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted regression."""

    means: np.ndarray
    spreads: np.ndarray
    regression: LogisticRegression

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """The score of each row of features."""
        answers: np.ndarray = self.regression.predict_proba(expanded((rows - self.means) / self.spreads))[:, 1]
        return answers


@dataclass(frozen=True, slots=True)
class Verifier:
    """The regression that looks at no title, and the one for pairs with two."""

    untitled: Fit
    titled: Fit

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """The score of each row of features."""
        has_titles, answers = are_titled(rows), np.empty(len(rows))
        if has_titles.any():
            answers[has_titles] = self.titled.scores(rows[has_titles])
        if not has_titles.all():
            answers[~has_titles] = self.untitled.scores(rows[~has_titles, : len(FEATURES)])
        return answers


def are_titled(rows: np.ndarray) -> np.ndarray:
    """Which rows have the features of two titles."""
    answers: np.ndarray = ~np.isnan(rows[:, -1])
    return answers


def expanded(steps: np.ndarray) -> np.ndarray:
    """Standardised features, clipped, and all their products."""
    steps = steps.clip(-STEPS_MAX, STEPS_MAX).astype(np.float32)
    first, second = np.triu_indices(steps.shape[1])
    return np.c_[steps, steps[:, first] * steps[:, second]]


def fit(rows: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Verifier:
    """A verifier for these pairs."""
    chosen = are_titled(rows)
    return Verifier(
        untitled=_fit(rows[:, : len(FEATURES)], labels, weights),
        titled=_fit(rows[chosen], labels[chosen], weights[chosen]),
    )


def _fit(rows: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Fit:
    means, spreads = rows.mean(0), rows.std(0) + 1e-9
    # A finer tolerance changes the third digit of the weights and takes four times as long.
    regression = LogisticRegression(C=1 / RIDGE, max_iter=400, tol=1e-3)
    return Fit(means, spreads, regression.fit(expanded((rows - means) / spreads), labels, weights))


def held_out_scores(
    corpora: list[Corpus], table: Table, folds: int, *, is_untitled: bool = False
) -> Iterator[tuple[Corpus, Score]]:
    """Each corpus with a score in which a pair is judged by a model that saw nothing of the new document's source."""

    def answers_of(found: Verifier, rows: list[Features | None]) -> list[float]:
        judged = np.array(rows)
        if is_untitled:
            judged[:, len(FEATURES) :] = np.nan
        return list(found.scores(judged).tolist())

    fits = []
    for fold in range(folds):
        others = (table.folds != fold).all(1)
        fits.append(fit(table.rows[others], table.labels[others], table.weights[others]))
    for corpus in corpora:
        known: dict[tuple[int, int], float] = {}
        for fold in range(folds):
            keys = [
                key for key, features in corpus.compared.items() if features and corpus.fold(max(key), folds) == fold
            ]
            known |= dict(zip(keys, answers_of(fits[fold], [corpus.compared[key] for key in keys]), strict=True))

        def score(
            new: int, stored: int, features: Features, known: dict[tuple[int, int], float] = known, c: Corpus = corpus
        ) -> float:
            key = (min(new, stored), max(new, stored))
            if key not in known:
                known[key] = answers_of(fits[c.fold(new, folds)], [features])[0]
            return known[key]

        yield corpus, score


def print_scores(corpus: Corpus, labels: list[int]) -> None:
    """One line of figures, for the generated corpus several."""
    if corpus.name == "dev":
        print("\n".join(score_generated(corpus.documents, labels)))
    else:
        print(f"{corpus.name}: {score_real(labels, corpus.copies, corpus.unclear)}")


def _short(values: np.ndarray) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def model_file(found: Verifier) -> bytes:
    """The models as the package reads them."""
    names = {"untitled": FEATURES, "titled": (*FEATURES, *TITLE_FEATURES)}
    raw = {kind: _packed(getattr(found, kind), features) for kind, features in names.items()}
    return json.dumps(raw, separators=(",", ":")).encode() + b"\n"


def _packed(found: Fit, features: tuple[str, ...]) -> dict[str, Any]:
    weights, count = found.regression.coef_[0], len(features)
    rows, _ = np.triu_indices(count)
    return {
        "features": features,
        "bias": float(f"{found.regression.intercept_[0]:.5g}"),
        "means": _short(found.means),
        "spreads": _short(found.spreads),
        "weights": _short(weights[:count]),
        "products": [_short(weights[count:][rows == row]) for row in range(count)],
    }


def main() -> None:
    """Measure held out when asked, fit on everything, and write when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=0, help="cross-validate by source text first")
    parser.add_argument("--join-at", type=float, nargs="*", default=[JOIN_AT], help="thresholds to measure")
    parser.add_argument("--untitled", action="store_true", help="cross-validate as if no text had a title")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    corpora = read_corpora(args.corpus)
    table = labelled_pairs(corpora, args.folds or 1)
    print(f"{len(table.labels):,} pairs, {int(table.labels.sum()):,} of them copies")
    if args.folds:
        for corpus, score in held_out_scores(corpora, table, args.folds, is_untitled=args.untitled):
            for join_at in args.join_at:
                print(f"joined from {join_at}:")
                print_scores(corpus, cluster(corpus, score, join_at))
    if args.write or not args.folds:
        packed = model_file(fit(table.rows, table.labels, table.weights))
        digest = hashlib.sha256(packed).hexdigest()
        print(f"{FILE} {len(packed):,} bytes, SHA-256 {digest}")
        if args.write:
            (PACKAGE / FILE).write_bytes(packed)
            head = (PACKAGE / "fitted.py").read_text().split("NEAR_COPIES_SHA256")[0]
            (PACKAGE / "fitted.py").write_text(f'{head}NEAR_COPIES_SHA256 = "{digest}"\n')


if __name__ == "__main__":
    main()
