"""The class-bearing stretches of a sentence: actors it names and forms of the lexicon."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.judging.gazetteer import ActorSpan, actors_in
from pipeline.judging.lexicon import Lexicon
from pipeline.judging.tokens import Token


class Tag(NamedTuple):
    """Words `first` up to, not including, `after` of a sentence, with their class bits and class names.

    `form` is the lexicon's entry; None for actors, which have their `span` instead. A named tuple for speed, as Token.
    """

    first: int
    after: int
    bits: int
    classes: tuple[str, ...]
    form: str | None = None
    span: ActorSpan | None = None


def tags_of(sentence: list[Token], lexicon: Lexicon) -> list[Tag]:
    """The tags of a sentence by their first word. An actor and a form may share words."""
    tags = []
    for span in actors_in(sentence, lexicon.language):
        name = span.actor.word_class
        tags.append(Tag(span.first, span.after, lexicon.bit[name], (name,), span=span))
    for first, after, form in lexicon.forms_in([token.word for token in sentence]):
        tags.append(Tag(first, after, form.bits, form.classes, form.name))
    tags.sort(key=lambda tag: tag.first)
    return tags
