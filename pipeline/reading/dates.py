"""When a story was published and changed: JSON-LD, meta elements, time elements, the feed, and htmldate last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lxml.html import HtmlElement

from pipeline.reading.bylines import pieces_of
from pipeline.reading.evidence import Evidence
from pipeline.reading.moments import is_date_line, parse_moment, within_bounds
from pipeline.values import EntryHints, FetchedPage

_PUBLISHED = (
    "article:published_time", "og:article:published_time", "article:published", "datepublished", "date.published",
    "parsely-pub-date", "publish-date", "publish_date", "published_time", "publication_date", "pubdate",
    "sailthru.date", "dc.date.issued", "dcterms.created", "dc.date", "cxenseparse:recs:publishtime", "dcterms.date",
    "date", "cxenseparse:publishtime", "og:published_time",
)  # fmt: skip
_MODIFIED = (
    "article:modified_time", "og:updated_time", "datemodified", "last-modified", "dcterms.modified",
    "og:article:modified_time",
)  # fmt: skip

_LIVE_SPAN = timedelta(days=3)
_FOREIGN = frozenset({"related", "comments", "nav", "caption", "figure"})


@dataclass(frozen=True, slots=True)
class Dates:
    """The instants of a story on its outlet's clock, within bounds; `published_raw` is kept where that failed."""

    published_at: datetime | None = None
    published_raw: str | None = None
    modified_at: datetime | None = None


def choose_dates(tree: HtmlElement | None, evidence: Evidence, page: FetchedPage, hints: EntryHints) -> Dates:
    """The story's instants from the most telling source that has one."""
    declared = evidence.declared
    metas = [content for name in _PUBLISHED for key, content in declared.meta if key == name]
    written = [*declared.published, *metas, *evidence.published[:1], *evidence.times[:1]]
    with_time: list[datetime] = []
    without_time: list[datetime] = []
    for raw in written:
        moment = within_bounds(parse_moment(raw), page.fetched_at)
        if moment is not None:
            (with_time if ":" in raw or len(raw) > 12 else without_time).append(moment)
    if with_time and ("LiveBlogPosting" in declared.types or (evidence.published and not declared.published)):
        # A live report was published when it began; some sites move the meta element's date with every entry.
        with_time = [min(moment for moment in with_time if with_time[0] - moment <= _LIVE_SPAN)]
    # The feed's own instant beats a bare day, not an instant of the page.
    published = next(iter([*with_time, *_hinted(hints, page), *without_time]), None)
    raw_date = next(iter(written), None) or hints.published_raw
    # What the page declares and cannot be true is not replaced by a guess: the raw value is kept.
    if published is None and not any(parse_moment(raw) for raw in written):
        published = _printed(evidence, page) or _searched(tree, page)
    modified = next((m for m in map(parse_moment, (*declared.modified, *_metas(evidence))) if m), None)
    return Dates(
        published_at=published,
        published_raw=None if published else raw_date,
        modified_at=within_bounds(modified, page.fetched_at),
    )


def _metas(evidence: Evidence) -> list[str]:
    return [content for name in _MODIFIED for key, content in evidence.declared.meta if key == name]


def _hinted(hints: EntryHints, page: FetchedPage) -> list[datetime]:
    moment = within_bounds(hints.published_at, page.fetched_at)
    return [moment] if moment else []


def _printed(evidence: Evidence, page: FetchedPage) -> datetime | None:
    """The first line under the title, or else of the page, that is a date with a time, or else with a day."""
    title = evidence.title_place
    short = [block.text for block in (*evidence.blocks[title:], *evidence.blocks[:title])
             if len(block.text) < 120 and not block.marks & _FOREIGN and not block.by_image]  # fmt: skip
    lines = [line for line in map(_date_part, short) if line]
    for line in sorted(lines[:6], key=lambda text: ":" not in text):
        moment = within_bounds(parse_moment(line), page.fetched_at)
        if moment is not None:
            return moment
    return None


def _date_part(text: str) -> str:
    """What a line says of dates and times, without the names between them; empty when it says nothing of them."""
    return text if is_date_line(text) else ", ".join(piece for piece in pieces_of(text) if is_date_line(piece))


def _searched(tree: HtmlElement | None, page: FetchedPage) -> datetime | None:
    if tree is None:
        return None
    # Imported late: htmldate brings dateparser, half a second that most pages never need.
    from htmldate import find_date

    last_day = page.fetched_at.strftime("%Y-%m-%d")  # without it htmldate takes today's
    try:
        found = find_date(
            tree,
            url=page.final_url,
            extensive_search=False,
            original_date=True,
            min_date="1990-01-01",
            max_date=last_day,
        )
    except (ValueError, TypeError, OverflowError):  # a date that its own patterns found and could not build
        return None
    return within_bounds(datetime.strptime(found, "%Y-%m-%d").replace(tzinfo=UTC), page.fetched_at) if found else None
