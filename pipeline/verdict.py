"""What a verdict on a story says: its closed lists and its values.

`pipeline.outcomes` and `pipeline.values` have them too, and their rules hold here. They stand apart because each class
costs a millisecond to make, and what only judges needs no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class PolicyType(StrEnum):
    """What kind of official act a conflict-policy story reports (docs/classification.md has the codes)."""

    FORCE = "force"
    THREAT = "threat"
    ARMS_AID = "arms_aid"
    DEPLOY = "deploy"
    SANCTION = "sanction"
    TALKS = "talks"
    ALLIANCE = "alliance"
    ARMS_CONTROL = "arms_control"
    INTL_LAW = "intl_law"
    STATUS = "status"
    DETAINEE = "detainee"
    HUMANITARIAN = "humanitarian"
    HOME = "home"
    POSITION = "position"


class SourceKind(StrEnum):
    """Who vouches for what a story says."""

    NAMED_OFFICIAL = "named_official"  # an official by name, or an office that speaks on the record
    ANONYMOUS_OFFICIAL = "anonymous_official"
    OUTLET = "outlet"  # another outlet's report
    ARMED_SIDE = "armed_side"  # armed forces, a defence ministry or an armed group, about a fight of its own
    DOCUMENT = "document"


class Standing(StrEnum):
    """What became of a report: officially confirmed, denied, or neither."""

    CONFIRMED = "confirmed"
    DENIED = "denied"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One contribution to a score: a feature, its weight, and where it stands (offsets in code points)."""

    head: str
    feature: str
    weight: float
    place: Literal["title", "lead", "body"]
    start: int
    end: int
    surface: str


@dataclass(frozen=True, slots=True)
class Mention:
    """An actor named in the story: ISO 3166-1 alpha-3 code, or an upper-case code of our own for groups and bodies.

    `cameo` is the actor in the form of the CAMEO actor codes: a state, with its role where the name shows one
    (`USAGOV` for its leader), a group with the state it belongs to (`LBNREBHEZ`), a body (`IGOUNO`).
    """

    actor: str
    kind: Literal["state", "armed_group", "body"]
    place: Literal["title", "lead", "body"]
    start: int
    end: int
    surface: str
    cameo: str | None = None


@dataclass(frozen=True, slots=True)
class PlaceMention:
    """A place of a conflict area named in the story. Degrees are WGS 84, None where the name covers a wide area."""

    name: str
    country: str
    latitude: float | None
    longitude: float | None
    place: Literal["title", "lead", "body"]
    start: int
    end: int
    surface: str


@dataclass(frozen=True, slots=True)
class Attribution:
    """Whose word a sentence gives, or what it says of the report's standing; one of the two is always there.

    `name` is the person, office, outlet or document as the story names it; None where it names none. `actor` is the
    code of the actor that it belongs to, where the sentence tells.
    """

    source: SourceKind | None
    standing: Standing | None
    name: str | None
    actor: str | None
    place: Literal["title", "lead", "body"]
    start: int
    end: int
    surface: str


@dataclass(frozen=True, slots=True)
class ActScore:
    """One type of policy act with its score 0..1."""

    act: PolicyType
    score: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a story is about conflict policy, and why we think so.

    Scores are None when the language has no fitted model (`language_supported` False): then nothing is claimed.
    `acts` holds the best one and those at or above their threshold. `rules` is the version of the lists and rules
    behind mentions, places and sourcing; empty when only title and lead were scored.
    """

    model: str
    language_supported: bool
    conflict: float | None
    conflict_policy: float | None
    threshold: float
    acts: tuple[ActScore, ...] = ()
    mentions: tuple[Mention, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    places: tuple[PlaceMention, ...] = ()
    sourcing: tuple[Attribution, ...] = ()
    rules: str = ""

    @property
    def is_conflict_policy(self) -> bool:
        """Whether the score reaches the threshold."""
        return self.conflict_policy is not None and self.conflict_policy >= self.threshold

    @property
    def is_conflict(self) -> bool:
        """Whether the conflict score reaches the threshold."""
        return self.conflict is not None and self.conflict >= self.threshold
