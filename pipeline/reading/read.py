"""The whole reading of a page: from bytes to a clean story, or to the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lxml.html import HtmlElement

from pipeline.outcomes import Reason
from pipeline.reading.access import choose_access
from pipeline.reading.authors import choose_authors
from pipeline.reading.budget import look_before_parsing
from pipeline.reading.candidates import Candidate, best_candidate, shown_paragraphs
from pipeline.reading.charset import decode_page
from pipeline.reading.dates import choose_dates
from pipeline.reading.evidence import Evidence, gather_evidence
from pipeline.reading.facts import Facts, find_standfirst
from pipeline.reading.fields import caption_fields, dateline_field
from pipeline.reading.hidden import drop_hidden_notes
from pipeline.reading.kinds import tell_kind
from pipeline.reading.left_out import left_out
from pipeline.reading.lines import Line, key_of
from pipeline.reading.live import live_entries
from pipeline.reading.loose import part_loose_text
from pipeline.reading.metadata import (
    Title,
    choose_canonical,
    choose_language,
    choose_title,
    says_section,
)
from pipeline.reading.parsing import parse_markup
from pipeline.reading.plain import (
    is_plain_text,
    plain_evidence,
    plain_lines,
    plain_subheads,
    plain_title,
    preformatted,
)
from pipeline.reading.restore import mend_lines, place_lines, restore_lines
from pipeline.reading.rules import clean_lines
from pipeline.reading.wire import agencies_of, place_of, split_title_mark, wire_fields
from pipeline.text import one_line, scrub
from pipeline.values import CleanStory, DroppedLine, EntryHints, FetchedPage, Unread

STANDFIRST_MAX_BYTES = 4096
# A story with fewer characters is held against what the page plainly shows, and may have no smaller share of it.
_THIN_CHARS = 400
_THIN_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Draft:
    """A page after extraction and before cleaning, of either kind. `tree` is None for plain text."""

    evidence: Evidence
    title: Title | None
    lines: tuple[Line, ...]
    candidate: str
    tree: HtmlElement | None = None


def read_page(page: FetchedPage, hints: EntryHints, furniture: frozenset[str] = frozenset()) -> CleanStory | Unread:
    """The story on the page with everything that is not its text in fields of its own, or why there is none.

    `hints` is what the feed said; the page's own word goes first. Dates are judged against `page.fetched_at`.
    `furniture` are the hashes of lines that the site is known to repeat (pipeline.reading.site_memory).
    """
    markup = decode_page(page)
    draft = _draft_text(markup, hints) if is_plain_text(page, markup) else _draft_markup(markup, page, hints)
    if isinstance(draft, Unread):
        return draft
    title, title_mark = _without_mark(draft.title or Title("", None, frozenset()))
    facts = _facts(draft, title, hints, furniture)
    lines, dropped = clean_lines(draft.lines, facts)
    shown = shown_paragraphs(draft.evidence) if _chars(lines) < _THIN_CHARS else None
    if shown and _is_thin(lines, shown) and draft.candidate != shown.name:
        # Much less came out than plainly stands on the page: the next candidate is the page's own paragraphs.
        other = replace(draft, lines=shown.lines, candidate=shown.name)
        other_facts = _facts(other, title, hints, furniture)
        fuller = clean_lines(other.lines, other_facts)
        if not _is_thin(fuller[0], shown):
            draft, facts, (lines, dropped) = other, other_facts, fuller
    kind = tell_kind(page, draft.evidence, lines)
    if kind:
        return Unread(*kind, dropped)
    if not lines:
        return Unread(Reason.NO_TEXT, "No extractor found a story's text on the page.", dropped)
    if shown and _is_thin(lines, shown):
        said = f"{_chars(lines)} of about {shown.chars} characters of text were left by every extractor and the rules."
        return Unread(Reason.NO_TEXT, said, dropped)
    if not title.text:
        return Unread(Reason.NO_TEXT, "The page has text, but neither it nor its feed has a title.", dropped)
    return _story(page, hints, draft, facts, lines, dropped, title_mark)


def _facts(draft: Draft, title: Title, hints: EntryHints, furniture: frozenset[str]) -> Facts:
    return Facts(
        evidence=draft.evidence,
        title=title,
        authors=choose_authors(draft.evidence, hints),
        standfirst=find_standfirst(draft.lines, draft.evidence, title, hints),
        blocks=place_lines(draft.lines, draft.evidence),
        furniture=furniture,
    )


def _chars(lines: tuple[Line, ...]) -> int:
    return sum(len(line.text) for line in lines)


def _is_thin(lines: tuple[Line, ...], shown: Candidate) -> bool:
    return _chars(lines) < _THIN_SHARE * shown.chars


def _without_mark(title: Title) -> tuple[Title, str | None]:
    text, mark = split_title_mark(title.text)
    return (replace(title, text=text, variants=title.variants | {key_of(text)}), mark) if mark else (title, None)


def _draft_text(text: str, hints: EntryHints) -> Draft:
    lines = plain_lines(scrub(text))
    return Draft(plain_evidence(lines), plain_title(lines, hints), plain_subheads(lines), "plain")


def _draft_markup(markup: str, page: FetchedPage, hints: EntryHints) -> Draft | Unread:
    look = look_before_parsing(markup)
    if look.problem:
        return Unread(Reason.TOO_COMPLEX, look.problem)
    tree = parse_markup(look.markup)
    if tree is None:
        return Unread(Reason.NO_TEXT, "The body could not be parsed as HTML.")
    copy = preformatted(tree)
    if copy is not None:
        return _draft_text(copy, hints)
    drop_hidden_notes(tree, look.markup)
    part_loose_text(tree)
    evidence = gather_evidence(tree)
    title = choose_title(evidence, hints)
    candidate = best_candidate(tree, evidence, page.final_url)
    if candidate is None:
        return Draft(evidence, title, (), "", tree)
    return Draft(evidence, title, restore_lines(mend_lines(candidate.lines, evidence), evidence), candidate.name, tree)


def _story(
    page: FetchedPage,
    hints: EntryHints,
    draft: Draft,
    facts: Facts,
    lines: tuple[Line, ...],
    dropped: tuple[DroppedLine, ...],
    title_mark: str | None,
) -> CleanStory:
    text = scrub("\n\n".join(line.text for line in lines))
    dates = choose_dates(draft.tree, draft.evidence, page, hints)
    dateline = one_line(dateline_field(lines, dropped))
    slug, wire_mark, editor_notes = wire_fields(dropped, title_mark)
    entries = live_entries(draft.tree, draft.evidence.declared, page, lines)
    captions, credits = caption_fields(facts, lines, dropped)
    told = (*facts.title.variants, *facts.authors, facts.title.kicker, facts.standfirst)
    beside = left_out(draft.evidence, {key_of(text) for text in told if text} | {line.key for line in draft.lines})
    return CleanStory(
        url=page.final_url,
        title=facts.title.text,
        text=text,
        canonical_url=choose_canonical(draft.evidence, page),
        kicker=one_line(facts.title.kicker),
        standfirst=one_line(facts.standfirst, STANDFIRST_MAX_BYTES),
        subheads=tuple(scrub(line.text) for line in lines if line.kind == "head"),
        authors=facts.authors,
        dateline=dateline,
        published_at=dates.published_at,
        published_raw=one_line(dates.published_raw),
        modified_at=dates.modified_at,
        language=choose_language(text, draft.evidence, hints),
        section=says_section(draft.evidence),
        access=choose_access(draft.evidence),
        captions=tuple(scrub(text) for text in captions),
        credits=tuple(scrub(text) for text in credits),
        dropped=tuple(DroppedLine(line.position, scrub(line.line), line.rule) for line in (*dropped, *beside)),
        candidate=draft.candidate,
        kind="live" if entries or "LiveBlogPosting" in draft.evidence.declared.types else "story",
        live_entries=entries,
        agencies=agencies_of(facts.authors, dateline),
        place=one_line(place_of(dateline)),
        slug=one_line(slug),
        wire_mark=one_line(wire_mark),
        editor_notes=tuple(scrub(note) for note in editor_notes),
    )
