"""The validators of a feed's answers: which are kept and sent, and which are never believed again (promise P4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median_low
from typing import Any

from pipeline.feeds.dates import in_bounds, parse_instant
from pipeline.values import Entry, FeedState, FetchedPage, NotModified

UNCONDITIONAL_S = 86_400.0
VALIDATOR_MAX_CHARS = {"etag": 1024, "last_modified": 255}
# A validator that stayed the same while entries were new is never believed again; SQL keeps it as the empty string.
DISTRUSTED = ""
# A cache between us may say 304 for some minutes; so much news that is older than the 304 by so much was kept from us.
_STALE = timedelta(minutes=15)
_DATED_BACK = timedelta(hours=1)
_DATED_NEWS = 3


def request_headers(state: FeedState, now: datetime) -> tuple[tuple[str, str], ...]:
    """The conditional headers for the next poll; none when the last complete body is a day old or more (P4).

    A `last_unconditional_at` that lies ahead of `now` counts as old: the clock was turned back.
    """
    since = state.last_unconditional_at
    if since is None or not timedelta(0) <= now - since < timedelta(seconds=UNCONDITIONAL_S):
        return ()
    pairs = (("If-None-Match", state.etag), ("If-Modified-Since", state.last_modified))
    return tuple((name, value) for name, value in pairs if value)


def validators_after(
    state: FeedState, answer: FetchedPage | NotModified, *, is_replaced: bool = False, has_news: bool = False
) -> dict[str, Any]:
    """The fields of the state after that answer. `is_replaced`: a validator that the answer lacks is forgotten, too."""
    etag, modified = answer.header("etag"), answer.header("last-modified")
    return {
        "etag": _validator("etag", state.etag, etag, is_replaced=is_replaced, has_news=has_news),
        "last_modified": _validator(
            "last_modified", state.last_modified, modified, is_replaced=is_replaced, has_news=has_news
        ),
    }


def caught_lying(state: FeedState, page: FetchedPage, announced: Sequence[Entry], now: datetime) -> dict[str, Any]:
    """Both validators distrusted when this body, fetched without them, has what a 304 before it kept from us.

    The daily poll without condition is the probe. Its answer's Last-Modified says when the body changed; a server
    without one is judged by the dates of its news, most of three or more, since a single item may be dated back.
    """
    denied_at = state.last_success_at
    is_probe = not request_headers(state, now) and (state.etag or state.last_modified)
    if denied_at is None or not is_probe or not announced or state.last_unconditional_at == denied_at:
        return {}
    modified_at = in_bounds(parse_instant(page.header("last-modified")), now)
    if modified_at is not None:
        ahead = (in_bounds(parse_instant(page.header("date")), now) or now) - now  # of the server's clock
        is_lie = modified_at - ahead + _STALE < denied_at
    else:
        dated = [entry.published_at for entry in announced if entry.published_at is not None]
        is_lie = len(dated) >= _DATED_NEWS and median_low(dated) + _DATED_BACK < denied_at
    return {"etag": DISTRUSTED, "last_modified": DISTRUSTED} if is_lie else {}


def forgotten(validator: str | None) -> str | None:
    """What is left of a validator when the body that it stands for was not kept whole."""
    return DISTRUSTED if validator == DISTRUSTED else None


def distrusted_since(before: FeedState, after: FeedState) -> list[str]:
    """Which of the feed's validators are believed no more since `before`."""
    return [name for name in VALIDATOR_MAX_CHARS if getattr(before, name) != DISTRUSTED == getattr(after, name)]


def _validator(name: str, old: str | None, new: str | None, *, is_replaced: bool, has_news: bool) -> str | None:
    if old == DISTRUSTED or (has_news and old is not None and old == new):
        return DISTRUSTED
    if new is None or len(new) > VALIDATOR_MAX_CHARS[name] or not new.isprintable():
        return None if is_replaced else old
    return new
