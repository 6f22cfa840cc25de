"""Rules for labels at the head and for the end of a story: marks, biographies, notes about the outlet."""

from __future__ import annotations

import re
from collections import Counter

from pipeline.reading.facts import Facts, first_prose
from pipeline.reading.lines import Line, key_of
from pipeline.reading.phrases import BYLINE_ROLE, NOTE, is_outlet_pitch
from pipeline.reading.wire import note_lines

Dropped = frozenset[int]
_TAIL_LINES = 5
_MARK_MAX_CHARS = 40
_LABEL_MAX_WORDS = 3
_LABEL_MAX_CHARS = 40
_NOTE_MAX_WORDS = 45
_NOTE_MAX_CHARS = 1500
_BIOGRAPHY_MAX_WORDS = 90
_MARK = re.compile(r"^\W*[^\W\d_]{2,14}(?:\s*[/,|+-]\s*[^\W\d_]{2,14}){0,5}\W*$")
_SIGNED = re.compile(r"^[(\[][^()\[\]]{2,60}[)\]]\.?$|^[A-Z][\w.]{1,15}\s\([^()]{2,60}\)$")
_STANZA = re.compile(r"[.!?:;…»”\"'’)]$")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w+")


def label(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Labels of one to three words: before the first prose (a place, an agency), or all over the page."""
    head = lines[: min(4, first_prose(lines))]
    is_list = sum(line.kind == "item" for line in head) >= 2
    kinds = ("p",) if is_list else ("p", "item")
    leading = {line.position for line in head if line.kind in kinds and _is_label(line)}
    opening = lines[0] if lines and lines[0].kind == "head" and len(lines) > 1 else None
    if opening and _is_label(opening) and (opening.size == 1 or opening.text.isupper()):
        leading.add(opening.position)
    # Often on the page and once in the text is a label of the site; often in the text too is a list that means it.
    counts, here = facts.evidence.counts, Counter(line.key for line in lines)
    strewn = {
        line.position for line in lines if counts.get(line.key, 0) >= 3 and here[line.key] == 1 and _is_label(line)
    }
    return frozenset(leading | strewn)


def _is_label(line: Line) -> bool:
    return line.size <= _LABEL_MAX_WORDS and len(line.text) < _LABEL_MAX_CHARS and not _STANZA.search(line.text)


def dangling_heads(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Sub-heads after the last paragraph: what they announced is gone."""
    found = set()
    for line in reversed(lines):
        if line.kind != "head":
            break
        found.add(line.position)
    return frozenset(found) if len(found) < len(lines) else frozenset()


def agency_mark(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """The last line when it is only an agency's or a writer's mark ("dpa/ap", "(red)", "XYZ (abc)", "***")."""
    if len(lines) < 3:
        return frozenset()
    last = lines[-1]
    outlets = {key_of(name) for name in facts.evidence.declared.publishers}
    is_mark = _MARK.match(last.text) is not None and (last.size <= 2 or "/" in last.text)
    is_signed = _SIGNED.match(last.text) is not None and not last.text.lower().startswith("(report")
    is_role = all(word in BYLINE_ROLE for word in last.key.split())
    is_short = len(last.text) <= _MARK_MAX_CHARS and last.kind in ("p", "item")
    return (
        frozenset({last.position})
        if is_short and (is_mark or is_signed or is_role or last.key in outlets)
        else frozenset()
    )


def editor_notes(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Notes of an agency to its editors, and what follows the end of its story."""
    return note_lines(lines)


def notes(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """Notes at the end on who edited, translated or first published the story, and appeals to write in."""
    tail = lines[max(3, len(lines) - _TAIL_LINES) :]
    found = set()
    for line in reversed(tail):
        if len(line.text) > _NOTE_MAX_CHARS:
            continue
        is_note = line.size <= _NOTE_MAX_WORDS and (NOTE.match(line.text) or _ADDRESS.search(line.text))
        is_pitch = line.size <= _BIOGRAPHY_MAX_WORDS and is_outlet_pitch(line.text)
        if (is_note or is_pitch) and not line.text.lower().startswith("(report"):
            found.add(line.position)
    return frozenset(found)


def biography(lines: tuple[Line, ...], facts: Facts) -> Dropped:
    """A note on the author at the end: it opens with the author's name and does not go on in the story's voice."""
    tail = lines[max(3, len(lines) - _TAIL_LINES) :]
    names = [name for name in facts.authors if " " in name]
    return frozenset(
        line.position
        for line in tail
        if line.size <= _BIOGRAPHY_MAX_WORDS
        and any(re.match(rf"\W*(?:\w+\s)?{re.escape(name)}\b(?!['’]s)", line.text, re.IGNORECASE) for name in names)
    )
