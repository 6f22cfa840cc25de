"""What each kind of process costs before it has done anything: CPU time and memory of its imports.

    PYTHONPATH=. python benchmarks/starts.py

CPU seconds are medians of five starts, and a ratio to `import sqlalchemy` measured in the same run.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

KINDS = {
    "sqlalchemy": "sqlalchemy",
    "run": "workers.cli.run, workers.running",
    "poller": "workers.cli.processes, workers.poller",
    "dispatcher": "workers.cli.processes, workers.dispatcher",
    "worker": "workers.cli.processes, workers.reader",
    "watcher": "workers.cli.processes, workers.watcher",
    "reading child": "workers.child, pipeline.feeds, pipeline.record",
    "reading child of feeds": "workers.child, pipeline.feeds",
}
TIMES = 5
_START = """
import resource
import {modules}
used = resource.getrusage(resource.RUSAGE_SELF)
held = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
print(used.ru_utime + used.ru_stime, held / 1e6)
"""


def start(modules: str) -> tuple[float, float]:
    """CPU seconds and resident megabytes of a fresh interpreter that has imported the modules."""
    command = [sys.executable, "-c", _START.format(modules=modules)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(told[0]), float(told[1])


def measure() -> dict[str, dict[str, float]]:
    """Kind -> CPU seconds, megabytes, and the ratio of CPU to the first kind's; the kinds take turns."""
    taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    for _ in range(TIMES):
        for kind, modules in KINDS.items():
            taken[kind].append(start(modules))
    cpu = {kind: statistics.median(one for one, _ in starts) for kind, starts in taken.items()}
    return {
        kind: {
            "cpu_s": round(cpu[kind], 2),
            "memory_mb": round(statistics.median(held for _, held in taken[kind])),
            "cpu_ratio": round(cpu[kind] / cpu["sqlalchemy"], 2),
        }
        for kind in KINDS
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
