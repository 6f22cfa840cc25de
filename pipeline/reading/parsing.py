"""Markup to the one tree that every stage of the reading shares."""

from __future__ import annotations

import re

from lxml import etree
from lxml.html import HtmlComment, HtmlElement, HtmlEntity, HTMLParser, HtmlProcessingInstruction

_DOCTYPE = re.compile(r"\s*<!doctype[^>]{0,1000}>", re.IGNORECASE)
# `<html lang="en"/>` would end the document before its head.
_ENDED_ROOT = re.compile(r"(<html\b[^>]{0,2000}?)\s*/>", re.IGNORECASE)
_ROOT_CHARS = 4096


def _parser() -> HTMLParser:
    parser = HTMLParser(
        encoding="utf-8", collect_ids=False, default_doctype=False, remove_comments=True, remove_pis=True
    )
    # lxml.html's own lookup asks a Python function for the class of each element, each time it is touched; the only
    # classes that it adds are those of form elements.
    parser.set_element_class_lookup(
        etree.ElementDefaultClassLookup(
            element=HtmlElement, comment=HtmlComment, pi=HtmlProcessingInstruction, entity=HtmlEntity
        )
    )
    return parser


_PARSER = _parser()


def parse_markup(markup: str) -> HtmlElement | None:
    """The root of the page's tree, a whole document whatever was given; None for markup without any element."""
    markup = _DOCTYPE.sub("", markup, count=1) if _DOCTYPE.match(markup) else markup
    if _ENDED_ROOT.search(markup, 0, _ROOT_CHARS):
        markup = _ENDED_ROOT.sub(r"\1>", markup, count=1)
    try:
        tree = etree.fromstring(markup.encode("utf-8", "ignore"), parser=_PARSER)
    except (etree.ParserError, etree.XMLSyntaxError):
        return None
    return tree if isinstance(tree, HtmlElement) and len(tree) else None
