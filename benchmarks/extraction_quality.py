"""The reader's figures over a corpus, held against the floor recorded for it; with --folds, a guard against tuning.

Five folds by site: each threshold of the rules is chosen on four of them among the values below, and the reader with
the chosen values is measured on the fifth. What that loses against the shipped values is what they owe to these pages.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.extraction_corpus import FIGURES, Page, hash_of_corpus, load_corpus, measure, summarise
from pipeline.reading import candidates, facts, restore
from pipeline.reading.rules import apart, furniture, pictures, tail

FLOORS = Path(__file__).with_name("extraction_floors.toml")
FOLDS = 5
# (module, constant): the values to choose from; the shipped one is among them and is kept unless another is better.
THRESHOLDS: dict[tuple[Any, str], tuple[float, ...]] = {
    (candidates, "_FULL_SHARE"): (0.6, 0.8, 0.95),
    (candidates, "_POOR_SHARE"): (0.3, 0.5, 0.65),
    (candidates, "_MISSING_SHARE"): (0.2, 0.35, 0.5),
    (apart, "_COLUMN_SHARE"): (0.55, 0.7, 0.85),
    (apart, "_BOX_SHARE"): (0.08, 0.15, 0.25),
    (furniture, "_MAX_SHARE"): (0.25, 0.4, 0.6),
    (furniture, "_TEASER_SHARE"): (0.35, 0.5, 0.7),
    (pictures, "_BESIDE_MAX_WORDS"): (30, 45, 60),
    (tail, "_TAIL_LINES"): (3, 5, 8),
    (tail, "_BIOGRAPHY_MAX_WORDS"): (60, 90, 130),
    (facts, "_PROSE_WORDS"): (8, 12, 18),
    (restore, "_HEAD_MAX_WORDS"): (15, 30, 45),
}


@contextmanager
def set_to(values: Mapping[tuple[Any, str], float]) -> Iterator[None]:
    """Inside, the thresholds have these values."""
    before = {(module, name): getattr(module, name) for module, name in values}
    for (module, name), value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for (module, name), value in before.items():
            setattr(module, name, value)


def fold_of(site: str) -> int:
    """The fold of a site, by hash: the same in every run."""
    return hashlib.sha256(site.encode()).digest()[0] % FOLDS


def report_folds(pages: list[Page], rows: list[dict[str, float]]) -> None:
    """Print the figures of pages whose sites had no part in choosing the thresholds, beside the shipped ones."""
    tried: dict[tuple[tuple[Any, str], float], list[float]] = {}
    shipped = [_worth(row) for row in rows]
    for (module, name), values in THRESHOLDS.items():
        for value in values:
            if value != getattr(module, name):
                with set_to({(module, name): value}):
                    tried[(module, name), value] = [_worth(measure(page)) for page in pages]
    out: list[dict[str, float]] = []
    held_rows: list[dict[str, float]] = []
    for fold in range(FOLDS):
        chosen = _chosen(pages, shipped, tried, fold)
        told = ", ".join(f"{name.strip('_').lower()} {value:g}" for (_, name), value in chosen.items())
        print(f"fold {fold}: other than shipped: {told or 'nothing'}")
        held = [index for index, page in enumerate(pages) if fold_of(page.site) == fold]
        with set_to(chosen):
            out += [measure(pages[index]) for index in held]
        held_rows += [rows[index] for index in held]
    _print("shipped values", held_rows)
    _print("chosen on the other four folds", out)


def _chosen(
    pages: list[Page], shipped: list[float], tried: dict[tuple[tuple[Any, str], float], list[float]], fold: int
) -> dict[tuple[Any, str], float]:
    """For each threshold the value that is best on all folds but this one, where it is not the shipped one."""
    rest = [index for index, page in enumerate(pages) if fold_of(page.site) != fold]
    best: dict[tuple[Any, str], tuple[float, float]] = {}
    for (threshold, value), worths in tried.items():
        gain = fmean(worths[index] - shipped[index] for index in rest)
        if gain > max(1e-9, best.get(threshold, (0.0, 0.0))[0]):
            best[threshold] = (gain, value)
    return {threshold: value for threshold, (_, value) in best.items()}


def _worth(row: dict[str, float]) -> float:
    total = row["precision"] + row["recall"]
    return (2 * row["precision"] * row["recall"] / total if total else 0.0) + 0.25 * row["exact"]


def _print(name: str, rows: list[dict[str, float]]) -> dict[str, float]:
    figures = summarise(rows)
    print(f"{name} ({len(rows)} pages): " + ", ".join(f"{key} {figures[key]:.3f}" for key in FIGURES if key in figures))
    return figures


def check_floor(figures: Mapping[str, float], corpus: str) -> list[str]:
    """What lies below the floor that is recorded for the corpus, a sentence each; empty where there is no floor."""
    floor = tomllib.loads(FLOORS.read_text("utf-8")).get(corpus, {})
    return [
        f"{name} is {figures[name]:.4f}, its floor is {least:.4f}"
        for name, least in floor.items()
        if figures[name] < least
    ]


def main() -> int:
    """Exit status 1 when a figure lies below the corpus' floor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--folds", action="store_true", help="choose thresholds on four folds, measure on the fifth")
    options = parser.parse_args()
    logging.disable()  # extractors complain about each page that holds nothing for them
    pages = load_corpus(options.corpus)
    measure(pages[0])
    rows = [measure(page) for page in pages]
    corpus = hash_of_corpus(pages)
    figures = _print(f"corpus {corpus}", rows)
    times = sorted(row["cpu_s"] for row in rows)
    print(f"CPU {1000 * fmean(times):.1f} ms a page, 95th percentile {1000 * times[int(0.95 * len(times))]:.1f} ms")
    if options.folds:
        report_folds(pages, rows)
    faults = check_floor(figures, corpus)
    print("\n".join(faults) or "nothing lies below a floor that is recorded for this corpus")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
