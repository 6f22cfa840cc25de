"""Two versions compared: every word is accounted for, and a hostile page costs no more than a long one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.revisions.diffing import MAX_PARAGRAPHS, MAX_WORDS, Hunk, Version, compare_texts

LEAD = "The ministry said twelve launchers would be sent."
BODY = "A spokeswoman declined to say where."


def shape(hunk: Hunk) -> list[tuple[str, str]]:
    return [(edit.kind, edit.text) for edit in hunk.edits or ()]


def test_an_edited_paragraph_shows_its_words_and_the_others_nothing() -> None:
    diff = compare_texts([LEAD, BODY], [LEAD.replace("twelve", "at least eighteen"), BODY])
    (hunk,) = diff.hunks
    assert shape(hunk) == [
        ("same", "The ministry said "),
        ("deleted", "twelve "),
        ("inserted", "at least eighteen "),
        ("same", "launchers would be sent."),
    ]
    assert (diff.words_added, diff.words_removed, diff.paragraphs_changed) == (3, 1, 1)


def test_added_and_removed_paragraphs_are_told_apart() -> None:
    added, removed = compare_texts([LEAD], [LEAD, BODY]), compare_texts([LEAD, BODY], [BODY])
    assert [(hunk.place, hunk.old, hunk.new) for hunk in added.hunks] == [(1, (), (BODY,))]
    assert [(hunk.place, hunk.old, hunk.new) for hunk in removed.hunks] == [(0, (LEAD,), ())]


def test_a_figure_with_separators_is_one_word_and_chinese_counts_by_the_character() -> None:
    (figure,) = compare_texts(["Cost 1,200.5 crowns"], ["Cost 1,900.5 crowns"]).hunks
    assert ("deleted", "1,200.5 ") in shape(figure)
    chinese = compare_texts(["袭击造成十二人死亡"], ["袭击造成十九人死亡"])
    assert (chinese.words_added, chinese.words_removed) == (1, 1)


paragraphs = st.lists(st.text(st.sampled_from("ab c.1,战é"), min_size=1, max_size=20), max_size=8)


@given(paragraphs, paragraphs)
def test_both_versions_can_be_put_together_from_the_diff(old: list[str], new: list[str]) -> None:
    rebuilt, at = [], 0
    for hunk in compare_texts(old, new).hunks:
        assert list(hunk.old) == old[hunk.place : hunk.place + len(hunk.old)]
        rebuilt += [*old[at : hunk.place], *hunk.new]
        at = hunk.place + len(hunk.old)
    assert [*rebuilt, *old[at:]] == new


def test_what_is_too_long_is_counted_and_says_so() -> None:
    long = " ".join(f"word{n}" for n in range(MAX_WORDS + 1))
    diff = compare_texts([long, BODY], [f"{long} more words", BODY])
    assert diff.is_coarse
    assert (diff.words_added, diff.words_removed, diff.hunks[0].edits) == (2, 0, None)


def test_a_page_of_countless_paragraphs_is_one_hunk_between_its_common_ends() -> None:
    many = [f"Line {n}." for n in range(MAX_PARAGRAPHS + 1)]
    diff = compare_texts(many, [*many[:7], "Changed.", *many[8:]])
    assert [(hunk.place, hunk.old, hunk.new) for hunk in diff.hunks] == [(7, ("Line 7.",), ("Changed.",))]


def test_paragraphs_of_a_version_are_its_text_without_empty_ones() -> None:
    assert Version("T", None, f"{LEAD}\n\n\n\n{BODY}\n\n").paragraphs == [LEAD, BODY]
