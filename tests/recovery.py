"""How long work took to go on after a fault, counted in SQL: from the fault's end to the next URL that ended."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Sequence

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

LOOK_S = 0.1


def engine_of(database_url: str) -> Engine:
    """An engine of the tests' own for one of our database URLs."""
    return create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"), pool_pre_ping=True)


class Progress:
    """Looks at the ledger ten times a second, by a clock of its own that nobody sets."""

    def __init__(self, database_url: str) -> None:
        self._engine = engine_of(database_url)
        self._samples: list[tuple[float, int]] = []
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    @property
    def ended(self) -> int:
        """How many URLs have ended, as of the last look that succeeded."""
        return self._samples[-1][1] if self._samples else 0

    def wait_for_next(self, since: float, limit_s: float) -> bool:
        """Wait until a URL ends after `since` (monotonic); False when none does within the limit."""
        deadline = time.monotonic() + limit_s
        while self.recovery_s(since) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_S)
        return True

    def recovery_s(self, since: float) -> float | None:
        """Seconds from `since` (monotonic) to the next URL that ended; None when none has."""
        before = max((ended for seen_at, ended in self._samples if seen_at <= since), default=0)
        later = (seen_at for seen_at, ended in self._samples if seen_at > since and ended > before)
        first = next(later, None)
        return None if first is None else first - since

    def close(self) -> None:
        self._ends.set()
        self._thread.join()
        self._engine.dispose()

    def _look(self) -> None:
        while not self._ends.wait(LOOK_S):
            try:
                with self._engine.connect() as connection:
                    ended = connection.execute(text("SELECT count(*) FROM urls WHERE settled_at IS NOT NULL"))
                    self._samples.append((time.monotonic(), ended.scalar_one()))
            except SQLAlchemyError:
                continue  # away, or there is no table yet


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """The median, the 95th percentile and the longest, in seconds."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    return {
        "p50": round(statistics.median(ordered), 2),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 2),
        "max": round(ordered[-1], 2),
    }
