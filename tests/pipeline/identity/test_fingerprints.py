"""The hash that identical texts share and the anchors that near-copies share."""

from hypothesis import given
from hypothesis import strategies as st
from wire_reports import PARAGRAPHS, REPORT

from pipeline.identity.fingerprints import MAX_ANCHORS, METHOD, MIN_ANCHORS, anchors, fingerprint, shingles
from pipeline.identity.past_anchors import past_anchors
from pipeline.identity.shingles import cut_text, hashed, passages

# Frozen: rows in SQL were written with these. If the hash must change, METHOD changes with it; if an anchor must,
# near_copies.METHOD does, and past_anchors learns how it was made.
REPORT_HASH = "2e6f1d165f8d6a06d57e6fecf718ff85418c0831aa30e33b9964a3e369784416"
REPORT_ANCHORS = (
    27776973679226772,
    240542107078267975,
    295911007239326197,
    347254949253599179,
    490816275411086314,
    567681570391006860,
    625045554989968285,
    655151179503106667,
    714158996539309899,
    741859235311695607,
    790642151746511086,
    794637409748321899,
    843476010248682094,
    853657684743705787,
    960379584748308285,
    1151013935162656942,
)
PAST_REPORT_ANCHORS = (
    64772878766693575,
    141643988346759410,
    504251259071667747,
    538115334325698989,
    675392734586098497,
    688120373122680824,
    692185631126142526,
    815807267215096036,
)
CJK_HASH = "0a1c6568a613476ea925a3d579ea699a76c067a59d71b87ec3e021133441862c"
CJK_ANCHORS = (-8914904263419063813, -5355344762996400087, 1905973373758292042, 6325980410844399470)
PAST_CJK_ANCHORS = (-8214964213025379425, -5718821140915320092, 3044061635021906854, 8522730481335525092)


def test_the_fingerprint_of_a_report_never_changes_under_its_method() -> None:
    found = fingerprint("Batteries for the north", REPORT)
    assert (found.method, METHOD) == ("fp-1", "fp-1")
    assert found.content_hash == REPORT_HASH
    assert found.anchors == REPORT_ANCHORS
    assert found.word_count == 207


def test_a_text_without_spaces_is_fingerprinted_by_its_characters() -> None:
    found = fingerprint("停火", "双方同意停火")
    assert (found.content_hash, found.anchors, found.word_count) == (CJK_HASH, CJK_ANCHORS, 6)


def test_the_anchors_of_an_earlier_hashing_are_known_to_the_last_bit() -> None:
    assert past_anchors(REPORT) == PAST_REPORT_ANCHORS
    assert past_anchors("双方同意停火") == PAST_CJK_ANCHORS


def test_case_spacing_punctuation_and_zero_width_characters_do_not_count() -> None:
    disguised = REPORT.upper().replace(" ", "  ").replace(".", "\u200b …").replace("the", "t\u00adhe")
    assert fingerprint("", disguised) == fingerprint("", REPORT)


def test_one_other_figure_is_another_hash() -> None:
    edited = REPORT.replace("14 drones", "15 drones")
    assert fingerprint("", edited).content_hash != REPORT_HASH


def test_the_title_tells_short_texts_apart_and_is_ignored_for_long_ones() -> None:
    brief = "More details soon."
    assert fingerprint("Truce signed", brief).content_hash != fingerprint("Truce broken", brief).content_hash
    assert fingerprint("Truce signed", REPORT).content_hash == fingerprint("Truce broken", REPORT).content_hash


def test_a_title_does_not_run_into_the_text() -> None:
    assert fingerprint("Truce", "signed today").content_hash != fingerprint("Truce signed", "today").content_hash


def test_a_short_text_has_enough_anchors_and_an_endless_one_not_too_many() -> None:
    assert len(anchors(PARAGRAPHS[0])) == MIN_ANCHORS
    assert len(anchors(" ".join(f"word{n}" for n in range(20_000)))) == MAX_ANCHORS


def test_a_copy_cut_by_half_keeps_anchors_of_its_source() -> None:
    assert len(set(anchors("\n\n".join(PARAGRAPHS[:3]))) & set(REPORT_ANCHORS)) >= 3


def test_texts_without_words_have_no_anchors() -> None:
    assert anchors("") == anchors(" — …") == ()
    assert len(anchors("Truce")) == 1


STATEMENT = "we will keep the batteries on the border for as long as the attacks go on"


def test_a_shared_statement_leaves_no_shared_shingle_in_any_quotation_marks() -> None:
    plain = shingles(STATEMENT)
    for opened, closed in ("“”", '""', "«»", "„“", "»«", "„”"):
        story = (
            f"The minister spoke to reporters in the capital. {opened}{STATEMENT}{closed}, she said on Tuesday evening."
        )
        assert not plain & shingles(story), opened


def test_a_quoted_phrase_of_a_word_or_two_stays_in_the_text() -> None:
    assert passages('They left the "safe zone" on foot.') == [["they", "left", "the", "safe", "zone", "on", "foot"]]


def test_text_between_two_quotations_is_not_taken_for_one() -> None:
    story = "«Oui», a dit le ministre de la défense devant les journalistes, «non», a dit son adversaire politique."
    [only] = passages(story)
    assert only[:6] == ["oui", "a", "dit", "le", "ministre", "de"]
    assert only[-5:] == ["a", "dit", "son", "adversaire", "politique"]


def test_a_speech_that_is_one_long_quotation_is_not_masked() -> None:
    assert shingles(f"“{STATEMENT}”") == shingles(STATEMENT)


def test_a_mark_that_never_closes_masks_nothing() -> None:
    assert shingles(f"“{STATEMENT}\n\nThe end of it.") >= shingles(STATEMENT)


@given(st.text(), st.text())
def test_any_text_has_a_fingerprint_with_distinct_sorted_64_bit_anchors(title: str, text: str) -> None:
    found = fingerprint(title, text)
    assert len(found.content_hash) == 64
    assert list(found.anchors) == sorted(set(found.anchors))
    assert all(-(2**63) <= anchor < 2**63 for anchor in found.anchors)
    assert set(found.anchors) <= shingles(text)


def test_the_hash_of_a_word_never_changes_and_tells_that_the_word_is_long() -> None:
    found = hashed(["the", "ministry", "17", "дня"]).tolist()
    assert found == [3335937834387621255, -5554863880731260352, 8985587026486570576, 5707970365064291313]
    assert hashed([]).tolist() == []


@given(st.lists(st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12), max_size=40))
def test_a_word_has_one_hash_wherever_it_stands(some: list[str]) -> None:
    assert hashed(some).tolist() == [hashed([word]).tolist()[0] for word in some]


def test_words_with_digits_of_any_script_are_figures() -> None:
    cut = cut_text("On day 41 and ٤١ the north had 3rd class roads, half of them open.")
    assert [cut.words[place] for place in cut.figures] == ["41", "٤١", "3rd"]


def test_a_text_of_many_thousand_letters_is_hashed_in_parts_with_the_same_result() -> None:
    words = [f"word{number} of" for number in range(5_000)]
    text, endless = " ".join(words), "x" * 100_000
    whole = cut_text(f"{text} {endless} {text}")
    part = cut_text(text)
    assert whole.hashes[:10_000].tolist() == whole.hashes[10_001:].tolist() == part.hashes.tolist()
    assert whole.figures == [*part.figures, *(10_001 + place for place in part.figures)]
    assert len(part.figures) == 5_000
