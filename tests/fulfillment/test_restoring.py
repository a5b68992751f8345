"""A restored backup brings people back; the erasure ledger takes them away again, and only them."""

import hashlib
import json
import os
import subprocess
from datetime import timedelta
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command

from ccpa_office import clock, connectors, ledger, sealing
from ccpa_office.engines import binaries
from ccpa_office.models import LedgerLine, StaffMember
from ccpa_office.roles import Actor, NotAllowed, Role
from requests_app import casework, checks, suppression
from requests_app.fulfillment import (
    batches,
    erasure_ledger,
    lists,
    redacting,
    restoring,
    terms,
)
from requests_app.fulfillment.loading import NotNow
from requests_app.fulfillment.packing import canonical
from requests_app.keeping_out import hosts
from requests_app.models import Batch, BatchState, HostKey, Kept, Plan, Suppression
from tests import builders
from tests.builders import HANA, KOFI, ORLA, administer, approved, drain
from tests.steps import by_sql, lines, query, store_digest, without_triggers

pytestmark = pytest.mark.django_db


@pytest.fixture
def erasures(settings, tmp_path):
    """An erasure ledger of its own."""
    settings.ERASURE_LEDGER_DIR = tmp_path / "erasures"
    return tmp_path / "erasures" / "erasures.jsonl"


@pytest.fixture
def erased(erasures, mailbox, team, learners, at_once):
    """A dump, then a person erased; what the store looked like before and after."""
    dump = f"{_name(learners)}_dump"
    connectors.close_all()
    _copy(learners, dump)
    before = store_digest(learners)
    approved(mailbox, team, ORLA)
    batches.open_due(at=clock.now())
    drain()
    after = store_digest(learners)
    assert before != after
    yield dump, after
    administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", dump)


def _name(target):
    return urlsplit(target).path[1:]


def _copy(target, name):
    administer("CREATE DATABASE {} TEMPLATE {}", name, _name(target))


def _restore(target, dump):
    connectors.close_all()
    administer("DROP DATABASE {} WITH (FORCE)", _name(target))
    administer("CREATE DATABASE {} TEMPLATE {}", _name(target), dump)


def _drill(team, **more):
    return list(restoring.drill(by=team.officer, at=clock.now(), **more))


def test_whoever_a_backup_brings_back_is_erased_again_and_nobody_else(erased, team, learners):
    dump, after = erased
    _restore(learners, dump)
    query(learners, "CREATE MATERIALIZED VIEW seen AS SELECT email FROM accounts")
    assert store_digest(learners) != after
    looked = _drill(team, look_only=True)
    assert [(each.came_back, each.outcome) for each in looked] == [(1, "back")]
    again = _drill(team)
    assert [(each.came_back, each.outcome) for each in again] == [(1, "erased")]
    assert again[0].rows == looked[0].rows > 5
    assert store_digest(learners) == after
    assert query(learners, "SELECT email FROM seen WHERE email = %s", ORLA) == []
    assert lines("office")[-1] == "erasure.after-restore"


def test_a_second_drill_does_nothing(erased, team, learners):
    dump, after = erased
    _restore(learners, dump)
    _drill(team)
    written = lines("office")
    assert [(each.rows, each.outcome) for each in _drill(team)] == [(0, "absent")]
    assert store_digest(learners) == after
    assert lines("office") == written


def test_rows_that_only_the_backup_knew_go_too(erased, team, learners):
    dump, after = erased
    _restore(learners, dump)
    query(
        learners,
        "INSERT INTO activity_log VALUES (900000, 4, now(), '192.0.2.7', '/older', '{}')",
    )
    assert [each.outcome for each in _drill(team)] == ["erased"]
    assert store_digest(learners) == after


def test_more_rows_than_the_approval_covers_are_left_to_a_person(erased, team, learners):
    dump, _ = erased
    _restore(learners, dump)
    query(
        learners,
        "INSERT INTO activity_log SELECT 900000 + n, 4, now(), '192.0.2.7', '/older', '{}'"
        " FROM generate_series(1, 21) AS n",
    )
    before = store_digest(learners)
    assert [each.outcome for each in _drill(team)] == ["more"]
    assert store_digest(learners) == before


def test_a_key_that_is_somebody_elses_by_now_is_left_alone(erased, team, learners):
    dump, _ = erased
    _restore(learners, dump)
    query(learners, "UPDATE accounts SET email = 'newcomer@example.org', full_name = 'New Comer',"
          " phone = '+1-415-555-0001' WHERE id = 4")  # fmt: skip
    query(learners, "UPDATE profiles SET display_name = 'new' WHERE account_id = 4")
    query(learners, "UPDATE invoices SET billing_name = 'New Comer' WHERE account_no = 4")
    query(learners, "UPDATE accounts SET email = %s WHERE id = 20", ORLA)  # given to another
    query(learners, "DELETE FROM newsletter WHERE email = %s", ORLA)
    before = store_digest(learners)
    assert [(each.came_back, each.outcome) for each in _drill(team)] == [(0, "absent")]
    assert store_digest(learners) == before


def test_who_had_another_address_in_the_backups_time_may_be_the_same(erased, team, learners):
    """An older dump than the last address: nobody says that nobody came back."""
    dump, _ = erased
    _restore(learners, dump)
    query(learners, "UPDATE accounts SET email = 'maiden@example.org' WHERE id = 4")
    query(learners, "DELETE FROM newsletter WHERE email = %s", ORLA)
    before = store_digest(learners)
    for look_only in (True, False):
        again = _drill(team, look_only=look_only)
        assert [(each.came_back, each.outcome) for each in again] == [(1, "unsure")]
        assert not again[0].is_sound
    assert store_digest(learners) == before


def test_a_row_that_is_somebody_elses_by_now_is_left_to_a_person(erased, team, learners):
    dump, _ = erased
    _restore(learners, dump)
    query(learners, "UPDATE orders SET account_id = 5 WHERE account_id = 4")
    before = store_digest(learners)
    assert [(each.came_back, each.outcome) for each in _drill(team)] == [(1, "strangers")]
    assert store_digest(learners) == before


def test_an_office_that_was_restored_too_remembers_whom_to_keep_out(erased, team, learners):
    by_sql("TRUNCATE requests_app_suppression")
    assert not suppression.is_suppressed("email", ORLA)
    _drill(team, look_only=True)
    assert not Suppression.objects.exists()
    _drill(team)
    assert suppression.is_suppressed("email", ORLA)


def test_a_hosts_database_gets_whom_the_ledger_names_and_whom_a_drill_remembers(erased, team):
    editor = StaffMember.objects.get(pk=team.editor.id).username
    said = StringIO()
    call_command("suppression", "trigger", "--system", "learners", "--table", "accounts",
                 "--column", "email=email", "--as", editor, stdout=said)  # fmt: skip
    assert "and 1 of the erasure ledger" in said.getvalue()
    known = sorted(hosts.handed("learners").digests())
    secret = hosts.opened(HostKey.objects.get())
    assert ("email", hosts.digest(secret, "email", ORLA)) in known
    by_sql("DELETE FROM requests_app_hostdigest")
    _drill(team)
    assert sorted(hosts.handed("learners").digests()) == known


def test_only_who_may_run_batches_runs_a_drill_and_no_switch_is_passed_by(erased, team):
    with pytest.raises(NotAllowed):
        list(restoring.drill(by=team.clerk, at=clock.now()))
    batches.set_kill_switch(stopped=True, reason="x", by=team.officer, at=clock.now())
    with pytest.raises(NotNow):
        _drill(team)


def test_a_map_that_this_database_never_saw_is_asked_for(erased, team):
    with without_triggers():
        by_sql("UPDATE notices_app_datamapversion SET digest = repeat('0', 64)")
    with pytest.raises(restoring.MapForgotten):
        _drill(team)


@pytest.fixture
def many(team):
    """A hundred and sixty learners, served."""
    name = builders.learner_template(160)
    builders.serve(team, builders.url(name))
    yield name
    connectors.close_all()
    administer("DROP DATABASE {} WITH (FORCE)", name)


def _carried_out(team, addresses):
    """A list, everything that others reach too decided, approved and carried out."""
    listed = ["email", *addresses]
    batch = lists.open_list("learners", listed, by=team.officer, at=clock.now()).batch
    plan = Plan.objects.get(chunk__batch=batch, state="frozen")
    for table in sorted(set(plan.tables.filter(shared=True).values_list("table", flat=True))):
        how = ("keep", "GX_k") if table == "addresses" else ("strip", "")
        plan = casework.decide_shared(
            plan, table=table, decision=how[0], ground=how[1], by=team.chief, at=clock.now()
        )
    batch.refresh_from_db()
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    drain()


def _accounts(target):
    return {number for (number,) in query(target, "SELECT id FROM accounts")}


def _dumped(name, *words):
    """One of PostgreSQL's own programs for dumps; what it wrote."""
    program, *rest = words
    full = [str(binaries.installed().tool(program)), *rest, "--dbname", builders.address(name)]
    return subprocess.run(full, check=True, capture_output=True).stdout


def test_a_hundred_erasures_after_a_dump_are_done_again_and_no_more(
    erasures, team, many, at_once, settings, tmp_path, record_property
):
    settings.CEILING_PEOPLE = settings.CEILING_ROWS = 100_000
    target, dump = builders.url(many), tmp_path / "learners.dump"
    _dumped(many, "pg_dump", "--format=custom", f"--file={dump}")
    everybody, as_it_was = _accounts(target), store_digest(target)
    found = query(target, "SELECT email FROM accounts WHERE id > 5 ORDER BY id LIMIT 100")
    for some in (found[:40], found[40:]):
        _carried_out(team, [email for (email,) in some])
    after, left = store_digest(target), _accounts(target)
    assert len(everybody - left) == 100
    connectors.close_all()
    administer("DROP DATABASE {} WITH (FORCE)", many)
    administer("CREATE DATABASE {}", many)
    _dumped(many, "pg_restore", "--exit-on-error", str(dump))
    assert (store_digest(target), _accounts(target)) == (as_it_was, everybody)
    first = _drill(team)
    assert [(each.came_back, each.outcome) for each in first] == [(40, "erased"), (60, "erased")]
    assert (store_digest(target), _accounts(target)) == (after, left)
    again = _drill(team)
    assert [(each.came_back, each.rows, each.outcome) for each in again] == [(0, 0, "absent")] * 2
    assert store_digest(target) == after
    rows = sum(each.rows for each in first)
    record_property("erased again", f"100 of {len(everybody)} people, {rows} rows; then 0")


@pytest.fixture
def followed(erasures, team, learners, at_once):
    """A dump that is younger than an erasure, then the end of a term and a text of others."""
    query(learners, "UPDATE forum_posts SET body = %s WHERE id = (SELECT max(id) FROM forum_posts"
          " WHERE author_id > 10)", f"ask {ORLA}")  # fmt: skip
    batch = lists.open_list(
        "learners", ["email", ORLA, HANA], by=team.officer, at=clock.now()
    ).batch
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    drain()
    over = "UPDATE invoices SET issued_on = '2001-01-01', legal_hold = false WHERE account_no = 1"
    query(learners, over)
    connectors.close_all()
    dump = f"{_name(learners)}_dump"
    _copy(learners, dump)
    Kept.objects.update(due_on=clock.day_of(clock.now()))
    assert terms.gather(at=clock.now()) == 1
    redacting.plan_redaction(batch, by=team.officer, at=clock.now())
    for each in Batch.objects.filter(state=BatchState.WAITING):
        for by in (team.approver, team.second)[: each.approvals_needed]:
            batches.approve(each, hash=each.hash, by=by, at=clock.now())
    drain()
    yield dump, store_digest(learners)
    administer("DROP DATABASE {} WITH (FORCE)", dump)


def test_what_went_after_an_erasure_goes_again_though_nobody_came_back(followed, team, learners):
    dump, after = followed
    assert query(learners, "SELECT count(*) FROM invoices WHERE account_no = 1") == [(0,)]
    _restore(learners, dump)
    restored = store_digest(learners)
    looked = _drill(team, look_only=True)
    assert [each.outcome for each in looked] == ["absent", "back", "back"]
    assert store_digest(learners) == restored != after
    again = _drill(team)
    assert [(each.came_back, each.outcome) for each in again] == [
        (0, "absent"), (1, "erased"), (1, "erased"),
    ]  # fmt: skip
    assert store_digest(learners) == after
    assert [(each.rows, each.outcome) for each in _drill(team)] == [(0, "absent")] * 3


# --- the file -----------------------------------------------------------------------------------


def test_the_file_names_nobody_and_only_its_owner_reads_it(erased, erasures):
    text = erasures.read_text()
    assert erasures.stat().st_mode & 0o777 == 0o600
    assert erasures.parent.stat().st_mode & 0o777 == 0o700
    for word in (ORLA, "orla.", "Dunmarrow", "accounts", "learners", "555-01"):
        assert word not in text


@pytest.mark.parametrize("place", [0, 1])
def test_a_line_that_was_changed_or_taken_out_is_noticed(
    erased, erasures, mailbox, team, learners, place
):
    for person in (KOFI, HANA):
        approved(mailbox, team, person)
        batches.open_due(at=clock.now())
        drain()
    written = erasures.read_text().splitlines(keepends=True)
    assert len(written) == 3
    erasures.write_text("".join(written[: place + 1] + written[place + 2 :]))
    if place == 1:  # the tail: only the book knows
        assert [(each.number, each.outcome) for each in _drill(team)][2:] == [(3, "cut")]
        assert [each.code for each in checks.doctor_findings()] == ["erasures-lost"]
        _carried_out(team, query(learners, "SELECT email FROM accounts WHERE id = 20")[0])
        # a new line three stands in the place of the lost one
        assert [each.number for each in erasure_ledger.erasures()] == [1, 2, 3]
        assert erasure_ledger.missing(at=clock.now()) == [3]
        assert erasure_ledger.missing(at=clock.now() + timedelta(days=36)) == []
        return
    assert [each.code for each in checks.doctor_findings()] == ["erasures-broken"]
    with pytest.raises(erasure_ledger.LedgerBroken):
        _drill(team)
    erasures.write_text('{"at": "no line"}\n' + written[0])
    with pytest.raises(erasure_ledger.LedgerBroken):
        _drill(team)


def test_a_torn_line_is_no_line_and_is_cut_off_by_the_next(
    erased, erasures, mailbox, team, learners
):
    with erasures.open("ab") as stream:
        stream.write(b'{"at":"20')
    assert len(_drill(team)) == 1
    approved(mailbox, team, KOFI)
    batches.open_due(at=clock.now())
    drain()
    assert [each.number for each in _drill(team)] == [1, 2]


class Reluctant:
    """A file on a disk that takes fifty bytes at a time."""

    def __init__(self, stream):
        self.stream = stream

    def __enter__(self):
        return self

    def __exit__(self, *_why):
        self.stream.close()

    def write(self, some):
        return self.stream.write(bytes(some)[:50])

    def fileno(self):
        return self.stream.fileno()


def test_a_line_of_which_a_disk_takes_a_part_is_written_on(erasures, monkeypatch):
    erasures.parent.mkdir()
    plain = os.fdopen
    monkeypatch.setattr(os, "fdopen", lambda *how, **more: Reluctant(plain(*how, **more)))
    line = b'{"n": 1}' + b"x" * 500 + b"\n"
    erasure_ledger._write(line)
    assert erasures.read_bytes() == line


def test_lines_stay_as_long_as_a_backup_may_be_restored(erased, erasures, settings, clock_at):
    settings.OLDEST_BACKUP_DAYS = 35
    assert erasure_ledger.prune(at=clock_at(days=36)) == 0  # the newest stays always
    first = erasures.read_bytes()
    moved = json.loads(first)
    with erasures.open("ab") as stream:
        later = {**moved, "n": 2, "at": clock_at(days=20).isoformat()}
        stream.write(_after(first, later))
    assert erasure_ledger.prune(at=clock_at(days=34)) == 0
    assert erasure_ledger.prune(at=clock_at(days=36)) == 1
    assert [each.number for each in erasure_ledger.erasures()] == [2]


def _after(line, fact):
    return canonical({**fact, "prev": hashlib.sha256(line).hexdigest()}) + b"\n"


@pytest.fixture
def clock_at():
    """A moment some days from now."""
    start = clock.now()
    return lambda days: start + timedelta(days=days)


def test_a_new_key_seals_the_lines_anew_and_the_old_one_can_go(
    erased, erasures, settings, mailbox, team
):
    old = list(settings.ENCRYPTION_KEYS)
    new = "bmV3IGtleSBvZiB0aGlydHktdHdvIGJ5dGVzISEhISE="
    settings.ENCRYPTION_KEYS = [new, *old]
    assert (erasure_ledger.rotate(), erasure_ledger.rotate()) == (1, 0)
    assert erasure_ledger.missing(at=clock.now()) == []
    settings.ENCRYPTION_KEYS = [*old, new]  # the next line is sealed with another than the first
    approved(mailbox, team, KOFI)
    batches.open_due(at=clock.now())
    drain()
    settings.ENCRYPTION_KEYS = [new, *old]
    assert (erasure_ledger.rotate(), erasure_ledger.rotate()) == (1, 0)
    settings.ENCRYPTION_KEYS = [new]
    assert [each.number for each in erasure_ledger.erasures()] == [1, 2]
    settings.ENCRYPTION_KEYS = old
    with pytest.raises(sealing.Unreadable):
        list(erasure_ledger.erasures())


# --- the command --------------------------------------------------------------------------------


def test_the_command_says_what_came_back(erased, team, learners):
    dump, after = erased
    builders.actor(Role.OFFICER, name="olive")
    _restore(learners, dump)
    out = StringIO()
    with pytest.raises(SystemExit):  # there is something to do
        call_command("restore_drill", "--look", "--as", "olive", stdout=out)
    assert out.getvalue().endswith("1 erasures looked at; 1 people had come back.\n")
    facts = json.loads(_run("--json", "--as", "olive"))
    assert (facts["came_back"], facts["outcome"]) == (1, "erased")
    assert _run("--as", "olive") == "1 erasures looked at; 0 people had come back.\n"
    assert store_digest(learners) == after


def test_the_command_refuses_in_words(erased, team):
    builders.actor(Role.CLERK, name="carl")
    with pytest.raises(CommandError):
        _run("--as", "carl")


def _run(*words):
    out = StringIO()
    call_command("restore_drill", *words, stdout=out)
    return out.getvalue()


def test_the_book_is_not_read_whole_for_its_erasures(db):
    others: list[tuple[str, dict[str, object]]] = [
        (f"batch:{number}", {}) for number in range(2000)
    ]
    ledger.record_many("case.read", others, by=Actor.system("house"), at=clock.now())
    by_sql("ANALYZE ccpa_office_ledgerline")
    rows = LedgerLine.objects.filter(verb=erasure_ledger.CARRIED_OUT, at__lte=clock.now())
    assert "using ledgerline_erasures" in rows.explain().lower()
