"""Actors, lexicon and tokens by themselves."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tomllib
from importlib.resources import files
from typing import Any

import pytest

from benchmarks.compile_lists import compiled_lists
from pipeline.judging import MODEL
from pipeline.judging.compiled import compiled
from pipeline.judging.features import features_of
from pipeline.judging.fitted import MODEL_SHA256
from pipeline.judging.gazetteer import _names, actors_in, names_from_sources
from pipeline.judging.lexicon import LEXICONS, inflected, lexicon, lexicon_from_sources
from pipeline.judging.model import HEADS, model
from pipeline.judging.phrases import PhraseTrie
from pipeline.judging.tokens import sentences


def named(text: str) -> list[tuple[str, str]]:
    """(code, surface) of every actor a text names."""
    return [
        (span.actor.code, text[sentence[span.first].start : sentence[span.after - 1].end])
        for sentence in sentences(text)
        for span in actors_in(sentence)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tell us what the US did", [("USA", "US")]),
        ("U.S. and U.N. envoys met", [("USA", "U.S."), ("UN", "U.N.")]),
        ("the jordan of old, a chad, a turkey", []),
        ("Jordan, Chad and Turkey signed", [("JOR", "Jordan"), ("TCD", "Chad"), ("TUR", "Turkey")]),
        ("South Sudan and Sudan", [("SSD", "South Sudan"), ("SDN", "Sudan")]),
        ("Guinea-Bissau and Guinea", [("GNB", "Guinea-Bissau"), ("GIN", "Guinea")]),
        ("Papua New Guinea and Niger", [("PNG", "Papua New Guinea"), ("NER", "Niger")]),
        ("The Kremlin and Downing Street", [("RUS", "Kremlin"), ("GBR", "Downing Street")]),
        ("RUSSIA STRIKES UKRAINE'S PORTS", [("RUS", "RUSSIA"), ("UKR", "UKRAINE'S")]),
        ("Russian-occupied Kharkiv", [("RUS", "Russian"), ("UKR", "Kharkiv")]),
        ("al-Qaeda and Hezbollah", [("AL_QAEDA", "al-Qaeda"), ("HEZBOLLAH", "Hezbollah")]),
        ("The Washington Post reported from Washington", [("USA", "Washington")]),
        ("Michael Jordan in New Mexico", []),
        ("Zelenskyy’s plea to NATO", [("UKR", "Zelenskyy’s"), ("NATO", "NATO")]),
        ("North Korean and South Korean troops", [("PRK", "North Korean"), ("KOR", "South Korean")]),
    ],
)
def test_actors_are_found_longest_first_and_by_case(text: str, expected: list[tuple[str, str]]) -> None:
    assert named(text) == expected


def test_every_member_of_the_united_nations_and_three_more_states_are_known() -> None:
    raw = tomllib.loads(files("pipeline.judging").joinpath("data/actors.toml").read_text("utf-8"))
    states = raw["states"]
    # 193 members, the two observers (Holy See, Palestine), Kosovo, Taiwan, Greenland and Hong Kong.
    assert len(states) == 193 + 2 + 2 + 2
    assert {"XKX", "PSE", "TWN", "VAT", "GRL", "HKG"} <= states.keys()
    for code, ways in states.items():
        for name in ways["name"].split(","):
            assert named(name.strip())[:1] == [(code, name.strip())]


def test_a_full_stop_in_an_acronym_ends_no_sentence_and_one_after_a_word_does() -> None:
    words = [[token.exact for token in sentence] for sentence in sentences("The U.S. Navy left. Israel's army stayed.")]
    assert words == [["The", "US", "Navy", "left"], ["Israel", "army", "stayed"]]


def test_token_offsets_point_into_the_text() -> None:
    text = "N.K. fires; Kyiv’s “cease-fire” #39;s over"
    for sentence in sentences(text):
        for token in sentence:
            assert text[token.start : token.end].lower().startswith(token.word[:1])


@pytest.mark.parametrize(
    ("entry", "forms"),
    [
        ("warn~", ["warn", "warns", "warned", "warning"]),
        ("approve~", ["approve", "approves", "approved", "approving"]),
        ("deny~", ["deny", "denies", "denied", "denying"]),
        ("lift~ ban", ["lift ban", "lifts ban", "lifted ban", "lifting ban"]),
        ("treaty+", ["treaty", "treaties"]),
        ("clash+", ["clash", "clashes"]),
        ("troops", ["troops"]),
    ],
)
def test_an_entry_stands_for_its_forms(entry: str, forms: list[str]) -> None:
    assert inflected(entry) == forms


def test_a_trie_finds_the_longest_phrase_and_goes_on_after_it() -> None:
    trie: PhraseTrie[int] = PhraseTrie()
    trie.add(["trade"], 1)
    trie.add(["trade", "war"], 2)
    trie.add(["war", "crimes", "court"], 3)
    assert list(trie.find(["a", "trade", "war", "crimes", "trade"])) == [(1, 3, 2), (4, 5, 1)]


def test_a_pattern_holds_over_a_gap_within_its_sentence_only() -> None:
    within = features_of("Chile approves the long awaited strikes", "", lexicon("en")).amounts
    across = features_of("Chile approves. Strikes at two airports", "", lexicon("en")).amounts
    assert "p:force: permit +5 strike@t" in within
    assert "p:force: permit +5 strike@t" not in across


def test_all_weights_belong_to_features_that_the_lexicon_still_has() -> None:
    fitted, english = model("en"), lexicon("en")
    assert len(fitted.bias) == len(fitted.step) == len(HEADS) == 16
    patterns = {pattern.name for pattern in english.patterns}
    assert [len(column) for column in fitted.steps] == [len(fitted.place)] * len(HEADS)
    for feature in fitted.place:
        family, name = feature[0], feature[2:].removesuffix("@t").removesuffix("@l")
        if family in "cfz":
            assert name in english.bit
        if family == "p":
            assert name in patterns
        if family == "o":
            assert all(side in english.bit for side in name.split(">"))


def test_the_model_holds_single_words_and_pairs_and_no_text() -> None:
    words = [feature[2:] for feature in model("en").place if feature[0] in "tl"]
    assert len(words) > 10_000
    assert max(len(name.split(" ")) for name in words) == 2


def test_the_model_is_the_file_whose_digest_the_code_and_its_name_carry() -> None:
    digests = []
    for language, digest in MODEL_SHA256.items():
        packed = files("pipeline.judging").joinpath(f"data/{LEXICONS[language]}.model.gz").read_bytes()
        assert hashlib.sha256(packed).hexdigest() == digest
        assert len(packed) < 1_000_000
        digests.append(digest)
    assert hashlib.sha256("".join(digests).encode()).hexdigest()[:8] in MODEL


def test_another_model_file_than_the_fitted_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODEL_SHA256, "en", "0" * 64)
    with pytest.raises(RuntimeError, match="make train"):
        model.__wrapped__("en")


def test_the_compiled_english_lists_are_those_of_their_sources() -> None:
    written = files("pipeline.judging").joinpath("data/english.lists.json").read_text("utf-8")
    assert written == compiled_lists(), "run `make lists`"
    assert compiled("en") is not None
    assert lexicon("en")._replace(forms=None) == lexicon_from_sources("en")._replace(forms=None)
    assert _phrases(lexicon("en").forms) == _phrases(lexicon_from_sources("en").forms)
    assert _phrases(_names("en")) == _phrases(names_from_sources("en"))


def _phrases(trie: PhraseTrie[Any]) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}

    def walk(node: dict[str, Any], phrase: tuple[str, ...]) -> None:
        for word, below in node.items():
            if word:
                walk(below, (*phrase, word))
            else:
                found[phrase] = trie.values[below]

    walk(trie.root, ())
    return found


def test_compiled_lists_of_other_sources_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.judging.compiled.sources_digest", lambda: "another")
    assert compiled.__wrapped__("en") is None


def test_importing_the_room_reads_no_data() -> None:
    program = (
        "import pipeline.judging; from pipeline.judging.lexicon import lexicon; print(lexicon.cache_info().currsize)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["0"]
