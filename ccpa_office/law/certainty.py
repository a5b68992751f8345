"""How sure the business must be of who asks, and how sure the evidence makes it."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from types import MappingProxyType

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from ccpa_office.law.kinds import RequestKind


class Level(TextChoices):
    """The degrees of certainty of 11 CCR 7062(b)-(c), and none."""

    NONE = "none", _("Not verified")
    REASONABLE = "reasonable", _("Reasonable degree of certainty")
    REASONABLY_HIGH = "reasonably-high", _("Reasonably high degree of certainty")


@dataclass(frozen=True)
class Evidence:
    """What one level takes (11 CCR 7062(b)-(c)): points that match, and a signed declaration."""

    points: int
    declaration: bool


EVIDENCE_NEEDED: Mapping[Level, Evidence] = MappingProxyType(
    {
        Level.NONE: Evidence(points=0, declaration=False),
        Level.REASONABLE: Evidence(points=2, declaration=False),
        Level.REASONABLY_HIGH: Evidence(points=3, declaration=True),
    }
)
"""Two points; or three and a declaration under penalty of perjury (11 CCR 7062(b)-(c))."""

_RANK = (Level.NONE, Level.REASONABLE, Level.REASONABLY_HIGH)

_BY_KIND: dict[RequestKind, Level] = {
    RequestKind.KNOW_CATEGORIES: Level.REASONABLE,
    RequestKind.KNOW_SPECIFIC: Level.REASONABLY_HIGH,
    RequestKind.DELETE: Level.REASONABLE,
    RequestKind.CORRECT: Level.REASONABLE,
    RequestKind.OPT_OUT: Level.NONE,
    RequestKind.LIMIT: Level.NONE,
    RequestKind.OPT_IN: Level.NONE,
    RequestKind.ADMT_OPT_OUT: Level.NONE,
    RequestKind.ADMT_ACCESS: Level.REASONABLY_HIGH,
    RequestKind.ADMT_APPEAL: Level.REASONABLE,
}
WEIGHED_BY_SENSITIVITY = frozenset({RequestKind.DELETE, RequestKind.CORRECT})
"""The kinds whose level rises with the data and the possible harm (11 CCR 7062(d))."""


def required_level(kind: RequestKind, *, sensitive: bool = False) -> Level:
    """The certainty that ``kind`` needs (11 CCR 7060(b), 7062(b)-(d), 7222(e)).

    ``sensitive`` raises deletion and correction alone. An appeal names one decision about one
    person, who has to be found again: reasonable (reading; the regulations are silent).
    """
    if sensitive and kind in WEIGHED_BY_SENSITIVITY:
        return Level.REASONABLY_HIGH
    return _BY_KIND[kind]


def independent_groups(points: Mapping[str, str], matched: Set[str]) -> frozenset[str]:
    """The groups of the points that matched (11 CCR 7062(b), reading).

    ``points`` gives each point its group. Points that follow from one another, such as an address
    and its postal code, share a group and count once. A point that the map lacks counts nothing.
    """
    return frozenset(group for point, group in points.items() if point in matched)


def level_reached(groups: Set[str], *, declaration_signed: bool) -> Level:
    """The certainty that the matched groups give (11 CCR 7062(b)-(c))."""
    high = EVIDENCE_NEEDED[Level.REASONABLY_HIGH]
    if len(groups) >= high.points and declaration_signed:
        return Level.REASONABLY_HIGH
    if len(groups) >= EVIDENCE_NEEDED[Level.REASONABLE].points:
        return Level.REASONABLE
    return Level.NONE


def level_of_account(*, signed_in_again: bool) -> Level:
    """A password account verifies any kind, but only after signing in again (11 CCR 7061)."""
    return Level.REASONABLY_HIGH if signed_in_again else Level.NONE


def is_certain_enough(reached: Level, required: Level) -> bool:
    """Say whether one level satisfies another (11 CCR 7062)."""
    return _RANK.index(reached) >= _RANK.index(required)
