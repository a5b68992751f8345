"""One command runs everything, brings back what dies, and leaves nothing behind."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from ccpa_office import health, supervisor, tour
from ccpa_office.engines.children import Refused, command_line
from ccpa_office.envfile import read_variables
from ccpa_office.office import Office, installation
from ccpa_office.supervisor import Kept, answers_ready, last_lines, rotate
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 240
"""Seconds for whatever must happen at all; a busy machine takes its time."""


class Running:
    """An office in a process of its own."""

    def __init__(self, folder, port):
        self.folder, self.port = folder, port
        clean = ("PATH", "HOME", "LANG", "PYTHONPATH")
        self.env = {name: os.environ[name] for name in clean if name in os.environ}
        self.env |= {"DATA_DIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        self.process: Any = None

    def start(self):
        command = [sys.executable, "manage.py", "office", "--no-demo", "--port", str(self.port)]
        self.said = (self.folder.parent / "said").open("w")
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.env, stdout=self.said, stderr=self.said
        )
        self.wait_for(lambda: "Ctrl-C ends everything" in self.words())
        return self

    def words(self):
        return (self.folder.parent / "said").read_text()

    def wait_for(self, true):
        deadline = time.monotonic() + DEADLINE
        while not true():
            assert self.process.poll() is None, self.words()
            assert time.monotonic() < deadline, self.words()
            time.sleep(0.05)

    def family(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, sign=signal.SIGTERM):
        family = self.family() if self.process.poll() is None else []
        self.process.send_signal(sign)
        code = self.process.wait(DEADLINE)
        self.said.close()
        return code, family

    def manage(self, *words):
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def office():
    """A running office in a throw-away folder."""
    place = Path(tempfile.mkdtemp(prefix="ccpa office "))
    place.chmod(0o755)
    running = Running(place / "var", free_port())
    try:
        yield running.start()
    finally:
        if running.process.poll() is None:
            running.stop()
        shutil.rmtree(place, ignore_errors=True)


def gone(family):
    deadline = time.monotonic() + DEADLINE
    while any(command_line(one.pid) for one in family) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [one.pid for one in family if command_line(one.pid)]


def fetch(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_an_office_runs_heals_stops_and_comes_back_with_every_row(office):
    facts = json.loads((office.folder / "office.json").read_text())
    see_what_it_serves_and_tells(office, facts)
    see_that_the_application_cannot_change_the_book(office)
    with psycopg.connect(facts["learner_database"]) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    see_that_what_dies_is_started_again(office)
    see_that_a_second_one_is_refused(office)

    # killed outright, nothing lives on, and the next one has every row
    code, family = office.stop(signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert gone(family) == []
    office.start()
    with psycopg.connect(facts["learner_database"]) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)

    # and a clean stop is clean
    code, family = office.stop(signal.SIGINT)
    assert (code, gone(family)) == (0, [])
    assert office.words().endswith("Stopping.\nEverything has ended; the data stay.\n")
    assert office.manage("doctor").returncode == 1  # nobody is there to answer
    assert office.manage("reset", "--yes").stdout == "Removed.\n"
    assert not office.folder.exists()


def see_what_it_serves_and_tells(office, facts):
    assert (office.folder / "office.json").stat().st_mode & 0o777 == 0o600
    assert set(facts) == {"site", "mail", "mail_api", "learner_database", "users"}
    assert facts["site"] == f"http://127.0.0.1:{office.port}"
    assert fetch(office.port, "/healthz") == (200, b"ok")
    assert fetch(office.port, "/readyz") == (200, b"ok")
    assert fetch(office.port, "/")[0] == 200
    assert set().union(*map(listening, office.family())) == {"127.0.0.1"}
    # another window speaks to the same engines, and the doctor finds everybody at work
    office.wait_for(lambda: ill(office) == {"notice-missing", "approvers-few"})


def listening(member):
    """Where a process listens; one that has ended meanwhile (a database session) nowhere."""
    with contextlib.suppress(psutil.NoSuchProcess):
        found = member.net_connections(kind="inet")
        return {one.laddr.ip for one in found if one.status == psutil.CONN_LISTEN}
    return set()


def ill(office):
    answer = office.manage("doctor", "--json")
    return {finding["code"] for finding in json.loads(answer.stdout)} - {"anchor-missing"}


def see_that_the_application_cannot_change_the_book(office):
    variables = read_variables(office.folder / "office.env")
    for statement in (
        "UPDATE ccpa_office_ledgerline SET verb = 'x'",
        "TRUNCATE django_session",
        "DELETE FROM django_migrations",
        "CREATE TABLE mine (id int)",
    ):
        with (
            psycopg.connect(variables["DATABASE_URL"]) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement)


def see_that_what_dies_is_started_again(office):
    children = json.loads(next(office.folder.rglob("children.json")).read_text())
    expected = {"PostgreSQL", "Valkey", "web", "worker", "beat", "keeper", "mail catcher"}
    assert set(children) == expected
    for name in ("web", "PostgreSQL"):
        os.kill(children[name][0], signal.SIGKILL)
        office.wait_for(lambda name=name: f"{name} is up again." in office.words())
    office.wait_for(lambda: answers_ready(office.port))


def see_that_a_second_one_is_refused(office):
    other = Running(office.folder, free_port())
    answer = other.manage("office", "--no-demo", "--port", str(other.port))
    assert answer.returncode == 1
    assert "Another office is running on" in answer.stderr
    answer = other.manage("office", "--no-demo", "--port", str(office.port))
    assert f"Port {office.port} is taken." in answer.stderr


def test_one_address_alone_is_refused():
    office = Office(Path("/nonexistent"), 1, True, {"DATABASE_URL": "postgresql:///x"})
    with pytest.raises(Refused, match="set both DATABASE_URL and REDIS_URL, or neither"):
        assert office.brings_engines


def test_given_engines_and_mail_are_used_as_they_are(tmp_path):
    given = {
        "DATABASE_URL": "postgresql:///x",
        "REDIS_URL": "redis://y",
        "EMAIL_URL": "smtp://z",
        "COOL_OFF_HOURS": "1",
    }
    office = Office(tmp_path, 8000, True, given)
    assert not office.brings_engines
    env = office.variables(None)
    assert env["EMAIL_URL"] == "smtp://z"
    assert env["COOL_OFF_HOURS"] == "1"
    office.write_facts(env, None)
    assert json.loads((tmp_path / "office.json").read_text())["mail"] == ""


def test_letters_to_real_people_are_never_caught_and_shown(tmp_path):
    assert Office(tmp_path, 8000, True, {}).catches_mail
    office = Office(tmp_path, 8000, False, {})
    assert (office.catches_mail, "EMAIL_URL" in office.variables(None)) == (False, False)


def test_without_demo_data_and_with_a_key_of_its_own_it_runs_as_production(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert not installation(8000, demo=False).demo
    assert installation(8000, demo=True).demo
    monkeypatch.delenv("SECRET_KEY")
    assert installation(8000, demo=False).demo


def test_only_migrate_is_told_who_owns_the_tables(tmp_path):
    given = {
        "DATABASE_URL": "postgresql://office@db/x",
        "REDIS_URL": "redis://y",
        "DATABASE_OWNER_URL": "postgresql://office_owner@db/x",
    }
    office = Office(tmp_path, 8000, False, given)
    env = office.variables(None)
    assert office.manage("migrate", env=env).env["DATABASE_OWNER_URL"]
    keeper = office.manage("keeper", env=env)
    others = (office.web(env), office.worker(env), office.beat(env), keeper)
    assert not [child.name for child in others if "DATABASE_OWNER_URL" in child.env]


def test_an_office_is_asked_under_the_name_that_it_answers_to(monkeypatch, settings):
    settings.ALLOWED_HOSTS = ["privacy.example.com"]
    asked: dict[str, Any] = {}

    class Connection:
        def __init__(self, host, port, timeout):
            asked["at"] = f"{host}:{port}"

        def request(self, method, path, headers):
            host = headers.get("Host", asked["at"])
            asked["answer"] = Client(headers={"host": host}).get(path)

        def getresponse(self):
            return SimpleNamespace(status=asked["answer"].status_code)

        def close(self):
            pass

    monkeypatch.setattr(http.client, "HTTPConnection", Connection)
    monkeypatch.setattr(health, "is_ready", lambda: True)
    assert answers_ready(8000, "privacy.example.com")
    assert not answers_ready(8000)


def test_the_demos_password_is_made_once_or_given(tmp_path):
    office = Office(tmp_path, 8000, True, {})
    first = office.variables(None)
    assert office.variables(None) == first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    given = Office(tmp_path, 8000, True, {"DEMO_PASSWORD": "another one"}).variables(None)
    assert given["DEMO_PASSWORD"] == "another one"
    assert given["SECRET_KEY"] == first["SECRET_KEY"]


def test_the_tour_names_the_password_once(tmp_path):
    office = Office(tmp_path, 8000, True, {})
    env = office.variables(None)
    office.write_facts(env, None)
    first = "\n".join(tour.lines(office, env, first_time=True))
    second = "\n".join(tour.lines(office, env, first_time=False))
    assert env["DEMO_PASSWORD"] in first
    assert env["DEMO_PASSWORD"] not in second
    assert "office.json" in second


def test_pauses_grow_with_each_quick_death_and_are_forgiven_after_a_good_life():
    child: Any = None
    kept = Kept(child, lambda: child)
    assert [kept.pause() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    kept.started -= supervisor.LIVED_WELL + 1
    assert kept.pause() == 0.5


def test_a_long_log_is_kept_once_and_begun_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "LOG_LIMIT", 10)
    log = tmp_path / "web.log"
    log.write_text("one\ntwo\nthree\n")
    assert last_lines(log, 2) == "two\nthree"
    rotate(log)
    assert log.read_text() == ""
    assert (tmp_path / "web.log.1").read_text() == "one\ntwo\nthree\n"


def test_reset_asks_and_leaves_everything_without_a_yes(tmp_path, monkeypatch):
    folder = tmp_path / "var"
    folder.mkdir()
    monkeypatch.setenv("DATA_DIR", str(folder))
    monkeypatch.setattr("builtins.input", lambda _: "")
    out = StringIO()
    call_command("reset", stdout=out)
    assert out.getvalue() == "Nothing was removed.\n"
    assert folder.exists()
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "absent"))
    call_command("reset", stdout=out)
    assert out.getvalue().endswith("There is nothing to remove.\n")


def test_the_command_turns_a_refusal_into_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql:///x")
    monkeypatch.delenv("REDIS_URL")
    with pytest.raises(CommandError, match="or neither"):
        call_command("office", port=free_port(), no_demo=True)
