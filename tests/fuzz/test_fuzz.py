"""Every change is fuzzed a little, by fixed mutants and by hypothesis, and every input ever found is tried again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fuzz_mutants import mutant
from fuzz_runner import FOUND, LIMIT_CPU_S, stretches, try_one, try_stretch, try_tree
from fuzz_seeds import seeds
from fuzz_targets import TARGETS
from hypothesis import given, settings
from hypothesis import strategies as st

MUTANTS = 1000
EACH = pytest.mark.parametrize("name", TARGETS)
SMALL = tuple(name for name in TARGETS if name not in ("page", "charset"))
FINDINGS = sorted(FOUND.glob("*.bin"))


@EACH
def test_a_thousand_mutants_raise_nothing_and_none_takes_long(name: str) -> None:
    count = int(MUTANTS * TARGETS[name].share)

    for stretch in stretches(name, 20261122, count, None, size=count):
        end = try_stretch(stretch)
        assert not end.findings, end.findings[0].error or f"{end.findings[0].cpu_s:.1f} s of CPU"


@EACH
def test_every_seed_passes_as_it_is(name: str) -> None:
    for data in seeds(TARGETS[name].seeds)[:: 1 if name in SMALL else 4]:
        TARGETS[name].run(data)


@pytest.mark.parametrize("path", FINDINGS, ids=[path.name for path in FINDINGS])
def test_what_was_found_once_is_mended(path: Path) -> None:
    finding, cpu_s = try_one(path.name.partition("-")[0], 0, path.read_bytes())
    assert finding is None, finding.error if finding else ""
    assert cpu_s < LIMIT_CPU_S


@pytest.mark.parametrize("name", SMALL)
def test_any_bytes_keep_the_contract(name: str) -> None:
    @settings(max_examples=100, deadline=None, database=None, derandomize=True)
    @given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
    def holds(data: bytes) -> None:
        TARGETS[name].run(data)

    holds()


def test_the_same_seed_and_number_make_the_same_mutant() -> None:
    start_from = seeds("feeds")
    made = [mutant(start_from, 7, number) for number in range(50)]
    assert made == [mutant(start_from, 7, number) for number in range(50)]
    assert len(set(made)) > 45


def test_a_target_that_raises_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(data: bytes) -> None:
        raise KeyError("x")

    monkeypatch.setitem(TARGETS, "feed", type(TARGETS["feed"])("feed", "feeds", fails))
    end = try_stretch(stretches("feed", 1, 3, None)[0])
    assert [finding.number for finding in end.findings] == [0, 1, 2]
    assert "KeyError" in end.findings[0].error


def test_every_file_of_a_tree_is_read_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "below").mkdir()
    for name in ("a.xml", "below/b.xml"):
        (tmp_path / name).write_bytes(name.encode())
    read: list[bytes] = []

    def run(data: bytes) -> None:
        read.append(data)
        assert data != b"below/b.xml"

    monkeypatch.setitem(TARGETS, "feed", replace(TARGETS["feed"], run=run))
    files, end = try_tree("feed", tmp_path)
    assert (files, read) == (2, [b"a.xml", b"below/b.xml"])
    assert [finding.data for finding in end.findings] == [b"below/b.xml"]
