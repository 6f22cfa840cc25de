"""NewsML-G2: newsItem, newsMessage and packageItem (iptc.org/std/NewsML-G2, namespace iptc.org/std/nar/2006-10-01).

Of the catalogue only the ends of codes are used: `stat:canceled` and `http://cv.iptc.org/newscodes/pubstatusg2/canceled`
are the same word. A package names items and holds none; those that lie on the web become links.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from pipeline.values import SubjectCode
from pipeline.wire.items import SUBJECTS_MAX, TextLine, WireItem, WireMessage
from pipeline.wire.markup import captions_of, lines_of_element, lines_of_html, lines_of_text
from pipeline.wire.xml import (
    attribute,
    begins_with,
    child,
    children,
    descendants,
    language_of,
    local,
    parse_xml,
    root_pattern,
    serialised,
    text_of,
)

MEDIA_TYPE = "application/vnd.iptc.g2.newsitem+xml"
_ROOT = root_pattern("newsMessage", "newsItem", "packageItem")
_TEXT_CLASSES = frozenset({"text", "composite"})
_MAIN_HEADLINES = ("main", "")


def is_newsml(text: str) -> bool:
    """Whether the root element of `text` is one of NewsML-G2."""
    return begins_with(text, _ROOT)


def read_newsml(text: str) -> WireMessage | str:
    """The items of the document, or one sentence that says why there are none."""
    root = parse_xml(text)
    if isinstance(root, str):
        return root
    items = [item for item in _parts(root) if local(item) == "newsitem"]
    packages = [item for item in _parts(root) if local(item) == "packageitem"]
    kept = tuple(item for item in map(_item, items) if item is not None)
    here = {item.guid for item in kept}
    linked = tuple(item for package in packages for item in _references(package) if item.guid not in here)
    others = len(list(_parts(root))) - len(items) - len(packages)
    if not kept and not linked and not items:
        return "The NewsML-G2 document holds no news item."
    return WireMessage(
        format="newsml-g2",
        title=text_of(child(root, "header", "sender")) or text_of(child(root, "itemmeta", "provider", "name")),
        language=next((item.language for item in kept if item.language), None),
        items=kept + linked,
        passed_over=len(items) - len(kept) + others,
    )


def _parts(root: etree._Element) -> Iterator[etree._Element]:
    """The items of the document: the root itself, or what stands in the itemSet of a message."""
    if local(root) != "newsmessage":
        yield root
        return
    for item_set in children(root, "itemset"):
        yield from (item for item in item_set if local(item).endswith("item"))


def _item(item: etree._Element) -> WireItem | None:
    """The item, or None when it is no text: a picture, a video, a graphic, without any word of a body."""
    meta, content = child(item, "itemmeta"), child(item, "contentmeta")
    lines, captions = _body(child(item, "contentset"))
    kind = _code_end(child(meta, "itemclass"))
    status = _code_end(child(meta, "pubstatus"))
    if (kind is not None and kind not in _TEXT_CLASSES) or (not lines and status in (None, "usable")):
        return None
    return WireItem(
        media_type=MEDIA_TYPE,
        raw=serialised(item),
        guid=attribute(item, "guid"),
        version=attribute(item, "version"),
        status=status,
        embargoed=_embargo(meta),
        urgency=text_of(child(content, "urgency")),
        note="\n".join(text for note in children(meta, "ednote") if (text := text_of(note))) or None,
        subjects=tuple(_subjects(content))[:SUBJECTS_MAX],
        links=tuple(
            href for link in children(meta, "link") if _is_own_page(link) and (href := attribute(link, "href"))
        ),
        title=_headline(content) or text_of(child(meta, "title")),
        summary=next((text for note in children(content, "description") if (text := text_of(note))), None),
        authors=tuple(_authors(content)),
        dateline=text_of(child(content, "dateline")),
        language=attribute(child(content, "language"), "tag") or language_of(item),
        published=next(_instants(meta, content), None),
        updated=text_of(child(meta, "versioncreated")),
        captions=captions,
        lines=lines,
    )


def _instants(meta: etree._Element | None, content: etree._Element | None) -> Iterator[str]:
    """When the item was first made, as written, the best word for it first."""
    places = ((meta, "firstcreated"), (content, "contentcreated"), (meta, "versioncreated"))
    return (text for parent, name in places if (text := text_of(child(parent, name))))


def _embargo(meta: etree._Element | None) -> str | None:
    """The instant as written; "" for an embargo without an end, None without any embargo."""
    element = child(meta, "embargoed")
    return None if element is None else text_of(element) or ""


def _body(content_set: etree._Element | None) -> tuple[tuple[TextLine, ...], tuple[str, ...]]:
    """The lines and captions of the first rendition that has text."""
    for part in content_set if content_set is not None else ():
        name, kind = local(part), (attribute(part, "contenttype") or "").lower()
        if name == "inlinexml":
            inner = next((body for tag in ("body.content", "body") for body in descendants(part, tag)), part)
            lines, captions = lines_of_element(inner), captions_of(inner)
        elif name == "inlinedata":
            text = "".join(part.itertext())
            lines, captions = (lines_of_html(text) if "html" in kind else lines_of_text(text)), ()
        else:
            continue
        if lines:
            return lines, captions
    return (), ()


def _headline(content: etree._Element | None) -> str | None:
    found = [(_end(attribute(item, "role") or ""), text_of(item)) for item in children(content, "headline")]
    ranked = sorted((pair for pair in found if pair[1]), key=lambda pair: pair[0] not in _MAIN_HEADLINES)
    return ranked[0][1] if ranked else None


def _authors(content: etree._Element | None) -> Iterator[str]:
    """The byline where there is one, else the creators that are named."""
    bylines = [text for item in children(content, "by") if (text := text_of(item))]
    if bylines:
        yield from bylines
        return
    for creator in children(content, "creator"):
        name = text_of(child(creator, "name"))
        if name:
            yield name


def _subjects(content: etree._Element | None) -> Iterator[SubjectCode]:
    for item in children(content, "subject"):
        scheme, code = _scheme_and_code(attribute(item, "qcode") or attribute(item, "uri") or "")
        name = text_of(child(item, "name"))
        if code or name:
            yield SubjectCode(scheme, code or "", name)


def _scheme_and_code(code: str) -> tuple[str, str]:
    """("medtop", "20000056") of "medtop:20000056"; of a URI what stands before and behind its last slash."""
    if "://" in code:
        scheme, _, end = code.rstrip("/").rpartition("/")
        return scheme, end
    scheme, _, end = code.partition(":")
    return (scheme, end) if end else ("", scheme)


def _references(package: etree._Element) -> Iterator[WireItem]:
    """What the package names and does not hold, as links without text."""
    for item in descendants(package, "itemref"):
        href = attribute(item, "href")
        if href:
            title = text_of(child(item, "title")) or text_of(child(item, "headline"))
            yield WireItem(MEDIA_TYPE, "", guid=attribute(item, "residref"), links=(href,), title=title)


def _is_own_page(link: etree._Element) -> bool:
    """Whether the link leads to the item on the web, and not to a source, a picture or an earlier item."""
    kind = (attribute(link, "contenttype") or "text/html").lower()
    return kind == "text/html" and _end(attribute(link, "rel") or "") in (
        "",
        "webpage",
        "canonical",
        "alternate",
        "self",
    )


def _code_end(element: etree._Element | None) -> str | None:
    code = attribute(element, "qcode") or attribute(element, "uri")
    return _end(code).lower() if code else None


def _end(code: str) -> str:
    return re.split(r"[:/#]", code.rstrip("/"))[-1]
