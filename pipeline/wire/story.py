"""An agency's item read as a story: its fields are its own, its paragraphs go through the same rules as a page's."""

from __future__ import annotations

from collections import Counter

from pipeline.outcomes import Reason
from pipeline.plain import plain_line
from pipeline.reading.authors import clean_names
from pipeline.reading.evidence import Evidence
from pipeline.reading.facts import Facts
from pipeline.reading.fields import caption_fields, dateline_field
from pipeline.reading.lines import Line, key_of
from pipeline.reading.metadata import Title, choose_language
from pipeline.reading.moments import parse_moment, within_bounds
from pipeline.reading.rules import clean_lines
from pipeline.text import one_line, scrub
from pipeline.values import CleanStory, DroppedLine, EntryHints, FetchedPage, Unread
from pipeline.wire.formats import WIRE_FORMATS, WireFormat
from pipeline.wire.items import WireItem

STANDFIRST_MAX_BYTES = 4_096
_FORMATS = {wire.media_type: wire for wire in WIRE_FORMATS}


def is_wire_page(page: FetchedPage) -> bool:
    """Whether the body is an agency's item in its own format, as the archive keeps it."""
    return _format_of(page) is not None


def read_wire_page(page: FetchedPage, hints: EntryHints) -> CleanStory | Unread:
    """The story of the one item in the body, or why there is none."""
    wire = _format_of(page)
    message = wire.read(page.body.decode("utf-8", "replace")) if wire is not None else "No agency's format."
    if isinstance(message, str):
        return Unread(Reason.NO_TEXT, message)
    item = next((item for item in message.items if item.lines), None)
    if wire is None or item is None:
        return Unread(Reason.NO_TEXT, "The item holds no text.")
    return _story(page, hints, item, wire)


def _format_of(page: FetchedPage) -> WireFormat | None:
    return _FORMATS.get((page.header("content-type") or "").partition(";")[0].strip().lower())


def _story(page: FetchedPage, hints: EntryHints, item: WireItem, wire: WireFormat) -> CleanStory | Unread:
    facts = _facts(item, hints)
    lines, dropped = clean_lines(_lines(item), facts)
    if not lines:
        return Unread(Reason.NO_TEXT, "No line of the item is a story's text.", dropped)
    if not facts.title.text:
        return Unread(Reason.NO_TEXT, "The item has text and no headline.", dropped)
    text = scrub("\n\n".join(line.text for line in lines))
    captions, credits = caption_fields(facts, lines, dropped)
    published = within_bounds(parse_moment(item.published or ""), page.fetched_at)
    published = published or within_bounds(hints.published_at, page.fetched_at)
    return CleanStory(
        url=page.final_url,
        title=facts.title.text,
        text=text,
        standfirst=facts.standfirst,
        subheads=tuple(scrub(line.text) for line in lines if line.kind == "head"),
        authors=facts.authors,
        dateline=one_line(item.dateline) or one_line(dateline_field(lines, dropped)),
        published_at=published,
        published_raw=None if published else one_line(item.published) or hints.published_raw,
        modified_at=within_bounds(parse_moment(item.updated or ""), page.fetched_at),
        language=choose_language(text, facts.evidence, hints),
        captions=tuple(scrub(caption) for caption in captions),
        credits=tuple(scrub(credit) for credit in credits),
        dropped=tuple(DroppedLine(line.position, scrub(line.line), line.rule) for line in dropped),
        candidate=wire.name,
    )


def _facts(item: WireItem, hints: EntryHints) -> Facts:
    headline = plain_line(item.title) or hints.title or ""
    keys = {key_of(text) for text in (headline, item.title) if text}
    return Facts(
        evidence=Evidence(
            html_language=item.language,
            captions=item.captions,
            counts=Counter(key_of(line.text) for line in item.lines),
            bylines=(item.authors,),
        ),
        title=Title(headline, None, frozenset(keys)),
        authors=clean_names(item.authors) or hints.authors,
        standfirst=one_line(item.standfirst, STANDFIRST_MAX_BYTES),
    )


def _lines(item: WireItem) -> tuple[Line, ...]:
    return tuple(
        Line(position, scrub(line.text), line.kind)
        for position, line in enumerate(line for line in item.lines if key_of(line.text))
    )
