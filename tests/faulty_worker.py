"""A real worker process that gets a signal at the worst moment: RQ has taken a job off the queue, and not yet run it.

    python tests/faulty_worker.py KILL|TERM

Nothing is replaced but the step between the two: RQ puts its queues in order there.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from workers.cli.common import current_engine
from workers.logs import start_logging
from workers.queue import ReadWorker
from workers.reader import run_reader
from workers.settings import load_settings


def main() -> None:
    signum = {"KILL": signal.SIGKILL, "TERM": signal.SIGTERM}[sys.argv[1]]

    def send_signal(worker: ReadWorker, reference_queue: Any) -> None:
        os.kill(os.getpid(), signum)

    ReadWorker.reorder_queues = send_signal  # type: ignore[method-assign]
    settings = load_settings()
    start_logging(settings, "worker")
    run_reader(current_engine(settings), settings)


if __name__ == "__main__":
    main()
