"""What the HTTP path is allowed to do and how long it may take: the settings it is given, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from workers.http.guard import AllowRule

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpPolicy:
    """Limits and identity of every request (promises P13 to P19).

    `proxy` is an http or https URL; None means none, whatever the environment says. It may hold a password and so
    stays out of repr(). `header_max_bytes` bounds the answer's whole header block. `total_timeout_s` covers all hops
    of one fetch, without the waits for politeness and for robots.txt. Raises ValueError for a proxy of another scheme.
    """

    user_agent: str
    proxy: str | None = field(default=None, repr=False)
    allow_addresses: tuple[AllowRule, ...] = ()
    connect_timeout_s: float = 10.0
    total_timeout_s: float = 30.0
    page_max_bytes: int = 8 * MIB
    feed_max_bytes: int = 16 * MIB
    # RFC 9309, 2.5: at least the first 500 KiB of robots.txt are parsed. What lies behind is not read.
    robots_max_bytes: int = 500 * 1024
    max_redirects: int = 10
    header_max_bytes: int = 64 * 1024

    def __post_init__(self) -> None:
        if self.proxy is not None:
            parts = urlsplit(self.proxy)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("The proxy must be an http or https URL with a host.")

    def guard_notes(self) -> list[str]:
        """Sentences for the log at start: what is opened beyond the public web, and what a proxy takes away."""
        notes = []
        if self.allow_addresses:
            rules = ", ".join(str(rule) for rule in self.allow_addresses)
            notes.append(f"Addresses opened beyond the public web: {rules}.")
        if self.proxy is not None:
            notes.append(
                f"All requests go through the proxy at {urlsplit(self.proxy).hostname}: addresses are resolved by the "
                "proxy, and the address guard covers literal addresses only."
            )
        return notes
