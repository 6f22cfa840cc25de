"""What an answer's status line and headers mean, before its body is read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from pipeline.outcomes import Reason
from pipeline.text import scrub

Kind = Literal["page", "feed", "robots"]
Headers = tuple[tuple[str, str], ...]

DAY_S = 86_400.0

REDIRECTS = frozenset({301, 302, 303, 307, 308})

_REASONS = {
    # The proxy, not the site, refused: our settings are wrong, and the URL must outlive that.
    407: Reason.CONNECT_FAILED,
    # The server gave up waiting for our request: as passing as a time-out of our own.
    408: Reason.TIMEOUT,
    404: Reason.NOT_FOUND,
    410: Reason.GONE,
    429: Reason.THROTTLED,
    503: Reason.THROTTLED,
    # 2xx without the whole body.
    204: Reason.PROTOCOL_ERROR,
    205: Reason.PROTOCOL_ERROR,
    206: Reason.PROTOCOL_ERROR,
}
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml", "text/plain"})
_NO_FEED = re.compile(
    r"(?:image|video|audio|font)/.*|application/(?:pdf|zip|x-zip-compressed|vnd\.ms-.*|msword|x-7z.*|vnd\.rar)"
)
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+", re.ASCII)
# First bytes of what is not text: PDF, ZIP and Office, PNG, GIF, JPEG, WebP and AVI, gzip, MP4, Matroska, Ogg, fonts.
_BINARY = re.compile(
    rb"%PDF-|PK\x03\x04|\x89PNG|GIF8[79]a|\xff\xd8\xff|RIFF....(?:WEBP|AVI |WAVE)|\x1f\x8b\x08|....ftyp"
    rb"|\x1a\x45\xdf\xa3|OggS\x00|ID3[\x02-\x04]|wOF[F2]",
    re.DOTALL,
)

_GZIP = b"\x1f\x8b\x08"


def clean_headers(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Headers as they may be stored: lower-case names, values without controls, UTF-8 or else Latin-1."""
    return tuple((_text(name).lower(), _text(value)) for name, value in raw)


def _text(raw: bytes) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if text.isascii() and text.isprintable():  # nearly every one
        return text.strip()
    return scrub(text).replace("\n", " ").strip()


def values_of(headers: Headers, name: str) -> list[str]:
    """All values of that lower-case name, in order."""
    return [value for key, value in headers if key == name]


def reason_of(status: int) -> Reason | None:
    """Why an answer with that status has no body for us; None for a 2xx that has one.

    Redirects and a 304 that was asked for are none of its business: whoever calls has dealt with them.
    """
    if status in _REASONS:
        return _REASONS[status]
    if 200 <= status < 300:
        return None
    if 400 <= status < 500:
        return Reason.HTTP_REFUSED
    return Reason.SERVER_ERROR if 500 <= status < 600 else Reason.PROTOCOL_ERROR


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds that Retry-After asks for, within 0 and a day; None when it is missing or can't be read.

    Both forms of RFC 9110, 10.2.3: a number of seconds, or a date.
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,18}", value):
        return min(float(value), DAY_S)
    try:
        instant = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return min(max((instant - now).total_seconds(), 0.0), DAY_S)


def media_type(headers: Headers) -> str | None:
    """The lower-case media type without parameters; None when it is missing or no media type at all."""
    value = next(iter(values_of(headers, "content-type")), "").partition(";")[0].strip().lower()
    return value if _MEDIA_TYPE.fullmatch(value) else None


def is_wanted_type(kind: Kind, declared: str | None) -> bool:
    """Whether a body declared as that type may be read. An undeclared one may, and is looked at then."""
    if declared is None or kind == "robots":
        return True
    return declared in _PAGE_TYPES if kind == "page" else _NO_FEED.fullmatch(declared) is None


def looks_binary(kind: Kind, head: bytes, declared: str | None) -> bool:
    """Whether the first bytes are those of a picture, film, archive or document, whatever the headers say.

    A feed may be a file packed with gzip, as sitemaps are: its reader unpacks as much as a feed may have. NUL bytes
    speak against an undeclared body only: a declared one may be UTF-16.
    """
    if _BINARY.match(head):
        return not (kind == "feed" and head.startswith(_GZIP))
    return declared is None and b"\0" in head[:512] and not head.startswith((b"\xff\xfe", b"\xfe\xff"))


def declared_bytes(headers: Headers) -> int | None:
    """What Content-Length says; None when it is missing or no number."""
    value = next(iter(values_of(headers, "content-length")), "")
    return int(value) if re.fullmatch(r"[0-9]{1,18}", value) else None
