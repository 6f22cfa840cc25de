"""What a verdict costs: PYTHONPATH=. python benchmarks/verdict_cost.py

Prints the CPU time of the import, of the first verdict, and the median of a thousand, for a lead of full length.
"""

from __future__ import annotations

import statistics
import time

SENTENCE = (
    "The government approved new strikes across the border on Monday, a senior official told reporters in the capital. "
)


def main() -> None:
    """Measure and print."""
    started = time.process_time()
    from pipeline.judging import judge

    imported = time.process_time()
    lead = (SENTENCE * 20)[:1500]
    judge("Government approves strikes", lead, "en")
    first = time.process_time()
    taken = []
    for _ in range(1000):
        before = time.process_time()
        judge("Government approves strikes", lead, "en")
        taken.append(time.process_time() - before)
    print(
        f"import {imported - started:.3f} s, first verdict {first - imported:.3f} s, "
        f"then {statistics.median(taken) * 1000:.2f} ms each"
    )


if __name__ == "__main__":
    main()
