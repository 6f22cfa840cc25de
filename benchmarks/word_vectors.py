"""Vectors of words by the company they keep: unlabelled texts tell a linear model which words are alike."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import scipy.sparse as sp  # type: ignore[import-untyped]
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd  # type: ignore[import-untyped]

from benchmarks.labelled import Row, Vector
from pipeline.judging.features import LEAD_MAX, TITLE_MAX
from pipeline.judging.lexicon import Lexicon
from pipeline.judging.tags import tags_of
from pipeline.judging.tokens import sentences
from pipeline.judging.words import units_of

MIN_STORIES = 6  # a word that stands in fewer has no vector, so nothing that only one text says is kept
REACH = 4  # words to either side that count as company
DIMENSIONS = 80
STORY_SHARE = 0.5  # of the stories a word stands in, against its neighbours
CONTEXT_POWER = 0.75  # evens out common contexts (Levy, Goldberg and Dagan 2015)


def sentences_of(row: Row, lexicon: Lexicon) -> list[list[str]]:
    """The words of a story, sentence by sentence, as the model's word features name them."""
    return [
        [unit.name for unit in units_of(sentence, tags_of(sentence, lexicon), lexicon)]
        for text in (row["title"][:TITLE_MAX], row["text"][:LEAD_MAX])
        for sentence in sentences(text)
    ]


def word_vectors(stories: list[list[list[str]]]) -> tuple[dict[str, int], NDArray[np.float64]]:
    """The number of each word that enough stories use, and one row of unit length for it.

    Positive pointwise mutual information with the words around it, with its direct neighbours by side, and with the
    stories it stands in; then a truncated singular value decomposition with a fixed seed.
    """
    counts = Counter(word for story in stories for word in {word for sentence in story for word in sentence})
    number = {word: at for at, word in enumerate(sorted(word for word, n in counts.items() if n >= MIN_STORIES))}
    company = sp.hstack(
        [_information(_neighbours(stories, number)), STORY_SHARE * _information(_stories(stories, number))]
    )
    left, strength, _ = randomized_svd(company.tocsr(), DIMENSIONS, random_state=0)
    vectors = left * np.sqrt(strength)
    return number, vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9)


def _neighbours(stories: list[list[list[str]]], number: dict[str, int]) -> Any:
    """Word by context: anywhere in reach, directly after it, directly before it."""
    size = len(number)
    row: list[int] = []
    col: list[int] = []
    for story in stories:
        for sentence in story:
            line = [number.get(word, -1) for word in sentence]
            for here, word in enumerate(line):
                for distance, other in enumerate(line[here + 1 : here + 1 + REACH]):
                    if word >= 0 and other >= 0:
                        row += (word, other)
                        col += (other + size, word + 2 * size) if distance == 0 else (other, word)
    return sp.csr_matrix((np.ones(len(row)), (row, col)), (size, 3 * size))


def _stories(stories: list[list[list[str]]], number: dict[str, int]) -> Any:
    pairs = [
        (number[word], at)
        for at, story in enumerate(stories)
        for word in sorted({word for sentence in story for word in sentence})
        if word in number
    ]
    row, col = zip(*pairs, strict=True)
    return sp.csr_matrix((np.ones(len(pairs)), (row, col)), (len(number), len(stories)))


def _information(counts: Any) -> Any:
    """Positive pointwise mutual information of the counts."""
    total = counts.sum()
    words: Vector = np.asarray(counts.sum(1)).ravel()
    contexts: Vector = np.asarray(counts.sum(0)).ravel() ** CONTEXT_POWER
    contexts *= total / contexts.sum()
    cells = counts.tocoo()
    value = np.log(cells.data * total / (words[cells.row] * contexts[cells.col]))
    keep = value > 0
    return sp.csr_matrix((value[keep], (cells.row[keep], cells.col[keep])), counts.shape)
