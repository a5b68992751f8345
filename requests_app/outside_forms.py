"""What somebody outside, or a person of ours, tells of what is done by hand."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ccpa_office.asking import AskingForm
from ccpa_office.law.grounds import exceptions_for
from ccpa_office.law.kinds import RequestKind
from requests_app.forms import PlainText
from requests_app.models import PartSaid, Said

LARGEST_EVIDENCE = 4 * 1024 * 1024
KINDS = {
    "email": _("E-mail address"),
    "name": _("Name"),
    "phone_number": _("Telephone"),
}
EXCEPTIONS = [("", "—"), *((e.value, e.label) for e in exceptions_for(RequestKind.DELETE))]


NOT_GIVEN = [
    ("", "—"), *((e.value, e.label) for e in exceptions_for(RequestKind.KNOW_SPECIFIC))
]  # fmt: skip
ENDINGS = {b"%PDF-": "pdf", b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg"}
"""How the files that are taken begin; any other is taken if it is plain text."""


def kind_words(kind: str) -> str:
    """By what somebody is known, in words; a kind of the business's own is its own word."""
    return str(KINDS.get(kind, kind.replace("_", " ")))


def in_words(asked: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Whom something concerns, each kind in words."""
    return [(kind_words(kind), value) for kind, value in asked]


def ending_of(content: bytes) -> str:
    """The ending of a file by what is in it, whatever its name says; empty if it is not taken."""
    for beginning, ending in ENDINGS.items():
        if content.startswith(beginning):
            return ending
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return ""
    is_plain = all(sign.isprintable() or sign in "\t\r\n\f\u3000\u00a0" for sign in text)
    return "txt" if text.strip() and is_plain else ""


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


class PartForm(AskingForm):
    """What was found of a consumer where only people can look, or that nothing was."""

    use_required_attribute = False
    said = forms.ChoiceField(
        label=_("What did you find?"), choices=PartSaid.choices, widget=forms.RadioSelect
    )
    exception = forms.ChoiceField(
        label=_("If it is not given: under which exception?"), choices=NOT_GIVEN, required=False
    )
    content = forms.FileField(
        label=_("A file with what you hold"),
        help_text=_("PDF, PNG, JPEG or plain text, up to 4 MB. We keep it sealed, without its"
                    " name. The consumer gets it as it is."),
        required=False,
    )  # fmt: skip
    note = PlainText(
        label=_("Or in words"),
        help_text=_("The consumer reads this, too."),
        max_length=8000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def clean_content(self) -> bytes:
        file = self.cleaned_data.get("content")
        if not file:
            return b""
        if file.size > LARGEST_EVIDENCE:
            raise forms.ValidationError(_("This file is larger than 4 MB."), code="large")
        content = bytes(file.read())
        if not ending_of(content):
            raise forms.ValidationError(
                _("This is neither PDF, PNG, JPEG nor plain text."), code="kind"
            )
        return content

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        said, exception = found.get("said"), found.get("exception")
        has_file = bool(found.get("content"))
        if said == PartSaid.KEPT and not exception:
            self.add_error("exception", _("Choose the exception under which it is not given."))
        found["exception"] = exception if said == PartSaid.KEPT else ""
        if said == PartSaid.FOUND and not (
            has_file or found.get("note", "").strip() or self.has_error("content")
        ):
            self.add_error("content", _("Give a file, or say it in words."))
        if said in {PartSaid.NOTHING, PartSaid.KEPT} and has_file:
            self.add_error("content", _("A file is given only with what was found."))
        return found
