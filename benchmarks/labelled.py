"""Labelled stories, folds that keep copies and follow-ups together, and the figures a classifier is judged by."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.judging.model import HEADS

Vector = NDArray[np.float64]
Row = dict[str, Any]

FOLDS = 5
TYPES = HEADS[2:]  # the heads behind `conflict` and `act`
TITLE_SHINGLE, TEXT_SHINGLE, TEXT_WORDS = 6, 10, 60  # words; copies share a run of so many
BINS = 10


def read_rows(path: Path, language: str) -> list[Row]:
    """The stories of a JSON Lines file that are in the language, in the file's order."""
    with path.open(encoding="utf-8") as lines:
        return [row for line in lines if line.strip() and (row := json.loads(line)).get("lang") == language]


def folds_of(rows: list[Row], deal: int = 0) -> NDArray[np.int64]:
    """The fold of each story. Near-copies share one, and so do all stories of a calendar week.

    Near-copies share six words in a row of the title or ten of the text's first sixty. A group of copies belongs to the
    week of its earliest member; stories without a day are on their own. Weeks are dealt out largest first, or with
    another `deal` than 0 in an order drawn by that seed: what was chosen by the first folds is measured on others.
    """
    copies = _near_copies(rows)
    earliest: dict[int, str] = {}
    for row, group in zip(rows, copies, strict=True):
        day = row.get("date") or ""
        earliest[group] = min(earliest.get(group, "9999"), day if len(day) == len("2026-01-01") else "9999")
    blocks = [_week(earliest[group]) or f"alone {group}" for group in copies]
    sizes, fold = [0] * FOLDS, {}
    counts = Counter(blocks)
    order = sorted(counts, key=lambda block: (-counts[block], _digest(block)))
    if deal:
        order.sort()
        random.Random(deal).shuffle(order)
    for block in order:
        fold[block] = sizes.index(min(sizes))
        sizes[fold[block]] += counts[block]
    return np.array([fold[block] for block in blocks])


def _week(day: str) -> str | None:
    if day == "9999":
        return None
    year, week, _ = date.fromisoformat(day).isocalendar()
    return f"{year}-{week}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _near_copies(rows: list[Row]) -> list[int]:
    """For each row the first row it is a near-copy of, directly or through others."""
    first = list(range(len(rows)))

    def root(index: int) -> int:
        while first[index] != index:
            first[index] = first[first[index]]
            index = first[index]
        return index

    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        for text, size in ((row["title"], TITLE_SHINGLE), (row["text"], TEXT_SHINGLE)):
            words = re.findall(r"[a-z0-9]+", text.lower())[:TEXT_WORDS]
            for start in range(len(words) - size + 1):
                holders[(str(size), *words[start : start + size])].append(index)
    for indices in holders.values():
        for index in indices[1:]:
            one, other = sorted((root(indices[0]), root(index)))
            first[other] = one
    return [root(index) for index in range(len(rows))]


def column(rows: list[Row], key: str) -> Vector:
    """One numeric field of all rows; 0 where it is missing."""
    return np.array([float(row.get(key) or 0) for row in rows])


def is_found(row: Row) -> bool:
    """Whether figures are taken on the row: no made-up one, none that lies beside, none of the marked readings."""
    return not (row.get("written") or row.get("read") or row.get("beside"))


def are_found(rows: list[Row]) -> NDArray[np.bool_]:
    """`is_found` of each row."""
    return np.array([is_found(row) for row in rows])


def average_precision(y: Vector, score: Vector, weight: Vector | None = None) -> float:
    """Area under the precision-recall steps; stories may weigh differently."""
    order = np.argsort(-score, kind="stable")
    y, weight = y[order], np.ones(len(y)) if weight is None else weight[order]
    precision = np.cumsum(y * weight) / np.maximum(np.cumsum(weight), 1e-12)
    return float((precision * y * weight).sum() / (y * weight).sum())


def precision_recall_f1(
    y: Vector, chosen: NDArray[np.bool_], weight: Vector | None = None
) -> tuple[float, float, float]:
    """Precision, recall and F1 of a choice; 0 where nothing was chosen or there was nothing to choose."""
    weight = np.ones(len(y)) if weight is None else weight
    true, found, wanted = (weight * y * chosen).sum(), (weight * chosen).sum(), (weight * y).sum()
    if not true:
        return 0.0, 0.0, 0.0
    return float(true / found), float(true / wanted), float(2 * true / (found + wanted))


def precision_at_recall(y: Vector, score: Vector, weight: Vector, recall: float) -> float:
    """The best precision of any cut that finds at least this share."""
    order = np.argsort(-score, kind="stable")
    y, weight = y[order], weight[order]
    found = np.cumsum(y * weight)
    enough = found / found[-1] >= recall
    return float((found[enough] / np.cumsum(weight)[enough]).max())


def calibration_error(y: Vector, score: Vector) -> float:
    """Mean distance between score and share of positives over ten equal bins of the score, weighted by their size."""
    bins = np.minimum((score * BINS).astype(int), BINS - 1)
    return float(sum(abs(y[bins == b].sum() - score[bins == b].sum()) for b in range(BINS)) / len(y))
