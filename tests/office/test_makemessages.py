"""Collecting words to translate: what desks refuse is among them."""

from pathlib import Path

import pytest
from django.core.management.commands import makemessages as django_makemessages

from ccpa_office.admin.deeds import Refused
from ccpa_office.management.commands import makemessages
from ccpa_office.roles import TouchedAccount
from ccpa_office.staff import NotAThirdPerson


def test_refusals_are_those_of_the_house_with_all_that_descend_from_them():
    found = makemessages.refusals()
    assert {TouchedAccount, NotAThirdPerson} <= found
    assert Refused not in found
    assert {each.__module__.partition(".")[0] for each in found} == {
        "ccpa_office", "notices_app", "requests_app",
    }  # fmt: skip


@pytest.mark.parametrize(
    "sentence",
    [
        "This needs a role that you do not have.",
        "You verified this request; another person approves it.",
        "Whoever loaded a map does not approve it, and somebody must be known to have loaded it.",
    ],
)
def test_a_refusal_is_collected_by_its_text_and_by_its_meaning(sentence):
    assert makemessages.sentences().count(sentence) == 1


def test_sentences_join_the_template_once(tmp_path, monkeypatch):
    template = tmp_path / "django.pot"
    template.write_text('msgid "known"\nmsgstr ""\n')
    monkeypatch.setattr(
        django_makemessages.Command, "build_potfiles", lambda _self: [str(template)]
    )
    monkeypatch.setattr(makemessages, "sentences", lambda: ["known", "Say “why”."])
    assert makemessages.Command().build_potfiles() == [str(template)]
    assert Path(template).read_text() == (
        'msgid "known"\nmsgstr ""\n\nmsgid "Say “why”."\nmsgstr ""\n'
    )


def test_lazy_labels_are_collected():
    assert "--keyword=_L" in makemessages.Command.xgettext_options
