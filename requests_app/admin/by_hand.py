"""Parts of an answer to know that people give, at the package they belong to."""

import io
import zipfile
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office.admin import Deed
from ccpa_office.asking import AskingForm
from ccpa_office.roles import Actor, Verb
from notices_app.models import DataSystem
from requests_app import targets
from requests_app.admin.moves import PurposeForm, ReasonForm
from requests_app.admin.words import ground_words
from requests_app.fulfillment.outside import parts
from requests_app.fulfillment.outside.asking import Asked
from requests_app.models import Package, Part, PartStage
from requests_app.outside_forms import PartForm, in_words

_L = gettext_lazy


@dataclass(frozen=True)
class Whom:
    """Whom a part concerns, opened for one page."""

    name: str
    asked: list[Asked]


def names() -> dict[str, str]:
    """The names of the systems, by key."""
    return dict(DataSystem.objects.values_list("key", "name"))


class _Choosing(AskingForm):
    """Which of the systems; ``stages`` are those of the parts that can be chosen."""

    takes_subject = True
    stages: tuple[PartStage, ...] = ()
    part = forms.ChoiceField(label=_L("System"))

    def __init__(self, *args: Any, subject: Package, **more: Any) -> None:
        super().__init__(*args, **more)
        known, field = names(), self.fields["part"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = [
            (str(each.pk), known.get(each.system_key, each.system_key))
            for each in _parts(subject).filter(stage__in=self.stages)
        ]


def _parts(package: Package) -> Any:
    rows = Part.objects.select_related("data_key", "consumer_request__data_key")
    return rows.filter(consumer_request=package.consumer_request_id).order_by("pk")


class WhomForm(_Choosing, PurposeForm):
    """Whom it concerns, for a purpose."""

    stages = (PartStage.ASKED,)


class GiveForm(_Choosing, PartForm):
    """What was found."""

    stages = (PartStage.ASKED,)


class AnsweredForm(_Choosing):
    """One that somebody answered."""

    stages = (PartStage.ANSWERED,)


class AgainForm(_Choosing, ReasonForm):
    """One that is asked anew."""

    stages = (PartStage.ASKED, PartStage.ANSWERED)


def _one(package: Package, part: str) -> Part:
    found: Part = _parts(package).get(pk=int(part))
    return found


def _whom(package: Package, *, part: str, purpose: str, by: Actor, at: datetime) -> Whom:
    one = _one(package, part)
    asked = parts.see_whom(one, purpose=purpose, by=by, at=at)
    return Whom(names().get(one.system_key, one.system_key), in_words(asked))


def _give(package: Package, *, part: str, by: Actor, at: datetime, **cleaned: Any) -> str:
    parts.answer_by_hand(_one(package, part), parts.Gift.of(cleaned), by=by, at=at)
    return _("It is written down. Another person confirms it.")


def _look(package: Package, *, part: str, by: Actor, at: datetime) -> HttpResponse | str:
    one = _one(package, part)
    if not (one.note or one.content):
        return _("They gave neither a file nor words.")
    note, content = parts.look(one, by=by, at=at)
    both = bool(note and content)
    body = _together(note, content, one.ending) if both else content or note.encode()
    response = HttpResponse(body, content_type="application/octet-stream")
    name = f"part-{one.pk}.{'zip' if both else one.ending or 'txt'}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _together(note: str, content: bytes, ending: str) -> bytes:
    """A note and a file as one: whoever confirms sees all that the consumer gets."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("note.txt"), note)
        archive.writestr(zipfile.ZipInfo(f"file.{ending}"), content)
    return held.getvalue()


def _confirm(package: Package, *, part: str, by: Actor, at: datetime) -> str:
    parts.confirm(_one(package, part), by=by, at=at)
    return _("Confirmed. The package is collected anew with it.")


def _again(package: Package, *, part: str, reason: str, by: Actor, at: datetime) -> str:
    vendors = {vendor.key: vendor for vendor in targets.vendors()}
    parts.ask_again(_one(package, part), vendors, reason=reason, by=by, at=at)
    return _("It is asked again.")


def _has(*stages: PartStage) -> Any:
    return lambda package: (
        package.consumer_request.is_open and _parts(package).filter(stage__in=stages).exists()
    )


DEEDS = (
    Deed("part-whom", _L("See whom to look for"), _whom, None, WhomForm,
         offered=_has(PartStage.ASKED)),
    Deed("part-give", _L("Give what was found by hand"), _give, Verb.WORK_CASE, GiveForm,
         help=_L("What you or they found, or that nothing was. Another person confirms it."),
         offered=_has(PartStage.ASKED)),
    Deed("part-look", _L("Look at what was given"), _look, Verb.CLOSE_CASE, AnsweredForm,
         help=_L("It comes from outside and nobody has opened it: no machine can look through"
                 " pictures and PDF files for what may not leave."),
         offered=_has(PartStage.ANSWERED)),
    Deed("part-confirm", _L("Confirm what was given"), _confirm, Verb.CLOSE_CASE, AnsweredForm,
         fresh=True,
         help=_L("You have looked at it: it is of this person alone, and holds no number or"
                 " password that the law forbids us to disclose."),
         offered=_has(PartStage.ANSWERED)),
    Deed("part-again", _L("Ask them again"), _again, Verb.CLOSE_CASE, AgainForm,
         help=_L("An answer so far counts for nothing."),
         offered=_has(PartStage.ASKED, PartStage.ANSWERED)),
)  # fmt: skip


def told(package: Package) -> list[dict[str, Any]]:
    """Every part of a request, for its package's page."""
    known = names()
    return [
        {
            "name": known.get(each.system_key, each.system_key),
            "part": each,
            "why": ground_words(each.exception) if each.exception else "",
        }
        for each in _parts(package)
    ]
