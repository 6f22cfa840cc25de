"""Rules for the head of a story: title, kicker, standfirst, byline and date, which have their own fields."""

from __future__ import annotations

import re

from pipeline.reading.bylines import PARTICLES, name_and_date, pieces_of
from pipeline.reading.facts import Facts, first_prose
from pipeline.reading.fields import is_dateline
from pipeline.reading.lines import Line, contains_words, key_of
from pipeline.reading.metadata import is_in_title
from pipeline.reading.moments import is_date_line
from pipeline.reading.phrases import BYLINE_HEAD, BYLINE_ROLE, SLUG
from pipeline.reading.wire import wire_lines

Dropped = frozenset[int]
_HEAD_LINES = 8
_BYLINE_MAX_WORDS = 24
_SIGNATURE_LINES = 3
_YEAR = re.compile(r"\b(?:19|20)\d\d\b|\d年")


def _head(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """The lines up to the first prose, that one included."""
    return lines[: min(_HEAD_LINES, first_prose(lines) + 1)]


def title_line(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """The title, alone, with a kicker glued to it, or in the wording of a meta element."""
    return frozenset(line.position for line in _head(lines) if is_in_title(line.key, facts.title))


def kicker_line(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """The kicker and labels set like one, before the prose."""
    kicker = key_of(facts.title.kicker or "")
    labels = {key_of(text) for text in (kicker, facts.evidence.declared.section) if text}
    head = lines[: min(_HEAD_LINES, first_prose(lines))]
    return frozenset(
        line.position
        for line in head
        if line.key in labels or ("kicker" in facts.marks(line) and line.size <= 6 and line.kind != "head")
    )


def slug_line(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """The slug of wire copy, before the prose."""
    head = lines[: min(_HEAD_LINES, first_prose(lines))]
    return frozenset(line.position for line in head if SLUG.match(line.text))


def wire_marks(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Takes, marks of version, "more follows" and the end of wire copy, with the heads that a take repeats."""
    return wire_lines(lines, facts.title.variants)


def dateline(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """A dateline on a line of its own, before the prose. One that opens the first paragraph stays there."""
    head = lines[: min(_HEAD_LINES, first_prose(lines))]
    return frozenset(line.position for line in head if line.kind != "head" and is_dateline(line.text))


def standfirst_line(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """The standfirst, which goes to its own field."""
    key = key_of(facts.standfirst or "")
    return frozenset(line.position for line in lines[: 2 * _HEAD_LINES] if key and line.key == key)


def date_line(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Lines that hold a date, a time or a reading time and nothing else, before the prose or, a day alone, at the end.

    In between they part the entries of a live report; two dates at the end are the run of a show.
    """
    tail = [line for line in lines[-_SIGNATURE_LINES:] if _YEAR.search(line.text) and len(pieces_of(line.text)) == 1]
    return frozenset(line.position for line in (*_head(lines), *tail) if is_date_line(line.text))


def byline(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Who signed the story: before the prose, or as a short signature at the end."""
    head = lines[: min(_HEAD_LINES, first_prose(lines))]
    signed = {line.position for line in (*head, *lines[-_SIGNATURE_LINES:]) if _is_byline(line, facts)}
    return frozenset(signed.union(line.position for line in head if line.kind != "head" and name_and_date(line.text)))


def _is_byline(line: Line, facts: Facts) -> bool:
    if line.size > _BYLINE_MAX_WORDS or line.text.startswith("("):
        return False
    names = [key_of(name) for name in facts.authors]
    named = [name for name in names if contains_words(line.key, name)]
    rest = f" {line.key} "
    for name in named:
        rest = rest.replace(f" {name} ", " ")
    others = [word for word in rest.split() if word not in BYLINE_ROLE]
    if named:
        return (
            len(others) <= 2 or ("byline" in facts.marks(line) and len(others) <= 8) or is_date_line(" ".join(others))
        )
    if line.text[-1] in ".!?:" and "byline" not in facts.marks(line):
        return False
    told = BYLINE_HEAD.match(line.text) is not None and line.size <= 8 and _is_capitalised(line.text)
    return ("byline" in facts.marks(line) and line.size <= 12) or told


def _is_capitalised(text: str) -> bool:
    """Whether nearly all words but the first begin with a capital, as names do."""
    known = BYLINE_ROLE | PARTICLES
    tokens = [word for word in text.split()[1:] if word[0].isalpha() and word.lower() not in known]
    return bool(tokens) and all(word[0].isupper() for word in tokens)
