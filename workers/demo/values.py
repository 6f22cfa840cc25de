"""The frozen values of the demo wire: what a story says, which site prints it, and what must be read from its page.

All instants are aware datetimes in UTC with whole minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pipeline.outcomes import PolicyType, Reason, UrlState

FeedFormat = Literal["rss", "atom", "json", "sitemap"]
FeedFault = Literal["", "down_in_edition_1", "cut_off"]


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture's caption and credit as the outlet words them. The pictures themselves are never served."""

    caption: str
    credit: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph or sub-head of a story, as plain text."""

    kind: Literal["paragraph", "subhead"]
    text: str


@dataclass(frozen=True, slots=True)
class Story:
    """What one outlet wrote, before any markup.

    `blocks` carry the dateline in front of the first paragraph where the outlet prints one. `cluster` labels the
    versions of one report; `copy_of` is the id of the story whose words this one repeats exactly. `short_path` is
    the address the feed announces when it is not the page's own.
    """

    id: str
    path: str
    title: str
    blocks: tuple[Block, ...]
    published_at: datetime
    conflict: bool
    conflict_policy: bool
    acts: tuple[PolicyType, ...] = ()
    authors: tuple[str, ...] = ()
    kicker: str = ""
    standfirst: str = ""
    dateline: str = ""
    slug: str = ""
    photos: tuple[Photo, ...] = ()
    cluster: str = ""
    copy_of: str = ""
    modified_at: datetime | None = None
    short_path: str = ""
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """An announced address where no story can be had, and the reason the reader must give for it."""

    path: str
    title: str
    published_at: datetime
    reason: Reason
    teaser: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed of a site. `stories` are the ids it lists, newest first; empty for everything the site announces.

    `trackers` is a query string the outlet hangs on every link. `fault` is how the feed misbehaves.
    """

    path: str
    title: str
    category: str
    format: FeedFormat
    stories: tuple[str, ...] = ()
    trackers: str = ""
    fault: FeedFault = ""


@dataclass(frozen=True, slots=True)
class Markup:
    """How a site dresses the parts of a story: string.Template texts, each printed only where the story has the part.

    `date` is a strftime format. `pitch` stands after the second paragraph, whatever the story.
    """

    paragraph: str
    subhead: str
    photo: str
    date: str
    credit: str = ""
    standfirst: str = ""
    kicker: str = ""
    byline: str = ""
    teaser: str = ""
    post: str = ""
    post_end: str = ""
    pitch: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """One outlet: its templates, its feeds and what it printed."""

    host: str
    name: str
    language: str
    content_type: str
    encoding: str
    markup: Markup
    page: str
    notices: tuple[Notice, ...]
    notice_pages: tuple[tuple[Reason, str], ...]
    feeds: tuple[Feed, ...]
    stories: tuple[Story, ...]
    teasers: tuple[str, ...]
    robots: str = ""

    def url(self, path: str) -> str:
        """The absolute address of a path on this site."""
        return f"http://{self.host}{path}"


@dataclass(frozen=True, slots=True)
class ExpectedPage:
    """What Frontwire must make of one announced URL.

    `url` is the announced address without trackers, `page_url` where the page is. `paragraphs` are the story's
    paragraphs and sub-heads in order, a dateline included. Of two pages with the same words (`copy_of` names the
    other's URL) the one read second ends as the duplicate: the wire expects the one published later. `never` are
    lines of the page that are not the story's: captions, credits, teasers. Empty fields for a page without a story.
    `conflict`, `conflict_policy` and `acts` are what a reader would say, whether or not `language` has a fitted model.
    """

    url: str
    page_url: str
    state: UrlState
    reason: Reason
    title: str
    published_at: datetime
    paragraphs: tuple[str, ...] = ()
    subheads: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    kicker: str = ""
    standfirst: str = ""
    dateline: str = ""
    captions: tuple[str, ...] = ()
    credits: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    language: str = "en"
    conflict: bool = False
    conflict_policy: bool = False
    acts: tuple[PolicyType, ...] = ()
    cluster: str = ""
    copy_of: str = ""
