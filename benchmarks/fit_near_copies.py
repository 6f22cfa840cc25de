"""Fit the weights of copy_score on labelled families of copies, and write them into the package.

    python benchmarks/fit_near_copies.py --corpus DIR [--write]

DIR holds `dev.jsonl.gz` (documents with `family`, `text`) and any number of `real_*.json.gz` (`docs`, index pairs `pos`
that are copies and `ign` that nobody can tell). Pairs are those the engine itself would compare: each document with the
representatives of its candidate clusters, once with every pair judged by containment and once with the true families.
A logistic regression with a small ridge is fitted to them; real articles weigh more, because the generated ones are
many. The texts stay where they are; only the weights are kept. Needs numpy (extra `train`).
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pipeline.identity.comparing import FEATURES, Comparison, Profile, compare, profile  # noqa: E402
from pipeline.identity.fingerprints import anchors  # noqa: E402
from pipeline.identity.near_copies import REPRESENTATIVES, STOP_ANCHOR_AT, rank_clusters  # noqa: E402

REAL_WEIGHT = 3.0
RIDGE = 1.0
WEIGHTS_FILE = ROOT / "pipeline" / "identity" / "near_copy_weights.py"

Verdict = Callable[[int, int], float]


def pairs_compared(document_anchors: list[tuple[int, ...]], score: Verdict) -> Iterator[tuple[int, int]]:
    """Every pair (new, stored) that the online engine compares when `score` decides."""
    table: defaultdict[int, list[int]] = defaultdict(list)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for new, own_anchors in enumerate(document_anchors):
        best = (0.5, new)
        for cluster in rank_clusters({anchor: table[anchor] for anchor in own_anchors if anchor in table}):
            for stored in representatives(members[cluster]):
                yield new, stored
                best = max(best, (score(new, stored), cluster))
        cluster = best[1]
        members[cluster].append(new)
        for anchor in own_anchors:
            if cluster not in table[anchor] and len(table[anchor]) < STOP_ANCHOR_AT:
                table[anchor].append(cluster)


def representatives(stories: list[int]) -> list[int]:
    """The founder and the newest."""
    return stories[:1] + stories[1:][-(REPRESENTATIVES - 1) :]


def labelled_pairs(
    texts: list[str], is_copy: Callable[[int, int], bool | None]
) -> tuple[list[list[float]], list[bool], list[tuple[int, int]]]:
    """Feature rows, labels and indices of all compared pairs that have a label and share anything."""
    profiles: list[Profile] = [profile.__wrapped__(text) for text in texts]
    own_anchors = [anchors(text) for text in texts]

    def containment(new: int, stored: int) -> float:
        pair = compare(profiles[new], profiles[stored])
        return pair.inner.shared if pair else 0.0

    indices = set(pairs_compared(own_anchors, containment))
    indices |= set(pairs_compared(own_anchors, lambda new, stored: float(is_copy(new, stored) or 0)))
    rows: list[list[float]] = []
    labels: list[bool] = []
    kept: list[tuple[int, int]] = []
    for new, stored in sorted(indices):
        pair, label = compare(profiles[new], profiles[stored]), is_copy(new, stored)
        if pair is not None and label is not None:
            rows.append(features_of(pair))
            labels.append(label)
            kept.append((new, stored))
    return rows, labels, kept


def features_of(pair: Comparison) -> list[float]:
    """One row of the table of features."""
    return [feature(pair) for _, feature in FEATURES]


def generated(path: Path) -> tuple[list[list[float]], list[bool], list[tuple[int, int]], list[str]]:
    """Pairs of the generated corpus, with the family of each document."""
    with gzip.open(path, "rt") as lines:
        documents = [json.loads(line) for line in lines]
    families = [document["family"] for document in documents]
    texts = [document["text"] for document in documents]
    return (*labelled_pairs(texts, lambda a, b: families[a] == families[b]), families)


def real(path: Path) -> tuple[list[list[float]], list[bool]]:
    """Pairs of one corpus of real articles."""
    with gzip.open(path, "rt") as file:
        record = json.load(file)
    copies, unclear = ({tuple(sorted(pair)) for pair in record[key]} for key in ("pos", "ign"))

    def is_copy(a: int, b: int) -> bool | None:
        key = tuple(sorted((a, b)))
        return None if key in unclear else key in copies

    rows, labels, _ = labelled_pairs([document["text"] for document in record["docs"]], is_copy)
    return rows, labels


def logistic(rows: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weights and bias (last) by Newton's method on standardised columns, given back in the columns' own units."""
    mean, spread = rows.mean(0), rows.std(0) + 1e-9
    table = np.c_[(rows - mean) / spread, np.ones(len(rows))]
    ridge = RIDGE * np.eye(table.shape[1])
    ridge[-1, -1] = 0.0
    found = np.zeros(table.shape[1])
    for _ in range(25):
        chance = 1 / (1 + np.exp(-np.clip(table @ found, -30, 30)))
        slope = table.T @ (weights * (chance - labels)) + ridge @ found
        bend = (table * (weights * chance * (1 - chance) + 1e-9)[:, None]).T @ table + ridge
        found -= np.linalg.solve(bend, slope)
    own_units = found[:-1] / spread
    return np.append(own_units, found[-1] - own_units @ mean)


def module_text(found: np.ndarray, made_from: str) -> str:
    """The weights as the module that the package imports."""
    lines = "".join(f'    "{name}": {weight:.4f},\n' for (name, _), weight in zip(FEATURES, found[:-1], strict=True))
    return (
        '"""The fitted weights of copy_score. Written by `benchmarks/fit_near_copies.py --write`, not by hand.\n\n'
        f'{made_from}\n"""\n\nfrom typing import Final\n\nBIAS: Final = {found[-1]:.4f}\n'
        f"WEIGHTS: Final[dict[str, float]] = {{\n{lines}}}\n"
    )


def main() -> None:
    """Fit, print, and write when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    rows, labels, _, _ = generated(args.corpus / "dev.jsonl.gz")
    weights = [1.0] * len(rows)
    generated_count = len(rows)
    for path in sorted(args.corpus.glob("real_*.json.gz")):
        more_rows, more_labels = real(path)
        rows += more_rows
        labels += more_labels
        weights += [REAL_WEIGHT] * len(more_rows)
    found = logistic(np.array(rows), np.array(labels, float), np.array(weights))
    made_from = (
        f"Fitted to {generated_count:,} generated and {len(rows) - generated_count:,} real pairs, "
        f"{sum(labels):,} of them copies."
    )
    text = module_text(found, made_from)
    sys.stdout.write(text)
    if args.write:
        WEIGHTS_FILE.write_text(text)


if __name__ == "__main__":
    main()
