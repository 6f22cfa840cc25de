"""What a worker knows of the sites it reads: their furniture, asked of SQL at most once a minute and site."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping

from sqlalchemy import Engine

from pipeline.identity.urls import site_of
from pipeline.store import sitelines
from workers.database import reading

FRESH_FOR_S = 60.0
MAX_SITES = 2000


class SiteMemory:
    """The learned lines of sites, kept for a minute; at most MAX_SITES of them, the longest unasked going first."""

    def __init__(self, engine: Engine, fresh_for_s: float = FRESH_FOR_S) -> None:
        self._engine = engine
        self._fresh_for_s = fresh_for_s
        self._known: OrderedDict[str, tuple[float, frozenset[str]]] = OrderedDict()

    async def furniture_of(self, url: str) -> frozenset[str]:
        """The hashes of the lines that are furniture of the site that the URL belongs to."""
        site = site_of(url)
        found = self._known.get(site)
        if found is None or time.monotonic() - found[0] > self._fresh_for_s:
            self.keep({site: await asyncio.to_thread(self._load, site)})
            return self._known[site][1]
        self._known.move_to_end(site)
        return found[1]

    def keep(self, learned: Mapping[str, frozenset[str]]) -> None:
        """Remember what SQL has just said of these sites, see `sitelines.learned_of`."""
        now = time.monotonic()
        for site, hashes in learned.items():
            self._known[site] = (now, hashes)
            self._known.move_to_end(site)
        while len(self._known) > MAX_SITES:
            self._known.popitem(last=False)

    def _load(self, site: str) -> frozenset[str]:
        with reading(self._engine) as connection:
            return sitelines.learned_lines(connection, site)
