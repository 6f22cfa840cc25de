"""On whose word a story reports, and what became of it: sentence by sentence, with the span that says so.

Rules over English sentences; data/sourcing.toml has the words. A sentence is first asked who speaks in it, then whether
it says that the report is confirmed, denied or neither. Every expression is bounded, so that the time is linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

from pipeline.judging.gazetteer import ActorSpan, actors_in
from pipeline.judging.naming import Part, Sentence
from pipeline.judging.sourcing_rules import rules
from pipeline.judging.tokens import Token
from pipeline.verdict import Attribution, SourceKind, Standing

RULES = "sourcing-1"
SENTENCE_MAX = 700
ATTRIBUTIONS_MAX = 60  # of a story; a live blog says nothing new after that


@dataclass(frozen=True, slots=True)
class SourcingSummary:
    """What a story's attributions come to.

    `reported_by` are the other outlets in the order of their first mention. `is_officially_confirmed` is None when the
    story says nothing of it, or both that it is and that it is not.
    """

    reported_by: tuple[str, ...]
    has_anonymous_officials: bool
    is_officially_confirmed: bool | None


def sourcing_in(told: Iterable[Sentence], day: date | None) -> Iterator[Attribution]:
    """The attributions of an English story in reading order, at most ATTRIBUTIONS_MAX, each source once a sentence."""
    count = 0
    for part, sentence in told:
        for item in _of_sentence(part, sentence, day):
            if count == ATTRIBUTIONS_MAX:
                return
            count += 1
            yield item


def summarise(items: Iterable[Attribution]) -> SourcingSummary:
    """The attributions of a story in one view."""
    listed = list(items)
    outlets = dict.fromkeys(i.name for i in listed if i.source is SourceKind.OUTLET and i.name)
    standings = {item.standing for item in listed if item.standing is not None}
    is_confirmed = Standing.CONFIRMED in standings
    is_open = bool(standings - {Standing.CONFIRMED})
    return SourcingSummary(
        reported_by=tuple(outlets),
        has_anonymous_officials=any(item.source is SourceKind.ANONYMOUS_OFFICIAL for item in listed),
        is_officially_confirmed=None if is_confirmed == is_open else is_confirmed,
    )


def _of_sentence(part: Part, sentence: list[Token], day: date | None) -> list[Attribution]:
    known = rules()
    start, end = sentence[0].start, min(sentence[-1].end, sentence[0].start + SENTENCE_MAX)
    spans = [span for span in actors_in(sentence) if span.actor.is_meant_on(day)]
    found = _Found(part, start, sentence, spans)
    text = part.text[start:end]
    words = _words_of(sentence)
    for kind, asked in (
        (SourceKind.ANONYMOUS_OFFICIAL, known.anonymous),
        (SourceKind.DOCUMENT, known.documents),
        (SourceKind.OUTLET, known.outlets),
        (SourceKind.ARMED_SIDE, known.forces),
        (SourceKind.NAMED_OFFICIAL, known.named),
    ):
        for pattern, needs in asked:
            if not any(map(words.isdisjoint, needs)):
                for match in pattern.finditer(text):
                    found.add(kind, match)
    found.add_speaking_actors(known.speaks)
    if part.place == "title":
        for kind, pattern in known.title_only:
            for match in pattern.finditer(text):
                found.add(kind, match)
    return found.with_standing(text, known.standings)


def _words_of(sentence: list[Token]) -> set[str]:
    """The words of a sentence and, of those with an apostrophe, their parts too: an expression sees runs of letters."""
    words = {token.exact for token in sentence}
    return words.union(*[word.split("'") for word in words if "'" in word])


class _Found:
    """What one sentence gave; a stretch of words belongs to the first rule that took it."""

    def __init__(self, part: Part, start: int, sentence: list[Token], spans: list[ActorSpan]) -> None:
        self._part = part
        self._start = start
        self._sentence = sentence
        self._spans = spans
        self._items: list[Attribution] = []

    def add(self, kind: SourceKind, match: re.Match[str]) -> None:
        who = match.span("who")
        self._put(
            kind, self._start + match.start(), self._start + match.end(), self._start + who[0], self._start + who[1]
        )

    def add_speaking_actors(self, speaks: frozenset[str]) -> None:
        """Leaders, organs, groups and bodies whose name stands right before or after a word of saying."""
        for span in self._spans:
            kind = _KIND_OF_CLASS.get(span.actor.word_class)
            words = self._sentence
            after = words[span.after].word if span.after < len(words) else ""
            before = words[span.first - 1].word if span.first else ""
            if kind is not None and (after in speaks or (before in _SAID_BEFORE and self._ends_clause(span.after))):
                first = span.first - 1 if after not in speaks else span.first
                last = span.after if after in speaks else span.after - 1
                self._put(kind, words[first].start, words[last].end, words[span.first].start, words[span.after - 1].end)

    def _ends_clause(self, after: int) -> bool:
        text, words = self._part.text, self._sentence
        end = words[after - 1].end
        return after >= len(words) or text[end : end + 1] in ',.;:"”'

    def _put(self, kind: SourceKind, start: int, end: int, name_start: int, name_end: int) -> None:
        if any(start < item.end and item.start < end for item in self._items):
            return
        name = " ".join(self._part.text[name_start:name_end].split())
        if kind is SourceKind.NAMED_OFFICIAL and (
            name.split(" ")[0].lower() in _NO_NAME or _FORMER.search(self._part.text[max(0, start - 30) : name_start])
        ):
            return
        name = name.removeprefix("the ").removeprefix("The ")
        is_named = kind is not SourceKind.ANONYMOUS_OFFICIAL and not (
            kind is SourceKind.OUTLET and name.lower() in rules().media
        )
        actor = None if kind is SourceKind.OUTLET else self._actor(start, end)
        surface = self._part.text[start:end]
        self._items.append(
            Attribution(kind, None, name if is_named else None, actor, self._part.place, start, end, surface)
        )

    def _actor(self, start: int, end: int) -> str | None:
        """The actor named within the words, or right before them ("Russia's foreign ministry said")."""
        words = self._sentence
        for span in self._spans:
            first, last = words[span.first].start, words[span.after - 1].end
            if first < end and start - last <= 1:
                return span.actor.code
        return None

    def with_standing(
        self, text: str, standings: tuple[tuple[Standing, re.Pattern[str], tuple[str, ...]], ...]
    ) -> list[Attribution]:
        """The sources, with what the sentence says of the report's standing; by itself where no source says it."""
        items = sorted(self._items, key=lambda item: item.start)
        for standing, pattern, parts in standings:
            match = pattern.search(text) if any(part in text for part in parts) else None
            if match is None:
                continue
            start, end = self._start + match.start(), self._start + match.end()
            speaking = [n for n, item in enumerate(items) if item.source in _OFFICIAL]
            if speaking:
                near = min(speaking, key=lambda n: _apart(items[n], start, end))
                if _apart(items[near], start, end) <= _NEAR:
                    items[near] = replace(items[near], standing=standing)
                    break
            alone = Attribution(None, standing, None, None, self._part.place, start, end, self._part.text[start:end])
            items.append(alone)
            break
        return items


_OFFICIAL = (SourceKind.NAMED_OFFICIAL, SourceKind.ARMED_SIDE, SourceKind.ANONYMOUS_OFFICIAL)
# "the former defence secretary Ben Wallace": whoever was in office speaks for nobody now.
_FORMER = re.compile(r"\b(?:[Ff]ormer|[Ee]x|[Ll]ate)\b[^,.;:]*$")
_NEAR = 12  # code points between a source and the words of standing that are taken for its own
_KIND_OF_CLASS = {
    "leader": SourceKind.NAMED_OFFICIAL,
    "organ": SourceKind.NAMED_OFFICIAL,
    "body": SourceKind.NAMED_OFFICIAL,
    "group": SourceKind.ARMED_SIDE,
}
_SAID_BEFORE = frozenset(("said", "says", "to"))
_NO_NAME = frozenset(
    [
        "he",
        "she",
        "it",
        "they",
        "we",
        "i",
        "you",
        "the",
        "a",
        "an",
        "this",
        "that",
        "these",
        "those",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "but",
        "and",
        "in",
        "on",
        "at",
        "for",
    ]
)


def _apart(item: Attribution, start: int, end: int) -> int:
    return max(0, item.start - end, start - item.end)
