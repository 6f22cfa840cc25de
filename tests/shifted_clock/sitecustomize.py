"""A wall clock that jumps while its process runs: `workers.process.utc_now`, shifted by what a file says.

Python imports this at its start when this directory is on PYTHONPATH. FRONTWIRE_TEST_CLOCK_DIR names a directory in
which the file `worker`, `dispatcher`, `poller` or `watcher` holds the seconds by which the clock of such a process is
wrong at the moment; without a file it is right. `utc_now` is the one place that reads the wall clock.
"""

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path


def shift_clock(directory: Path, kind: str) -> None:
    """Shift the clock of this process from now on. Before any other module of ours takes the function by name."""
    from workers import process

    right = process.utc_now

    def wrong() -> datetime:
        try:
            return right() + timedelta(seconds=float((directory / kind).read_text("ascii")))
        except (OSError, ValueError):
            return right()

    process.utc_now = wrong


_directory = os.environ.get("FRONTWIRE_TEST_CLOCK_DIR")
_words = sys.orig_argv
if _directory and "workers" in _words[:-1]:
    shift_clock(Path(_directory), _words[_words.index("workers") + 1])
