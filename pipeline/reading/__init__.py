"""The reading room: a fetched page becomes a clean story, or the reason why it is none.

    read_page(page, hints) -> CleanStory | Unread

READER names the version of the rules. It changes whenever the same page may come out otherwise, so that stored
stories can be read again from the archive.
"""

from __future__ import annotations

from pipeline.reading.read import read_page

READER = "reading-4"

__all__ = ["READER", "read_page"]
