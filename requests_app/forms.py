"""Forms of the public pages: only what a right needs, each field with why it is asked (I-11)."""

import re
import secrets
import unicodedata
from collections.abc import Iterable
from functools import partial
from typing import Any

from django import forms
from django.core import signing
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ccpa_office.asking import AskingForm
from ccpa_office.connectors.ways import Point
from ccpa_office.law.certainty import EVIDENCE_NEEDED, Level
from ccpa_office.law.kinds import UNVERIFIED, RequestKind
from requests_app.numbers import NotANumber, read_number

NONCE_SALT = "requests.form"
NONCE_LIFE = 24 * 60 * 60
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What draws nothing or turns what stands around it: marks, fillers, tags, other separators."""
NON_JOINER, JOINER = "\u200c", "\u200d"
"""What Persian, the scripts of India and joined emoji are written with: part of the spelling."""
LOCAL_PART = 64


class PlainText(forms.CharField):
    """Text in NFC without invisible or direction-changing characters; every script passes.

    ``joiners`` are those that the text may hold: both where it is prose, none in what identifies.
    Beside a Latin letter they only hide, and are refused there.
    """

    default_error_messages = {
        "characters": _("Please type this without invisible characters."),
    }

    def __init__(self, *args: Any, joiners: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        prose = isinstance(self.widget, forms.Textarea)
        self.joiners = (NON_JOINER + JOINER if prose else "") if joiners is None else joiners

    def clean(self, value: Any) -> str:
        text = unicodedata.normalize("NFC", str(super().clean(value)))
        allowed = "\n\t" if isinstance(self.widget, forms.Textarea) else ""
        text = text.replace("\r\n", "\n")
        self.run_validators(text)  # a composed text can be longer than the typed one
        bad = any(
            unicodedata.category(each) in {"Cc", "Cs", "Co"} and each not in allowed
            for each in text
        )
        if bad or INVISIBLE.search(text) or self._hides(text):
            raise forms.ValidationError(self.error_messages["characters"], code="characters")
        return text

    def _hides(self, text: str) -> bool:
        """Whether a joiner stands where none may, or where it joins nothing."""
        return any(
            each in NON_JOINER + JOINER
            and (each not in self.joiners or not place or text[place - 1].isascii())
            for place, each in enumerate(text)
        )


class Address(forms.EmailField):
    """One e-mail address that a letter can go to."""

    default_error_messages = {
        "invalid": _("Enter an e-mail address in full, like name@example.org."),
        "ascii": _("Enter an address of plain letters, like name@example.org."),
    }

    def clean(self, value: Any) -> str:
        address = str(super().clean(value))
        local, _at_sign, domain = address.rpartition("@")
        plain = address.isascii() and '"' not in address and len(local) <= LOCAL_PART
        if address and not (plain and "." in domain and "[" not in domain):
            raise forms.ValidationError(self.error_messages["ascii"], code="ascii")
        return address


def new_nonce(kind: str) -> str:
    """A blank form's own number, signed so that nobody else can choose it."""
    return signing.dumps([kind, secrets.token_urlsafe(16)], salt=NONCE_SALT)


class RequestForm(AskingForm):
    """What every right needs: where the letters go. ``nonce`` is spent by the first press."""

    nonce = forms.CharField(widget=forms.HiddenInput, max_length=200)
    email = Address(
        label=_("Your e-mail address"),
        help_text=_("We send the number of your request and a link to follow it to this address."),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"required": _("Enter your e-mail address.")},
    )
    words = PlainText(
        label=_("Anything we should know"),
        help_text=_("For example a course or an order. No passwords or documents."),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, kind: RequestKind, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.fields["nonce"].initial = partial(new_nonce, kind)  # made where it is shown
        self.use_required_attribute = False

    def clean_nonce(self) -> str:
        try:
            kind, value = signing.loads(
                self.cleaned_data["nonce"], salt=NONCE_SALT, max_age=NONCE_LIFE
            )
        except (signing.BadSignature, ValueError, TypeError):
            kind, value = "", ""
        if kind != self.kind.value:
            raise forms.ValidationError(
                _("This form is too old. Your answers are kept; press the button once more."),
                code="nonce",
            )
        return str(value)

    def renew_nonce(self) -> None:
        """Give a form that was refused a fresh nonce, so that the next press can succeed."""
        if "nonce" in self.errors:
            self.data = {
                **{name: self.data[name] for name in self.data},
                "nonce": new_nonce(self.kind),
            }

    def identifiers(self) -> dict[str, str]:
        """Identifiers as typed, by kind."""
        return {
            kind: self.cleaned_data[kind]
            for kind in ("email", "name")
            if self.cleaned_data.get(kind)
        }

    def choices(self) -> dict[str, str]:
        """Choices that the book keeps; never a value about the person."""
        return {}


class NamedForm(RequestForm):
    """A right for which the person's records must be found and the person verified."""

    name = PlainText(
        label=_("Your name"),
        help_text=_("As we know it, so that a person here can address you."),
        max_length=200,
        joiners=NON_JOINER,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Enter your name.")},
    )
    field_order = ["nonce", "name", "email"]


class DeleteForm(NamedForm):
    """Delete what the business holds (Civ. 1798.105)."""


class KnowForm(NamedForm):
    """Know; the consumer may ask for everything since 2022 or for twelve months (7020(e))."""

    since = forms.ChoiceField(
        label=_("How far back"),
        help_text=_("You may ask for everything we hold, back to 1 January 2022."),
        choices=[
            ("everything", _("Everything you hold about me")),
            ("12-months", _("The last 12 months")),
        ],
        initial="everything",
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how far back we should look.")},
    )

    def choices(self) -> dict[str, str]:
        return {"since": self.cleaned_data["since"]}


class CorrectForm(NamedForm):
    """Correct something that is wrong (Civ. 1798.106)."""

    words = PlainText(
        label=_("What is wrong, and what is right"),
        help_text=_("Say where you saw it. You need not send documents now."),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": _("Tell us what is wrong, and what is right.")},
    )
    field_order = ["nonce", "name", "email", "words"]


class OptOutForm(RequestForm):
    """Opt out, or limit: the address alone, and no verification (7026(b), 7027; 7060(b))."""


FORMS: dict[RequestKind, type[RequestForm]] = {
    RequestKind.DELETE: DeleteForm,
    RequestKind.KNOW_CATEGORIES: KnowForm,
    RequestKind.KNOW_SPECIFIC: KnowForm,
    RequestKind.CORRECT: CorrectForm,
    RequestKind.OPT_OUT: OptOutForm,
    RequestKind.LIMIT: OptOutForm,
}
"""The rights that the web form offers, in the order of the page."""

_MEANING: dict[RequestKind, tuple[Promise, Promise]] = {
    RequestKind.DELETE: (
        _("Delete what you hold about me"),
        _("We erase your personal information, and tell our service providers to do the same."),
    ),
    RequestKind.KNOW_CATEGORIES: (
        _("Tell me what kinds of information you have about me"),
        _("We list the kinds, where they come from, what for, and who gets them."),
    ),
    RequestKind.KNOW_SPECIFIC: (
        _("Give me a copy of what you hold about me"),
        _("We give you the information itself, in a form that you can keep and use."),
    ),
    RequestKind.CORRECT: (
        _("Correct something that is wrong"),
        _("We look at what you tell us and put right what is wrong."),
    ),
    RequestKind.OPT_OUT: (
        _("Do not sell or share my information"),
        _("We stop selling and sharing your personal information. We do not check who you are."),
    ),
    RequestKind.LIMIT: (
        _("Limit the use of my sensitive information"),
        _("We use it only for what the service needs. We do not check who you are."),
    ),
}


def right_of(kind: RequestKind) -> dict[str, Any]:
    """A right as plain sentences: title, meaning, how long it takes."""
    title, meaning = _MEANING[kind]
    how_long = (
        _("At once where we can, within 15 business days at the latest.")
        if kind in UNVERIFIED
        else _("We answer within 45 days. First we check that it is you.")
    )
    return {"kind": kind.value, "title": title, "meaning": meaning, "how_long": how_long}


class StatusForm(AskingForm):
    """Ask for the follow link: the number and the address, together."""

    number = forms.CharField(
        label=_("The number of your request"),
        help_text=_("Eleven letters and digits, like 7K3M-92QX-4TD."),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Enter the number of your request.")},
    )
    email = Address(
        label=_("Your e-mail address"),
        help_text=_("The one that you gave with the request."),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"required": _("Enter your e-mail address.")},
    )
    use_required_attribute = False

    def clean_number(self) -> str:
        try:
            return read_number(self.cleaned_data["number"])
        except NotANumber:
            raise forms.ValidationError(
                _("This is not a request number. Look at it in our letter and type it again."),
                code="number",
            ) from None


class EvidenceForm(AskingForm):
    """The data points that the map names, and the declaration where the level asks for one."""

    use_required_attribute = False

    def __init__(
        self,
        points: Iterable[Point],
        language: str,
        *args: Any,
        declaration: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        level = Level.REASONABLY_HIGH if declaration else Level.REASONABLE
        self.needed = EVIDENCE_NEEDED[level].points
        self.declaration = declaration
        self.points = {point.key: point for point in points}
        for point in self.points.values():
            self.fields[point.key] = PlainText(
                label=point.label.get(language) or point.label.get("en") or point.key,
                help_text=_("Only to check that it is you. Leave it empty if you do not know."),
                max_length=200,
                required=False,
                widget=forms.TextInput(attrs={"autocomplete": "off"}),
            )
        if declaration:
            self.fields["signed_name"] = PlainText(
                label=_("Your full name, as your signature"),
                max_length=200,
                joiners=NON_JOINER,
                widget=forms.TextInput(attrs={"autocomplete": "name"}),
                error_messages={"required": _("Enter your full name, as your signature.")},
            )
            self.fields["declared"] = forms.BooleanField(
                label=_("I sign this declaration under penalty of perjury."),
                error_messages={"required": _("Tick the box to sign the declaration.")},
            )
        self.name_errors()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        answered = {self.points[key].group for key in self.claims()}
        if len(answered) < self.needed:
            raise forms.ValidationError(
                _("Answer at least %(count)s of these, so that we can check that it is you."),
                params={"count": self.needed},
                code="few",
            )
        return cleaned

    def claims(self) -> dict[str, str]:
        """What was answered, by point."""
        return {key: self.cleaned_data[key] for key in self.points if self.cleaned_data.get(key)}


class MessageForm(AskingForm):
    """A message to the office."""

    use_required_attribute = False
    text = PlainText(
        label=_("Write to us about this request"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": _("Write your message.")},
    )
