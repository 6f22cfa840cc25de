"""What people are told: a title and a plain text, made of what hostile pages wrote, harmless wherever it is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.outcomes import AlertKind

TITLE_CHARS = 150
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
# Chats call a whole channel by such words.
_CALLS = re.compile(r"@(?=\w)")
_KINDS = {AlertKind.CORRECTION: "CORRECTED: ", AlertKind.WITHDRAWAL: "WITHDRAWN: "}


@dataclass(frozen=True, slots=True)
class Match:
    """A story that a watch found, as people are told of it. `kind` tells a first alert from a note that follows it."""

    match_id: int
    kind: AlertKind
    matched_at: datetime
    story_id: int
    title: str
    url: str
    source: str
    acts: str | None = None
    actors: str | None = None
    status: str = "usable"
    standfirst: str | None = None
    language: str = "und"
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message: a title of one line, and a body of plain text."""

    title: str
    body: str


def compose(watch: str, matches: Sequence[Match]) -> Message:
    """The message that tells of `matches`, at least one."""
    entries = "\n\n".join(_entry(match) for match in matches)
    if len(matches) == 1:
        return Message(_line(f"[{watch}] {_KINDS.get(matches[0].kind, '')}{matches[0].title}", TITLE_CHARS), entries)
    return Message(_line(f"[{watch}] {len(matches)} alerts", TITLE_CHARS), entries)


def trial(watch: str) -> Message:
    """The message by which somebody sees that a target works."""
    return Message(_line(f"[{watch}] test", TITLE_CHARS), "This is a test of the watch's target. No story matched.")


def _entry(match: Match) -> str:
    about = "; ".join(part for part in (match.acts, match.actors) if part)
    lines = [
        _KINDS.get(match.kind, "") + _line(match.title, 300),
        _line(f"{match.source}{f' | {about}' if about else ''}{_dated(match.published_at)}", 300),
    ]
    if match.kind is not AlertKind.MATCH:
        lines.append(f"This story was alerted before. Its status is now: {match.status}.")
    elif match.standfirst:
        lines.append(_line(match.standfirst, 400))
    # A URL is told as it is, unless it is none.
    if re.fullmatch(r"https?://[^\s<>\"]+", match.url):
        lines.append(match.url)
    return "\n".join([*lines, f"story {match.story_id}"])


def _dated(instant: datetime | None) -> str:
    return f" | {instant:%Y-%m-%d %H:%M} UTC" if instant is not None else ""


def _line(text: str, longest: int) -> str:
    """One line without controls, markup of chats and calls to a channel."""
    text = " ".join(_CONTROL.sub(" ", text).split())
    text = text.replace("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}")
    text = text.replace(">", "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}")
    text = _CALLS.sub("@ ", text)
    return text if len(text) <= longest else text[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"
