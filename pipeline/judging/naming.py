"""Who is named where in a story, in title, lead and the rest of the body, by the names of its day and language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal, NamedTuple

from pipeline.judging.gazetteer import NAME_LANGUAGES, actors_in
from pipeline.judging.tokens import Token, sentences
from pipeline.verdict import Mention

Place = Literal["title", "lead", "body"]

# What is read of a body; a report has said what it has to say by then, and time stays bounded.
BODY_MAX = 20_000


class Part(NamedTuple):
    """A part of the story: the whole text that offsets count in, and the stretch of it that is read."""

    place: Place
    text: str
    start: int
    end: int


class Sentence(NamedTuple):
    """The words of a sentence, and the part of the story in which it stands."""

    part: Part
    words: list[Token]


def parts_of(title: str, lead: str, text: str, standfirst: str | None) -> tuple[Part, ...]:
    """Title, lead and what of the body the lead has not; offsets in the body count from the beginning of `text`."""
    in_lead = len(lead) - (len(standfirst) + 2 if standfirst else 0)
    start = max(0, min(in_lead, len(text)))
    # The lead may end inside a word; that word is read as the body's.
    while 0 < start < len(text) and not text[start - 1].isspace():
        start -= 1
    body = Part("body", text, start, min(len(text), BODY_MAX))
    return Part("title", title, 0, len(title)), Part("lead", lead, 0, len(lead)), body


def sentences_of(title: str, lead: str, text: str, standfirst: str | None) -> tuple[Sentence, ...]:
    """What is read of a story, sentence by sentence: cut into words once, for all that ask it."""
    return tuple(
        Sentence(part, found)
        for part in parts_of(title, lead, text, standfirst)
        if part.start < part.end
        for found in sentences(part.text, part.start, part.end)
    )


def names_language(language: str | None) -> str | None:
    """The list of names for a language tag, or None when there is none."""
    primary = (language or "en").replace("_", "-").split("-")[0].strip().lower()
    return primary if primary in NAME_LANGUAGES else None


def mentions_in(told: Sequence[Sentence], language: str, day: date | None) -> Iterator[Mention]:
    """The actors named, in reading order. A person counts for a state only on days in office; None: on any day."""
    for part, sentence in told:
        for span in actors_in(sentence, language):
            if span.actor.is_meant_on(day):
                start, end = sentence[span.first].start, sentence[span.after - 1].end
                yield Mention(
                    actor=span.actor.code,
                    kind=span.actor.kind,
                    place=part.place,
                    start=start,
                    end=end,
                    surface=part.text[start:end],
                    cameo=span.actor.cameo,
                )
