"""From where each story of a report has it, and how many of them don't derive from one another.

Asked of the stories of one cluster, or of all clusters of one event. What a page claims (a credit, a citation) can only
take independence away: from the story that claims it, or by making two that claim one source one. What adds an origin
is a report with words of its own, first seen on a site of its own; or, within one cluster, a second agency on its own
site or wire. docs/near-copies.md says what an attacker can do all the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.identity.sources import source_of_site
from pipeline.outcomes import OriginKind
from pipeline.values import Credit

METHOD = "origins-1"

# A node is what may be independent: a cluster, or in a cluster with several agencies' own stories each of those.
Node = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Telling:
    """A story of the set, or a page that repeats one word for word (then `story_id` is that story's, `is_twin`).

    `told_at` is when it says it was published, else when it was stored; `seen_at` is when we stored it. `took_from`
    are stories in other clusters whose words it repeats as a follow-up, or shares.
    """

    story_id: int
    cluster_id: int
    site: str
    told_at: datetime
    seen_at: datetime
    credits: tuple[Credit, ...] = ()
    took_from: tuple[int, ...] = ()
    is_twin: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """From where a story has its report. `story_id` is the origin if it is stored, the story itself for its own.

    `credit` is what says so; None where the words alone do, or nothing.
    """

    kind: OriginKind
    story_id: int | None
    name: str | None = None
    key: str | None = None
    credit: Credit | None = None


@dataclass(frozen=True, slots=True)
class Origins:
    """The origin of each story, and the number of independent ones: of the whole set, and of each cluster."""

    of_story: Mapping[int, Origin]
    independent: int
    of_cluster: Mapping[int, int]


def decide_origins(tellings: Sequence[Telling]) -> Origins:
    """Decide on all stories of a set; the order of `tellings` is of no matter. An empty set has no origin."""
    ordered = sorted(tellings, key=lambda one: (one.told_at, one.story_id, one.is_twin))
    held = _Held(ordered)
    return Origins(
        of_story={one.story_id: _origin_of(one, held) for one in ordered if not one.is_twin},
        independent=_count(ordered, held),
        of_cluster={cluster: _count(members, _Held(members)) for cluster, members in _by_cluster(ordered).items()},
    )


class _Held:
    """What of the set is a source's own: by key the earliest story on its site, and the agencies of each cluster."""

    def __init__(self, ordered: Sequence[Telling]) -> None:
        self.own: dict[str, Telling] = {}
        self.heads: dict[int, Telling] = {}
        self.voices: defaultdict[int, list[str]] = defaultdict(list)
        self.node_of_story: dict[int, Node] = {}
        for one in ordered:
            key = _voice(one)
            if key is None:
                self.own.setdefault(source_of_site(one.site).key, one)
            elif key not in self.voices[one.cluster_id]:
                self.voices[one.cluster_id].append(key)
        # An agency's own story goes before what merely stands on its site.
        for one in reversed(ordered):
            if (key := _voice(one)) is not None:
                self.own[key] = one
        for one in ordered:
            voices = self.voices[one.cluster_id]
            self.node_of_story.setdefault(one.story_id, self.node_of(one))
            if _voice(one) in voices[:1] or (not voices and one.cluster_id not in self.heads):
                self.heads.setdefault(one.cluster_id, one)

    def node_of(self, one: Telling) -> Node:
        """The node of the set to which a telling belongs."""
        voices = self.voices[one.cluster_id]
        if len(voices) < 2:
            return one.cluster_id, ""
        claimed = [_voice(one), *(credit.key for credit in one.credits)]
        return one.cluster_id, next((key for key in claimed if key in voices), voices[0])


def _voice(one: Telling) -> str | None:
    """The agency whose own the telling is: on its own site or wire, and not credited to somebody else."""
    source = source_of_site(one.site)
    is_others = any(credit.is_agency and credit.key != source.key for credit in one.credits)
    return source.key if source.is_agency and not is_others else None


def _origin_of(one: Telling, held: _Held) -> Origin:
    own = source_of_site(one.site)
    for credit in one.credits:
        if credit.key == own.key:
            continue
        source = held.own.get(credit.key)
        is_earlier = source is not None and (credit.is_agency or source.told_at <= one.told_at)
        found = source.story_id if source is not None and is_earlier and source.story_id != one.story_id else None
        kind = OriginKind.AGENCY if credit.is_agency else OriginKind.OUTLET
        return Origin(kind, found, credit.name, credit.key, credit)
    head = held.heads[one.cluster_id]
    head_source = source_of_site(head.site)
    if head.is_twin and head.story_id == one.story_id and head_source.is_agency:
        return Origin(OriginKind.AGENCY, None, head_source.name, head_source.key)
    if _voice(one) is not None or head.story_id == one.story_id:
        return Origin(OriginKind.OWN, one.story_id, own.name, own.key)
    return Origin(OriginKind.COPY, head.story_id, head_source.name, head_source.key)


# ----------------------------------------------------------------------------------------------------------- counting


def _count(ordered: Sequence[Telling], held: _Held) -> int:
    """Groups of nodes of which one derives from no other; at least one, should all claims go in a circle."""
    members: defaultdict[Node, list[Telling]] = defaultdict(list)
    for one in ordered:
        members[held.node_of(one)].append(one)
    if not members:
        return 0
    first_seen = {
        node: min(tellings, key=lambda one: (one.seen_at, one.story_id)) for node, tellings in members.items()
    }
    groups = _Groups(members)
    derived = set()
    for node, tellings in members.items():
        # Whoever copies an agency's own story can claim nothing in its name.
        speaking = [one for one in tellings if _voice(one) is not None] or tellings
        for key, one in _claims(speaking):
            source = held.own.get(key)
            target = None if source is None else held.node_of(source)
            if source is None or target is None:
                groups.join(node, f"claim:{key}")
            elif target != node and _may_derive(one, source, first_seen[node], first_seen[target]):
                derived.add(node)
        first = first_seen[node]
        groups.join(node, f"site:{source_of_site(first.site).key}")
        taken = (held.node_of_story.get(story_id, node) for story_id in first.took_from)
        if any(other != node for other in taken):
            derived.add(node)
    return max(1, len({groups.of(node) for node in members if node not in derived}))


def _claims(tellings: Iterable[Telling]) -> Iterable[tuple[str, Telling]]:
    """Every source that the tellings name, but for their own."""
    for one in tellings:
        own = source_of_site(one.site).key
        yield from ((credit.key, one) for credit in one.credits if credit.key != own)


def _may_derive(one: Telling, source: Telling, first: Telling, source_first: Telling) -> bool:
    """Whether a telling that names a source can have its report from the source's own story, which is in the set.

    An agency's wire is out before its page, so what credits it may be dated before it; but two agencies that name one
    another don't both derive. Of what is merely cited the citing report must be the later one.
    """
    order = (source_first.told_at, source_first.story_id) < (first.told_at, first.story_id)
    if _voice(source) is not None and _voice(one) is None:
        return True
    return order and source.told_at <= one.told_at


class _Groups:
    """Nodes in groups: those that joined one name are one group."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._above: dict[Node | str, Node | str] = {node: node for node in nodes}

    def join(self, node: Node, name: str) -> None:
        above = self.of(node)
        self._above.setdefault(name, above)
        self._above[self.of(name)] = above

    def of(self, one: Node | str) -> Node | str:
        while self._above[one] != one:
            one = self._above[one]
        return one


def _by_cluster(ordered: Sequence[Telling]) -> dict[int, list[Telling]]:
    found: defaultdict[int, list[Telling]] = defaultdict(list)
    for one in ordered:
        found[one.cluster_id].append(one)
    return dict(found)
