"""From the date strings of feeds to instants (promise P24)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
FUTURE_S = 86_400.0
RAW_MAX_BYTES = 255

# Zones that newsrooms write and RFC 5322 does not know. IST is left out: it is India, Israel and Ireland.
_ZONES = {
    "BST": "+0100", "WET": "+0000", "WEST": "+0100", "CET": "+0100", "MEZ": "+0100", "CEST": "+0200", "MESZ": "+0200",
    "EET": "+0200", "EEST": "+0300", "MSK": "+0300", "TRT": "+0300", "AST": "-0400", "GST": "+0400", "PKT": "+0500",
    "WIB": "+0700", "HKT": "+0800", "SGT": "+0800", "AWST": "+0800", "JST": "+0900", "KST": "+0900", "AEST": "+1000",
    "AEDT": "+1100", "NZST": "+1200", "NZDT": "+1300", "AKST": "-0900", "HST": "-1000", "BRT": "-0300", "UTC": "+0000",
}  # fmt: skip
_ZONE = re.compile(r"\s([A-Z]{3,4})$")
_ISO = re.compile(r"\d{4}-\d\d-\d\d|\d{8}(?:T|$)")
_SPACED_OFFSET = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)|\s+(?:UTC|GMT|Z)$")
_LOOK_CHARS = 64


def parse_instant(raw: str | None) -> datetime | None:
    """The instant that an ISO 8601 or RFC 5322 date names, in UTC; None when it names none. Without zone it is UTC."""
    text = (raw or "").strip()[:_LOOK_CHARS]
    if not text:
        return None
    try:
        instant = _iso(text) if _ISO.match(text) else parsedate_to_datetime(_ZONE.sub(_offset, text))
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
        return instant.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        # parsedate_to_datetime raises each of these on some malformed string.
        return None


def has_zone(raw: str) -> bool:
    """Whether the date string names its zone, so that the instant does not rest on our assumption of UTC."""
    text = raw.strip()
    try:
        instant = _iso_as_written(text) if _ISO.match(text) else parsedate_to_datetime(_ZONE.sub(_offset, text))
    except (ValueError, TypeError, OverflowError, IndexError):
        return False
    return instant.tzinfo is not None


def in_bounds(instant: datetime | None, now: datetime) -> datetime | None:
    """`instant` if it lies within 1990 and `now` + 1 day, or else None."""
    if instant is None or not EARLIEST <= instant <= now + timedelta(seconds=FUTURE_S):
        return None
    return instant


def _iso(text: str) -> datetime:
    return datetime.fromisoformat(_SPACED_OFFSET.sub("", text))  # without zone it is UTC anyway


def _iso_as_written(text: str) -> datetime:
    return datetime.fromisoformat(_SPACED_OFFSET.sub(lambda match: "Z" if match[0].strip() else "", text))


def _offset(match: re.Match[str]) -> str:
    return " " + _ZONES.get(match[1], match[1])
