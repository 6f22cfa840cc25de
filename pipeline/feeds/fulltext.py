"""When the text in a feed is the whole story, so that its page need not be fetched. Conservative: a teaser is no story.

A body that may be whole is compared with the page, story by story (`is_whole`); only after AGREED_MIN stories in a row
is the feed believed, and one story in PROBE_EVERY is still compared. A person may say so outright (feeds.full_text).
"""

from __future__ import annotations

import html
import re

from pipeline.outcomes import FullText
from pipeline.text import one_line, scrub, words
from pipeline.values import Content, Entry

WORDS_MIN = 100
AGREED_MIN = 3
PROBE_EVERY = 20
# The share of the page's runs of words that the feed's text must hold. Pages add a sentence or a note here and there.
SHARED_MIN = 0.95
_RUN_WORDS = 5
BODY_MAX_CHARS = 1_000_000

_TAG = re.compile(r"<[^<>]*>")
_MARKED = re.compile(r"<(?:p|br|div|h[1-6]|ul|li|table)\b", re.IGNORECASE)
# How a teaser ends, in the languages of the feeds that ship with the product and a few more.
_CUT = re.compile(
    r"(?:…|\.\.\.|\[\s*(?:…|\.\.\.|&hellip;)\s*\]|"
    r"(?:read|continue|keep) (?:more|reading|the (?:full|rest|whole) \w+)|full (?:story|article)|weiterlesen|"
    r"mehr lesen|lire la suite|"
    r"seguir leyendo|leer más|continua a leggere|leia mais|lees verder|läs mer|les mer|czytaj (?:dalej|więcej)|"
    r"читать далее|читати далі)\W{0,6}$",
    re.IGNORECASE,
)
_TAIL_CHARS = 160


def full_text(body: str | None, title: str | None) -> Content | None:
    """The entry's own text as a page, when it may be the whole story; None for a teaser and for no text."""
    if not body or len(body) > BODY_MAX_CHARS:
        return None
    text = plain_text(body)
    if _CUT.search(text[-_TAIL_CHARS:].rstrip()) or len(words(text)) < WORDS_MIN:
        return None
    heading = html.escape(one_line(_TAG.sub("", title or "")) or "", quote=False)
    marked = (
        body
        if _MARKED.search(body)
        else "".join(f"<p>{html.escape(part, quote=False)}</p>" for part in _paragraphs(body))
    )
    page = (
        f"<!DOCTYPE html><html><head><title>{heading}</title></head>"
        f"<body><article><h1>{heading}</h1>\n{scrub(marked)}\n</article></body></html>"
    )
    return Content("text/html", page)


def content_to_keep(entry: Entry, setting: FullText, agreed: int) -> Content | None:
    """What of the entry's content goes into SQL: all of it, its words as a probe beside the page, or nothing.

    `agreed` counts the stories in a row whose text was that of their page; below 0 the last one was not.
    """
    content = entry.content
    if content is None or entry.wire is not None or setting is FullText.ALWAYS or entry.url.startswith("wire:"):
        return content
    if setting is FullText.NEVER:
        return None
    is_drawn = int(entry.key[:8] or "0", 16) % PROBE_EVERY == 0
    if agreed >= AGREED_MIN and not is_drawn:
        return content
    return Content("text/plain", plain_text(content.body), is_probe=True) if agreed >= 0 or is_drawn else None


def is_whole(feed_text: str, story_text: str) -> bool:
    """Whether the feed's text holds what the page tells: nearly all runs of five words of the story stand in it."""
    wanted = _runs(words(story_text))
    return bool(wanted) and len(wanted & _runs(words(feed_text))) >= SHARED_MIN * len(wanted)


def agreed_after(agreed: int, is_same: bool) -> int:
    """The count after one more comparison: up to AGREED_MIN, and -1 as soon as a story was cut."""
    return min(agreed + 1, AGREED_MIN) if is_same else -1


def plain_text(markup: str) -> str:
    """`markup` without tags, its references resolved, on one line."""
    return " ".join(html.unescape(_TAG.sub(" ", markup)).split())


def _paragraphs(text: str) -> list[str]:
    return [part.strip() for part in html.unescape(text).split("\n") if part.strip()]


def _runs(tokens: list[str]) -> set[tuple[str, ...]]:
    return {tuple(tokens[place : place + _RUN_WORDS]) for place in range(len(tokens) - _RUN_WORDS + 1)}
