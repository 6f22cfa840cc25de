"""Fit the verifier of near-copies on labelled families of copies, measure it held out, and write it into the package.

    python benchmarks/fit_near_copies.py --corpus DIR [--folds 5] [--write]

DIR holds `dev.jsonl.gz` (documents with `family`, `base`, `text`) and any number of `real_*.json.gz` (`docs`, index
pairs `pos` that are copies and `ign` that nobody can tell). Pairs are those the engine itself would compare: each one
with the representatives of its candidate clusters, once with every pair judged by containment and once with the true
families. A logistic regression over the features, their squares and products, with a ridge, is fitted to them; real
articles weigh more, because the generated ones are many.

With --folds the documents are parted by source text (all that was made of one original is in one fold; real articles in
runs of fifty); each is judged by a model that saw no pair with a document of its fold. The engine here is that of the
product over a table in memory. Nothing is random: with OMP_NUM_THREADS=1 two runs give one file. The texts stay where
they are. Needs the extra `train`.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.near_copy_scores import score_generated, score_real  # noqa: E402
from pipeline.identity.comparing import FEATURES, Profile, compare, profile  # noqa: E402
from pipeline.identity.fingerprints import anchors  # noqa: E402
from pipeline.identity.near_copies import JOIN_AT, REPRESENTATIVES, STOP_ANCHOR_AT, SURE_AT, rank_clusters  # noqa: E402
from pipeline.identity.near_copy_model import FILE, STEPS_MAX  # noqa: E402

REAL_WEIGHT = 8.0
# Follow-ups are the copies' nearest kin and few; so is the harm when one is hidden.
FOLLOW_UP_WEIGHT = 2.0
RIDGE = 300.0
PACKAGE = ROOT / "pipeline" / "identity"

Features = tuple[float, ...]
Score = Callable[[int, int, Features], float]


@dataclass(slots=True)
class Corpus:
    """Documents with what is known of each pair."""

    name: str
    documents: list[dict[str, Any]]
    copies: set[tuple[int, int]] = field(default_factory=set)
    unclear: set[tuple[int, int]] = field(default_factory=set)
    profiles: list[Profile] = field(default_factory=list)
    anchors: list[tuple[int, ...]] = field(default_factory=list)
    compared: dict[tuple[int, int], Features | None] = field(default_factory=dict)

    def is_copy(self, one: int, other: int) -> bool | None:
        """Whether two documents are one report; None when the labels don't say."""
        if self.name == "dev":
            return bool(self.documents[one]["family"] == self.documents[other]["family"])
        pair = (min(one, other), max(one, other))
        return None if pair in self.unclear else pair in self.copies

    def features(self, new: int, stored: int) -> Features | None:
        """The features of a pair, computed once; None when the two share next to nothing."""
        key = (min(new, stored), max(new, stored))
        if key not in self.compared:
            pair = compare(self.profiles[new], self.profiles[stored])
            self.compared[key] = None if pair is None else pair.features
        return self.compared[key]

    def fold(self, number: int, folds: int) -> int:
        """Which fold a document is in: that of its source text."""
        document = self.documents[number]
        if self.name != "dev":
            source = f"{self.name} {number // 50}"
        elif document["base"] or document["role"] == "template":
            source = document["base"] or document["family"]
        else:
            source = document["family"].rsplit(":", 1)[0]
        return zlib.crc32(source.encode()) % folds


def read_corpora(directory: Path) -> list[Corpus]:
    """The generated corpus first, then the real ones."""
    with gzip.open(directory / "dev.jsonl.gz", "rt") as lines:
        corpora = [Corpus("dev", [json.loads(line) for line in lines])]
    for path in sorted(directory.glob("real_*.json.gz")):
        with gzip.open(path, "rt") as file:
            record = json.load(file)
        copies, unclear = ({(min(pair), max(pair)) for pair in record[key]} for key in ("pos", "ign"))
        corpora.append(Corpus(path.name.split(".")[0].removeprefix("real_"), record["docs"], copies, unclear))
    for corpus in corpora:
        corpus.profiles = [profile.__wrapped__(document["text"]) for document in corpus.documents]
        corpus.anchors = [anchors(document["text"]) for document in corpus.documents]
    return corpora


def cluster(corpus: Corpus, score: Score, join_at: float = JOIN_AT) -> list[int]:
    """The label of each document when the online engine decides by `score`, one document at a time."""
    table: defaultdict[int, list[int]] = defaultdict(list)
    members: defaultdict[int, list[int]] = defaultdict(list)
    labels = []
    for new, own in enumerate(corpus.anchors):
        best: tuple[float, int] = (join_at, new)
        for label in rank_clusters({anchor: table[anchor] for anchor in own if anchor in table}, len(own)):
            best = max(best, (_best_score(corpus, new, members[label], score), label), key=lambda pair: pair[0])
        label = best[1]
        labels.append(label)
        members[label].append(new)
        for anchor in own:
            if label not in table[anchor] and len(table[anchor]) < STOP_ANCHOR_AT:
                table[anchor].append(label)
    return labels


def _best_score(corpus: Corpus, new: int, stories: list[int], score: Score) -> float:
    best = 0.0
    for stored in stories[-1:-REPRESENTATIVES:-1] + ([stories[0]] if len(stories) >= REPRESENTATIVES else []):
        features = corpus.features(new, stored)
        if features is not None:
            best = max(best, score(new, stored, features))
        if best >= SURE_AT:
            break
    return best


@dataclass(frozen=True, slots=True)
class Table:
    """Labelled pairs: a row of features, a label and a weight each, and the folds of their two documents."""

    rows: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    folds: np.ndarray


def labelled_pairs(corpora: list[Corpus], folds: int) -> Table:
    """All pairs that the engine compares and that have a label."""
    found = [row for corpus in corpora for row in _pairs_of(corpus, folds)]
    rows, labels, weights, parts = zip(*found, strict=True)
    return Table(np.array(rows), np.array(labels, float), np.array(weights), np.array(parts))


def _pairs_of(corpus: Corpus, folds: int) -> Iterator[tuple[Features, bool, float, tuple[int, int]]]:
    seen: set[tuple[int, int]] = set()

    def by_containment(new: int, stored: int, features: Features) -> float:
        seen.add((new, stored))
        return features[0]

    def by_label(new: int, stored: int, features: Features) -> float:
        seen.add((new, stored))
        return float(corpus.is_copy(new, stored) or 0)

    cluster(corpus, by_containment, 0.5)
    cluster(corpus, by_label, 0.5)
    for new, stored in sorted(seen):
        features, label = corpus.features(new, stored), corpus.is_copy(new, stored)
        if features is not None and label is not None:
            parts = (corpus.fold(new, folds), corpus.fold(stored, folds))
            yield features, label, _weight(corpus, new, stored, label), parts


def _weight(corpus: Corpus, new: int, stored: int, label: bool) -> float:
    if corpus.name != "dev":
        return REAL_WEIGHT
    roles = {corpus.documents[new]["role"], corpus.documents[stored]["role"]}
    return FOLLOW_UP_WEIGHT if "followup" in roles and not label else 1.0


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted verifier."""

    means: np.ndarray
    spreads: np.ndarray
    regression: LogisticRegression

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """The score of each row of features."""
        answers: np.ndarray = self.regression.predict_proba(expanded((rows - self.means) / self.spreads))[:, 1]
        return answers


def expanded(steps: np.ndarray) -> np.ndarray:
    """Standardised features, clipped, and all their products."""
    steps = steps.clip(-STEPS_MAX, STEPS_MAX)
    first, second = np.triu_indices(steps.shape[1])
    return np.c_[steps, steps[:, first] * steps[:, second]]


def fit(rows: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Fit:
    """A verifier for these pairs."""
    means, spreads = rows.mean(0), rows.std(0) + 1e-9
    regression = LogisticRegression(C=1 / RIDGE, max_iter=400)
    return Fit(means, spreads, regression.fit(expanded((rows - means) / spreads), labels, weights))


def held_out_scores(corpora: list[Corpus], table: Table, folds: int) -> Iterator[tuple[Corpus, Score]]:
    """Each corpus with a score in which a pair is judged by a model that saw nothing of the new document's source."""
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
            answers = fits[fold].scores(np.array([corpus.compared[key] for key in keys]))
            known |= dict(zip(keys, answers.tolist(), strict=True))

        def score(
            new: int, stored: int, features: Features, known: dict[tuple[int, int], float] = known, c: Corpus = corpus
        ) -> float:
            key = (min(new, stored), max(new, stored))
            if key not in known:
                known[key] = float(fits[c.fold(new, folds)].scores(np.array([features]))[0])
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


def model_file(found: Fit) -> bytes:
    """The model as the package reads it."""
    weights, count = found.regression.coef_[0], len(FEATURES)
    rows, _ = np.triu_indices(count)
    raw = {
        "features": list(FEATURES),
        "bias": float(f"{found.regression.intercept_[0]:.5g}"),
        "means": _short(found.means),
        "spreads": _short(found.spreads),
        "weights": _short(weights[:count]),
        "products": [_short(weights[count:][rows == row]) for row in range(count)],
    }
    return json.dumps(raw, separators=(",", ":")).encode() + b"\n"


def main() -> None:
    """Measure held out when asked, fit on everything, and write when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=0, help="cross-validate by source text first")
    parser.add_argument("--join-at", type=float, nargs="*", default=[JOIN_AT], help="thresholds to measure")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    corpora = read_corpora(args.corpus)
    table = labelled_pairs(corpora, args.folds or 1)
    print(f"{len(table.labels):,} pairs, {int(table.labels.sum()):,} of them copies")
    if args.folds:
        for corpus, score in held_out_scores(corpora, table, args.folds):
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
