"""Places of conflict areas named in a story, with their country and, where the name means one spot, coordinates."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from pipeline.judging.gazetteer import inflect
from pipeline.judging.naming import Sentence
from pipeline.judging.packaged import packaged_toml
from pipeline.judging.phrases import PhraseTrie
from pipeline.judging.tokens import Token, keys
from pipeline.verdict import PlaceMention

# Before a name that may also mean a government or a person; "eastern", "central" and the like may stand between.
_OF_PLACE = frozenset(
    [
        "in",
        "near",
        "over",
        "outside",
        "around",
        "at",
        "from",
        "into",
        "towards",
        "toward",
        "inside",
        "across",
        "above",
        "within",
        "of",
        "between",
        "reach",
        "reached",
        "bombed",
        "shelled",
        "hit",
        "hitting",
        "struck",
        "leave",
        "left",
        "enter",
        "entered",
    ]
) - {"of"}
_DIRECTIONS = frozenset(
    [
        "eastern",
        "western",
        "northern",
        "southern",
        "central",
        "downtown",
        "north",
        "south",
        "east",
        "west",
        "besieged",
        "occupied",
        "capital",
        "city",
        "the",
    ]
)


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """A place under the name that is shown. `needs_sign`: the name alone does not say that a place is meant."""

    name: str
    country: str
    latitude: float | None
    longitude: float | None
    needs_sign: bool


def places_in(told: Sequence[Sentence], language: str, states: Collection[str]) -> Iterator[PlaceMention]:
    """The places named, in reading order. `states` are the states that the story names.

    They decide when a name is one of two countries'. KeyError for a language without a list of names.
    """
    for part, sentence in told:
        for first, after, found in _places(language).find([token.exact for token in sentence]):
            facts = _meant(found, states)
            if facts is None or (facts.needs_sign and not _has_sign(sentence, first)):
                continue
            start, end = sentence[first].start, sentence[after - 1].end
            yield PlaceMention(
                name=facts.name,
                country=facts.country,
                latitude=facts.latitude,
                longitude=facts.longitude,
                place=part.place,
                start=start,
                end=end,
                surface=part.text[start:end],
            )


def _meant(found: tuple[PlaceFacts, ...], states: Collection[str]) -> PlaceFacts | None:
    if len(found) == 1:
        return found[0]
    named = [facts for facts in found if facts.country in states]
    return named[0] if len(named) == 1 else None


def _has_sign(sentence: list[Token], first: int) -> bool:
    before = first - 1
    while before >= 0 and sentence[before].word in _DIRECTIONS:
        before -= 1
    return before >= 0 and sentence[before].word in _OF_PLACE


@cache
def _places(language: str) -> PhraseTrie[tuple[PlaceFacts, ...]]:
    raw = packaged_toml("places.toml")
    trie: PhraseTrie[tuple[PlaceFacts, ...]] = PhraseTrie()
    shown: dict[str, PlaceFacts] = {}
    for countries in raw.values():
        for country, rows in countries.items():
            for listed, *spot in rows:
                names = [name.strip() for name in listed.lstrip("~").split(",")]
                latitude, longitude = spot or (None, None)
                facts = PlaceFacts(names[0], country, latitude, longitude, listed.startswith("~"))
                shown.setdefault(names[0], facts)
                if language == "en":
                    for name in names:
                        _add(trie, name, facts)
    if language != "en":
        _add_foreign(trie, language, shown)
    return trie


def _add_foreign(trie: PhraseTrie[tuple[PlaceFacts, ...]], language: str, shown: dict[str, PlaceFacts]) -> None:
    """The places that the language's own list names; KeyError for one that stands in no list of places."""
    raw = packaged_toml(f"names.{language}.toml")
    ends = {
        name: ["" if e.strip() == "-" else e.strip() for e in es.split(",")] for name, es in raw["paradigms"].items()
    }
    for name, listed in raw["places"].items():
        facts = shown[name]
        # These forms were chosen to mean the place; the sign is asked for in English alone.
        plain = PlaceFacts(facts.name, facts.country, facts.latitude, facts.longitude, False)
        for entry in listed.split(","):
            for form in inflect(entry.strip(), ends):
                _add(trie, form, plain)


def _add(trie: PhraseTrie[tuple[PlaceFacts, ...]], name: str, facts: PlaceFacts) -> None:
    words = keys(name)
    known = trie.get(words) or ()
    if facts not in known and all(other.country != facts.country for other in known):
        trie.add(words, (*known, facts))
