"""The actors a story names: states through their people, capitals, leaders and organs; armed groups; bodies.

English names stand in data/actors.toml, those of other languages in data/names.LANGUAGE.toml, who was in office when in
data/leaders.toml.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pipeline.judging.compiled import compiled
from pipeline.judging.packaged import packaged_toml
from pipeline.judging.phrases import PhraseTrie
from pipeline.judging.tokens import Token, keys

if TYPE_CHECKING:
    from datetime import date

Kind = Literal["state", "armed_group", "body"]

# How a way of naming a state is called as a word class; see data/actors.toml.
_CLASSES = {
    "name": "state",
    "people": "people_of",
    "capital": "capital",
    "leader": "leader",
    "organ": "organ",
    "place": "place",
}
ACTOR_CLASSES = (*_CLASSES.values(), "group", "body")
# Languages with names of actors; English is the one that is scored by features too.
NAME_LANGUAGES = ("en", "pl", "uk", "ru", "de", "fr", "es")
_ELIDED = frozenset(("l", "d", "n", "s", "c", "j", "m", "t", "qu"))
_LATIN = ("pl", "de", "fr", "es")


class Actor(NamedTuple):
    """An actor's code and kind, and the word class its name stands for in patterns.

    `terms` are the spans of time in which the name stands for the actor, as first and last day in ISO 8601 ("" is
    open); none means always. `cameo` is the actor's code in the form that CAMEO has.
    """

    code: str
    kind: Kind
    word_class: str
    cameo: str = ""
    terms: tuple[tuple[str, str], ...] = ()

    def is_meant_on(self, day: date | None) -> bool:
        """Whether the name stood for the actor on that day; always when the day is unknown."""
        if day is None or not self.terms:
            return True
        on = day.isoformat()
        # A month or a year is taken at its widest: "2021" ends after every day of 2021.
        return any(first <= on and (not last or on[: len(last)] <= last) for first, last in self.terms)


class ActorSpan(NamedTuple):
    """An actor named by the words `first` up to, not including, `after` of a sentence."""

    actor: Actor
    first: int
    after: int


def actors_in(sentence: list[Token], language: str = "en") -> list[ActorSpan]:
    """The actors a sentence names, in order, longest names first; case decides ("US" is a state, "us" is not).

    `language` is one of NAME_LANGUAGES; KeyError for any other.
    """
    words = [token.exact for token in sentence]
    if language == "fr":
        words = [_without_article(word) for word in words]
    found = _names(language).find(words)
    return [ActorSpan(actor, first, after) for first, after, actor in found if actor.code]


def _without_article(word: str) -> str:
    """A French word without what is drawn together with it: "l'Ukraine", "d'Israël", "qu'Israël"."""
    head, mark, rest = word.partition("'")
    return rest if mark and len(head) <= 2 and head.lower() in _ELIDED else word


@cache
def _names(language: str) -> PhraseTrie[Actor]:
    lists = compiled(language)
    if lists is None:
        return names_from_sources(language)
    actors = [
        Actor(code, kind, word_class, cameo, tuple((first, last) for first, last in terms))
        for code, kind, word_class, cameo, terms in lists["actors"]
    ]
    return PhraseTrie(lists["names"], actors)


def names_from_sources(language: str) -> PhraseTrie[Actor]:
    """The names of a language, read from the lists in data/; KeyError for a language without one."""
    if language not in NAME_LANGUAGES:
        raise KeyError(language)
    english = packaged_toml("actors.toml")
    trie: PhraseTrie[Actor] = PhraseTrie()
    # The order is the precedence: a later list takes a name away from an earlier one.
    if language == "en":
        _add_states(trie, english)
    if language == "en" or language in _LATIN:
        _add_leaders(trie)
        _add_others(trie, english, english["armed_groups"], english["bodies"])
    if language != "en":
        raw = packaged_toml(f"names.{language}.toml")
        _add_foreign(trie, raw, english)
        english = raw
    for name in _split(english.get("not_actors", {}).get("names", "")):
        _add(trie, name, Actor("", "state", ""))
    return trie


def _add_states(trie: PhraseTrie[Actor], raw: dict[str, Any]) -> None:
    roles = {name: role for role, listed in raw["roles"].items() for name in _split(listed)}
    for code, ways in raw["states"].items():
        for way, listed in ways.items():
            for name in _split(listed):
                role = roles.get(name, "GOV" if way in ("leader", "organ") else "")
                _add(trie, name, Actor(code, "state", _CLASSES[way], code + role))
                if way == "people" and name[-1] in "ni":
                    _add(trie, name + "s", Actor(code, "state", _CLASSES[way], code))


def _add_leaders(trie: PhraseTrie[Actor]) -> None:
    for code, people in packaged_toml("leaders.toml").items():
        for names, listed in people.items():
            terms = tuple(_term(span) for span in _split(listed))
            for name in _split(names):
                _add(trie, name, Actor(code, "state", "leader", code + "GOV", terms))


def _term(span: str) -> tuple[str, str]:
    first, last = span.split("/")
    return first, last


def _add_others(trie: PhraseTrie[Actor], raw: dict[str, Any], groups: dict[str, str], bodies: dict[str, str]) -> None:
    """Armed groups and bodies; raises KeyError for one whose CAMEO form is not listed."""
    for code, listed in groups.items():
        for name in _split(listed):
            _add(trie, name, Actor(code, "armed_group", "group", raw["cameo"][code]))
    for code, listed in bodies.items():
        for name in _split(listed):
            _add(trie, name, Actor(code, "body", "body", raw["cameo"][code]))


def _add_foreign(trie: PhraseTrie[Actor], raw: dict[str, Any], english: dict[str, Any]) -> None:
    ends = {name: ["" if e == "-" else e for e in _split(listed)] for name, listed in raw["paradigms"].items()}

    def forms(listed: dict[str, str]) -> dict[str, str]:
        return {
            code: ", ".join(form for entry in _split(names) for form in inflect(entry, ends))
            for code, names in listed.items()
        }

    for code, listed in forms(raw["states"]).items():
        for name in _split(listed):
            # A leader whose term is known keeps it.
            known = trie.get(keys(name))
            if known is None or known.code != code or not known.terms:
                _add(trie, name, Actor(code, "state", "state", code))
    _add_others(trie, english, forms(raw["groups"]), forms(raw["bodies"]))


def inflect(entry: str, ends: dict[str, list[str]]) -> Iterator[str]:
    """The forms of an entry: `stem*paradigm` is the stem with each ending, and so is every word of a phrase.

    What begins with a small letter comes with a capital too, as at the start of a sentence.
    """
    words = []
    for word in entry.split():
        stem, star, paradigm = word.partition("*")
        words.append([stem + end for end in ends[paradigm]] if star else [stem])
    for picked in product(*words):
        form = " ".join(picked)
        yield form
        if form[0].islower():
            yield form[0].upper() + form[1:]


def _split(listed: str) -> list[str]:
    return [name for part in listed.split(",") if (name := part.strip())]


def _add(trie: PhraseTrie[Actor], name: str, actor: Actor) -> None:
    words = keys(name)
    trie.add(words, actor)
    # Headlines in capitals. Not for short words: "XI" is a cricket side, "US" is listed as it is.
    if all(len(word) > 3 for word in words):
        trie.add([word.upper() for word in words], actor)
