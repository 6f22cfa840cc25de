"""Fuzz at length, on every core asked for; what is found is written down as a regression.

    python tests/fuzz/fuzz_runner.py --target feed --count 200000 --seed 1 [--tree DIRECTORY] [--processes 2]

`--tree`: every file below a directory (feedparser's own test files, say) is read as it is by the feed target, and the
small ones are seeds of its mutants. Exit status 1 when a file or a mutant raised or took more than 5 s of CPU. Each
finding is kept in tests/fuzz/found/TARGET-HASH.bin, which the ordinary tests read from then on.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import multiprocessing
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]

from fuzz_mutants import mutant  # noqa: E402
from fuzz_seeds import seeds  # noqa: E402
from fuzz_targets import TARGETS  # noqa: E402

LIMIT_CPU_S = 5.0
FOUND = Path(__file__).parent / "found"


@dataclass(frozen=True)
class Stretch:
    """The mutants `start` to `end` of one target, tried by one process."""

    target: str
    seed: int
    start: int
    end: int
    tree: Path | None


@dataclass(frozen=True)
class Finding:
    """A mutant that raised (`error` is its last lines) or took too long."""

    number: int
    data: bytes
    cpu_s: float
    error: str


@dataclass(frozen=True)
class StretchEnd:
    """What came of a stretch: findings, and the slowest mutant's CPU seconds."""

    findings: tuple[Finding, ...]
    slowest_s: float


def try_one(target: str, number: int, data: bytes) -> tuple[Finding | None, float]:
    """The finding that this mutant is, or None, and its CPU seconds."""
    began, error = time.process_time(), ""
    try:
        TARGETS[target].run(data)
    except Exception:
        error = "".join(traceback.format_exc().splitlines(keepends=True)[-8:])
    cpu_s = time.process_time() - began
    is_found = bool(error) or cpu_s > LIMIT_CPU_S
    return (Finding(number, data, cpu_s, error) if is_found else None), cpu_s


def try_stretch(stretch: Stretch) -> StretchEnd:
    """Try every mutant of the stretch."""
    start_from = seeds(TARGETS[stretch.target].seeds, stretch.tree)
    findings, slowest_s = [], 0.0
    for number in range(stretch.start, stretch.end):
        finding, cpu_s = try_one(stretch.target, number, mutant(start_from, stretch.seed, number))
        slowest_s = max(slowest_s, cpu_s)
        if finding is not None:
            findings.append(finding)
    return StretchEnd(tuple(findings), slowest_s)


def try_tree(target: str, tree: Path) -> tuple[int, StretchEnd]:
    """Try every file below the directory as it is; also says how many there were."""
    paths = sorted(path for path in tree.rglob("*") if path.is_file())
    tried = [try_one(target, number, path.read_bytes()) for number, path in enumerate(paths)]
    findings = tuple(finding for finding, _ in tried if finding is not None)
    return len(paths), StretchEnd(findings, max((cpu_s for _, cpu_s in tried), default=0.0))


def stretches(target: str, seed: int, count: int, tree: Path | None, size: int = 250) -> list[Stretch]:
    return [Stretch(target, seed, start, min(start + size, count), tree) for start in range(0, count, size)]


def keep(target: str, finding: Finding) -> Path:
    """Write the finding down where the ordinary tests read it."""
    FOUND.mkdir(exist_ok=True)
    path = FOUND / f"{target}-{hashlib.sha256(finding.data).hexdigest()[:16]}.bin"
    path.write_bytes(finding.data)
    return path


def run(target: str, seed: int, count: int, processes: int, tree: Path | None) -> bool:
    """Try `count` mutants; True when none was found wanting. Prints one JSON line."""
    began, found, slowest_s = time.monotonic(), {}, 0.0
    files, as_they_are = try_tree(target, tree) if tree is not None and target == "feed" else (0, StretchEnd((), 0.0))
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=40) as pool:
        ends = pool.imap_unordered(try_stretch, stretches(target, seed, count, tree))
        for end in itertools.chain([as_they_are], ends):
            slowest_s = max(slowest_s, end.slowest_s)
            for finding in end.findings:
                # One file a fault: the last frame and the error name it.
                name = finding.error.strip()[-160:] or "slow"
                if name not in found:
                    found[name] = str(keep(target, finding).name)
                    print(
                        f"{found[name]} (mutant {finding.number}, {finding.cpu_s:.1f} s)\n{finding.error}",
                        file=sys.stderr,
                    )
    told = {
        "target": target,
        "seed": seed,
        "files": files,
        "mutants": count,
        "seeds": len(seeds(TARGETS[target].seeds, tree)),
        "found": len(found),
        "slowest_cpu_s": round(slowest_s, 2),
        "seconds": round(time.monotonic() - began),
    }
    print(json.dumps(told), flush=True)
    return not found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", action="append", choices=list(TARGETS), help="may be repeated; default: all")
    parser.add_argument("--count", type=int, default=1000, help="mutants of each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--tree", type=Path, help="a directory whose files are seeds of the feed target too")
    options = parser.parse_args(arguments)
    clean = [
        run(name, options.seed, options.count, options.processes, options.tree) for name in options.target or TARGETS
    ]
    return int(not all(clean))


if __name__ == "__main__":
    sys.exit(main())
