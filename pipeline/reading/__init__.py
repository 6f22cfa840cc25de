"""The reading room: a fetched page becomes a clean story, or the reason why it is none.

    read_page(page, hints) -> CleanStory | Unread

READER names the version of the rules. It changes whenever the same page may come out otherwise, so that stored
stories can be read again from the archive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.reading.read import read_page

READER = "reading-5"

__all__ = ["READER", "read_page"]


def __getattr__(name: str) -> Any:
    # Every process uses the keys of lines and the sites' memory, and the reading child alone reads. The extractors cost
    # a process 1.2 s of CPU to import and 30 MB (docs/benchmarks.md).
    if name == "read_page":
        from pipeline.reading.read import read_page

        return read_page
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
