"""What an agency writes around a story for its editors: slug, version, takes, notes, the end; and who the agencies are."""

# ruff: noqa: E501 - one line of a pattern is one idea

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.reading.lines import Line, key_of
from pipeline.reading.phrases import AGENCIES, SLUG
from pipeline.values import DroppedLine

RULE, NOTE_RULE = "wire_line", "editor_note"
_MARK_WORDS = r"(?:UPDATE|WRAPUP|WRAP|RPT|REFILE|CORRECTED|CORRECTION|REPEAT|EXCLUSIVE|URGENT|FLASH|BULLETIN|ADVISORY|LEAD|ADDS?|PIX|TV)"
# "UPDATE 2-", "CORRECTED-UPDATE 1-": in capitals and with a hyphen, or it is a word of the headline.
_TITLE_MARK = re.compile(
    r"^(?:(?:UPDATE|WRAPUP|RPT|REFILE|CORRECTED|REPEAT|EXCLUSIVE|URGENT)(?: \d{1,2})?\s?[-–]\s?)+(?=\S)"
)
_SLUG_MARK = re.compile(rf"\(({_MARK_WORDS}[A-Z0-9 .,:/-]*|TAKE \d+[A-Z0-9 .,/-]*)\)")
_LINE_MARK = re.compile(rf"^\W*({_MARK_WORDS} \d{{1,2}}|\d(?:ST|ND|RD|TH) (?:LEAD|LD)|CORRECTED|REFILE)\W*$")
_TAKE = re.compile(r"^\W*(?:take\s+\d{1,2}(?:\s*(?:of|/)\s*\d{1,2})?|\(?=\d+ take)\W*$", re.IGNORECASE)
_MORE = re.compile(
    r"^\W*(?:more(?:\s+to\s+follow|\s+follows)?|mehr\s+folgt|forts\.?\s*folgt|à\s+suivre|sigue)\W*$", re.IGNORECASE
)
_END = re.compile(r"^\W*(?:ends?|ende|fin|koniec|30)\W*$|^#{3}$", re.IGNORECASE)
_BARE_WORD = re.compile(r"^[A-Z]?[a-z]+$")
_EDITOR_NOTE = re.compile(
    r"^\W{0,3}(?:(?:notes?\s+(?:to|for)\s+(?:the\s+)?editors?|editors?['’]?s?\s+notes?|attention\s+editors?|eds?|editors)\s*[:–—-]|hinweis\s+(?:an|für)\s+die\s+redaktion(?:en)?\s*:|\(eds?:)",
    re.IGNORECASE,
)
_AGENCY = re.compile(rf"^{AGENCIES}$", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\(([^()]{2,30})\)")
_PLACE = re.compile(r"^[^,(]+")
_NOTE_MAX_WORDS = 80
# What may follow the end of a story: contacts, background for editors.
_AFTER_END_SHARE = 0.4


def split_title_mark(title: str) -> tuple[str, str | None]:
    """A headline without its version, and the version ("UPDATE 2"); None where it has none."""
    match = _TITLE_MARK.match(title)
    return (title[match.end() :], match[0].strip(" -–")) if match else (title, None)


def is_end(text: str) -> bool:
    """Whether the line says that the story ends here. A word set like any other of the text says nothing."""
    return _END.match(text) is not None and _BARE_WORD.match(text.strip()) is None


def is_wire_line(text: str) -> bool:
    """Whether the line is a take, a mark of version, "more follows" or the end, and nothing else."""
    is_more = _MORE.match(text) is not None and _BARE_WORD.match(text.strip()) is None
    return is_end(text) or is_more or _TAKE.match(text) is not None or _LINE_MARK.match(text) is not None


def is_editor_note(text: str) -> bool:
    """Whether the line speaks to the editors who get the story."""
    return _EDITOR_NOTE.match(text) is not None and len(key_of(text).split()) <= _NOTE_MAX_WORDS


def wire_lines(lines: tuple[Line, ...], title_keys: frozenset[str]) -> frozenset[int]:
    """The places of marks and takes, with the slug and the headline that each take repeats."""
    found: set[int] = set()
    follows = False
    for line in lines:
        is_repeat = follows and (line.key in title_keys or SLUG.match(line.text) is not None)
        if is_wire_line(line.text) or is_repeat:
            found.add(line.position)
            follows = True
        else:
            follows = False
    return frozenset(found)


def note_lines(lines: tuple[Line, ...]) -> frozenset[int]:
    """The places of notes to editors, and of all that follows the end of the story if that is little."""
    found = {line.position for line in lines if is_editor_note(line.text)}
    end = next((index for index, line in enumerate(lines) if is_end(line.text)), None)
    if end is not None:
        after = lines[end + 1 :]
        is_little = sum(len(line.text) for line in after) <= _AFTER_END_SHARE * sum(len(line.text) for line in lines)
        found |= {line.position for line in after} if is_little else set()
    return frozenset(found)


def wire_fields(
    dropped: Sequence[DroppedLine], title_mark: str | None
) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Slug, version mark and editors' notes, of the lines that were taken out."""
    slug_line = next((line.line for line in dropped if line.rule == "slug_line"), None)
    slug = _SLUG_MARK.sub("", slug_line).strip() if slug_line else None
    marks = [match[1].strip() for match in (_SLUG_MARK.search(slug_line or ""),) if match]
    for line in dropped:
        if line.rule == RULE:
            match = _LINE_MARK.match(line.line)
            marks += [match[1]] if match else [line.line.strip(" ()-–—")] if _TAKE.match(line.line) else []
    notes = tuple(line.line for line in dropped if line.rule == NOTE_RULE)
    return slug, title_mark or next(iter(marks), None), notes


def is_agency(name: str) -> bool:
    """Whether the name is that of a news or picture agency, not of a person."""
    return _AGENCY.match(name.strip(" .")) is not None


def agencies_of(authors: Sequence[str], dateline: str | None) -> tuple[str, ...]:
    """The agencies among the dateline and the byline; whoever else is in the byline is a person or a desk."""
    named = [name for name in (*_IN_BRACKETS.findall(dateline or ""), *authors) if is_agency(name)]
    return tuple({key_of(name): name for name in reversed(named)}.values())[::-1]


def place_of(dateline: str | None) -> str | None:
    """The place that a dateline names: what stands before the day and the agency."""
    match = _PLACE.match(dateline) if dateline else None
    return match[0].strip(" -–—") or None if match else None
