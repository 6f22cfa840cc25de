"""News sitemaps: the list of the last two days' stories that outlets keep for search engines (schema news 0.9)."""

from __future__ import annotations

import re

from lxml import etree

from pipeline.feeds.decode import with_escaped_ampersands
from pipeline.feeds.entries import RawChild, RawEntry, RawFeed

_ROOT = re.compile(r"(?:<!--.*?-->|<\?[^>]*>|\s)*<(?:[\w.-]+:)?(?:urlset|sitemapindex)[\s>/]", re.DOTALL)


def is_sitemap(text: str) -> bool:
    """Whether the root element of `text` is that of a sitemap or of an index of sitemaps."""
    return _ROOT.match(text[:16_384]) is not None


def read_news_sitemap(text: str) -> RawFeed | str:
    """The entries with news tags, or the sitemaps of an index, or one sentence that says why there are none.

    A sitemap of all pages is refused: it would announce an archive as news.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, recover=True, remove_comments=True
    )
    try:
        root = etree.fromstring(with_escaped_ampersands(text).encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        root = None
    if root is None:
        return "The sitemap could not be parsed."
    if _local(root) == "sitemapindex":
        return _read_index(root)
    urls = [_fields(url) for url in root if _local(url) == "url"]
    stories = [fields for fields in urls if "news" in fields]
    if not stories:
        return "This sitemap has no news entries."
    return RawFeed(
        format="newssitemap",
        title=stories[0].get("name"),
        language=stories[0].get("language"),
        entries=tuple(_raw_entry(fields) for fields in stories),
    )


def _read_index(root: etree._Element) -> RawFeed | str:
    listed = [_fields(sitemap) for sitemap in root if _local(sitemap) == "sitemap"]
    children = tuple(RawChild(fields["loc"], fields.get("lastmod")) for fields in listed if fields.get("loc"))
    return RawFeed(format="sitemapindex", children=children) if children else "This index lists no sitemaps."


def _raw_entry(fields: dict[str, str]) -> RawEntry:
    link = fields.get("loc")
    return RawEntry(
        links=(link,) if link else (),
        title=fields.get("title"),
        published=fields.get("publication_date"),
        updated=fields.get("lastmod"),
    )


def _fields(url: etree._Element) -> dict[str, str]:
    """Text by local name of everything below one <url>, the first of each name; images and videos are left out."""
    fields: dict[str, str] = {}
    for child in url:
        if _local(child) in ("image", "video"):
            continue
        for element in child.iter():
            if (name := _local(element)) not in fields:
                fields[name] = (element.text or "").strip()
    return fields


def _local(element: etree._Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
