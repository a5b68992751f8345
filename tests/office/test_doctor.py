"""The doctor names what is wrong: each breakage is found by its own code, and by no other."""

import json
import os
import shutil
import socket
from collections import namedtuple
from datetime import timedelta
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection

from ccpa_office import checks, clock, ledger
from ccpa_office.doctor import engine, records, round, surroundings  # noqa: A004
from ccpa_office.keeping import KEEPER_LOCK
from ccpa_office.keys import new_demo_key
from ccpa_office.ledger.anchors import path as anchor_path
from ccpa_office.models import ClockGuard, StaffMember
from ccpa_office.roles import Actor
from notices_app.models import DataSystem

pytestmark = pytest.mark.django_db

HERE = Actor.system("test")
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def surgery(settings, tmp_path, monkeypatch):
    """An office in which the doctor finds nothing but what this test breaks."""
    settings.LEDGER_ANCHOR_DIR = tmp_path / "anchors"
    settings.DEMO = False
    monkeypatch.setattr(checks, "findings", list)
    monkeypatch.setattr(records, "workers", list)
    monkeypatch.setattr(surroundings, "BACKUP_AGE", timedelta(days=9))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, 10**12))
    settings.BACKUP_DIR = str(tmp_path / "backups")
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "office.dump").touch()
    return settings


def codes():
    return {finding.code for finding in round.examine()}


@pytest.fixture
def before(surgery, broker):
    """What this test installation lacks already (a superuser, no fsync, nobody at work)."""
    ledger.record("test.began", subject="office", by=HERE, at=clock.now())
    ledger.seal()
    ledger.anchor(clock.now())
    return codes()


def set_everywhere(name, value):
    with connection.cursor() as cursor:
        cursor.execute(f"SET {name} = {value}")


def test_the_suites_own_engines_are_unsound_in_just_these_ways(before):
    weak = {"fsync-off", "full-page-writes-off", "synchronous-commit-off"}
    assert before - weak == {
        "database-role",
        "mail-unreachable",
        "keeper-missing",
        "worker-missing",
        "approvers-few",
        "notice-missing",
    }


@pytest.mark.parametrize(
    ("code", "name", "value"),
    [
        ("E001", "SECRET_KEY", "short"),
        ("E002", "ENCRYPTION_KEYS", []),
        pytest.param("E005", "LEDGER_SIGNING_KEY", new_demo_key(), id="E005"),
        ("E008", "DEBUG", True),
        ("E009", "SITE_URL", "http://privacy.example.com"),
        ("E010", "ALLOWED_HOSTS", ["*"]),
    ],
)
def test_a_setting_that_production_refuses_is_named_by_its_number(settings, code, name, value):
    settings.DEMO = False
    sound = {finding.code for finding in surroundings.settings_are_sound()}
    setattr(settings, name, value)
    assert code in {finding.code for finding in surroundings.settings_are_sound()}
    assert code not in sound or code in {"E005", "E009", "E010"}


def test_an_unreachable_database_is_named_and_nothing_more_is_asked(surgery, monkeypatch):
    def refuse():
        raise DatabaseError

    monkeypatch.setattr(connection, "ensure_connection", refuse)
    found = round.examine()
    assert found[-1].code == "database-unreachable"
    assert "keeper-missing" not in {finding.code for finding in found}


def test_a_missing_migration_is_named(before):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    assert "migrations-missing" in codes()
    assert "migrations-missing" not in before


def test_the_role_of_the_application_is_judged_by_what_it_can_do(before):
    assert "database-role" in before
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE lesser_for_the_doctor")
        cursor.execute("SET LOCAL ROLE lesser_for_the_doctor")
    assert list(engine.role_is_small()) == []


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("fsync-off", "fsync"),
        ("full-page-writes-off", "full_page_writes"),
        ("synchronous-commit-off", "synchronous_commit"),
        ("checksums-off", "data_checksums"),
    ],
)
def test_a_database_that_may_lose_what_it_confirmed_is_named(monkeypatch, code, name):
    values = dict.fromkeys(engine.SAFE, "on")
    monkeypatch.setattr(engine, "ask", lambda *_: list(values.items()))
    assert list(engine.settings_are_safe()) == []
    values[name] = "off"
    assert [finding.code for finding in engine.settings_are_safe()] == [code]


def test_the_real_setting_is_looked_at():
    set_everywhere("synchronous_commit", "on")
    assert "synchronous-commit-off" not in {f.code for f in engine.settings_are_safe()}
    set_everywhere("synchronous_commit", "off")
    assert "synchronous-commit-off" in {f.code for f in engine.settings_are_safe()}


def test_an_old_postgresql_is_named(before, monkeypatch):
    monkeypatch.setattr(engine, "server_version", lambda: 130_021)
    assert codes() - before == {"postgresql-old"}


def test_a_broker_that_is_away_is_named(before, settings, tmp_path):
    settings.REDIS_URL = f"redis+socket://{tmp_path}/nobody.sock"
    assert codes() - before == {"broker-unreachable"}


def test_a_mail_server_that_answers_is_no_finding(before, settings):
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_URL = f"smtp://127.0.0.1:{server.getsockname()[1]}"
        assert before - codes() == {"mail-unreachable"}


def test_a_missing_anchor_is_named(before, settings, tmp_path):
    settings.LEDGER_ANCHOR_DIR = tmp_path / "empty"
    assert "anchor-missing" in codes() - before


def test_an_old_anchor_is_named(before):
    path = anchor_path()
    old = path.stat().st_mtime - 31 * 60
    os.utime(path, (old, old))
    assert codes() - before == {"anchor-old"}


def test_a_changed_line_of_the_book_is_named(before):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ccpa_office_ledgerline DISABLE TRIGGER USER")
        cursor.execute("UPDATE ccpa_office_ledgerline SET verb = 'test.changed'")
    assert codes() - before == {"ledger-unsound"}


def test_clocks_that_disagree_are_named(before, monkeypatch):
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=9))
    assert codes() - before == {"clock-skew"}


def test_a_clock_that_jumped_is_named(before):
    ClockGuard.objects.update(seen_at=clock.now(), suspect_since=clock.now())
    assert codes() - before == {"clock-suspect"}


def test_a_disk_without_room_is_named(before, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, 10**9))
    assert codes() - before == {"disk-full"}


def test_an_old_backup_and_an_unknown_one_are_named(before, settings, monkeypatch):
    monkeypatch.setattr(surroundings, "BACKUP_AGE", timedelta(0))
    assert codes() - before == {"backup-old"}
    settings.BACKUP_DIR = ""
    assert codes() - before == {"backup-unknown"}


def test_samples_of_a_sealed_column_are_named(db):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE requests_app_identifier ALTER COLUMN value SET STATISTICS 100")
    assert "requests_app_identifier.value" in str(list(engine.no_statistics_on_sealed_columns()))


def test_a_system_without_an_approved_map_is_named(before):
    DataSystem.objects.create(key="shop", name="Shop", url_env="SHOP_URL", created_at=clock.now())
    assert codes() - before == {"map-missing"}


def test_a_keeper_that_leads_is_seen(before):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [KEEPER_LOCK])
        assert before - codes() == {"keeper-missing"}
        cursor.execute("SELECT pg_advisory_unlock(%s)", [KEEPER_LOCK])


def test_a_worker_that_answers_is_seen(before, monkeypatch):
    monkeypatch.setattr(records, "workers", lambda: [{"office@here": {"ok": "pong"}}])
    assert before - codes() == {"worker-missing"}


def test_three_approvers_are_enough_and_staff_need_a_second_factor(before):
    for number in range(3):
        member = StaffMember.objects.create_user(f"approver{number}", is_staff=True)
        member.groups.add(apps.get_model("auth", "Group").objects.get(name="approver"))
    found = codes()
    assert before - found == {"approvers-few"}
    assert found - before == {"second-factor-missing"}


def test_the_command_prints_json_and_ends_with_1_when_unsound(before):
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", json=True, stdout=out)
    assert ended.value.code == 1
    findings = json.loads(out.getvalue())
    assert {finding["code"] for finding in findings} == before
    assert all(set(finding) == {"code", "level", "what", "cure"} for finding in findings)


def test_the_command_is_content_when_nothing_but_notes_is_found(monkeypatch):
    monkeypatch.setattr("ccpa_office.management.commands.doctor.examine", list)
    out = StringIO()
    call_command("doctor", stdout=out)
    assert out.getvalue() == "Everything is sound.\n"


def test_what_cannot_be_examined_is_named_and_the_rest_is_examined(before):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE requests_app_step RENAME COLUMN state TO condition")
    found = round.examine()
    missed = [finding.what for finding in found if finding.code == "not-examined"]
    assert missed == [
        "no_work_is_parked ended with ProgrammingError.",
        "no_work_is_late ended with ProgrammingError.",
    ]
    assert {finding.code for finding in found} - before == {"not-examined"}
