"""Outside systems in the book of systems: described, approved by a second person, their secrets."""

import io

import pytest
from django.core.management import CommandError, call_command

from ccpa_office.models import LedgerLine, StaffMember
from notices_app import datamap
from notices_app.models import SystemSecret
from tests.builders import Team
from tests.notices.conftest import NOON, TODAY
from tests.vendor.description import BASE

pytestmark = pytest.mark.django_db

MANUAL = (
    "outside_system:\n  name: Paper archive\n  kind: manual\n  party: contractor\n"
    "  effect: askable\n  identifiers: [email]\n  categories: [PI_B]\n"
)
SECRET = "a-secret-of-the-vendor"


@pytest.fixture
def team(db):
    return Team()


@pytest.fixture
def mail(team, settings):
    settings.OUTBOUND_ALLOWED_HOSTS = ["mail.example"]
    return datamap.add_system(
        "mail", name="Mail", url="https://mail.example/v1", kind="http", by=team.editor, at=NOON
    )


def given(team, value=SECRET):
    return datamap.give_secret("mail", name="api_token", value=value, by=team.editor, at=NOON)


def approved(team, key="mail", text=BASE):
    version = datamap.load(text, system_key=key, by=team.editor, at=NOON)
    return datamap.approve(version, digest=version.digest, by=team.chief, at=NOON)


def test_a_description_counts_when_a_second_person_approved_it(mail, team):
    given(team)
    version = datamap.load(BASE, system_key="mail", by=team.editor, at=NOON)
    assert datamap.outside_targets() == []
    with pytest.raises(datamap.SecondPersonNeeded):
        datamap.approve(version, digest=version.digest, by=_same(team), at=NOON)
    datamap.approve(version, digest=version.digest, by=team.chief, at=NOON)
    (target,) = datamap.outside_targets()
    assert (target.key, target.program.outside.name) == ("mail", "Hazel Mail")
    assert datamap.targets() == []


def _same(team):
    version_by = team.editor
    return type(version_by)("staff", version_by.id, team.chief.roles)


def test_a_secret_is_sealed_used_and_never_shown(mail, team):
    secret = given(team)
    assert SECRET.encode() not in bytes(secret.sealed)
    assert SECRET not in str(secret)
    assert datamap.access(mail, "https://mail.example").secrets == {"api_token": SECRET}
    assert SECRET not in repr(datamap.access(mail, "https://mail.example"))
    bodies = LedgerLine.objects.filter(subject="system:mail").values_list("body", flat=True)
    assert not any(SECRET in body for body in bodies)


@pytest.mark.parametrize("value", ["", "   ", "two\nlines", "x" * 5000])
def test_what_is_no_secret_is_refused(mail, team, value):
    with pytest.raises(datamap.NotFit):
        given(team, value)


def test_a_new_address_gets_none_of_the_old_secrets(mail, team):
    given(team)
    datamap.add_system("mail", name="Mail", url="https://mail.example/v2", kind="http",
                       by=team.editor, at=NOON)  # fmt: skip
    assert SystemSecret.objects.count() == 0


def codes(team, key="mail", text=BASE):
    with pytest.raises(datamap.MapNotSound) as refusal:
        datamap.load(text, system_key=key, by=team.editor, at=NOON)
    return [finding.code for finding in refusal.value.findings]


def test_nothing_is_loaded_without_its_secret(mail, team):
    assert codes(team) == ["secret-missing"]


def test_nothing_is_loaded_for_a_host_that_is_not_listed(mail, team, settings):
    given(team)
    settings.OUTBOUND_ALLOWED_HOSTS = []
    assert codes(team) == ["host-not-allowed"]


def test_nothing_is_loaded_without_https(mail, team):
    datamap.add_system("mail", name="Mail", url="http://mail.example", kind="http",
                       by=team.editor, at=NOON)  # fmt: skip
    given(team)
    assert codes(team) == ["not-https"]


def test_a_connector_without_a_declared_class_is_not_loaded(mail, team):
    given(team)
    assert codes(team, text=BASE.replace("  effect: keyed\n", "")) == ["missing"]


def test_a_description_is_no_map_of_a_database(team):
    datamap.add_system("shop", name="Shop", url="postgresql://x", by=team.editor, at=NOON)
    assert codes(team, "shop") == ["kind"]


@pytest.mark.parametrize("url", ["mailto:archive@paper.example", "staff:clerk1"])
def test_a_manual_system_has_somebody_who_does_it(team, url):
    datamap.add_system("paper", name="Paper", url=url, kind="manual", by=team.editor, at=NOON)
    approved(team, "paper", MANUAL)
    assert [target.url for target in datamap.outside_targets()] == [url]


def test_a_task_for_somebody_whom_nobody_knows_is_remarked(team):
    met = []
    for username in ("nobody-here", _username(team)):
        made = datamap.add_system("paper", name="Paper", url=f"staff:{username}", kind="manual",
                                  by=team.editor, at=NOON)  # fmt: skip
        found = datamap.check_live(MANUAL, system_key=made.key)
        met.append([(each.level, each.code) for each in found])
    assert met == [[("warning", "nobody-named")], []]


@pytest.mark.parametrize("url", ["https://paper.example", "mailto:", "mailto:a@b@c", "staff:"])
def test_a_manual_system_without_anybody_is_not_loaded(team, url):
    datamap.add_system("paper", name="Paper", url=url, kind="manual", by=team.editor, at=NOON)
    assert codes(team, "paper", MANUAL) == ["address"]


def test_what_outside_systems_hold_is_practice_too(mail, team):
    given(team)
    approved(team)
    gaps = {(gap.code, gap.category): gap.tables for gap in datamap.gaps(on=TODAY)}
    assert gaps["not-in-notice", "PI_A"] == ("Hazel Mail",)


def test_the_command_takes_a_secret_from_standard_input(mail, team, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(SECRET + "\n"))
    username = _username(team)
    said = io.StringIO()
    call_command("system", "secret", "mail", "api_token", "--as", username, stdout=said)
    assert SECRET not in said.getvalue()
    approved(team)
    call_command("system", "test", "mail", stdout=said)
    assert "mail: it fits its description; nothing was called" in said.getvalue()
    with pytest.raises(CommandError):
        call_command("system", "secret", "nobody", "api_token", "--as", username)


def _username(team):
    return StaffMember.objects.get(pk=team.editor.id).username
