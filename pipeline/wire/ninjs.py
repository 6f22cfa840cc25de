"""ninjs 1.x and 2.x, IPTC's News in JSON (github.com/iptc/newsinjson): one object, a list, or a list under a name.

1.x has `headline`, `body_*` and `versioncreated`; 2.x has lists of objects with roles and camel case. Renditions and
associations are other media and other items; they are no text of this one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pipeline.reading.lines import word_set
from pipeline.values import SubjectCode
from pipeline.wire.items import SUBJECTS_MAX, TextLine, WireItem, WireMessage
from pipeline.wire.markup import lines_of_html, lines_of_text

MEDIA_TYPE = "application/vnd.iptc.ninjs+json"
_HEAD_CHARS = 262_144
_URI = re.compile(r'"uri"\s*:')
_OTHERS = re.compile(r"jsonfeed\.org/version/")
_LISTS = ("items", "newsItems", "newsitems", "data", "hits", "results")
# The best body first: markup tells paragraphs and sub-heads apart.
_BODIES = ("body_html", "body_html5", "body_xhtml", "body_text", "body_plain", "body")
_SIGNS = word_set(
    "headline headlines body_html body_xhtml body_text bodies versioncreated versionCreated pubstatus pubStatus"
    " standard profile"
)


def is_ninjs(text: str) -> bool:
    """Whether `text` begins like JSON and names a `uri` before anything says that it is a JSON Feed."""
    head = text[:_HEAD_CHARS]
    return head.startswith(("{", "[")) and _URI.search(head) is not None and _OTHERS.search(head) is None


def read_ninjs(text: str) -> WireMessage | str:
    """The items of the document, or one sentence that says why there are none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return "The body begins like JSON but is not valid JSON."
    objects = [item for item in _objects(document) if _is_item(item)]
    if not objects:
        return "The JSON holds no ninjs item: none has a uri beside a headline, body or version."
    kept = tuple(item for item in map(_item, objects) if item is not None)
    language = next((item.language for item in kept if item.language), None)
    return WireMessage("ninjs", None, language, kept, len(objects) - len(kept))


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, list):
        yield from (item for item in document if isinstance(item, dict))
    elif isinstance(document, dict):
        listed = next((document[name] for name in _LISTS if isinstance(document.get(name), list)), None)
        yield from _objects(listed) if listed is not None and "uri" not in document else (document,)


def _is_item(item: dict[str, Any]) -> bool:
    return isinstance(item.get("uri"), str) and not _SIGNS.isdisjoint(item)


def _item(item: dict[str, Any]) -> WireItem | None:
    """The item, or None when it is no text."""
    lines = _body(item)
    status = _string(item, "pubstatus", "pubStatus")
    is_text = _string(item, "type") in (None, "text", "composite")
    if not is_text or (not lines and (status or "usable").lower() == "usable"):
        return None
    return WireItem(
        media_type=MEDIA_TYPE,
        raw=json.dumps(item, ensure_ascii=False, sort_keys=True),
        guid=_string(item, "uri"),
        version=_string(item, "version"),
        status=status.lower() if status else None,
        embargoed=_string(item, "embargoed"),
        urgency=_string(item, "urgency"),
        note=_string(item, "ednote", "edNote"),
        subjects=tuple(_subjects(item))[:SUBJECTS_MAX],
        links=tuple(_links(item)),
        title=_string(item, "headline") or _told(item, "headlines") or _string(item, "title") or _told(item, "titles"),
        summary=_described(item),
        authors=tuple(_authors(item)),
        dateline=_string(item, "dateline"),
        language=_string(item, "language"),
        published=_string(item, "firstcreated", "firstCreated", "contentcreated", "contentCreated")
        or _string(item, "versioncreated", "versionCreated"),
        updated=_string(item, "versioncreated", "versionCreated"),
        lines=lines,
    )


def _body(item: dict[str, Any]) -> tuple[TextLine, ...]:
    """The lines of the first body that has text: 2.x `bodies`, else 1.x `body_*`."""
    for part in _dicts(item.get("bodies")):
        value, kind = part.get("value"), str(part.get("contenttype") or part.get("contentType") or "").lower()
        if isinstance(value, str) and (lines := lines_of_html(value) if "html" in kind else lines_of_text(value)):
            return lines
    names = [*_BODIES, *(sorted(name for name in item if name.startswith("body_") and name not in _BODIES))]
    for name in names:
        value = item.get(name)
        if isinstance(value, str) and (lines := lines_of_html(value) if "html" in name else lines_of_text(value)):
            return lines
    return ()


def _told(item: dict[str, Any], name: str) -> str | None:
    """The value of the main one of a 2.x list of texts with roles, or else of the first."""
    found = [part for part in _dicts(item.get(name)) if isinstance(part.get("value"), str) and part["value"].strip()]
    main = sorted(
        found, key=lambda part: str(part.get("role") or "main").rpartition(":")[2] not in ("main", "headline")
    )
    return str(main[0]["value"]).strip() if main else None


def _described(item: dict[str, Any]) -> str | None:
    """The item's summary; 1.x has description_text and the like."""
    named = sorted(name for name in item if name.startswith("description"))
    return _told(item, "descriptions") or next((text for name in named if (text := _string(item, name))), None)


def _authors(item: dict[str, Any]) -> Iterator[str]:
    """The byline, or the persons named as its creators."""
    line = _string(item, "byline", "by")
    if line:
        yield line
        return
    for part in _dicts(item.get("bylines")):
        if isinstance(part.get("byline"), str):
            yield part["byline"]
    for part in (*_dicts(item.get("infosource")), *_dicts(item.get("infosources")), *_dicts(item.get("infoSources"))):
        if isinstance(part.get("name"), str) and str(part.get("role") or "").endswith("author"):
            yield part["name"]


def _subjects(item: dict[str, Any]) -> Iterator[SubjectCode]:
    """1.x: scheme and code; 2.x: a uri or literal."""
    for part in (*_dicts(item.get("subject")), *_dicts(item.get("subjects"))):
        name = _string(part, "name")
        scheme, code = _string(part, "scheme") or "", _string(part, "code", "literal", "qcode") or ""
        uri = _string(part, "uri")
        if not code and uri:
            scheme, _, code = uri.rstrip("/").rpartition("/")
        if code or name:
            yield SubjectCode(scheme, code, name)


def _links(item: dict[str, Any]) -> Iterator[str]:
    """The web page among the alternates, else a uri that is itself a web address."""
    for part in (*_dicts(item.get("altids")), *_dicts(item.get("links"))):
        href = part.get("href") or part.get("value")
        if isinstance(href, str) and str(part.get("rel") or part.get("role") or "").endswith(("webpage", "canonical")):
            yield href
    for name in ("webUrl", "url", "canonicalurl", "canonicalUrl"):
        if (link := _string(item, name)) is not None:
            yield link


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _string(item: dict[str, Any], *names: str) -> str | None:
    """The first of the names that holds a string, or a number as text."""
    for name in names:
        value = item.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return f"{value:g}" if abs(value) < 10**15 else None
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None
