"""NITF 3.x, the News Industry Text Format (iptc.org/std/NITF; element and attribute names of the 3.6 DTD).

A DOCTYPE is passed over and its DTD never fetched. Dates are `20240531T041500-0400`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from pipeline.values import SubjectCode
from pipeline.wire.items import SUBJECTS_MAX, WireItem, WireMessage
from pipeline.wire.markup import captions_of, lines_of_element
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

MEDIA_TYPE = "application/nitf+xml"
_ROOT = root_pattern("nitf")


def is_nitf(text: str) -> bool:
    """Whether the root element of `text` is <nitf>."""
    return begins_with(text, _ROOT)


def read_nitf(text: str) -> WireMessage | str:
    """The document's item, and the cancel notice for another one that it may hold, or why there is none."""
    root = parse_xml(text)
    if isinstance(root, str):
        return root
    if local(root) != "nitf":
        return "The XML is no NITF document."
    item = _item(root)
    canceled = _canceled_other(root)
    items = tuple(found for found in (item, canceled) if found is not None)
    passed_over = 0 if item is not None else 1
    return WireMessage("nitf", None, item.language if item else None, items, passed_over)


def _item(root: etree._Element) -> WireItem | None:
    data = child(root, "head", "docdata")
    head, content = child(root, "body", "body.head"), child(root, "body", "body.content")
    lines = lines_of_element(content) if content is not None else ()
    status = attribute(data, "management-status")
    if not lines and status not in ("canceled", "withheld"):
        return None
    release = attribute(child(data, "date.release"), "norm")
    return WireItem(
        media_type=MEDIA_TYPE,
        raw=serialised(root),
        guid=attribute(child(data, "doc-id"), "id-string") or attribute(child(data, "du-key"), "key"),
        version=attribute(child(data, "du-key"), "version"),
        status="usable" if status == "embargoed" else status,
        embargoed=release if release or status != "embargoed" else "",
        urgency=attribute(child(data, "urgency"), "ed-urg"),
        note=_note(data),
        subjects=tuple(_subjects(root))[:SUBJECTS_MAX],
        links=_links(root),
        title=text_of(child(head, "hedline", "hl1")) or text_of(child(root, "head", "title")),
        standfirst=text_of(child(head, "hedline", "hl2")),
        summary=text_of(child(head, "abstract")),
        authors=tuple(_authors(head)),
        dateline=text_of(child(head, "dateline")),
        language=language_of(root) or language_of(child(root, "body")),
        published=attribute(child(data, "date.issue"), "norm") or text_of(child(head, "dateline", "story.date")),
        updated=next(_revised(root), None),
        captions=captions_of(content) if content is not None else (),
        lines=lines,
    )


def _canceled_other(root: etree._Element) -> WireItem | None:
    """The item that this document takes back: `management-idref-status="canceled"` names it."""
    data = child(root, "head", "docdata")
    guid = attribute(data, "management-doc-idref")
    if guid is None or attribute(data, "management-idref-status") != "canceled":
        return None
    title = text_of(child(root, "body", "body.head", "hedline", "hl1"))
    return WireItem(MEDIA_TYPE, "", guid=guid, status="canceled", note=_note(data), title=title)


def _note(data: etree._Element | None) -> str | None:
    notes = [attribute(item, "info") or text_of(item) for item in children(data, "ed-msg")]
    return "\n".join(note for note in notes if note) or None


def _links(root: etree._Element) -> tuple[str, ...]:
    """Where the item stands on the web: pubdata's ex-ref."""
    refs = (attribute(item, "ex-ref") for item in children(child(root, "head"), "pubdata"))
    return tuple(ref for ref in refs if ref)


def _authors(head: etree._Element | None) -> Iterator[str]:
    """The persons of each byline; where none is marked up, the byline's own words without its title line."""
    for byline in children(head, "byline"):
        people = [text for person in descendants(byline, "person") if (text := text_of(person))]
        for title in list(children(byline, "byttl")):
            byline.remove(title)
        name = text_of(byline)
        yield from people or ([name] if name else [])


def _subjects(root: etree._Element) -> Iterator[SubjectCode]:
    """tobject's subject codes, and the classifiers of docdata."""
    for item in descendants(child(root, "head", "tobject"), "tobject.subject"):
        code = attribute(item, "tobject.subject.refnum")
        parts = (attribute(item, f"tobject.subject.{part}") for part in ("detail", "matter", "type"))
        name = next((part for part in parts if part), None)
        if code or name:
            yield SubjectCode("subj", code or "", name)
    for item in descendants(child(root, "head", "docdata"), "classifier"):
        value, code = attribute(item, "value"), attribute(item, "idsrc")
        if value:
            yield SubjectCode(attribute(item, "type") or code or "", value, text_of(item))


def _revised(root: etree._Element) -> Iterator[str]:
    """The instants of the revision history, the last first."""
    found = [attribute(item, "norm") for item in children(child(root, "head"), "revision-history")]
    return (instant for instant in sorted((norm for norm in found if norm), reverse=True))
