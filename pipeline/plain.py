"""From the markup that feeds put into titles and summaries to plain text."""

from __future__ import annotations

import html
import re

from pipeline.text import TITLE_MAX_BYTES, one_line, scrub

SUMMARY_MAX_CHARS = 2_000
# More markup than this in front of a summary is not worth the look: the rest is cut unseen.
_LOOK_CHARS = 20_000

_INLINE = "a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd mark nobr q s samp small span strike strong"
_INLINE += " sub sup time tt u var wbr"
_BLOCK = "address article aside blockquote body br button caption center col colgroup dd details div dl dt fieldset"
_BLOCK += " figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html img input label legend"
_BLOCK += " li link main map menu meta nav ol optgroup option output p param picture pre progress section select source"
_BLOCK += " summary table tbody td tfoot th thead title tr track ul"
_HIDDEN = "script style iframe object embed video audio svg math noscript template textarea canvas applet noframes"

# What stands in the place of a tag. Only names that HTML knows are tags: "x <y and z> w" in a title is text.
_IN_PLACE = dict.fromkeys(_INLINE.split(), "") | dict.fromkeys((*_BLOCK.split(), *_HIDDEN.split()), " ")
_NAME = r"</?([A-Za-z][A-Za-z0-9]{0,15})(?=[\s/>])"
# Quotes may hold a bracket; where they do not match up, the first bracket ends the tag. Possessive: nothing is retried.
_QUOTED_TAG = re.compile(_NAME + r"""(?:"[^"<]*"|'[^'<]*'|[^<>"'])*+>""")
_TAG = re.compile(_NAME + r"[^<>]*>")
# A tag that the feed's own cutting left open at the end: "... more <a href=".
_OPEN_TAG = re.compile(r"<(?:/?([A-Za-z][A-Za-z0-9]{0,15})(?:[\s/][^<>]*)?|!--[^<>]*)\Z")
_HIDDEN_ELEMENT = re.compile(
    rf"<({_HIDDEN.replace(' ', '|')})\b[^<>]*>(?:(?!<\1\b).)*?</\1\s*>", re.IGNORECASE | re.DOTALL
)
_DECLARATION = re.compile(r"<!\[CDATA\[|\]\]>|<!doctype[^<>]*>|<\?[^<>]*\?>", re.IGNORECASE)


def plain_line(markup: str | None, max_bytes: int = TITLE_MAX_BYTES) -> str | None:
    """The text of `markup` on one line, at most `max_bytes` of UTF-8; None when nothing is left."""
    return one_line(_text(markup), max_bytes) if markup else None


def plain_summary(markup: str | None) -> str | None:
    """The text of `markup` on one line, at most SUMMARY_MAX_CHARS characters; None when nothing is left."""
    line = plain_line(markup, max_bytes=4 * SUMMARY_MAX_CHARS)
    return line[:SUMMARY_MAX_CHARS].rstrip() if line else None


def _text(markup: str) -> str:
    """`markup` without tags and with its references resolved; feeds that escaped twice are resolved twice."""
    text = _unescaped(_untagged(scrub(markup[:_LOOK_CHARS])))
    again = _untagged(text)
    return text if again == text else _unescaped(again)


def _untagged(markup: str) -> str:
    if "<" not in markup:
        return markup
    text = _DECLARATION.sub("", _without_comments(markup))
    lower = text.lower()
    if any(f"<{name}" in lower for name in _HIDDEN.split()):
        text = _HIDDEN_ELEMENT.sub(" ", text)
    for tag in (_QUOTED_TAG, _TAG, _OPEN_TAG):
        text = tag.sub(_in_place, text)
    return text


def _in_place(tag: re.Match[str]) -> str:
    return _IN_PLACE.get((tag[1] or "b").lower(), tag[0])


def _without_comments(markup: str) -> str:
    """`markup` without closed comments. Not a pattern: a thousand unclosed comments would cost a thousand scans."""
    kept: list[str] = []
    place = 0
    while (start := markup.find("<!--", place)) >= 0:
        end = markup.find("-->", start + 4)
        if end < 0:
            break
        kept.append(markup[place:start])
        place = end + 3
    return "".join(kept) + markup[place:]


def _unescaped(text: str) -> str:
    return html.unescape(text) if "&" in text else text
