"""trafilatura's quick mode over the shared tree: its own steps and its own answers, in less time.

`bare_extraction(tree, fast=True)` copies the tree four times and asks regular expressions of each element's class, over
and over, from within XPath. Here the tree is copied once, and each expression is asked once of every kind of element
(docs/decisions/0026). Where the quick mode would go on to rescue a poor result, its later steps follow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from copy import copy
from itertools import compress
from typing import Any

from lxml import etree
from lxml.html import HtmlElement
from trafilatura import bare_extraction, xpaths
from trafilatura.baseline import baseline, html2txt
from trafilatura.core import ESCALATION_ACCEPT_RATIO, ESCALATION_MAX_LENGTH, ESCALATION_PAGE_SHARE
from trafilatura.htmlprocessing import convert_tags, prune_unwanted_nodes, tree_cleaning
from trafilatura.main_extractor import extract_content
from trafilatura.settings import Extractor
from trafilatura.xml import xmltotxt

from pipeline.reading import stop_words

stop_words.use()

# Kinds that an expression has been asked of: no site has so many, and hostile ones must not fill the memory.
_MAX_KINDS = 8192
_MAX_KIND_CHARS = 400
_ASKED_AT_ONCE = 1000
_ATTRIBUTE = re.compile(r"@([\w-]+)")
_TAGS = re.compile(r"\s*\(?\.//\*\[((?:self::\w+(?: or )?)+)\]")
_QUOTED = r"""('[^']*'|"[^"]*")"""
_TEST = re.compile(rf"re:test\([^,()]+,\s*{_QUOTED}(?:,\s*{_QUOTED})?\s*\)")
_LOWERED = re.compile(rf"translate\((@[\w-]+),\s*{_QUOTED},\s*{_QUOTED}\s*\)")
_LITERAL = re.compile(_QUOTED)
_CALL = re.compile(r"([\w:-]+)\(")
# Functions that say of an attribute's value no more than whether it holds one of the quoted words.
_HOLDING = frozenset({"re:test", "contains", "starts-with", "translate", "not", "or", "and"})
# A sign of a pattern, an escaped one, or a whole class; a group that is all of a way to match; what is no fixed text.
_PIECE = re.compile(r"\\.|\[[^]]*\]|.", re.DOTALL)
_GROUP = re.compile(r"\^?\(\?:((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)")
_TIMES = r"(?:[?*+]|\{[^}]*\})"
_LOOSE = re.compile(rf"(?:\((?:[^()]|\([^()]*\))*\)|\[[^]]*\]|\\[a-zA-Z]){_TIMES}?|.{_TIMES}|(?<!\\)[.^$]", re.DOTALL)
_SHORTEST_WORD = 3
# Stands for every value in which an expression finds none of its words.
_SILENT = "?"
_OPTIONS = Extractor(output_format="python", fast=True, comments=False)
_RECALL = Extractor(output_format="python", fast=True, comments=False, recall=True)
# Tag and attributes, in the order in which the expression names them.
_Kind = tuple[str | None, ...]
Extraction = tuple[str, etree._Element]
_Found = tuple[etree._Element, str]
_FORUM = "DiscussionForumPosting"


class Remembered:
    """An expression that asks an element for nothing but its tag and attributes, asked once of every kind of element.

    Called like the expression itself; `first` gives only the first element that is meant.
    """

    def __init__(self, expression: etree.XPath) -> None:
        self._expression = expression
        self._attributes = tuple(dict.fromkeys(_ATTRIBUTE.findall(expression.path)))
        tags = _TAGS.match(expression.path)
        self._tags = tuple(name.removeprefix("self::") for name in tags[1].split(" or ")) if tags else ("*",)
        # One that means the first of a tree can't be asked of many kinds at once.
        self._size = 1 if expression.path.lstrip().startswith("(") else _ASKED_AT_ONCE
        self._answers: dict[_Kind, bool] = {}
        self._tells = _telling(expression.path)

    def __call__(self, tree: HtmlElement) -> list[HtmlElement]:
        """The elements under the tree's root that the expression means, in document order."""
        elements = list(tree.iterdescendants(*self._tags))
        kinds = self._kinds(elements)
        told = [*map(self._answers.get, kinds)]
        if None in told:
            unknown = [kind for kind, answer in zip(kinds, told, strict=True) if answer is None]
            answers = self._answered([*dict.fromkeys(unknown)])
            told = [answers[kind] if answer is None else answer for kind, answer in zip(kinds, told, strict=True)]
            self._remember([kind for kind in answers if _chars(kind) <= _MAX_KIND_CHARS], answers)
        return [*compress(elements, told)]

    def _answered(self, kinds: list[_Kind]) -> dict[_Kind, bool]:
        """The answer for each kind. Nearly all of them hold no word that is looked for, and share a few answers."""
        plain = [self._plain(kind) for kind in kinds]
        told = self._answers
        unknown = [kind for kind in dict.fromkeys(plain) if kind not in told]
        if unknown:
            asked = self._asked(unknown)
            self._remember([kind for kind in unknown if _chars(kind) <= _MAX_KIND_CHARS], asked)
            told = told | asked
        return {kind: told[short] for kind, short in zip(kinds, plain, strict=True)}

    def _plain(self, kind: _Kind) -> _Kind:
        """The kind with _SILENT for each value in which the expression finds nothing."""
        tells = self._tells
        if tells is None:
            return kind
        return (kind[0], *[value if value is None or tells(value) else _SILENT for value in kind[1:]])

    def first(self, tree: HtmlElement) -> list[HtmlElement]:
        """The first element that is meant, alone in a list, or an empty list."""
        return self(tree)[:1]

    def _remember(self, kinds: list[_Kind], answers: dict[_Kind, bool]) -> None:
        if len(self._answers) + len(kinds) > _MAX_KINDS:
            self._answers = {}  # a call that is under way goes on with the old ones
        self._answers.update((kind, answers[kind]) for kind in kinds[:_MAX_KINDS])

    def _kinds(self, elements: list[HtmlElement]) -> list[_Kind]:
        if self._tags == ("*",):
            return [("div", *map(element.get, self._attributes)) for element in elements]
        return [(element.tag, *map(element.get, self._attributes)) for element in elements]

    def _asked(self, kinds: list[_Kind]) -> dict[_Kind, bool]:
        answers: dict[_Kind, bool] = {}
        for start in range(0, len(kinds), self._size):
            root = etree.Element("kinds")
            specimens = [self._specimen(root, kind) for kind in kinds[start : start + self._size]]
            meant = set(self._expression(root))
            answers.update(
                (kind, specimen in meant)
                for kind, specimen in zip(kinds[start : start + self._size], specimens, strict=True)
            )
        return answers

    def _specimen(self, root: etree._Element, kind: _Kind) -> etree._Element:
        # In a box of its own: an expression may mean the first among its siblings.
        named = {name: value for name, value in zip(self._attributes, kind[1:], strict=True) if value is not None}
        return etree.SubElement(etree.SubElement(root, "kind"), kind[0] or "div", named)


def _telling(path: str) -> Callable[[str], object] | None:
    """What is true of at least the values in which an expression finds something; None for one that may ask otherwise.

    It is asked of each new class and id of a page, and takes a fraction of what the expression itself takes.
    """
    if not _HOLDING.issuperset(_CALL.findall(_LITERAL.sub("", path))):
        return None
    tests = _TEST.findall(path)
    words = {word[1:-1] for word in _LITERAL.findall(_LOWERED.sub(r"\1", _TEST.sub("", path)))}
    for pattern, flags in tests:
        found = _words_needed(pattern[1:-1])
        words |= {word.casefold() for word in found} if flags else found
    if min(map(len, words), default=0) < _SHORTEST_WORD:
        return None
    search = re.compile(_any_of(words)).search
    is_folding = "translate(" in path or any(flags for _, flags in tests)
    return (lambda value: search(value) or search(value.casefold())) if is_folding else search


def _words_needed(pattern: str) -> set[str]:
    """Words of which each text has one at least that the pattern finds; "" among them where none can be told."""
    words: set[str] = set()
    for way in _alternatives(pattern):
        grouped = _GROUP.fullmatch(way)
        words |= _words_needed(grouped[1]) if grouped else {max(_LOOSE.split(way), key=len).replace("\\", "")}
    return words


def _alternatives(pattern: str) -> list[str]:
    """The pattern's alternatives that stand in no brackets."""
    depth, ways = 0, [""]
    for piece in _PIECE.findall(pattern):
        depth += (piece == "(") - (piece == ")")
        if piece == "|" and not depth:
            ways.append("")
        else:
            ways[-1] += piece
    return ways


def _any_of(words: Collection[str]) -> str:
    """A pattern that finds any of the words, and looks at each letter once: a list would be tried word by word."""
    if "" in words:
        return ""
    endings: dict[str, set[str]] = {}
    for word in sorted(words):
        endings.setdefault(word[0], set()).add(word[1:])
    return "|".join(f"{re.escape(letter)}(?:{_any_of(rest)})" for letter, rest in endings.items())


def _chars(kind: _Kind) -> int:
    return sum(len(value) for value in kind if value)


class _Appended:
    """The expression for appended articles, which also asks what is inside: only where an element may be meant."""

    def __init__(self, expression: etree.XPath) -> None:
        self._expression, self._sieve = expression, Remembered(expression)

    def __call__(self, tree: HtmlElement) -> list[HtmlElement]:
        return self._expression(tree) if self._sieve(tree) else []


def _swift(expression: etree.XPath) -> Any:
    """The expression with its answers remembered; one without regular expressions is fast enough."""
    return Remembered(expression) if "re:test" in expression.path else expression


def _swift_first(expression: etree.XPath) -> Any:
    return Remembered(expression).first if "re:test" in expression.path else expression


_APPENDED = [_Appended(xpaths.RAW_TREE_PRUNE_XPATH[0]), *xpaths.RAW_TREE_PRUNE_XPATH[1:]]
_COMMENTS = [*map(_swift, xpaths.REMOVE_COMMENTS_AND_LISTS_XPATH)]
_LISTS = (
    (xpaths.RAW_TREE_PRUNE_XPATH, _APPENDED),
    (xpaths.REMOVE_COMMENTS_AND_LISTS_XPATH, _COMMENTS),
    (xpaths.BODY_XPATH, [*map(_swift_first, xpaths.BODY_XPATH)]),
    (xpaths.OVERALL_DISCARD_XPATH, [*map(_swift, xpaths.OVERALL_DISCARD_XPATH)]),
)
_SLOW = tuple(tuple(listed) for listed, _ in _LISTS)


@contextmanager
def _swift_expressions() -> Iterator[None]:
    """Inside, the library's lists hold remembered expressions; outside they are its own."""
    for listed, swift in _LISTS:
        listed[:] = swift
    try:
        yield
    finally:
        for (listed, _), slow in zip(_LISTS, _SLOW, strict=True):
            listed[:] = slow


def quick_extraction(tree: HtmlElement, url: str) -> Extraction | None:
    """Text and body as `bare_extraction(tree, url, fast=True, include_comments=False)` gives them; None for none."""
    if any(_FORUM in (script.text or "") for script in tree.iter("script")):
        return full_extraction(tree, url, is_fast=True)
    try:
        with _swift_expressions():
            found = _extracted(_pruned(copy(tree)), url, _OPTIONS)
            if _is_poor(found[1], tree):
                found = _rescued(_pruned(copy(tree)), url, *found)
    except (TypeError, ValueError):  # what the library itself takes for a page that it can't read
        return None
    body, text = found
    return (xmltotxt(body, _OPTIONS.formatting), body) if len(text) >= _OPTIONS.min_output_size else None


def full_extraction(
    tree: HtmlElement, url: str, *, is_fast: bool = False, favor_recall: bool = False
) -> Extraction | None:
    """The text and the body that the library gives, by whatever way it takes; None for none."""
    # Never deduplicate=True: its process-wide cache makes the fourth reading of a page empty.
    with _swift_expressions():
        document: Any = bare_extraction(
            tree, url=url, include_comments=False, fast=is_fast, favor_recall=favor_recall, with_metadata=False
        )
    return (document.text, document.body) if document is not None else None


def _pruned(tree: HtmlElement) -> HtmlElement:
    """The tree without appended articles and comments."""
    return prune_unwanted_nodes(prune_unwanted_nodes(tree, _APPENDED), _COMMENTS)


def _extracted(tree: HtmlElement, url: str, options: Extractor) -> _Found:
    """What the library finds before it looks whether that was enough. Changes the tree."""
    found: _Found = extract_content(convert_tags(tree_cleaning(tree, options), options, url), options)
    return found


def _rescued(pruned: HtmlElement, url: str, body: etree._Element, text: str) -> _Found:
    """What the library makes of a page of which it found little: the steps of its sequence that come after the first.

    It would take the first once more, which is most of the work.
    """
    if len(text) < _OPTIONS.min_extracted_size:
        plain, plain_text, plain_chars = baseline(pruned)
        if plain_chars > len(text):
            body, text = plain, plain_text
    if not 0 < len(text) < ESCALATION_MAX_LENGTH or len(text) >= ESCALATION_PAGE_SHARE * len(html2txt(pruned)):
        return body, text
    try:
        wider, wider_text = _extracted(pruned, url, _RECALL)
    except Exception:  # the library, too, goes on with what it has
        return body, text
    chars = len(wider_text)
    is_better = chars >= _OPTIONS.min_extracted_size and chars > ESCALATION_ACCEPT_RATIO * len(text)
    return (wider, wider_text) if is_better else (body, text)


def _is_poor(text: str, tree: HtmlElement) -> bool:
    """Whether the library may try something else. It measures less of the page than this, so it does it less often."""
    if len(text) < _OPTIONS.min_extracted_size:
        return True
    return len(text) < ESCALATION_MAX_LENGTH and len(text) < ESCALATION_PAGE_SHARE * _page_chars(tree)


def _page_chars(tree: HtmlElement) -> int:
    body = tree.find("body")
    scripts = ("script", "style", "svg", "template")
    texts = (tree if body is None else body).iter()
    pieces: list[str] = []
    for element in texts:
        if element.tag not in scripts and element.text:
            pieces.append(element.text)
        if element.tail:
            pieces.append(element.tail)
    return len(" ".join(" ".join(pieces).split()))
