"""What a page declares about itself, in JSON-LD and meta elements, before anyone looks at its text."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml.html import HtmlElement

from pipeline.reading.lines import squeeze, word_set

_ARTICLE_TYPES = word_set(
    "NewsArticle Article ReportageNewsArticle AnalysisNewsArticle OpinionNewsArticle BackgroundNewsArticle "
    "ReviewNewsArticle AskPublicNewsArticle LiveBlogPosting BlogPosting Report TechArticle ScholarlyArticle"
)
_MEDIA_TYPES = word_set("VideoObject AudioObject ImageGallery MediaGallery VideoGallery PodcastEpisode")
_LIST_TYPES = frozenset(["CollectionPage", "ItemList", "SearchResultsPage"])
_MAX_NODES = 2000
_MAX_UPDATES = 300
_TRAILING_COMMA = re.compile(r",\s*([}\]])")
_TAG = re.compile(r"<[^>]{1,500}>")


@dataclass(frozen=True, slots=True)
class Declared:
    """The page's own words about itself. Strings are on one line but not yet checked; dates are as written.

    `meta` are the meta elements in document order, names lower-case; `article_body` is JSON-LD's copy of the text.
    `is_free` is JSON-LD's isAccessibleForFree, None when not said. `live_updates` are the entries that a live report
    declares: date, headline and text of each.
    """

    meta: tuple[tuple[str, str], ...] = ()
    types: frozenset[str] = frozenset()
    headlines: tuple[str, ...] = ()
    descriptions: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    publishers: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    section: str | None = None
    language: str | None = None
    image_captions: tuple[str, ...] = ()
    article_body: str = ""
    is_free: bool | None = None
    live_updates: tuple[tuple[str, str, str], ...] = ()

    def first(self, *names: str) -> str | None:
        """The first meta content under one of the names, in the order of the names."""
        for name in names:
            for key, content in self.meta:
                if key == name:
                    return content
        return None

    @property
    def is_article(self) -> bool:
        """Whether the page calls itself an article."""
        return bool(self.types & _ARTICLE_TYPES) or self.first("og:type") == "article"

    @property
    def is_media(self) -> bool:
        """Whether the page calls itself a video, a sound or a gallery, and no article."""
        og_type = self.first("og:type") or ""
        is_named = bool(self.types & _MEDIA_TYPES) or og_type.startswith(("video", "music"))
        return is_named and not self.types & _ARTICLE_TYPES

    @property
    def is_list(self) -> bool:
        """Whether the page calls itself a collection, and no article."""
        return bool(self.types & _LIST_TYPES) and not self.is_article


def read_declared(tree: HtmlElement) -> Declared:
    """All that the page declares; an unreadable JSON-LD block counts as absent."""
    nodes = [node for script in tree.iter("script") if _is_data(script) for node in _nodes(_load(script.text or ""))]
    articles = [node for node in nodes if _types(node) & _ARTICLE_TYPES]
    main = articles[0] if articles else {}
    wider = articles[:1] or [node for node in nodes if "WebPage" in _types(node)]
    return Declared(
        meta=tuple(_metas(tree)),
        types=frozenset(name for node in nodes for name in _types(node)),
        headlines=_texts(wider, "headline", "name") if articles else _texts(wider, "headline"),
        descriptions=_texts(articles[:1], "description", "abstract"),
        authors=_named(main.get("author")) or _named(main.get("creator")),
        publishers=tuple(name for node in nodes for name in _publisher(node)),
        published=_texts([*articles, *wider], "datePublished", "dateCreated"),
        modified=_texts([*articles, *wider], "dateModified"),
        section=next(iter(_strings(main.get("articleSection"))), None),
        language=next(iter(_strings(main.get("inLanguage"))), None),
        image_captions=tuple(_captions(main)),
        article_body=_body(main),
        is_free=_is_free(main),
        live_updates=tuple(_updates(main)),
    )


def _updates(main: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    updates = main.get("liveBlogUpdate")
    for update in updates[:_MAX_UPDATES] if isinstance(updates, list) else ():
        if isinstance(update, dict):
            values = (_strings(update.get(name)) for name in ("datePublished", "headline", "articleBody"))
            date, headline, text = (next(iter(found), "") for found in values)
            yield date, headline, text


def _is_data(script: HtmlElement) -> bool:
    return "ld+json" in (script.get("type") or "").lower()


def _load(raw: str) -> Any:
    raw = raw.strip().removeprefix("<!--").removesuffix("-->").replace("//<![CDATA[", "").replace("//]]>", "").strip()
    for text in (raw, _TRAILING_COMMA.sub(r"\1", raw.rstrip(";")), html.unescape(raw)):
        try:
            return json.loads(text, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _nodes(data: Any) -> Iterator[dict[str, Any]]:
    """Every typed object at the top, in @graph or as the main entity, in the order of the page."""
    pending, seen = [data], 0
    while pending and seen < _MAX_NODES:
        item, seen = pending.pop(0), seen + 1
        if isinstance(item, list):
            pending = [*item, *pending]
        elif isinstance(item, dict):
            if "@type" in item:
                yield item
            pending += [item[name] for name in ("@graph", "mainEntity", "mainEntityOfPage", "hasPart") if name in item]


def _types(node: dict[str, Any]) -> set[str]:
    return {name.rsplit("/", 1)[-1] for name in _strings(node.get("@type"))}


def _strings(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [_line(item) for item in items if isinstance(item, str) and item.strip()]


def _line(text: str) -> str:
    text = html.unescape(text) if "&" in text else text
    return squeeze(_TAG.sub(" ", text) if "<" in text else text)


def _texts(nodes: list[dict[str, Any]], *names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for name in names for node in nodes for text in _strings(node.get(name))))


def _named(value: Any, depth: int = 0) -> tuple[str, ...]:
    """The names in an author field: strings, objects with a name, and lists of either."""
    if isinstance(value, str):
        return (_line(value),) if value.strip() else ()
    if isinstance(value, dict):
        return _named(value.get("name"), depth + 1) if depth < 3 else ()
    if isinstance(value, list):
        return tuple(dict.fromkeys(name for item in value[:50] if depth < 3 for name in _named(item, depth + 1)))
    return ()


def _publisher(node: dict[str, Any]) -> tuple[str, ...]:
    is_organisation = _types(node) & {"Organization", "NewsMediaOrganization", "WebSite"}
    return _named(node.get("publisher")) + (_named(node.get("name")) if is_organisation else ())


def _captions(node: dict[str, Any]) -> Iterator[str]:
    for name in ("image", "associatedMedia"):
        items = node.get(name)
        for item in items if isinstance(items, list) else [items]:
            if isinstance(item, dict):
                yield from _strings(item.get("caption"))
                yield from _strings(item.get("description"))


def _body(node: dict[str, Any]) -> str:
    body = node.get("articleBody")
    if not isinstance(body, str):
        return ""
    return html.unescape(_TAG.sub("\n", body)) if "<" in body or "&" in body else body


def _flag(value: Any) -> bool | None:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _is_free(main: dict[str, Any]) -> bool | None:
    """What the article says of itself; else False when it marks a part of itself as not free."""
    said = _flag(main.get("isAccessibleForFree"))
    parts = main.get("hasPart")
    closed = [part for part in (parts if isinstance(parts, list) else [parts]) if isinstance(part, dict)
              and _flag(part.get("isAccessibleForFree")) is False]  # fmt: skip
    return False if said is None and closed else said


def _metas(tree: HtmlElement) -> Iterator[tuple[str, str]]:
    for element in tree.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop") or element.get("http-equiv")
        content = element.get("content")
        if name and content and content.strip():
            yield name.strip().lower(), squeeze(content)
