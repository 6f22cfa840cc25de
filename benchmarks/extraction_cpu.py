"""What reading a page costs against trafilatura, in turns in one process: a ratio that other work hardly moves.

Each page is read by both, now the one first, now the other; the best of some rounds counts, in CPU time. trafilatura is
called as a plain loop would: `bare_extraction(html, url, with_metadata=True, include_comments=False)`.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from trafilatura import bare_extraction

from benchmarks.extraction import extract
from benchmarks.extraction_corpus import Page, hash_of_corpus, load_corpus


def _bare(page: Page) -> None:
    bare_extraction(page.html, page.gold["url"], with_metadata=True, include_comments=False)


def _ours(page: Page) -> None:
    extract(page.html, page.gold["url"])


def cpu_s(read: Callable[[Page], None], page: Page) -> float:
    """CPU seconds of one reading."""
    started = time.process_time()
    read(page)
    return time.process_time() - started


def in_turns(pages: list[Page], rounds: int) -> list[tuple[float, float]]:
    """For each page the least CPU seconds of a reading, ours and trafilatura's."""
    least = [(float("inf"), float("inf"))] * len(pages)
    for turn in range(rounds):
        for index, page in enumerate(pages):
            order = (_ours, _bare) if (turn + index) % 2 else (_bare, _ours)
            costs = {read: cpu_s(read, page) for read in order}
            ours, bare = least[index]
            least[index] = (min(ours, costs[_ours]), min(bare, costs[_bare]))
    return least


def main() -> None:
    """Prints the figures as JSON: milliseconds a page, their ratio, and the 95th percentile against the mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    logging.disable()  # extractors complain about each page that holds nothing for them
    pages = load_corpus(options.corpus)
    in_turns(pages[:3], 1)  # what is imported late is imported now
    costs = in_turns(pages, options.rounds)
    ours, bare = (sorted(row[side] for row in costs) for side in (0, 1))
    print(
        json.dumps(
            {
                "corpus": hash_of_corpus(pages),
                "pages": len(pages),
                "ours_ms": round(1000 * fmean(ours), 1),
                "trafilatura_ms": round(1000 * fmean(bare), 1),
                "ratio": round(fmean(ours) / fmean(bare), 3),
                "p95_to_trafilatura_mean": round(ours[int(0.95 * len(ours))] / fmean(bare), 2),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
