"""Which URLs go first, and which share a job: fresh news, small batches, each over many hosts, suspects alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

FRESH = timedelta(hours=1)
BREAKING_PRIORITY = 1
RECENT = timedelta(hours=12)
# An edited entry is news again; a scheduled look at a stored page comes after everything that is new.
EDITED_PRIORITY = 2
REVISIT_PRIORITY = 4
# Old pages come after all of these.
BACKFILL_PRIORITY = 5


def priority_of(published_at: datetime | None, now: datetime, unseen_at: datetime | None = None) -> int:
    """How soon a page should be read: 1 for news of the last hour, 2 for the last half day or undated, 3 for older.

    `unseen_at` is when the feed did not list it yet: what has no date is no older than that. None for a feed that is
    polled for the first time: it announces its whole backlog, and breaking news of others goes before it.
    """
    if published_at is None:
        return BREAKING_PRIORITY if unseen_at is not None and timedelta(0) <= now - unseen_at <= FRESH else 2
    age = now - published_at
    return BREAKING_PRIORITY if age <= FRESH else 2 if age <= RECENT else 3


class Due(Protocol):
    """What batching needs to know of a due URL."""

    @property
    def url_id(self) -> int:
        """The row's id."""

    @property
    def host(self) -> str:
        """The host that will be asked."""

    @property
    def is_suspect(self) -> bool:
        """Whether a worker died while it held this URL."""


def plan_batches(due: Sequence[Due], batch_size: int, workers: int) -> list[list[int]]:
    """Ids in batches of at most `batch_size`, the order of `due` kept as far as the rules below allow.

    A URL that was in the hands of a worker that died goes alone: if it is the one that kills, it takes no other along
    (P6). URLs of one host stand in different batches where there is a choice: in one they would wait for each other.
    Few URLs are spread over all workers rather than given to one.
    """
    batches = [[item.url_id] for item in due if item.is_suspect]
    plain = [item for item in due if not item.is_suspect]
    if not plain:
        return batches
    share = -(-len(plain) // max(workers, 1))
    count = -(-len(plain) // min(batch_size, max(share, 1)))
    open_batches: list[list[int]] = [[] for _ in range(count)]
    hosts_of: list[dict[str, int]] = [defaultdict(int) for _ in range(count)]
    for item in plain:
        free = [k for k in range(count) if len(open_batches[k]) < batch_size]
        chosen = min(free, key=lambda k: (hosts_of[k][item.host], len(open_batches[k]), k))
        open_batches[chosen].append(item.url_id)
        hosts_of[chosen][item.host] += 1
    return batches + [batch for batch in open_batches if batch]
