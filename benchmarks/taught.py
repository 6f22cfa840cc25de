"""What a teacher says of the types: soft labels of stories and of their sentences, and a linear copy of it.

The teacher (`benchmarks/teacher.py`) is a sentence transformer, too large and too slow to judge stories at run time.
It is fitted on the stories that the types learn from, and then asked about all stories, and about their headlines and
first sentences one by one. The copy is a ridge regression on its logits over the model's own features.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp  # type: ignore[import-untyped]
from numpy.typing import NDArray
from sklearn.linear_model import Ridge  # type: ignore[import-untyped]

from benchmarks.labelled import Row, Vector
from pipeline.judging.features import features_of
from pipeline.judging.lexicon import Lexicon

Logits = NDArray[np.float32]

STEP = 0.1  # a logit is kept as a whole number of steps in one byte
SHARE = 0.5  # of the copy in a type's logit
LOUDNESS = 0.8  # the teacher is surer than the model
_READ_CHARS, _SENTENCES, _SENTENCE_CHARS = 700, 3, (20, 400)
_PENALTY = 10.0
_STORY_WEIGHT = 3.0  # against a sentence, which stands in the data twice
_ITERATIONS, _TOLERANCE = 100, 1e-3
_BREAK = re.compile(r"(?<=[.!?])[\"”’)]*\s+(?=[A-Z\"“‘(\[])|\n+")
# A headline that says nothing, for sentences that are to be read as a lead.
_NO_NEWS = "Update"


def pieces_of(row: Row) -> list[str]:
    """The headline and the first sentences of the lead, each by itself; none twice."""
    text = row["text"][:_READ_CHARS]
    found = [row["title"], *[sentence.strip() for sentence in _BREAK.split(text)][:_SENTENCES]]
    low, high = _SENTENCE_CHARS
    return list(dict.fromkeys(piece for piece in found if low <= len(piece) <= high))


@dataclass(frozen=True)
class Lesson:
    """What one teacher says: for each story that it was asked about its id's row of logits, and those of its pieces.

    `pieces` has as many rows for a story as `pieces_of` has pieces. The columns are TYPES.
    """

    stories: Mapping[str, Logits]
    pieces: Mapping[str, Logits]


def read_lesson(path: Path) -> Lesson:
    """The lesson in a file that `write_lesson` wrote."""
    with np.load(path) as held:
        ids, counts = held["ids"], held["counts"].astype(np.int64)
        logits = held["logits"].astype(np.float32) * STEP
    starts = np.concatenate([[0], np.cumsum(1 + counts)])
    told = {str(name): logits[start:end] for name, start, end in zip(ids, starts, starts[1:], strict=False)}
    return Lesson({name: rows[0] for name, rows in told.items()}, {name: rows[1:] for name, rows in told.items()})


def write_lesson(path: Path, lesson: Lesson) -> None:
    """Write the lesson, a byte a logit."""
    ids = sorted(lesson.stories)
    counts = np.array([len(lesson.pieces[name]) for name in ids], dtype=np.uint8)
    logits = np.vstack([np.vstack([lesson.stories[name][None], lesson.pieces[name]]) for name in ids])
    steps = np.clip(np.round(logits / STEP), -127, 127).astype(np.int8)
    np.savez_compressed(path, ids=np.array(ids), counts=counts, logits=steps)


@dataclass(frozen=True)
class Pieces:
    """The pieces of all rows with their features: first each as a headline, then each as a lead. `rows` is whose."""

    rows: NDArray[np.int64]
    places: NDArray[np.int64]
    amounts: list[dict[str, float]]


def all_pieces(rows: list[Row], lexicon: Lexicon) -> Pieces:
    """The pieces of every row, and the number of each among its row's."""
    found = [(at, place, piece) for at, row in enumerate(rows) for place, piece in enumerate(pieces_of(row))]
    amounts = [features_of(piece, "", lexicon).amounts for _, _, piece in found]
    for _, _, piece in found:
        as_lead = features_of(_NO_NEWS, piece, lexicon).amounts
        amounts.append({name: amount for name, amount in as_lead.items() if not name.startswith("t:")})
    whose = np.array([at for at, _, _ in found] * 2, dtype=np.int64)
    return Pieces(whose, np.array([place for _, place, _ in found] * 2, dtype=np.int64), amounts)


def copied(
    lesson: Lesson, rows: list[Row], use: Vector, x: Any, pieces: Pieces, of_pieces: Any
) -> tuple[NDArray[np.float64], Vector]:
    """Coefficients (types by columns) and biases of the teacher's linear copy.

    `x` and `of_pieces` are the design matrices of rows and pieces. Only rows in `use` and their pieces are looked at,
    and of those only such as the lesson knows in the form they have.
    """
    known = np.zeros(len(rows), dtype=bool)
    counts = np.bincount(pieces.rows, minlength=len(rows)) // 2
    for at, row in enumerate(rows):
        told = lesson.pieces.get(row["id"])
        known[at] = bool(use[at]) and told is not None and len(told) == counts[at]
    stories = np.flatnonzero(known)
    parts = np.flatnonzero(known[pieces.rows])
    says = [lesson.stories[rows[at]["id"]] for at in stories]
    says += [lesson.pieces[rows[pieces.rows[at]]["id"]][pieces.places[at]] for at in parts]
    weight = np.concatenate([np.full(len(stories), _STORY_WEIGHT), np.ones(len(parts))])
    ridge = Ridge(alpha=_PENALTY, solver="sparse_cg", max_iter=_ITERATIONS, tol=_TOLERANCE)
    ridge.fit(sp.vstack([x[stories], of_pieces[parts]]).tocsr(), np.array(says), sample_weight=weight)
    return ridge.coef_, ridge.intercept_
