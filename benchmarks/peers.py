"""Frontwire beside other tools on one recorded wire, in one run: stories a second, CPU a story, memory, text F1.

    PYTHONPATH=. python benchmarks/peers.py --corpus DIR --peers D/bin/python [--processes 2]

`--peers` is a Python in which newspaper4k, news-please and fundus are installed (`make bench-peers` sees to it). Each
tool reads the corpus' pages from the same server on loopback, in as many processes at once as Frontwire has workers.
What they do is not the same: a peer fetches and extracts; Frontwire also polls the feeds, asks robots.txt, archives,
judges, compares and stores. The bare loop over the same pages in memory stands beside them, as the unit.

A text counts as read when it has anything; precision and recall are of four-word shingles, means over all pages, so a
page without a text costs recall. Fundus is also measured over those pages alone for whose sites it has a parser.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from benchmarks.end_to_end import bare_loops, road
from benchmarks.extraction_corpus import text_figures
from benchmarks.wire import Page, corpus_digest, load_pages, wire

PEERS = ("newspaper4k", "news-please", "fundus")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one tool took, over all its processes, and the text that it gave by URL ("" for none)."""

    cpu_s: float
    wall_s: float
    memory_mb: float
    texts: Mapping[str, str]


def read_by_peer(python: str, name: str, pages: Sequence[Page], proxy: str, processes: int) -> Reading:
    """The pages shared out to so many processes of a peer."""
    script = str(Path(__file__).with_name("peer_readers.py"))
    with tempfile.TemporaryDirectory(prefix="frontwire-peers-") as directory:
        running = []
        for number in range(processes):
            share = Path(directory) / f"{number}.txt"
            share.write_text("\n".join(page.url for page in pages[number::processes]))
            running.append(
                subprocess.Popen(
                    [python, script, name, str(share), proxy],
                    # Its caches go with the directory, and no proxy of ours but this one is used.
                    env={"HOME": directory, "HTTP_PROXY": proxy, "http_proxy": proxy},
                    cwd=directory,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
        for process in running:
            assert process.stdout is not None
            if process.stdout.readline().strip() != "ready":
                raise SystemExit(f"{name} does not start in {python}: install {' '.join(PEERS)} there")
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
    return Reading(
        cpu_s=sum(one["cpu_s"] for one in told),
        wall_s=max(one["wall_s"] for one in told),
        memory_mb=sum(one["memory_mb"] for one in told),
        texts={url: text for one in told for url, text in one["texts"].items()},
    )


def read_by_frontwire(pages: list[Page], proxy: str, workers: int, with_standfirst: frozenset[str]) -> Reading:
    """The whole road from feeds to SQL, less what its processes cost to start.

    A standfirst, which Frontwire keeps apart, is put before the text of the pages whose answers have theirs there.
    """
    texts: dict[str, str] = {}
    # A page with the words of another is stored once, and both have been read.
    query = """
        SELECT coalesce(urls.link, urls.url), stories.standfirst, stories.text
        FROM urls JOIN stories ON stories.url_id = urls.id OR (urls.state = 'duplicate' AND stories.id = urls.story_id)
    """

    def look_at(data: Path) -> None:
        with contextlib.closing(sqlite3.connect(data / "frontwire.sqlite")) as connection:
            for url, standfirst, text in connection.execute(query):
                texts[url] = f"{standfirst}\n{text}" if standfirst and url in with_standfirst else text

    start = road(pages[:1], proxy, workers, None)
    whole = road(pages, proxy, workers, None, look_at)
    return Reading(whole.cpu_s - start.cpu_s, whole.wall_s - start.wall_s, whole.memory_mb, texts)


def figures(reading: Reading, answers: Mapping[str, str], bare_ms: float) -> dict[str, float | int]:
    """What is told of a tool: rate, CPU as a ratio to the bare loop, memory, and its text against the answers."""
    rows = [text_figures(answer, reading.texts.get(url, "")) for url, answer in answers.items()]
    precision, recall = fmean(row["precision"] for row in rows), fmean(row["recall"] for row in rows)
    cpu_ms = 1000 * reading.cpu_s / len(answers)
    return {
        "read": sum(bool(reading.texts.get(url)) for url in answers),
        "pages_per_s": round(len(answers) / reading.wall_s, 2),
        "cpu_ms": round(cpu_ms, 1),
        "cpu_ratio": round(cpu_ms / bare_ms, 2),
        "memory_mb": round(reading.memory_mb),
        "text_f1": round(2 * precision * recall / (precision + recall), 3) if precision + recall else 0.0,
        "exact": round(fmean(row["exact"] for row in rows), 3),
    }


def measure(corpus: Path, python: str, processes: int) -> dict[str, object]:
    """All tools in one run."""
    pages = load_pages(corpus)
    rows = [json.loads(line) for line in (corpus / "gold.jsonl").read_text("utf-8").splitlines()]
    answers = {page.url: "\n".join(row["paragraphs"]) for page, row in zip(pages, rows, strict=True)}
    with_standfirst = frozenset(page.url for page, row in zip(pages, rows, strict=True) if row.get("kinds"))
    bare = bare_loops(corpus, 1, processes, len(pages))
    bare_ms = 1000 * bare.cpu_s / len(pages)
    with wire(corpus, 1) as proxy:
        readings = {name: read_by_peer(python, name, pages, proxy, processes) for name in PEERS}
        readings["frontwire"] = read_by_frontwire(pages, proxy, processes, with_standfirst)
    known = {url: answer for url, answer in answers.items() if readings["fundus"].texts.get(url)}
    return {
        "corpus": corpus_digest(pages),
        "pages": len(pages),
        "bare_cpu_ms": round(bare_ms, 1),
        "bare_pages_per_s": round(bare.stories / bare.wall_s, 2),
        "tools": {name: figures(reading, answers, bare_ms) for name, reading in readings.items()},
        "pages_that_fundus_reads": len(known),
        "text_f1_there": {name: figures(reading, known, bare_ms)["text_f1"] for name, reading in readings.items()}
        if known
        else {},
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--peers", default=sys.executable, help="a Python that has the peers (default: this one)")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    print(json.dumps(measure(given.corpus, given.peers, given.processes), indent=1))


if __name__ == "__main__":
    main()
