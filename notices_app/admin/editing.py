"""The forms of the notice desk: a line, a text, a statement, a day, a note."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ccpa_office.asking import AskingForm
from ccpa_office.law.vocabulary import BusinessPurpose, Category, Sensitive
from notices_app.models import (
    Dealing,
    FindingCode,
    Language,
    NoticeVersion,
    Purpose,
    Recipient,
    Section,
    Source,
    TextState,
)
from notices_app.reading import Line, Words, read_whole

SAID = {"yes": True, "no": False, "": None}
SAID_CHOICES = [("", _("it does not say")), ("yes", _("yes")), ("no", _("no"))]


FIRST_DAY, LAST_DAY = date(2018, 6, 28), date(2199, 12, 31)
"""From the day on which the statute was signed to a day that no notice lives to see."""


class Day(forms.DateField):
    """A day of the statute's life."""

    def to_python(self, value: Any) -> date | None:
        day = super().to_python(value)
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return day


class DayForm(AskingForm):
    """From which day a version counts."""

    effective_on = Day(label=_("In effect from"), widget=forms.DateInput(attrs={"type": "date"}))


class NoteForm(AskingForm):
    """A note for the author."""

    note = forms.CharField(
        label=_("Note"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )


class AnswerForm(NoteForm):
    """The fact that a finding needs."""

    code = forms.ChoiceField(label=_("Finding"), choices=FindingCode.choices)
    field_order = ("code", "note")


class DigestForm(AskingForm):
    """A yes to exactly the words that were read."""

    takes_subject = True
    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, subject: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["digest"].initial = subject.digest


class TextForm(AskingForm):
    """One section in one language."""

    section = forms.ChoiceField(label=_("Section"), choices=Section.choices)
    language = forms.ChoiceField(label=_("Language"), choices=Language.choices)
    title = forms.CharField(label=_("Title"), max_length=200)
    body = forms.CharField(
        label=_("Text"),
        max_length=20_000,
        help_text=_("A blank line parts paragraphs; lines with “- ” are a list."),
        widget=forms.Textarea(attrs={"rows": 8}),
    )
    state = forms.ChoiceField(label=_("Translation"), choices=TextState.choices)


def _choices(choices: Any) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        required=False, choices=choices, widget=forms.CheckboxSelectMultiple
    )


class LineForm(AskingForm):
    """What a version says about one category; words in one language at a time."""

    category = forms.ChoiceField(label=_("Category"), choices=Category.choices)
    language = forms.ChoiceField(label=_("Language of the words"), choices=Language.choices)
    examples = forms.CharField(
        label=_("Examples"), max_length=4000, widget=forms.Textarea(attrs={"rows": 3})
    )
    retention = forms.CharField(label=_("How long"), max_length=2000, required=False)
    retention_months = forms.IntegerField(
        label=_("Kept for (months)"), min_value=0, max_value=1200, required=False
    )
    sold = forms.ChoiceField(label=_("Sold"), choices=SAID_CHOICES, required=False)
    shared = forms.ChoiceField(label=_("Shared"), choices=SAID_CHOICES, required=False)
    disclosed = forms.ChoiceField(label=_("Disclosed"), choices=SAID_CHOICES, required=False)
    sensitive = _choices(Sensitive.choices)
    business_purposes = _choices(BusinessPurpose.choices)
    sources = _choices([])
    purposes = _choices([])
    disclosed_to = _choices([])
    sold_to = _choices([])
    shared_to = _choices([])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = {"sources": Source, "purposes": Purpose}
        named |= dict.fromkeys(("disclosed_to", "sold_to", "shared_to"), Recipient)
        for name, model in named.items():
            codes = model._base_manager.filter(active=True).values_list("code", flat=True)
            self.fields[name].choices = [(code, code) for code in codes]  # type: ignore[attr-defined]
        for name, label in LABELS.items():
            self.fields[name].label = label


CODES = ("sensitive", "business_purposes", "sources", "purposes")
LABELS = {
    "sensitive": _("Sensitive kinds"),
    "business_purposes": _("Business purposes"),
    "sources": _("Sources"),
    "purposes": _("Purposes"),
    "disclosed_to": _("Disclosed to"),
    "sold_to": _("Sold to"),
    "shared_to": _("Shared with"),
}


def line_of(version: NoticeVersion, typed: Mapping[str, Any]) -> Line:
    """The line as it will be: what was typed, and the words in other languages as they are."""
    known = read_whole(version.pk).lines.get(typed["category"])
    words = dict(known.words) if known else {}
    words[typed["language"]] = Words(examples=typed["examples"], retention=typed["retention"])
    recipients = ((way, code) for way in Dealing.values for code in typed[f"{way}_to"])
    return replace(
        known or Line(category=typed["category"]),
        words=words,
        retention_months=typed["retention_months"],
        recipients=tuple(sorted(recipients)),
        sold=SAID[typed["sold"]],
        shared=SAID[typed["shared"]],
        disclosed=SAID[typed["disclosed"]],
        sensitive=tuple(sorted(typed["sensitive"])),
        business_purposes=tuple(sorted(typed["business_purposes"])),
        sources=tuple(sorted(typed["sources"])),
        purposes=tuple(sorted(typed["purposes"])),
    )


def line_initial(version: NoticeVersion, category: str, language: str) -> dict[str, Any]:
    """What stands in the form for the line of a category."""
    line = read_whole(version.pk).lines.get(category)
    if line is None:
        return {"category": category, "language": language}
    words = line.words.get(language, Words(examples=""))
    said = {True: "yes", False: "no", None: ""}
    return {
        "category": category,
        "language": language,
        "examples": words.examples,
        "retention": words.retention,
        "retention_months": line.retention_months,
        **{way: said[line.deals(way)] for way in Dealing.values},
        **{name: list(getattr(line, name)) for name in CODES},
        **{f"{way}_to": list(line.to(way)) for way in Dealing.values},
    }


def text_initial(version: NoticeVersion, section: str, language: str) -> dict[str, Any]:
    """What stands in the form for one section in one language."""
    text = version.texts.filter(section=section, language=language).first()
    known = {"title": text.title, "body": text.body, "state": text.state} if text else {}
    return {"section": section, "language": language, **known}
