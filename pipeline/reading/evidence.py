"""Evidence: what the raw page shows before extraction, since extraction erases most of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree
from lxml.html import HtmlElement

from pipeline.reading.blocks import Block, blocks_of, is_head
from pipeline.reading.bylines import find_bylines
from pipeline.reading.declared import Declared, read_declared
from pipeline.reading.lines import contains_words, folded, key_of, squeeze
from pipeline.reading.phrases import CREDIT_HEAD, CREDIT_INSIDE, CREDIT_RUN_IN, CREDIT_TAIL

_CAPTION_ATTRIBUTES = ("alt", "title", "data-caption", "data-alt", "data-title", "data-description", "aria-label")
_CAPTION_MAX_WORDS = 120
_CREDIT_MAX_WORDS = 25
_CREDIT_MAX_CHARS = 400
_CREDIT_TAIL_CHARS = 240
# What may name authors and dates in the markup, in one look at all elements. Few have either attribute.
_NAMING = etree.XPath("descendant::body/descendant::*[@rel or @itemprop]")
# A caption without any of these holds no credit: each expression for one asks for a sign or for a word beside it.
_CREDIT_SIGNS = (
    ":",
    "/",
    "©",
    "(c)",
    "photo",
    "image",
    "picture",
    "fot",
    "bild",
    "credit",
    "crédit",
    "zdj",
    "фото",
    "quelle",
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Facts about the raw page. Keys are those of pipeline.reading.lines.key_of.

    `captions` and `credits` are the visible ones; `image_texts` the keys of texts that images carry in attributes or
    JSON-LD. `linked` are keys of lines that occur inside links only; `marks` what the small boxes around a line say;
    `counts` how often a line occurs; `places` the blocks of a line by their order in the page. `bylines` are groups of
    texts that may hold the authors' names, most reliable first; `title_place` is the
    order of the block with the title, 0 when none shows it; `published` the dates that microdata in the body gives.
    """

    declared: Declared = field(default_factory=Declared)
    blocks: tuple[Block, ...] = ()
    title_tag: str | None = None
    title_place: int = 0
    h1s: tuple[str, ...] = ()
    canonical: str | None = None
    html_language: str | None = None
    captions: tuple[str, ...] = ()
    credits: tuple[str, ...] = ()
    image_texts: frozenset[str] = frozenset()
    linked: frozenset[str] = frozenset()
    marks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    places: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    bylines: tuple[tuple[str, ...], ...] = ()
    times: tuple[str, ...] = ()
    published: tuple[str, ...] = ()
    kickers: tuple[str, ...] = ()


def gather_evidence(tree: HtmlElement) -> Evidence:
    """All facts of the raw tree that the rules, the metadata and the page kinds need."""
    blocks, declared = blocks_of(tree), read_declared(tree)
    captions, credits = _captions(blocks)
    title_tag = _title_tag(tree)
    title_place = _title_place(blocks, declared, title_tag)
    naming = _NAMING(tree)
    image_texts = {key_of(text) for text in (*_image_attributes(tree), *declared.image_captions, *captions)}
    return Evidence(
        declared=declared,
        blocks=blocks,
        title_tag=title_tag,
        h1s=tuple(dict.fromkeys(_h1s(tree))),
        canonical=_canonical(tree),
        html_language=tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang"),
        captions=captions,
        credits=credits,
        image_texts=frozenset(key for key in image_texts if key.count(" ") >= 2),
        linked=_linked_only(blocks),
        marks=_marks(blocks),
        counts=Counter(block.key for block in blocks if block.tag not in ("h1", "title")),
        places=_places(blocks),
        bylines=find_bylines(tree, blocks, title_place, [e for e in naming if _is_author(e)]),
        title_place=title_place,
        times=_times(tree),
        published=_published(naming),
        kickers=tuple(block.text for block in blocks if "kicker" in block.own and block.key.count(" ") < 4),
    )


def looks_like_credit(text: str) -> bool:
    """Whether the line names the source of an image, and nothing else."""
    if len(text) > _CREDIT_MAX_CHARS:
        return False
    is_told = CREDIT_HEAD.match(text) is not None or (len(text) < 90 and CREDIT_TAIL.search(text) is not None)
    return is_told and len(key_of(text).split()) <= _CREDIT_MAX_WORDS


def split_credit(caption: str) -> tuple[str, str]:
    """A caption and the credit glued to its end; either may be empty."""
    if CREDIT_HEAD.match(caption) and looks_like_credit(caption):
        return "", caption
    start = max(0, len(caption) - _CREDIT_TAIL_CHARS)
    tail = folded(caption[start:])
    if not any(sign in tail for sign in _CREDIT_SIGNS):
        return caption, ""
    match = CREDIT_INSIDE.search(caption, start) or CREDIT_RUN_IN.search(caption, start)
    return (caption[: match.start()].strip(), caption[match.start() :].strip()) if match else (caption, "")


def _captions(blocks: tuple[Block, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The visible captions and credits: blocks in caption or figure boxes, split where a credit begins."""
    captions: list[str] = []
    credits: list[str] = []
    for block in blocks:
        is_caption = "caption" in block.marks or ("figure" in block.marks and block.linked < 0.5 and not is_head(block))
        is_credit = "credit" in block.marks and (is_caption or block.by_image or looks_like_credit(block.text))
        if not (is_caption or is_credit) or len(block.key.split()) > _CAPTION_MAX_WORDS:
            continue
        caption, credit = ("", block.text) if is_credit else split_credit(block.text)
        if caption:
            captions.append(caption)
        if credit:
            credits.append(credit)
    return tuple(dict.fromkeys(captions)), tuple(dict.fromkeys(credits))


def _image_attributes(tree: HtmlElement) -> list[str]:
    found = [image.get(name) for image in tree.iter("img") for name in _CAPTION_ATTRIBUTES]
    found += [str(text) for text in tree.xpath("//@data-caption")]
    return [squeeze(text) for text in found if text]


def _linked_only(blocks: tuple[Block, ...]) -> frozenset[str]:
    linked = {block.key for block in blocks if block.linked >= 0.9}
    return frozenset(linked - {block.key for block in blocks if block.linked < 0.9})


def _marks(blocks: tuple[Block, ...]) -> dict[str, frozenset[str]]:
    """What all occurrences of a line have in common: a line that also stands in the open is not marked."""
    found: dict[str, frozenset[str]] = {}
    for block in blocks:
        key = block.key
        found[key] = found[key] & block.marks if key in found else block.marks
    return {key: marks for key, marks in found.items() if marks}


def _places(blocks: tuple[Block, ...]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    for block in blocks:
        found[block.key] = (*found.get(block.key, ())[:20], block.order)
    return found


def _title_tag(tree: HtmlElement) -> str | None:
    element = next(iter(tree.iter("title")), None)
    return squeeze(element.text_content()) or None if element is not None else None


def _title_place(blocks: tuple[Block, ...], declared: Declared, title_tag: str | None) -> int:
    """The order of the first h1, else of the first block that says what the page declares as its title; else 0."""
    heading = next((block.order for block in blocks if block.tag == "h1"), None)
    if heading is not None:
        return heading
    told = {key_of(text) for text in (*declared.headlines, declared.first("og:title", "twitter:title")) if text}
    tag = key_of(title_tag or "")
    for block in blocks:
        key = block.key
        if key in told or (key.count(" ") >= 3 and contains_words(tag, key)):
            return block.order
    return 0


def _h1s(tree: HtmlElement) -> list[str]:
    texts = [squeeze(" ".join(element.itertext())) for element in tree.iter("h1")]
    return [text for text in texts if text]


def _canonical(tree: HtmlElement) -> str | None:
    links = (link for link in tree.iter("link") if "canonical" in (link.get("rel") or "").lower().split())
    return next((link.get("href").strip() for link in links if link.get("href")), None)


def _published(naming: list[HtmlElement]) -> tuple[str, ...]:
    found = [element for element in naming if element.get("itemprop") == "datePublished"]
    return tuple(text.strip() for element in found[:8] if (text := element.get("content") or element.get("datetime")))


def _is_author(element: HtmlElement) -> bool:
    return "author" in (element.get("itemprop"), element.get("rel"))


def _times(tree: HtmlElement) -> tuple[str, ...]:
    return tuple(time.get("datetime").strip() for time in tree.iter("time") if time.get("datetime"))[:8]
