"""Which story is a copy, which only shares words, and which clusters are worth a look."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from long_reports import FERRIES, HARVEST
from wire_reports import PARAGRAPHS, REPORT

from pipeline.identity import profiles
from pipeline.identity.comparing import FEATURES, Comparison, compare, names_of
from pipeline.identity.fitted import NEAR_COPIES_SHA256
from pipeline.identity.near_copies import (
    JOIN_AT,
    MAX_CLUSTERS_PER_ANCHOR,
    METHOD,
    SHARES_WORDS,
    Candidate,
    Match,
    are_one,
    pick_cluster,
    rank_clusters,
)
from pipeline.identity.near_copy_model import CopyModel, copy_models, copy_score, score
from pipeline.identity.own_parts import TITLE_FEATURES
from pipeline.identity.profiles import profile
from pipeline.outcomes import Relation

EDITED = "VELES (Wire) - " + REPORT.replace("Tuesday", "Nov. 4").replace("two more", "two additional").replace(
    "No one was hurt.", "There were no injuries."
)
HALF = "\n\n".join(PARAGRAPHS[:3])
BRIEF = PARAGRAPHS[0] + "\n\nSign up for our newsletter."
FOLLOW_UP = f"""Parliament approved on Thursday a deployment of air defence batteries to the northern border by 98 votes
to 31, hours after another attack cut power to a hospital in the regional capital.

Lawmakers added a clause that obliges the government to report every three months on how the systems are used. Speaker
Jan Orlik said the house had acted in the shortest time its rules allow and thanked the opposition for its votes.

The hospital ran on generators for five hours, its director said, and eleven patients were moved to another ward.

{PARAGRAPHS[4]}"""
STATEMENT = (
    "“We will keep these batteries on the border for as long as the attacks go on, and we will ask parliament for the "
    "money that this takes, because nobody in the north should have to sit in the dark,” the minister said."
)
SAME_STATEMENT = f"""A charity in the regional capital opened a night shelter on Tuesday for families without heating.

{STATEMENT}

The shelter has room for sixty people and is run by volunteers, who said that they had asked the city for blankets."""


def market_wrap(day: str, rise: str, index: int, ratio: str, volume: int, yen: str, crude: str, gold: int) -> str:
    return (
        f"Shares on the main exchange closed {rise} percent higher on {day} as investors weighed oil prices. The index "
        f"ended at {index} points. Advancing issues outnumbered decliners by a ratio of {ratio} to 1 on volume of "
        f"{volume} million shares, compared with the average for the last 20 trading days. In currency markets the "
        f"dollar was at {yen} yen. Benchmark crude settled at {crude} dollars a barrel and gold was at {gold} dollars."
    )


MONDAY = market_wrap("Monday", "1.88", 19921, "2.26", 624, "118.47", "72.76", 1449)
THURSDAY = market_wrap("Thursday", "0.37", 20631, "1.66", 562, "101.36", "84.22", 1984)


def by_cluster_last(candidate: Candidate) -> int:
    return -candidate.cluster_id


def relation(text: str, other: str, site: str = "old.example") -> Relation | None:
    copy, shares = pick_cluster(text, "new.example", [Candidate(cluster_id=1, story_id=2, text=other, site=site)])
    found = copy or next(iter(shares), None)
    return found.relation if found else None


@pytest.mark.parametrize("copy", [REPORT, EDITED, HALF, BRIEF, REPORT.upper(), PARAGRAPHS[2] + "\n\n" + HALF])
def test_what_outlets_make_of_a_report_is_a_copy_whichever_came_first(copy: str) -> None:
    assert relation(copy, REPORT) is Relation.COPY
    assert relation(REPORT, copy) is Relation.COPY


def test_a_follow_up_that_repeats_the_background_is_no_copy() -> None:
    assert relation(FOLLOW_UP, REPORT) is Relation.FOLLOW_UP


def test_the_same_report_again_from_its_own_site_is_a_version() -> None:
    assert relation(EDITED, REPORT, site="new.example") is Relation.VERSION


def test_two_market_wraps_from_one_template_are_not_copies() -> None:
    assert relation(THURSDAY, MONDAY) is Relation.SHARES


def test_figures_swapped_in_the_same_words_are_counted() -> None:
    pair = compare(
        profile("Here is the situation on day 41 of the war in the north."),
        profile("Here is the situation on day 42 of the war in the north."),
    )
    assert pair is not None
    assert pair.swapped == 3


def test_a_report_with_a_corrected_toll_is_still_a_copy() -> None:
    assert relation(REPORT.replace("14 drones", "17 drones").replace("40,000", "38,000"), REPORT) is Relation.COPY


def test_the_same_market_wrap_twice_is_a_copy() -> None:
    assert relation("By our markets desk\n\n" + MONDAY, MONDAY) is Relation.COPY


def test_two_stories_with_one_statement_share_nothing() -> None:
    assert relation(SAME_STATEMENT, f"{PARAGRAPHS[0]}\n\n{STATEMENT}\n\n{PARAGRAPHS[1]}") is None


def test_shared_words_count_from_25_on() -> None:
    # The second text holds the first 24 or 25 words of the report among words of its own.
    own = " ".join(f"own{n} text{n}" for n in range(60))
    for count, expected in ((SHARES_WORDS - 1, None), (SHARES_WORDS, Relation.FOLLOW_UP)):
        shared = " ".join(REPORT.split()[100 : 100 + count])
        assert relation(f"{own} {shared} {own}", REPORT) is expected


def test_the_best_cluster_is_joined_and_the_next_best_only_linked() -> None:
    copy, shares = pick_cluster(
        REPORT, None, [Candidate(7, 70, FOLLOW_UP), Candidate(8, 80, EDITED), Candidate(9, 90, HALF)]
    )
    assert copy is not None
    assert copy.relation is Relation.COPY
    assert {copy.cluster_id, *(match.cluster_id for match in shares)} == {7, 8, 9}
    assert {match.relation for match in shares} <= {Relation.SHARES, Relation.FOLLOW_UP}
    assert copy.score >= shares[0].score >= JOIN_AT > shares[1].score


def test_a_cluster_is_judged_by_the_best_of_its_stories() -> None:
    copy, shares = pick_cluster(
        EDITED, None, [Candidate(7, 70, FOLLOW_UP), Candidate(7, 71, BRIEF), Candidate(7, 72, REPORT)]
    )
    assert copy is not None
    assert copy.cluster_id == 7
    assert copy.story_id in (71, 72)
    assert shares == ()


def test_a_story_that_resembles_one_page_of_a_cluster_and_nothing_else_there_is_only_linked() -> None:
    """That page may have been glued together to bring one report under another (P25)."""
    glued = Candidate(7, 71, f"{MONDAY}\n\n{REPORT}")
    other, again = Candidate(7, 70, MONDAY), Candidate(7, 72, EDITED)
    copy, shares = pick_cluster(REPORT, "new.example", [other, glued])
    assert copy is None
    assert [(match.story_id, match.relation, match.score >= JOIN_AT) for match in shares] == [
        (71, Relation.SHARES, True)
    ]
    alone, backed = (pick_cluster(REPORT, "new.example", stories)[0] for stories in ([glued], [other, glued, again]))
    assert alone is not None
    assert backed is not None


def test_a_site_may_print_its_own_report_again_beside_others() -> None:
    stories = [Candidate(7, 70, MONDAY, "a.example"), Candidate(7, 71, EDITED, "new.example")]
    copy, _ = pick_cluster(REPORT, "new.example", stories)
    assert copy is not None
    assert copy.relation is Relation.VERSION


# Less than four fifths of either report each.
GLUES = (
    "\n\n".join((*FERRIES[:3], *HARVEST[:3])),
    "\n\n".join((*FERRIES[:4], *HARVEST[:2], HARVEST[3])),
    "\n\n".join((*HARVEST[:3], *FERRIES[:3])),
)


def paragraphs(*chosen: str) -> str:
    return "\n\n".join(chosen)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_however_many_pages_are_glued_together_a_report_does_not_come_under_another(count: int) -> None:
    """Neither a page with less than four fifths of each report nor several pages that back one another (P25)."""
    glued = [Candidate(7, 71 + n, text) for n, text in enumerate(GLUES[:count])]
    for first, second in ((FERRIES, HARVEST), (HARVEST, FERRIES)):
        stories = [*glued, Candidate(7, 70, paragraphs(*first))]
        copy, shares = pick_cluster(paragraphs(*second), "new.example", stories)
        assert copy is None
        assert [match.relation for match in shares] == [Relation.SHARES]
        alone, _ = pick_cluster(paragraphs(*second), "new.example", glued[:1])
        assert alone is not None, "of one page alone nobody knows that it was glued together"


def test_copies_of_the_head_and_of_the_middle_of_a_report_are_joined_in_it() -> None:
    """What they have in common is little and enough; and a brief may have nothing in common with the end."""
    whole, head, middle = paragraphs(*FERRIES), paragraphs(*FERRIES[:3]), paragraphs(FERRIES[0], *FERRIES[2:4])
    end = Candidate(7, 72, paragraphs(*FERRIES[3:]))
    for text, others in ((head, [Candidate(7, 71, middle)]), (FERRIES[0], [Candidate(7, 71, head), end])):
        copy, _ = pick_cluster(text, "new.example", [*others, Candidate(7, 70, whole)])
        assert copy is not None


def test_clusters_are_one_in_the_mean_and_not_by_their_best_pair() -> None:
    report, edited, half = (Candidate(1, n, text) for n, text in enumerate((REPORT, EDITED, HALF)))
    other, another = Candidate(2, 8, MONDAY), Candidate(2, 9, SAME_STATEMENT)
    page = Candidate(1, 5, BRIEF)
    assert are_one(page, [report, half], [edited])
    assert not are_one(page, [report, other, another], [edited])
    assert not are_one(page, [report], [other])
    assert not are_one(page, [report], [])


def test_pages_glued_together_make_no_clusters_one_though_they_are_the_most() -> None:
    ferries, harvest = Candidate(1, 1, paragraphs(*FERRIES)), Candidate(2, 2, paragraphs(*HARVEST))
    first, second, third = (Candidate(1, 3 + n, text) for n, text in enumerate(GLUES))
    assert not are_one(first, [ferries, second, third], [harvest])
    assert are_one(first, [second, third], [harvest]), "as it would be without the report that they were glued from"


def test_what_was_compared_is_remembered_up_to_so_many_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "REMEMBERED_WORDS", 5_000)
    monkeypatch.setattr(profiles, "_OVER_WORDS", 5_000)
    monkeypatch.setattr(profiles, "_remembered", profiles._Remembered())
    first = profile(REPORT)
    for number in range(640):
        profile(f"{REPORT} number {number}")
        assert profile(REPORT) is first, "what is wanted again and again stays"
    kept = profiles._remembered._profiles.values()
    assert sum(one.words for one in kept) < 5_000 + 5_000 + 250
    assert len(kept) > 10


def test_nothing_to_compare_with_is_no_match() -> None:
    assert pick_cluster(REPORT, None, []) == (None, ())
    assert pick_cluster("", None, [Candidate(1, 2, REPORT)]) == (None, ())
    assert pick_cluster(REPORT, None, [Candidate(1, 2, "")]) == (None, ())


@given(
    st.permutations(
        [Candidate(7, 70, FOLLOW_UP), Candidate(8, 80, EDITED), Candidate(8, 81, HALF), Candidate(9, 90, BRIEF)]
    )
)
def test_the_order_of_the_candidates_changes_nothing(candidates: list[Candidate]) -> None:
    assert pick_cluster(REPORT, None, candidates) == pick_cluster(REPORT, None, sorted(candidates, key=by_cluster_last))


@given(st.integers(min_value=8, max_value=len(REPORT.split())))
def test_the_head_of_a_report_is_a_copy_of_itself_at_any_length(count: int) -> None:
    head = " ".join(REPORT.split()[:count])
    assert relation(head, head) is Relation.COPY


@pytest.mark.parametrize("count", [300, 1_000, 9_000])
def test_a_very_long_text_is_a_copy_of_itself(count: int) -> None:
    text = " ".join(f"word{n}" for n in range(count))
    assert relation(text, text) is Relation.COPY


@given(st.text(), st.text())
def test_any_two_texts_can_be_compared_and_the_order_does_not_matter(one: str, other: str) -> None:
    there, back = compare(profile(one), profile(other)), compare(profile(other), profile(one))
    assert (there is None) is (back is None)
    if there is not None and back is not None:
        assert copy_score(there) == copy_score(back)
        assert 0 <= copy_score(there) <= 1


def test_every_feature_has_its_weights_and_the_file_is_the_one_the_method_names() -> None:
    for model, count in zip(copy_models(), (len(FEATURES), len(FEATURES) + len(TITLE_FEATURES)), strict=True):
        assert len(model.means) == len(model.spreads) == len(model.weights) == count
        assert model.products.shape == (count, count)
        assert not np.tril(model.products, -1).any()
    assert f"near-7-{NEAR_COPIES_SHA256[:8]}" == METHOD


def test_a_score_is_the_logistic_function_of_features_and_products() -> None:
    products = np.array([[0.25, 0.5], [0.0, 0.125]])
    model = CopyModel(0.5, np.array([1.0, 0.0]), np.array([2.0, 1.0]), np.array([1.0, -1.0]), products)
    # Steps: (3 - 1) / 2 = 1 and 9 cut to 3. 0.5 + 1 - 3 + 0.25 + 0.5 * 3 + 0.125 * 9 = 1.375.
    assert score((3.0, 9.0), model) == pytest.approx(1 / (1 + math.exp(-1.375)))


def compared(one: str, other: str, titles: tuple[str | None, str | None] = (None, None)) -> Comparison:
    pair = compare(profile(one, titles[0]), profile(other, titles[1]))
    assert pair is not None
    return pair


def test_features_say_where_the_shared_words_stand() -> None:
    follow_up, copy = compared(FOLLOW_UP, REPORT), compared(EDITED, REPORT)
    assert max(follow_up.mine.gaps) > follow_up.mine.words / 2
    assert follow_up.mine.share(0, 60) < 0.1
    assert follow_up.mine.last < 5
    assert names_of(copy)["inner_lead"] > names_of(follow_up)["inner_lead"]
    assert names_of(copy)["rising"] == 1


def test_a_lead_whose_words_come_back_below_the_block_is_a_subject_of_its_own() -> None:
    lead = "Fishermen in the southern harbour blocked the ferry quay to protest against the quotas.\n\n"
    below = "\n\nThe fishermen said the quay would stay closed until the quotas are lifted in the harbour."
    elsewhere = "\n\nA museum in the east opened its garden for children who want to learn about bees."
    block = "\n\n".join(PARAGRAPHS[:2])
    own, foreign = (names_of(compared(lead + block + end, REPORT)) for end in (below, elsewhere))
    assert own["late_front"] == foreign["late_front"] == pytest.approx(math.log1p(14))
    assert own["late_front_again"] == pytest.approx(math.log1p(4))  # fishermen, harbour, quay, quotas
    assert foreign["late_front_again"] == 0
    assert own["late_front_known"] < 0.2


def test_a_stock_phrase_in_front_does_not_hide_that_the_block_comes_late() -> None:
    own = " ".join(f"own{n}" for n in range(40))
    notice = "Share this article with a friend"
    features = names_of(compared(f"{notice} {own} {REPORT}", f"{notice} {REPORT}"))
    assert features["inner_first"] == 0
    assert features["late_front"] == pytest.approx(math.log1p(46))


def test_titles_count_when_both_texts_have_one() -> None:
    titles = ("Two more batteries for the northern border", "Ministry sends batteries to the northern border")
    features = names_of(compared(HALF, REPORT, titles))
    assert features["titles_shared"] == pytest.approx(4 / 6)  # the, batteries, northern, border; "for" is no match
    assert set(names_of(compared(HALF, REPORT, (titles[0], None)))) == set(FEATURES)
    assert set(features) == {*FEATURES, *TITLE_FEATURES}


def test_the_same_block_is_a_copy_under_a_title_of_the_report_rather_than_under_one_of_its_own() -> None:
    text = f"The grid operator will raise its prices in May, it said on Friday.\n\n{PARAGRAPHS[1]}\n\n{PARAGRAPHS[2]}"
    report = "Air defence batteries for the northern border"
    of_the_report, of_its_own = (
        copy_score(compared(text, REPORT, (title, report)))
        for title in ("Minister sends batteries to northern border", "Power to cost more from May, operator says")
    )
    assert of_the_report > of_its_own


def test_a_rare_anchor_outweighs_common_ones() -> None:
    assert rank_clusters({11: [1], 12: [2, 3, 4, 5], 13: [2, 3, 4, 5]}, 8) == (2, 3, 4, 5, 1)
    assert rank_clusters({11: [1], 12: [2, *range(100, 115)]}, 8)[0] == 1


def test_a_stock_phrase_names_no_cluster() -> None:
    common = range(MAX_CLUSTERS_PER_ANCHOR)
    assert rank_clusters({11: common, 12: common, 13: common}, 8, limit=99) == tuple(common)
    more = range(MAX_CLUSTERS_PER_ANCHOR + 1)
    assert rank_clusters({11: more, 12: more, 13: more}, 8) == ()
    assert rank_clusters({11: []}, 8) == ()


def test_a_long_text_needs_more_than_one_anchor_in_common() -> None:
    assert rank_clusters({11: [1]}, 20) == (1,)
    assert rank_clusters({11: [1]}, 21) == ()
    assert rank_clusters({11: [1], 12: [1]}, 21) == (1,)


def test_clusters_of_equal_weight_come_oldest_first_up_to_the_limit() -> None:
    assert rank_clusters({11: [9, 3, 7]}, 8, limit=2) == (3, 7)


def test_a_match_carries_what_a_link_in_sql_needs() -> None:
    copy, _ = pick_cluster(EDITED, None, [Candidate(7, 70, REPORT)])
    assert copy == Match(cluster_id=7, story_id=70, relation=Relation.COPY, score=pytest.approx(0.95, abs=0.05))
