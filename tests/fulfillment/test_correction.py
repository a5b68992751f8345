"""Correcting a field: two people, one statement, everywhere it stands, and it stays corrected."""

import pytest
from django.db import transaction
from django.test import Client

from ccpa_office import clock, connectors
from ccpa_office.law.kinds import RequestKind
from ccpa_office.models import LedgerLine, WorkState
from ccpa_office.roles import Actor, NotAllowed, Role
from notices_app import loading
from notices_app.management.commands.load_notices import SEED
from requests_app import casework, clients, tasks, workflow
from requests_app.fulfillment import correction, lasting
from requests_app.fulfillment.correctable import CannotCorrect, Claim
from requests_app.fulfillment.locking import locked
from requests_app.models import (
    Correction,
    CorrectionLock,
    CorrectionLook,
    CorrectionStage,
    Outcome,
    Seen,
)
from tests.builders import KOFI, ORLA, actor, fresh, text_of
from tests.fulfillment.knowing import verified_to_know
from tests.requests.desks import at_desk
from tests.steps import Killed, by_sql, killed_at, lines, query, refused_by_the_database

NAME = ("learners", "accounts", "full_name")
RIGHT = "Orla Dunmarrow-Vale"


@pytest.fixture
def asked(learners, mailbox, team):
    return verified_to_know(mailbox, team, learners, kind=RequestKind.CORRECT)


def _propose(asked, team, field=NAME, value=RIGHT, row=""):
    claim = Claim(field, value, row)
    return correction.propose(asked, claim, reason="a passport", by=team.officer, at=clock.now())


def _approve(asked, team, by=None):
    read = correction.read_now(asked)
    return correction.approve(asked, hash=read, by=by or team.approver, at=clock.now())


def _why_not(asked, by):
    return correction.why_not_approve(fresh(asked), by, at=clock.now())


def _of_orla(learners, columns, table="accounts", on="t.id = a.id"):
    return query(
        learners,
        f"SELECT {columns} FROM accounts a JOIN {table} t ON {on} WHERE lower(a.email) = %s",  # noqa: S608
        ORLA,
    )


def test_a_field_is_put_right_by_two_people_and_by_nobody_else(learners, asked, team):
    query(learners, "CREATE MATERIALIZED VIEW seen AS SELECT full_name FROM accounts")
    connectors.close_all()
    others = query(learners, "SELECT * FROM accounts WHERE lower(email) <> %s ORDER BY id", ORLA)
    _propose(asked, team)
    assert _of_orla(learners, "t.full_name") == [("Orla Dunmarrow",)]
    _approve(asked, team)
    tasks.drain_collect()
    assert _of_orla(learners, "t.full_name") == [(RIGHT,)]
    again = query(learners, "SELECT * FROM accounts WHERE lower(email) <> %s ORDER BY id", ORLA)
    assert again == others
    copied = "SELECT full_name FROM seen WHERE full_name LIKE 'Orla Dunmarrow%%'"
    assert query(learners, copied) == [(RIGHT,)]
    assert {each.stage for each in Correction.objects.all()} == {CorrectionStage.DONE}


def test_the_same_thing_is_put_right_wherever_the_map_knows_it(learners, asked, team):
    query(
        learners,
        "UPDATE profiles SET display_name = 'Orla Dunmarrow' WHERE account_id ="
        " (SELECT id FROM accounts WHERE lower(email) = %s)",
        ORLA,
    )
    made = _propose(asked, team)
    assert [(each.collection, each.field, each.follows) for each in made] == [
        ("accounts", "full_name", False), ("profiles", "display_name", True),
    ]  # fmt: skip
    _approve(asked, team)
    tasks.drain_collect()
    found = _of_orla(learners, "t.display_name", "profiles", "t.account_id = a.id")
    assert found == [(RIGHT,)]


def test_before_and_after_are_sealed_and_only_digests_stand_in_the_book(learners, asked, team):
    _propose(asked, team)
    _approve(asked, team)
    tasks.drain_collect()
    row = Correction.objects.filter(follows=False).values().get()
    kept = b"".join(bytes(each) for each in row.values() if isinstance(each, bytes | memoryview))
    assert b"Dunmarrow" not in kept
    told = "".join(LedgerLine.objects.values_list("body", flat=True))
    assert "Dunmarrow" not in told
    assert [each for each in lines(asked.number) if each.startswith("correction.")][:3] == [
        "correction.proposed", "correction.approved", "correction.done",
    ]  # fmt: skip


def test_the_wrong_value_is_kept_from_coming_back(learners, asked, team):
    account = _of_orla(learners, "t.id")[0][0]
    assert not locked(NAME, "Orla Dunmarrow", key=[account])
    _propose(asked, team)
    _approve(asked, team)
    tasks.drain_collect()
    assert locked(NAME, "Orla Dunmarrow", key=[account])
    assert locked(NAME, "  ORLA  dunmarrow", email=ORLA.upper())
    token = clients.make("feed", by=team.chief, at=clock.now())
    rows = [(RIGHT, ORLA, ""), ("orla dunmarrow", ORLA, ""), ("Orla Dunmarrow", "", str(account)),
            ("Orla Dunmarrow", KOFI, "")]  # fmt: skip
    entries = [
        {"field": ".".join(NAME), "value": value, "email": email, "key": key}
        for value, email, key in rows
    ]
    headers = {"Authorization": f"Bearer {token}"}
    said = []
    for sent in (entries, [{"field": "x", "value": "y", "email": ORLA}], [{"field": "a.b.c"}]):
        answer = Client().post(
            "/api/v1/corrections/check", {"entries": sent}, "application/json", headers=headers
        )
        said.append((answer.status_code, answer.json().get("locked")))
    assert said == [(200, [False, True, True, False]), (400, None), (400, None)]
    assert not locked(NAME, RIGHT, key=[account])
    assert not locked(NAME, "Orla Dunmarrow", key=[account + 1])
    assert not locked(("learners", "profiles", "biography"), "Orla Dunmarrow", key=[account])
    assert not locked(NAME, "Orla Dunmarrow")
    kept = CorrectionLock.objects.values_list("subject", "wrong")
    assert not any(b"unmarrow" in bytes(each) for row in kept for each in row)


def _look(day):
    CorrectionLook.objects.filter(day=day).update(not_before=clock.now())
    tasks.drain_prove()
    return CorrectionLook.objects.get(day=day, correction__follows=False)


def test_a_feed_that_puts_the_wrong_value_back_is_an_alarm(learners, asked, team, settings):
    settings.DEMO = True
    _propose(asked, team)
    _approve(asked, team)
    tasks.drain_collect()
    days = CorrectionLook.objects.filter(correction__follows=False).values_list("day", flat=True)
    assert sorted(days) == [1, 7, 30]
    assert _look(1).seen == Seen.RIGHT
    with pytest.raises(CannotCorrect, match="Nothing came back"), transaction.atomic():
        lasting.look_now(asked, by=team.officer, at=clock.now())
    feed = "UPDATE accounts SET full_name = %s WHERE lower(email) = %s"
    query(learners, feed, "Orla  DUNMARROW", ORLA)  # another spelling of the same wrong thing
    assert (_look(7).seen, _look(7).state) == (Seen.WRONG, WorkState.DONE)
    officer, case = at_desk(team.officer), f"/admin/requests/{asked.number}/"
    for page in ("/admin/", case):
        assert "wrong value is back" in officer.get(page).content.decode()
    query(learners, feed, RIGHT, ORLA)
    officer.post(f"{case}look-corrected/")
    tasks.drain_prove()
    assert _look(7).seen == Seen.RIGHT
    assert not lasting.undone().exists()
    query(learners, feed, "Orla Married", ORLA)
    assert _look(30).seen == Seen.OTHER  # she changed it herself: no alarm
    assert lines(asked.number).count("correction.looked-again") == 7  # two fields
    told = "".join(LedgerLine.objects.values_list("body", flat=True))
    assert "unmarrow" not in told


def test_a_look_that_gave_up_is_tried_again_at_the_case(learners, asked, team, settings):
    settings.DEMO = True
    _propose(asked, team)
    _approve(asked, team)
    tasks.drain_collect()
    officer, case = at_desk(team.officer), f"/admin/requests/{asked.number}/"
    CorrectionLook.objects.filter(day=30).update(state="parked", error_code="slow")
    assert "gave up: they answered too slowly" in officer.get(case).content.decode()
    assert f'href="{case}">2 pieces wait' in officer.get("/admin/").content.decode()
    officer.post(f"{case}look-corrected/")
    again = CorrectionLook.objects.filter(day=30).values_list("state", "error_code")
    assert set(again) == {("ready", "")}


def test_who_proposed_verified_or_took_in_does_not_approve(learners, asked, team):
    claim = Claim(NAME, RIGHT)
    correction.propose(asked, claim, reason="a passport", by=team.chief, at=clock.now())
    with pytest.raises(CannotCorrect):
        _approve(asked, team, team.chief)
    with pytest.raises(NotAllowed):
        _approve(asked, team, team.verifier)
    assert _why_not(asked, team.chief) == "You proposed this; another person approves it."
    assert _why_not(asked, team.approver) == ""
    by_sql("UPDATE requests_app_consumerrequest SET opened_by_id = %s", team.approver.id)
    assert _why_not(asked, team.approver).startswith("You verified or took in this request;")
    with pytest.raises(CannotCorrect):
        _approve(asked, team)
    for person in (team.chief, team.verifier, team.clerk):
        with refused_by_the_database():
            by_sql(
                "UPDATE requests_app_correction SET stage = 'approved', state = 'ready',"
                " approved_by_id = %s, approved_at = now()",
                person.id,
            )
    with refused_by_the_database():
        by_sql("UPDATE requests_app_correction SET state = 'ready'")
    assert _of_orla(learners, "t.full_name") == [("Orla Dunmarrow",)]


def test_only_what_was_read_is_approved(learners, asked, team):
    _propose(asked, team)
    read = correction.read_now(asked)
    _propose(asked, team, ("learners", "accounts", "locale"), "ja")
    with pytest.raises(CannotCorrect):
        correction.approve(asked, hash=read, by=team.approver, at=clock.now())
    assert {each.stage for each in Correction.objects.all()} == {CorrectionStage.PROPOSED}


def test_a_request_that_was_withdrawn_is_not_corrected(learners, asked, team):
    _propose(asked, team)
    _approve(asked, team)
    casework.withdraw(fresh(asked), by=Actor.consumer(), at=clock.now())
    tasks.drain_collect()
    assert _of_orla(learners, "t.full_name") == [("Orla Dunmarrow",)]
    assert {(each.stage, each.state) for each in Correction.objects.all()} == {
        (CorrectionStage.REFUSED, WorkState.DONE)
    }
    assert lines(asked.number)[-1] == "correction.left"
    assert not CorrectionLock.objects.exists()


def test_a_case_is_said_to_be_corrected_when_it_was_seen_to_be(learners, asked, team):
    def close(outcome):
        return casework.close_by_hand(
            fresh(asked), outcome=outcome, words="Done.", by=team.officer, at=clock.now()
        )

    for step in (_propose, _approve):
        step(asked, team)
        for outcome in ("complied", "in-part"):
            with pytest.raises(workflow.MoveNotAllowed):
                close(outcome)
    query(learners, "UPDATE accounts SET full_name = 'Somebody' WHERE lower(email) = %s", ORLA)
    tasks.drain_collect()
    with pytest.raises(workflow.MoveNotAllowed):
        close("complied")
    _propose(asked, team)
    _approve(asked, team)
    tasks.drain_collect()
    assert close("complied").outcome == Outcome.COMPLIED


def test_what_changed_meanwhile_is_left_to_a_person(learners, asked, team):
    _propose(asked, team)
    _approve(asked, team)
    query(learners, "UPDATE accounts SET full_name = 'Somebody' WHERE lower(email) = %s", ORLA)
    tasks.drain_collect()
    assert _of_orla(learners, "t.full_name") == [("Somebody",)]
    row = Correction.objects.get(follows=False)
    assert (row.stage, row.state) == (CorrectionStage.CHANGED, WorkState.DONE)
    assert not CorrectionLock.objects.filter(collection="accounts").exists()


PHONE = ("learners", "accounts", "phone")


def test_a_telephone_is_locked_in_every_spelling_and_a_feed_that_spells_it_anew_is_seen(
    learners, asked, team
):
    account = _of_orla(learners, "t.id")[0][0]
    _propose(asked, team, PHONE, "+1 415 555 0199")
    _approve(asked, team)
    tasks.drain_collect()
    for spelling in ("707.555.0163", "(707) 555-0163", "+1-707-555-0163", "７０７ 555 0163"):
        assert locked(PHONE, spelling, key=[account])
    assert not locked(PHONE, "415 555 0199", key=[account])
    assert not locked(PHONE, "707 555 0164", key=[account])
    feed = "UPDATE accounts SET phone = %s WHERE lower(email) = %s"
    query(learners, feed, "707.555.0163", ORLA)
    assert _look(1).seen == Seen.WRONG


def test_who_corrects_only_how_a_name_is_written_does_not_lock_it_out(learners, asked, team):
    account = _of_orla(learners, "t.id")[0][0]
    query(learners, "UPDATE profiles SET display_name = 'orla  DUNMARROW' WHERE account_id = %s",
          account)  # fmt: skip
    made = _propose(asked, team, NAME, "ORLA Dunmarrow")
    assert [each.collection for each in made] == ["accounts", "profiles"]  # the same, misspelled
    _approve(asked, team)
    tasks.drain_collect()
    assert locked(NAME, "Orla Dunmarrow", key=[account])
    assert not locked(NAME, "ORLA Dunmarrow", key=[account])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (("learners", "accounts", "id"), "7"),
        (("learners", "accounts", "password_hash"), "x"),
        (("learners", "enrolments", "account_id"), "7"),
        (("learners", "accounts", "absent"), "x"),
        (("absent", "accounts", "full_name"), "x"),
        (NAME, "  "),
        (NAME, "Orla Dunmarrow"),
    ],
)
def test_keys_secrets_strangers_and_nothing_are_not_corrected(asked, team, field, value):
    with pytest.raises((CannotCorrect, KeyError)):
        _propose(asked, team, field, value)
    assert not Correction.objects.exists()


def test_of_several_rows_one_must_be_named(learners, asked, team):
    numbers = _of_orla(learners, "t.id", "enrolments", "t.account_id = a.id")
    assert len(numbers) > 1
    field = ("learners", "enrolments", "started_on")
    with pytest.raises(CannotCorrect):
        _propose(asked, team, field, "2020-01-02")
    (number,) = numbers[0]
    _propose(asked, team, field, "2020-01-02", f"learners.enrolments:{number}")
    _approve(asked, team)
    tasks.drain_collect()
    found = query(learners, "SELECT started_on::text FROM enrolments WHERE id = %s", number)
    assert found == [("2020-01-02",)]


@pytest.mark.parametrize("seam", ["correction.claimed", "correction.changed"])
def test_a_worker_that_dies_is_followed_by_one_that_ends_it(
    learners, asked, team, monkeypatch, seam
):
    _propose(asked, team)
    _approve(asked, team)
    with killed_at(monkeypatch, seam), pytest.raises(Killed):
        tasks.drain_collect()
    by_sql("UPDATE requests_app_correction SET lease_until = clock_timestamp() - interval '1 s'"
           " WHERE state = 'running'")  # fmt: skip
    tasks.drain_collect()
    assert _of_orla(learners, "t.full_name") == [(RIGHT,)]
    assert {each.stage for each in Correction.objects.all()} == {CorrectionStage.DONE}


def test_a_refused_correction_changes_nothing(learners, asked, team):
    _propose(asked, team)
    correction.refuse(asked, reason="no document", by=team.approver, at=clock.now())
    tasks.drain_collect()
    assert _of_orla(learners, "t.full_name") == [("Orla Dunmarrow",)]
    with pytest.raises(CannotCorrect):
        _approve(asked, team)


def test_only_a_verified_request_to_correct_corrects(learners, mailbox, team):
    other = verified_to_know(mailbox, team, learners)
    with pytest.raises(workflow.MoveNotAllowed):
        _propose(fresh(other), team)


def test_the_desk_of_the_case_proposes_and_approves(learners, asked, team, settings):
    settings.DEMO = True
    officer, approver = at_desk(team.officer), at_desk(team.approver)
    page = f"/admin/requests/{asked.number}/"
    assert "learners.accounts.full_name" in officer.get(page).content.decode()
    claim = {"place": "learners.accounts.full_name", "value": RIGHT, "reason": "a passport"}
    officer.post(f"{page}correct/", claim)
    shown = approver.get(page).content.decode()
    assert RIGHT in shown
    assert "Read the corrections, then approve or refuse them." in shown
    assert "Approve the corrections" in shown
    auditor = at_desk(actor(Role.AUDITOR))
    assert RIGHT not in auditor.get(page).content.decode()
    approver.post(f"{page}approve-correction/", {"hash": correction.read_now(asked)})
    assert Correction.objects.get(follows=False).stage == CorrectionStage.APPROVED
    tasks.drain_collect()
    assert _of_orla(learners, "t.full_name") == [(RIGHT,)]
    assert RIGHT not in approver.get(page).content.decode()


def test_service_providers_are_told_what_is_right(learners, asked, team, mailbox):
    people = loading.People(editor=team.editor, reviewer=team.counsel)
    loading.load(SEED, people=people, on=clock.today(), at=clock.now())
    _propose(asked, team)
    _approve(asked, team)
    tasks.drain_collect()
    tasks.drain_mail()
    told = [text_of(each) for each in mailbox.messages if "copperline" in str(each["To"])]
    assert len(told) == 1
    assert "correct the personal information" in told[0]
    assert RIGHT in told[0]
