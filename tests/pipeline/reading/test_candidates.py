"""The choice of a candidate: never much less than the page plainly shows without saying so."""

from __future__ import annotations

import pytest
from reading_pages import PARAGRAPHS, RELATED, SHAPES, TITLE, document, page, story

from pipeline.outcomes import Reason
from pipeline.reading import candidates
from pipeline.values import Unread

LONG = tuple(f"{text} It was the {n}th such report." for n in range(6) for text in PARAGRAPHS)


def test_the_quick_extraction_alone_is_asked_on_plain_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    extracted = candidates._extracted

    def counted(tree, url, mode, **more):  # type: ignore[no-untyped-def]
        asked.append(mode)
        return extracted(tree, url, mode, **more)

    monkeypatch.setattr(candidates, "_extracted", counted)
    for name in ("figure", "data attributes"):
        story(SHAPES[name]())
    assert set(asked) == {"quick"}


def test_a_story_in_a_box_that_extractors_take_for_a_form_is_found_all_the_same() -> None:
    text = "".join(f"<p>{p}</p>" for p in LONG)
    got = story(document(f"<h1>{TITLE}</h1><button class=x>{text}</button><div><p>{PARAGRAPHS[0]}</p></div>"))
    assert len(got.text) > 0.9 * len("\n\n".join(LONG[:4]))


def test_a_page_whose_every_paragraph_is_taken_out_is_an_outcome_that_says_how_much_was_there() -> None:
    notice = (
        "Sign up for the letter of the harbour, which comes each morning before the first ship leaves, to hear more."
    )
    text = "".join(f"<p>{notice} Number {n}.</p>" for n in range(20))
    got = page(document(f"<article><h1>{TITLE}</h1><p>The strait is open again.</p>{text}</article>"))
    assert isinstance(got, Unread)
    assert got.reason is Reason.NO_TEXT
    assert "characters" in got.detail
    assert len(got.dropped) >= 20


def test_a_short_story_beside_long_teasers_is_a_story() -> None:
    teasers = "".join(f"<li><a href=/{n}><p>{text} {PARAGRAPHS[n]}</p></a></li>" for n, text in enumerate(RELATED))
    got = story(
        document(f"<article><h1>{TITLE}</h1><p>{PARAGRAPHS[0]}</p><p>{PARAGRAPHS[1]}</p></article><ul>{teasers}</ul>")
    )
    assert got.text.split("\n\n") == list(PARAGRAPHS[:2])
