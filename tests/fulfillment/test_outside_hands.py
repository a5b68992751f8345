"""Systems outside that people do by hand: the letter, the link, the answer, the second person."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ccpa_office import clock, staff
from ccpa_office.models import LedgerLine, StaffMember
from ccpa_office.roles import NotAllowed, TouchedAccount
from requests_app import targets, tasks
from requests_app.fulfillment import plan as planning
from requests_app.fulfillment.outside import asking, hands
from requests_app.models import Delivery, Message, Outcome, OutsideLink, OutsideTask, Said, Status
from tests import builders, steps
from tests.builders import ORLA, fresh
from tests.fulfillment import outsiders
from tests.fulfillment.outsiders import ARCHIVE, MANUAL, again, carried_out, task_of
from tests.requests.desks import at_desk
from tests.vendor.description import BASE
from tests.vendor.making import vendor_in
from tests.vendor.modes import Mode

pytestmark = pytest.mark.django_db
DELETED = hands.Reply(Said.DELETED)


@pytest.fixture
def archive(team, learners, at_once, settings):
    """A paper archive whose keeper is asked by letter."""
    settings.DEMO = True  # nobody in these tests has a second factor
    outsiders.register(team, "paper", f"mailto:{ARCHIVE}", MANUAL, "manual")


@pytest.fixture
def unnamed(mailbox, team, learners, at_once):
    """A deletion where a ledger on paper knows people by what nobody holds of Orla."""
    by_card = MANUAL.replace("identifiers: [email]", "identifiers: [library_card]")
    outsiders.register(team, "paper", f"mailto:{ARCHIVE}", by_card, "manual")
    return carried_out(mailbox, team)


def test_where_nothing_can_be_asked_a_person_decides_and_the_letter_says_so(
    unnamed, mailbox, team, settings
):
    settings.DEMO = True  # nobody in these tests has a second factor
    task = task_of(unnamed)
    assert (task.state, task.error_code) == ("parked", hands.NOTHING_TO_ASK_BY)
    assert fresh(unnamed).status == Status.EXECUTING
    assert not Message.objects.filter(letter="outside_task").exists()
    page = at_desk(team.officer).get(f"/admin/plans/{task.plan_id}/").content.decode()
    assert "nothing can be asked there" in page
    assert [each["statement"] for each in planning.sample(task.plan)] == ["Paper archive"]
    outsiders.again()
    assert task_of(unnamed).error_code == hands.NOTHING_TO_ASK_BY
    nothing = hands.Reply(Said.NOTHING, note="Asked by telephone.")
    hands.answer_by_hand(task, nothing, by=team.officer, at=clock.now())
    hands.confirm(task, by=team.chief, at=clock.now())
    outsiders.again()
    assert fresh(unnamed).status == Status.COMPLETED
    assert "could not be asked: nothing that we hold of you names you" in mailbox.last(ORLA)
    assert not task.looks.exists()


@pytest.fixture
def orla(archive, mailbox, team):
    """A deletion of which the archive has been asked."""
    return carried_out(mailbox, team)


def token(mailbox):
    return builders.tokens(mailbox.last(ARCHIVE))[0]


def opened(mailbox):
    """A browser in which the newest link has been opened."""
    browser = Client()
    answer = browser.get(f"/requests/l/{token(mailbox)}/", follow=True)
    assert token(mailbox) not in answer.request["PATH_INFO"]
    return browser, answer.content.decode()


def answered(mailbox, **more):
    browser, _page = opened(mailbox)
    return browser.post("/requests/outside/", {"said": "deleted", "exception": "", "note": "",
                                               **more})  # fmt: skip


def link():
    return OutsideLink.objects.select_related(
        "task__plan__data_key", "task__plan__consumer_request__data_key",
        "task__plan__map_version__system__data_key",
    ).latest("pk")  # fmt: skip


# --- the letter and the link --------------------------------------------------------------------


def test_the_keeper_is_asked_by_letter_and_the_request_waits(orla, mailbox):
    task = task_of(orla)
    assert (task.state, task.stage, task.letters) == ("ready", "wait", 1)
    assert steps.lines(orla.number).count("outside.asked") == 1
    assert task.due_on == clock.day_of(clock.now()) + timedelta(days=8)
    assert fresh(orla).status == Status.EXECUTING
    assert ORLA not in mailbox.last(ARCHIVE)


def test_looking_uses_nothing_up_and_shows_whom_it_concerns(orla, mailbox):
    for _time in range(3):
        _browser, page = opened(mailbox)
        assert ORLA in page
    assert link().used_at is None
    assert Client().get("/requests/outside/").status_code == 200
    assert ORLA not in Client().get("/requests/outside/").content.decode()


def test_the_answer_counts_when_another_person_confirmed_it(orla, mailbox, team):
    assert "We have your answer" in answered(mailbox).content.decode()
    task = task_of(orla)
    assert (task.state, task.error_code, task.said, task.by_link) == (
        "parked", "to-confirm", "deleted", True,
    )  # fmt: skip
    assert fresh(orla).status == Status.EXECUTING
    hands.confirm(task, by=team.officer, at=clock.now())
    builders.drain()
    assert fresh(orla).status == Status.COMPLETED
    assert "A contractor deleted it" in mailbox.last(ORLA)
    assert steps.lines(orla.number).count("outside.confirmed") == 1


def test_a_link_takes_one_answer(orla, mailbox):
    browser, _page = opened(mailbox)
    other, _page = opened(mailbox)
    browser.post("/requests/outside/", {"said": "deleted"})
    second = other.post("/requests/outside/", {"said": "nothing"})
    assert "no longer works" in second.content.decode()
    assert task_of(orla).said == Said.DELETED


def test_a_link_opens_for_72_hours_and_is_renewed_by_the_same_page(orla, mailbox):
    browser, _page = opened(mailbox)
    old = token(mailbox)
    OutsideLink.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    assert "Send me a new link" in browser.get("/requests/outside/").content.decode()
    browser.post("/requests/outside/new-link/")
    tasks.drain_mail()
    assert token(mailbox) != old
    life = link().expires_at - link().made_at
    assert life == timedelta(hours=72)
    answered(mailbox)
    assert task_of(orla).said == Said.DELETED


def test_nobody_is_flooded_by_a_link_that_ran_out(orla, mailbox):
    browser, _page = opened(mailbox)
    for _time in range(20):
        browser.post("/requests/outside/new-link/")
    letters = Message.objects.filter(letter="outside_task")
    assert letters.count() == hands.MOST_LETTERS


def test_an_unknown_token_says_nothing(orla):
    browser = Client()
    page = browser.get("/requests/l/unknown-token/", follow=True).content.decode()
    assert "Send me a new link" not in page
    browser.post("/requests/outside/new-link/")
    assert OutsideLink.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"said": "kept"}, "Choose the exception"),
        ({"said": "impossible"}, "Say why"),
        ({"said": "perhaps"}, "from the list"),
        ({}, "Choose something for"),
    ],
)
def test_an_answer_that_says_too_little_is_asked_again(orla, mailbox, typed, words):
    browser, _page = opened(mailbox)
    page = browser.post("/requests/outside/", typed).content.decode()
    assert words in page
    assert link().used_at is None


def test_a_file_is_kept_sealed_without_its_name(orla, mailbox, team):
    content = b"\x00\x01 <script>evidence</script>"
    file = SimpleUploadedFile("orla-dunmarrow.pdf", content, content_type="text/html")
    answered(mailbox, evidence=file)
    task = task_of(orla)
    row = task.evidence.get()
    assert content not in bytes(row.content)
    assert "dunmarrow" not in " ".join(map(str, vars(row).values()))
    got = at_desk(team.officer).post(f"/admin/outside/{task.pk}/evidence/", {"file": row.pk})
    assert got.content == content
    assert got["Content-Type"] == "application/octet-stream"
    assert got["Content-Disposition"].startswith("attachment")


def test_a_file_that_is_too_large_is_refused(orla, mailbox):
    file = SimpleUploadedFile("x", b"x" * (hands.LARGEST + 1))
    assert "larger than 4 MB" in answered(mailbox, evidence=file).content.decode()


# --- reminder, escalation -----------------------------------------------------------------------


def test_who_does_not_answer_is_reminded_and_then_it_is_the_desks(orla, mailbox):
    first = link()
    again()
    assert task_of(orla).letters == 2
    assert steps.lines(orla.number).count("outside.asked") == 1  # a reminder is no new question
    first.refresh_from_db()
    assert first.voided_at is not None
    assert "we still wait" in str(mailbox.to(ARCHIVE)[-1]["Subject"])
    OutsideTask.objects.update(due_on=clock.today() - timedelta(days=1))
    again()
    task = task_of(orla)
    assert (task.state, task.error_code, task.letters) == ("parked", "overdue", 2)
    assert "outside.overdue" in steps.lines(orla.number)


def test_who_answers_late_is_heard(orla, mailbox):
    OutsideTask.objects.update(due_on=clock.today() - timedelta(days=1))
    again()
    answered(mailbox)
    assert task_of(orla).error_code == "to-confirm"


def test_the_answer_is_due_inside_the_consumers_clock(orla):
    last = fresh(orla).due_on
    assert last is not None
    vendor = targets.vendor_under(task_of(orla).plan.map_version)
    near = last - timedelta(days=5)
    assert asking.due_on(vendor, fresh(orla), today=near) == last - timedelta(days=3)
    nearer = last - timedelta(days=1)
    assert asking.due_on(vendor, fresh(orla), today=nearer) == nearer


# --- four eyes ----------------------------------------------------------------------------------


def test_who_answers_by_hand_does_not_confirm(orla, team):
    task = hands.answer_by_hand(task_of(orla), DELETED, by=team.chief, at=clock.now())
    with pytest.raises(hands.AnotherPersonNeeded):
        hands.confirm(task, by=team.chief, at=clock.now())
    with steps.refused_by_the_database():
        OutsideTask.objects.filter(pk=task.pk).update(confirmed_by_id=team.chief.id)
    with steps.refused_by_the_database():
        OutsideTask.objects.filter(pk=task.pk).update(stage="done")
    hands.confirm(task, by=team.officer, at=clock.now())
    builders.drain()
    assert fresh(orla).status == Status.COMPLETED


def test_an_account_that_another_touched_confirms_nothing(orla, team):
    task = hands.answer_by_hand(task_of(orla), DELETED, by=team.chief, at=clock.now())
    colleague = StaffMember.objects.get(pk=team.officer.id)
    staff.set_password(colleague, "a pass phrase that two know", team.chief, clock.now())
    with pytest.raises(TouchedAccount):
        hands.confirm(task, by=team.officer, at=clock.now())


def test_roles_answer_and_confirm(orla, team):
    with pytest.raises(NotAllowed):
        hands.answer_by_hand(task_of(orla), DELETED, by=team.verifier, at=clock.now())
    task = hands.answer_by_hand(task_of(orla), DELETED, by=team.officer, at=clock.now())
    for other in (team.clerk, team.verifier, team.approver, team.counsel):
        with pytest.raises(NotAllowed):
            hands.confirm(task, by=other, at=clock.now())


def test_what_is_kept_is_told_with_its_exception(orla, mailbox, team):
    reply = hands.Reply(Said.KEPT, exception="DX_8", note="tax records")
    task = hands.answer_by_hand(task_of(orla), reply, by=team.clerk, at=clock.now())
    hands.confirm(task, by=team.officer, at=clock.now())
    builders.drain()
    done = fresh(orla)
    assert (done.status, done.outcome) == (Status.COMPLETED, Outcome.IN_PART)
    assert "A contractor keeps some of it: A legal obligation" in mailbox.last(ORLA)
    assert b"tax records" not in bytes(task.note)


def test_nothing_found_is_an_answer(orla, mailbox, team):
    answered(mailbox, said="nothing")
    hands.confirm(task_of(orla), by=team.officer, at=clock.now())
    builders.drain()
    assert fresh(orla).status == Status.COMPLETED
    assert "A contractor held nothing of yours" in mailbox.last(ORLA)


def test_what_cannot_be_done_is_never_complete(orla, team):
    reply = hands.Reply(Said.IMPOSSIBLE, note="the archive burnt down")
    task = hands.answer_by_hand(task_of(orla), reply, by=team.clerk, at=clock.now())
    with pytest.raises(hands.AnswerRefused):
        hands.confirm(task, by=team.officer, at=clock.now())
    assert fresh(orla).status == Status.EXECUTING


@pytest.mark.parametrize(
    "reply",
    [
        hands.Reply(Said.KEPT),
        hands.Reply(Said.DELETED, exception="DX_8"),
        hands.Reply(Said.KEPT, exception="DX_99"),
        hands.Reply(Said.IMPOSSIBLE),
        hands.Reply(Said.DELETED, evidence=b"x" * (hands.LARGEST + 1)),
    ],
    ids=range(5),
)
def test_what_is_no_answer_is_refused(orla, team, reply):
    with pytest.raises(hands.AnswerRefused):
        hands.answer_by_hand(task_of(orla), reply, by=team.clerk, at=clock.now())


def test_an_answer_that_convinces_nobody_is_asked_for_again(orla, mailbox, team):
    answered(mailbox)
    hands.ask_again(task_of(orla), reason="which shelf?", by=team.officer, at=clock.now())
    again()
    task = task_of(orla)
    assert (task.said, task.answered_at, task.letters, task.round) == ("", None, 2, 2)
    answered(mailbox)
    assert task_of(orla).said == Said.DELETED


def test_a_person_cannot_talk_a_machine_out_of_looking(
    tmp_path, mailbox, team, learners, at_once, settings
):
    settings.OUTBOUND_ALLOWED_HOSTS, settings.ALLOW_LOOPBACK_CALLBACKS = ["127.0.0.1"], True
    with vendor_in(tmp_path) as vendor:
        vendor.add(ORLA)
        vendor.mode = Mode.LIES
        outsiders.register(team, "mail", vendor.url, BASE)
        orla = carried_out(mailbox, team)
        task = hands.answer_by_hand(task_of(orla), DELETED, by=team.clerk, at=clock.now())
        hands.confirm(task, by=team.officer, at=clock.now())
        again()
        assert task_of(orla).error_code == "residual"
        assert fresh(orla).status == Status.EXECUTING
        vendor.execute(vendor.of(ORLA)[0], None)
        outsiders.work_again(task_of(orla), team)
        builders.drain()
        assert fresh(orla).status == Status.COMPLETED


def test_the_named_person_of_staff_sees_whom_it_concerns(mailbox, team, learners, at_once):
    username = StaffMember.objects.get(pk=team.clerk.id).username
    outsiders.register(team, "paper", f"staff:{username}", MANUAL, "manual")
    task = task_of(carried_out(mailbox, team))
    assert (task.assigned_to_id, task.letters) == (team.clerk.id, 0)
    seen = hands.see_whom(task, purpose="deletion", by=team.clerk, at=clock.now())
    assert seen == [("email", ORLA)]
    with pytest.raises(NotAllowed):
        hands.see_whom(task, purpose="deletion", by=team.officer, at=clock.now())


def test_a_letter_that_does_not_arrive_is_seen(archive, mailbox, team):
    orla = carried_out(mailbox, team)
    message = Message.objects.get(letter="outside_task")
    assert (message.delivery, message.consumer_request) == (Delivery.HANDED, orla)


# --- the desk -----------------------------------------------------------------------------------


def test_the_desk_shows_and_does(orla, mailbox, team):
    answered(mailbox, note="shelf 12")
    task = task_of(orla)
    desk = at_desk(team.officer)
    assert "Paper" in desk.get("/admin/outside/").content.decode().title()
    page = desk.get(f"/admin/outside/{task.pk}/").content.decode()
    assert "shelf 12" in page
    assert ORLA not in page
    desk.post(f"/admin/outside/{task.pk}/confirm/")
    builders.drain()
    assert fresh(orla).status == Status.COMPLETED
    assert desk.get("/admin/outside/?all=1").status_code == 200
    assert "No system outside waits" in desk.get("/admin/outside/").content.decode()


def test_the_desk_answers_by_hand_and_asks_again(orla, team):
    task = task_of(orla)
    clerk, officer = at_desk(team.clerk), at_desk(team.officer)
    clerk.post(
        f"/admin/outside/{task.pk}/answer/", {"said": "deleted", "exception": "", "note": ""}
    )
    assert task_of(orla).answered_by_id == team.clerk.id
    assert clerk.post(f"/admin/outside/{task.pk}/confirm/").status_code == 403
    officer.post(f"/admin/outside/{task.pk}/again/", {"reason": "not sure"})
    assert task_of(orla).said == ""


def test_whom_it_concerns_is_read_with_a_purpose_and_written_down(orla, team):
    task = task_of(orla)
    verifier = at_desk(team.verifier)
    purposes = [value for value, _label in hands_purposes()]
    page = verifier.post(f"/admin/outside/{task.pk}/whom/", {"purpose": purposes[0]})
    assert ORLA in page.content.decode()
    assert "outside.identity-read" in steps.lines(orla.number)
    assert ORLA not in " ".join(LedgerLine.objects.values_list("body", flat=True))


def hands_purposes():
    return outsiders.Purpose.choices


def test_a_task_in_nobodys_name_stands_at_the_desk_from_the_start(
    mailbox, team, learners, at_once, settings
):
    settings.DEMO = True  # nobody in these tests has a second factor
    outsiders.register(team, "paper", "staff:nobody-here", MANUAL, "manual")
    task = task_of(carried_out(mailbox, team))
    assert (task.assigned_to_id, task.state, task.stage) == (None, "ready", "wait")
    assert (
        f"/admin/outside/{task.pk}/" in at_desk(team.clerk).get("/admin/outside/").content.decode()
    )
    page = at_desk(team.clerk).get(f"/admin/outside/{task.pk}/").content.decode()
    assert ("Do it there by hand" in page, "asked by letter" in page) == (True, False)
