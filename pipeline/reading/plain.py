"""Pages that arrive as plain text: wire copy, pasted stories. Their evidence is the order and repeats of lines."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from lxml.html import HtmlElement

from pipeline.reading.bylines import PARTICLES, name_and_date
from pipeline.reading.evidence import Evidence, looks_like_credit, split_credit
from pipeline.reading.lines import Line, key_of, squeeze, word_set
from pipeline.reading.metadata import Title
from pipeline.reading.moments import is_date_line
from pipeline.reading.phrases import RELATED, SLUG
from pipeline.text import one_line
from pipeline.values import EntryHints, FetchedPage

_HEAD_LINES = 14
_TITLE_WORDS = range(2, 40)
_KICKER_MAX_WORDS = 4
# A text is hard-wrapped when nearly all its lines are shorter than this; paragraphs of news are longer.
_WRAP_CHARS = 85
_WRAPPED_SHARE = 0.95
# Lines break a few characters early where a word is long or an editor counts otherwise.
_WRAP_SLACK = 6
_COPY_MIN_CHARS, _COPY_MIN_LINES = 400, 4
_COPY_SHARE = 0.8
_NAME_MAX_WORDS = 6
_BYLINE_WORDS = PARTICLES | word_set("par por and und et")


def is_plain_text(page: FetchedPage, text: str) -> bool:
    """Whether the page is text and not markup, by its type, or by its content when the type says nothing."""
    kind = (page.header("content-type") or "").split(";")[0].strip().lower()
    start = text[:2000].lower()
    has_markup = "<html" in start or "<!doctype" in start or "<body" in start or "<p" in start or "<div" in start
    return not has_markup and (kind == "text/plain" or (kind == "" and "<" not in start))


def plain_lines(text: str) -> tuple[Line, ...]:
    """The paragraphs of the text: its lines, or its blocks between blank lines where the lines are hard-wrapped."""
    raw = [squeeze(line) for line in text.split("\n")]
    filled = [line for line in raw if line]
    if len(filled) > 6 and sum(len(line) < _WRAP_CHARS for line in filled) >= _WRAPPED_SHARE * len(filled):
        raw = _unwrapped(raw)
    # One key, one line: "=====" under a heading says nothing.
    kept = [line.rstrip("=_ ") if key_of(line) else "" for line in raw]
    return tuple(Line(index, line) for index, line in enumerate(line for line in kept if line))


def _unwrapped(raw: list[str]) -> list[str]:
    """The lines with those joined that only the width of the text parted.

    A line that had room for the next one's first word ended where it was meant to; so did one that is printed twice.
    """
    width = max(len(line) for line in raw if len(line) < _WRAP_CHARS) - _WRAP_SLACK
    out: list[str] = []
    for before, line in pairwise(["", *raw]):
        is_full = len(before) + 1 + len(line.split(" ", 1)[0]) > width
        if before and line and is_full and line != before and not looks_like_credit(line):
            out[-1] = f"{out[-1]} {line}"
        else:
            out.append(line)
    return out


def preformatted(tree: HtmlElement) -> str | None:
    """The text of a page that is wire copy in a `<pre>`: nearly all of its words, in lines. None for another page."""
    found = tree.find(".//pre")
    if found is None:
        return None
    text = found.text_content()
    lines = [bare for line in text.split("\n") if (bare := line.strip())]
    chars = sum(map(len, lines))
    whole = sum(len(part.strip()) for body in tree.iter("body") for part in body.itertext())
    # Copy says something new in nearly every line; what does not is a flood.
    is_copy = chars >= _COPY_MIN_CHARS and len(lines) >= _COPY_MIN_LINES and 2 * len(set(lines)) > len(lines)
    return text if is_copy and chars >= _COPY_SHARE * whole else None


def plain_evidence(lines: tuple[Line, ...]) -> Evidence:
    """Captions, credits and bylines told by place and repetition before the first paragraph."""
    head = _head(lines)
    captions, credits = [], [line.text for line in lines if looks_like_credit(line.text)]
    title_keys = {line.key for line in head[:1]} | {
        line.key for line in head if head and head[0].text.endswith(line.text)
    }
    for line, after in pairwise(head):
        is_caption = line.key == after.key or looks_like_credit(after.text)
        if (
            is_caption
            and line.key not in title_keys
            and not looks_like_credit(line.text)
            and not is_date_line(line.text)
        ):
            captions.append(split_credit(line.text)[0])
    parts = [part for line in head for part in name_and_date(line.text) or [line.text]]
    signed = [part for line in head for part in name_and_date(line.text) if not is_date_line(part)]
    names = _names(head, title_keys | {key_of(text) for text in captions}) + tuple(signed)
    return Evidence(
        captions=tuple(dict.fromkeys(captions)),
        credits=tuple(dict.fromkeys(credits)),
        counts=Counter(line.key for line in lines),
        bylines=(names,),
        times=tuple(filter(is_date_line, parts)),
    )


def _head(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """The lines before the first paragraph of at least 25 words."""
    end = next((index for index, line in enumerate(lines) if line.size >= 25), len(lines))
    return lines[: min(end, _HEAD_LINES)]


def _names(head: tuple[Line, ...], others: set[str]) -> tuple[str, ...]:
    """Bylines: a line of names directly before the date line, or one that begins with "By"."""
    found = []
    for line, after in zip(head, [*head[1:], None], strict=False):
        if (
            line.key in others
            or line.size > _NAME_MAX_WORDS + 1
            or is_date_line(line.text)
            or looks_like_credit(line.text)
            or SLUG.match(line.text)
        ):
            continue
        is_named = line.text.lower().startswith(("by ", "von ", "par ", "por "))
        is_dated = after is not None and is_date_line(after.text)
        if (is_named or is_dated) and all(w[0].isupper() or w.lower() in _BYLINE_WORDS for w in line.text.split()):
            found.append(line.text)
    return tuple(found)


def plain_title(lines: tuple[Line, ...], hints: EntryHints) -> Title | None:
    """The title: the line that repeats the end of the one above it, else the first line that can be one."""
    # Above the slug stands the agency's name.
    start = next((index + 1 for index, line in enumerate(lines[:4]) if SLUG.match(line.text)), 0)
    head = [line for line in lines[start : start + 6] if line.size in _TITLE_WORDS and not _is_no_title(line.text)]
    for line, after in pairwise(head):
        prefix = line.text[: -len(after.text)].strip(" :|–—-") if line.text.endswith(after.text) else ""
        if prefix and len(prefix.split()) <= _KICKER_MAX_WORDS:
            return Title(after.text, one_line(prefix), frozenset({line.key, after.key}))
    hinted = one_line(hints.title)
    shown = next((one_line(line.text) for line in head if not looks_like_credit(line.text)), None)
    text = hinted if hinted and key_of(hinted) in {line.key for line in lines[:6]} else shown or hinted
    return Title(text, None, frozenset({key_of(text)} | ({key_of(hinted)} if hinted else set()))) if text else None


def _is_no_title(text: str) -> bool:
    return is_date_line(text) or SLUG.match(text) is not None


def plain_subheads(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """The same lines, those that stand as sub-heads between paragraphs marked so."""
    start = len(_head(lines))
    return tuple(
        Line(line.position, line.text, "head")
        if start < index < len(lines) - 1 and _is_subhead(line, lines[index + 1])
        else line
        for index, line in enumerate(lines)
    )


def _is_subhead(line: Line, after: Line) -> bool:
    is_short = 1 < line.size <= 14 and len(line.text) < 100
    is_open = line.text[-1] not in ".!?:,;…" and not line.text.startswith(("-", "–", "—", "("))
    return is_short and is_open and after.size >= 12 and not RELATED.match(line.text) and not is_date_line(line.text)
