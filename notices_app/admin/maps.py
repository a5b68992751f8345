"""The map desk: maps of the systems, what is wanting in them, approval by a second person."""

from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from ccpa_office import clock
from ccpa_office.admin import Deed, OfficeModelAdmin, Panel, site
from ccpa_office.admin.book import label
from ccpa_office.asking import AskingForm
from ccpa_office.connectors.base import ConnectorError
from ccpa_office.law.deadlines import received_date
from ccpa_office.law.vocabulary import Category, Sensitive
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, Verb, may
from notices_app import datamap
from notices_app.admin.editing import DigestForm
from notices_app.datamap.codes import cure
from notices_app.models import DataMapVersion, DataSystem, Recipient, Source

_L = gettext_lazy
LARGEST = 512 * 1024
SHOWN = 5


class LoadForm(AskingForm):
    """A map file for a system."""

    system = forms.ModelChoiceField(
        label=_L("System"), queryset=DataSystem.objects.all(), to_field_name="key"
    )
    document = forms.CharField(
        label=_L("Map (fideslang YAML)"),
        max_length=LARGEST,
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
        help_text=_L(
            "Nothing is kept unless the map is sound and fits the store. This command writes a "
            "first draft: manage.py datamap suggest --system KEY"
        ),
    )


def _load(
    _none: None, *, system: DataSystem, document: str, by: Actor, at: datetime
) -> DataMapVersion:
    return datamap.load(document, system_key=system.key, by=by, at=at)


def _approve(version: DataMapVersion, *, digest: str, by: Actor, at: datetime) -> str:
    datamap.approve(version, digest=digest, by=by, at=at)
    return _("Approved: this map counts now.")


def _why_not_approve(version: DataMapVersion, actor: Actor) -> str:
    if version.loaded_by_id == actor.id:
        return _("You loaded this map; another person approves it.")
    return ""


GAPS = {
    "not-in-practice": _L("The notice names it; no map holds it"),
    "not-in-notice": _L("A map holds it; the notice does not name it"),
    "source-not-in-notice": _L("The notice does not name this source"),
    "sensitive-not-in-notice": _L("The notice does not name this sensitive kind"),
    "source-not-named": _L("The map does not say where it comes from"),
    "recipient-not-in-notice": _L("The notice does not name whoever gets it"),
    "recipient-not-covered": _L("Nobody can tell this recipient to delete: no address, no map"),
}
TERMS: dict[str, type[Source | Recipient]] = {
    "source-not-in-notice": Source,
    "recipient-not-in-notice": Recipient,
    "recipient-not-covered": Recipient,
}


def _gaps(gaps: list[datamap.Gap], language: str) -> list[dict[str, Any]]:
    """Gaps in words; sources and recipients by their names, in one statement each."""
    names = {
        model: _names(model, {gap.detail for gap in gaps if TERMS.get(gap.code) is model}, language)
        for model in set(TERMS.values())
    }
    return [
        {
            "said": GAPS.get(gap.code, gap.code),
            "category": label(Category, gap.category),
            "detail": names[TERMS[gap.code]].get(gap.detail, gap.detail)
            if gap.code in TERMS
            else label(Sensitive, gap.detail),
            "tables": gap.tables,
            "cure": cure(gap.code),
        }
        for gap in gaps
    ]


def _names(model: type[Source | Recipient], codes: set[str], language: str) -> dict[str, str]:
    """The names of some words of the notices, in a language or else in English."""
    rows = model.objects.filter(code__in=codes, names__language__in={language, "en"})
    found: dict[str, str] = {}
    for code, spoken, name in rows.values_list("code", "names__language", "names__name"):
        if spoken == language or code not in found:
            found[code] = name
    return found


class MapDesk(OfficeModelAdmin):
    """Versions of maps, and where practice and notice differ."""

    word, label, place = "maps", _L("Maps"), 60
    about = _L("Where personal information lies in your systems, and what deleting does to it.")
    see = (Verb.LOAD_MAP, Verb.APPROVE_MAP)
    list_template, page_template = "admin/maps.html", "admin/map.html"
    refusals = (
        datamap.MapNotSound, datamap.NoActiveMap, datamap.NoAddress, datamap.NoSuchSystem,
        datamap.SecondPersonNeeded, datamap.AnotherDigest, datamap.AlreadyApproved, datamap.NotTold,
        ConnectorError,
    )  # fmt: skip
    chores = (Deed("load", _L("Load a map"), _load, Verb.LOAD_MAP, LoadForm),)
    deeds = (
        Deed(
            "approve", _L("Approve this map"), _approve, Verb.APPROVE_MAP, DigestForm, fresh=True,
            offered=lambda version: version.approved_by_id is None, why_not=_why_not_approve,
        ),
    )  # fmt: skip

    def get_rows(self) -> Any:
        """Versions with their system."""
        return DataMapVersion.objects.select_related("system")

    def shelf(self, _request: HttpRequest, _actor: Actor) -> dict[str, Any]:
        """The versions, and the gaps of what counts now against the notice in force."""
        versions = self.get_rows().defer("document").order_by("system__key", "-number")[:100]
        counts = DataMapVersion.objects.active().filter(system=OuterRef("pk"))
        gaps = datamap.gaps(on=received_date(clock.now()))
        return {
            "versions": list(versions),
            "systems": list(DataSystem.objects.annotate(mapped=Exists(counts))),
            "gaps": _gaps(gaps, (get_language() or "en").partition("-")[0]),
        }

    def facts(self, _request: HttpRequest, subject: Any, _actor: Actor) -> dict[str, Any]:
        """One map: its document, its findings, who brought it there."""
        ids = [each for each in (subject.loaded_by_id, subject.approved_by_id) if each]
        names = dict(StaffMember.objects.filter(pk__in=ids).values_list("pk", "username"))
        findings = datamap.check(subject.document)
        return {
            "title": _("Map of %(system)s, version %(number)s")
            % {"system": subject.system.key, "number": subject.number},
            "findings": [(each, cure(each.code)) for each in findings],
            "remarks": max(subject.findings - len(findings), 0),
            "names": names,
        }

    def say(self, refusal: Exception) -> str:
        """The first findings of a map that is not sound, with their lines."""
        if isinstance(refusal, datamap.MapNotSound):
            first = refusal.findings[:SHOWN]
            found = "; ".join(f"{each.line}:{each.column} {each.message}" for each in first)
            return _("The map is not sound; nothing was loaded. %s") % found
        return super().say(refusal)

    def done(self, request: HttpRequest, deed: Deed, subject: Any, said: Any) -> HttpResponse:
        """A map that was loaded opens at once."""
        if isinstance(said, DataMapVersion):
            return super().done(request, deed, said, _("Loaded. A second person approves it."))
        return super().done(request, deed, subject, said)


def _waiting(actor: Actor, _at: datetime) -> dict[str, Any] | None:
    if not may(actor, Verb.APPROVE_MAP):
        return None
    waiting = DataMapVersion.objects.awaiting_approval().select_related("system").defer("document")
    maps = list(waiting.exclude(loaded_by_id=actor.id or 0)[:10])
    return {"maps": maps} if maps else None


site.register(DataMapVersion, MapDesk)
site.panels.append(Panel("admin/parts/maps.html", _waiting, 70, aside=True))
