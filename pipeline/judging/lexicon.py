"""A language's lexicon: which word classes a form stands for, and patterns over classes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from pipeline.judging.gazetteer import ACTOR_CLASSES
from pipeline.judging.phrases import PhraseTrie
from pipeline.judging.tokens import keys

# One line a language: its lexicon in data/, and its fitted weights beside it.
LEXICONS = {"en": "english"}

_DEFAULT_GAP = 0


@dataclass(frozen=True, slots=True)
class Form:
    """A word or phrase of the lexicon as it was listed first, and the bits of its classes."""

    name: str
    classes: tuple[str, ...]
    bits: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """A sequence of steps; each is (words that may stand before it, bits of the classes it accepts)."""

    name: str
    steps: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Everything the features of one language need.

    `bit` numbers the word classes; `headline_only` has the bits of those that say nothing in running text.
    """

    language: str
    bit: dict[str, int]
    headline_only: int
    forms: PhraseTrie[Form]
    patterns: tuple[Pattern, ...]
    stop_words: frozenset[str]


@cache
def lexicon(language: str) -> Lexicon:
    """The lexicon of a language in LEXICONS, read once; KeyError for any other."""
    path = files("pipeline.judging").joinpath(f"data/{LEXICONS[language]}.toml")
    raw = tomllib.loads(path.read_text("utf-8"))
    bit = {name: 1 << number for number, name in enumerate((*ACTOR_CLASSES, *raw["classes"]))}
    sets = {name: _split(listed) for name, listed in raw["sets"].items()}
    return Lexicon(
        language=language,
        bit=bit,
        headline_only=sum(bit[name] for name in _split(raw["language"]["headline_only"])),
        forms=_forms(raw["classes"], bit),
        patterns=tuple(
            Pattern(f"{group}: {line}", _steps(line, sets, bit))
            for group, lines in raw["patterns"].items()
            for line in lines
        ),
        stop_words=frozenset(_split(raw["language"]["stop_words"])),
    )


def _split(listed: str) -> list[str]:
    return [part for piece in listed.split(",") if (part := piece.strip())]


def _forms(classes: dict[str, str], bit: dict[str, int]) -> PhraseTrie[Form]:
    trie: PhraseTrie[Form] = PhraseTrie()
    for name, listed in classes.items():
        for entry in _split(listed):
            base = entry.replace("~", "").replace("+", "")
            for variant in inflected(entry):
                phrase = [word.lower() for word in keys(variant)]
                known = trie.get(phrase)
                if known is None:
                    trie.add(phrase, Form(base, (name,), bit[name]))
                elif name not in known.classes:
                    trie.add(phrase, Form(known.name, (*known.classes, name), known.bits | bit[name]))
    return trie


def inflected(entry: str) -> list[str]:
    """The forms an entry stands for: `warn~` is warn, warns, warned, warning; `raid+` is raid, raids.

    The mark may follow any word of a phrase; at most one word carries it.
    """
    words = entry.split()
    for index, word in enumerate(words):
        if word[-1] in "~+":
            ends = _verb(word[:-1]) if word[-1] == "~" else [word[:-1], _with_s(word[:-1])]
            return [" ".join((*words[:index], end, *words[index + 1 :])) for end in ends]
    return [entry]


def _with_s(word: str) -> str:
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "z", "ch", "sh")) else "s")


def _verb(word: str) -> list[str]:
    if word.endswith("e"):
        return [word, word + "s", word + "d", word[:-1] + "ing"]
    past = word[:-1] + "ied" if word.endswith("y") and word[-2] not in "aeiou" else word + "ed"
    return [word, _with_s(word), past, word + "ing"]


def _steps(line: str, sets: dict[str, list[str]], bit: dict[str, int]) -> tuple[tuple[int, int], ...]:
    steps: list[tuple[int, int]] = []
    gap = _DEFAULT_GAP
    for part in line.split():
        if part.startswith("+"):
            gap = int(part[1:])
            continue
        bits = 0
        for name in part.split("|"):
            for member in sets.get(name, [name]):
                bits |= bit[member]
        steps.append((gap, bits))
        gap = _DEFAULT_GAP
    return tuple(steps)
