"""What a poll found and would do, in sentences: every header, wish and rule that had a say, with its weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from pipeline.feeds import pace
from pipeline.feeds.fulltext import AGREED_MIN
from pipeline.feeds.sitemapindex import READ_MAX, is_named_news
from pipeline.outcomes import FeedStatus, FullText
from pipeline.values import FeedReading, FeedState, FetchedPage, FetchResult, NotModified, PollPlan

# What of an answer has a say in polling.
HEADERS = (
    "content-type", "etag", "last-modified", "cache-control", "expires", "date", "retry-after", "link",
)  # fmt: skip


def explain_poll(
    state: FeedState, result: FetchResult, reading: FeedReading | None, plan: PollPlan, now: datetime
) -> list[tuple[str, str]]:
    """(subject, sentence) of the poll of `state` that ended as `result`, read as `reading` and planned as `plan`."""
    told = [("answer", _answer(result, plan))]
    if isinstance(result, FetchedPage | NotModified):
        told += [("header", f"{name}: {value}") for name in HEADERS if (value := result.header(name)) is not None]
    if reading is not None:
        told += [("entries", sentence) for sentence in _entries(reading)]
        told += [("full text", sentence) for sentence in _full_text(state, reading)]
    told += [("validators", sentence) for sentence in _validators(plan.state)]
    told += [("next poll", sentence) for sentence in _interval(state, result, reading, plan, now)]
    return told


def _answer(result: FetchResult, plan: PollPlan) -> str:
    reason = f" ({plan.reason.value}: {plan.detail})" if plan.reason is not None else ""
    hops = f", after {len(result.redirects)} redirects" if result.redirects else ""
    return f"status {plan.http_status or 'none'}{hops}: {plan.outcome.value}{reason}"


def _entries(reading: FeedReading) -> Iterator[str]:
    if reading.children:
        named = sum(1 for child in reading.children if is_named_news(child.url))
        yield f"an index of {len(reading.children)} sitemaps, {named} of them named news, {reading.refused} refused"
        yield f"a poll reads at most {READ_MAX} of them, news and the newest first; the rest waits for the next poll"
        return
    yield f"format {reading.format}, {len(reading.entries)} entries, {reading.refused} refused"
    if reading.beyond_cap:
        yield f"{reading.beyond_cap} more are over the cap and wait for the next poll, which comes soon"
    if reading.is_partial:
        yield "the body lacks its end: no validator is kept, and what it does not show stays listed"
    undated = sum(1 for entry in reading.entries if entry.published_at is None)
    if undated:
        yield f"{undated} have no date that can be true"
    statuses = Counter(entry.wire.status.value for entry in reading.entries if entry.wire is not None)
    if statuses:
        yield "an agency's items: " + ", ".join(f"{count} {word}" for word, count in sorted(statuses.items()))


def _full_text(state: FeedState, reading: FeedReading) -> Iterator[str]:
    if reading.children:
        return
    bearing = [entry for entry in reading.entries if entry.content is not None and entry.wire is None]
    if not bearing:
        yield "no entry brings a text that could be its whole story: the pages are fetched"
        return
    yield f"{len(bearing)} of {len(reading.entries)} entries bring a text that may be the whole story"
    if state.full_text is FullText.AUTO:
        agreed = max(0, state.full_text_agreed)
        yield f"each is compared with its page until {AGREED_MIN} in a row agree; {agreed} did so far"
    else:
        yield f"the feed's setting is {state.full_text.value}"


def _validators(state: FeedState) -> Iterator[str]:
    for name, value in (("ETag", state.etag), ("Last-Modified", state.last_modified)):
        said = "none is kept" if value is None else "it lied and is not believed any more" if value == "" else None
        yield f"{name}: {said or f'{value} is sent next time'}"


def _interval(
    state: FeedState, result: FetchResult, reading: FeedReading | None, plan: PollPlan, now: datetime
) -> Iterator[str]:
    due = plan.state.next_poll_at
    if due is not None:
        yield f"in {(due - now).total_seconds():.0f} s, moved by up to a tenth either way at random"
    yield f"its own interval is {plan.state.interval_s:.0f} s (before: {state.interval_s:.0f} s), by its pace so far"
    if plan.state.status is FeedStatus.PARKED:
        yield "the feed is parked (410): once a day"
    if plan.reason is not None:
        errors = plan.state.error_count
        wait_s = pace.backoff_s(plan.reason, state.interval_s, errors)
        yield f"failure {errors} in a row, for {plan.reason.value}: a back-off of {wait_s:.0f} s"
    if plan.fetch_delay_s:
        yield f"the host asked to be left alone for {plan.fetch_delay_s:.0f} s"
    if isinstance(result, FetchedPage | NotModified):
        asked = pace.wished_s(result, None)
        if asked:
            yield f"Cache-Control or Expires ask for {asked:.0f} s (an hour at most counts)"
    if reading is not None and reading.ttl_s:
        yield f"the feed's ttl asks for {reading.ttl_s:.0f} s (an hour at most counts)"
    if reading is not None and reading.update_period_s:
        counts = pace.believed_s(reading.update_period_s, plan.state.interval_s)
        why = "an hour at most counts" if counts else "it brings items faster, so this does not count"
        yield f"the feed says that it changes every {reading.update_period_s:.0f} s ({why})"
    if reading is not None and (reading.skip_hours or reading.skip_days):
        hours, days = list(reading.skip_hours), list(reading.skip_days)
        yield f"skipHours {hours}, skipDays {days} (0 is Monday), in UTC: four hours at most count"
    if plan.lost_estimate is not None:
        yield f"the window rolled over, about {plan.lost_estimate} entries were lost: wishes don't count"
