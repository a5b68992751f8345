"""Forms whose errors say which field they speak of, and what to do."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.utils import pretty_name
from django.utils.functional import Promise, lazy
from django.utils.translation import gettext_lazy as _

REQUIRED = forms.Field.default_error_messages["required"]
FILLED_IN: str | Promise = _("Fill in “{label}”.")
CHOSEN: str | Promise = _("Choose something for “{label}”.")
HIDDEN: str | Promise = _("Type “{label}” without invisible characters.")
MEASURED: Mapping[str, str | Promise] = {
    "invalid_choice": _("Choose “{label}” from the list."),
    "max_length": _("“{label}” is too long: %(show_value)d characters, %(limit_value)d at most."),
}


class AskingForm(forms.Form):
    """A form of the office. What a field does not say in its own words is said with its label."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name_errors()

    def name_errors(self) -> None:
        """Put the labels into the messages; called again by who adds fields.

        The words are put together where one of them is said.
        """
        for name, field in self.fields.items():
            label, messages = field.label or pretty_name(name), field.error_messages
            if messages.get("required") is REQUIRED:
                chosen = isinstance(field, forms.ChoiceField | forms.FileField)
                messages["required"] = _with(label, CHOSEN if chosen else FILLED_IN)
            messages["characters"] = _with(label, HIDDEN)
            for code, said in MEASURED.items():
                messages[code] = _with_doubled(label, said)


def _put_in(label: str | Promise, said: str | Promise) -> str:
    return str(said).replace("{label}", str(label))


def _put_in_doubled(label: str | Promise, said: str | Promise) -> str:
    """The same for words that are filled in with values: a % is doubled."""
    return _put_in(str(label).replace("%", "%%"), said)


_with, _with_doubled = lazy(_put_in, str), lazy(_put_in_doubled, str)
