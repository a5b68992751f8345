"""The embedded engines: whatever the folder is called and however the last run ended."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from ccpa_office.engines import home as homes
from ccpa_office.engines.binaries import Binaries
from ccpa_office.engines.children import Child, Refused, command_line, plain_environment
from ccpa_office.engines.home import Home, open_home
from ccpa_office.engines.pair import running
from ccpa_office.engines.postgresql import in_words

ROOT = Path(__file__).resolve().parents[2]
AS_ROOT = os.geteuid() == 0


@pytest.fixture
def place():
    """A folder that the engines' account can enter."""
    made = Path(tempfile.mkdtemp(prefix="ccpa-engines-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def count(url, statement="SELECT count(*) FROM kept"):
    with psycopg.connect(url) as connection:
        return first(connection, statement)


def first(connection, statement):
    return next(value for (value,) in connection.execute(statement))


def write_a_row(url):
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
        connection.execute("INSERT INTO kept VALUES (1)")


@pytest.mark.parametrize(
    "name",
    [
        "plain",
        "with a space, a comma and 'quotes'",
        "UPPER and ünïcödé",
        "long-" + "x" * 120,
    ],
)
def test_engines_run_in_a_folder_of_any_name(place, name):
    with running(place / name, durable=False) as engines:
        addresses = engines.addresses()
        assert count(addresses.database, "SELECT count(*) FROM pg_stat_activity") >= 1
        assert len(os.fsencode(engines.valkey.socket)) <= 107
        assert "/run/" in addresses.redis or "/tmp/ccpa-office-" in addresses.redis  # noqa: S108
    assert not engines.children


def test_rows_outlive_a_clean_restart_and_the_home_is_private(place):
    with running(place / "one") as engines:
        write_a_row(engines.addresses().owner)
        assert engines.home.folder.stat().st_mode & 0o777 == 0o700
        assert (engines.home.folder / "passwords.json").stat().st_mode & 0o777 == 0o600
    with running(place / "one") as engines:
        assert count(engines.addresses().owner) == 1


def test_the_cluster_is_made_as_it_must_be(place):
    with running(place / "one") as engines, psycopg.connect(engines.addresses().superuser) as db:
        shown = {
            name: first(db, f"SHOW {name}")
            for name in (
                "data_checksums",
                "fsync",
                "full_page_writes",
                "listen_addresses",
                "log_error_verbosity",
                "log_min_error_statement",
                "log_parameter_max_length_on_error",
                "password_encryption",
                "server_encoding",
                "shared_preload_libraries",
                "synchronous_commit",
                "unix_socket_permissions",
            )
        }
        locale = db.execute(
            "SELECT datlocprovider::text, datlocale FROM pg_database WHERE datname = 'ccpa_office'"
        ).fetchone()
        methods = db.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
    assert shown == {
        "data_checksums": "on",
        "fsync": "on",
        "full_page_writes": "on",
        "listen_addresses": "",
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_parameter_max_length_on_error": "0",
        "password_encryption": "scram-sha-256",
        "server_encoding": "UTF8",
        "shared_preload_libraries": "pg_stat_statements",
        "synchronous_commit": "on",
        "unix_socket_permissions": "0700",
    }
    assert locale == ("b", "C.UTF-8")
    assert methods == [("scram-sha-256",)]


def test_the_application_owns_nothing_and_the_learners_see_nothing_of_the_office(place):
    with running(place / "one", durable=False) as engines:
        addresses = engines.addresses()
        write_a_row(addresses.owner)
        with (
            psycopg.connect(addresses.database) as db,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            db.execute("CREATE TABLE mine (id int)")
        with (
            psycopg.connect(addresses.database) as db,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            db.execute("SELECT * FROM kept")
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(addresses.learners.replace("/learners?", "/ccpa_office?"))
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(addresses.database.replace("office:", "office:x"))


def test_valkey_keeps_its_hints_and_never_drops_any(place):
    with running(place / "one") as engines:
        client = engines.valkey
        answer = subprocess.run(
            [sys.executable, "-c", ASK_VALKEY, str(client.socket)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert answer.stdout.split() == ["yes", "everysec", "noeviction", "0"]
        assert client.socket.stat().st_mode & 0o777 == 0o700


ASK_VALKEY = """
import redis, sys
client = redis.Redis(unix_socket_path=sys.argv[1])
for name in ("appendonly", "appendfsync", "maxmemory-policy", "port"):
    print(client.config_get(name)[name])
client.close()
"""


def test_two_homes_run_at_once_and_one_home_only_once(place):
    with running(place / "one", durable=False) as one, running(place / "two", durable=False) as two:
        assert one.addresses().database != two.addresses().database
        with (
            pytest.raises(Refused, match="Another office is running on"),
            running(place / "one"),
        ):
            pass
        assert count(one.addresses().database, "SELECT 1") == 1


HOLD = """
import os, sys, time
from pathlib import Path
from typing import Any
from ccpa_office.engines.pair import running
import encodings.idna, psycopg.crdb, redis.asyncio
if sys.argv[2:]:  # only now, since root's own Python may stand where nobody else can read
    os.setgroups([])
    os.setgid(int(sys.argv[3]))
    os.setuid(int(sys.argv[2]))
with running(Path(sys.argv[1])) as engines:
    print(engines.addresses().owner, engines.children[0].pid, engines.children[1].pid, flush=True)
    time.sleep(600)
"""


def hold(folder, *become):
    """Start engines in a process of their own; return it, the owner's address and both pids."""
    process: Any = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), *become],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    owner, *pids = process.stdout.readline().split()
    return process, owner, [int(pid) for pid in pids]


def end(process):
    process.kill()
    process.wait()
    process.stdout.close()


def gone(pids, seconds=120):
    deadline = time.monotonic() + seconds
    while any(command_line(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(command_line(pid) for pid in pids)


def test_engines_end_when_their_supervisor_is_killed_and_the_rows_are_there_again(place):
    process, owner, pids = hold(place / "one")
    write_a_row(owner)
    end(process)
    assert gone(pids)
    with running(place / "one") as engines:
        assert count(engines.addresses().owner) == 1


def test_everything_killed_at_once_leaves_stale_files_and_no_harm(place):
    process, owner, pids = hold(place / "one")
    write_a_row(owner)
    family = [one.pid for one in psutil.Process(process.pid).children(recursive=True)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    end(process)
    assert gone(family)  # the server's own children leave after it, and hold its memory until then
    assert (open_home(place / "one").folder / "postgresql" / "postmaster.pid").exists()
    with running(place / "one") as engines:
        assert count(engines.addresses().owner) == 1


def test_a_stale_pid_file_of_any_content_is_removed(place):
    with running(place / "one", durable=False) as engines:
        home = engines.home
    pid_file = home.folder / "postgresql" / "postmaster.pid"
    for text in ("", "nonsense\n", f"{os.getpid()}\n", "999999999\n"):
        pid_file.write_text(text)
        home.own(pid_file)
        engines.postgresql.prepare()
        assert not pid_file.exists()
    with running(place / "one", durable=False) as engines:
        assert count(engines.addresses().owner, "SELECT 1") == 1


def test_a_server_that_still_uses_the_data_is_never_pushed_aside(place, monkeypatch):
    monkeypatch.setattr("ccpa_office.engines.postgresql.wait_until_gone", lambda *_: False)
    with (
        running(place / "one", durable=False) as engines,
        pytest.raises(Refused, match="still uses"),
    ):
        engines.postgresql.prepare()


def test_a_half_made_cluster_is_made_anew(place):
    home = open_home(place / "one")
    home.own(half := home.room("postgresql.half"))
    (half / "PG_VERSION").write_text("18")
    with running(place / "one", durable=False) as engines:
        assert count(engines.addresses().owner, "SELECT 1") == 1
    assert not half.exists()


def test_data_of_another_major_version_are_refused_with_the_way_out(place):
    with running(place / "one", durable=False) as engines:
        home = engines.home
    (home.folder / "postgresql" / "PG_VERSION").write_text("14\n")
    with pytest.raises(Refused, match=r"written by PostgreSQL 14.*pg_dump"), running(place / "one"):
        pass


def test_the_locale_of_the_console_changes_nothing(place, monkeypatch):
    for name in ("LC_ALL", "LANG", "LC_MESSAGES", "PGHOST", "PGOPTIONS"):
        monkeypatch.setenv(name, "xx_XX.nonsense")
    assert not [name for name in plain_environment() if name.startswith(("LC_", "LANG", "PG"))]
    monkeypatch.delenv("PGHOST")
    monkeypatch.delenv("PGOPTIONS")
    with running(place / "one", durable=False) as engines:
        assert count(engines.addresses().owner, "SELECT 1") == 1


def test_a_server_that_cannot_start_says_why_and_leaves_nothing_running(place):
    with running(place / "one", durable=False) as engines:
        home = engines.home
    (home.folder / "postgresql" / "pg_hba.conf").unlink()
    with pytest.raises(Refused, match="PostgreSQL ended at once"), running(place / "one"):
        pass
    with home.locked():
        assert not (home.folder / "children.json").exists()


def test_a_full_disk_and_a_wrong_owner_are_named_in_words():
    assert in_words("x: No space left on device").startswith("the disk is full")
    assert in_words("x: Permission denied").startswith("a file may not be read")
    assert in_words("one\ntwo\nthree\nfour") == "two / three / four"


def test_a_child_that_ignores_the_first_signal_is_insisted_on(place):
    stubborn = "import signal, time; signal.signal(15, 1); print(1, flush=True); time.sleep(99)"
    child = Child(
        "stubborn",
        [sys.executable, "-c", stubborn],
        log=place / "log",
        env=plain_environment(),
        stop_steps=((signal.SIGTERM, 0.2), (signal.SIGKILL, 5.0)),
    )
    child.start()
    pid = child.pid
    while not (place / "log").read_text():
        time.sleep(0.02)
    child.stop()
    assert gone([pid])
    child.stop()  # once more is harmless


def test_leftovers_of_a_killed_supervisor_are_ended_with_their_whole_session(place, monkeypatch):
    home = Home(place, None)
    script = "import subprocess, sys, time; subprocess.Popen(['sleep', '98']); time.sleep(99)"
    process = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    home.note_children({"web": process.pid, "elsewhere": os.getpid()})
    noted = (place / "children.json").read_text()
    (place / "children.json").write_text(noted.replace(f"[{os.getpid()}, ", f"[{os.getpid()}, 1"))
    monkeypatch.setattr("ccpa_office.engines.home.wait_until_gone", lambda *_: False)
    assert home.end_leftovers() == ["web"]
    process.wait()
    assert home.end_leftovers() == []


@pytest.mark.skipif(not AS_ROOT, reason="not run: only root can become somebody else")
def test_an_ordinary_user_runs_them_too(place):
    nobody = pwd.getpwnam("nobody")
    os.chown(place, nobody.pw_uid, nobody.pw_gid)
    process, owner, pids = hold(place / "one", str(nobody.pw_uid), str(nobody.pw_gid))
    write_a_row(owner)
    assert Path(f"/proc/{pids[0]}").stat().st_uid == nobody.pw_uid
    end(process)
    assert gone(pids)


@pytest.mark.skipif(not AS_ROOT, reason="not run: only root changes the account")
def test_root_runs_them_as_a_system_account(place):
    with running(place / "one", durable=False) as engines:
        account: Any = engines.home.account
        assert account.name == "ccpa-office"
        owners = {Path(f"/proc/{child.pid}").stat().st_uid for child in engines.children}
    assert owners == {account.uid}


@pytest.mark.skipif(not AS_ROOT, reason="not run: only root changes the account")
def test_a_folder_that_the_account_cannot_enter_moves_the_data_and_is_not_loosened(
    place, monkeypatch
):
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(homes, "SHARED_HOMES", place / "shared")
    with running(closed / "var", durable=False) as engines:
        folder = engines.home.folder
        assert folder.parent == place / "shared"
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (closed / "var" / "engines-are-at").read_text() == str(folder)
    closed.chmod(0o755)
    assert open_home(closed / "var").folder == folder  # once chosen, kept
    assert homes._derived_name(closed / "var") != homes._derived_name(place / "closed2" / "var")


@pytest.mark.skipif(not AS_ROOT, reason="not run: only root changes the account")
def test_programs_that_the_account_cannot_read_are_copied(place, monkeypatch):
    unreadable = Binaries(Path("/nonexistent"), Path("/nonexistent/valkey-server"))
    monkeypatch.setattr("ccpa_office.engines.binaries.installed", lambda: unreadable)
    with running(place / "one", durable=False) as engines:
        inside = engines.home.folder / "programs"
        assert inside in engines.postgresql.binaries.tool("postgres").parents
        assert count(engines.addresses().owner, "SELECT 1") == 1


def test_a_machine_without_useradd_is_told_what_to_do(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(homes, "SYSTEM_ACCOUNT", "ccpa-nobody")
    monkeypatch.setattr(shutil, "which", lambda *_args, **_more: None)
    with pytest.raises(Refused, match="Start the office as an ordinary user"):
        homes.engine_account()
