"""A cheap look before parsing: what is too much for the parser is trimmed, what is far too much ends (promise P23)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.reading.lines import word_set

MAX_TAGS = 20_000
# Five times the cap and more is no news page: nothing is trimmed out of it.
HOPELESS_TAGS = 100_000
MAX_ATTRIBUTES = 2_000
MAX_DEPTH = 250
MAX_SCRIPT_CHARS = 256 * 1024

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)")
_NAME = re.compile(r"<(/?[a-zA-Z][a-zA-Z0-9:-]*)")
# The run in front of a name is looked at from its end: from each of a million spaces it would be quadratic.
_ATTRIBUTE = re.compile(r"""[\s/"']{1,8}+[^\s=<>"'/]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"']+))?""")
_ELEMENT = {name: re.compile(rf"<(/?){name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style")}
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,8})|([0-9]{1,9}));?")
# Characters that XML forbids. trafilatura gives up on a whole article for one of them.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
# Those of them that are one byte in UTF-8, where no other character has such a byte.
_CONTROLS = bytes((*range(9), 11, 12, *range(14, 32), 127))
_DATA_SCRIPT = re.compile(r"<script\b[^>]{0,400}\bld\+json", re.IGNORECASE)
_VOID = word_set("area base br col embed hr img input link meta param source track wbr")
# Their end tags may be left out, so an open one says nothing about the depth.
_SELF_CLOSING = word_set("p li dt dd tr td th tbody thead tfoot option optgroup rt rp html head body")
_SHALLOW = _VOID | _SELF_CLOSING
_SHALLOW_NAMES = _SHALLOW | {f"/{name}" for name in _SHALLOW}
# A tag with more attributes than allowed is at least this long.
_LONG_TAG = re.compile(rf"<(/?[a-zA-Z][a-zA-Z0-9:-]*+)[^<]{{{2 * MAX_ATTRIBUTES - 100}}}")


@dataclass(frozen=True, slots=True)
class Look:
    """Markup that is safe to parse, or the sentence that says why there is none (then `markup` is empty)."""

    markup: str
    problem: str | None = None
    trimmed: tuple[str, ...] = ()


def look_before_parsing(markup: str) -> Look:
    """`markup` without scripts and forbidden characters and within the caps, or the problem that rules it out."""
    for name in ("script", "style"):
        markup = _without_elements(markup, name)
    markup = _scrub_references(_without_forbidden(markup))
    tags = markup.count("<")
    if tags > HOPELESS_TAGS and sum(1 for _ in _TAG.finditer(markup)) > HOPELESS_TAGS:
        return Look("", f"More than {HOPELESS_TAGS:,} tags.")
    return Look(markup) if _is_within_caps(markup, tags) else _trimmed(markup)


def _without_forbidden(markup: str) -> str:
    """`markup` without characters that XML forbids; nearly none has any, and bytes tell it in a third of the time."""
    try:
        raw = markup.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return _FORBIDDEN.sub("", markup)
    is_clean = len(raw.translate(None, _CONTROLS)) == len(raw) and "\ufffe" not in markup and "\uffff" not in markup
    return markup if is_clean else _FORBIDDEN.sub("", markup)


def _is_within_caps(markup: str, tags: int) -> bool:
    """Whether nothing is to be trimmed, told in a third of the time that trimming takes: nearly every page."""
    if tags > MAX_TAGS or any(
        _bare_tag(markup, tag.start(), len(tag[1])) is not None for tag in _LONG_TAG.finditer(markup)
    ):
        return False
    stack: list[str] = []
    for name in _NAME.findall(markup):
        name = name if name.islower() else name.lower()
        if name in _SHALLOW_NAMES:
            continue
        if name[0] != "/":
            stack.append(name)
            if len(stack) > MAX_DEPTH:
                return False
        elif stack and stack[-1] == name[1:]:
            stack.pop()
        else:
            _step(stack, name[1:], is_end=True)
    return True


def _scrub_references(markup: str) -> str:
    def keep(match: re.Match[str]) -> str:
        code = int(match[1], 16) if match[1] else int(match[2])
        if code in (9, 10, 13):
            return " "
        is_bad = code < 32 or code == 127 or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF or code in (0xFFFE, 0xFFFF)
        return "" if is_bad else match[0]

    return _REFERENCE.sub(keep, markup) if "&#" in markup else markup


def _without_elements(markup: str, name: str) -> str:
    """`markup` without the elements of that name, but for JSON-LD scripts of a bearable size.

    In one pass over openings and ends: thousands of openings without an end must not make it quadratic.
    """
    start, begin, parts = 0, -1, []
    for match in _ELEMENT[name].finditer(markup):
        if not match[1]:
            begin = match.start() if begin < 0 else begin
        elif begin >= 0:
            close = markup.find(">", match.end())
            close = len(markup) if close < 0 else close + 1
            is_data = close - begin <= MAX_SCRIPT_CHARS and _DATA_SCRIPT.match(markup, begin) is not None
            parts.append(markup[start : close if is_data else begin])
            start, begin = close, -1
    parts.append(markup[start : begin if begin >= 0 else len(markup)])
    return "".join(parts)


def _trimmed(markup: str) -> Look:
    """`markup` cut after MAX_TAGS tags, without tags nested deeper than MAX_DEPTH and without endless attributes."""
    parts: list[str] = []
    trimmed: dict[str, None] = {}
    stack: list[str] = []
    start = count = 0
    for match in _TAG.finditer(markup):
        begin, name = match.start(), match[2].lower()
        if begin < start:
            continue
        count += 1
        if count > MAX_TAGS:
            trimmed["tags"] = None
            return Look("".join([*parts, markup[start:begin]]), None, tuple(trimmed))
        depth_before = len(stack)
        _step(stack, name, is_end=bool(match[1]))
        if max(depth_before, len(stack)) > MAX_DEPTH and name not in _SHALLOW:
            close = markup.find(">", begin)
            close = len(markup) if close < 0 else close + 1
            parts.append(markup[start:begin] + " ")
            start, trimmed["depth"] = close, None
        elif (bare := _bare_tag(markup, begin, len(name))) is not None:
            parts.append(markup[start:begin] + f"<{match[1]}{name}>")
            start, trimmed["attributes"] = bare, None
    return Look("".join([*parts, markup[start:]]), None, tuple(trimmed))


def _step(stack: list[str], name: str, *, is_end: bool) -> None:
    if name in _SHALLOW:
        return
    if not is_end:
        stack.append(name)
    elif stack and stack[-1] == name:
        stack.pop()
    elif name in stack[-8:]:  # a few forgotten end tags in between
        while stack.pop() != name:
            pass


def _bare_tag(markup: str, begin: int, name_chars: int) -> int | None:
    """Where the tag at `begin` ends, if it has more attributes than allowed; else None."""
    if markup.find("<", begin + 1, begin + 2 * MAX_ATTRIBUTES) >= 0:  # too short for so many attributes
        return None
    count, place = 0, begin + 1 + name_chars
    for match in _ATTRIBUTE.finditer(markup, place):
        if ">" in markup[place : match.start()]:
            break
        count, place = count + 1, match.end()
    close = markup.find(">", place)
    return (len(markup) if close < 0 else close + 1) if count > MAX_ATTRIBUTES else None
