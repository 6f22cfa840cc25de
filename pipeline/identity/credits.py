"""To whom a story credits itself: the agency of its byline, dateline and end notes, and what it cites in its lead.

Credits are read where outlets put them, never out of the body: a story that mentions Reuters is not Reuters' story,
and who made its picture did not write it. Everything read here is a claim of the page (pipeline/identity/origins.py
says what a claim can do).
"""

# ruff: noqa: E501 - one line of a pattern is one idea

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.identity.sources import Source, cited_source, source_named, sources_in
from pipeline.outcomes import CreditPlace
from pipeline.values import CleanStory, Credit

METHOD = "credits-1"
SURFACE_MAX = 255
CREDITS_MAX = 12
_HEAD_CHARS = 140
_LINE_MAX = 300
_LEAD_CHARS = 600
_TAIL_LINES = 3
# "with agencies", which names none: two stories that say it may have one source, and neither is proven its own.
AGENCIES = Source("agencies", "agencies", is_agency=True)

# Rules of cleaning whose lines may hold a credit of the words, and those whose lines credit pictures.
_BYLINE_RULES = frozenset({"byline", "dateline", "label"})
_END_RULES = frozenset({"note", "agency_mark", "biography", "set_phrase", "editor_note", "wire_line", "site_line"})

_PICTURE = re.compile(
    r"\b(?:photos?|images?|pictures?|illustration|video|graphic|footage|foto(?:s|graf\w*)?|bild(?:er|quelle|nachweis)?|fot|zdj\w*|imag[eo]\w*|getty|shutterstock|handout|via)\b|фото|світлин|снимок|写真|사진|图片|صورة",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^\W*(?:sources?|quellen?|fuentes?|fontes?|źródł[oa]|джерел[оа]|источники?|zdroje?|kaynak|bron(?:nen)?|källa|kilder?|forrás|lähde|المصدر|来源|來源|出典|출처)\s*[:：]\s*(?P<who>.{2,160})$",
    re.IGNORECASE,
)
_NOTICE = re.compile(
    r"\b(?:with|mit|avec|con|com|z|med)\s+(?:\w+\s+){0,4}?(?:agenc\w*|agentur\w*|(?=[A-ZÀ-ÞА-Яa-z]))|\b(?:reporting|reports?|inputs?|files?|material\w*|informationen|información|informations?)\s+(?:\w+\s+){0,3}?(?:by|from|for|von|de|der|del)\b|"
    r"©|\(c\)|\bcopyright\b|\bcontributed\s+(?:to\s+this|reporting)|\b(?:originally|first)\s+(?:published|appeared|reported)\b|\bsyndicated\b|\bpublished\s+from\b|\bmaterial\s+from\b|\bmit\s+material\b|\bFollow\s+(?:the\s+)?AP['’]s\b|"
    r"\b(?:за\s+матеріалами|по\s+материалам|na\s+podstawie|opracowano\s+na|d['’]après|nach\s+(?:material|informationen))\b",
    re.IGNORECASE,
)
_UNNAMED = re.compile(
    r"\b(?:with|mit|avec|con|com|z|from|by|and|und|et|y|e)\s+(?:news\s+|wire\s+|the\s+)?(?:agencies|agenturen|agenturmaterial|agences|agencias|agências|agenzie|wires|wire\s+services|news\s+services|agencji)\b|"
    r"^\W*(?:staff\s+(?:and|&)\s+)?(?:news\s+)?(?:agencies|agenturen|agences|agencias|агентства|wire\s+reports?|wire\s+services?|from\s+(?:wire|news)\s+(?:reports|services))(?:\s+in\s+[\w .'’-]{2,30})?\W*$|;\s*agencies\b",
    re.IGNORECASE,
)
# Before the agency of a dateline stand a place and a day: capitals, figures, the small words of dates.
_PLACE_AND_DAY = re.compile(
    r"^\W{0,3}(?:(?:[A-ZÀ-ÞА-ЯІЇЄҐŁŚŻŹĆČŠŽ][\w.'’/-]*|\d{1,4}(?:st|nd|rd|th|er|\.)?|de|di|del|den|am|le|la|el|al|sur|of|the|в|у|"
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mai|juin|juil|août|déc|fév|ene|abr|ago|dic|gen|mag|giu|lug|set|ott|dez|okt|mär)\w*\.?|"
    r"(?:янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек|січ|лют|бер|кві|тра|чер|лип|сер|вер|жов|лис|гру|sty|lut|kwi|maj|cze|lip|sie|wrz|paź|lis|gru)\w*\.?)[\s,./:|–—-]*){0,9}[\s(/\[–—,.|-]*$",
)
_AFTER_AGENCY = re.compile(r"^\s*[)\]/]?\s*(?:[-–—:.]|/|$)")
_BRACKETED_FIRST = re.compile(r"^\W{0,2}[(\[/]\s*(?P<who>[^()\[\]/]{2,40})\s*[)\]/]\s*[-–—:.]?")
_SPLIT = re.compile(
    r"\s*(?:[,|/;·•()\[\]+&—–*]|\s-\s|\b(?:and|und|et|y|e|i|oraz|та|и|by|von|par|por|przez|with|mit|avec|con|for|via|from|in|à|en|на)\b)\s*",
    re.IGNORECASE,
)
_STAFF = re.compile(
    r"^(?:the\s+)?(?P<who>.+?)(?:['’]s)?\s+(?:staff|reporters?|writers?|correspondents?|news\s*wire|wire|newsroom|journalists?|news\s+agency|editor)$",
    re.IGNORECASE,
)
_BYLINE_WORD = re.compile(r"^\W*(?:by|von|par|por|per|przez|автор|текст)\s*:?\s+", re.IGNORECASE)
# The lead of a story in a language of which sourcing is not read: who says so, right before or after a word of saying.
_SAYS = (
    r"(?:сообща\w+|сообщил\w*|переда[её]т|передал\w*|пиш[уе]\w*|повідом\w+|переда\w+|podaj\w+|poda[łl]\w*|donos\w+|informuj\w+|poinformowa\w+|pisze|meldet\w*|berichte\w*|schreibt|"
    r"rapporte|annonce|informe|informó|informa|según|selon|d['’]après|laut|według|powołując\s+się\s+na|со\s+ссылкой\s+на|з\s+посиланням\s+на|citando|secondo|segundo|zufolge|пише|за\s+даними|по\s+данным|riporta|scrive)"
)
_SMALL = r"(?:\s+(?:(?:the|a|an|die|der|das|la|el|le|agencja|агентство|агенція|агенції|агентства|видання|издание|газета|agence|agencia|agenzia|agentur|nachrichtenagentur|об|про|це|этом|цьому|tym|o|a|з|со?|w)\s+){0,3}(?:[ld]['’])?)"


@dataclass(frozen=True, slots=True)
class CreditText:
    """What of a story can hold a credit. `dropped` are (line, rule) of the lines that cleaning took out."""

    authors: tuple[str, ...]
    dateline: str | None
    text: str
    dropped: tuple[tuple[str, str], ...] = ()


def credit_text(story: CleanStory) -> CreditText:
    """What of a clean story can hold a credit."""
    dropped = tuple((line.line, line.rule) for line in story.dropped)
    return CreditText((*story.authors, *story.agencies), story.dateline, story.text, dropped)


def read_credits(story: CreditText) -> tuple[Credit, ...]:
    """The agencies and outlets that the story credits, each once, strongest place first; at most CREDITS_MAX."""
    paragraphs = [part for part in story.text.split("\n\n") if part.strip()]
    found: dict[str, Credit] = {}
    for credit in (
        *_of_dateline(story.dateline, paragraphs[:1]),
        *_of_bylines([*story.authors, *(line for line, rule in story.dropped if rule in _BYLINE_RULES)]),
        *_of_end([*paragraphs[1:][-_TAIL_LINES:], *(line for line, rule in story.dropped if _may_end(line, rule))]),
        *_of_lead([paragraph[:_LEAD_CHARS] for paragraph in paragraphs[:2]]),
    ):
        found.setdefault(credit.key, credit)
    named = [credit for credit in found.values() if credit.key != AGENCIES.key]
    # Unnamed agencies say nothing more where one is named.
    return tuple(named or found.values())[:CREDITS_MAX]


def _of_dateline(dateline: str | None, first: Sequence[str]) -> Iterator[Credit]:
    for head in (*([dateline] if dateline else []), *(text[:_HEAD_CHARS] for text in first)):
        bracketed = _BRACKETED_FIRST.match(head)
        if bracketed:
            yield from (
                _credit(source, CreditPlace.DATELINE, head[: bracketed.end()]) for source in _named(bracketed["who"])
            )
        for start, end, source in sources_in(head):
            if not source.is_agency or not _is_placed(head[:start], head[end:], is_field=head is dateline):
                continue
            if not any(place in head[:start].lower() for place in source.not_after):
                yield _credit(source, CreditPlace.DATELINE, head[: end + 2].strip(" -–—"))


def _is_placed(before: str, after: str, *, is_field: bool) -> bool:
    """Whether an agency stands as that of a dateline: behind a place or day and a sign, before the dash."""
    if not before.strip() or not _PLACE_AND_DAY.match(before):
        return False
    is_set_off = before.rstrip()[-1:] in "(/[-–—,.|"
    return is_set_off and (is_field or _AFTER_AGENCY.match(after) is not None)


def _of_bylines(lines: Iterable[str]) -> Iterator[Credit]:
    for line in lines:
        if len(line) > _LINE_MAX or _PICTURE.search(line):
            continue
        if _UNNAMED.search(line):
            yield _credit(AGENCIES, CreditPlace.BYLINE, line)
        yield from (_credit(source, CreditPlace.BYLINE, line) for source in _named(_BYLINE_WORD.sub("", line)))


def _may_end(line: str, rule: str) -> bool:
    return rule in _END_RULES or (rule == "credit" and _LABEL.match(line) is not None)


def _of_end(lines: Iterable[str]) -> Iterator[Credit]:
    for line in lines:
        if len(line) > _LINE_MAX or _PICTURE.search(line):
            continue
        label = _LABEL.match(line)
        if label:
            yield from (_credit(source, CreditPlace.END, line) for source in _named(label["who"]))
            continue
        found = [source for source in _named(line) if source.is_agency] if _is_marks(line) else []
        if not found and _is_notice(line):
            found = list(_noticed(line))
        yield from (_credit(source, CreditPlace.END, line) for source in found)
        if _UNNAMED.search(line):
            yield _credit(AGENCIES, CreditPlace.END, line)


def _is_marks(line: str) -> bool:
    """Whether the line is marks of agencies and writers alone: "dpa/ap", "(PAP)", "jk, Reuters"."""
    return (
        len(line) <= 60
        and all(len(part.split()) <= 3 for part in re.split(r"[/,|;+]", line))
        and len(line.split()) <= 7
    )


def _is_notice(line: str) -> bool:
    is_bracketed = line.strip()[:1] in "([" or line.strip()[-1:] in ")]"
    return _NOTICE.search(line) is not None and (is_bracketed or len(line.split()) <= 30)


def _noticed(line: str) -> Iterator[Source]:
    """The sources that a notice names where it says whose the words are, not where it tells of them."""
    notice = _NOTICE.search(line)
    for start, end, source in sources_in(line):
        is_contributor = re.match(r"\s+(?:also\s+)?contributed\b", line[end:]) is not None
        if is_contributor or (notice is not None and notice.start() <= start <= notice.end() + 60):
            yield source


def _of_lead(paragraphs: Sequence[str]) -> Iterator[Credit]:
    """Sources that the first paragraphs name beside a word of saying, in languages other than English."""
    for text in paragraphs:
        for start, end, source in sources_in(text):
            before, after = text[max(0, start - 60) : start], text[end : end + 40]
            if _SAYS_BEFORE.search(before) or _SAYS_AFTER.match(after):
                yield _credit(source, CreditPlace.LEAD, text[max(0, start - 30) : end + 30])


_SAYS_BEFORE = re.compile(rf"\b{_SAYS}{_SMALL}?[\s«\"„“'(]*$", re.IGNORECASE)
_SAYS_AFTER = re.compile(rf"^[»\"”'),]*\s*{_SAYS}(?!\w)", re.IGNORECASE)


def _named(line: str) -> Iterator[Source]:
    """The listed sources among the pieces of a line of names, each piece a whole name."""
    whole = source_named(line.strip(" .()[]-–—*"))
    if whole is not None:
        yield whole
        return
    for piece in _SPLIT.split(line):
        bare = piece.strip(" .:*-–—\"'«»")
        staff = _STAFF.match(bare)
        source = source_named(bare) or (source_named(staff["who"]) if staff else None)
        if source is not None:
            yield source


def _credit(source: Source, place: CreditPlace, surface: str) -> Credit:
    return Credit(source.key, source.name, source.is_agency, place, " ".join(surface.split())[:SURFACE_MAX])


def cited(name: str, surface: str) -> Credit | None:
    """What sourcing found as another outlet, as a credit of the lead; None for a name without letters."""
    source = cited_source(name)
    return None if source is None else _credit(source, CreditPlace.LEAD, surface)
