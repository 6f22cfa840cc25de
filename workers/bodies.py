"""A feed's body read in the killable child, together with what SQL knows of its entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Engine

from pipeline.store import listings
from pipeline.values import NOTHING_KNOWN, FeedReading, FeedState, FetchedPage, Listing
from workers.batched import Batched
from workers.child import ReadingChild
from workers.database import reading
from workers.process import utc_now


class FeedBodies:
    """Reads bodies, one after the other: the child sees to that."""

    def __init__(self, engine: Engine, child: ReadingChild) -> None:
        self._engine = engine
        self._child = child
        self._listed = Batched(self._listings)
        self._among = Batched(self._known)

    async def read(self, page: FetchedPage, known: Listing, source: str) -> FeedReading:
        """The reading of `page`; `known` entries don't count towards what one reading may bring."""
        return await self._child.read_feed(page, utc_now(), known, source)

    async def read_known(self, page: FetchedPage, state: FeedState) -> tuple[FeedReading, dict[str, str]]:
        """The reading of a body of `state`, and the entries known before: those it lists now, those it listed last.

        Only who holds the feed's lease writes its listing, so what is read here still holds in the transaction.
        """
        known = NOTHING_KNOWN if state.is_index else await self._listed.do(state.id)
        while True:
            feed = await self.read(page, known, state.source)
            unlisted = [entry.key for entry in feed.entries if entry.key not in known.versions]
            again = await self._among.do((state.id, unlisted)) if unlisted else {}
            known = replace(known, versions={**known.versions, **again})
            # What was known after all made no room for what lies beyond the cap: with that known, more is read.
            if not feed.beyond_cap or not again:
                return feed, dict(known.versions)

    def _listings(self, feed_ids: Sequence[int]) -> list[Listing]:
        with reading(self._engine) as connection:
            found = listings.listings_of(connection, feed_ids)
        return [found[feed_id] for feed_id in feed_ids]

    def _known(self, asked: Sequence[tuple[int, Sequence[str]]]) -> list[dict[str, str]]:
        with reading(self._engine) as connection:
            return [listings.known_among(connection, feed_id, keys) for feed_id, keys in asked]
