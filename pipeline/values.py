"""The frozen values that travel the road from a feed to a stored story.

Instants are aware datetimes in UTC; those that an outlet gives of its story stay on the outlet's clock. Durations are
seconds, sizes bytes, scores 0..1. A tuple is never None: nothing found is the empty tuple. Every value here can cross a
process boundary as JSON (see workers/child.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from pipeline.outcomes import (
    CreditPlace,
    FeedStatus,
    FullText,
    PollOutcome,
    Reason,
    UrlState,
    WireStatus,
)
from pipeline.verdict import ActScore as ActScore
from pipeline.verdict import Attribution as Attribution
from pipeline.verdict import Evidence as Evidence
from pipeline.verdict import Mention as Mention
from pipeline.verdict import PlaceMention as PlaceMention
from pipeline.verdict import Verdict as Verdict

# ---------------------------------------------------------------------------------------------------------- fetching


@dataclass(frozen=True, slots=True)
class Redirect:
    """One hop: the status that named it and the absolute URL it led to."""

    status: int
    url: str


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """A complete response with a body (status 2xx), its content coding already undone.

    `url` is what was asked, `final_url` what answered. Header names are lower-case, in the order they came.
    """

    url: str
    final_url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    fetched_at: datetime
    elapsed_s: float
    redirects: tuple[Redirect, ...] = ()

    def header(self, name: str) -> str | None:
        """The first header of that lower-case name, or None."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class NotModified:
    """A 304 to a conditional request. The headers may carry fresher validators."""

    url: str
    final_url: str
    headers: tuple[tuple[str, str], ...]
    fetched_at: datetime
    elapsed_s: float
    redirects: tuple[Redirect, ...] = ()

    def header(self, name: str) -> str | None:
        """The first header of that lower-case name, or None."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class FetchFailure:
    """A request that brought no usable body, with its reason from the closed list.

    `detail` is one sentence for people, without secrets. `retry_after_s` is the server's own wish, already clamped
    to a day; None when it had none.
    """

    url: str
    reason: Reason
    detail: str
    fetched_at: datetime
    elapsed_s: float = 0.0
    status: int | None = None
    final_url: str | None = None
    retry_after_s: float | None = None
    redirects: tuple[Redirect, ...] = ()


FetchResult = FetchedPage | NotModified | FetchFailure

# ------------------------------------------------------------------------------------------------------------- feeds


class FeedState(NamedTuple):
    """What SQL remembers of a feed, as much of it as deciding the next poll needs.

    `redirect_url` is where the last polls were redirected permanently and `redirect_count` how many polls in a row
    agreed on it. `known_entries` says how many entries its last readable poll listed. `source` is who sends it, by
    which its items are known. `full_text_agreed` counts stories in a row whose text in the feed was the page's, -1
    after one where it was not. From `silent_after` on its silence is an alarm; None when its habit says nothing yet.
    A folder is a feed whose poll reads the files that were dropped there, an index one whose poll reads the sitemaps
    that it lists. `hub_url` is the WebSub hub that pushes `topic_url`, as the last answer named them; `pushed_at` is
    the last push that was believed, `push_confirmed` counts polls in a row that brought nothing that was not pushed.
    `ttl_s`, `update_period_s`, `skip_hours` and `skip_days` are what the last body that was read asks for, as in
    `FeedReading`: most answers have no body and mean them all the same. It is a tuple and no data class: making and
    changing those was a tenth of what a poll costs that is answered 304.
    """

    id: int
    url: str
    status: FeedStatus = FeedStatus.ACTIVE
    etag: str | None = None
    last_modified: str | None = None
    body_sha256: str | None = None
    interval_s: float = 900.0
    error_count: int = 0
    last_polled_at: datetime | None = None
    last_success_at: datetime | None = None
    last_new_at: datetime | None = None
    last_unconditional_at: datetime | None = None
    redirect_url: str | None = None
    redirect_count: int = 0
    known_entries: int = 0
    next_poll_at: datetime | None = None
    source: str = ""
    full_text: FullText = FullText.AUTO
    full_text_agreed: int = 0
    silent_after: datetime | None = None
    is_folder: bool = False
    is_index: bool = False
    hub_url: str | None = None
    topic_url: str | None = None
    pushed_at: datetime | None = None
    push_confirmed: int = 0
    ttl_s: float | None = None
    update_period_s: float | None = None
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SubjectCode:
    """A subject as a vocabulary has it: `scheme` names the vocabulary ("" when the sender names none).

    `code` is the subject's key there, `name` its label for people; None when the sender gave only the code.
    """

    scheme: str
    code: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class WireFacts:
    """What an agency says about one version of its item, besides the words.

    `version` counts from 1, None when the format or the sender has none; `version_at` is when it was made.
    `embargo_until` is the instant before which nothing may be shown. `urgency` is 1 (flash) to 9. `note` is the
    editors' note, meant for the desk and not for print.
    """

    version: int | None = None
    version_at: datetime | None = None
    status: WireStatus = WireStatus.USABLE
    embargo_until: datetime | None = None
    urgency: int | None = None
    note: str | None = None
    subjects: tuple[SubjectCode, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """A story's body that came with its announcement, so that nothing need be fetched.

    `body` is the agency's item in its own format, or a page of HTML made of a feed's full text, as `media_type` says.
    `is_probe` says that the page is fetched all the same, to learn whether the feed's text is the whole story.
    """

    media_type: str
    body: str
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of a feed, its links already absolute.

    `key` names the entry within its feed (hash of guid, or of the URL where the guid is missing or reused).
    `version` changes when the outlet edited the entry (hash of title, summary and updated instant).
    `published_raw` is the feed's own date string, kept when it could not be read or lies out of bounds.
    `url` is the canonical form, under which the page is known; `link` the announced one, which is what is asked for
    (a server may know its own spelling only). An empty `link` means that they are the same. What has no web address is
    known by one of the scheme `wire:` (pipeline/wire/identity.py). `codes` are the subjects that the feed itself gives
    the entry. `content` is the body that came along, `wire` what the agency says of it; both are None for an ordinary
    link. `digest` is that of the item's text, None where it has none of its own. Of a known entry that stands as it was
    read last, only `key`, `url` and `version` are there.
    """

    key: str
    url: str
    guid: str | None = None
    title: str | None = None
    summary: str | None = None
    published_at: datetime | None = None
    published_raw: str | None = None
    updated_at: datetime | None = None
    authors: tuple[str, ...] = ()
    version: str = ""
    link: str = ""
    codes: tuple[SubjectCode, ...] = ()
    content: Content | None = None
    wire: WireFacts | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What is known of a feed's entries: the version of each by its key.

    `items` tells of an item, by the digest of its text, the key and the `url` of the entry that it was read as. One
    whose text has such a digest stands as it was: it need not be read again.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, tuple[str, str]] = field(default_factory=dict)


NOTHING_KNOWN = Listing()


@dataclass(frozen=True, slots=True)
class ChildSitemap:
    """A sitemap that an index of sitemaps lists. `lastmod` is when the index says it changed; None when it does not."""

    url: str
    lastmod: datetime | None = None


@dataclass(frozen=True, slots=True)
class FeedReading:
    """A feed body read by one of the readers. `problem` is a sentence when it is no feed; then there are no entries.

    `refused` counts entries without a usable link or identity, and wire items that hold no text; `beyond_cap` those
    left for the next poll. `is_partial` says that the body lacks the end that a complete one has. `ttl_s` is how long
    the publisher asks us to wait, `update_period_s` how often he says that the feed changes, both in seconds; in
    `skip_hours` (0..23, UTC) and on `skip_days` (0 is Monday) he has nothing new. An index of sitemaps has `children`
    and no entries. `hub_url` is the WebSub hub that the feed names, `self_url` the address that the feed gives itself.
    """

    format: str
    title: str | None = None
    language: str | None = None
    entries: tuple[Entry, ...] = ()
    ttl_s: float | None = None
    update_period_s: float | None = None
    refused: int = 0
    beyond_cap: int = 0
    problem: str | None = None
    is_partial: bool = False
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    children: tuple[ChildSitemap, ...] = ()
    hub_url: str | None = None
    self_url: str | None = None


@dataclass(frozen=True, slots=True)
class PollPlan:
    """What to write after a poll: the feed's next state and the entries that matter.

    `announced` are entries never seen on this feed; `edited` those whose version changed; `listed` all keys with
    their version that the feed still lists, or None when the listing is not to be touched (304, same body, failure).
    `lost_estimate` is the number of items that probably passed unseen between two polls; None when there is no gap.
    `fetch_delay_s` is how long this host asked to be left alone; 0 when it did not.
    """

    state: FeedState
    outcome: PollOutcome
    reason: Reason | None = None
    detail: str | None = None
    http_status: int | None = None
    announced: tuple[Entry, ...] = ()
    edited: tuple[Entry, ...] = ()
    listed: tuple[tuple[str, str], ...] | None = None
    entries_count: int = 0
    lost_estimate: int | None = None
    fetch_delay_s: float = 0.0


# ------------------------------------------------------------------------------------------------------------ ledger


@dataclass(frozen=True, slots=True)
class EntryHints:
    """What the feed said about a page before it was fetched."""

    title: str | None = None
    summary: str | None = None
    published_at: datetime | None = None
    published_raw: str | None = None
    authors: tuple[str, ...] = ()
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """What came in place of a page and lies in SQL until it is read. `content` is None once it was archived.

    Nothing may be read before `held_until`, nor while `status` is not usable.
    """

    content: Content | None
    received_at: datetime
    status: WireStatus = WireStatus.USABLE
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One URL in the hands of one worker until `lease_until`, fenced by `token` (promise P5).

    `url` is what the page is known by, `link` what is asked for. `attempts` counts this try too. `story_id` is set when
    the page was stored before and is read again; then `shown_key` names the text that it showed last, `body_sha256` the
    bytes that did, and the validators are theirs. `item` is the body to be read in place of a page, where there is one.
    `is_archived` says that the page came from a web archive, lies in ours, and is read from there the first time.
    `priority` is that of pipeline/batches.py, 1 for what goes first.
    """

    url_id: int
    url: str
    link: str
    host: str
    site: str
    token: str
    attempts: int
    feed_id: int | None
    story_id: int | None
    hints: EntryHints
    etag: str | None = None
    last_modified: str | None = None
    body_sha256: str | None = None
    shown_key: str | None = None
    item: Item | None = None
    is_archived: bool = False
    priority: int = 2


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a claimed URL leaves its claim: terminal, or waiting again until `due_at`."""

    state: UrlState
    reason: Reason
    due_at: datetime | None = None
    detail: str | None = None


# ----------------------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class DroppedLine:
    """A line of the page that is not in the story's text, and the rule that took it out.

    `position` is the line's place among all lines of the candidate before cleaning, from 0; lines taken at the end of
    an earlier stage (captions in the tree, say) have the position -1.
    """

    position: int
    line: str
    rule: str


@dataclass(frozen=True, slots=True)
class LiveEntry:
    """One entry of a live report: when it was posted, its heading, and its paragraphs joined by one blank line.

    `at` is None where the page gives no instant that can be trusted.
    """

    text: str
    at: datetime | None = None
    heading: str | None = None


@dataclass(frozen=True, slots=True)
class CleanStory:
    """What the outlet wrote, and nothing else.

    `text` is paragraphs and sub-heads joined by one blank line, without title, standfirst, byline, date line,
    captions and credits, which have their own fields. `published_raw` keeps a date that could not be trusted.
    `access` is free, metered or paywalled; `candidate` names the extractor whose container was chosen.
    A live report has `kind` "live" and its dated entries in page order, where the page shows them; `text` has them all.
    `place` and `agencies` are those of dateline, byline and copyright; `slug`, `wire_mark` ("UPDATE 2", "TAKE 2 OF 3")
    and `editor_notes` are what an agency writes to its editors.
    """

    url: str
    title: str
    text: str
    canonical_url: str | None = None
    kicker: str | None = None
    standfirst: str | None = None
    subheads: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    dateline: str | None = None
    published_at: datetime | None = None
    published_raw: str | None = None
    modified_at: datetime | None = None
    language: str | None = None
    section: str | None = None
    access: Literal["free", "metered", "paywalled"] = "free"
    captions: tuple[str, ...] = ()
    credits: tuple[str, ...] = ()
    dropped: tuple[DroppedLine, ...] = ()
    candidate: str = ""
    kind: Literal["story", "live"] = "story"
    live_entries: tuple[LiveEntry, ...] = ()
    agencies: tuple[str, ...] = ()
    place: str | None = None
    slug: str | None = None
    wire_mark: str | None = None
    editor_notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """A page that gave no story: the reason from the closed list, one sentence, and what was dropped on the way."""

    reason: Reason
    detail: str
    dropped: tuple[DroppedLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What identifies a text: `content_hash` its exact words, `anchors` its near-copies. `method` is their version.

    The hash is SHA-256 in hex over the normalised words; anchors are signed 64-bit integers, distinct and sorted.
    """

    method: str
    content_hash: str
    anchors: tuple[int, ...]
    word_count: int


@dataclass(frozen=True, slots=True)
class Credit:
    """A claim of a page that its report is an agency's or another outlet's: `name`, for comparing `key`.

    `surface` is what says so, as it stands on the page.
    """

    key: str
    name: str
    is_agency: bool
    place: CreditPlace
    surface: str


@dataclass(frozen=True, slots=True)
class StoryRecord:
    """Everything the reader learned from one page, ready to be stored."""

    story: CleanStory
    fingerprint: Fingerprint
    verdict: Verdict
    reader: str  # version of the reading rules
    credits: tuple[Credit, ...] = ()


# ----------------------------------------------------------------------------------------------------------- storing


@dataclass(frozen=True, slots=True)
class PageRef:
    """Where the raw response lies in the archive, and what came with it."""

    url: str
    final_url: str
    status: int
    content_type: str | None
    etag: str | None
    last_modified: str | None
    fetched_at: datetime
    body_bytes: int
    body_sha256: str
    warc_file: str
    warc_offset: int
    warc_length: int


@dataclass(frozen=True, slots=True)
class StoredStory:
    """How a page ended in SQL. `story_id` is the story it became, revised or repeats; None when it became none."""

    url_id: int
    state: UrlState
    reason: Reason
    story_id: int | None = None
    detail: str | None = None
