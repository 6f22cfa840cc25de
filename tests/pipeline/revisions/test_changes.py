"""What a revision changed, by class; each class with an edit that is of it and one that is not."""

from __future__ import annotations

import pytest

from pipeline.outcomes import Change, PolicyType
from pipeline.revisions.changes import ChangeFact, acts_of, describe_revision
from pipeline.revisions.diffing import Version
from pipeline.revisions.notices import find_notice
from pipeline.values import ActScore, Verdict

TITLE = "Strike hits port city"
LEAD = "Officials said 12 people were killed in the strike on the harbour early on Monday."
AID = "The ministry said the country would send 30 launchers and 1,200 crews in the spring."
OLD = f"{LEAD}\n\n{AID}"


def facts(new: str, *, old: str = OLD, title: str = TITLE, acts: tuple[str, str] | None = None) -> list[ChangeFact]:
    after = Version(title, None, new)
    notice = find_notice(title, after.paragraphs)
    return list(describe_revision(Version(TITLE, None, old), after, acts, notice).facts)


def classes(new: str, **more: str) -> set[Change]:
    return {fact.change for fact in facts(new, **more)}  # type: ignore[arg-type]


def test_a_headline_is_shown_before_and_after() -> None:
    assert facts(OLD, title="Strike kills dozens in port city") == [
        ChangeFact(Change.HEADLINE, TITLE, "Strike kills dozens in port city")
    ]


@pytest.mark.parametrize(
    ("old", "new", "pair"),
    [
        ("12 people were killed", "at least 19 people were killed", ("12", "19")),
        ("12 people were killed", "twelve people were killed", ("12", "twelve")),
    ],
)
def test_casualties_are_told_old_and_new(old: str, new: str, pair: tuple[str, str]) -> None:
    (fact,) = [fact for fact in facts(OLD.replace(old, new)) if fact.change is Change.CASUALTIES]
    assert (fact.old, fact.new) == pair
    assert "killed" in (fact.near or "")


def test_another_figure_is_no_casualty_even_beside_one() -> None:
    (fact,) = facts(OLD.replace("30 launchers", "45 launchers"))
    assert (fact.change, fact.old, fact.new) == (Change.FIGURES, "30", "45")


@pytest.mark.parametrize(
    "line", ["The deadline was set in 12 days.", "They sent 12 mortars.", "It took 12 skilled crews."]
)
def test_a_deadline_a_mortar_and_a_skill_are_no_casualties(line: str) -> None:
    old = "The convoy left the port in the morning."
    (fact,) = facts(f"{old} {line.replace('12', '19')}", old=f"{old} {line}")
    assert fact.change is Change.FIGURES


def test_casualties_in_other_languages() -> None:
    old = "Bei dem Angriff wurden 12 Menschen getötet, teilte das Ministerium mit."
    assert classes(old.replace("12", "19"), old=old) == {Change.CASUALTIES}
    old = "Внаслідок удару загинули 12 людей, повідомили в міністерстві."
    assert classes(old.replace("12", "19"), old=old) == {Change.CASUALTIES}


def test_who_says_so_and_whether_it_is_confirmed() -> None:
    (fact,) = [f for f in facts(OLD.replace("Officials said", "Officials confirmed")) if f.change is Change.ATTRIBUTION]
    assert (fact.old, fact.new) == ("said", "confirmed")
    denial = "The government later denied that any launcher had been promised."
    assert Change.ATTRIBUTION in classes(f"{OLD}\n\n{denial}")


def test_a_new_paragraph_in_which_somebody_speaks_is_body_alone() -> None:
    assert classes(f"{OLD}\n\nA resident said the windows broke.") == {Change.BODY}


def test_a_correction_note_is_a_change_once() -> None:
    note = "Correction: An earlier version of this story misstated the day of the strike."
    assert facts(f"{OLD}\n\n{note}")[0] == ChangeFact(Change.CORRECTION, new=note)
    before, after = Version(TITLE, None, f"{OLD}\n\n{note}"), Version(TITLE, None, f"{OLD} More.\n\n{note}")
    again = describe_revision(before, after, None, find_notice(TITLE, after.paragraphs), [note])
    assert Change.CORRECTION not in {fact.change for fact in again.facts}


def test_a_changed_verdict_is_a_policy_act() -> None:
    edited = OLD.replace("the country would send", "the country has sent")
    policy_act = ChangeFact(Change.POLICY_ACT, "no conflict policy", "arms_aid")
    assert facts(edited, acts=("no conflict policy", "arms_aid"))[0] == policy_act
    assert policy_act.change not in {fact.change for fact in facts(edited, acts=("arms_aid", "arms_aid"))}


def test_a_verdict_that_trembles_over_the_same_words_is_no_change() -> None:
    assert facts(OLD, acts=("no conflict policy", "arms_aid")) == []


def test_a_verdict_in_a_line() -> None:
    verdict = Verdict("m", True, 0.9, 0.8, 0.5, (ActScore(PolicyType.TALKS, 0.9), ActScore(PolicyType.FORCE, 0.7)))
    assert acts_of(verdict) == "force, talks"
    assert acts_of(Verdict("m", True, 0.9, 0.2, 0.5)) == "no conflict policy"


BORING = [
    (f"Updated 14:02 GMT, 1 March 2026\n\n{OLD}", f"Updated 16:40 GMT, 2 March 2026\n\n{OLD}"),
    (f"{OLD}\n\n1,204 views", f"{OLD}\n\n88k views"),
    (f"{OLD}\n\nJane Doe, 3 hours ago", f"{OLD}\n\nJane Doe, 5 hours ago"),
    (f"Обновлено 14:02\n\n{OLD}", f"Обновлено 15:30\n\n{OLD}"),
    (OLD, OLD.replace("Officials said 12", "Officials  said 12 ").replace("Monday.", "Monday …")),
    (f'{OLD} "No."', f"{OLD} “No.”"),
]


@pytest.mark.parametrize(("old", "new"), BORING, ids=["stamp", "views", "age", "stamp-ru", "space", "quotes"])
def test_stamps_counters_and_typography_are_boring(old: str, new: str) -> None:
    assert describe_revision(Version(TITLE, None, old), Version(TITLE, None, new)).is_boring


TOLD = [
    ("Talks begin on 12 March.", "Talks begin on 14 March."),
    ("The film had 1,204 views when it was taken down.", "The film had 9,800 views when it was taken down."),
    ("Killed: 12", "Killed: 19"),
]


@pytest.mark.parametrize(("old", "new"), TOLD, ids=["date", "views", "toll"])
def test_a_date_or_count_that_the_story_tells_is_not_boring(old: str, new: str) -> None:
    assert classes(f"{OLD}\n\n{new}", old=f"{OLD}\n\n{old}") & {Change.FIGURES, Change.CASUALTIES}
