"""The actors a story names: states through their people, capitals, leaders and organs; armed groups; bodies."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from pipeline.judging.phrases import PhraseTrie
from pipeline.judging.tokens import Token, keys

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


@dataclass(frozen=True, slots=True)
class Actor:
    """An actor's code and kind, and the word class its name stands for in patterns."""

    code: str
    kind: Kind
    word_class: str


@dataclass(frozen=True, slots=True)
class ActorSpan:
    """An actor named by the words `first` up to, not including, `after` of a sentence."""

    actor: Actor
    first: int
    after: int


def actors_in(sentence: list[Token]) -> list[ActorSpan]:
    """The actors a sentence names, in order, longest names first; case decides ("US" is a state, "us" is not)."""
    found = _names().find([token.exact for token in sentence])
    return [ActorSpan(actor, first, after) for first, after, actor in found if actor.code]


@cache
def _names() -> PhraseTrie[Actor]:
    raw = tomllib.loads(files("pipeline.judging").joinpath("data/actors.toml").read_text("utf-8"))
    trie: PhraseTrie[Actor] = PhraseTrie()
    # The order is the precedence: a later list takes a name away from an earlier one.
    for code, ways in raw["states"].items():
        for way, listed in ways.items():
            for name in _split(listed):
                _add(trie, name, Actor(code, "state", _CLASSES[way]))
                if way == "people" and name[-1] in "ni":
                    _add(trie, name + "s", Actor(code, "state", _CLASSES[way]))
    for code, listed in raw["armed_groups"].items():
        for name in _split(listed):
            _add(trie, name, Actor(code, "armed_group", "group"))
    for code, listed in raw["bodies"].items():
        for name in _split(listed):
            _add(trie, name, Actor(code, "body", "body"))
    for name in _split(raw["not_actors"]["names"]):
        _add(trie, name, Actor("", "state", ""))
    return trie


def _split(listed: str) -> list[str]:
    return [name for part in listed.split(",") if (name := part.strip())]


def _add(trie: PhraseTrie[Actor], name: str, actor: Actor) -> None:
    words = keys(name)
    trie.add(words, actor)
    # Headlines in capitals. Not for short words: "XI" is a cricket side, "US" is listed as it is.
    if all(len(word) > 3 for word in words):
        trie.add([word.upper() for word in words], actor)
