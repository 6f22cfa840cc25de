"""The closed lists: states of a URL, reasons for its end, outcomes of a poll, types of a policy act.

Each word here is the same in code, in SQL, in logs and in the documentation (promise P12).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pipeline.verdict import PolicyType as PolicyType
from pipeline.verdict import SourceKind as SourceKind
from pipeline.verdict import Standing as Standing


class UrlState(StrEnum):
    """Where a URL of the ledger stands. Every URL is in exactly one state."""

    WAITING = "waiting"  # due at urls.due_at, in nobody's hands
    QUEUED = "queued"  # its id was put on the queue; taken back when lease_until has passed
    CLAIMED = "claimed"  # a worker holds it under lease_token; attempts was counted before the work
    STORED = "stored"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    DEAD = "dead"


OPEN_STATES = (UrlState.WAITING, UrlState.QUEUED, UrlState.CLAIMED)
TERMINAL_STATES = (UrlState.STORED, UrlState.DUPLICATE, UrlState.REJECTED, UrlState.DEAD)


class Reason(StrEnum):
    """Why a URL ended as it did, or why the last try at it failed."""

    # stored
    NEW = "new"
    REVISED = "revised"
    UNCHANGED = "unchanged"
    RETOUCHED = "retouched"
    FLIP_FLOP = "flip_flop"
    REVISIT_FAILED = "revisit_failed"
    # duplicate
    SAME_TEXT = "same_text"
    SAME_CANONICAL = "same_canonical"
    # rejected at the door: asking again gives the same answer
    URL_REFUSED = "url_refused"
    BLOCKED_ADDRESS = "blocked_address"
    ROBOTS_DISALLOWED = "robots_disallowed"
    NOT_FOUND = "not_found"
    GONE = "gone"
    HTTP_REFUSED = "http_refused"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    NOT_A_PAGE = "not_a_page"
    NOT_A_FEED = "not_a_feed"
    TOO_LARGE = "too_large"
    UNKNOWN_CODING = "unknown_coding"
    # rejected after reading
    CONSENT_WALL = "consent_wall"
    PAYWALL = "paywall"
    BOT_CHALLENGE = "bot_challenge"
    SOFT_404 = "soft_404"
    HOME_PAGE = "home_page"
    INDEX_PAGE = "index_page"
    MEDIA_PAGE = "media_page"
    NO_TEXT = "no_text"
    TOO_COMPLEX = "too_complex"
    EXTRACT_BUDGET = "extract_budget"
    EXTRACT_FAILED = "extract_failed"
    # rejected by the agency that sent it: another version opens it again
    EMBARGOED = "embargoed"
    WITHHELD = "withheld"
    CANCELED = "canceled"
    # tried again, and dead after the last try
    DNS_FAILED = "dns_failed"
    CONNECT_FAILED = "connect_failed"
    TLS_FAILED = "tls_failed"
    TIMEOUT = "timeout"
    PROTOCOL_ERROR = "protocol_error"
    BAD_BODY = "bad_body"
    SERVER_ERROR = "server_error"
    THROTTLED = "throttled"
    ROBOTS_UNREACHABLE = "robots_unreachable"
    WORKER_LOST = "worker_lost"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class ReasonFacts:
    """What a reason means for its URL.

    `state` is the terminal state it leads to; `is_retried` says that the URL waits for another try first,
    until its attempts are used up. `advice` is one sentence for the person on call.
    """

    state: UrlState
    is_retried: bool
    advice: str


def _end(state: UrlState, advice: str) -> ReasonFacts:
    return ReasonFacts(state, is_retried=False, advice=advice)


def _retry(advice: str) -> ReasonFacts:
    return ReasonFacts(UrlState.DEAD, is_retried=True, advice=advice)


REASONS: dict[Reason, ReasonFacts] = {
    Reason.NEW: _end(UrlState.STORED, "A new story was stored."),
    Reason.REVISED: _end(UrlState.STORED, "The page was read again and its text had changed: a revision was stored."),
    Reason.UNCHANGED: _end(UrlState.STORED, "The page was read again and its text is the same."),
    Reason.RETOUCHED: _end(UrlState.STORED, "Read again: only a time stamp, a counter or typography had changed."),
    Reason.FLIP_FLOP: _end(UrlState.STORED, "Read again: the page shows once more what it had shown before."),
    Reason.REVISIT_FAILED: _end(UrlState.STORED, "The story is kept; reading its page again failed (see last_error)."),
    Reason.SAME_TEXT: _end(UrlState.DUPLICATE, "Another story has the same words; see story_links for which."),
    Reason.SAME_CANONICAL: _end(UrlState.DUPLICATE, "The page names a canonical URL of its own site already stored."),
    Reason.URL_REFUSED: _end(UrlState.REJECTED, "Not an http(s) URL on an allowed port, or longer than 2,048."),
    Reason.BLOCKED_ADDRESS: _end(
        UrlState.REJECTED, "The host's address is not public; name it in FRONTWIRE_ALLOW_ADDRESSES if it is yours."
    ),
    Reason.ROBOTS_DISALLOWED: _end(UrlState.REJECTED, "The site's robots.txt disallows the page for us."),
    Reason.NOT_FOUND: _end(UrlState.REJECTED, "The server answered 404."),
    Reason.GONE: _end(UrlState.REJECTED, "The server answered 410."),
    Reason.HTTP_REFUSED: _end(UrlState.REJECTED, "The server refused the request (401, 403, 451 or another 4xx)."),
    Reason.TOO_MANY_REDIRECTS: _end(UrlState.REJECTED, "More than 10 redirects, or a loop."),
    Reason.NOT_A_PAGE: _end(UrlState.REJECTED, "The content type is neither HTML nor plain text."),
    Reason.NOT_A_FEED: _end(UrlState.REJECTED, "What a feed's address or a dropped file holds is in no feed format."),
    Reason.TOO_LARGE: _end(UrlState.REJECTED, "The body is larger than the limit (8 MiB page, 16 MiB feed)."),
    Reason.UNKNOWN_CODING: _end(UrlState.REJECTED, "A content coding we did not ask for, or more than one."),
    Reason.CONSENT_WALL: _end(UrlState.REJECTED, "A consent page stands where the story should be."),
    Reason.PAYWALL: _end(UrlState.REJECTED, "Only a subscription stub was served."),
    Reason.BOT_CHALLENGE: _end(UrlState.REJECTED, "A bot check was served instead of the page."),
    Reason.SOFT_404: _end(UrlState.REJECTED, "A 'not found' page was served with status 200."),
    Reason.HOME_PAGE: _end(UrlState.REJECTED, "The URL led to the site's home page."),
    Reason.INDEX_PAGE: _end(UrlState.REJECTED, "A list of links, not a story."),
    Reason.MEDIA_PAGE: _end(UrlState.REJECTED, "A video or gallery page without a story's text."),
    Reason.NO_TEXT: _end(UrlState.REJECTED, "No story text could be found; `explain` shows what was dropped."),
    Reason.TOO_COMPLEX: _end(UrlState.REJECTED, "Too many tags, attributes or levels of nesting to parse safely."),
    Reason.EXTRACT_BUDGET: _end(UrlState.REJECTED, "Reading took more than its CPU, memory or time budget."),
    Reason.EXTRACT_FAILED: _end(UrlState.REJECTED, "Reading the page raised an error; the log has it."),
    Reason.EMBARGOED: _end(UrlState.REJECTED, "The agency's embargo has not ended; it is read as soon as it has."),
    Reason.WITHHELD: _end(UrlState.REJECTED, "The agency withholds the item until it sends another version."),
    Reason.CANCELED: _end(UrlState.REJECTED, "The agency canceled the item; it must not be used."),
    Reason.DNS_FAILED: _retry("The host's name could not be resolved."),
    Reason.CONNECT_FAILED: _retry("No connection could be made."),
    Reason.TLS_FAILED: _retry("The TLS handshake or certificate failed."),
    Reason.TIMEOUT: _retry("The server took longer than the deadline (30 s), or said so itself (408)."),
    Reason.PROTOCOL_ERROR: _retry("The answer was not valid HTTP."),
    Reason.BAD_BODY: _retry("The body was cut off, or its checksum or length was wrong."),
    Reason.SERVER_ERROR: _retry("The server answered 5xx."),
    Reason.THROTTLED: _retry("The server answered 429 or 503; we wait as long as it asks, at most a day."),
    Reason.ROBOTS_UNREACHABLE: _retry("robots.txt answered 5xx or not at all, so nothing may be asked yet."),
    Reason.WORKER_LOST: _retry("The worker died or lost its lease while it held the URL."),
    Reason.INTERNAL_ERROR: _retry("A fault of ours; the log has the traceback."),
}


class PollOutcome(StrEnum):
    """How one poll of a feed ended."""

    NEW_ENTRIES = "new_entries"
    NOTHING_NEW = "nothing_new"  # parsed, every entry was known
    SAME_BODY = "same_body"  # 200 with the bytes of last time; not parsed
    NOT_MODIFIED = "not_modified"  # 304
    NOT_A_FEED = "not_a_feed"
    FAILED = "failed"  # feed_polls.reason says why


class FeedStatus(StrEnum):
    """Whether a feed is polled."""

    ACTIVE = "active"
    PARKED = "parked"  # answered 410; polled on the slow lane only
    DISABLED = "disabled"  # by a person


class BackfillKind(StrEnum):
    """What a backfill reads its URLs from."""

    WARC = "warc"  # a web archive's file: the responses are in it
    LIST = "list"  # a file with a URL a line
    SITEMAP = "sitemap"  # a sitemap, or all that an index of sitemaps lists


class Backfilled(StrEnum):
    """What became of one record, line or entry of a backfill."""

    NEW = "new"  # a row of the ledger was made
    KNOWN = "known"  # its URL stands in the ledger
    NOT_RESPONSE = "not_response"  # a request, metadata, a redirect to an earlier record
    NOT_OK = "not_ok"  # a response with another status than 200
    NOT_HTML = "not_html"
    TOO_LARGE = "too_large"
    UNKNOWN_CODING = "unknown_coding"
    BAD_DIGEST = "bad_digest"  # its bytes are not those that its digest is of
    BAD_RECORD = "bad_record"  # it can't be read: cut off, or no WARC record
    URL_REFUSED = "url_refused"
    OTHER_SITE = "other_site"  # a sitemap that its index may not speak for
    NOT_A_SITEMAP = "not_a_sitemap"


class SubscriptionState(StrEnum):
    """Where a subscription at a WebSub hub stands."""

    WANTED = "wanted"  # to be asked for at next_request_at
    REQUESTED = "requested"  # the hub took the request; its verification is awaited
    ACTIVE = "active"  # verified; the hub pushes until lease_until
    DENIED = "denied"  # the hub said no; asked again at next_request_at
    ENDED = "ended"  # the feed is gone, or names another hub


class WireStatus(StrEnum):
    """What an agency says about the use of its item (IPTC pubStatus)."""

    USABLE = "usable"
    WITHHELD = "withheld"  # until further notice
    CANCELED = "canceled"  # never to be used (again)


class FullText(StrEnum):
    """Whether the text in a feed is used in place of the page."""

    AUTO = "auto"  # once it was found equal to the pages
    ALWAYS = "always"
    NEVER = "never"


class MoveCause(StrEnum):
    """Why a story went from one cluster to another."""

    SECOND_LOOK = "second_look"  # two copies were stored at the same moment, neither could see the other
    RECLUSTER = "recluster"  # a newer method of comparing decided otherwise


class Unjudged(StrEnum):
    """Why a story has no scores. They are NULL then, which is not the same as a score of nought."""

    LANG_UNSUPPORTED = "lang_unsupported"  # no model is fitted for its language


class SiteLineState(StrEnum):
    """What site memory makes of a line that stories of one site have."""

    SEEN = "seen"  # counted; not enough is known of it
    LEARNED = "learned"  # furniture of the site, taken out of its later pages
    KEPT = "kept"  # a person said that it belongs to the stories


class Relation(StrEnum):
    """How one story or URL relates to another story."""

    COPY = "copy"  # the same report in another outlet, word for word or edited
    VERSION = "version"  # the same report again from the same site, under another URL
    FOLLOW_UP = "follow_up"  # another report, with new facts in front, that repeats part of this one as background
    SHARES = "shares"  # at least 25 words in common, and neither of these


class OriginKind(StrEnum):
    """From where a story has its report."""

    OWN = "own"  # nothing says that it is another's
    AGENCY = "agency"  # an agency's, by its credit
    OUTLET = "outlet"  # another outlet's, which it credits or cites
    COPY = "copy"  # that of the story of which it is a near-copy


class CreditPlace(StrEnum):
    """Where a story credits an agency or outlet, from the surest place on."""

    DATELINE = "dateline"
    BYLINE = "byline"
    END = "end"  # a mark, label or notice behind the text
    LEAD = "lead"  # the words of title and lead: "Politico reported"


class StoryStatus(StrEnum):
    """Whether a story still stands, from weakest to gravest. The words of IPTC's pubStatus, and two of our own."""

    USABLE = "usable"
    CORRECTED = "corrected"  # it says itself that an earlier version was wrong
    ORIGIN_WITHDRAWN = "origin_withdrawn"  # the report it was made from was withdrawn or canceled
    WITHDRAWN = "withdrawn"  # retracted by its outlet
    CANCELED = "canceled"  # killed by its agency


class StatusCause(StrEnum):
    """What changed a story's status."""

    NOTICE = "notice"  # words on its own page
    WIRE = "wire"  # the status that an agency sent with it
    ORIGIN = "origin"  # the status of the story it was made from


class Change(StrEnum):
    """What a revision changed."""

    WITHDRAWAL = "withdrawal"  # a retraction or kill stands on the page now
    CORRECTION = "correction"  # a note says that the story was corrected or updated
    POLICY_ACT = "policy_act"  # the verdict changed: about conflict policy or not, or which acts
    HEADLINE = "headline"
    STANDFIRST = "standfirst"
    CASUALTIES = "casualties"  # a figure beside a word for the dead, wounded, missing, captured or displaced
    FIGURES = "figures"  # another figure
    ATTRIBUTION = "attribution"  # who says so, or whether it is confirmed
    BODY = "body"  # other words of the text
    RETURN = "return"  # an earlier text is back, and stayed


class RevisitScope(StrEnum):
    """Which stored stories are fetched again."""

    ALL = "all"
    CONFLICT = "conflict"
    NONE = "none"


class AlertKind(StrEnum):
    """Why a watch tells of a story. Each is told once for a watch and a cluster."""

    MATCH = "match"  # the story fulfils the condition
    CORRECTION = "correction"  # an alerted story says that it was wrong
    WITHDRAWAL = "withdrawal"  # an alerted story, or the one it was made from, was withdrawn or canceled


class AlertState(StrEnum):
    """Where an alert stands."""

    WAITING = "waiting"  # to be sent from due_at on
    SENDING = "sending"  # in the hands of a watcher until lease_until
    SENT = "sent"
    RECORDED = "recorded"  # the watch has no target: for its feed alone
    DEAD = "dead"  # given up after the last try; reason says why


class AlertReason(StrEnum):
    """Why an alert could not be sent."""

    NO_TARGET = "no_target"  # what the watch names as its target is not there, or can't be read
    BAD_TARGET = "bad_target"  # the target is no URL that apprise knows
    REFUSED = "refused"  # the service did not take it
    TIMEOUT = "timeout"  # the service did not answer in time
    CRASHED = "crashed"  # the sending process died
