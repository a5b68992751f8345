"""The lines of the book in words. Each floor adds the sentences of its own verbs."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from ccpa_office.models import LedgerLine, StaffMember
from ccpa_office.roles import Role
from ccpa_office.templatetags.office import request_number

Facts = Mapping[str, Any]
Sentence = Callable[[Facts], str]


def facts_of(line: LedgerLine) -> dict[str, Any]:
    """The facts of a line, read from its canonical body."""
    body = json.loads(line.body)
    return dict(body.get("facts") or {})


def label(choices: Any, code: str) -> str:
    """The words of a code; the code itself where it is none of ours."""
    return str(dict(choices.choices).get(code, code))


def _roles(facts: Facts) -> str:
    names = ", ".join(label(Role, str(role)) for role in facts.get("roles", ()))
    return _("An account was opened, with the roles: %s.") % names


SENTENCES: dict[str, Sentence] = {
    "staff.created": _roles,
    "staff.vouched": lambda _f: _("The demo vouched for the account."),
    "staff.confirmed": lambda _f: _("A third person vouched for the account."),
    "staff.role_granted": lambda facts: (
        _("A role was given: %s.") % label(Role, str(facts.get("role", "")))
    ),
    "staff.role_revoked": lambda facts: (
        _("A role was taken away: %s.") % label(Role, str(facts.get("role", "")))
    ),
    "staff.password_set": lambda _f: _("A new password was set."),
    "staff.opened": lambda _f: _("The account was opened again."),
    "staff.closed": lambda _f: _("The account was closed."),
    "staff.second_factor_changed": lambda _f: _("The second factor was changed."),
    "staff.second_factor_reset": lambda _f: _("The second factor was taken away."),
    "clock.confirmed": lambda _f: _("A person confirmed the clock."),
    "clock.suspected": lambda _f: _("The clock jumped; erasures and endings stood still."),
}


def say(verb: str, facts: Facts) -> str:
    """A line of the book as a sentence; a verb without one says its own words."""
    known = SENTENCES.get(verb)
    if known is not None:
        return known(facts)
    return verb.replace(".", ": ").replace("-", " ").replace("_", " ").capitalize() + "."


def about(subject: str, names: Mapping[int, str]) -> str:
    """What a line is about, in words."""
    kind, _colon, name = subject.partition(":")
    if kind == "staff" and name.isdecimal():
        return _("Account of %(name)s") % {"name": names.get(int(name), subject)}
    said = {
        "office": _("The office"),
        "vocabulary": _("The words of the notices"),
        "batch": _("Batch %s") % name,
        "drop": _("List %s of the deletion platform") % name,
        "notice": _("Notice “%(name)s”") % {"name": name},
        "map": _("Map “%(name)s”") % {"name": name},
        "system": _("System “%(name)s”") % {"name": name},
    }
    return said.get(kind) or str(request_number(subject))


def names_of(lines: Iterable[LedgerLine], more: Iterable[int | None] = ()) -> dict[int, str]:
    """The names of the staff in some lines; one statement."""
    ids = {
        int(each[6:])
        for line in lines
        for each in (line.actor, line.subject)
        if each.startswith("staff:") and each[6:].isdecimal()
    }
    ids |= {each for each in more if each is not None}
    return dict(StaffMember.objects.filter(pk__in=ids).values_list("pk", "username"))


def who(actor: str, names: Mapping[int, str]) -> str:
    """Who acted, in words: a member of staff by name, the consumer, or the machine."""
    kind, _colon, name = actor.partition(":")
    if kind == "staff":
        return names.get(int(name), actor)
    return _("The consumer") if kind == "consumer" else _("The office's machine")
