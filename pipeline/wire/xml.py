"""XML of agencies: parsed without DTD, network or entities, and looked at by local names, for namespaces go missing."""

from __future__ import annotations

import html.entities
import re
from collections.abc import Iterator

from lxml import etree

_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]{0,31});")
_BARE_AMPERSAND = re.compile(r"&(?!#[0-9]{1,8};|#[xX][0-9a-fA-F]{1,8};|(?:amp|lt|gt|quot|apos);)")
_OF_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})
_SPACE = re.compile(r"\s+")
# What may stand before the root element. Only so much of a document is looked at.
_PROLOGUE = r"(?:<!--.*?-->|<\?[^>]*>|<!DOCTYPE[^>\[]*>|\s)*"
_PROLOGUE_CHARS = 16_384
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def parse_xml(text: str) -> etree._Element | str:
    """The root element, or one sentence that says why there is none.

    The names of HTML's characters (`&nbsp;`) and bare ampersands, which strict XML refuses, are mended first; any
    other fault of form is a refusal: a wire item that is half there is not the agency's item.
    """
    clean = _BARE_AMPERSAND.sub("&amp;", _NAMED.sub(_character, text))
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(clean.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        return f"The XML is not well formed (line {error.lineno or 1})."
    return root if root is not None else "The XML has no root element."


def root_pattern(*names: str) -> re.Pattern[str]:
    """What `begins_with` looks for: a root element of one of these local names, in any namespace."""
    return re.compile(rf"{_PROLOGUE}<(?:[\w.-]+:)?(?:{'|'.join(names)})[\s>/]", re.DOTALL)


def begins_with(text: str, root: re.Pattern[str]) -> bool:
    """Whether the document's first element is the one of `root_pattern`; nothing is parsed."""
    return root.match(text[:_PROLOGUE_CHARS]) is not None


def serialised(element: etree._Element) -> str:
    """The element alone as XML, with the namespaces it needs."""
    return str(etree.tostring(element, encoding="unicode", with_tail=False))


def local(element: etree._Element) -> str:
    """The element's name in lower case without namespace; "" for what is no element."""
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def child(parent: etree._Element | None, *path: str) -> etree._Element | None:
    """The first element reached by the local names of `path`."""
    for name in path:
        parent = next(children(parent, name), None) if parent is not None else None
    return parent


def children(parent: etree._Element | None, name: str) -> Iterator[etree._Element]:
    """The child elements of that local name (lower case)."""
    return (item for item in (parent if parent is not None else ()) if local(item) == name)


def descendants(parent: etree._Element | None, name: str) -> Iterator[etree._Element]:
    """The elements of that local name anywhere below `parent`."""
    return (item for item in (parent.iter() if parent is not None else ()) if local(item) == name)


def text_of(element: etree._Element | None) -> str | None:
    """All text of the element on one line; None when it has none."""
    return squeezed("".join(_texts(element))) or None if element is not None else None


def _texts(element: etree._Element) -> Iterator[str]:
    """Text below the element; a break separates words."""
    yield element.text or ""
    for item in element:
        if local(item):
            yield " " if local(item) == "br" else ""
            yield from _texts(item)
        yield item.tail or ""


def attribute(element: etree._Element | None, name: str) -> str | None:
    """The attribute of that local name, stripped; None when it is missing or empty."""
    if element is None:
        return None
    for key, value in element.attrib.items():
        if str(key).rpartition("}")[2].lower() == name:
            return str(value).strip() or None
    return None


def language_of(element: etree._Element | None) -> str | None:
    """The xml:lang of the element, with or without its namespace."""
    return (element.get(_LANGUAGE) or element.get("lang")) if element is not None else None


def squeezed(text: str) -> str:
    """`text` with runs of white space as one blank and none at the ends."""
    return _SPACE.sub(" ", text).strip()


def _character(match: re.Match[str]) -> str:
    name = match[1]
    return match[0] if name in _OF_XML else html.entities.html5.get(f"{name};", match[0])
