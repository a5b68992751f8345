"""Batches on the command line."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ccpa_office import clock
from ccpa_office.roles import Role
from requests_app.fulfillment import batches
from requests_app.models import Batch, BatchState, Status
from tests import builders
from tests.builders import HANA, KOFI, ORLA, approved, drain, fresh


def run(*words):
    """What the command prints."""
    out = StringIO()
    call_command("batch", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def as_officer(team, settings):
    """The name of an officer to act as."""
    builders.actor(Role.OFFICER, name="olive")
    return ("--as", "olive")


@pytest.fixture
def people(tmp_path):
    """A list of three people, one of them unknown."""
    path = tmp_path / "people.csv"
    path.write_text(f"email\n{HANA}\n{KOFI}\nnobody@example.net\n")
    return str(path)


def test_an_empty_office_has_no_batch(db, settings):
    assert run("list") == "No batch yet.\n"
    assert json.loads(run("list", "--json")) == []


def test_a_list_is_opened_and_waits_for_approval(learners, as_officer, people):
    opened = json.loads(
        run("open", "--system", "learners", "--list", people, "--json", *as_officer)
    )
    assert (opened["state"], opened["found"], opened["unknown"]) == ("waiting", 2, 1)
    assert run("run", *as_officer) == "Waiting for approval: 1 of the batches.\n"


def test_a_list_that_cannot_be_read_is_wrong_use(learners, as_officer, tmp_path):
    with pytest.raises(CommandError) as refused:
        run("open", "--system", "learners", "--list", str(tmp_path / "absent.csv"), *as_officer)
    assert refused.value.returncode == 2


def test_a_list_without_a_known_column_is_refused(learners, as_officer, tmp_path):
    path = tmp_path / "wrong.csv"
    path.write_text("shoe size\n44\n")
    with pytest.raises(CommandError, match="first line"):
        run("open", "--system", "learners", "--list", str(path), *as_officer)


def test_run_makes_due_work_ready_and_says_what_comes_next(
    mailbox, team, learners, at_once, as_officer
):
    asked = approved(mailbox, team, ORLA)
    run("run", *as_officer)
    assert fresh(asked).status == Status.EXECUTING
    drain()
    assert fresh(asked).status == Status.COMPLETED
    assert run("run", "--wait", *as_officer) == "Nothing is left to do.\n"
    assert "1 of 1 people" in run("list")


def test_a_cool_off_is_never_shortened(mailbox, team, learners, settings, as_officer):
    settings.BATCH_AT, settings.COOL_OFF_HOURS = "*", 72
    asked = approved(mailbox, team, ORLA)
    assert run("run", *as_officer).startswith("Not yet due: 1 plans; the first at ")
    assert fresh(asked).status == Status.APPROVED


def test_waiting_outlasts_a_cool_off_that_ends_soon(mailbox, team, learners, settings, as_officer):
    settings.BATCH_AT, settings.COOL_OFF_HOURS = "*", 0.5 / 3600
    asked = approved(mailbox, team, ORLA)
    with pytest.raises(CommandError, match="workers"):  # this suite runs none: nobody ends it
        run("run", "--wait", "--seconds", "3", *as_officer)
    assert fresh(asked).status == Status.EXECUTING


def test_waiting_does_not_outlast_a_switch_that_stops_everything(
    mailbox, team, learners, at_once, as_officer
):
    approved(mailbox, team, ORLA)
    batches.set_kill_switch(stopped=True, by=team.officer, reason="a test", at=clock.now())
    assert "Not yet due" in run("run", "--wait", "--seconds", "60", *as_officer)


def test_waiting_ends_by_itself_when_no_worker_comes(mailbox, team, learners, at_once, as_officer):
    approved(mailbox, team, ORLA)
    with pytest.raises(CommandError, match="workers"):
        run("run", "--wait", "--seconds", "0.2", *as_officer)


def test_batches_are_paused_and_resumed(mailbox, team, learners, at_once, as_officer):
    approved(mailbox, team, ORLA)
    run("run", *as_officer)
    batch = Batch.objects.get()
    run("pause", *as_officer)
    assert Batch.objects.get().state == BatchState.PAUSED
    run("resume", str(batch.pk), *as_officer)
    assert Batch.objects.get().state == BatchState.RUNNING
    with pytest.raises(CommandError) as refused:
        run("pause", "999999", *as_officer)
    assert refused.value.returncode == 2


def test_outside_a_demo_somebody_must_be_named(db, settings):
    settings.DEMO = False
    for words in (["pause"], ["run", "--as", "nobody"]):
        with pytest.raises(CommandError) as refused:
            run(*words)
        assert refused.value.returncode == 2
    assert run("run") == "Nothing is left to do.\n"
