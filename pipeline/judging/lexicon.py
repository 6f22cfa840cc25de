"""A language's lexicon: which word classes a form stands for, and patterns over classes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any, NamedTuple

from pipeline.judging.compiled import compiled
from pipeline.judging.gazetteer import ACTOR_CLASSES
from pipeline.judging.packaged import packaged_toml
from pipeline.judging.phrases import PhraseTrie
from pipeline.judging.tokens import keys

# One line a language: its lexicon in data/. Judged is only what has fitted weights beside it, see languages.py.
LEXICONS = {
    "en": "english",
    "de": "german",
    "es": "spanish",
    "fr": "french",
    "pl": "polish",
    "ru": "russian",
    "uk": "ukrainian",
}
# The lexicon whose class names, patterns and sets all others share: a model speaks of classes, not of words.
_FIRST = "en"

_DEFAULT_GAP = 0
_STEM_MARK = "*"
_STEM_MIN, _STEM_MAX = 2, 20  # letters


class Form(NamedTuple):
    """A word or phrase of the lexicon as it was listed first, and the bits of its classes."""

    name: str
    classes: tuple[str, ...]
    bits: int


class Pattern(NamedTuple):
    """A sequence of steps; each is (words that may stand before it, bits of the classes it accepts)."""

    name: str
    steps: tuple[tuple[int, int], ...]


class Lexicon(NamedTuple):
    """Everything the features of one language need.

    `bit` numbers the word classes; `headline_only` has the bits of those that say nothing in running text. `stems`
    are the beginnings that stand for every word that begins so; where there are any, `wholes` has the single words that
    are listed as they are. Word features leave `left_out` out; where endings are many, a word is its `first_letters`
    for them (0: its English stem).
    """

    language: str
    bit: dict[str, int]
    headline_only: int
    forms: PhraseTrie[Form]
    patterns: tuple[Pattern, ...]
    stop_words: frozenset[str]
    wholes: frozenset[str] = frozenset()
    stems: frozenset[str] = frozenset()
    elisions: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    first_letters: int = 0

    def forms_in(self, words: list[str]) -> Iterator[tuple[int, int, Form]]:
        """The forms among lower-case words, as (first word, word after the last, form)."""
        return self.forms.find([self._listed(word) for word in words] if self.stems else words)

    def _listed(self, word: str) -> str:
        """The word as `forms` has it: itself, or the longest stem that it begins with."""
        return _listed(_without_elision(word, self.elisions), self.wholes, self.stems)


@cache
def lexicon(language: str) -> Lexicon:
    """The lexicon of a language in LEXICONS, read once; KeyError for any other."""
    lists = compiled(language)
    return lexicon_from_sources(language) if lists is None else _lexicon_as_compiled(language, lists)


def _lexicon_as_compiled(language: str, lists: dict[str, Any]) -> Lexicon:
    forms = [Form(name, tuple(classes), bits) for name, classes, bits in lists["entries"]]
    return Lexicon(
        language=language,
        bit=lists["bit"],
        headline_only=lists["headline_only"],
        forms=PhraseTrie(lists["forms"], forms),
        patterns=tuple(Pattern(name, tuple(map(tuple, steps))) for name, steps in lists["patterns"]),
        stop_words=frozenset(lists["stop_words"]),
        left_out=frozenset(lists["left_out"]),
    )


def lexicon_from_sources(language: str) -> Lexicon:
    """The lexicon of a language, read from its lists in data/; KeyError for a language without one."""
    raw, first = _raw(language), _raw(_FIRST)
    bit = {name: 1 << number for number, name in enumerate((*ACTOR_CLASSES, *first["classes"]))}
    sets = {name: _split(listed) for name, listed in first["sets"].items()}
    elisions = frozenset(_split(raw["language"].get("elisions", "")))
    forms = _forms(raw["classes"], bit, elisions)
    stems = frozenset(word[:-1] for phrase in forms for word in phrase if word[-1] == _STEM_MARK)
    single = (phrase[0] for phrase in forms if stems and len(phrase) == 1)
    wholes = frozenset(word for word in single if word[-1] != _STEM_MARK)
    return Lexicon(
        language=language,
        bit=bit,
        headline_only=sum(bit[name] for name in _split(raw["language"]["headline_only"])),
        forms=_trie(forms, wholes, stems),
        patterns=tuple(
            Pattern(f"{group}: {line}", _steps(line, sets, bit))
            for group, lines in first["patterns"].items()
            for line in lines
        ),
        stop_words=frozenset(_split(raw["language"]["stop_words"])),
        wholes=wholes,
        stems=stems,
        elisions=elisions,
        left_out=frozenset(_split(raw["language"].get("left_out", ""))),
        first_letters=raw["language"].get("first_letters", 0),
    )


@cache
def _raw(language: str) -> dict[str, Any]:
    return packaged_toml(f"{LEXICONS[language]}.toml")


def _split(listed: str) -> list[str]:
    return [part for piece in listed.split(",") if (part := piece.strip())]


def _forms(classes: dict[str, str], bit: dict[str, int], elisions: frozenset[str]) -> dict[tuple[str, ...], Form]:
    forms: dict[tuple[str, ...], Form] = {}
    for name, listed in classes.items():
        for entry in _split(listed):
            base = entry.replace("~", "").replace("+", "")
            for variant in inflected(entry):
                phrase = _phrase(variant, elisions)
                known = forms.get(phrase)
                if known is None:
                    forms[phrase] = Form(base, (name,), bit[name])
                elif name not in known.classes:
                    forms[phrase] = Form(known.name, (*known.classes, name), known.bits | bit[name])
    return forms


def _phrase(variant: str, elisions: frozenset[str]) -> tuple[str, ...]:
    words: list[str] = []
    for word in variant.split():
        mark = _STEM_MARK if word.endswith(_STEM_MARK) else ""
        # Nearly every word is letters alone: then there is nothing to cut.
        parts = [_without_elision(part.lower(), elisions) for part in ([word] if word.isalpha() else keys(word))]
        words += (*parts[:-1], parts[-1] + mark)
    return tuple(words)


def _trie(forms: dict[tuple[str, ...], Form], wholes: frozenset[str], stems: frozenset[str]) -> PhraseTrie[Form]:
    """The forms by their words as a text's words will be listed: a phrase's word may be covered by another entry."""
    trie: PhraseTrie[Form] = PhraseTrie()
    for phrase, form in forms.items():
        ways = [[word] for word in phrase] if len(phrase) == 1 else [_ways(word, wholes, stems) for word in phrase]
        for words in product(*ways):
            if trie.get(words) is None:
                trie.add(words, form)
    return trie


def _ways(word: str, wholes: frozenset[str], stems: frozenset[str]) -> list[str]:
    """Each way in which a phrase's word is listed when a text has it."""
    if word[-1] != _STEM_MARK:
        return [_listed(word, wholes, stems)]
    start = word[:-1]
    others = {whole for whole in wholes if whole.startswith(start)}
    others |= {stem + _STEM_MARK for stem in stems if stem.startswith(start)}
    return sorted(others)


def _listed(word: str, wholes: frozenset[str], stems: frozenset[str]) -> str:
    """A word that is listed whole as it is, otherwise the longest stem that it begins with, otherwise the word."""
    if stems and word not in wholes:
        for size in range(min(len(word), _STEM_MAX), _STEM_MIN - 1, -1):
            if word[:size] in stems:
                return word[:size] + _STEM_MARK
    return word


def _without_elision(word: str, elisions: frozenset[str]) -> str:
    """French runs its small words into the next: "l'armée" is looked up as "armée"."""
    small, mark, rest = word.partition("'")
    return rest if mark and small in elisions and rest else word


def inflected(entry: str) -> list[str]:
    """The forms an entry stands for: `warn~` is warn, warns, warned, warning; `raid+` is raid, raids.

    The mark may follow any word of a phrase; at most one word carries it. `sankcj*` is kept: it stands for every word
    that begins so, which is how the languages with many endings are listed.
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
