"""What a hostile case is: how its host answers, and what a correct client ends with."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from hostile_server import Answer, Reply
from known_origin import paragraphs

from pipeline.outcomes import PollOutcome, Reason

STORY_PATH = "/news/story.html"


@dataclass(frozen=True)
class PageCase:
    """A page that a feed announces. `name` is also its host: `name.example`.

    `reason` is what its row in `urls` must end with. `has` and `lacks` are pieces of the stored title and text, `title`
    the whole stored title. `link` is announced instead of the case's own page. `names` are the answers of the name
    look-up, one a request, in place of the origin's address. A late case is announced when the others have ended, a
    long one runs in `make hostile` only.
    """

    name: str
    family: str
    answer: Answer
    reason: Reason = Reason.NEW
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    title: str | None = None
    canonical: str | None = None
    link: str = ""
    more: Mapping[str, Answer] = field(default_factory=dict)
    names: tuple[tuple[str, ...], ...] = ()
    is_late: bool = False
    is_long: bool = False

    @property
    def host(self) -> str:
        return f"{self.name}.example"

    @property
    def announced(self) -> str:
        """The announced link, with @PORT@ for the origin's port."""
        return self.link or f"http://{self.host}:@PORT@{STORY_PATH}"


@dataclass(frozen=True)
class FeedCase:
    """A feed. `outcomes` are the outcomes of its polls, one a round; `reason` that of the last one.

    `new` is how many URLs it announced in all, `links` some of them (@PORT@ as above), `titles` some titles that stand
    in feed_listings or on its URLs. `moved` says where its row points at the end, if elsewhere.
    """

    name: str
    family: str
    answer: Answer
    outcomes: tuple[PollOutcome, ...] = (PollOutcome.NEW_ENTRIES,)
    reason: Reason | None = None
    new: int | None = None
    links: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    moved: str | None = None
    validator: str | None = None
    path: str = "/feed.xml"
    more: Mapping[str, Answer] = field(default_factory=dict)
    names: tuple[tuple[str, ...], ...] = ()
    is_long: bool = False

    @property
    def last_reason(self) -> Reason | None:
        """The reason of the last poll: a body that is no feed has a reason of its own, an answered poll has none."""
        return Reason.NOT_A_FEED if self.outcomes[-1] is PollOutcome.NOT_A_FEED else self.reason

    @property
    def host(self) -> str:
        return f"{self.name}.example"

    @property
    def url(self) -> str:
        return f"http://{self.host}:@PORT@{self.path}"


def number_of(name: str) -> int:
    """The number of the case's true text."""
    return zlib.crc32(name.encode())


def paragraphs_of(name: str) -> list[str]:
    """The true text of the case's story: six paragraphs that no other case has."""
    return paragraphs(number_of(name))


def prose(name: str) -> str:
    """The story's paragraphs as HTML."""
    return "\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs_of(name))


def story(
    name: str,
    *,
    title: str | None = None,
    head: str = "",
    before: str = "",
    within: str = "",
    after: str = "",
    text: str | None = None,
    attributes: str = "",
) -> str:
    """An article page with the case's true text, and whatever is put in its head, before, within and after it."""
    shown = f"Report of {name}" if title is None else title
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{shown}</title>{head}</head>'
        f"<body {attributes}>{before}<article><h1>{shown}</h1>{prose(name) if text is None else text}{within}</article>"
        f"{after}<footer>All rights reserved</footer></body></html>"
    )


def packed(name: str, coding: str, data: bytes, *headers: str) -> Reply:
    """A reply whose body is `data`, said to be coded so."""
    return Reply(data, (f"Content-Encoding: {coding}", *headers))


def gzipped(data: bytes | str) -> bytes:
    """The same bytes on every run."""
    return gzip.compress(data.encode() if isinstance(data, str) else data, 6, mtime=0)


def first_words(name: str) -> tuple[str, ...]:
    """The head of the story's first and last paragraph: both must be in the stored text."""
    texts = paragraphs_of(name)
    return texts[0][:60], texts[-1][:60]
