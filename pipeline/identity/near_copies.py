"""Whether a story is a copy of one already stored, and which clusters are worth comparing it with.

The store keeps, for each anchor, the clusters that contain it. A new story's anchors name a few clusters; up to five
stories of each are compared with it word by word; the best of them, if good enough, is its cluster. See
docs/near-copies.md for the measurements behind the numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import log

from pipeline.identity.comparing import Comparison, compare, shared_words
from pipeline.identity.fitted import NEAR_COPIES_SHA256
from pipeline.identity.long_words import LEAD_WORDS
from pipeline.identity.near_copy_model import copy_score
from pipeline.identity.profiles import Profile, common_shingles, profile
from pipeline.outcomes import Relation

# Stored with every link and cluster. Other features, weights or thresholds are another method.
METHOD = f"near-7-{NEAR_COPIES_SHA256[:8]}"

MAX_CLUSTERS = 6
# Of a cluster the founder and its newest stories are compared: copies are copied from both.
REPRESENTATIVES = 5

# An anchor in more clusters than this is a stock phrase and names nobody; no more rows are written at the second.
MAX_CLUSTERS_PER_ANCHOR = 24
STOP_ANCHOR_AT = 96
# A cluster that weighs less is not compared. One anchor that a dozen clusters have weighs 1.1; in a long text, which
# has more chance hits and more anchors to lose, it takes two anchors. Loses 1 copy in 500 and saves half of the work.
MIN_WEIGHT = 1.8
LONG_TEXT_ANCHORS = 20
MIN_WEIGHT_LONG = 3.3

# A missed copy shows one report twice; a wrong join hides an independent report. The second is worse, hence not 0.5.
JOIN_AT = 0.74
# From here on the other stories of the cluster could change nothing.
SURE_AT = 0.95
# Two clusters in both of which one story has a copy are one report when their other stories score so in the mean (what
# is called average linkage). Their best pair alone would let reports that grow into one another run together.
TOGETHER_AT = 0.5
# A page may have been glued together from two reports, to bring the second under the first. So a story of which more
# than WHOLE_AT lies in one page of a cluster, and of which the cluster's other stories have not even so much that they
# score BACKED_AT, is not joined with it. Briefs and rewritten copies often meet one story of their cluster alone, but
# with less of their words.
WHOLE_AT = 0.8
BACKED_AT = 0.05
# And a page with a part of PART_SHINGLES and more from each of two stories that have less than APART of it in common
# with one another makes no report of the two, however many such pages there are. Of true copies one in 300 is missed
# for it: an outlet took the head of a long report, another its end.
PART_SHINGLES = 100
APART = 0.02
# Words in common from which two stories are linked without being joined.
SHARES_WORDS = 25
# A follow-up has at most this share of its lead from the other story.
FOLLOW_UP_LEAD = 0.5
# With so many shingles that differ in a figure only, the two are numbers of a series and none follows up the other.
SERIES_SWAPPED = 8


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored story that stands for its cluster. `site` is the outlet's registered domain."""

    cluster_id: int
    story_id: int
    text: str
    site: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A stored story that the new one resembles. `score` is 0..1, how likely they are one report (METHOD)."""

    cluster_id: int
    story_id: int
    relation: Relation
    score: float


def pick_cluster(
    text: str, site: str | None, candidates: Sequence[Candidate], title: str | None = None
) -> tuple[Match | None, tuple[Match, ...]]:
    """The story whose cluster `text` joins, or None; and the stories it is only linked with, best first.

    A pair of which one has no title is judged by the texts alone, somewhat less well.

    At most one match per cluster. A cluster that also scored JOIN_AT or more but was not the best, or of which no other
    story backs the match, is among the second: its score says so. Within a cluster stories are compared in the order
    given until one is surely the same report; the order of the clusters does not matter.
    """
    clusters = groupby(sorted(candidates, key=lambda one: one.cluster_id), key=lambda one: one.cluster_id)
    own = profile(text, title)
    found = [best for _, stories in clusters if (best := _best_of_cluster(own, site, list(stories))) is not None]
    found.sort(key=lambda best: (-best[0].score, best[0].cluster_id))
    copy = next((match for match, is_backed in found if is_backed and match.score >= JOIN_AT), None)
    return copy, tuple(_not_joined(match) for match, _ in found if match is not copy)


def are_one(page: Candidate, some: Sequence[Candidate], others: Sequence[Candidate]) -> bool:
    """Whether two clusters in both of which `page` has a copy are one report, by the stories that stand for them."""
    own = profile(page.text, page.title)
    mine, theirs = ([profile(story.text, story.title) for story in stories] for stories in (some, others))
    if any(is_glued(own, one, theirs) for one in mine):
        return False
    scores = [_score(one, other) for one in mine for other in theirs]
    return bool(scores) and sum(scores) / len(scores) >= TOGETHER_AT


def rank_clusters(hits: Mapping[int, Sequence[int]], anchor_count: int, limit: int = MAX_CLUSTERS) -> tuple[int, ...]:
    """The ids of the clusters worth comparing, best first, at most `limit`.

    `hits` maps each anchor of the story to the clusters that contain it; `anchor_count` is how many anchors the story
    has. A rare anchor weighs more than a common one; lists longer than MAX_CLUSTERS_PER_ANCHOR are skipped.
    """
    weights: defaultdict[int, float] = defaultdict(float)
    for cluster_ids in hits.values():
        if 0 < len(cluster_ids) <= MAX_CLUSTERS_PER_ANCHOR:
            weight = log(1 + MAX_CLUSTERS_PER_ANCHOR / len(cluster_ids))
            for cluster_id in cluster_ids:
                weights[cluster_id] += weight
    least = MIN_WEIGHT_LONG if anchor_count > LONG_TEXT_ANCHORS else MIN_WEIGHT
    # Rounded, because a sum of floats must not depend on the order of the rows.
    ranked = sorted((-round(weight, 6), cluster_id) for cluster_id, weight in weights.items() if weight >= least)
    return tuple(cluster_id for _, cluster_id in ranked[:limit])


def _best_of_cluster(own: Profile, site: str | None, stories: Sequence[Candidate]) -> tuple[Match, bool] | None:
    """The best match of one cluster, or None when no story of it is a copy or shares SHARES_WORDS words.

    And whether it may be trusted: a page of another site that has nearly all of the text must be backed by another
    story of the cluster, if there is one, and no page may be glued together from the text and another story.
    """
    best: Match | None = None
    page, alike, needs_backing = own, 0, False
    for story in stories:
        other = profile(story.text, story.title)
        pair = compare(own, other)
        if pair is None:
            continue
        score = _pair_score(own, other, pair)
        alike += score >= BACKED_AT
        if score < JOIN_AT and shared_words(pair) < SHARES_WORDS:
            continue
        if best is None or score > best.score:
            best = Match(story.cluster_id, story.story_id, _relation(pair, score, site, story.site), score)
            page = other
            is_whole = pair.mine.shared > WHOLE_AT * pair.mine.words
            needs_backing = is_whole and len(stories) > 1 and best.relation is not Relation.VERSION
        if best.score >= SURE_AT and (alike > 1 or not needs_backing):
            break
    if best is None:
        return None
    if best.relation is Relation.COPY and (alike > 1 or not needs_backing):
        others = (profile(story.text, story.title) for story in stories if story.story_id != best.story_id)
        return best, not is_glued(page, own, others)
    return best, alike > 1 or not needs_backing


def is_glued(page: Profile, one: Profile, others: Iterable[Profile]) -> bool:
    """Whether the page has a part from `one` and another from one of the others, which have nothing in common."""
    part = common_shingles(page, one)
    if min(part, len(page.distinct) - part) < PART_SHINGLES:
        return False
    return any(
        common_shingles(one, other) < APART * part and common_shingles(page, other) >= PART_SHINGLES for other in others
    )


def _score(own: Profile, other: Profile) -> float:
    pair = compare(own, other)
    return 0.0 if pair is None else _pair_score(own, other, pair)


def _pair_score(own: Profile, other: Profile, pair: Comparison) -> float:
    # The same words are the same report at any length; few words say little to a model fitted on whole stories.
    return 1.0 if own.said == other.said else copy_score(pair)


def _relation(pair: Comparison, score: float, site: str | None, other_site: str | None) -> Relation:
    """What the new text (`pair.mine`) is to the stored one."""
    if score >= JOIN_AT:
        return Relation.VERSION if site is not None and site == other_site else Relation.COPY
    has_own_lead = pair.mine.share(0, min(LEAD_WORDS, pair.mine.words)) < FOLLOW_UP_LEAD
    return Relation.FOLLOW_UP if has_own_lead and pair.swapped < SERIES_SWAPPED else Relation.SHARES


def _not_joined(match: Match) -> Match:
    return replace(match, relation=Relation.SHARES) if match.score >= JOIN_AT else match
