"""Whose words a story says it has: credit lines of our own making, and what only looks like one."""

from __future__ import annotations

import pytest

from pipeline.identity.credits import CREDITS_MAX, CreditText, cited, read_credits
from pipeline.identity.sources import cited_source, source_named, source_of_site
from pipeline.outcomes import CreditPlace
from tests.pipeline.identity.credit_lines import BODY, LINES


def story_with(where: str, line: str) -> CreditText:
    first, last, inside = (line if where == place else BODY for place in ("first", "last", "body"))
    text = "\n\n".join((first, BODY, inside, BODY, BODY, BODY, last))
    return CreditText(
        authors=(line,) if where == "byline" else ("Ada Obi",),
        dateline=line if where == "dateline" else None,
        text=text,
        dropped=((line, where),) if where not in ("first", "last", "body", "byline", "dateline") else (),
    )


@pytest.mark.parametrize(("where", "line", "keys"), LINES, ids=[f"{where}-{line[:30]}" for where, line, _ in LINES])
def test_a_credit_line_names_its_sources_and_nothing_else(where: str, line: str, keys: tuple[str, ...]) -> None:
    assert {credit.key for credit in read_credits(story_with(where, line))} == set(keys)


def test_the_lines_are_many_and_a_quarter_are_traps() -> None:
    assert len(LINES) >= 75
    assert sum(1 for _, _, keys in LINES if not keys) >= 19


def test_a_credit_keeps_where_it_stands_and_the_words_that_say_it() -> None:
    (credit,) = read_credits(story_with("note", "Źródło: PAP"))
    assert (credit.name, credit.place, credit.surface) == ("PAP", CreditPlace.END, "Źródło: PAP")


def test_a_dateline_goes_before_a_note() -> None:
    told = story_with("first", "KYIV (Reuters) - The ministry said.")
    credits = read_credits(CreditText((), None, told.text, (("With AFP", "note"),)))
    assert [credit.key for credit in credits] == ["reuters", "afp"]


def test_a_page_that_credits_everybody_keeps_a_few() -> None:
    everybody = "Source: " + ", ".join(
        ("AP", "AFP", "EFE", "PAP", "TASS", "DPA", "ANSA", "BNS", "NTB", "TT", "STT") * 3
    )
    credits = read_credits(CreditText((), None, BODY, ((everybody[:160], "note"),)))
    assert 5 < len(credits) <= CREDITS_MAX


def test_an_outlet_that_is_not_listed_is_known_by_its_letters_and_by_its_domain() -> None:
    named, published = cited_source("The Border Courier"), source_of_site("bordercourier.example")
    assert named is not None
    assert named.key == published.key == "bordercourier"
    assert source_named("The Border Courier") is None


def test_a_site_is_an_agencys_only_by_its_whole_domain() -> None:
    assert source_of_site("reuters.com").is_agency
    assert not source_of_site("reuters.example").is_agency
    assert not source_of_site("apnews.com.example").is_agency
    assert source_of_site("AFP").is_agency  # the sender of a watched wire, which whoever added the feed has named


def test_a_citation_without_letters_names_nobody() -> None:
    assert cited("—", "—") is None
