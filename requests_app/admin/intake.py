"""The intake desk: a request that came by telephone, post, mail or at the counter."""

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office import sealing
from ccpa_office.admin import Deed, OfficeModelAdmin, newest, site
from ccpa_office.asking import AskingForm
from ccpa_office.law.kinds import RequestKind
from ccpa_office.roles import Actor, Verb
from requests_app import intake
from requests_app.forms import NON_JOINER, NONCE_LIFE, NONCE_SALT, Address, PlainText, new_nonce
from requests_app.intake import Asked
from requests_app.models import Channel, ConsumerRequest, Identifier

_L = gettext_lazy
DESK = "desk"
CHANNELS = [choice for choice in Channel.choices if choice[0] != Channel.WEB]


class IntakeForm(AskingForm):
    """What was asked, by whom as told, and how it came. The moment is now."""

    nonce = forms.CharField(max_length=200, widget=forms.HiddenInput)
    kind = forms.ChoiceField(label=_L("Right"), choices=[("", "—"), *RequestKind.choices])
    channel = forms.ChoiceField(label=_L("How it came"), choices=[("", "—"), *CHANNELS])
    language = forms.ChoiceField(label=_L("Language of the letters"), choices=settings.LANGUAGES)
    name = PlainText(label=_L("Name"), max_length=200, required=False, joiners=NON_JOINER)
    email = Address(
        label=_L("E-mail address"),
        max_length=254,
        required=False,
        help_text=_L("Where the receipt goes. Without one, tell the number on the spot."),
    )
    phone_number = PlainText(label=_L("Telephone"), max_length=40, required=False)
    words = PlainText(
        label=_L("What was said"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["nonce"].initial = new_nonce(DESK)

    def clean_nonce(self) -> str:
        """The blank form's own number, if it is one of ours and of today."""
        try:
            kind, nonce = signing.loads(
                self.cleaned_data["nonce"], salt=NONCE_SALT, max_age=NONCE_LIFE
            )
        except (signing.BadSignature, ValueError, TypeError):
            kind, nonce = "", ""
        if kind != DESK:
            raise forms.ValidationError(_("This form was open too long. Open it again."))
        return str(nonce)

    def clean_phone_number(self) -> str:
        """A number that can be found again: without digits it would be everybody's."""
        typed = str(self.cleaned_data["phone_number"])
        if typed and not sealing.normal_phone(typed):
            raise forms.ValidationError(_("Enter at least a name, an address or a telephone."))
        return typed

    def clean(self) -> dict[str, Any]:
        """Somebody has to be reachable or findable."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not any(cleaned.get(name) for name in ("email", "phone_number", "name")):
            raise forms.ValidationError(_("Enter at least a name, an address or a telephone."))
        return cleaned


def _take_in(_none: None, *, by: Actor, at: datetime, **typed: str) -> ConsumerRequest:
    identifiers = {name: typed[name] for name in ("name", "email", "phone_number") if typed[name]}
    asked = Asked(
        kind=RequestKind(typed["kind"]),
        identifiers=identifiers,
        channel=Channel(typed["channel"]),
        language=typed["language"],
        nonce=typed["nonce"],
        words=typed["words"],
    )
    return intake.open_request(asked, by=by, at=at)


class IntakeDesk(OfficeModelAdmin):
    """One form; below it what staff took in last."""

    word, label, place = "intake", _L("Intake"), 15
    about = _L(
        "A request that came by telephone, post, mail or at the counter. It counts from now."
    )
    see = (Verb.INTAKE,)
    list_template = "admin/intake.html"
    chores = (Deed("take-in", _L("Take in this request"), _take_in, Verb.INTAKE, IntakeForm),)

    def shelf(self, request: HttpRequest, _actor: Actor) -> dict[str, Any]:
        """What staff took in, the newest first."""
        rows = ConsumerRequest.objects.filter(opened_by_id__isnull=False)
        return {"page": newest(rows, request.GET.get("after", ""))}

    def done(self, request: HttpRequest, deed: Deed, subject: Any, said: Any) -> HttpResponse:
        """Its number is on the page that follows."""
        if isinstance(said, ConsumerRequest):
            super().done(request, deed, None, _("Taken in: %s.") % said.public_number)
            to = reverse("admin:requests_app_consumerrequest_change", args=[said.number])
            return HttpResponseRedirect(to)
        return super().done(request, deed, subject, said)


site.register(Identifier, IntakeDesk)
