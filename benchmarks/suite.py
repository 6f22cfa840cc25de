"""The benchmarks that tell of a change's cost, in one command, held against the last release: `make bench`.

    PYTHONPATH=. python benchmarks/suite.py [--corpus PATH] [--copies N] [--only NAME] [--keep]

Without a corpus the pages of the demonstration are used. Each figure that is compared is a ratio of CPU times taken in
one run, so that another machine says the same. `--keep` writes them to benchmarks/results/VERSION.json, which is
committed with the release. What is over a tenth worse than the figure kept last is shown with a "WORSE".
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
# A ratio moves by some hundredths between two runs on a machine with other work.
WORSE_BY = 0.1


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A module of benchmarks/ that prints JSON, whether it takes a corpus, and the ratios to compare: keys, dotted."""

    name: str
    takes_pages: bool
    ratios: tuple[str, ...]


# The cheapest first, so that a mistake shows soon. Lower is better in every ratio.
BENCHMARKS = (
    Benchmark("starts", False, ("worker.cpu_ratio", "reading child.cpu_ratio", "poller.cpu_ratio")),
    Benchmark("settling", True, ("read_ratio", "settle_ratio", "statements_a_story")),
    Benchmark("end_to_end", True, ("cpu_ratio", "memory_mb")),
)


@dataclass(frozen=True, slots=True)
class Compared:
    """A ratio now and at the last release, None when that has none."""

    name: str
    now: float
    before: float | None

    @property
    def is_worse(self) -> bool:
        """Whether it costs over a tenth more than it did."""
        return self.before is not None and self.now > self.before * (1 + WORSE_BY)


def ratios_of(results: Mapping[str, Any], benchmarks: Sequence[Benchmark] = BENCHMARKS) -> dict[str, float]:
    """`benchmark: key` -> figure, of every benchmark that was run."""
    found = {}
    for benchmark in benchmarks:
        for key in benchmark.ratios if benchmark.name in results else ():
            value = results[benchmark.name]
            for part in key.split("."):
                value = value[part]
            found[f"{benchmark.name}: {key}"] = float(value)
    return found


def compare(now: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[Compared]:
    """Each ratio of a run beside the same of another; figures over other pages are not compared."""
    comparable = {
        name: result
        for name, result in (before or {}).items()
        if name in now and result.get("corpus") == now[name].get("corpus")
    }
    known = ratios_of(comparable)
    return [Compared(name, value, known.get(name)) for name, value in ratios_of(now).items()]


def last_release(folder: Path, current: str) -> Path | None:
    """The results of the newest version that is not after `current`; None when none were kept.

    Those of `current` itself, once they are kept: what is worked on since bears its number until the next release.
    """
    kept = {_numbers(path.stem): path for path in folder.glob("*.json")}
    earlier = [numbers for numbers in kept if numbers <= _numbers(current)]
    return kept[max(earlier)] if earlier else None


def kept_part(results: Mapping[str, Any], benchmarks: Sequence[Benchmark] = BENCHMARKS) -> dict[str, Any]:
    """What is kept of a run: of each benchmark the ratios, as they are found in its results, and its pages."""
    found: dict[str, Any] = {}
    for benchmark in benchmarks:
        if benchmark.name not in results:
            continue
        result = results[benchmark.name]
        part = found[benchmark.name] = {"corpus": result["corpus"]} if "corpus" in result else {}
        for key in benchmark.ratios:
            *path, last = key.split(".")
            source, target = result, part
            for step in path:
                source, target = source[step], target.setdefault(step, {})
            target[last] = source[last]
    return found


def _numbers(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.split("."))


def table(rows: Sequence[Compared]) -> str:
    """The comparison for people."""
    lines = [f"{'':40}{'now':>10}{'before':>10}"]
    for row in rows:
        before = "-" if row.before is None else f"{row.before:.3f}"
        lines.append(f"{row.name:40}{row.now:>10.3f}{before:>10}{'   WORSE' if row.is_worse else ''}")
    return "\n".join(lines)


def run(benchmark: Benchmark, corpus: Path | None, copies: int) -> Any:
    """What the benchmark prints; raises CalledProcessError when it fails."""
    command = [sys.executable, "-m", f"benchmarks.{benchmark.name}"]
    if benchmark.takes_pages:
        command += ["--copies", str(copies), *(["--corpus", str(corpus)] if corpus else [])]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--copies", type=int, default=3)
    parser.add_argument("--only", choices=[benchmark.name for benchmark in BENCHMARKS], action="append")
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    results = {}
    for benchmark in BENCHMARKS:
        if not given.only or benchmark.name in given.only:
            print(f"{benchmark.name} …", file=sys.stderr, flush=True)
            results[benchmark.name] = run(benchmark, given.corpus, given.copies)
    current = version("frontwire")
    earlier = last_release(RESULTS, current)
    before = json.loads(earlier.read_text("utf-8"))["results"] if earlier else None
    print(json.dumps(results, indent=1))
    print(table(compare(results, before)))
    if given.keep:
        kept = {"version": current, "python": platform.python_version(), "results": kept_part(results)}
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{current}.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
