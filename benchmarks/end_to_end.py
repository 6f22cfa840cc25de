"""The whole road against the bare loop: CPU time a story and stories a second, in one run.

    PYTHONPATH=. python benchmarks/end_to_end.py [--corpus PATH] [--copies N] [--workers 2] [--database-url URL]

The road is `frontwire run --until-idle`: feeds polled, robots asked, pages queued, fetched, archived, read, judged,
fingerprinted and stored. All its processes are counted, Valkey included, and with --database-url also PostgreSQL when
it runs on this machine. What the processes cost to start, each worker's reading child among them, is measured by a run
with a few pages for each worker and taken off.

The bare loop is `for page: trafilatura.bare_extraction(page, url=…, with_metadata=True, include_comments=False)` over
the same pages in memory: no network, no database, nothing kept.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.wire import Page, corpus_digest, load_pages, opml, wire
from workers.settings import child_environment, load_settings

_BARE_LOOP = """
import sys, time
from pathlib import Path
from benchmarks.wire import load_pages
from trafilatura import bare_extraction
corpus = Path(sys.argv[1]) if sys.argv[1] else None
pages = load_pages(corpus, int(sys.argv[2]))
for page in pages[:5]:
    bare_extraction(page.html, url=page.url, with_metadata=True, include_comments=False)
print("ready", flush=True)
sys.stdin.readline()
begun, cpu = time.perf_counter(), time.process_time()
for page in pages:
    bare_extraction(page.html, url=page.url, with_metadata=True, include_comments=False)
print(time.perf_counter() - begun, time.process_time() - cpu)
"""


# So many pages have each worker start its child.
START_PAGES = 4


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU and wall seconds, stories stored, the largest sum of memory (PSS) seen in MB, and CPU seconds by process."""

    cpu_s: float
    wall_s: float
    stories: int
    memory_mb: float = 0.0
    by_process: dict[str, float] = field(default_factory=dict)


def bare_loops(corpus: Path | None, copies: int, processes: int, pages: int) -> Cost:
    """So many bare loops at once, each over all pages: mean CPU of one, wall time of the slowest."""
    command = [sys.executable, "-c", _BARE_LOOP, str(corpus or ""), str(copies)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    taken = [tuple(map(float, process.communicate()[0].split())) for process in running]
    return Cost(statistics.mean(cpu for _, cpu in taken), max(wall for wall, _ in taken), pages * processes)


def road(
    pages: list[Page],
    proxy: str,
    workers: int,
    database_url: str | None,
    look_at: Callable[[Path], None] | None = None,
) -> Cost:
    """One `run --until-idle` over the pages' feeds, from nothing. `look_at` gets the data directory before it goes."""
    with tempfile.TemporaryDirectory(prefix="frontwire-bench-") as directory:
        (Path(directory) / "feeds.opml").write_text(opml(pages))
        settings = load_settings(
            data_dir=f"{directory}/data",
            database_url=database_url,
            http_proxy=proxy,
            host_delay_s=0.01,
            workers=workers,
            log_level="warning",
        )
        environment = child_environment(settings)
        frontwire = [sys.executable, "-m", "workers"]
        # The standard output is for the figures alone.
        import_feeds = [*frontwire, "feeds", "import", "feeds.opml"]
        subprocess.run(import_feeds, cwd=directory, env=environment, check=True, stdout=sys.stderr.fileno())
        before, server_before = resource.getrusage(resource.RUSAGE_CHILDREN), server_cpu_s(database_url)
        begun = time.perf_counter()
        run = subprocess.Popen(
            [*frontwire, "run", "--until-idle", "--no-dashboard", "--json"],
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        memory_mb, by_process = _watched(run)
        output = run.communicate()[0]
        wall_s = time.perf_counter() - begun
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        summary = json.loads(output)
        if look_at is not None:
            look_at(settings.data_dir)
        return Cost(
            cpu_s + server_cpu_s(database_url) - server_before, wall_s, summary["stories"], memory_mb, by_process
        )


def _watched(run: subprocess.Popen[str]) -> tuple[float, dict[str, float]]:
    """Looks at the tree of processes until it ends: its peak memory in MB, and the CPU seconds last seen of each."""
    import psutil

    peak, seen = 0.0, {}
    while run.poll() is None:
        total = 0
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(run.pid)
            for process in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    total += process.memory_full_info().pss
                    times = process.cpu_times()
                    seen[process.pid] = (role_of(process.cmdline()), times.user + times.system)
        peak = max(peak, total / 1e6)
        time.sleep(0.5)
    by_process: dict[str, float] = {}
    for role, cpu_s in seen.values():
        by_process[role] = round(by_process.get(role, 0.0) + cpu_s, 2)
    return peak, by_process


def role_of(command: list[str]) -> str:
    """What a process of ours is called, by its command line."""
    words = [word for word in command if not word.startswith("-")]
    if not words:
        return "ended"  # A process that has just died has no command line any more.
    return "valkey" if "valkey" in words[0] else words[1] if words[1:2] == ["workers.child"] else words[-1]


def server_cpu_s(database_url: str | None) -> float:
    """CPU seconds of all PostgreSQL processes of this machine, ended ones included; 0 without a URL."""
    if not database_url:
        return 0.0
    import psutil

    total = 0.0
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "postgres":
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def measure(corpus: Path | None, copies: int, workers: int, database_url: str | None) -> dict[str, object]:
    """All figures of one run."""
    pages = load_pages(corpus, copies)
    # A feed brings all of its pages.
    feeds = {page.feed for page in pages[: START_PAGES * workers]}
    few = [page for page in pages if page.feed in feeds]
    left = max(1, len(pages) - len(few))
    # Before and after: between two runs of one program a shared machine may be faster by a fifth.
    alone = [bare_loops(corpus, copies, 1, len(pages))]
    with wire(corpus, copies) as proxy:
        start = road(few, proxy, workers, None)
        whole = road(pages, proxy, workers, database_url)
    two = bare_loops(corpus, copies, 2, len(pages))
    alone.append(bare_loops(corpus, copies, 1, len(pages)))
    bare_ms = 1000 * statistics.fmean(run.cpu_s for run in alone) / len(pages)
    road_ms = 1000 * (whole.cpu_s - start.cpu_s) / left
    rate = (whole.stories - start.stories) / (whole.wall_s - start.wall_s)
    return {
        "corpus": corpus_digest(pages),
        "pages": len(pages),
        "workers": workers,
        "database": "postgresql" if database_url else "sqlite",
        "bare_cpu_ms": round(bare_ms, 2),
        "bare_cpu_ms_by_run": [round(1000 * run.cpu_s / len(pages), 2) for run in alone],
        "road_cpu_ms": round(road_ms, 2),
        "cpu_ratio": round(road_ms / bare_ms, 3),
        # A core whose neighbour works too may be slower: the road has all cores at work, and so have two loops.
        "cpu_ratio_to_two_loops": round(road_ms * len(pages) / 1000 / two.cpu_s, 3),
        "start_cpu_s": round(start.cpu_s, 2),
        "road_stories_per_s": round(rate, 2),
        "two_bare_loops_pages_per_s": round(two.stories / two.wall_s, 2),
        "rate_ratio": round(rate / (two.stories / two.wall_s), 3),
        "memory_mb": round(whole.memory_mb),
        "cpu_ms_by_process": {
            role: round(1000 * (cpu_s - start.by_process.get(role, 0.0)) / left, 1)
            for role, cpu_s in whole.by_process.items()
        },
        "start_cpu_s_by_process": start.by_process,
        "road": asdict(whole),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--database-url")
    given = parser.parse_args()
    print(json.dumps(measure(given.corpus, given.copies, given.workers, given.database_url), indent=1))


if __name__ == "__main__":
    main()
