"""A correction reaches systems outside: machines are asked, people answer, and all are seen."""

import contextlib
from datetime import timedelta

import pytest

from ccpa_office import clock, staff
from ccpa_office.law.kinds import RequestKind
from ccpa_office.models import LedgerLine, StaffMember, WorkState
from ccpa_office.roles import Role, TouchedAccount
from requests_app import tasks
from requests_app.admin import correcting as desk
from requests_app.fulfillment import correction, lasting
from requests_app.fulfillment.correctable import CannotCorrect, Claim
from requests_app.fulfillment.locking import locked
from requests_app.fulfillment.outside import correcting_by_hand as by_hand
from requests_app.models import (
    Correction,
    CorrectionLook,
    CorrectionStage,
    OutsideCall,
    SaidRight,
    Seen,
)
from tests.builders import KOFI, ORLA, actor, fresh
from tests.fulfillment import outsiders
from tests.fulfillment.knowing import verified_to_know
from tests.fulfillment.test_outside import allowed
from tests.requests.desks import at_desk
from tests.steps import Killed, by_sql, killed_at, lines, query, refused_by_the_database
from tests.vendor.description import WITHOUT_CORRECT, of_effect
from tests.vendor.making import vendor_in
from tests.vendor.modes import Mode

__all__ = ["allowed"]
pytestmark = pytest.mark.django_db
WRONG, RIGHT = "Orla Dunmarrow", "Orla Dunmarrow-Vale"
LIES = [Mode.LIES, Mode.DELETES_ANOTHER]
REFUSALS = {Mode.CONFLICT: "refused", Mode.ANSWERS_FOR_ANOTHER: "answer-of-another"}


@pytest.fixture
def vendor(tmp_path, allowed):
    """A vendor with two records of Orla, one of another person of the same name, one right."""
    with vendor_in(tmp_path) as made:
        made.add(ORLA, name="ORLA  Dunmarrow")
        made.add(ORLA, name=RIGHT)
        made.add(KOFI, name=WRONG)
        yield made


@pytest.fixture
def asked(learners, mailbox, team):
    return verified_to_know(mailbox, team, learners, kind=RequestKind.CORRECT)


@pytest.fixture
def served(vendor, team, learners):
    outsiders.register(team, "mail", vendor.url)
    return vendor


@pytest.fixture
def paper(team, learners):
    """People work this system by hand; they hold what the vendor holds."""
    text = outsiders.MANUAL.replace("PI_B", "PI_A, PI_B")
    outsiders.register(team, "paper", f"mailto:{outsiders.ARCHIVE}", text, kind="manual")


def proposed(asked, team, column="full_name", value=RIGHT):
    claim = Claim(("learners", "accounts", column), value)
    correction.propose(asked, claim, reason="a passport", by=team.officer, at=clock.now())
    return asked.corrections.get(follows=True, system_key__in=["mail", "paper"])


def carried_out(asked, team, *args):
    row = proposed(asked, team, *args)
    read = correction.read_now(asked)
    correction.approve(asked, hash=read, by=team.approver, at=clock.now())
    tasks.drain_collect()
    row.refresh_from_db()
    return row


def go_on(row):
    """What waits is due now."""
    Correction.objects.filter(pk=row.pk, state="ready").update(
        not_before=clock.now() - timedelta(days=60)
    )
    tasks.drain_collect()
    row.refresh_from_db()
    return row


def stands(row):
    return row.state, row.stage, row.error_code


def names(vendor, email):
    return [vendor.people[each]["name"] for each in vendor.of(email)]


@pytest.mark.parametrize("mode", [Mode.HONEST, Mode.EXECUTES_AND_TIMES_OUT])
def test_the_wrong_value_is_put_right_at_the_vendor_and_nowhere_else(served, asked, team, mode):
    served.mode = mode
    row = go_on(carried_out(asked, team))
    assert stands(row) == (WorkState.DONE, CorrectionStage.DONE, "")
    assert names(served, ORLA) == [RIGHT, RIGHT]
    assert names(served, KOFI) == [WRONG]
    (done,) = served.log("corrected")
    keys = {line["key"] for line in served.log("asked") if line["what"] == "correct"}
    (call,) = OutsideCall.objects.all()
    assert (keys, call.correction, call.task) == ({call.key}, row, None)
    assert locked(("mail", "outside", "name"), WRONG, key=[done["id"]])
    days = CorrectionLook.objects.filter(correction=row).values_list("day", flat=True)
    assert sorted(days) == [1, 7, 30]
    told = " ".join(LedgerLine.objects.values_list("body", flat=True))
    assert not [each for each in (WRONG, RIGHT, ORLA, done["id"]) if each in told]
    assert correction.why_not_complete(asked, in_part=False) == ""


def test_nobody_is_asked_before_another_person_approved(served, asked, team):
    row = proposed(asked, team)
    assert served.log() == []
    with refused_by_the_database():
        row.calls.create(step="1:x:y", key="k", fence=0, question="q")


def test_a_vendor_who_holds_nothing_wrong_is_left_alone(served, asked, team):
    for found in served.of(ORLA):
        served.people.pop(found)
    row = carried_out(asked, team)
    assert stands(row) == (WorkState.DONE, CorrectionStage.DONE, "")
    assert {line["what"] for line in served.log("asked")} == {"find"}
    assert not row.looks.exists()


def test_where_the_field_itself_was_not_put_right_nobody_is_asked(served, asked, team, learners):
    row = proposed(asked, team)
    query(learners, "UPDATE accounts SET full_name = 'x' WHERE lower(email) = %s", ORLA)
    correction.approve(asked, hash=correction.read_now(asked), by=team.approver, at=clock.now())
    tasks.drain_collect()
    row.refresh_from_db()
    assert stands(row) == (WorkState.DONE, CorrectionStage.REFUSED, "")
    assert served.log() == []


@pytest.mark.parametrize("mode", LIES)
def test_who_says_done_and_it_is_not_is_found_and_told_again(served, asked, team, mode):
    served.mode = mode
    row = carried_out(asked, team)
    assert stands(row) == (WorkState.PARKED, CorrectionStage.APPROVED, "not-corrected")
    assert "Corrections still wait" in correction.why_not_complete(asked, in_part=True)
    served.mode = Mode.HONEST
    by_hand.again(asked, reason="they lied", by=team.officer, at=clock.now())
    row = go_on(row)
    assert stands(row) == (WorkState.DONE, CorrectionStage.DONE, "")
    keys = [line["key"] for line in served.log("asked") if line["what"] == "correct"]
    assert len(set(keys)) == len(keys) == 2


def test_what_they_put_back_is_an_alarm(served, asked, team):
    served.mode = Mode.RESTORES_AFTER_A_DAY
    row = carried_out(asked, team)
    assert row.stage == CorrectionStage.DONE
    served.pass_time(timedelta(days=1))
    seen = []
    for day, mode in ((1, Mode.HONEST), (7, Mode.FORBIDDEN), (30, Mode.BUSY_SECONDS)):
        served.mode, served.on = mode, {"find"}
        CorrectionLook.objects.filter(day=day).update(not_before=clock.now())
        tasks.drain_prove()
        look = row.looks.get(day=day)
        seen.append((look.state, look.seen, look.error_code))
    assert seen == [("done", Seen.WRONG, ""), ("parked", "", "forbidden"), ("ready", "", "busy")]
    assert lasting.undone().get().correction == row


@pytest.mark.parametrize("mode", sorted(REFUSALS))
def test_a_refusal_is_a_persons_work(served, asked, team, mode):
    served.mode = mode
    row = carried_out(asked, team)
    assert stands(row) == ("parked", "approved", REFUSALS[mode])
    assert names(served, ORLA).count(RIGHT) == 1


def test_what_they_took_in_is_asked_after_until_it_is_done_or_overdue(served, asked, team):
    served.mode = Mode.ACCEPTED_THEN_DONE
    row = carried_out(asked, team)
    assert stands(row) == ("ready", "approved", "pending")
    assert go_on(go_on(row)).error_code == ""
    assert (row.stage, names(served, ORLA)) == ("done", [RIGHT, RIGHT])


def test_a_vendor_who_is_away_until_it_is_due_becomes_a_persons_work(served, asked, team):
    served.mode, served.on = Mode.BUSY_SECONDS, {"find"}
    row = carried_out(asked, team)
    assert stands(row) == ("ready", "approved", "busy")
    Correction.objects.filter(pk=row.pk).update(approved_at=clock.now() - timedelta(days=11))
    by_sql("UPDATE requests_app_outsidestate SET not_before = NULL")
    assert stands(go_on(row)) == ("parked", "approved", "overdue")


def test_a_worker_may_die_at_any_instant_and_an_askable_system_is_asked_first(
    vendor, asked, team, learners, monkeypatch
):
    outsiders.register(team, "mail", vendor.url, of_effect("askable"))
    row = proposed(asked, team)
    correction.approve(asked, hash=correction.read_now(asked), by=team.approver, at=clock.now())
    for seam in ("outside.before-call", "outside.after-call"):
        with killed_at(monkeypatch, seam), contextlib.suppress(Killed):
            tasks.drain_collect()
        Correction.objects.filter(pk=row.pk).update(lease_until=clock.now() - timedelta(days=1))
    row = go_on(row)
    assert row.stage == CorrectionStage.DONE
    assert len(vendor.log("corrected")) == 1
    assert OutsideCall.objects.get().code == "asked"


def test_the_address_itself_is_put_right_and_seen_under_the_right_one(served, asked, team):
    row = carried_out(asked, team, "email", "orla.vale@example.org")
    assert stands(row) == ("done", "done", "")
    assert (served.of(ORLA), len(served.of("orla.vale@example.org"))) == ([], 2)


@pytest.mark.parametrize("said", [SaidRight.RIGHT, SaidRight.IMPOSSIBLE])
def test_whom_no_machine_reaches_people_answer_and_confirm(paper, asked, team, mailbox, said):
    row = carried_out(asked, team)
    assert stands(row) == ("parked", "approved", "by-hand")
    tasks.drain_mail()
    letter = mailbox.last(outsiders.ARCHIVE)
    assert "Paper archive: correct the personal information" in letter
    assert f"name: {RIGHT}" in letter
    case = f"/admin/requests/{asked.number}/"
    officer, chief = at_desk(team.officer), at_desk(team.chief)
    assert "somebody asks by hand" in officer.get(case).content.decode()
    sent = {"row": row.pk, "said": said, "reason": "they called"}
    assert officer.post(f"{case}answer-corrected/", sent).status_code == 302
    with pytest.raises(CannotCorrect, match="another person confirms"):
        by_hand.confirm(asked, by=team.officer, at=clock.now())
    for changes in ("confirmed_by_id = answered_by_id", "state = 'done', stage = 'done'"):
        with refused_by_the_database():
            by_sql(f"UPDATE requests_app_correction SET {changes}")  # noqa: S608
    assert chief.post(f"{case}confirm-corrected/").status_code == 302
    row.refresh_from_db()
    ended = {"impossible": "changed"}.get(said, "done")
    assert stands(row) == ("done", ended, "")
    assert (correction.why_not_complete(asked, in_part=False) == "") == (ended == "done")
    assert correction.why_not_complete(asked, in_part=True) == ""
    told = [each for each in lines(asked.number) if each.startswith("correction.")]
    assert told[-4:] == ["correction.by-hand", "correction.answered", "correction.confirmed",
                         f"correction.{ended}"]  # fmt: skip
    assert "Another person confirmed" in chief.get(case).content.decode()


def test_an_account_that_another_touched_confirms_no_correction(paper, asked, team):
    row = carried_out(asked, team)
    by_hand.answer(asked, row.pk, SaidRight.RIGHT, reason="told", by=team.chief, at=clock.now())
    touched = actor(Role.OFFICER)
    member = StaffMember.objects.get(pk=touched.staff_id)
    staff.set_password(member, "a pass phrase that two know", team.chief, clock.now())
    with pytest.raises(TouchedAccount):
        by_hand.confirm(asked, by=touched, at=clock.now())


def test_nobodys_word_takes_the_place_of_a_look(served, asked, team):
    served.mode = Mode.LIES
    row = carried_out(asked, team)
    assert desk.shown(asked)[-1]["why"].startswith("they say it is done")
    for right in (False, True):
        if right:
            for each in served.of(ORLA):
                served.people[each]["name"] = RIGHT
        by_hand.answer(
            asked, row.pk, SaidRight.RIGHT, reason="told", by=team.officer, at=clock.now()
        )
        by_hand.confirm(asked, by=team.chief, at=clock.now())
        row = go_on(row)
        assert stands(row) == (("done", "done", "") if right else
                               ("parked", "approved", "not-corrected"))  # fmt: skip
        if not right:
            by_hand.again(asked, reason="not so", by=team.officer, at=clock.now())
            row = go_on(row)
    with pytest.raises(CannotCorrect, match="Nothing stands still"):
        by_hand.again(asked, reason="x", by=team.officer, at=clock.now())


def test_a_vendor_without_the_endpoint_is_told_by_people_for_what_it_holds(
    vendor, asked, team, learners
):
    outsiders.register(team, "mail", vendor.url, WITHOUT_CORRECT)
    assert stands(carried_out(asked, team)) == ("parked", "approved", "by-hand")
    assert vendor.log() == []


def test_two_corrections_of_a_case_are_two_instructions(paper, asked, team):
    for column, value in (("full_name", RIGHT), ("phone", "+1 707 555 0164")):
        claim = Claim(("learners", "accounts", column), value)
        correction.propose(asked, claim, reason="x", by=team.officer, at=clock.now())
    read = correction.read_now(asked)
    correction.approve(asked, hash=read, by=team.approver, at=clock.now())
    tasks.drain_collect()
    rows = asked.corrections.filter(system_key="paper")
    assert set(rows.values_list("state", flat=True)) == {"parked"}
    sent = fresh(asked).letters.filter(letter="instruction").values_list("ordinal", flat=True)
    assert sorted(sent) == [1, 2]
