"""The language of a text, by py3langid's model, in less than half of the memory that py3langid needs for it.

Every reading process holds the model, so its size counts once a worker. Its largest part, 39 MB, says which state of an
automaton follows on which byte: 256 numbers a row, and rows differ from one another in few places. Cut into blocks of
16, each different block kept once, it is 5 MB and says the same.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from py3langid.langid import MODEL_DIR, MODEL_FILE
from py3langid.modelio import load_model

_BLOCK = 16


@dataclass(frozen=True, slots=True)
class _Model:
    """The automaton that finds features in a text's bytes, and what each feature says of each language.

    The state after `state` and a byte is `following[16 * block_of[16 * row_of[state] + byte // 16] + byte % 16]`;
    `feature_of` a state is -1 where none ends. A language may have two columns.
    """

    row_of: array[int]
    block_of: array[int]
    following: array[int]
    feature_of: array[int]
    log_likelihoods: Any
    log_priors: Any
    languages: Sequence[str]


def load() -> None:
    """Load the model now: the first text then takes no longer than the next."""
    _model()


def detect_language(text: str) -> str | None:
    """The language's ISO 639-1 code, as py3langid says it; None for a text without any feature of a language."""
    model = _model()
    found = _features(model, _prepared(text))
    if not found:
        return None
    features = np.fromiter(found.keys(), dtype=np.intp, count=len(found))
    counts = np.fromiter(found.values(), dtype=np.float32, count=len(found))
    scores = np.log1p(counts) @ model.log_likelihoods[features] + model.log_priors
    return model.languages[int(scores.argmax())]


def _prepared(text: str) -> bytes:
    """The bytes that the model was trained on: composed, and a text all in capitals in small letters."""
    text = text.lower() if text.isupper() else text
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")


def _features(model: _Model, raw: bytes) -> Counter[int]:
    row_of, block_of, following, feature_of = model.row_of, model.block_of, model.following, model.feature_of
    state, found = 0, []
    for byte in raw:
        state = following[block_of[row_of[state] << 4 | byte >> 4] << 4 | byte & 15]
        feature = feature_of[state]
        if feature >= 0:
            found.append(feature)
    return Counter(found)


@cache
def _model() -> _Model:
    """py3langid's model, unpacked and cut down once a process: 0.6 s of CPU, nearly all of it unpacking."""
    likelihoods, priors, languages, moves, row_of, feature_of = load_model(MODEL_DIR / MODEL_FILE)
    block_of, following = _blocks(moves)
    return _Model(
        row_of=row_of,
        block_of=block_of,
        following=following,
        feature_of=array("i", feature_of),
        log_likelihoods=np.asarray(likelihoods),
        log_priors=np.asarray(priors),
        languages=tuple(languages),
    )


def _blocks(moves: array[int]) -> tuple[array[int], array[int]]:
    """`moves` in blocks of 16 as (number of each place's block, the different blocks one after another)."""
    blocks = np.frombuffer(moves, dtype=moves.typecode).reshape(-1, _BLOCK)
    # Told apart by their hashes, which numpy sorts at once: a dictionary of 600,000 blocks takes half a second.
    _, first, number_of = np.unique(_hashes(blocks), return_index=True, return_inverse=True)
    different = blocks[first]
    if not np.array_equal(different[number_of], blocks):
        raise ValueError("two blocks of the language model share a hash: another odd multiplier has to be chosen")
    number_type = "H" if len(first) <= 1 << 16 else "I"
    return array(number_type, number_of.astype(number_type).tobytes()), array(moves.typecode, different.tobytes())


def _hashes(blocks: Any) -> Any:
    """A number of 64 bits for each row: its numbers as digits to the base of an odd number, so that each one counts."""
    hashes = np.zeros(len(blocks), dtype=np.uint64)
    for column in blocks.T:
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + column.astype(np.uint64)
    return hashes
