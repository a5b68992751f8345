"""What somebody outside, or a person of ours, tells of a deletion that is done by hand."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ccpa_office.asking import AskingForm
from ccpa_office.law.grounds import exceptions_for
from ccpa_office.law.kinds import RequestKind
from requests_app.forms import PlainText
from requests_app.models import Said

LARGEST_EVIDENCE = 4 * 1024 * 1024
EXCEPTIONS = [("", "—"), *((e.value, e.label) for e in exceptions_for(RequestKind.DELETE))]


class OutsideAnswerForm(AskingForm):
    """What became of a deletion that somebody does by hand."""

    use_required_attribute = False
    said = forms.ChoiceField(
        label=_("What became of it?"), choices=Said.choices, widget=forms.RadioSelect
    )
    exception = forms.ChoiceField(
        label=_("If it is kept: under which exception?"), choices=EXCEPTIONS, required=False
    )
    note = PlainText(
        label=_("Anything that we should know"),
        help_text=_("Say here why it cannot be done. Write nothing about the person."),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        said, exception = found.get("said"), found.get("exception")
        if said == Said.KEPT and not exception:
            self.add_error("exception", _("Choose the exception under which it is kept."))
        found["exception"] = exception if said == Said.KEPT else ""
        if said == Said.IMPOSSIBLE and not found.get("note", "").strip():
            self.add_error("note", _("Say why it cannot be done."))
        return found


class OutsideLinkForm(OutsideAnswerForm):
    """The same, with a file that shows it."""

    evidence = forms.FileField(
        label=_("A file that shows it"),
        help_text=_("Up to 4 MB. We keep it sealed, without its name."),
        required=False,
    )

    def clean_evidence(self) -> bytes:
        file = self.cleaned_data.get("evidence")
        if file and file.size > LARGEST_EVIDENCE:
            raise forms.ValidationError(_("This file is larger than 4 MB."), code="large")
        return bytes(file.read()) if file else b""
