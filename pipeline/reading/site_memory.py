"""Site memory: which lines of a story may be furniture of its site, and when enough stories have shown that they are.

Nothing here looks at one page alone. A line is learned by what it does over many stories of a site, and a page can
contribute to that only once. docs/cleaning.md says what each bound is there against.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Literal

from pipeline.reading.lines import key_of
from pipeline.text import words_of_parts
from pipeline.values import CleanStory

RULE = "site_line"
MIN_STORIES = 3
# Whoever floods a site with pages for a few minutes teaches nothing.
MIN_SPAN = timedelta(hours=6)
# What one story may contribute: hostile pages have thousands of lines.
MAX_LINES_A_STORY = 16
# Sightings that are kept of a line: one that is not learned by then never is.
MAX_SIGHTINGS = 12
MAX_SEEN_LINES_A_SITE = 500
MAX_LEARNED_LINES_A_SITE = 200
FORGET_SEEN_AFTER = timedelta(days=30)
FORGET_LEARNED_AFTER = timedelta(days=180)
LINE_MAX_CHARS = 600
_HEAD_LINES = 3
_TAIL_LINES = 4
_LABEL_WORDS = 8
_MAX_WORDS = 80
_NAMING_LETTERS = 5
# Shares of the site's stories since the line was first seen. A sentence has to be on more of them than a label.
_LABEL_SHARE = 0.2
_SENTENCE_SHARE = 0.4
_UNSIGNED_SHARE = 0.6
# Words of the line that the story has elsewhere too: background is about what its story is about, furniture is not.
_MAX_ECHO = 0.45
_SPEECH = re.compile(r"[\"“”„«»「」]")
_STOP = re.compile(r"[.!?:;…。！？]\W*$")

Place = Literal["head", "tail", "body"]


@dataclass(frozen=True, slots=True)
class MaybeFurniture:
    """A line of one story that its site may repeat. `echo` is the share 0..1 of its longer words that the rest has."""

    line_hash: str
    line: str
    place: Place
    echo: float


@dataclass(frozen=True, slots=True)
class Recurrence:
    """What a site's stories have shown of a line.

    `stories` are told apart by cluster, so that copies and revisions count once; `of_stories` is how many stories the
    site has had since the first of them. `signers` are the bylines of the stories, one for each, empty for none.
    `echo` is the mean over them.
    """

    line: str
    place: Place
    stories: int
    of_stories: int
    echo: float
    signers: Sequence[str]
    first_seen_at: datetime
    last_seen_at: datetime


def hash_of(line: str) -> str:
    """What a line is known by: 32 hex digits over its normalised words."""
    return _hash(key_of(line))


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def may_be_furniture(story: CleanStory) -> tuple[MaybeFurniture, ...]:
    """The lines that this story puts forward: its first and last ones, and labels between its paragraphs."""
    lines = story.text.split("\n\n")
    # All at once: a hundred short texts cost three times as much one by one.
    title, standfirst, *words = words_of_parts([story.title, story.standfirst or "", *lines])
    keys = [" ".join(of_line) for of_line in words]
    subheads = {key_of(text) for text in story.subheads}
    counts = Counter(chain.from_iterable(map(set, (title, standfirst, *words))))
    found: dict[str, MaybeFurniture] = {}
    # The end first: furniture gathers there, and a page may have more lines than it may put forward.
    for index in (*range(len(lines) - 1, max(-1, len(lines) - _TAIL_LINES - 1), -1), *range(len(lines))):
        place = _place(index, len(lines))
        if len(found) >= MAX_LINES_A_STORY:
            break
        line, key = lines[index], keys[index]
        if _may_recur(line, key, place, subheads):
            line_hash = _hash(key)
            found.setdefault(line_hash, MaybeFurniture(line_hash, line, place, _echo(words[index], counts)))
    return tuple(found.values())


def dropped_hashes(story: CleanStory) -> frozenset[str]:
    """The learned lines that were taken out of this story."""
    return frozenset(hash_of(line.line) for line in story.dropped if line.rule == RULE)


def signer_of(story: CleanStory) -> str:
    """The byline as a key, cut at 255; empty for an unsigned story."""
    return " + ".join(sorted(key_of(name) for name in story.authors))[:255]


def is_furniture(seen: Recurrence) -> bool:
    """Whether the site's stories have shown that the line belongs to the site and to none of them.

    At least three stories that are no copies of each other, spread over six hours and more, not all by one author; on
    a large enough share of what the site published since; not about what those stories are about; no direct speech.
    """
    if seen.stories < MIN_STORIES or seen.last_seen_at - seen.first_seen_at < MIN_SPAN:
        return False
    share = seen.stories / max(seen.stories, seen.of_stories)
    signed = set(seen.signers)
    if len(signed) == 1 and (signed != {""} or share < _UNSIGNED_SHARE):
        return False
    if _is_label(seen.line, key_of(seen.line)):
        return share >= _LABEL_SHARE
    if seen.place == "body" or _SPEECH.search(seen.line):
        return False
    return share >= _SENTENCE_SHARE and seen.echo <= _MAX_ECHO


def _place(index: int, size: int) -> Place:
    if index >= size - _TAIL_LINES and index >= size // 2:
        return "tail"
    return "head" if index < _HEAD_LINES else "body"


def _may_recur(line: str, key: str, place: Place, subheads: set[str]) -> bool:
    if not key or len(line) > LINE_MAX_CHARS or key.count(" ") >= _MAX_WORDS:
        return False
    return place != "body" or (_is_label(line, key) and key not in subheads)


def _is_label(line: str, key: str) -> bool:
    return key.count(" ") < _LABEL_WORDS and (_STOP.search(line) is None or key.count(" ") < 2)


def _echo(words: Sequence[str], counts: Mapping[str, int]) -> float:
    telling = {word for word in words if len(word) >= _NAMING_LETTERS}
    # Counted in lines: the line itself is one of them.
    return len([word for word in telling if counts[word] > 1]) / len(telling) if telling else 0.0
