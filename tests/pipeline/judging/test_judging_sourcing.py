"""On whose word: what a sentence says of its source, and of the standing of a report. All sentences are invented."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from pipeline.judging import judge_story
from pipeline.judging.naming import sentences_of
from pipeline.judging.sourcing import ATTRIBUTIONS_MAX, _words_of, sourcing_in, summarise
from pipeline.judging.sourcing_rules import rules
from pipeline.outcomes import SourceKind, Standing
from pipeline.values import Attribution

NAMED, ANONYMOUS = SourceKind.NAMED_OFFICIAL, SourceKind.ANONYMOUS_OFFICIAL
OUTLET, ARMED, DOCUMENT = SourceKind.OUTLET, SourceKind.ARMED_SIDE, SourceKind.DOCUMENT

SECRET_DECISION = """The president quietly let Ukraine fire on targets in Russia with weapons from the US, Politico
reported on Thursday. The White House is said to have set one condition.

"He told his team that Ukraine may fire back at the troops that fire at it," an unnamed American official stated.

The ban on long-range weapons "has not changed", he added. Politico wrote that fears of a wider war had been weighed.

Although anonymous officials spoke of the decision, it has not yet been officially confirmed. Asked earlier, Deputy
Pentagon Press Secretary Sabrina Singh claimed that the policy had not changed."""


def found(text: str, title: str = "", day: date | None = None) -> list[Attribution]:
    return list(sourcing_in(sentences_of(title, text, "", None), day))


@pytest.mark.parametrize(
    ("text", "source", "name"),
    [
        ("Foreign Minister Ada Brandt said the talks would go on.", NAMED, "Ada Brandt"),
        ("The talks will go on, said Defence Minister Ivo Kessel.", NAMED, "Ivo Kessel"),
        ("President Joana Reis warned that patience was at an end.", NAMED, "Joana Reis"),
        ("Ada Brandt, the foreign minister of Norland, said the talks would go on.", NAMED, "Ada Brandt"),
        ("The White House said the president had been told.", NAMED, "White House"),
        ("The Kremlin announced a day of mourning.", NAMED, "Kremlin"),
        ("Ukraine's foreign ministry said its envoy had left.", NAMED, "Ukraine's foreign ministry"),
        ("Macron said Europe would not look away.", NAMED, "Macron"),
        ("NATO said the exercise was defensive.", NAMED, "NATO"),
        ("Regional governor Oleh Bondar reported three wounded.", NAMED, "Oleh Bondar"),
        ("A senior American official said the decision was made on Monday.", ANONYMOUS, None),
        ("Two Western diplomats said the draft had changed.", ANONYMOUS, None),
        ("Israeli officials said the offer stood.", ANONYMOUS, None),
        ("The strikes will go on, according to a European official.", ANONYMOUS, None),
        ("He spoke on condition of anonymity because the talks are secret.", ANONYMOUS, None),
        ("People familiar with the matter described two meetings.", ANONYMOUS, None),
        ("An unnamed Turkish diplomat laid out the plan.", ANONYMOUS, None),
        ("The envoy, who asked not to be named, listed three demands.", ANONYMOUS, None),
        ("Security sources told a briefing that the road was mined.", ANONYMOUS, None),
        ("A source close to the talks said nothing was agreed.", ANONYMOUS, None),
        ("The brigade will move next week, Politico reported on Friday.", OUTLET, "Politico"),
        ("According to Reuters, the ship turned back.", OUTLET, "Reuters"),
        ("The minister told Al Jazeera that the border stays shut.", OUTLET, "Al Jazeera"),
        ("The newspaper Haaretz wrote that the plan was dropped.", OUTLET, "Haaretz"),
        ("The Harbour Gazette reported that the convoy had left.", OUTLET, "Harbour Gazette"),
        ("State media said the leader had watched the test.", OUTLET, None),
        ("Hamas said it had received the proposal.", ARMED, "Hamas"),
        ("The Israeli military said it had hit forty targets.", ARMED, "Israeli military"),
        (
            "Russia's defence ministry claimed that its troops had taken the village.",
            ARMED,
            "Russia's defence ministry",
        ),
        ("The rebels claimed to hold the airport.", ARMED, "rebels"),
        ("The General Staff reported 140 clashes.", ARMED, "General Staff"),
        ("According to a leaked document, the drones came by sea.", DOCUMENT, "a leaked document"),
        ("A classified memo shows that the order came in March.", DOCUMENT, "A classified memo"),
        ("Documents seen by the court list the buyers.", DOCUMENT, "Documents"),
        ("The draft resolution says both sides must withdraw.", DOCUMENT, "draft resolution"),
    ],
)
def test_a_sentence_says_whose_word_it_gives(text: str, source: SourceKind, name: str | None) -> None:
    assert [(item.source, item.name) for item in found(text)] == [(source, name)]


@pytest.mark.parametrize(
    "text",
    [
        "Officials gathered in the square on Friday.",
        "Two diplomats were expelled from the capital.",
        "The official opening of the bridge was delayed.",
        "Ukraine reported to the court as ordered.",
        "He said nothing of the kind.",
        "They say the winter will be long.",
        "The former defence minister Ivo Kessel said the talks had failed.",
        "The newspaper costs two crowns.",
        "The magazine of the rifle was empty.",
        "He read the Guardian on the train home.",
        "The Times Square screens went dark.",
        "The army marched through the night.",
        "Military aid worth a billion was approved.",
        "The rebels left the town at dawn.",
        "A letter from the front reached his mother.",
        "The document was signed in the palace garden.",
        "Sources of the river lie in the mountains.",
        "The president flew to Geneva on Monday.",
        "A spokesman was appointed last year.",
        "Talks between the two foreign ministers begin today.",
        "The government fell in March.",
        "Hamas holds forty hostages.",
        "NATO was founded in 1949.",
        "The Kremlin wall was repaired.",
        "Reuters has an office in the street that was hit.",
        "The draft of cold air made him shiver.",
        "A commander and two soldiers were killed.",
        "The minister of the parish church rang the bell.",
        "Several aides travelled with him.",
        "He was told to wait outside.",
        "Radio silence was kept until noon.",
        "The police station was shelled twice.",
    ],
)
def test_a_sentence_without_a_source_has_none(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "standing"),
    [
        ("The White House confirmed that the missiles were sent.", Standing.CONFIRMED),
        ("The move was officially confirmed on Sunday.", Standing.CONFIRMED),
        ("Two officials confirmed the account.", Standing.CONFIRMED),
        ("Moscow denied the allegations.", Standing.DENIED),
        ("Tehran has repeatedly denied seeking a bomb.", Standing.DENIED),
        ("The ministry rejected the claims as baseless.", Standing.DENIED),
        ("The army denied targeting the school.", Standing.DENIED),
        ("It has not yet been officially confirmed.", Standing.UNCONFIRMED),
        ("The figures could not be independently verified.", Standing.UNCONFIRMED),
        ("There was no immediate confirmation from Kyiv.", Standing.UNCONFIRMED),
        ("Unconfirmed reports spoke of a second blast.", Standing.UNCONFIRMED),
        ("The Pentagon declined to confirm the number.", Standing.UNCONFIRMED),
        ("Israel has neither confirmed nor denied the strike.", Standing.UNCONFIRMED),
    ],
)
def test_a_sentence_says_what_became_of_a_report(text: str, standing: Standing) -> None:
    assert [item.standing for item in found(text) if item.standing is not None] == [standing]


@pytest.mark.parametrize(
    "text",
    [
        "The court denied bail to both men.",
        "He was denied a visa.",
        "Four soldiers were confirmed dead.",
        "Aid groups were denied access to the camp.",
        "The Senate confirmed him as secretary.",
        "The offer was rejected by the union.",
        "She has a confirmed seat on the flight.",
    ],
)
def test_other_uses_of_the_same_words_are_no_standing(text: str) -> None:
    assert [item.standing for item in found(text) if item.standing is not None] == []


def test_a_secret_decision_is_another_outlets_report_by_anonymous_officials_and_not_confirmed() -> None:
    summary = summarise(found(SECRET_DECISION, "Biden quietly lets Ukraine fire across the border"))
    assert summary.reported_by == ("Politico",)
    assert summary.has_anonymous_officials
    assert summary.is_officially_confirmed is False


def test_a_standing_belongs_to_the_source_that_says_it() -> None:
    (item,) = found("The White House confirmed that the missiles were sent.")
    assert (item.source, item.standing, item.name, item.actor) == (NAMED, Standing.CONFIRMED, "White House", "USA")


def test_a_report_both_confirmed_and_denied_is_neither() -> None:
    summary = summarise(found("The White House confirmed the deal. Moscow denied the reports."))
    assert summary.is_officially_confirmed is None
    assert summarise([]).is_officially_confirmed is None


@pytest.mark.parametrize(
    ("title", "source"),
    [
        ("Army chief to be replaced - media", OUTLET),
        ("Missiles on their way: officials", ANONYMOUS),
        ("Convoy turned back, envoy to stay - Reuters", OUTLET),
    ],
)
def test_a_headline_may_end_with_its_source(title: str, source: SourceKind) -> None:
    assert [item.source for item in found("", title)] == [source]


def test_a_leader_speaks_for_a_state_only_in_office() -> None:
    text = "Trump said the war would end within a day."
    assert [item.actor for item in found(text, day=date(2025, 6, 1))] == ["USA"]
    assert found(text, day=date(2023, 6, 1)) == []


def test_spans_point_at_the_words_in_title_lead_and_body() -> None:
    text = "The road was cut.\n\n" + "Nothing moved. " * 120 + "The Kremlin said it would wait."
    title = "Macron says Europe is ready"
    verdict = judge_story(title, "A senior official said so.", text, "en", datetime(2024, 5, 31, tzinfo=UTC))
    lead = "A senior official said so.\n\n" + text
    wholes = {"title": title, "lead": lead, "body": text}
    assert [item.place for item in verdict.sourcing] == ["title", "lead", "body"]
    for item in (*verdict.sourcing, *verdict.mentions):
        assert wholes[item.place][item.start : item.end] == item.surface


@pytest.mark.parametrize(
    "text",
    [
        "A " + "senior " * 20_000 + "official",
        "The " + "Minister " * 20_000,
        "not yet been " * 20_000,
        "Ada " * 30_000 + "said",
        ", " * 50_000,
        "according to the " * 10_000,
    ],
    ids=["adjectives", "titles", "standing", "names", "commas", "according"],
)
def test_hostile_text_costs_little_and_gives_a_bounded_answer(text: str) -> None:
    assert len(judge_story("T", None, text, "en", None).sourcing) <= ATTRIBUTIONS_MAX


def test_other_languages_have_no_sourcing() -> None:
    assert (
        judge_story("Macron hat es gesagt", None, "Das Weiße Haus sagte: The Kremlin said so.", "de", None).sourcing
        == ()
    )


def asked_and_found(text: str) -> tuple[int, int]:
    """How many expressions are asked of the text's sentences, and how many are not though they would find something."""
    known, asked, lost = rules(), 0, 0
    groups = (known.named, known.anonymous, known.forces, known.outlets, known.documents)
    for part, sentence in sentences_of("", text, "", None):
        words, said = _words_of(sentence), part.text[sentence[0].start : sentence[-1].end]
        for pattern, needs in (rule for group in groups for rule in group):
            is_asked = not any(map(words.isdisjoint, needs))
            asked += is_asked
            lost += not is_asked and pattern.search(said) is not None
        for _, pattern, parts in known.standings:
            lost += pattern.search(said) is not None and not any(part in said for part in parts)
    return asked, lost


@pytest.mark.parametrize(
    "text",
    [
        SECRET_DECISION,
        "The prime minister’s office said so. The president's office denied it. Al-Jazeera's newsroom reported it.",
        "The U.S. State Department said, the U.N. report shows, and Lt. Gen. Ada Obi, the army's spokeswoman, said so.",
        "Two unnamed officials, on condition of anonymity, told the Daily Post; Secretary-General Ivo Kessel said.",
        "'Said the minister', said Defence Minister Ivo Kessel. Russia#39;s foreign ministry said, said the army.",
        "According to leaked documents, state TV reported. The report could not be verified, AP reported.",
    ],
)
def test_a_sentence_is_spared_only_expressions_that_find_nothing_in_it(text: str) -> None:
    asked, lost = asked_and_found(text)
    assert lost == 0
    assert asked > 0


def test_a_sentence_without_a_word_of_saying_is_asked_next_to_nothing() -> None:
    assert asked_and_found("The harvest was brought in early this year, and prices fell in the autumn.") == (1, 0)
