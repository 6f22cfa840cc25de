"""Each file of golden/ against the reading beside it. Run this file with python to write the readings anew."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parent / "golden"
FEEDS = sorted(path for path in GOLDEN.iterdir() if not path.name.endswith(".reading.json"))


def _as_json(path: Path) -> Any:
    from feed_samples import NOW

    from pipeline.feeds import read_feed

    read = asdict(read_feed(path.read_bytes(), None, f"https://origin.example/{path.name}", NOW))
    for entry in read["entries"]:
        # Hashes say nothing to the eye; other tests hold what they are made of.
        del entry["key"], entry["version"], entry["digest"]
    return json.loads(json.dumps(read, default=str))


def _expected(path: Path) -> Path:
    return path.with_name(path.name + ".reading.json")


@pytest.mark.parametrize("path", FEEDS, ids=lambda path: path.name)
def test_a_feed_reads_as_its_golden_reading_says(path: Path) -> None:
    assert _as_json(path) == json.loads(_expected(path).read_text("utf-8"))


def test_every_golden_reading_has_its_feed() -> None:
    assert {path.name for path in GOLDEN.glob("*.reading.json")} == {_expected(path).name for path in FEEDS}


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[3]), str(Path(__file__).parent)]
    for feed in FEEDS:
        text = json.dumps(_as_json(feed), indent=1, ensure_ascii=False)
        _expected(feed).write_text(text + "\n", "utf-8")
