from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.outcomes import Reason
from workers.http.answers import clean_headers, is_wanted_type, looks_binary, media_type, read_retry_after, reason_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("999999999999", 86400.0),
        ("Sun, 01 Mar 2026 12:05:00 GMT", 300.0),
        ("Sunday, 01-Mar-26 12:05:00 GMT", 300.0),
        ("Sun Mar  1 12:05:00 2026", 300.0),
        ("Sat, 28 Feb 2026 12:00:00 GMT", 0.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 86400.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 40, None),
        ("Sun, 99 Mar 2026 12:05:00 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_clamped_to_a_day(value: str | None, seconds: float | None) -> None:
    assert read_retry_after(value, NOW) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_is_none_or_within_a_day(value: str) -> None:
    seconds = read_retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= 86400


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (200, None),
        (203, None),
        (204, Reason.PROTOCOL_ERROR),
        (206, Reason.PROTOCOL_ERROR),
        (101, Reason.PROTOCOL_ERROR),
        (300, Reason.PROTOCOL_ERROR),
        (304, Reason.PROTOCOL_ERROR),
        (401, Reason.HTTP_REFUSED),
        (403, Reason.HTTP_REFUSED),
        (404, Reason.NOT_FOUND),
        (407, Reason.CONNECT_FAILED),
        (410, Reason.GONE),
        (418, Reason.HTTP_REFUSED),
        (429, Reason.THROTTLED),
        (451, Reason.HTTP_REFUSED),
        (500, Reason.SERVER_ERROR),
        (503, Reason.THROTTLED),
        (999, Reason.PROTOCOL_ERROR),
    ],
)
def test_each_status_has_its_reason(status: int, reason: Reason | None) -> None:
    assert reason_of(status) is reason


def test_pages_are_html_or_plain_text_and_feeds_anything_that_may_be_text() -> None:
    types = ["text/html", "application/xhtml+xml", "text/plain", None]
    feeds = ["application/rss+xml", "text/xml", "application/json", "application/octet-stream", "binary/octet-stream"]
    others = ["image/png", "video/mp4", "audio/mpeg", "application/pdf", "application/zip", "font/woff2"]
    assert [kind for kind in types + feeds + others if is_wanted_type("page", kind)] == types
    assert [kind for kind in types + feeds + others if is_wanted_type("feed", kind)] == types + feeds
    assert all(is_wanted_type("robots", kind) for kind in types + feeds + others)


def test_a_media_type_is_read_without_parameters_and_nonsense_is_no_type() -> None:
    values = ["Text/HTML; charset=utf-8", "html", "", "text/html;", "*/*x/"]
    assert [media_type((("content-type", value),)) for value in values] == ["text/html", None, None, "text/html", None]


@pytest.mark.parametrize("head", [b"%PDF-1.7", b"\x89PNG\r\n", b"PK\x03\x04", b"RIFF\0\0\0\0WEBP", b"\0\0\0 ftypisom"])
def test_a_file_that_is_no_text_is_known_by_its_first_bytes(head: bytes) -> None:
    assert looks_binary("page", head, "text/html")


def test_text_is_not_taken_for_a_file() -> None:
    assert not looks_binary("page", b"<!doctype html>", None)
    assert not looks_binary("page", "<p>héllo".encode("utf-16"), None)
    assert not looks_binary("page", "<p>hello".encode("utf-16-le"), "text/html")
    assert looks_binary("page", b"\x7fELF\x02\0\0", None)


def test_a_feed_may_be_a_packed_file_and_a_page_may_not() -> None:
    packed = b"\x1f\x8b\x08\0\0\0\0\0"
    assert not looks_binary("feed", packed, "application/octet-stream")
    assert looks_binary("page", packed, "text/html")
    assert looks_binary("feed", b"PK\x03\x04", None)


def test_header_values_are_one_clean_line_each() -> None:
    raw = [(b"ETag", b'"a\x01b"'), (b"X-Note", "é".encode()), (b"X-Old", b"\xe9")]
    assert clean_headers(raw) == (("etag", '"ab"'), ("x-note", "é"), ("x-old", "é"))
