"""A map counts only when a second person approved its digest; systems keep their secrets."""

import io
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, transaction
from django.test import override_settings

from ccpa_office import staff as accounts
from ccpa_office.connectors.base import StoreUnreachable
from ccpa_office.models import LedgerLine, StaffMember
from ccpa_office.roles import Actor, NotAllowed, Role, TouchedAccount
from notices_app import datamap
from notices_app.models import DataMapVersion, DataSystem
from tests.connectors import stores
from tests.notices.conftest import NOON, TODAY, staff

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def learners():
    with stores.store(stores.LEARNERS) as made:
        yield made


def founder(username, *roles):
    """A member of staff whose account nobody has touched."""
    with override_settings(DEMO=True):
        member = accounts.found(username, password=None, roles=[Role(r) for r in roles], at=NOON)
    return Actor.of(member)


@pytest.fixture
def loader(db):
    return founder("lena", "editor")


@pytest.fixture
def approver(db):
    return founder("april", "approver")


@pytest.fixture
def chief(db):
    return founder("chidi", "chief")


@pytest.fixture
def system(learners, loader):
    return datamap.add_system(
        "learners", name="Learners", url=learners.url, by=loader, at=NOON, schema="public"
    )


@pytest.fixture
def version(system, loader):
    return datamap.load(stores.LEARNERS.map, system_key="learners", by=loader, at=NOON)


@pytest.fixture
def active(version, approver):
    return datamap.approve(version, digest=version.digest, by=approver, at=NOON)


def verbs():
    lines = LedgerLine.objects.exclude(subject__startswith="staff:").order_by("id")
    return list(lines.values_list("subject", "verb"))


def test_an_address_is_sealed(system, learners):
    assert learners.url.encode() not in bytes(DataSystem.objects.get().sealed_url or b"")
    assert datamap.url("learners") == learners.url


def test_an_address_may_stand_in_the_environment(loader, monkeypatch):
    datamap.add_system("far", name="", url="env:FAR_URL", by=loader, at=NOON)
    with pytest.raises(datamap.NoAddress):
        datamap.url("far")
    monkeypatch.setenv("FAR_URL", "postgresql://x/y")
    assert datamap.url("far") == "postgresql://x/y"


def test_an_unknown_system_has_no_address(db):
    with pytest.raises(datamap.NoSuchSystem):
        datamap.url("nothing")


def test_a_loaded_map_does_not_count(version):
    assert (version.number, version.findings, version.active) == (1, 0, False)
    with pytest.raises(datamap.NoActiveMap):
        datamap.active_program("learners")
    with pytest.raises(datamap.NoActiveMap):
        datamap.target_under(version)


def test_an_approved_map_counts(active, learners):
    target = datamap.target("learners")
    assert (target.key, target.url, target.version_id) == ("learners", learners.url, active.pk)
    assert learners.url not in repr(target)  # whoever logs it shows no password
    assert target.program.tables == learners.program.tables
    assert datamap.active_version("learners").pk == active.pk
    assert datamap.active_program("learners") is target.program
    assert datamap.target_under(active) == target
    assert datamap.targets() == [target]
    assert verbs()[-3:] == [
        ("system:learners", "system.added"),
        ("map:learners", "map.loaded"),
        ("map:learners", "map.approved"),
    ]


def test_a_target_is_one_statement_once_compiled(active, django_assert_num_queries):
    datamap.target("learners")
    with django_assert_num_queries(1):
        datamap.target("learners")
    with django_assert_num_queries(1):
        datamap.targets()


def test_points_and_sensitivity_come_from_the_active_maps(active):
    points = {point.key: point.group for point in datamap.verification_points()}
    assert points == {"phone": "phone", "postal_code": "address", "order_number": "purchases"}
    assert datamap.sensitivity() == "ordinary"


def test_without_a_map_there_are_no_points(db):
    assert (datamap.verification_points(), datamap.sensitivity()) == ([], "ordinary")


def test_a_rehearsal_copy_is_not_served(learners, loader):
    datamap.add_system("copy", name="", url=learners.url, by=loader, at=NOON, rehearsal=True)
    assert datamap.systems() == []


def test_whoever_loaded_a_map_does_not_approve_it(version, chief):
    both = founder("bo", "editor", "approver")
    own = datamap.load(stores.LEARNERS.map, system_key="learners", by=both, at=NOON)
    with pytest.raises(datamap.SecondPersonNeeded):
        datamap.approve(own, digest=own.digest, by=both, at=NOON)
    assert datamap.approve(own, digest=own.digest, by=chief, at=NOON).active


def test_the_database_refuses_the_same_person_too(version):
    with pytest.raises(IntegrityError), transaction.atomic():
        DataMapVersion.objects.filter(pk=version.pk).update(
            approved_by=version.loaded_by_id, approved_at=NOON
        )


@pytest.mark.parametrize("changes", [{"document": "x"}, {"digest": "0" * 64}, {"number": 9}])
def test_the_database_refuses_to_edit_a_version(version, changes):
    with pytest.raises(DatabaseError), transaction.atomic():
        DataMapVersion.objects.filter(pk=version.pk).update(**changes)


def test_the_database_keeps_versions_and_their_approvals(active, chief):
    with pytest.raises(DatabaseError), transaction.atomic():
        DataMapVersion.objects.filter(pk=active.pk).update(approved_by=chief.id)
    with pytest.raises(DatabaseError), transaction.atomic():
        DataMapVersion.objects.all().delete()


def test_another_digest_is_refused(version, approver):
    for digest in ("", "0" * 64, version.digest.upper(), version.digest + " "):
        with pytest.raises(datamap.AnotherDigest):
            datamap.approve(version, digest=digest, by=approver, at=NOON)


def test_an_approval_is_given_once(active, chief):
    with pytest.raises(datamap.AlreadyApproved):
        datamap.approve(active, digest=active.digest, by=chief, at=NOON)


@pytest.mark.parametrize("role", ["clerk", "verifier", "officer", "counsel", "auditor", "editor"])
def test_only_approvers_approve(version, role):
    with pytest.raises(NotAllowed):
        datamap.approve(version, digest=version.digest, by=staff("x", role), at=NOON)


@pytest.mark.parametrize("role", ["clerk", "verifier", "officer", "counsel", "auditor", "approver"])
def test_only_editors_load(system, role):
    with pytest.raises(NotAllowed):
        datamap.load(stores.LEARNERS.map, system_key="learners", by=staff("x", role), at=NOON)


def test_a_machine_neither_loads_nor_approves(version):
    machine = Actor.system("maps")
    with pytest.raises(NotAllowed):
        datamap.load(stores.LEARNERS.map, system_key="learners", by=machine, at=NOON)
    with pytest.raises(NotAllowed):
        datamap.approve(version, digest=version.digest, by=machine, at=NOON)


def test_a_newer_version_takes_the_place_of_the_older(active, loader, approver):
    newer = datamap.load(
        stores.LEARNERS.map + "\n# newer\n", system_key="learners", by=loader, at=NOON
    )
    assert list(DataMapVersion.objects.awaiting_approval()) == [newer]
    datamap.approve(newer, digest=newer.digest, by=approver, at=NOON)
    assert datamap.active_version("learners").number == 2
    assert datamap.target_under(active).version_id == active.pk


def test_a_map_that_does_not_fit_the_store_is_not_loaded(system, loader):
    text = stores.LEARNERS.map.replace("compare: casefold\n", "compare: exact\n", 1)
    with pytest.raises(datamap.MapNotSound) as refusal:
        datamap.load(text, system_key="learners", by=loader, at=NOON)
    assert {finding.code for finding in refusal.value.findings} == {"no-index"}
    assert DataMapVersion.objects.count() == 0


def test_an_unsound_map_is_not_loaded(system, loader):
    with pytest.raises(datamap.MapNotSound):
        datamap.load("dataset: []", system_key="learners", by=loader, at=NOON)


def test_a_store_that_does_not_answer_takes_no_map(loader):
    datamap.add_system("gone", name="", url="postgresql://127.0.0.1:9/x", by=loader, at=NOON)
    with pytest.raises(StoreUnreachable):
        datamap.load(stores.LEARNERS.map, system_key="gone", by=loader, at=NOON)


# --- gaps -----------------------------------------------------------------------------------------


def test_the_demos_practice_and_notice_agree_where_it_matters(active, loaded):
    found = {(gap.code, gap.category, gap.detail) for gap in datamap.gaps(on=TODAY)}
    assert {gap for gap in found if gap[0] != "not-in-practice"} == set()


def test_without_a_notice_everything_held_is_a_gap(active):
    assert {gap.code for gap in datamap.gaps(on=TODAY)} == {"not-in-notice"}
    held = {gap.category: gap.tables for gap in datamap.gaps(on=TODAY)}
    assert held["PI_J"] == ("certificates", "enrolments", "grades")


# --- commands -------------------------------------------------------------------------------------


def run(*words):
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_check_prints_findings_as_json(tmp_path):
    path = tmp_path / "bad.yml"
    path.write_text("dataset: []\n")
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("datamap", "check", str(path), "--json", stdout=out)
    assert json.loads(out.getvalue()) == [
        {"file": str(path), "line": 1, "column": 10, "level": "error", "code": "length",
         "message": "from 1 to 1 entries", "cure": "the message says how many"}
    ]  # fmt: skip


def test_check_says_sound_and_needs_no_database(settings):
    assert run("datamap", "check", str(Path(settings.BASE_DIR) / "demo/learners.yml")) == "sound\n"


def test_a_file_that_is_not_there_is_wrong_use():
    with pytest.raises(CommandError) as refusal:
        run("datamap", "check", "/nowhere/map.yml")
    assert refusal.value.returncode == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [(("system", "add", "bad key", "--url", "sqlite:///x", "--as", "lena"), "a key is letters"),
     (("system", "add", "x", "--url", "gopher://x", "--as", "lena"), "--url begins with one of"),
     (("system", "add", "x", "--kind", "http", "--url", "x", "--as", "lena"), "https://HOST"),
     (("system", "add", "x", "--kind", "manual", "--url", "x", "--as", "lena"), "mailto:NAME"),
     (("system", "test", "nope"), "No system"),
     (("datamap", "approve", "--system", "nope", "--digest", "0", "--as", "lena"), "No system")],
)  # fmt: skip
def test_wrong_words_are_answered_in_one_line(loader, words, said):
    with pytest.raises(CommandError, match=said):
        run(*words)


def test_a_copy_says_what_it_holds_or_that_it_does_not_answer(learners, loader):
    add = ("system", "add", "copy", "--rehearsal", "--as", "lena", "--url")
    tables = len(learners.rows())
    assert run(*add, learners.url) == f"copy is registered: {tables} tables\n"
    assert run(*add, "postgresql://127.0.0.1:1/x").endswith("the store does not answer\n")


def test_the_commands_walk_the_whole_way(learners, loader, approver, settings, monkeypatch):
    monkeypatch.setenv("STORE", learners.url)
    path = str(Path(settings.BASE_DIR) / "demo/learners.yml")
    assert run("system", "add", "learners", "--url", "env:STORE", "--as", "lena") == (
        "learners is registered\n"
    )
    answer = run("system", "test", "learners")
    assert re.fullmatch(r"learners answers: \d+ tables, and no map counts yet\n", answer)
    digest = datamap.map_digest(Path(path).read_text())
    assert run("datamap", "load", path, "--system", "learners", "--as", "lena") == (
        f"version 1 waits for approval: {digest}\n"
    )
    asked = ("datamap", "approve", "--system", "learners", "--digest", digest, "--as")
    with pytest.raises(CommandError):
        run(*asked, "lena")
    assert run(*asked, "april") == "version 1 is active\n"
    assert run("system", "test", "learners") == "learners answers\n"
    assert run("system", "list") == "learners\tpublic\tserved\n"
    assert run("datamap", "gaps").endswith(" gaps\n")


def test_an_account_that_a_colleague_changed_does_not_approve(version, approver, chief):
    member = StaffMember.objects.get(pk=approver.id)
    accounts.grant_role(member, Role.AUDITOR, by=chief, at=NOON)
    later = NOON + timedelta(hours=1)
    with pytest.raises(TouchedAccount):
        datamap.approve(version, digest=version.digest, by=Actor.of(member), at=later)


def test_no_letter_of_a_map_is_guessed(system, loader, tmp_path, capsys):
    """A hold by a word that was read wrongly would hold nothing, and its rows would go."""
    path = tmp_path / "map.yml"
    named = "fides_key: learners\n"
    text = stores.LEARNERS.map.replace(named, f"{named}    description: hält\n", 1)
    path.write_bytes(text.encode("latin-1", "ignore"))
    with pytest.raises(CommandError):
        call_command("datamap", "load", str(path), "--system", "learners", "--as", "lena")
    assert "error encoding" in capsys.readouterr().out
    assert not DataMapVersion.objects.exists()
