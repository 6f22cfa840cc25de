"""Lists of feeds as OPML 2.0: what feed readers exchange, and the form in which the shipped list is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree import ElementTree

from lxml import etree

from pipeline.feeds.decode import decode_feed
from pipeline.feeds.entries import language_tag
from pipeline.text import one_line

CATEGORY_MAX_BYTES = 255
_URL_MAX_CHARS = 2048
_ROOT_HINT = "<opml"


@dataclass(frozen=True, slots=True)
class OpmlFeed:
    """A feed of a list. `category` is its group, nested ones joined by "/"; `language` a tag such as "pt-BR"."""

    url: str
    title: str | None = None
    category: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class OpmlReading:
    """The feeds of a list in its order, each URL once. `problem` is a sentence when it is no list; then none are."""

    feeds: tuple[OpmlFeed, ...] = ()
    problem: str | None = None


def read_opml(data: bytes) -> OpmlReading:
    """The feeds in an OPML file. Never raises: what is no OPML gives a reading with `problem`.

    Lenient like feed readers are: unescaped ampersands, unclosed outlines and odd capitals are read. Only http(s) URLs
    of at most 2,048 characters count.
    """
    text = decode_feed(data, None)
    problem = _refusal(text)
    if problem is not None:
        return OpmlReading(problem=problem)
    # The parser below takes bytes without a declaration for Latin-1; character references are right in any charset.
    plain = text.encode("ascii", "xmlcharrefreplace")
    languages = _languages(plain)
    feeds = {feed.url: feed for outline in _listparser_feeds(plain) if (feed := _feed(outline, languages)) is not None}
    if not feeds:
        return OpmlReading(problem="The OPML file names no feed with an http(s) address.")
    return OpmlReading(tuple(feeds.values()))


def write_opml(feeds: Iterable[OpmlFeed], title: str = "Frontwire feeds") -> bytes:
    """The feeds as an OPML 2.0 file in UTF-8, grouped by category in the order in which categories first appear."""
    root = ElementTree.Element("opml", version="2.0")
    ElementTree.SubElement(ElementTree.SubElement(root, "head"), "title").text = one_line(title)
    body = ElementTree.SubElement(root, "body")
    groups: dict[str, ElementTree.Element] = {}
    for feed in feeds:
        parent = body
        if feed.category:
            name = one_line(feed.category) or ""
            if name not in groups:
                groups[name] = ElementTree.SubElement(body, "outline", text=name)
            parent = groups[name]
        label = one_line(feed.title) or feed.url
        attributes = {"type": "rss", "text": label, "title": label, "xmlUrl": feed.url}
        ElementTree.SubElement(parent, "outline", attributes | ({"language": feed.language} if feed.language else {}))
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _refusal(text: str) -> str | None:
    if not text:
        return "The file is empty."
    if _ROOT_HINT not in text[:65_536].lower():
        return "This is not an OPML file: it has no <opml> element."
    if "<!ENTITY" in text:
        return "The OPML file declares XML entities, which are never expanded."
    return None


def _listparser_feeds(plain: bytes) -> list[dict[str, object]]:
    # Imported here: only `feeds import` and the first start need it.
    import listparser

    return list(listparser.parse(plain).get("feeds", ()))


def _languages(plain: bytes) -> dict[str, str]:
    """Language attributes by feed URL, which listparser leaves out."""
    root = etree.fromstring(plain, etree.HTMLParser(recover=True, no_network=True))
    if root is None:
        return {}
    return {
        outline.get("xmlurl", "").strip(): outline.get("language", "")
        for outline in root.iter("outline")
        if outline.get("language")
    }


def _feed(outline: dict[str, object], languages: dict[str, str]) -> OpmlFeed | None:
    url = str(outline.get("url") or "")
    if not url.startswith(("http://", "https://")) or len(url) > _URL_MAX_CHARS:
        return None
    return OpmlFeed(
        url=url,
        title=one_line(str(outline.get("title") or "")),
        category=_category(outline.get("categories")),
        language=language_tag(languages.get(url)),
    )


def _category(categories: object) -> str | None:
    """The names of the groups around the outline, which listparser puts last, behind the outline's own categories."""
    if not isinstance(categories, list) or not categories:
        return None
    return one_line("/".join(name for name in categories[-1] if name), CATEGORY_MAX_BYTES)
