"""The rights a consumer may use, and which duties each kind of request carries."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class RequestKind(TextChoices):
    """The rights of Civ. 1798.105 to 1798.121 and 11 CCR 7028, 7221 and 7222, one kind each.

    The values are the words of the office's URLs.
    """

    KNOW_CATEGORIES = "know-categories", _("Know the categories")
    KNOW_SPECIFIC = "know-specific", _("Know the specific pieces")
    DELETE = "delete", _("Delete")
    CORRECT = "correct", _("Correct")
    OPT_OUT = "opt-out", _("Opt out of sale and sharing")
    LIMIT = "limit", _("Limit the use of sensitive personal information")
    OPT_IN = "opt-in", _("Opt in to sale and sharing")
    ADMT_OPT_OUT = "admt-opt-out", _("Opt out of automated decisions")
    ADMT_ACCESS = "admt-access", _("Access to automated decisions")
    ADMT_APPEAL = "admt-appeal", _("Appeal against an automated decision")


class Clock(TextChoices):
    """What runs from receipt: 11 CCR 7021; 7026(f), 7027(g), 7221(m)-(n); nothing for 7028."""

    ANSWER = "answer", _("Confirm in 10 business days, answer in 45 days")
    STOP = "stop", _("Stop within 15 business days")
    NONE = "none", _("No statutory term")


CLOCKS: dict[RequestKind, Clock] = {
    RequestKind.KNOW_CATEGORIES: Clock.ANSWER,
    RequestKind.KNOW_SPECIFIC: Clock.ANSWER,
    RequestKind.DELETE: Clock.ANSWER,
    RequestKind.CORRECT: Clock.ANSWER,
    RequestKind.OPT_OUT: Clock.STOP,
    RequestKind.LIMIT: Clock.STOP,
    RequestKind.OPT_IN: Clock.NONE,
    RequestKind.ADMT_OPT_OUT: Clock.STOP,
    RequestKind.ADMT_ACCESS: Clock.ANSWER,
    RequestKind.ADMT_APPEAL: Clock.ANSWER,
}
"""Each kind's own clock, never derived from verification (11 CCR 7021, 7026 to 7028, 7221)."""

KNOW = frozenset({RequestKind.KNOW_CATEGORIES, RequestKind.KNOW_SPECIFIC})
"""Both requests to know (11 CCR 7024); one count in the limit of twice in 12 months."""

VERIFIABLE = KNOW | {RequestKind.DELETE, RequestKind.CORRECT, RequestKind.ADMT_ACCESS}
"""Kinds that a documented method of verification must stand before (11 CCR 7060(a))."""

UNVERIFIED = frozenset(
    {RequestKind.OPT_OUT, RequestKind.LIMIT, RequestKind.ADMT_OPT_OUT, RequestKind.OPT_IN}
)
"""Kinds that may not be verified (11 CCR 7060(b)); opt-in by its nature (reading)."""

CLOCKED = frozenset(kind for kind, clock in CLOCKS.items() if clock is Clock.ANSWER)
"""Kinds to confirm in 10 business days and answer in 45 days (11 CCR 7021, 7221(b)(1), 7222)."""

STOPPED = frozenset(kind for kind, clock in CLOCKS.items() if clock is Clock.STOP)
"""Kinds to carry out in 15 business days (11 CCR 7026(f)(1), 7027(g), 7221(m)-(n))."""
