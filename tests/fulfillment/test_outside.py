"""A vendor's system takes part in a deletion; its own log says whether what we say is true."""

import io
import json
import logging
from datetime import timedelta

import pytest

from ccpa_office import clock, work
from ccpa_office.connectors.base import MapDoesNotFit
from ccpa_office.law.deadlines import received_date
from ccpa_office.models import LedgerLine
from ccpa_office.sealing import Box
from notices_app import datamap, loading
from notices_app.management.commands.load_notices import SEED
from requests_app import targets, tasks
from requests_app.fulfillment import access, batches, closing, returning
from requests_app.fulfillment import plan as planning
from requests_app.fulfillment.outside import asking, exporting, hands
from requests_app.fulfillment.packing import open_part
from requests_app.models import (
    Batch,
    Chunk,
    Outcome,
    OutsideCall,
    OutsideLook,
    OutsideState,
    OutsideTask,
    PlanState,
    Status,
    Switch,
)
from requests_app.verification.looking import people_of
from tests import builders, steps
from tests.builders import KOFI, ORLA, fresh
from tests.fulfillment import knowing, outsiders
from tests.fulfillment.outsiders import again, approved, carried_out, looks_due, task_of
from tests.vendor.description import BASE, BY_PHONE_TOO, TOKENS, of_effect
from tests.vendor.making import FITTING, vendor_in
from tests.vendor.modes import Mode
from tests.vendor.server import TOKEN

pytestmark = pytest.mark.django_db


@pytest.fixture
def allowed(settings, monkeypatch):
    """Loopback may be called, and nobody waits long for who never answers."""
    settings.OUTBOUND_ALLOWED_HOSTS, settings.ALLOW_LOOPBACK_CALLBACKS = ["127.0.0.1"], True
    plain = datamap.access

    def quick(system, url):
        found = plain(system, url)
        return type(found)(found.url, found.outbound, found.secrets, FITTING)

    monkeypatch.setattr(datamap, "access", quick)
    yield
    targets.hang_up()


@pytest.fixture
def vendor(tmp_path, allowed):
    """A vendor who holds two records of Orla and one of Kofi."""
    with vendor_in(tmp_path) as made:
        made.add(ORLA, count=2)
        made.add(KOFI)
        yield made


@pytest.fixture
def served(vendor, team, learners, at_once):
    """The vendor is one of the business's systems."""
    outsiders.register(team, "mail", vendor.url)
    return vendor


def status(consumer_request):
    return fresh(consumer_request).status


def letter(mailbox):
    return mailbox.last(ORLA)


# --- the whole way ------------------------------------------------------------------------------


def test_a_deletion_ends_when_the_vendor_is_proved_too(served, mailbox, team):
    orla = carried_out(mailbox, team)
    task = task_of(orla)
    assert (task.stage, task.finding, task.found, task.deleted) == ("done", "absent", 2, 2)
    assert status(orla) == Status.COMPLETED
    assert served.of(ORLA) == []
    assert len(served.of(KOFI)) == 1
    assert len(served.log("deleted")) == 2
    assert list(task.looks.order_by("day").values_list("day", "finding")) == [
        (0, "absent"), (1, ""), (7, ""), (30, ""),
    ]  # fmt: skip
    assert "A service provider deleted it" in letter(mailbox)


def _noted(asked):
    """A vendor who never answers, and notes by what it was asked of whom was asked last."""
    return lambda _vendor, each, *_more: list(asked.values())[-1].add(each[0]) or "away"


def test_nobody_is_asked_by_what_others_bear_too(
    vendor, mailbox, team, learners, at_once, monkeypatch
):
    """By the telephone of a household a vendor would delete, or hand out, a housemate's record."""
    outsiders.register(team, "mail", vendor.url, BY_PHONE_TOO)
    same = "UPDATE accounts SET phone = (SELECT phone FROM accounts WHERE email = %s) WHERE id = 30"
    steps.query(learners, same, ORLA)
    planned: dict[str, set[str]] = {}
    asked: dict[str, set[str]] = {}
    monkeypatch.setattr(exporting, "_export", _noted(asked))
    for email in (KOFI, ORLA):
        asked[email] = set()
        found = builders.verified(mailbox, team, email)
        plan = found.plans.get(system_key="mail")
        (row,) = plan.tables.all()
        planned[email] = {str(key).split("'")[1] for key in open_part(Box(plan.data_key), row).keys}
        sources = [(targets.of("learners"), people_of(found)["learners"])]
        exporting.ask(None, sources, targets.vendors(), at=clock.now())
    assert planned == {KOFI: {"email", "phone_number"}, ORLA: {"email"}}
    assert asked == {KOFI: {"phone_number"}, ORLA: {"email"}}


def test_the_batch_is_done_when_its_tasks_are(served, mailbox, team):
    carried_out(mailbox, team)
    again()
    builders.drain()
    assert set(Batch.objects.values_list("system_key", "state")) == {
        ("learners", "done"), ("mail", "done"),
    }  # fmt: skip


def test_a_list_of_people_is_no_matter_of_an_outside_system(served):
    with pytest.raises(MapDoesNotFit, match="mail is no database"):
        targets.of("mail")


def test_a_vendor_who_holds_nothing_says_so_in_the_letter(served, mailbox, team):
    for found in served.of(ORLA):
        served.people.pop(found)
    orla = carried_out(mailbox, team)
    assert status(orla) == Status.COMPLETED
    assert "A service provider held nothing of yours" in letter(mailbox)
    assert served.log("deleted") == []


def test_the_vendor_is_asked_for_nothing_before_the_approvals(served, mailbox, team):
    orla = builders.verified(mailbox, team)
    assert orla.plans.count() == 2
    (told,) = planning.sample(orla.plans.get(system_key="mail"))
    assert (told["statement"], told["rows"]) == ("DELETE /people/{id}", [])
    assert served.log() == []
    with steps.refused_by_the_database():
        OutsideTask.objects.create(
            plan=orla.plans.get(system_key="mail"), lane="erase", kind="http",
            due_on=clock.today(), not_before=clock.now(),
        )  # fmt: skip


def test_the_letters_and_the_book_hold_no_secret_and_no_address(served, mailbox, team):
    carried_out(mailbox, team)
    bodies = " ".join(LedgerLine.objects.values_list("body", flat=True))
    calls = " ".join(map(str, OutsideCall.objects.values_list()))
    for word in (TOKEN, ORLA, *[line["path"] for line in served.log("asked")]):
        assert word not in bodies
        assert word not in calls
    assert TOKEN not in letter(mailbox)
    assert "Hazel Mail" not in letter(mailbox)


def test_nothing_of_a_call_is_logged(served, mailbox, team):
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        carried_out(mailbox, team)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    lines = [line for line in heard.getvalue().splitlines() if "people" in line or TOKEN in line]
    assert lines == []


def test_a_vendor_with_tokens_is_asked_the_same(vendor, mailbox, team, learners, at_once):
    outsiders.register(team, "mail", vendor.url, TOKENS)
    vendor.mode = Mode.UNAUTHORIZED_ONCE
    assert status(carried_out(mailbox, team)) == Status.COMPLETED


# --- lying vendors (Must 5) ---------------------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.LIES, Mode.DELETES_ANOTHER, Mode.DELETES_LATE])
def test_a_vendor_who_says_done_and_it_is_not_is_found_at_once(served, mailbox, team, mode):
    served.mode = mode
    orla = carried_out(mailbox, team)
    task = task_of(orla)
    assert (task.state, task.error_code, task.finding) == ("parked", "residual", "")
    assert [look.finding for look in task.looks.all()] == ["residual"]
    assert status(orla) == Status.EXECUTING
    assert served.of(ORLA) != []


def test_a_vendor_who_deletes_late_is_settled_when_it_is_gone(served, mailbox, team):
    served.mode = Mode.DELETES_LATE
    orla = carried_out(mailbox, team)
    served.pass_time(timedelta(hours=7))
    hands.ask_again(task_of(orla), reason="look again", by=team.officer, at=clock.now())
    again()
    builders.drain()
    assert served.of(ORLA) == []
    assert status(orla) == Status.COMPLETED


def test_a_liar_is_told_again_with_another_key(served, mailbox, team):
    served.mode = Mode.LIES
    orla = carried_out(mailbox, team)
    served.mode = Mode.HONEST
    hands.ask_again(task_of(orla), reason="they lied", by=team.officer, at=clock.now())
    again()
    builders.drain()
    assert status(orla) == Status.COMPLETED
    keys = [line["key"] for line in served.log("asked") if line["what"] == "delete"]
    assert len(keys) == len(set(keys)) == 4


@pytest.mark.parametrize("day", [1, 7, 30])
def test_what_comes_back_is_found_by_a_later_look(served, mailbox, team, day):
    served.mode = Mode.RESTORES_AFTER_A_DAY
    orla = carried_out(mailbox, team)
    assert status(orla) == Status.COMPLETED
    served.pass_time(timedelta(days=day))
    looks_due(day)
    task = task_of(orla)
    assert (task.state, task.error_code, task.finding) == ("parked", "came-back", "residual")
    assert task.plan.state == PlanState.RESIDUAL
    assert len(served.log("restored")) == 2
    assert "proof.looked-again" in steps.lines(orla.number)


def test_what_came_back_is_planned_anew_and_proved_again(served, mailbox, team):
    served.mode = Mode.RESTORES_AFTER_A_DAY
    orla = carried_out(mailbox, team)
    served.pass_time(timedelta(days=1))
    looks_due(1)
    served.mode = Mode.HONEST
    assert returning.gather(at=clock.now()) == 1
    batch = Batch.objects.get(kind=Batch.Kind.RETURN)
    assert (batch.system_key, batch.state, batch.people) == ("mail", "waiting", 1)
    assert len(served.of(ORLA)) == 2
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    again()
    builders.drain()
    assert served.of(ORLA) == []
    task = task_of(orla)
    assert (task.state, task.error_code, task.plan.state) == ("done", "", PlanState.PROVED)


def test_a_vendor_with_a_new_address_holds_up_no_answer_and_is_looked_at_there(
    served, mailbox, team, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(closing, "_whole", lambda _plans: [])
        orla = carried_out(mailbox, team)
    assert status(orla) == Status.TELLING
    outsiders.register(team, "mail", served.url)
    assert closing.close_told(at=clock.now()) == 1
    tasks.drain_mail()
    assert "A service provider deleted it" in letter(mailbox)
    looks_due(1)
    assert task_of(orla).looks.get(day=1).finding == "absent"


def test_what_stays_away_is_looked_at_three_times(served, mailbox, team):
    orla = carried_out(mailbox, team)
    for day in (1, 7, 30):
        looks_due(day)
    found = OutsideLook.objects.order_by("day").values_list("finding", flat=True)
    assert list(found) == ["absent"] * 4
    assert task_of(orla).plan.state == PlanState.PROVED


@pytest.mark.parametrize("on", ["find", "delete"])
def test_an_answer_for_another_account_stops(served, mailbox, team, on):
    served.mode, served.on = Mode.ANSWERS_FOR_ANOTHER, {on}
    orla = carried_out(mailbox, team)
    task = task_of(orla)
    assert (task.state, task.error_code) == ("parked", "answer-of-another")
    assert served.log("deleted") == []
    assert len(served.of(KOFI)) == 1


# --- every mode through the whole way -----------------------------------------------------------

ENDS = {
    Mode.OK_WITH_ERROR_BODY: ("ready", "unknown"),
    Mode.OK_EMPTY: ("ready", "unknown"),
    Mode.OK_HTML: ("ready", "unknown"),
    Mode.HANGS_IN_BODY: ("ready", "unknown"),
    Mode.CLOSES_IN_BODY: ("ready", "unknown"),
    Mode.FAILING: ("ready", "unknown"),
    Mode.HUGE: ("ready", "unknown"),
    Mode.ACCEPTED_THEN_NEVER: ("ready", "pending"),
    Mode.BUSY: ("ready", "busy"),
    Mode.BUSY_SECONDS: ("ready", "busy"),
    Mode.MOVED: ("parked", "redirect"),
    Mode.UNAUTHORIZED: ("parked", "unauthorized"),
    Mode.FORBIDDEN: ("parked", "forbidden"),
    Mode.CONFLICT: ("parked", "refused"),
    Mode.TOO_BIG: ("parked", "too-big"),
    Mode.NOT_FOUND: ("parked", "residual"),
}


@pytest.mark.parametrize("mode", sorted(ENDS))
def test_no_mode_ends_in_complete_while_something_is_left(served, mailbox, team, mode):
    served.mode = mode
    orla = carried_out(mailbox, team)
    task = task_of(orla)
    assert (task.state, task.error_code) == ENDS[mode]
    assert status(orla) == Status.EXECUTING
    assert len(served.of(ORLA)) == 2
    with steps.refused_by_the_database():
        steps.by_sql("UPDATE requests_app_consumerrequest SET status = 'completed',"
                     " closed_at = now() WHERE id = %s", orla.pk)  # fmt: skip
    _becomes_honest(served, orla, team)
    assert served.of(ORLA) == []
    assert status(orla) == Status.COMPLETED


def _becomes_honest(vendor, consumer_request, team):
    vendor.mode = Mode.HONEST
    OutsideState.objects.update(not_before=None)
    task = task_of(consumer_request)
    if task.state == "parked":
        hands.ask_again(task, reason="mended", by=team.officer, at=clock.now())
    again()
    again()
    builders.drain()


def test_what_was_accepted_is_polled_until_it_is_done(served, mailbox, team):
    served.mode = Mode.ACCEPTED_THEN_DONE
    orla = carried_out(mailbox, team)
    assert task_of(orla).error_code == "pending"
    for _time in range(3):
        again()
    builders.drain()
    assert status(orla) == Status.COMPLETED
    assert len(served.log("deleted")) == 2


def test_a_look_that_is_answered_later_has_seen_nothing(vendor, mailbox, team, learners, at_once):
    text = BASE.replace("{status: 200, means: done}", "{status: 200, means: pending}", 1)
    outsiders.register(team, "mail", vendor.url, text)
    orla = carried_out(mailbox, team)
    assert task_of(orla).error_code == "unknown"
    assert len(vendor.of(ORLA)) == 2
    assert status(orla) == Status.EXECUTING


# --- unknown is a state -------------------------------------------------------------------------


def executions(vendor):
    return len(vendor.log("deleted")), sum(line["what"] == "delete" for line in vendor.log("asked"))


@pytest.mark.parametrize(
    ("effect", "honors", "calls"),
    [("keyed", True, 3), ("harmless", False, 3), ("askable", False, 2), ("blind", False, 3)],
)
def test_what_was_done_and_not_answered_is_done_once(
    vendor, mailbox, team, learners, at_once, effect, honors, calls
):
    outsiders.register(team, "mail", vendor.url, of_effect(effect))
    vendor.mode, vendor.honors_keys = Mode.EXECUTES_AND_TIMES_OUT, honors
    orla = carried_out(mailbox, team)
    assert task_of(orla).error_code == "unknown"
    again()
    builders.drain()
    assert status(orla) == Status.COMPLETED
    assert executions(vendor) == (2, calls)


def test_the_key_is_the_steps_never_the_attempts(served, mailbox, team):
    served.mode = Mode.EXECUTES_AND_TIMES_OUT
    carried_out(mailbox, team)
    again()
    keys = [line["key"] for line in served.log("asked") if line["what"] == "delete"]
    assert len(keys) == 3
    assert len(set(keys)) == 2


def test_a_blind_system_is_told_twice_at_most(vendor, mailbox, team, learners, at_once):
    outsiders.register(team, "mail", vendor.url, of_effect("blind"))
    vendor.mode = Mode.OK_EMPTY
    orla = carried_out(mailbox, team)
    for _time in range(4):
        again()
    task = task_of(orla)
    assert (task.state, task.error_code) == ("parked", "unknown")
    assert executions(vendor) == (0, 2)


def test_what_stays_unknown_becomes_a_persons_work(served, mailbox, team):
    served.mode = Mode.OK_EMPTY
    orla = carried_out(mailbox, team)
    for _time in range(8):
        again()
    task = task_of(orla)
    assert (task.state, task.error_code) == ("parked", "unknown")
    assert executions(served) == (0, 5)
    again()
    assert Chunk.objects.get(plans=task.plan).state == "parked"
    _becomes_honest(served, orla, team)
    again()
    assert status(orla) == Status.COMPLETED
    assert Chunk.objects.get(plans=task.plan).stage == "done"


def _drain_twice():
    builders.drain()
    builders.drain()


SEAMS = ["outside.before-call", "outside.after-call", "outside.before-commit",
         "outside.after-commit"]  # fmt: skip


@pytest.mark.parametrize("seam", SEAMS)
@pytest.mark.parametrize("effect", ["keyed", "askable", "blind"])
def test_a_worker_may_die_at_any_instant(
    vendor, mailbox, team, learners, at_once, monkeypatch, seam, effect
):
    outsiders.register(team, "mail", vendor.url, of_effect(effect))
    orla = approved(mailbox, team)
    with steps.killed_at(monkeypatch, seam), pytest.raises(steps.Killed):
        _drain_twice()
    steps.by_sql("UPDATE requests_app_outsidetask SET lease_until = clock_timestamp() -"
                 " interval '1 s' WHERE state = 'running'")  # fmt: skip
    steps.lease_ends()
    again()
    again()
    builders.drain()
    assert status(orla) == Status.COMPLETED
    assert len(vendor.log("deleted")) == 2


def test_a_late_worker_writes_nothing(served, mailbox, team):
    orla = approved(mailbox, team)
    tasks.drain_house()
    tasks.drain_erase()
    task = OutsideTask.objects.filter(plan__consumer_request=orla).first()
    if task is None or task.state != "ready":
        OutsideTask.objects.update(state="ready", stage="ask", lease_until=None)
    (held,) = work.claim(OutsideTask, lane="erase", n=1, owner="slow")
    OutsideTask.objects.filter(pk=held.pk).update(fence=held.fence + 1)
    with pytest.raises(work.LeaseLost):
        asking.hold(held, found=9)


# --- breaker, pace, switches --------------------------------------------------------------------


def test_five_failures_open_the_breaker_and_count_no_attempts(served, mailbox, team):
    served.mode = Mode.FAILING
    orla = carried_out(mailbox, team)
    for _time in range(6):
        again()
    state = OutsideState.objects.get(system_key="mail")
    asked = served.asked
    assert state.opened_at is not None
    attempts = task_of(orla).attempts
    again()
    assert (served.asked, task_of(orla).attempts) == (asked, attempts)


def test_what_the_vendor_says_of_when_to_come_again_wins(served, mailbox, team):
    served.mode = Mode.BUSY_SECONDS
    before = clock.now()
    orla = carried_out(mailbox, team)
    task = task_of(orla)
    assert before < task.not_before - timedelta(seconds=90) < clock.now()
    asked = served.asked
    again()
    assert served.asked == asked


def test_the_kill_switch_stops_systems_outside_too(served, mailbox, team):
    orla = approved(mailbox, team)
    tasks.drain_house()
    Switch.objects.create(pk=1, stopped=True)
    for _time in range(2):
        again()
    assert served.log() == []
    Switch.objects.update(stopped=False)
    for _time in range(3):
        again()
    builders.drain()
    assert status(orla) == Status.COMPLETED


def test_a_vendor_who_is_away_until_it_is_due_becomes_a_persons_work(served, mailbox, team):
    served.mode = Mode.BUSY
    orla = carried_out(mailbox, team)
    OutsideTask.objects.update(due_on=clock.today() - timedelta(days=1))
    again()
    task = task_of(orla)
    assert (task.state, task.error_code) == ("parked", "overdue")


def test_two_people_are_asked_for_apart(served, mailbox, team):
    orla, kofi = carried_out(mailbox, team), carried_out(mailbox, team, KOFI)
    assert {status(orla), status(kofi)} == {Status.COMPLETED}
    assert served.people == {}
    assert OutsideTask.objects.count() == 2


# --- what a request to know gets of them -------------------------------------------------------


@pytest.fixture
def shelf(settings, tmp_path):
    settings.PACKAGE_DIR = tmp_path / "packages"


def test_a_package_holds_what_the_vendor_holds_and_names_who_has_not_answered(
    served, shelf, learners, mailbox, team
):
    ours, theirs = sorted(served.of(ORLA))
    served.people[ours]["note"] = "Her card 4111 1111 1111 1111, and her plan."
    outsiders.register(team, "paper", f"mailto:{outsiders.ARCHIVE}", outsiders.MANUAL, "manual")
    package = knowing.built(mailbox, team, learners)
    files = knowing.opened(package)
    told = json.loads(files["json/mail/export.json"])
    rows = {each["row"]: each for each in told["rows"]}
    assert set(rows) == {f"mail.export:{ours}", f"mail.export:{theirs}"}  # and nothing of Kofi
    assert "and her plan" in rows[f"mail.export:{ours}"]["values"]["note"]
    texts = b"".join(text for name, text in files.items() if name != "manifest.json")
    assert b"4111" not in texts  # a digest in the manifest may hold these four by chance
    assert package.summary["awaited"] == [
        {"system": "paper", "name": "Paper archive", "why": "by-hand"}
    ]
    assert json.loads(files["manifest.json"])["awaited"] == ["Paper archive"]
    assert "the answer of Paper archive is still awaited" in files["index.html"].decode()
    assert access.outcome_of(package) == Outcome.IN_PART
    assert {line["what"] for line in served.log("asked")} == {"export"}


def test_an_answer_of_categories_counts_what_the_vendor_holds(
    served, shelf, learners, mailbox, team
):
    people, at = loading.People(editor=team.editor, reviewer=team.counsel), clock.now()
    loading.load(SEED, people=people, on=received_date(at), at=at)
    package = knowing.built(mailbox, team, learners, kind=knowing.CATEGORIES)
    counted = {each["system"]: each["rows"] for each in package.summary["tables"]}
    assert counted["mail"] == 2
    assert package.file == ""


def test_a_vendor_who_is_away_is_named_and_asked_anew(served, shelf, learners, mailbox, team):
    served.mode, served.on = Mode.FAILING, {"export"}
    package = knowing.built(mailbox, team, learners)
    assert [each["name"] for each in package.summary["awaited"]] == ["Hazel Mail"]
    assert "json/mail/export.json" not in knowing.opened(package)
    served.mode = Mode.HONEST
    OutsideState.objects.all().delete()
    access.collect_again(package.consumer_request, by=team.officer, at=clock.now())
    tasks.drain_collect()
    again = knowing.package_of(package.consumer_request)
    assert again.summary["awaited"] == []
    assert "json/mail/export.json" in knowing.opened(again)


def test_a_package_says_why_an_answer_is_awaited(served, shelf, learners, mailbox, team):
    by_card = outsiders.MANUAL.replace("identifiers: [email]", "identifiers: [library_card]")
    outsiders.register(team, "paper", f"mailto:{outsiders.ARCHIVE}", by_card, "manual")
    served.mode, served.on = Mode.ANSWERS_FOR_ANOTHER, {"find"}
    package = knowing.built(mailbox, team, learners)
    assert why(package) == {"mail": "answer-of-another", "paper": "nothing-to-ask-by"}
    later = clock.now() + timedelta(hours=1)
    assert OutsideState.objects.update(not_before=later, code="busy") == 1
    asked = served.asked
    access.collect_again(package.consumer_request, by=team.officer, at=clock.now())
    tasks.drain_collect()
    package = knowing.package_of(package.consumer_request)
    assert why(package) == {"mail": "busy", "paper": "nothing-to-ask-by"}
    assert served.asked == asked
    assert "json/mail/export.json" not in knowing.opened(package)


def why(package):
    return {each["system"]: each["why"] for each in package.summary["awaited"]}
