"""What production refuses, and how the environment is read."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from ccpa_office import checks
from ccpa_office.apps import leave_no_core
from ccpa_office.envfile import read_variables, write_variables
from ccpa_office.keys import demo_secrets, is_demo_key, is_key, new_demo_key, new_key
from ccpa_office.keys import production_secrets as new_secrets

ROOT = Path(__file__).resolve().parents[2]
DEMO = demo_secrets()


@pytest.fixture
def production(settings, tmp_path):
    """An installation with nothing wrong."""
    keys = new_secrets()
    settings.SECRET_KEY = keys["SECRET_KEY"]
    settings.ENCRYPTION_KEYS = [keys["ENCRYPTION_KEYS"]]
    settings.DIGEST_KEYS = [keys["DIGEST_KEYS"]]
    settings.LEDGER_SIGNING_KEY = keys["LEDGER_SIGNING_KEY"]
    settings.IS_INSTALLATION = True
    settings.DEMO = settings.DEBUG = False
    settings.CLOCK_OFFSET = settings.DEMO_PASSWORD = ""
    settings.SITE_URL = "https://privacy.example.com"
    settings.ALLOWED_HOSTS = ["privacy.example.com"]
    settings.DATA_DIR = tmp_path / "var"
    settings.LEDGER_ANCHOR_DIR = settings.ERASURE_LEDGER_DIR = tmp_path / "elsewhere"
    settings.EMAIL_URL = "smtp+tls://mail.example.com"
    settings.MAIL_FROM = "privacy@example.com"
    settings.DATABASE_OWNER_URL = "postgresql://owner@db/office"
    settings.REDIS_URL = "rediss://broker"
    settings.COOL_OFF_HOURS = 72.0
    return settings


def test_a_sound_installation_has_no_finding(production):
    assert checks.findings() == []
    checks.refuse()


BREAKAGES = [
    ("E001", {"SECRET_KEY": ""}),
    ("E001", {"SECRET_KEY": "short"}),
    ("E001", {"SECRET_KEY": "ab" * 40}),
    ("E002", {"ENCRYPTION_KEYS": []}),
    ("E002", {"ENCRYPTION_KEYS": ["not base64"]}),
    ("E002", {"ENCRYPTION_KEYS": [new_key(), "AAAA"]}),
    ("E003", {"DIGEST_KEYS": []}),
    ("E003", {"DIGEST_KEYS": [new_key()]}),
    ("E003", {"DIGEST_KEYS": [f"1:{new_key()}", f"1:{new_key()}"]}),
    ("E003", {"DIGEST_KEYS": [f"0:{new_key()}"]}),
    ("E003", {"DIGEST_KEYS": [f"256:{new_key()}"]}),
    ("E003", {"DIGEST_KEYS": [f"one:{new_key()}"]}),
    ("E004", {"LEDGER_SIGNING_KEY": ""}),
    ("E004", {"LEDGER_SIGNING_KEY": "A" * 43 + "="}),
    ("E005", {"SECRET_KEY": DEMO["SECRET_KEY"]}),
    ("E005", {"ENCRYPTION_KEYS": [new_key(), DEMO["ENCRYPTION_KEYS"]]}),
    ("E005", {"DIGEST_KEYS": [DEMO["DIGEST_KEYS"]]}),
    ("E005", {"LEDGER_SIGNING_KEY": DEMO["LEDGER_SIGNING_KEY"]}),
    ("E006", {"DEMO": True}),
    ("E007", {"CLOCK_OFFSET": "P40D"}),
    ("E025", {"ALLOW_LOOPBACK_CALLBACKS": True}),
    ("E008", {"DEBUG": True}),
    ("E009", {"SITE_URL": "http://privacy.example.com"}),
    ("E009", {"SITE_URL": "https://privacy.example.com/office"}),
    ("E010", {"ALLOWED_HOSTS": ["*"]}),
    ("E010", {"ALLOWED_HOSTS": []}),
    ("E010", {"ALLOWED_HOSTS": ["127.0.0.1", "localhost"]}),
    ("E011", {"DEMO_PASSWORD": "learn-and-forget"}),
    ("E014", {"EMAIL_URL": "smtp://mail.example.com"}),
    ("E015", {"MAIL_FROM": "privacy@office.invalid"}),
    ("W017", {"REDIS_URL": ""}),
    ("E019", {"OFFICE_CALENDAR": "lunar"}),
    ("E020", {"COOL_OFF_HOURS": 0.02}),
    ("E020", {"COOL_OFF_HOURS": -1.0}),
    ("E021", {"APPROVALS_ALWAYS": 0}),
]


@pytest.mark.parametrize(("code", "changes"), BREAKAGES)
def test_each_breakage_is_found_by_its_own_number(production, code, changes):
    for name, value in changes.items():
        setattr(production, name, value)
    assert [found.id for found in checks.findings()] == [f"ccpa_office.{code}"]
    assert all(found.hint for found in checks.findings())


@pytest.mark.parametrize(
    ("code", "name"), [("E012", "LEDGER_ANCHOR_DIR"), ("E013", "ERASURE_LEDGER_DIR")]
)
def test_a_witness_inside_the_data_folder_is_refused(production, code, name):
    setattr(production, name, production.DATA_DIR / "inside")
    assert [found.id for found in checks.findings()] == [f"ccpa_office.{code}"]


def test_one_key_in_two_places_is_refused(production):
    production.LEDGER_SIGNING_KEY = production.ENCRYPTION_KEYS[0]
    assert [found.id for found in checks.findings()] == ["ccpa_office.E018"]


def test_an_owner_who_is_the_application_is_refused(production):
    user = production.DATABASES["default"]["USER"]
    production.DATABASE_OWNER_URL = f"postgresql://{user}@db/office"
    assert [found.id for found in checks.findings()] == ["ccpa_office.E016"]


def test_a_clock_offset_that_is_no_duration_is_refused_in_a_demo_too(settings):
    settings.CLOCK_OFFSET = "40 days"
    assert [found.id for found in checks.findings()] == ["ccpa_office.E022"]


def test_a_bare_checkout_is_checked_only_when_asked(production):
    production.SECRET_KEY = ""
    production.IS_INSTALLATION = False
    assert checks.installation() == []
    assert [found.id for found in checks.bare_checkout()] == ["ccpa_office.E001"]


def test_the_web_does_not_start_with_a_finding(production):
    production.DEBUG = True
    with pytest.raises(ImproperlyConfigured, match=r"E008: DEBUG is on"):
        checks.refuse()


@pytest.mark.django_db
def test_a_superuser_and_an_owner_are_refused_as_the_applications_role(production):
    found = checks.application_role(databases=["default"])
    assert [one.id for one in found] == ["ccpa_office.E030", "ccpa_office.E031"]


@pytest.mark.django_db
def test_a_role_that_owns_nothing_passes_and_the_migrating_owner_is_not_asked(production):
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE lesser_for_checks")
        cursor.execute("SET LOCAL ROLE lesser_for_checks")
    assert checks.application_role(databases=["default"]) == []
    other = {"default": {**production.DATABASES["default"], "USER": "somebody-else"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "settings", SimpleNamespace(DEMO=False, DATABASES=other))
        assert checks.application_role(databases=["default"]) == []


def test_demo_keys_know_themselves_and_production_keys_are_none():
    assert is_demo_key(new_demo_key())
    assert is_key(new_demo_key())
    assert not is_demo_key(new_key())
    assert not is_demo_key("")
    assert all(not is_demo_key(key.rpartition(":")[2]) for key in new_secrets().values())


def test_a_file_of_variables_is_read_as_a_shell_would_and_is_private(tmp_path):
    path = tmp_path / "office.env"
    values = {"A": "plain", "B": "with a 'quote' and $HOME", "C": ""}
    write_variables(path, values)
    assert read_variables(path) == values
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("# comment\nexport D=1 # why\nno line\n\nE = 'two words'\n")
    assert read_variables(path) == {"D": "1", "E": "two words"}
    assert read_variables(tmp_path / "absent") == {}


ASK = "from ccpa_office import settings as s; print(s.SECRET_KEY, s.DEMO, s.IS_INSTALLATION)"


def ask(**variables):
    clean = {"PATH": os.environ["PATH"], **variables}
    answer = subprocess.run(
        [sys.executable, "-c", ASK], cwd=ROOT, env=clean, capture_output=True, text=True, check=True
    )
    return answer.stdout.split()


def test_another_window_finds_the_running_office_by_its_data_folder(tmp_path):
    found = {"SECRET_KEY": "from-the-file", "DEMO": "1", "DATABASE_URL": "postgresql:///x"}
    write_variables(tmp_path / "office.env", found)
    assert ask(DATA_DIR=str(tmp_path)) == ["from-the-file", "True", "True"]
    given = {"DATABASE_URL": "postgresql:///y", "SECRET_KEY": "given"}
    assert ask(DATA_DIR=str(tmp_path), **given) == ["given", "False", "True"]


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path):
    (tmp_path / "key").write_text("from-a-file\n")
    (tmp_path / "url").write_text("postgresql:///x\n")
    files = {
        name: str(tmp_path / name.split("_")[1].lower()) for name in ("SECRET_KEY", "DATABASE_URL")
    }
    answer = ask(**{f"{name}_FILE": path for name, path in files.items()})
    assert answer == ["from-a-file", "False", "True"]


def test_a_process_that_breaks_down_leaves_no_memory_on_the_disk():
    _soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    leave_no_core()
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, hard)
