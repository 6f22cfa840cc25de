"""Train the judging room's model on labelled stories: measure it by cross-validation, and write it with --write.

    PYTHONPATH=. python benchmarks/train_model.py --labels gold.jsonl --texts more.jsonl            # figures only
    PYTHONPATH=. python benchmarks/train_model.py --labels gold.jsonl --texts more.jsonl --write    # and the model

With `--deal 1` the same figures over weeks dealt out otherwise: a gain that one dealing shows may be chance.

The labels are JSON Lines: id, lang, date, title, text, conflict, policy_types, conflict_policy, and where known hard (a
colleague might decide otherwise: counts half) and live_weight (1 / chance of being drawn from general feeds). `--texts`
is JSON Lines with id, lang, title and text, for word statistics; those that `--read` has labels for, by id, are learnt
from as well. `--written` is stories that were made up for the types' sake, in the form of the labels. Nothing is
measured or calibrated on either. `--taught` is what a teacher says of all these (benchmarks/taught.py), and `--lessons`
a directory of what five others say, `fold0.npz` to `fold4.npz`, none of whom has seen the fold that is measured then.
Run twice on one machine, the files are byte-equal.

Sixteen heads, each a logistic regression with an L2 penalty: `conflict` on all stories, `act` on those about a
conflict, and one for each type on all stories that report an official act, made-up ones among them. The first two are
calibrated by Platt's method on scores of stories they were not fitted on. Half of a type's logit is the teacher's
linear copy. What is written are weights of the lexicon's features and of one or two words; no text.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp  # type: ignore[import-untyped]
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmarks import figures
from benchmarks.labelled import FOLDS, TYPES, Row, Vector, are_found, column, folds_of, is_found, read_rows
from benchmarks.public_vectors import Vectors, public_vectors
from benchmarks.taught import LOUDNESS, SHARE, Lesson, Pieces, all_pieces, copied, read_lesson
from benchmarks.transfer import class_amounts
from benchmarks.word_vectors import sentences_of, word_vectors
from pipeline.judging.features import features_of
from pipeline.judging.fitted import MODEL_SHA256
from pipeline.judging.lexicon import LEXICONS, lexicon
from pipeline.judging.model import HEADS

MIN_STORIES = 5  # a feature seen in fewer labelled stories has no weight of its own
HARD_WEIGHT = 0.5
# What a head's logit is raised by. A stance is an act of its own only where no other fits, so the others go before it.
SHIFT = {"position": -0.4}
# How strongly each family of features may speak before the penalty bites.
SCALES = {"c": 0.6, "w": 0.5, "p": 1.0, "n": 0.6, "o": 0.4, "f": 0.5, "z": 0.5, "t": 1.0, "l": 1.0}
VECTOR_SCALE = 0.75
PUBLIC_SCALE = 0.5
TYPE_STRENGTH = 0.75  # 1 / penalty
CALIBRATED = ("conflict", "act")  # types have too few stories each: with Platt's method their F1 fell by .01
STEPS = 127  # a weight is written as a whole number of steps, -127..127
LEAST_STEPS = {"conflict": 1, "act": 1}
TYPE_LEAST_STEPS = 2  # smaller type weights are not written
# Nor smaller ones of words that none of our texts uses enough: they would double the file, and the time to load it.
PUBLIC_LEAST_STEPS = {"conflict": 20, "act": 20}
TYPE_PUBLIC_LEAST_STEPS = 30
WRITTEN = Path("benchmarks/written_stories.jsonl")
READ = Path("benchmarks/read_labels.jsonl")
TAUGHT = Path("benchmarks/taught_types.npz")
WHOLE = -1  # the lesson of the teacher that has seen every fold
DATA = Path("pipeline/judging/data")
FITTED = Path("pipeline/judging/fitted.py")


@dataclass(frozen=True)
class Recipe:
    """How a language's model comes about."""

    strength: float  # 1 / penalty of `conflict` and `act`
    written_weight: float  # of a made-up story
    has_vectors: bool  # words share their evidence with words like them
    is_taught: bool = False  # the types learn from a teacher as well
    written_teach_all: bool = False  # made-up stories teach `conflict` and `act` as well as the types
    read_is_measured: bool = False  # stories that one reader has labelled are measured like others
    beside: str | None = None  # the language whose stories teach what both lexicons have: classes, patterns, order
    beside_weight: float = 0.0


ENGLISH = Recipe(strength=0.2, written_weight=0.5, has_vectors=True, is_taught=True)
# For a language with a few hundred labels: what stories are made up, and what English stories show of classes.
FEW_LABELS = Recipe(
    strength=0.6,
    written_weight=1.0,
    has_vectors=False,
    written_teach_all=True,
    read_is_measured=True,
    beside="en",
    beside_weight=0.3,
)
RECIPES = {language: ENGLISH if language == "en" else FEW_LABELS for language in LEXICONS}


@dataclass(frozen=True)
class Shared:
    """Words that share their evidence with words like them: the row of each, its vector, and how loud they are."""

    words: dict[str, int]
    vectors: Any
    scale: float


@dataclass(frozen=True)
class Space:
    """What the columns of a design matrix are: named features first, then the vectors of headline and lead words."""

    names: dict[str, int]
    shared: tuple[Shared, ...]

    def matrix(self, amounts: list[dict[str, float]]) -> Any:
        """One row a story."""
        parts = [_sparse(amounts, self.names, lambda name: SCALES[name[0]])]
        for shared, mark in self._blocks():
            index = {f"{mark}:{word}": at for word, at in shared.words.items()}
            cells = _sparse(amounts, index, lambda _, scale=shared.scale: scale)
            parts.append(sp.csr_matrix(cells @ shared.vectors))
        return sp.hstack(parts).tocsr()

    def weights(self, coefficients: Vector) -> dict[str, float]:
        """The weight of one amount of each feature; the vectors of a word are folded into it."""
        out = {name: float(coefficients[at]) * SCALES[name[0]] for name, at in self.names.items()}
        start = len(self.names)
        for shared, mark in self._blocks():
            after = start + shared.vectors.shape[1]
            folded = shared.vectors @ coefficients[start:after] * shared.scale
            for word, at in shared.words.items():
                name = f"{mark}:{word}"
                out[name] = out.get(name, 0.0) + float(folded[at])
            start = after
        return out

    def _blocks(self) -> list[tuple[Shared, str]]:
        return [(shared, mark) for shared in self.shared for mark in "tl"]


def _sparse(amounts: list[dict[str, float]], index: dict[str, int], scale: Any) -> Any:
    cells = [
        (row, index[name], amount * scale(name))
        for row, story in enumerate(amounts)
        for name, amount in story.items()
        if name in index
    ]
    row, col, value = zip(*cells, strict=True) if cells else ((), (), ())
    return sp.csr_matrix((value, (row, col)), (len(amounts), len(index)))


@dataclass(frozen=True)
class Corpus:
    """Labelled rows with their features and words, the words of the unlabelled texts, and public word vectors.

    The measured rows come first, then those with a true `read`, which one reader has labelled, then made-up ones with a
    true `written`, and then those of another language with a true `beside`. `more` has none of the rows.
    """

    rows: list[Row]
    amounts: list[dict[str, float]]
    stories: list[list[list[str]]]
    more: list[list[list[str]]]
    public: Vectors
    recipe: Recipe = ENGLISH
    # What the teacher that saw nothing of a fold says, by fold; and what there is to say it of.
    lessons: Mapping[int, Lesson] = field(default_factory=dict)
    pieces: Pieces | None = None

    def space(self, use: Vector) -> Space:
        """The columns that the stories in `use` give; others are not looked at, not even for word statistics.

        Nor are made-up ones, unless they teach everything: how often a word stands in the news is not to be had from
        them.
        """
        seen = use if self.recipe.written_teach_all else use * (1 - column(self.rows, "written"))
        picked = np.flatnonzero(seen)
        counts = Counter(name for at in picked for name in self.amounts[at])
        names = sorted(name for name, count in counts.items() if count >= MIN_STORIES)
        shared: tuple[Shared, ...] = ()
        if self.recipe.has_vectors:
            words, vectors = word_vectors([self.stories[at] for at in picked] + self.more)
            shared = (Shared(words, vectors, VECTOR_SCALE), Shared(*self.public, PUBLIC_SCALE))
        return Space({name: at for at, name in enumerate(names)}, shared)


def targets(rows: list[Row], recipe: Recipe = ENGLISH) -> dict[str, tuple[Vector, Vector]]:
    """For each head the labels, and which rows count."""
    conflict, policy = column(rows, "conflict"), column(rows, "conflict_policy")
    # A story that was made up tells which act it reports, not how common that is.
    found = np.ones(len(rows)) if recipe.written_teach_all else 1 - column(rows, "written")
    heads = {"conflict": (conflict, found), "act": (policy, conflict * found)}
    typed = np.array([float(bool(row["policy_types"])) for row in rows])
    for act in TYPES:
        heads[act] = (np.array([float(act in row["policy_types"]) for row in rows]), typed)
    return heads


def fit(
    space: Space, corpus: Corpus, use: Vector, lesson: Lesson | None = None
) -> tuple[Any, dict[str, tuple[Vector, float]]]:
    """The design matrix of all rows, and each head's coefficients and bias from the rows in `use`.

    With a lesson the types are a mean of what the labels teach and of the teacher's linear copy.
    """
    recipe = corpus.recipe
    x = space.matrix(corpus.amounts)
    weight = np.where(column(corpus.rows, "hard") > 0, HARD_WEIGHT, 1.0)
    weight *= np.where(column(corpus.rows, "written") > 0, recipe.written_weight, 1.0)
    weight *= np.where(column(corpus.rows, "beside") > 0, recipe.beside_weight, 1.0)
    out = {}
    for head, (y, counts) in targets(corpus.rows, recipe).items():
        rows = np.flatnonzero(use * counts)
        strength = recipe.strength if head in CALIBRATED else TYPE_STRENGTH
        model = LogisticRegression(C=strength, max_iter=300, tol=1e-3)
        model.fit(x[rows], y[rows], sample_weight=weight[rows])
        out[head] = (model.coef_[0], float(model.intercept_[0]) + SHIFT.get(head, 0.0))
    if lesson is not None and corpus.pieces is not None:
        of_pieces = space.matrix(corpus.pieces.amounts)
        says, offsets = copied(lesson, corpus.rows, use, x, corpus.pieces, of_pieces)
        for at, act in enumerate(TYPES):
            own, bias = out[act]
            mixed = (1 - SHARE) * own + SHARE * LOUDNESS * says[at]
            out[act] = (mixed, (1 - SHARE) * bias + SHARE * LOUDNESS * float(offsets[at]))
    return x, out


def held_out_logits(corpus: Corpus, folds: NDArray[np.int64]) -> dict[str, Vector]:
    """Each head's logit of every story, from a model that saw neither the story nor its fold."""
    logits = {head: np.zeros(len(corpus.rows)) for head in HEADS}
    for fold in range(FOLDS):
        held = folds == fold
        x, heads = fit(corpus.space(~held), corpus, ~held, corpus.lessons.get(fold))
        for head, (coefficients, bias) in heads.items():
            logits[head][held] = x[held] @ coefficients + bias
        print(f"fold {fold + 1} of {FOLDS}: {held.sum()} stories", file=sys.stderr)
    return logits


def platt(rows: list[Row], logits: dict[str, Vector], use: Vector) -> dict[str, tuple[float, float]]:
    """Slope and shift that turn the held-out logits of a head into calibrated ones (Platt 1999)."""
    out = {}
    for head in CALIBRATED:
        y, counts = targets(rows)[head]
        picked = np.flatnonzero(use * counts * are_found(rows))
        model = LogisticRegression(C=100.0).fit(logits[head][picked, None], y[picked])
        out[head] = (float(model.coef_[0, 0]), float(model.intercept_[0]))
    return out


def calibrated(rows: list[Row], logits: dict[str, Vector], folds: NDArray[np.int64]) -> dict[str, Vector]:
    """The logits after Platt's method, its two numbers taken from the other folds each time."""
    out = {head: logit.copy() for head, logit in logits.items()}
    for fold in range(FOLDS):
        held = folds == fold
        for head, (slope, shift) in platt(rows, logits, ~held).items():
            out[head][held] = slope * logits[head][held] + shift
    return out


def packed(corpus: Corpus, logits: dict[str, Vector]) -> bytes:
    """The model fitted on every story, as the data file holds it: a line of JSON, then each head's steps in bytes."""
    everything = np.ones(len(corpus.rows))
    space = corpus.space(everything)
    _, heads = fit(space, corpus, everything, corpus.lessons.get(WHOLE))
    scaling = platt(corpus.rows, logits, everything)
    own = space.names.keys() | {
        f"{mark}:{word}" for shared in space.shared[:1] for word in shared.words for mark in "tl"
    }
    bias, step, columns = [], [], []
    for head in HEADS:
        (coefficients, shift), (slope, offset) = heads[head], scaling.get(head, (1.0, 0.0))
        weights = {name: slope * value for name, value in space.weights(coefficients).items()}
        size = max(abs(value) for value in weights.values()) / STEPS
        least = LEAST_STEPS.get(head, TYPE_LEAST_STEPS)
        public_least = PUBLIC_LEAST_STEPS.get(head, TYPE_PUBLIC_LEAST_STEPS)
        steps = {name: round(value / size) for name, value in weights.items()}
        columns.append({name: n for name, n in steps.items() if abs(n) >= (least if name in own else public_least)})
        bias.append(round(slope * shift + offset, 4))
        step.append(float(f"{size:.6g}"))
    names = sorted(set().union(*columns))
    header = json.dumps({"heads": HEADS, "bias": bias, "step": step}, separators=(",", ":"))
    lines = "\n".join((header, *names, "", "")).encode()
    body = b"".join(array("b", [by_name.get(name, 0) for name in names]).tobytes() for by_name in columns)
    return gzip.compress(lines + body, compresslevel=9, mtime=0)


def write(language: str, data: bytes) -> None:
    """Put the model and its digest in their places."""
    digest = hashlib.sha256(data).hexdigest()
    (DATA / f"{LEXICONS[language]}.model.gz").write_bytes(data)
    digests = sorted((MODEL_SHA256 | {language: digest}).items())
    head = '"""Which model files the code belongs to. `benchmarks/train_model.py --write` writes this file."""\n\n'
    lines = "".join(f'    "{name}": "{sha256}",\n' for name, sha256 in digests)
    FITTED.write_text(f"{head}MODEL_SHA256 = {{\n{lines}}}\n", encoding="utf-8")
    print(f"wrote {len(data)} bytes, SHA-256 {digest}")


def labelled_since(texts: list[Row], read: Path, rows: list[Row]) -> list[Row]:
    """The texts that `read` has labels for and that are none of the rows, as rows of their own."""
    with read.open(encoding="utf-8") as lines:
        labels = {label["id"]: label for label in map(json.loads, lines)}
    known = {row["id"] for row in rows}
    return [{**text, **labels[text["id"]], "read": 1} for text in texts if text["id"] in labels.keys() - known]


def read_all(labels: Path, texts: Path | None, read: Path, written: Path, language: str) -> tuple[list[Row], list[Row]]:
    """The rows of one language, measured ones first, then those with a true `read` or `written`; and other texts."""
    rows = read_rows(labels, language)
    more = read_rows(texts, language) if texts else []
    since = labelled_since(more, read, rows)
    rows += [{**row, "read": 0} for row in since] if RECIPES[language].read_is_measured else since
    known = {row["id"] for row in rows}
    rows += [{**row, "written": 1} for row in read_rows(written, language)]
    return rows, [text for text in more if text["id"] not in known]


def load(
    labels: Path,
    texts: Path | None,
    read: Path,
    written: Path,
    language: str,
    lessons: Mapping[int, Lesson] | None = None,
) -> Corpus:
    """The corpus of one language, its features computed once."""
    recipe = RECIPES[language]
    words = lexicon(language)
    rows, more = read_all(labels, texts, read, written, language)
    amounts = [features_of(row["title"], row["text"], words).amounts for row in rows]
    stories = [sentences_of(row, words) for row in rows]
    lessons = lessons if recipe.is_taught and lessons else {}
    pieces = all_pieces(rows, words) if lessons else None
    if recipe.beside:
        others = read_rows(labels, recipe.beside)
        rows += [{**row, "beside": 1} for row in others]
        amounts += class_amounts(others, recipe.beside)
        stories += [[] for _ in others]
    public = public_vectors() if recipe.has_vectors else ({}, np.zeros((0, 0)))
    other_stories = [sentences_of(row, words) for row in more]
    return Corpus(rows, amounts, stories, other_stories, public, recipe, lessons, pieces)


def lessons_in(taught: Path | None, directory: Path | None) -> dict[int, Lesson]:
    """The lesson for the model that is written, and those for measuring."""
    lessons = {} if taught is None else {WHOLE: read_lesson(taught)}
    if directory is not None:
        lessons |= {fold: read_lesson(directory / f"fold{fold}.npz") for fold in range(FOLDS)}
    return lessons


def main() -> int:
    """Measure, and write the model when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--texts", type=Path, help="unlabelled stories for word statistics")
    parser.add_argument(
        "--read", type=Path, default=READ, help="labels of unlabelled stories, by id (default: our own)"
    )
    parser.add_argument("--written", type=Path, default=WRITTEN, help="made-up stories (default: our own)")
    parser.add_argument("--taught", type=Path, default=TAUGHT, help="a teacher's soft labels (default: our own)")
    parser.add_argument(
        "--lessons", type=Path, help="a directory of five teachers' soft labels, for measuring the types"
    )
    parser.add_argument("--language", default="en", choices=sorted(LEXICONS))
    parser.add_argument("--deal", type=int, default=0, metavar="SEED", help="measure with weeks dealt out by a seed")
    parser.add_argument("--theatres", action="store_true", help="also leave out one theatre of war after the other")
    parser.add_argument("--write", action="store_true", help="write the model and its digest into pipeline/judging")
    args = parser.parse_args()
    if args.deal and args.write:
        parser.error("--deal only measures: the model that is written is calibrated by the first folds")
    with threadpool_limits(1):  # the order of sums decides the last digits
        lessons = lessons_in(args.taught if args.write else None, args.lessons)
        corpus = load(args.labels, args.texts, args.read, args.written, args.language, lessons)
        folds = folds_with_written(corpus.rows, args.deal)
        logits = held_out_logits(corpus, folds)
        found = [row for row in corpus.rows if is_found(row)]
        measured = {head: logit[: len(found)] for head, logit in calibrated(corpus.rows, logits, folds).items()}
        if RECIPES[args.language].is_taught and not args.lessons:
            print("types: measured without a teacher, see --lessons")
        figures.report(found, measured)
        if args.theatres:
            figures.report_theatres(corpus.rows, lambda use: _logits_without(corpus, use, logits))
        if args.write:
            write(args.language, packed(corpus, logits))
    return 0


def folds_with_written(rows: list[Row], deal: int = 0) -> NDArray[np.int64]:
    """The fold of each row; a made-up one has none (-1), nor has one of another language.

    Such rows are learnt from every time and never measured.
    """
    own = [row for row in rows if not row.get("written") and not row.get("beside")]
    return np.concatenate([folds_of(own, deal), np.full(len(rows) - len(own), -1)])


def _logits_without(corpus: Corpus, use: Vector, logits: dict[str, Vector]) -> dict[str, Vector]:
    """Every story's logits from a model of the stories in `use`, calibrated by their held-out logits alone."""
    x, heads = fit(corpus.space(use), corpus, use)
    scaling = platt(corpus.rows, logits, use)
    out = {}
    for head, (coefficients, bias) in heads.items():
        slope, shift = scaling.get(head, (1.0, 0.0))
        out[head] = slope * (x @ coefficients + bias) + shift
    return out


if __name__ == "__main__":
    sys.exit(main())
