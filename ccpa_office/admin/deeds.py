"""A deed: one verb of the house as a button with a form. Its refusal is the message."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db import IntegrityError
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ccpa_office.asking import AskingForm
from ccpa_office.roles import Actor, NotAllowed, Verb, holders, may


class Refused(Exception):
    """A desk's own refusal; the text is the message."""


def sentence(refusal: Exception) -> str:
    """What a refusal says to the person at the desk: its text, else what its class means."""
    if isinstance(refusal, IntegrityError):
        return _("The database refuses this: it would break a rule of the house.")
    text = str(refusal).strip() or (type(refusal).__doc__ or "").strip().partition("\n")[0]
    said = capfirst(_(text)) if text else _("This cannot be done now.")
    return said if said.endswith((".", "!", "?", "。")) else f"{said}."


class NoWords(AskingForm):
    """A deed that asks nothing."""


@dataclass(frozen=True)
class Deed:
    """One verb. ``do(subject, by=, at=, **cleaned)`` returns what to say after it.

    ``verb`` is what it takes; ``fresh`` asks for a proof of at most ten minutes; ``why_not`` says
    in a sentence why it cannot be done now by this person, or nothing; ``offered`` whether it
    belongs on the page at all.
    """

    word: str
    label: str | Promise
    do: Callable[..., Any]
    verb: Verb | None = None
    form: type[forms.Form] = NoWords
    help: str | Promise = ""
    fresh: bool = False
    grave: bool = False
    offered: Callable[[Any], bool] = field(default=lambda _subject: True)
    why_not: Callable[[Any, Actor], str] = field(default=lambda _subject, _actor: "")

    @property
    def is_secret(self) -> bool:
        """Whether its form takes a password, which waits nowhere for a proof of who types it."""
        fields = self.form.base_fields.values()
        return any(isinstance(each.widget, forms.PasswordInput) for each in fields)


@dataclass(frozen=True)
class Offer:
    """A deed as a page shows it: with its form, or with why it cannot be done."""

    deed: Deed
    form: forms.Form
    url: str
    why_not: str
    label: str | Promise


def why_not(deed: Deed, subject: Any, actor: Actor) -> str:
    """Why ``actor`` cannot do this now, as a sentence; empty when they can."""
    if deed.verb is not None and not may(actor, deed.verb):
        comma = "、" if (get_language() or "").startswith("ja") else ", "
        names = comma.join(str(role.label) for role in holders(deed.verb))
        return _("This needs another role: %(roles)s.") % {"roles": names}
    return deed.why_not(subject, actor)


def refusals() -> tuple[type[Exception], ...]:
    """What every desk translates into a message."""
    return (NotAllowed, Refused, IntegrityError)
