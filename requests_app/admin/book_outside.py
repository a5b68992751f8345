"""The lines of the book about systems outside, parts given by hand, and restores, in words."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ccpa_office.admin.book import SENTENCES, Facts, label
from requests_app.models import Finding, PartSaid, Said


def _about(said: str, facts: Facts) -> str:
    return said % str(facts.get("system", ""))


def _answered(choices: object, facts: Facts) -> str:
    return _("An answer of %(system)s was written down: %(said)s.") % {
        "system": facts.get("system", ""),
        "said": label(choices, str(facts.get("said", ""))),
    }


def _proved(facts: Facts) -> str:
    return _("Settled at %(system)s: %(finding)s.") % {
        "system": facts.get("system", ""),
        "finding": label(Finding, str(facts.get("finding", ""))),
    }


def _filtered(facts: Facts) -> str:
    return _("A list was held against deleted people: %(blocked)s of %(rows)s rows left out.") % {
        "blocked": facts.get("blocked", 0),
        "rows": facts.get("rows", 0),
    }


def _after_restore(facts: Facts) -> str:
    people = facts.get("people", 0)
    words = ngettext(
        "After a restore, %(people)s person who had come back was erased again: %(rows)s rows.",
        "After a restore, %(people)s people who had come back were erased again: %(rows)s rows.",
        people,
    )
    return str(words % {"people": people, "rows": facts.get("rows", 0)})


SENTENCES.update(
    {
        "outside.asked": lambda facts: _about(_("Asked %s to delete."), facts),
        "outside.asked-again": lambda facts: _about(_("Asked %s once more to delete."), facts),
        "outside.answered": lambda facts: _answered(Said, facts),
        "outside.confirmed": lambda facts: _about(
            _("Another person confirmed the answer of %s."), facts
        ),
        "outside.overdue": lambda facts: _about(_("No answer of %s came by its day."), facts),
        "outside.proved": _proved,
        "outside.identity-read": lambda facts: _about(
            _("Looked at whom it concerns at %s."), facts
        ),
        "outside.evidence-read": lambda facts: _about(
            _("Fetched a file that came with the answer of %s."), facts
        ),
        "part.asked": lambda facts: _about(_("Asked what %s holds."), facts),
        "part.asked-again": lambda facts: _about(_("Asked once more what %s holds."), facts),
        "part.late": lambda facts: _about(_("No answer of %s came by its day."), facts),
        "part.answered": lambda facts: _answered(PartSaid, facts),
        "part.confirmed": lambda facts: _about(
            _("Another person confirmed the answer of %s."), facts
        ),
        "part.identity-read": lambda facts: _about(_("Looked at whom it concerns at %s."), facts),
        "part.read": lambda facts: _about(_("Looked at what %s gave."), facts),
        "part.destroyed": lambda facts: _about(_("What %s gave was destroyed."), facts),
        "suppression.filtered": _filtered,
        "erasure.after-restore": _after_restore,
    }
)
