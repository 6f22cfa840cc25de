"""By what a wire item is known, whether one version is newer than another, and how urgent it is."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from urllib.parse import quote, unquote

from pipeline.identity.urls import URL_MAX_CHARS
from pipeline.values import WireFacts

SCHEME = "wire:"
# IPTC: 1 is the most urgent, 5 normal, 9 a priority that the user defined. Agencies flash with 1 and 2, 3 is urgent.
_BREAKING = 3
_NORMAL = 5


def wire_url(source: str, guid: str) -> str:
    """The name in the ledger of an item without a web address: `wire://afp.example/urn%3A…`.

    A guid counts within its source alone, so that no feed can pass off its item as another agency's. A guid too long
    for a URL is replaced by its SHA-256.
    """
    name = f"wire://{quote(source, safe='.-_')}/{quote(guid, safe='-._~')}"
    if len(name) <= URL_MAX_CHARS:
        return name
    return f"wire://{quote(source, safe='.-_')[:255]}/sha256-{sha256(guid.encode('utf-8', 'replace')).hexdigest()}"


def is_wire_url(url: str) -> bool:
    """Whether the URL names a wire item, for which nothing can be asked on the web."""
    return url.startswith(SCHEME)


def source_of(url: str) -> str:
    """Who sent the item that the wire URL names."""
    return unquote(url.removeprefix("wire://").partition("/")[0])[:255]


def is_older(facts: WireFacts, version: int | None, version_at: datetime | None) -> bool:
    """Whether `facts` describe an older version than the one known by `version` and `version_at`.

    The numbers decide; where they are equal or one is missing, the instants do. What can't be told apart is not older.
    """
    if facts.version is not None and version is not None and facts.version != version:
        return facts.version < version
    return facts.version_at is not None and version_at is not None and facts.version_at < version_at


def priority_of_urgency(urgency: int | None, by_age: int) -> int:
    """How soon the item is read: 1 for urgencies 1 to 3, 2 at best below normal, else as its age says.

    `by_age` is what `batches.priority_of` gives.
    """
    if urgency is None:
        return by_age
    if urgency <= _BREAKING:
        return 1
    return by_age if urgency <= _NORMAL else max(by_age, 2)
