"""The duties of a notice: one rule each, with its section and the day from which it binds.

Fourteen rules, in the order of the law's section 9. Each looks at plain values only.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ccpa_office.law.vocabulary import Category, Sensitive
from notices_app.models import Dealing, FindingCode, Said
from notices_app.reading import Line, Reading

ACT = date(2020, 1, 1)
"""The Act is operative (Civ. 1798.198)."""
FIRST_REGULATIONS = date(2020, 8, 14)
"""The first regulations take effect."""
CPRA = date(2023, 1, 1)
"""The amendments of the CPRA are operative."""
AUTOMATION = date(2026, 1, 1)
"""Article 11 of the regulations, on automated decisions, is in force."""


class Severity(TextChoices):
    """How much a finding weighs."""

    HIGH = "high", _("Must be put right")
    MEDIUM = "medium", _("Should be put right")
    FACT = "fact", _("A person must state a fact")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A version as the rules see it on one day."""

    reading: Reading
    on: date
    offers_education: bool = False

    @property
    def lines(self) -> Iterable[Line]:
        """The lines, in the order of the statute."""
        return (line for _, line in sorted(self.reading.lines.items()))


Check = Callable[[Case], list[str]]
"""Gives the codes of what is wanting; nothing when all is well."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One duty: its section, the day from which it binds, and how to see that it is met."""

    code: FindingCode
    section: str
    since: date
    severity: Severity
    sentence: str | Promise
    check: Check
    needs_fact: bool = False


def _unsaid(case: Case, *codes: Said) -> list[str]:
    return [code.value for code in codes if not case.reading.has(code)]


def is_too_old(effective_on: date, on: date) -> bool:
    """Whether the twelve months are over (Civ. 1798.130(a)(5); 29 February counts as 1 March)."""
    year = effective_on.year + 1
    try:
        due = effective_on.replace(year=year)
    except ValueError:
        due = date(year, 3, 1)
    return on > due


def _age(case: Case) -> list[str]:
    return ["updated"] if is_too_old(case.reading.effective_on, case.on) else []


def _rights(case: Case) -> list[str]:
    """Rights as they came: 2020, 2023, and 2026 for automated decisions (11 CCR 7011(e)(2))."""
    due = [
        (ACT, Said.RIGHT_KNOW),
        (ACT, Said.RIGHT_DELETE),
        (ACT, Said.RIGHT_OPT_OUT_SALE),
        (ACT, Said.RIGHT_NO_RETALIATION),
        (CPRA, Said.RIGHT_CORRECT),
        (CPRA, Said.RIGHT_OPT_OUT_SHARING),
        (CPRA, Said.RIGHT_LIMIT),
    ]
    wanting = _unsaid(case, *(said for since, said in due if since <= case.on))
    automation = case.reading.has(Said.RIGHT_ADMT) or case.reading.has(Said.NO_ADMT)
    return wanting + ([Said.RIGHT_ADMT.value] if case.on >= AUTOMATION and not automation else [])


def _retention(case: Case) -> list[str]:
    original = case.reading.original
    return [
        line.category
        for line in case.lines
        if line.retention_months is None
        and not (original in line.words and line.words[original].retention)
    ]


def _sale(case: Case) -> list[str]:
    lines = [
        line.category
        for line in case.lines
        if any(line.deals(way) is None for way in Dealing.values)
    ]
    return lines + ([] if case.reading.covers_until else ["look-back"])


def _untied(case: Case) -> list[str]:
    return [line.category for line in case.lines if not line.purposes or not _told_who(line)]


def _told_who(line: Line) -> bool:
    """Whether recipients stand beside every dealing, and a business purpose beside a disclosure."""
    named = all(line.to(way) for way in Dealing.values if line.deals(way) is not False)
    return named and (line.disclosed is False or bool(line.business_purposes))


def _sensitive(case: Case) -> list[str]:
    named = any(line.sensitive for line in case.lines)
    return ([] if named else [Category.PI_L.value]) + _unsaid(case, Said.SENSITIVE_USE)


def _education(case: Case) -> list[str]:
    needed = case.offers_education and Category.PI_J not in case.reading.lines
    return [Category.PI_J.value] if needed else []


def _location(case: Case) -> list[str]:
    """A machine cannot know how exact a location is: whoever denies it says so as a fact."""
    precise = any(Sensitive.SPI_1C in line.sensitive for line in case.lines)
    if Category.PI_G not in case.reading.lines or precise:
        return []
    return [Category.PI_G.value, *_unsaid(case, Said.COARSE_LOCATION)]


def _procedure(case: Case) -> list[str]:
    return _unsaid(
        case,
        Said.VERIFICATION,
        Said.AGENTS,
        Said.UNDER_16,
        Said.SIGNALS,
        Said.UPDATED,
        Said.CONTACT,
    )


METHODS = (
    Said.METHOD_ACCOUNT,
    Said.METHOD_EMAIL,
    Said.METHOD_FORM,
    Said.METHOD_TOLL_FREE,
    Said.METHOD_POST,
)


def _channels(case: Case) -> list[str]:
    """Two ways, one of them toll-free, unless only online with a direct relationship."""
    offered = [code for code in METHODS if case.reading.has(code)]
    wanting = _unsaid(case, Said.METHOD_TOLL_FREE)
    return wanting + (["second-method"] if len(offered) < 2 else [])


def _earlier(case: Case) -> list[str]:
    return _unsaid(case, Said.RIGHT_KNOW_EARLIER)


def _exceptions(case: Case) -> list[str]:
    return _unsaid(case, Said.DELETION_EXCEPTIONS)


def _languages(case: Case) -> list[str]:
    """The languages of the notice are those of the forms and answers; English alone implies it."""
    spoken = {language for _, language in case.reading.texts} - {"en"}
    promised = set(case.reading.statements.get(Said.REQUEST_LANGUAGES, {}).get("languages", []))
    return sorted(spoken - promised)


def _automation(case: Case) -> list[str]:
    """Admission, credentials, expulsion: whoever says that no machine decides says so as a fact."""
    if not case.offers_education or case.reading.has(Said.RIGHT_ADMT):
        return []
    return ["significant-decisions", *_unsaid(case, Said.NO_ADMT)]


RULES: tuple[Rule, ...] = (
    Rule(
        code=FindingCode.TOO_OLD,
        section="Civ. 1798.130(a)(5); 11 CCR 7011(e)",
        since=ACT,
        severity=Severity.HIGH,
        sentence=_("The notice was last updated more than 12 months ago."),
        check=_age,
    ),
    Rule(
        code=FindingCode.RIGHTS_MISSING,
        section="11 CCR 7011(e)(2)",
        since=ACT,
        severity=Severity.HIGH,
        sentence=_("Rights that consumers have are not named."),
        check=_rights,
    ),
    Rule(
        code=FindingCode.RETENTION_MISSING,
        section="Civ. 1798.100(a)(3)",
        since=CPRA,
        severity=Severity.HIGH,
        sentence=_("Categories stand without the time for which they are kept."),
        check=_retention,
    ),
    Rule(
        code=FindingCode.SALE_UNSAID,
        section="Civ. 1798.130(a)(5)(C); 11 CCR 7011(e)(1)",
        since=CPRA,
        severity=Severity.HIGH,
        sentence=_(
            "It is not said for each category whether it was sold, shared or disclosed in the "
            "last 12 months."
        ),
        check=_sale,
    ),
    Rule(
        code=FindingCode.UNTIED,
        section="Civ. 1798.110(c), 1798.115(c); 11 CCR 7011(e)(1)",
        since=FIRST_REGULATIONS,
        severity=Severity.HIGH,
        sentence=_("Purposes or recipients are not tied to categories."),
        check=_untied,
    ),
    Rule(
        code=FindingCode.SENSITIVE_UNNAMED,
        section="Civ. 1798.100(a)(2), 1798.140(ae)",
        since=CPRA,
        severity=Severity.HIGH,
        sentence=_("Kinds of sensitive personal information and their use are not named."),
        check=_sensitive,
    ),
    Rule(
        code=FindingCode.EDUCATION_MISSING,
        section="Civ. 1798.140(v)(1)(J)",
        since=ACT,
        severity=Severity.HIGH,
        sentence=_("The business teaches, and education information is not among the categories."),
        check=_education,
    ),
    Rule(
        code=FindingCode.LOCATION_PRECISION,
        section="Civ. 1798.140(w), (ae)(1)(C)",
        since=CPRA,
        severity=Severity.FACT,
        sentence=_("Geolocation is collected: a person must say whether it is ever precise."),
        check=_location,
        needs_fact=True,
    ),
    Rule(
        code=FindingCode.PROCEDURE_UNSAID,
        section="11 CCR 7011(e)(1), (3), (4)",
        since=FIRST_REGULATIONS,
        severity=Severity.HIGH,
        sentence=_(
            "Verification, agents, people under 16, opt-out signals, the day of the last update or "
            "a contact is missing."
        ),
        check=_procedure,
    ),
    Rule(
        code=FindingCode.CHANNELS_TOO_FEW,
        section="Civ. 1798.130(a)(1); 11 CCR 7020(a)-(b)",
        since=ACT,
        severity=Severity.HIGH,
        sentence=_(
            "A toll-free number is missing: it is needed unless the business is only online and "
            "deals with every consumer directly."
        ),
        check=_channels,
        needs_fact=True,
    ),
    Rule(
        code=FindingCode.EARLIER_UNSAID,
        section="Civ. 1798.130(a)(2)(B); 11 CCR 7020(e)",
        since=CPRA,
        severity=Severity.MEDIUM,
        sentence=_("It is not said how to ask for more than the last 12 months."),
        check=_earlier,
    ),
    Rule(
        code=FindingCode.EXCEPTIONS_UNSAID,
        section="Civ. 1798.105(d)",
        since=ACT,
        severity=Severity.MEDIUM,
        sentence=_("The right to delete is told without its exceptions."),
        check=_exceptions,
    ),
    Rule(
        code=FindingCode.LANGUAGES_UNSAID,
        section="11 CCR 7003(b)",
        since=FIRST_REGULATIONS,
        severity=Severity.MEDIUM,
        sentence=_("The notice speaks languages in which it does not offer forms and answers."),
        check=_languages,
    ),
    Rule(
        code=FindingCode.AUTOMATION_UNSAID,
        section="11 CCR 7001(ddd)(3), 7220",
        since=AUTOMATION,
        severity=Severity.FACT,
        sentence=_(
            "The business teaches: a person must say whether a machine decides on admission, "
            "credentials or expulsion."
        ),
        check=_automation,
        needs_fact=True,
    ),
)
"""The fourteen gaps of law, section 9, in its order."""
