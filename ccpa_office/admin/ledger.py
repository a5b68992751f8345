"""The ledger desk: the book as it stands, by subject, and whether it is what it was."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office import ledger
from ccpa_office.admin.base import OfficeModelAdmin
from ccpa_office.admin.book import about, facts_of, names_of, say, who
from ccpa_office.admin.deeds import Deed, Refused
from ccpa_office.admin.paging import newest
from ccpa_office.admin.site import site
from ccpa_office.ledger import BadSigningKey
from ccpa_office.models import LedgerLine, LedgerSeal, UnsealedLine
from ccpa_office.roles import Actor, Verb

_L = gettext_lazy


def _verify(_none: None, *, by: Actor, at: datetime) -> str:
    _ignored = by, at
    found = ledger.verify()
    if not found.sound:
        raise Refused(
            _("The book is not what it was. First bad line: %(line)s (%(why)s).")
            % {"line": found.first_bad_name or found.first_bad_line, "why": found.reason}
        )
    return _("The book is sound: %(checked)s lines checked, anchored up to line %(anchored)s.") % {
        "checked": found.checked,
        "anchored": found.anchored_upto,
    }


def _shown(line: LedgerLine, names: Mapping[int, str]) -> dict[str, Any]:
    """A line in words, with its codes for who calls about it."""
    facts = facts_of(line)
    return {
        "line": line,
        "said": say(line.verb, facts),
        "about": about(line.subject, names),
        "who": who(line.actor, names),
        "facts": facts,
    }


class LedgerDesk(OfficeModelAdmin):
    """Lines, newest first; one subject's lines with ``?subject=``."""

    word, label, place = "ledger", _L("Ledger"), 70
    about = _L(
        "Everything that was done in this office, line by line, in a book nobody can change."
    )
    see = (Verb.SEE_LEDGER,)
    list_template = "admin/ledger.html"
    refusals = (BadSigningKey,)
    chores = (
        Deed(
            "verify", _L("Verify the book"), _verify, Verb.SEE_LEDGER,
            help=_L("Reads every line, seal and anchor; a long book takes a while."),
        ),
    )  # fmt: skip

    def shelf(self, request: HttpRequest, _actor: Actor) -> dict[str, Any]:
        """A page of lines, and how far the book is sealed."""
        looked_for = request.GET.get("subject", "").strip()[:64]
        lines = LedgerLine.objects.all()
        if looked_for:
            number = looked_for.replace("-", "").upper()
            lines = lines.filter(subject=looked_for) | lines.filter(subject=number)
        page = newest(lines, request.GET.get("after", ""))
        names = names_of(page.rows)
        last = LedgerSeal.objects.order_by("-position").values_list("position", flat=True).first()
        return {
            "page": page,
            "rows": [_shown(line, names) for line in page.rows],
            "looked_for": looked_for,
            "keep": f"{urlencode({'subject': looked_for})}&" if looked_for else "",
            "sealed": last or 0,
            "unsealed": UnsealedLine.objects.count(),
        }


site.register(LedgerLine, LedgerDesk)
