"""The words of a sentence as features: stems, with every actor as its class and every figure as one."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from pipeline.judging.lexicon import Lexicon
from pipeline.judging.tags import Tag
from pipeline.judging.tokens import Token

_ENDINGS = (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ied", "y"), ("ed", ""), ("es", "e"), ("s", ""))
_STEM_LEAST = 3  # letters left when an ending goes
_FIGURE = "0"


class Unit(NamedTuple):
    """A stem, a figure ("0") or an actor's class in capitals ("STATE"), and where it stands in its text."""

    name: str
    start: int
    end: int


def units_of(sentence: list[Token], tags: list[Tag], lexicon: Lexicon) -> list[Unit]:
    """The units of a sentence in order; a name of several words is one unit, the lexicon's small words are left out."""
    actors = {tag.first: tag for tag in tags if tag.span is not None}
    units = []
    here, count = 0, len(sentence)
    while here < count:
        token, actor = sentence[here], actors.get(here)
        if actor is not None:
            units.append(Unit(actor.classes[0].upper(), token.start, sentence[actor.after - 1].end))
            here = actor.after
            continue
        if token.word and token.word not in lexicon.left_out:
            units.append(Unit(_named(token.word, lexicon.first_letters), token.start, token.end))
        here += 1
    return units


def _named(word: str, first_letters: int) -> str:
    if word[0].isdigit():
        return _FIGURE
    return word[:first_letters] if first_letters else stem(word)


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A lower-case word without the commonest endings, so that "approves" and "approved" share their evidence.

    Rough on purpose: a few rules cost little, and a wrong stem is only another name for the word.
    """
    if len(word) <= _STEM_LEAST:
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM_LEAST and not word.endswith("ss"):
            word = word[: -len(ending)] + instead
            break
    if word.endswith("e") and len(word) > 4:
        word = word[:-1]
    if len(word) > _STEM_LEAST and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word
