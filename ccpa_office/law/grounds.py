"""Exceptions, grounds of denial, and what each ground obliges the business to say and to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from ccpa_office.law.calendar import add_months
from ccpa_office.law.kinds import KNOW, VERIFIABLE, RequestKind

REPEAT_MONTHS = 6
"""How long a denied correction may be denied again unless something is new (11 CCR 7023(g))."""
KNOW_MONTHS, KNOW_TIMES = 12, 2
"""The right to know counts twice in 12 months (Civ. 1798.130(b); rolling is a reading)."""


class DeletionException(TextChoices):
    """What a deletion may leave, as far as reasonably necessary (Civ. 1798.105(d))."""

    DX_1 = "DX_1", _("Needed to complete a transaction or perform a contract with the consumer")
    DX_2 = "DX_2", _("Needed for security and integrity")
    DX_3 = "DX_3", _("Needed to find and repair errors in what already works")
    DX_4 = "DX_4", _("Free speech, or another right given by law")
    DX_5 = "DX_5", _("California Electronic Communications Privacy Act")
    DX_6 = "DX_6", _("Research in the public interest with informed consent")
    DX_7 = "DX_7", _("Internal uses that the consumer expects and that fit the collection")
    DX_8 = "DX_8", _("A legal obligation")


class GeneralException(TextChoices):
    """What the Act does not restrict or reach (Civ. 1798.145), by subdivision."""

    GX_A1 = "GX_a1", _("Compliance with law or a court order")
    GX_A2 = "GX_a2", _("An inquiry, a subpoena, or a hold directed by law enforcement")
    GX_A3 = "GX_a3", _("Cooperation with law enforcement")
    GX_A4 = "GX_a4", _("An emergency with danger to life or body")
    GX_A5 = "GX_a5", _("Legal claims")
    GX_A6 = "GX_a6", _("Deidentified or aggregate information")
    GX_A7 = "GX_a7", _("Conduct wholly outside California")
    GX_B = "GX_b", _("An evidentiary privilege")
    GX_C = "GX_c", _("Medical information and clinical trials")
    GX_D = "GX_d", _("Consumer credit reporting")
    GX_E = "GX_e", _("Financial privacy law")
    GX_F = "GX_f", _("Driver records")
    GX_G = "GX_g", _("Vehicle repair and recall")
    GX_J = "GX_j", _("No duty to reidentify, keep or link information")
    GX_K = "GX_k", _("The rights of other persons")
    GX_L = "GX_l", _("The press")
    GX_O = "GX_o", _("A commercial credit agency")
    GX_P = "GX_p", _("Household data")
    GX_Q1 = "GX_q1", _("Student grades held for a local educational agency")
    GX_Q2 = "GX_q2", _("Educational assessments whose release would spoil them")
    GX_R = "GX_r", _("A yearbook or similar item made with consent")


_STOPS = frozenset({RequestKind.OPT_OUT, RequestKind.LIMIT})
_DELETE, _OPT_OUT = frozenset({RequestKind.DELETE}), frozenset({RequestKind.OPT_OUT})
_EVERY_KIND = frozenset(RequestKind)
_WITH_RECORDS = KNOW | {RequestKind.DELETE, RequestKind.CORRECT}

_NARROW_REACH: dict[GeneralException, frozenset[RequestKind]] = {
    GeneralException.GX_B: KNOW | _STOPS,
    GeneralException.GX_G: _OPT_OUT,
    GeneralException.GX_O: _DELETE | _OPT_OUT,
    GeneralException.GX_P: _WITH_RECORDS,
    GeneralException.GX_Q1: _DELETE,
    GeneralException.GX_Q2: KNOW,
    GeneralException.GX_R: _DELETE | _OPT_OUT,
}
MUST_BE_NAMED = frozenset({GeneralException.GX_Q1, GeneralException.GX_Q2})
"""The exceptions that may be used only if the consumer is told (Civ. 1798.145(q))."""


def exceptions_for(kind: RequestKind) -> tuple[DeletionException | GeneralException, ...]:
    """The exceptions that may be claimed against ``kind`` (Civ. 1798.105(d), 1798.145)."""
    deletion = tuple(DeletionException) if kind is RequestKind.DELETE else ()
    general = (code for code in GeneralException if kind in _NARROW_REACH.get(code, _EVERY_KIND))
    return (*deletion, *general)


class NoSuchException(ValueError):
    """No exception that may be claimed against this kind (Civ. 1798.105(d), 1798.145)."""


def require_exception(code: str, kind: RequestKind) -> None:
    """Hold a code against the exceptions of a kind (Civ. 1798.105(d), 1798.145).

    Raises ``NoSuchException``.
    """
    if code not in {each.value for each in exceptions_for(kind)}:
        raise NoSuchException


class Denial(TextChoices):
    """The grounds of denial that the regulations know (11 CCR 7022 to 7028, 7060 to 7063)."""

    UNVERIFIED = "DEN_UNVERIFIED", _("The identity cannot be verified")
    AGENT_NO_PERMISSION = "DEN_AGENT_NO_PERMISSION", _("The agent shows no permission")
    EXCEPTION = "DEN_EXCEPTION", _("An exception applies")
    LAW_CONFLICT = "DEN_LAW_CONFLICT", _("Another law forbids it")
    IMPOSSIBLE = "DEN_IMPOSSIBLE", _("It is impossible")
    DISPROPORTIONATE = "DEN_DISPROPORTIONATE", _("It takes a disproportionate effort")
    ACCURATE = "DEN_ACCURATE", _("The information is more likely than not accurate")
    REPEAT_6M = "DEN_REPEAT_6M", _("The same correction was denied in the last six months")
    FRAUD = "DEN_FRAUD", _("The request is believed to be fraudulent")
    TWICE_12M = "DEN_TWICE_12M", _("Two requests to know were answered in the last 12 months")
    UNFOUNDED = "DEN_UNFOUNDED", _("The request is manifestly unfounded or excessive")
    NOT_CONSUMER = "DEN_NOT_CONSUMER", _("The request is not made by a California consumer")
    NO_DATA = "DEN_NO_DATA", _("Nothing was found")
    NOT_SELLING = "DEN_NOT_SELLING", _("The business neither sells nor shares")
    SP_ROLE = "DEN_SP_ROLE", _("The business is a service provider only")
    HOUSEHOLD = "DEN_HOUSEHOLD", _("The information is household data")
    NO_SEARCH = "DEN_NO_SEARCH", _("The records need not be searched")


class Saying(TextChoices):
    """What the answer must say with each ground (11 CCR 7022 to 7028, 7060 to 7063)."""

    NOT_VERIFIABLE = "not-verifiable", _("that the identity cannot be verified, and why")
    NO_PERMISSION = "no-permission", _("that no permission was shown")
    DETAILED_BASIS = "detailed-basis", _("the basis in detail, unless a law forbids it")
    FACTS = "facts", _("facts enough to understand, never the bare phrase")
    WHY_ACCURATE = "why-accurate", _("why it is held accurate and which documents were weighed")
    PREVIOUS_DENIAL = "previous-denial", _("the day of the previous denial")
    FRAUD_AND_WHY = "fraud-and-why", _("that it is believed to be fraudulent, and why")
    EARLIER_ANSWERS = "earlier-answers", _("the two earlier answers")
    REASON_OR_FEE = "reason-or-fee", _("the reason, or the fee and its basis")
    NOT_A_CONSUMER = "not-a-consumer", _("that the person is not a resident or not the consumer")
    NOTHING_FOUND = "nothing-found", _("that a search was made and found nothing")
    NEITHER_SOLD_NOR_SHARED = "neither-sold-nor-shared", _("that nothing is sold or shared")
    SERVICE_PROVIDER_FOR = "service-provider-for", _("that it only serves another business")
    HOUSEHOLD_OUTSIDE = "household-outside", _("that household data is outside the right")
    NOT_SEARCHED = "not-searched", _("which kinds of records were not searched")


class Duty(TextChoices):
    """What the business must do next (11 CCR 7022(f)-(g), 7023(f), 7024(a)-(b) and others)."""

    JUDGE_AS_CATEGORIES = "judge-as-categories", _("Judge it as a request for categories")
    POINT_TO_POLICY = "point-to-policy", _("Give or point to the privacy policy")
    OFFER_OPT_OUT = "offer-opt-out", _("Offer the opt-out if the business sells or shares")
    INVITE_PROOF = "invite-proof", _("Invite proof of permission or a direct request")
    DO_THE_REST = "do-the-rest", _("Do all that is not excepted")
    LOCK_PURPOSE = "lock-purpose", _("Use what is kept for the excepted purpose alone")
    INSTRUCT_PROVIDERS = "instruct-providers", _("Instruct the service providers alike")
    DO_WHAT_CAN_BE_DONE = "do-what-can-be-done", _("Do what can be done")
    OFFER_STATEMENT = "offer-statement", _("Offer a written statement on health data")
    OFFER_DELETION = "offer-deletion", _("Say that the item can be deleted, if it can")
    REOPEN_ON_NEW = "reopen-on-new", _("Reopen on new documents")
    KEEP_MEMO = "keep-memo", _("Keep the memorandum")
    NAME_NEXT_DATE = "name-next-date", _("Name the day from which a new request counts")
    KEEP_BURDEN_FILE = "keep-burden-file", _("Keep the file that proves the burden")
    POINT_TO_OTHER_LAW = "point-to-other-law", _("Point to another law, if any")
    LIST_SYSTEMS = "list-systems", _("List the systems searched, in the record")
    RECORD_PREFERENCE = "record-preference", _("Record the choice all the same")
    NAME_THE_BUSINESS = "name-the-business", _("Name that business, if permitted")
    SERVE_OWN_DATA = "serve-own-data", _("Serve the person's own data")


@dataclass(frozen=True)
class DenialRule:
    """One row of the table: where a ground applies and what it obliges (11 CCR 7022 to 7028)."""

    kinds: frozenset[RequestKind]
    says: Saying
    duties: tuple[Duty, ...]
    section: str


def _rule(kinds: frozenset[RequestKind], says: Saying, section: str, *duties: Duty) -> DenialRule:
    return DenialRule(kinds=kinds, says=says, duties=duties, section=section)


_BASIS = _rule(
    VERIFIABLE,
    Saying.DETAILED_BASIS,
    "11 CCR 7022(f), 7023(f), 7024(e), 7222(c), (f)",
    Duty.DO_THE_REST,
    Duty.LOCK_PURPOSE,
    Duty.INSTRUCT_PROVIDERS,
)
_EFFORT = _rule(
    _WITH_RECORDS,
    Saying.FACTS,
    "11 CCR 7022(b)(3), 7023(f), 7024(h)",
    Duty.DO_WHAT_CAN_BE_DONE,
)

DENIALS: Mapping[Denial, DenialRule] = MappingProxyType(
    {
        Denial.UNVERIFIED: _rule(
            VERIFIABLE,
            Saying.NOT_VERIFIABLE,
            "11 CCR 7022(a), 7023(a), 7024(a)-(b), 7062(e)-(g), 7222(e)",
        ),
        Denial.AGENT_NO_PERMISSION: _rule(
            _EVERY_KIND,
            Saying.NO_PERMISSION,
            "11 CCR 7026(j), 7027(e)-(k), 7063(a), 7221(i)-(l)",
            Duty.INVITE_PROOF,
        ),
        Denial.EXCEPTION: _BASIS,
        Denial.LAW_CONFLICT: _BASIS,
        Denial.IMPOSSIBLE: _EFFORT,
        Denial.DISPROPORTIONATE: _EFFORT,
        Denial.ACCURATE: _rule(
            frozenset({RequestKind.CORRECT}),
            Saying.WHY_ACCURATE,
            "11 CCR 7023(b), (f)",
            Duty.OFFER_STATEMENT,
            Duty.OFFER_DELETION,
        ),
        Denial.REPEAT_6M: _rule(
            frozenset({RequestKind.CORRECT}),
            Saying.PREVIOUS_DENIAL,
            "11 CCR 7023(g)",
            Duty.REOPEN_ON_NEW,
        ),
        Denial.FRAUD: _rule(
            _STOPS | {RequestKind.CORRECT, RequestKind.ADMT_OPT_OUT},
            Saying.FRAUD_AND_WHY,
            "11 CCR 7023(h), 7026(e), 7027(e)-(k), 7221(d)-(g)",
            Duty.KEEP_MEMO,
        ),
        Denial.TWICE_12M: _rule(
            KNOW, Saying.EARLIER_ANSWERS, "Civ. 1798.130(b)", Duty.NAME_NEXT_DATE
        ),
        Denial.UNFOUNDED: _rule(
            VERIFIABLE, Saying.REASON_OR_FEE, "Civ. 1798.145(h)(3)", Duty.KEEP_BURDEN_FILE
        ),
        Denial.NOT_CONSUMER: _rule(
            _EVERY_KIND, Saying.NOT_A_CONSUMER, "Civ. 1798.140(i)", Duty.POINT_TO_OTHER_LAW
        ),
        Denial.NO_DATA: _rule(
            _WITH_RECORDS,
            Saying.NOTHING_FOUND,
            "Civ. 1798.130(a)(2)(A) (reading)",
            Duty.LIST_SYSTEMS,
        ),
        Denial.NOT_SELLING: _rule(
            frozenset({RequestKind.OPT_OUT}),
            Saying.NEITHER_SOLD_NOR_SHARED,
            "11 CCR 7013(g)-(h), 7026",
            Duty.RECORD_PREFERENCE,
        ),
        Denial.SP_ROLE: _rule(
            KNOW | {RequestKind.DELETE},
            Saying.SERVICE_PROVIDER_FOR,
            "Civ. 1798.105(c)(3); 11 CCR 7022(c), 7050",
            Duty.NAME_THE_BUSINESS,
        ),
        Denial.HOUSEHOLD: _rule(
            _WITH_RECORDS, Saying.HOUSEHOLD_OUTSIDE, "Civ. 1798.145(p)", Duty.SERVE_OWN_DATA
        ),
        Denial.NO_SEARCH: _rule(KNOW, Saying.NOT_SEARCHED, "11 CCR 7024(c)"),
    }
)
"""Grounds, their reach and their price (11 CCR 7022 to 7028, 7060 to 7063; Civ. 1798.130, .145).

``NO_DATA`` counts as complied with (reading); it stands here because of what it obliges.
"""

_DUTIES_OF_ONE_KIND: dict[tuple[Denial, RequestKind], Duty] = {
    (Denial.UNVERIFIED, RequestKind.KNOW_SPECIFIC): Duty.JUDGE_AS_CATEGORIES,
    (Denial.UNVERIFIED, RequestKind.KNOW_CATEGORIES): Duty.POINT_TO_POLICY,
    (Denial.UNVERIFIED, RequestKind.DELETE): Duty.OFFER_OPT_OUT,
    (Denial.EXCEPTION, RequestKind.DELETE): Duty.OFFER_OPT_OUT,
    (Denial.LAW_CONFLICT, RequestKind.DELETE): Duty.OFFER_OPT_OUT,
}


class GroundDoesNotApply(ValueError):
    """The ground of denial is not open against this kind of request."""


def denial_grounds(kind: RequestKind, *, by_agent: bool = False) -> tuple[Denial, ...]:
    """The grounds open against ``kind`` (11 CCR 7022 to 7028, and against agents 7063(a))."""
    open_grounds = (ground for ground, rule in DENIALS.items() if kind in rule.kinds)
    return tuple(g for g in open_grounds if by_agent or g is not Denial.AGENT_NO_PERMISSION)


def next_duty(ground: Denial, kind: RequestKind) -> tuple[Duty, ...]:
    """What a denial of ``kind`` obliges next (11 CCR 7022(f)-(g), 7023(f), 7024(a)-(b))."""
    rule = DENIALS[ground]
    if kind not in rule.kinds:
        raise GroundDoesNotApply(f"{ground} does not apply to {kind}")
    own = _DUTIES_OF_ONE_KIND.get((ground, kind))
    return rule.duties if own is None else (*rule.duties, own)


def next_know_on(earlier: Iterable[date]) -> date | None:
    """The day from which a further request to know must be answered (Civ. 1798.130(b)).

    ``earlier`` holds the days of receipt of those answered, of both kinds. None below the limit.
    The 12 months are rolling (reading).
    """
    latest = sorted(earlier)[-KNOW_TIMES:]
    return add_months(latest[0], KNOW_MONTHS) if len(latest) == KNOW_TIMES else None


def may_deny_third_know(earlier: Iterable[date], *, on: date) -> bool:
    """Deny a third request to know within 12 months (Civ. 1798.130(b))."""
    free_on = next_know_on(earlier)
    return free_on is not None and on < free_on


def may_deny_repeat(denied_on: date, *, on: date, anything_new: bool) -> bool:
    """Deny the same correction within six months if nothing is new (11 CCR 7023(g))."""
    return not anything_new and on < add_months(denied_on, REPEAT_MONTHS)
