# ruff: noqa: S608 - the SQL is made of constants of this package alone
"""Tallies summed up once more, by day: what a question about a year reads instead of every row of its days.

A digest is written when a tally is folded, for the days that the fold touches, so storing a story costs nothing more. A
day that has changes since is counted from its tally; every other day from its digest. Together they are what the tally
says (docs/decisions/0022).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.store.dialects import flag

_COUNTS = ("stories", "conflict", "conflict_policy")
_WAITS = tuple(f"{since}_p{percent}_s" for since in ("published", "announced") for percent in (50, 95))


@dataclass(frozen=True, slots=True)
class Digest:
    """A table of digests, its tally, and its columns, the day first.

    `select` makes the rows of chosen days: it takes a condition and the tally as it stands in FROM.
    """

    table: str
    tally: str
    columns: tuple[str, ...]
    select: Callable[[str, str], str]

    def fill(self, where: str = "true") -> str:
        """The statement that makes the rows of chosen days, of which there must be none yet."""
        return f"INSERT INTO {self.table} ({', '.join(self.columns)}) {self.select(where, self.tally)}"


def _sums(keys: tuple[str, ...], counts: tuple[str, ...]) -> Callable[[str, str], str]:
    columns = ", ".join(("day", *keys))
    sums = ", ".join(f"CAST(sum({name}) AS bigint) AS {name}" for name in counts)

    def select(where: str, tally: str) -> str:
        return f"SELECT {columns}, {sums} FROM {tally} WHERE {where} GROUP BY {columns} HAVING sum({counts[0]}) > 0"

    return select


def select_waits(where: str, tally: str) -> str:
    """Percentiles by nearest rank: the value whose rank is the number of stories times p, rounded up."""

    def rank(percent: int) -> str:
        # PostgreSQL's sums of bigint are numeric, and would not be divided as whole numbers.
        return f"(CAST(total AS bigint) * {percent} + 99) / 100"

    columns = ",\n    ".join(
        f"CAST(min(CASE WHEN since = '{since}' AND reached >= {rank(percent)} THEN seconds END) AS double precision)"
        f" AS {since}_p{percent}_s"
        for since in ("published", "announced")
        for percent in (50, 95)
    )
    return f"""SELECT
    day,
    CAST(sum(CASE WHEN since = 'announced' THEN stories ELSE 0 END) AS bigint) AS stories,
    CAST(sum(CASE WHEN since = 'published' THEN stories ELSE 0 END) AS bigint) AS dated_stories,
    {columns}
FROM (
    SELECT
        day,
        since,
        seconds,
        stories,
        sum(stories) OVER (PARTITION BY day, since ORDER BY seconds) AS reached,
        sum(stories) OVER (PARTITION BY day, since) AS total
    FROM (
        SELECT day, since, seconds, sum(stories) AS stories
        FROM {tally}
        WHERE {where}
        GROUP BY day, since, seconds
        HAVING sum(stories) > 0
    ) AS counted
) AS ranked
GROUP BY day"""


DIGESTS: dict[str, Digest] = {
    digest.table: digest
    for digest in (
        Digest(
            "source_digests",
            "day_tallies",
            ("day", "source", *_COUNTS),
            _sums(("source",), _COUNTS),
        ),
        Digest(
            "language_digests",
            "day_tallies",
            ("day", "language", *_COUNTS),
            _sums(("language",), _COUNTS),
        ),
        Digest(
            "act_digests",
            "act_tallies",
            ("day", "act", "actor", "stories"),
            _sums(("act", "actor"), ("stories",)),
        ),
        Digest("latency_digests", "latency_tallies", ("day", "stories", "dated_stories", *_WAITS), select_waits),
    )
}


def digested(dialect: str, table: str) -> str:
    """What a view reads: the digests of days without a change since, and all other days from their tally."""
    digest = DIGESTS[table]
    changed = f"SELECT day FROM {digest.tally} WHERE is_folded = {flag(dialect, False)}"
    columns = ", ".join(digest.columns)
    # With statistics SQLite would rather go through all days by an index that begins with something else.
    rows = f"{digest.tally} INDEXED BY ix_{digest.tally}_day" if dialect == "sqlite" else digest.tally
    fresh = digest.select(f"day IN ({changed})", rows)
    return f"""SELECT {columns} FROM {table} WHERE day NOT IN ({changed})
UNION ALL
SELECT {columns} FROM (
{fresh}
) AS fresh"""
