"""Marking and comparing lose no sign of a text."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.marking import Change, Piece, diff_words, mark_evidence


def evidence(place: str, start: int, end: int, weight: float = 1.0, head: str = "conflict") -> dict[str, Any]:
    return {"place": place, "start": start, "end": end, "weight": weight, "head": head, "feature": "f", "surface": "s"}


def test_evidence_is_marked_where_it_stands() -> None:
    found = mark_evidence(
        "Talks on aid", "In short.", "The army moved.", [evidence("title", 9, 12), evidence("lead", 15, 19, -0.5)]
    )
    assert found["title"] == [Piece("Talks on "), Piece("aid", 1.0, "conflict +1.00")]
    assert found["standfirst"] == [Piece("In short.")]
    assert found["text"] == [Piece("The "), Piece("army", -0.5, "conflict -0.50"), Piece(" moved.")]


def test_a_lead_without_a_standfirst_is_the_text() -> None:
    found = mark_evidence("T", None, "The army moved.", [evidence("lead", 4, 8)])
    assert [piece.text for piece in found["text"] if piece.weight] == ["army"]


def test_overlapping_evidence_adds_up() -> None:
    both = [evidence("title", 0, 4, 1.0), evidence("title", 2, 6, 2.0, "act")]
    assert [(p.text, p.weight) for p in mark_evidence("abcdefg", None, "", both)["title"]] == [
        ("ab", 1.0), ("cd", 3.0), ("ef", 2.0), ("g", 0.0),
    ]  # fmt: skip


SPANS = st.lists(
    st.builds(evidence, st.sampled_from(["title", "lead", "body"]), st.integers(-3, 40), st.integers(-3, 40))
)


@given(title=st.text(max_size=20), standfirst=st.none() | st.text(max_size=20), text=st.text(max_size=40), spans=SPANS)
def test_pieces_put_together_are_the_whole(title: str, standfirst: str | None, text: str, spans: list[Any]) -> None:
    found = {
        name: "".join(p.text for p in pieces) for name, pieces in mark_evidence(title, standfirst, text, spans).items()
    }
    assert found == {"title": title, "standfirst": standfirst or "", "text": text}


def test_a_changed_word_is_found_inside_its_paragraph() -> None:
    assert diff_words("Seven men held.\n\nMore soon.", "Eight men held.\n\nMore soon.") == [
        Change("removed", "Seven"), Change("added", "Eight"), Change("same", " men held.\n\nMore soon."),
    ]  # fmt: skip


WORDS = st.lists(st.sampled_from(["a", "b", "  ", "\n\n", "\n", "é", ". "]), max_size=30).map("".join)


@given(old=WORDS, new=WORDS)
def test_a_diff_spells_both_versions(old: str, new: str) -> None:
    changes = diff_words(old, new)
    assert "".join(c.text for c in changes if c.kind != "added") == old
    assert "".join(c.text for c in changes if c.kind != "removed") == new


def test_a_very_long_changed_paragraph_is_shown_whole() -> None:
    old, new = "a " * 4000, "b " * 4000
    assert diff_words(old, new) == [Change("removed", old), Change("added", new)]
