"""A corpus of recorded pages with answers, and how far a reading is from them.

A corpus is a folder with `gold.jsonl`: id, site, url, path (of the gzipped page), paragraphs, and where they are known
title, authors, published and kinds (what each paragraph is; then the standfirst counts to the text).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.extraction import extract

_WORD = re.compile(r"\w+")
# Figures of a corpus, in the order they are printed.
FIGURES = ("F1", "exact", "paragraph_recall", "paragraph_precision", "title", "authors", "day", "minute")


@dataclass(frozen=True)
class Page:
    """A recorded page: its gold as read from the corpus, and its markup."""

    gold: dict[str, Any]
    html: bytes

    @property
    def site(self) -> str:
        """What must not be on both sides of a split."""
        return str(self.gold["site"])


def load_corpus(root: Path) -> list[Page]:
    """All pages of the corpus, in its order."""
    lines = (root / "gold.jsonl").read_text("utf-8").splitlines()
    golds = [json.loads(line) for line in lines]
    return [Page(gold, gzip.decompress((root / gold["path"]).read_bytes())) for gold in golds]


def hash_of_corpus(pages: list[Page]) -> str:
    """16 hex digits over every page and its answers."""
    digest = hashlib.sha256()
    for page in pages:
        digest.update(json.dumps(page.gold, sort_keys=True).encode() + b"\n" + hashlib.sha256(page.html).digest())
    return digest.hexdigest()[:16]


def measure(page: Page) -> dict[str, float]:
    """The page's own figures, those that its gold allows, each 0..1, and `cpu_s`."""
    started = time.process_time()
    got = extract(page.html, page.gold["url"])
    row = {"cpu_s": time.process_time() - started}
    text = got["text"]
    if page.gold.get("kinds") and got.get("summary"):
        text = f"{got['summary']}\n{text}"
    row |= text_figures("\n".join(page.gold["paragraphs"]), text)
    if page.gold.get("kinds"):
        row |= _paragraph_figures(page.gold["paragraphs"], text.split("\n"))
    if page.gold.get("title"):
        row["title"] = float(_key(got["title"]) == _key(page.gold["title"]))
    if page.gold.get("authors"):
        told, found = ({_key(name) for name in names} for names in (page.gold["authors"], got["authors"]))
        row["authors"] = 2 * len(told & found) / (len(told) + len(found))
    if page.gold.get("published"):
        row |= _date_figures(page.gold["published"], got["published"])
    return row


def summarise(rows: list[dict[str, float]]) -> dict[str, float]:
    """The corpus' figures: means over the pages that have one; F1 is that of mean precision and mean recall."""
    out = {name: fmean(values) for name in FIGURES if (values := [row[name] for row in rows if name in row])}
    precision, recall = (fmean(row[name] for row in rows) for name in ("precision", "recall"))
    return {"F1": 2 * precision * recall / (precision + recall)} | out


def text_figures(gold: str, text: str) -> dict[str, float]:
    """Precision and recall of four-word shingles, and whether the words are exactly the gold's, each 0..1."""
    told, found = _shingles(gold), _shingles(text)
    both = sum((told & found).values())
    exact = float(_WORD.findall(gold) == _WORD.findall(text))
    return {
        "precision": both / max(1, found.total()),
        "recall": both / max(1, told.total()),
        "exact": exact,
    }


def _paragraph_figures(gold: list[str], lines: list[str]) -> dict[str, float]:
    told, found = (Counter(filter(None, (" ".join(line.split()) for line in texts))) for texts in (gold, lines))
    both = (told & found).total()
    return {"paragraph_recall": both / max(1, told.total()), "paragraph_precision": both / max(1, found.total())}


def _date_figures(gold: str, found: str | None) -> dict[str, float]:
    told = datetime.fromisoformat(gold)
    got = datetime.fromisoformat(found) if found else None
    days = {told.date(), told.astimezone(UTC).date()} if told.tzinfo else {told.date()}
    figures = {"day": float(got is not None and got.date() in days)}
    if told.tzinfo:
        is_same = got is not None and abs((got - told).total_seconds()) < 60
        figures["minute"] = float(is_same)
    return figures


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    tokens = _WORD.findall(text)
    return Counter(tuple(tokens[i : i + 4]) for i in range(max(1, len(tokens) - 3)) if tokens)


def _key(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
