"""Pages that go back and forth, and edits that only look like it."""

from __future__ import annotations

from pipeline.revisions.diffing import Version
from pipeline.revisions.returns import is_flip_flop, version_key

A = "The ministry said twelve launchers would be sent."
B = "A spokeswoman declined to say where they would be placed."
C = "The opposition asked for a debate in parliament."


def page(*paragraphs: str, title: str = "Title") -> Version:
    return Version(title, None, "\n\n".join(paragraphs))


def test_a_text_that_is_back_is_a_flip_flop() -> None:
    assert is_flip_flop(page(A, B), page(A, C), [page(A, B)])
    assert is_flip_flop(page(A, title="First"), page(A, title="Second"), [page(A, title="First")])


def test_parts_of_two_earlier_versions_together_are_one_too() -> None:
    assert is_flip_flop(
        page(A, "One.", title="First"), page(A, "One.", title="Second"), [page(A, "Two.", title="First")]
    )


def test_a_line_that_is_another_each_time_rotates() -> None:
    teasers = ["Harbour winter festival opens", "Ten recipes with beetroot", "How chess champions train"]
    one, two, three = (page(A, B, teaser) for teaser in teasers)
    assert is_flip_flop(three, two, [one])
    assert not is_flip_flop(two, one, []), "the first change may be an edit"


def test_a_growing_toll_does_not_rotate() -> None:
    one, two, three = (page(A, f"Police said {n} people were hurt in the port.") for n in (3, 5, 9))
    assert not is_flip_flop(three, two, [one])


def test_headlines_may_follow_one_another() -> None:
    one, two, three = (page(A, title=title) for title in ("Blast in port", "Ten hurt at harbour", "Minister resigns"))
    assert not is_flip_flop(three, two, [one])


def test_taking_a_paragraph_back_for_good_is_an_edit() -> None:
    assert not is_flip_flop(page(A, C), page(A, B, C), [page(A), page(A, B)])


def test_a_key_ignores_nothing_that_is_shown() -> None:
    keys = {
        version_key("T", None, "h"),
        version_key("t", None, "h"),
        version_key("T", "S", "h"),
        version_key("T", "", "g"),
    }
    assert len(keys) == 4
