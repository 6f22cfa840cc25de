"""Words that only screen readers say, and the names of icons: taken out of the tree before anyone looks at it."""

from __future__ import annotations

import re
from functools import lru_cache

from lxml.html import HtmlElement

_HIDDEN = re.compile(
    r"(?:^|[\s_-])(?:sr-only|visually-?hidden|screen-?reader(?:-text|-only)?|assistive-text|hidden-text)(?:$|[\s_-])",
    re.IGNORECASE,
)
# An icon font's element holds the icon's name as text ("camera", "play_arrow"), which the page shows as a picture.
_ICON = re.compile(r"(?:^|\s)(?:icons?|glyphicon|material-(?:icons|symbols)[\w-]*)(?:$|\s)", re.IGNORECASE)
_ICON_NAME = re.compile(r"\s*[a-z][a-z_ -]{1,19}\s*$")
# A hidden note on a link or a hidden label is short; a hidden h1 or a whole story in such a box is no note.
_MAX_CHARS = 60
_ICON_TAGS = ("span", "i", "em")
# What a link says of itself to those who can't see its arrow.
_OPENS = re.compile(
    r"[\s(]*(?:opens\s+in\s+(?:a\s+)?new\s+(?:window|tab)|(?:link\s+)?(?:wird\s+in\s+einem\s+neuen|öffnet\s+(?:in\s+einem|im)\s+neuen)"
    r"\s+(?:fenster|tab)(?:\s+geöffnet)?|s.ouvre\s+dans\s+une?\s+nouve(?:lle|l)\s+\w+|se\s+abre\s+en\s+(?:una\s+)?nueva\s+\w+)[\s)]*$",
    re.IGNORECASE,
)
# First sieves: parts of the class names that elements may have, and words without which no link says where it opens.
_SIEVES = ("sr-only", "isually", "creen", "assistive", "hidden-text", "icon", "material-symbols")
_OPENING = (
    "new window",
    "new tab",
    "neuen Fenster",
    "neuen Tab",
    "nouvelle fen",
    "nouvel ong",
    "nueva ven",
    "nueva pes",
)
_IN_LINKS = "//body//a//span | //body//a//i | //body//a//em | //body//a/following-sibling::*[1][self::span]"
_NOTES = ("span", "div", "p", "em", "i", "small", "h2", "h3", "h4", "strong", "b")


def drop_hidden_notes(tree: HtmlElement, markup: str) -> None:
    """Remove the short notes for screen readers ("opens in a new window") and the names of icons from the tree.

    `markup` is what the tree was parsed from: what it does not hold need not be looked for.
    """
    body = next(tree.iter("body"), None)
    # All of them are gathered before any is dropped: taking one out would lose the place in the tree.
    for element in [] if body is None else [e for e in body.iterdescendants(*_NOTES) if _is_named(e.get("class", ""))]:
        if element.getparent() is None:
            continue
        names, text = element.get("class"), "".join(element.itertext())
        is_note = _HIDDEN.search(names) is not None and len(text.strip()) <= _MAX_CHARS
        is_icon = element.tag in _ICON_TAGS and _ICON.search(names) is not None and _ICON_NAME.match(text) is not None
        if is_note or is_icon:
            element.drop_tree()
    for element in tree.xpath(_IN_LINKS) if any(part in markup for part in _OPENING) else ():
        if element.getparent() is not None and _OPENS.match("".join(element.itertext())):
            element.drop_tree()


@lru_cache(maxsize=16384)
def _is_named(names: str) -> bool:
    """Whether an element's class may be that of a note or an icon."""
    is_likely = any(part in names for part in _SIEVES)
    return is_likely and (_HIDDEN.search(names) is not None or _ICON.search(names) is not None)
