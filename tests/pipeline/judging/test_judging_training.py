"""Training: folds that do not leak, and the same bytes from the same labels. Needs the `train` extra."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from benchmarks import figures
from benchmarks.labelled import TYPES, folds_of, is_found
from benchmarks.taught import Lesson, all_pieces, copied, pieces_of, read_lesson, write_lesson
from benchmarks.train_model import (
    READ,
    TAUGHT,
    WHOLE,
    WRITTEN,
    Corpus,
    fit,
    folds_with_written,
    held_out_logits,
    labelled_since,
    load,
    packed,
    platt,
    targets,
)
from benchmarks.word_vectors import sentences_of
from pipeline.judging.features import features_of
from pipeline.judging.lexicon import lexicon
from pipeline.judging.model import HEADS
from pipeline.outcomes import PolicyType

ROOT = Path(__file__).parents[3]
COPIED = "The minister said that the army would send new air defence systems before the winter"


def row(
    number: int, title: str, text: str, day: str = "", acts: tuple[str, ...] = (), conflict: int = 0
) -> dict[str, Any]:
    policy = int(bool(acts and conflict))
    labels = {"conflict": conflict, "policy_types": list(acts), "conflict_policy": policy}
    return {"id": str(number), "lang": "en", "date": day, "title": title, "text": text, **labels}


def invented() -> list[dict[str, Any]]:
    """Stories made of one word an act, enough of each for every fold."""
    acts = [act.value for act in PolicyType]
    rows = []
    for number in range(420):
        act = acts[number % len(acts)]
        kind = number % 3
        words = f"{act.replace('_', '')} envoy" if kind == 0 else "shelling village" if kind == 1 else "recipe garden"
        title = f"{words} {chr(97 + number % 26)}{chr(97 + number // 26)}x"
        rows.append(row(number, title, f"{words} today", acts=(act,) if kind == 0 else (), conflict=int(kind < 2)))
    return rows


def test_copies_and_stories_of_one_week_share_a_fold() -> None:
    rows = [row(n, f"title {n} of its own", f"text {n}", f"2023-{1 + n % 12:02d}-{1 + n % 27:02d}") for n in range(200)]
    rows += [row(300, "One headline", COPIED, "2021-05-05"), row(301, "Another one", COPIED + " came", "2022-06-06")]
    rows += [row(302, "Monday", "a", "2023-03-06"), row(303, "Sunday", "b", "2023-03-12")]
    folds = folds_of(rows)
    assert folds[200] == folds[201]
    assert folds[202] == folds[203]
    assert len(set(folds)) == 5


def test_weeks_dealt_anew_stay_whole_and_meet_other_weeks() -> None:
    rows = [row(n, f"title {n} of its own", f"text {n}", f"2023-{1 + n % 12:02d}-{1 + n % 27:02d}") for n in range(200)]
    rows += [row(300, "One headline", COPIED, "2021-05-05"), row(301, "Another one", COPIED + " came", "2022-06-06")]
    first, anew = folds_of(rows), folds_of(rows, deal=1)
    assert anew[200] == anew[201]
    assert sorted(Counter(anew)) == [0, 1, 2, 3, 4]
    assert max(Counter(anew).values()) < 2 * min(Counter(anew).values())
    together = {(a, b) for a in range(200) for b in range(a) if first[a] == first[b]}
    assert together != {(a, b) for a in range(200) for b in range(a) if anew[a] == anew[b]}
    weeks = [date.fromisoformat(item["date"]).isocalendar()[:2] for item in rows[:200]]
    assert len({(week, fold) for week, fold in zip(weeks, anew[:200], strict=True)}) == len(set(weeks))
    assert list(folds_of(rows, deal=1)) == list(anew)


def test_the_same_labels_give_the_same_bytes() -> None:
    rows, words = invented(), lexicon("en")
    corpus = Corpus(
        rows,
        [features_of(r["title"], r["text"], words).amounts for r in rows],
        [sentences_of(r, words) for r in rows],
        [],
        ({"shell": 0, "envoy": 1}, np.eye(2)),
    )
    logits = held_out_logits(corpus, folds_of(rows))
    assert packed(corpus, logits) == packed(corpus, logits)


def test_made_up_stories_teach_the_types_alone_and_are_never_measured() -> None:
    rows = [*invented(), {**row(900, "army orders strikes", "", acts=("force",), conflict=1), "written": 1}]
    heads = targets(rows)
    assert heads["force"][0][-1] == heads["force"][1][-1] == 1
    assert heads["conflict"][1][-1] == heads["act"][1][-1] == 0
    folds = folds_with_written(rows)
    assert folds[-1] == -1
    assert set(folds[:-1]) == {0, 1, 2, 3, 4}


def test_stories_that_one_reader_labelled_are_learnt_from_and_calibrate_nothing(tmp_path: Path) -> None:
    labels = tmp_path / "read.jsonl"
    label = {"conflict": 1, "policy_types": ["talks"], "conflict_policy": 1}
    labels.write_text("".join(json.dumps({"id": name, **label}) + "\n" for name in ("7", "800", "elsewhere")))
    texts = [row(7, "labelled by two", ""), row(800, "army chiefs meet", ""), row(801, "labelled by nobody", "")]
    rows = invented()
    read = labelled_since(texts, labels, rows)
    assert [(story["id"], story["policy_types"], is_found(story)) for story in read] == [("800", ["talks"], False)]
    heads = targets([*rows, *read])
    assert heads["conflict"][0][-1] == heads["conflict"][1][-1] == heads["act"][1][-1] == heads["talks"][0][-1] == 1
    logits = {head: np.linspace(-1.0, 1.0, len(rows)) for head in heads}
    wild = {head: np.append(logit, -1e6) for head, logit in logits.items()}
    assert platt([*rows, *read], wild, np.ones(len(rows) + 1)) == platt(rows, logits, np.ones(len(rows)))


def test_a_theatre_that_is_left_out_is_left_out_whoever_labelled_its_stories(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(figures, "THEATRES", {"Ukraine": {"UKR"}})
    rows = [
        row(1, "Kyiv agrees to talks", "", acts=("talks",), conflict=1),
        row(2, "Gaza truce", "", acts=("talks",), conflict=1),
        {**row(3, "Kyiv orders strikes", "", acts=("force",), conflict=1), "read": 1},
        {**row(4, "Kyiv vows revenge", "", acts=("threat",), conflict=1), "written": 1},
    ]
    masks = []

    def fit(use: np.ndarray[Any, Any]) -> dict[str, Any]:
        masks.append(use.tolist())
        return {head: np.ones(len(rows)) for head in HEADS}

    figures.report_theatres(rows, fit)
    assert masks == [[False, True, False, False]]
    assert "without Ukraine (1)" in capsys.readouterr().out


def test_our_labels_of_other_stories_are_whole() -> None:
    labels = [json.loads(line) for line in (ROOT / READ).read_text("utf-8").splitlines()]
    assert len({label["id"] for label in labels}) == len(labels)
    for label in labels:
        assert label.keys() - {"hard"} == {"id", "conflict", "policy_types", "conflict_policy"}, (
            "labels alone, no texts"
        )
        assert set(label["policy_types"]) <= {act.value for act in PolicyType}
        assert label["conflict_policy"] == int(bool(label["conflict"] and label["policy_types"]))


def test_a_language_with_few_labels_learns_from_made_up_stories_and_from_english_classes(tmp_path: Path) -> None:
    labels, texts, read, written = (tmp_path / f"{name}.jsonl" for name in ("labels", "texts", "read", "written"))
    polish = {**row(1, "Rząd zezwolił na naloty", "", acts=("force",), conflict=1), "lang": "pl"}
    english = row(2, "Government allows air strikes", "", acts=("force",), conflict=1)
    told = {**row(3, "Mecz", ""), "lang": "pl"}
    made_up = {**row(4, "Rozejm", "", acts=("talks",), conflict=1), "lang": "pl"}
    label = {"id": "3", "conflict": 0, "policy_types": [], "conflict_policy": 0}
    for path, lines in ((labels, [polish, english]), (texts, [told]), (read, [label]), (written, [made_up])):
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    corpus = load(labels, texts, read, written, "pl")
    assert [story["id"] for story in corpus.rows] == ["1", "3", "4", "2"]
    assert [is_found(story) for story in corpus.rows] == [True, True, False, False]
    assert folds_with_written(corpus.rows)[2:].tolist() == [-1, -1]
    assert {name[0] for name in corpus.amounts[3]} <= set("cpnofz"), "what is English in it stays out"
    assert "o:headrole>permit" in corpus.amounts[0]
    assert "c:permit@t" in corpus.amounts[3]
    assert targets(corpus.rows, corpus.recipe)["conflict"][1].tolist() == [1, 1, 1, 1], (
        "made-up stories teach all heads"
    )
    assert corpus.space(np.ones(4)).shared == ()


def test_our_made_up_stories_are_whole() -> None:
    stories = [json.loads(line) for line in (ROOT / WRITTEN).read_text("utf-8").splitlines()]
    assert len({story["id"] for story in stories}) == len({(s["title"], s["text"]) for s in stories}) == len(stories)
    for story in stories:
        assert story.keys() == {"id", "lang", "title", "text", "conflict", "policy_types", "conflict_policy"}
        assert story["title"] or story["text"]
        assert story["conflict_policy"] == int(bool(story["conflict"] and story["policy_types"]))
    told = Counter(act for story in stories for act in story["policy_types"])
    assert told.keys() == {act.value for act in PolicyType}
    assert min(told.values()) >= 30


def test_pieces_are_the_headline_and_the_first_sentences_and_none_comes_twice() -> None:
    title = "Ministers agree to meet again in spring"
    first, second = "Ministers agreed on Monday.", '"We shall meet again in spring," one of them said.'
    text = f"{title}\n{first} {second} Too short. This sentence is the fifth and so is not looked at."
    assert pieces_of(row(1, title, text)) == [title, first, second]
    assert pieces_of(row(2, "Short", "Shorter.")) == []


def test_a_lesson_is_read_as_it_was_written(tmp_path: Path) -> None:
    said = np.linspace(-14, 14, 14, dtype=np.float32)
    lesson = Lesson({"b": said, "a": -said}, {"b": np.zeros((0, 14), np.float32), "a": np.vstack([said, said, -said])})
    write_lesson(tmp_path / "lesson.npz", lesson)
    again = read_lesson(tmp_path / "lesson.npz")
    assert again.stories.keys() == {"a", "b"}
    np.testing.assert_allclose(again.stories["b"], np.clip(said, -12.7, 12.7), atol=0.051)
    assert [len(again.pieces[name]) for name in "ab"] == [3, 0]
    np.testing.assert_array_equal(again.pieces["a"][2], again.stories["a"])


def taught_rows() -> list[dict[str, Any]]:
    """Stories whose leads say something of a place that no label depends on."""
    places = ["harbour", "orchard", "library", "stadium", "glacier"]
    return [
        {
            **item,
            "title": f"{item['title']} once more",
            "text": f"The {places[at % 5]} has {at} visitors. So it was then.",
        }
        for at, item in enumerate(invented())
    ]


def lesson_about(rows: list[dict[str, Any]], word: str, act: str) -> Lesson:
    """A teacher who takes whatever names `word` for the act, and nothing else for anything."""

    def says(text: str) -> Any:
        out = np.full(14, -4.0, np.float32)
        out[TYPES.index(act)] = 4.0 if word in text else -4.0
        return out

    return Lesson(
        {item["id"]: says(item["text"]) for item in rows},
        {item["id"]: np.array([says(piece) for piece in pieces_of(item)]) for item in rows},
    )


def taught_corpus(rows: list[dict[str, Any]], lesson: Lesson) -> Corpus:
    words = lexicon("en")
    amounts = [features_of(item["title"], item["text"], words).amounts for item in rows]
    stories = [sentences_of(item, words) for item in rows]
    public = ({"harbour": 0, "orchard": 1}, np.eye(2))
    return Corpus(rows, amounts, stories, [], public, lessons={WHOLE: lesson}, pieces=all_pieces(rows, words))


def test_the_types_learn_from_a_teacher_what_no_label_says() -> None:
    rows = taught_rows()
    corpus = taught_corpus(rows, lesson_about(rows, "harbour", "talks"))
    everything = np.ones(len(rows))
    space = corpus.space(everything)
    _, alone = fit(space, corpus, everything)
    _, taught = fit(space, corpus, everything, corpus.lessons[WHOLE])

    def gain(act: str) -> float:
        before, after = (space.weights(heads[act][0])["l:harbour"] for heads in (alone, taught))
        return after - before

    assert gain("talks") > 0.3
    assert abs(gain("force")) < 0.1
    assert (alone["act"][0] == taught["act"][0]).all()


def test_a_copy_of_the_teacher_sees_nothing_that_is_held_out_and_no_text_that_has_changed() -> None:
    rows = taught_rows()
    corpus = taught_corpus(rows, lesson_about(rows, "harbour", "talks"))
    lesson, held = corpus.lessons[WHOLE], np.arange(len(rows)) % 2
    stories, pieces = dict(lesson.stories), dict(lesson.pieces)
    for at, item in enumerate(rows):
        if held[at]:
            stories[item["id"]] = stories[item["id"]] + 100
            pieces[item["id"]] = pieces[item["id"]] - 100
    pieces[rows[0]["id"]] = pieces[rows[0]["id"]][:1]  # it was asked about another text
    space = corpus.space(1 - held)
    assert corpus.pieces is not None
    x, of_pieces = space.matrix(corpus.amounts), space.matrix(corpus.pieces.amounts)
    use, without_first = 1.0 - held, 1.0 - held
    without_first[0] = 0
    wanted = copied(lesson, rows, without_first, x, corpus.pieces, of_pieces)
    got = copied(Lesson(stories, pieces), rows, use, x, corpus.pieces, of_pieces)
    np.testing.assert_array_equal(wanted[0], got[0])
    np.testing.assert_array_equal(wanted[1], got[1])


def test_our_lesson_knows_the_made_up_stories_as_they_are() -> None:
    lesson = read_lesson(ROOT / TAUGHT)
    written = [json.loads(line) for line in (ROOT / WRITTEN).read_text(encoding="utf-8").splitlines()]
    english = [item for item in written if item["lang"] == "en"]
    assert len(english) > 1_000
    for item in english:
        assert len(lesson.pieces[item["id"]]) == len(pieces_of(item)), item["id"]
    right = [TYPES[int(lesson.stories[item["id"]].argmax())] in item["policy_types"] for item in english]
    assert np.mean(right) > 0.8, "it was fitted on them"
