"""The guard of the figures is a guard: a figure below its floor is named, and folds split by site."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from benchmarks.extraction_corpus import hash_of_corpus, load_corpus, measure, summarise
from benchmarks.extraction_quality import THRESHOLDS, check_floor, fold_of, set_to

WORDS = "Ministers agreed on Friday to let grain ships pass the strait again under the escort of a patrol boat"


def corpus(root: Path, *, told: str = "fresh") -> Path:
    paragraphs = [f"{WORDS}, said report number {n} of the harbour office in its {told} edition." for n in range(6)]
    text = "".join(f"<p>{p}</p>" for p in paragraphs)
    html = (
        f"<html><head><title>Ships pass</title></head><body><article><h1>Ships pass</h1>{text}</article></body></html>"
    )
    (root / "1.html.gz").write_bytes(gzip.compress(html.encode(), mtime=0))
    gold = {
        "id": "1",
        "site": "harbour",
        "url": "https://harbour.example/1",
        "path": "1.html.gz",
        "title": "Ships pass",
    }
    (root / "gold.jsonl").write_text(json.dumps(gold | {"paragraphs": paragraphs, "kinds": ["paragraph"] * 6}))
    return root


def test_a_page_that_is_read_whole_has_full_figures_and_one_with_other_answers_has_not(tmp_path: Path) -> None:
    (page,) = load_corpus(corpus(tmp_path))
    figures = summarise([measure(page)])
    assert figures == dict.fromkeys(figures, 1.0)
    (other,) = load_corpus(corpus(tmp_path, told="second"))
    wrong = type(page)(page.gold | {"paragraphs": other.gold["paragraphs"][:3]}, page.html)
    assert summarise([measure(wrong)])["exact"] == 0.0
    assert hash_of_corpus([page]) != hash_of_corpus([other])


def test_a_figure_below_its_floor_is_named_and_an_unknown_corpus_has_no_floor() -> None:
    figures = dict.fromkeys(
        ("F1", "exact", "paragraph_recall", "paragraph_precision", "title", "authors", "day", "minute"), 0.985
    )
    assert [fault.split()[0] for fault in check_floor(figures, "d815cdd0a5d014a4")] == ["minute"]
    assert check_floor(figures, "unknown") == []


def test_thresholds_are_set_for_a_while_and_exist() -> None:
    before = [getattr(module, name) for module, name in THRESHOLDS]
    assert all(value in values for value, values in zip(before, THRESHOLDS.values(), strict=True))
    with set_to({threshold: values[0] for threshold, values in THRESHOLDS.items()}):
        assert [getattr(module, name) for module, name in THRESHOLDS] == [v[0] for v in THRESHOLDS.values()]
    assert [getattr(module, name) for module, name in THRESHOLDS] == before
    assert {fold_of(f"site-{n}") for n in range(50)} == set(range(5))
