"""Ways out of where a request or a batch would stand still: again, a new letter, a refusal."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ccpa_office import clock
from ccpa_office.law.kinds import RequestKind
from ccpa_office.models import LedgerLine
from ccpa_office.roles import NotAllowed, Role
from requests_app import casework, tasks, verification
from requests_app.correspondence.letters import LINKS_A_DAY, LINKS_A_REQUEST, OVER_THE_LIMIT
from requests_app.fulfillment import batches, lists, refusing
from requests_app.models import (
    BatchState,
    Chunk,
    ConsumerRequest,
    Delivery,
    LinkAsked,
    LinkPurpose,
    Look,
    Message,
    Plan,
    PlanState,
    Status,
    Step,
)
from tests.builders import KOFI, ORLA, ask, confirm, drain, fresh, plan_of, tokens
from tests.requests.desks import at_desk, said, somebody
from tests.steps import approve, by_sql, decided, gathered, lines, query

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_the_demo(settings):
    settings.DEMO = True  # nobody in these tests has a second factor


@pytest.fixture
def waiting(mailbox, learners):
    """A request of somebody on file who has the letter and has not answered."""
    consumer_request = ask(ORLA)
    tasks.drain_verify()
    tasks.drain_mail()
    return fresh(consumer_request)


def words(page):
    """The deeds that a page offers."""
    return [offer.deed.word for offer in page.context["offers"]]


# --- work that gave up, on a case ---------------------------------------------------------------


def test_work_that_gave_up_is_tried_again_with_all_its_attempts(mailbox, team, learners):
    consumer_request = ask(ORLA)
    Step.objects.update(state="parked", attempts=5, error_code="worn_out")
    assert casework.try_again(consumer_request, by=team.clerk, at=clock.now()) == 1
    step = Step.objects.get()
    assert (step.state, step.attempts, step.error_code) == ("ready", 0, "")
    line = LedgerLine.objects.get(verb="work.retried")
    assert (line.subject, line.actor) == (consumer_request.number, team.clerk.label)
    tasks.drain_verify()
    assert fresh(consumer_request).status == Status.WAITING


def test_where_nothing_gave_up_nothing_is_tried_and_nothing_is_written(team):
    consumer_request = ask(ORLA)
    assert casework.try_again(consumer_request, by=team.clerk, at=clock.now()) == 0
    assert "work.retried" not in lines(consumer_request.number)


def test_who_does_not_work_cases_tries_nothing_again(team):
    consumer_request = ask(ORLA)
    Step.objects.update(state="parked", error_code="worn_out")
    with pytest.raises(NotAllowed):
        casework.try_again(consumer_request, by=team.approver, at=clock.now())
    assert Step.objects.get().state == "parked"


def test_the_case_offers_another_try_only_where_something_gave_up(team):
    consumer_request = ask(ORLA)
    address, client = f"/admin/requests/{consumer_request.number}/", at_desk(team.clerk)
    assert "try-again" not in words(client.get(address))
    Step.objects.update(state="parked", error_code="worn_out")
    assert "try-again" in words(client.get(address))
    page = client.post(f"{address}try-again/", follow=True)
    assert said(page) == ["Tried again: 1."]
    assert "try-again" not in words(page)
    assert "Work that had given up was tried again." in page.content.decode()


def test_the_lamp_counts_questions_for_a_link_that_gave_up(team):
    verification.ask_follow_link("7K3M92QX4TD", ORLA, at=clock.now())
    LinkAsked.objects.update(state="parked", error_code="worn_out")
    page = at_desk(team.officer).get("/admin/").content.decode()
    assert "1 piece waits for a person" in page


# --- work that gave up, on a batch --------------------------------------------------------------


def _parked_chunk(mailbox, team, code):
    approve(decided(mailbox, team, ORLA), team.approver)
    chunk = gathered()
    by_sql(
        "UPDATE requests_app_chunk SET state = 'parked', attempts = 5, owner = '',"
        " lease_until = NULL, error_code = %s",
        code,
    )
    return chunk.batch


def test_a_chunk_that_gave_up_is_tried_again_and_carried_out(mailbox, team, learners, at_once):
    batch = _parked_chunk(mailbox, team, "worn_out")
    address, client = f"/admin/batches/{batch.pk}/", at_desk(team.officer)
    assert "try-again" in words(client.get(address))
    page = client.post(f"{address}try-again/", follow=True)
    assert said(page) == ["Tried again: 1."]
    assert "try-again" not in words(page)
    chunk = Chunk.objects.get()
    assert (chunk.state, chunk.attempts) == ("ready", 0)
    tasks.drain_erase()
    assert query(learners, "SELECT count(*) FROM accounts WHERE email = %s", ORLA) == [(0,)]
    assert lines(f"batch:{batch.pk}")[0] == "work.retried"


@pytest.mark.parametrize("code", ["key-of-another", "not-what-was-approved"])
def test_what_must_not_be_tried_again_is_not(code, mailbox, team, learners, at_once):
    batch = _parked_chunk(mailbox, team, code)
    assert batches.try_again(batch, by=team.officer, at=clock.now()) == 0
    assert "try-again" not in words(at_desk(team.officer).get(f"/admin/batches/{batch.pk}/"))
    assert Chunk.objects.get().state == "parked"


def test_no_chunk_of_a_stopped_batch_is_tried_again(mailbox, team, learners, at_once):
    batch = _parked_chunk(mailbox, team, "worn_out")
    by_sql("UPDATE requests_app_batch SET state = 'stopped'")
    assert batches.try_again(batch, by=team.officer, at=clock.now()) == 0
    assert Chunk.objects.get().state == "parked"


def test_a_look_that_gave_up_is_tried_again(mailbox, team, learners, at_once):
    approve(decided(mailbox, team, ORLA), team.approver)
    batch = gathered().batch
    by_sql("UPDATE requests_app_chunk SET state = 'ready', owner = '', lease_until = NULL")
    tasks.drain_erase()
    Look.objects.filter(day=1).update(state="parked", error_code="worn_out")
    with pytest.raises(NotAllowed):
        batches.try_again(batch, by=team.approver, at=clock.now())
    assert batches.try_again(batch, by=team.officer, at=clock.now()) == 1
    tasks.drain_prove()
    assert Look.objects.get(day=1).finding == "kept"


# --- a new letter -------------------------------------------------------------------------------


def press_again(consumer_request):
    """Ten minutes and more after the last letter, somebody asks for another one."""
    Message.objects.update(queued_at=F("queued_at") - timedelta(minutes=11))
    verification.send_again(consumer_request, at=clock.now())


def _confirm_links(consumer_request):
    return consumer_request.links.filter(purpose=LinkPurpose.CONFIRM).order_by("pk")


def test_a_late_consumer_gets_a_new_letter_and_the_old_link_is_void(waiting, mailbox):
    old = tokens(mailbox.last(ORLA))[0]
    verification.send_again(waiting, at=clock.now())
    assert _confirm_links(waiting).count() == 1  # one in ten minutes
    press_again(waiting)
    tasks.drain_mail()
    new = tokens(mailbox.last(ORLA))[0]
    assert [link.voided_at is None for link in _confirm_links(waiting)] == [False, True]
    with pytest.raises(verification.LinkGone):
        verification.find_link(old, at=clock.now())
    assert verification.find_link(new, at=clock.now()).purpose == LinkPurpose.CONFIRM
    confirm(mailbox)
    tasks.drain_verify()
    assert fresh(waiting).status == Status.CHECKING
    assert lines(waiting.number).count("link.asked-again") == 2


def test_who_is_not_on_file_gets_no_letter_and_the_book_a_line(mailbox, learners):
    consumer_request = ask("nobody.here@example.org", name="Nobody Here")
    tasks.drain_verify()
    verification.send_again(consumer_request, at=clock.now())
    assert not Message.objects.filter(letter="confirm").exists()
    assert lines(consumer_request.number)[-1] == "link.asked-again"


def test_a_letter_that_is_on_its_way_is_not_sent_twice(waiting):
    for _press in range(3):
        press_again(waiting)
    assert Message.objects.filter(letter="confirm").count() == 2
    assert [link.voided_at is None for link in _confirm_links(waiting)] == [False, True]


def test_the_sending_limit_binds_and_leaves_the_last_link_alive(waiting, mailbox):
    others = len(mailbox.to(ORLA)) - 1
    for _press in range(10):
        press_again(waiting)
        tasks.drain_mail()
    assert len(mailbox.to(ORLA)) == others + LINKS_A_DAY == others + 3
    assert Message.objects.filter(error_code=OVER_THE_LIMIT).count() == 1
    newest = tokens(mailbox.last(ORLA))[0]
    assert verification.find_link(newest, at=clock.now()).consumer_request == waiting


def test_a_letter_that_was_held_back_yesterday_keeps_none_back_today(waiting, mailbox):
    for _press in range(10):
        press_again(waiting)
        tasks.drain_mail()
    verification.send_again(waiting, at=clock.now() + timedelta(days=2))
    newest = Message.objects.filter(letter="confirm").latest("pk")
    assert (newest.state, newest.error_code) == ("ready", "")


def test_a_request_has_five_letters_with_a_link_and_no_more(waiting, mailbox):
    for _press in range(7):
        Message.objects.update(queued_at=F("queued_at") - timedelta(days=2))
        verification.send_again(waiting, at=clock.now())
        tasks.drain_mail()
    sent = Message.objects.filter(letter="confirm", delivery=Delivery.HANDED)
    assert sent.count() == LINKS_A_REQUEST == 5


def test_no_letter_is_sent_while_an_answer_is_compared_or_when_nothing_is_asked(waiting, mailbox):
    confirm(mailbox)
    verification.send_again(waiting, at=clock.now())
    tasks.drain_verify()
    assert fresh(waiting).status == Status.CHECKING
    verification.send_again(waiting, at=clock.now())
    assert Message.objects.filter(letter="confirm").count() == 1
    assert lines(waiting.number).count("link.asked-again") == 1


def _on_its_page(consumer_request):
    client = Client()
    session = client.session
    moment = int(clock.now().timestamp())
    session["cases"] = {consumer_request.number: [moment, moment]}
    session.save()
    return client, f"/requests/{consumer_request.public_number}/"


def test_the_page_says_the_same_whether_or_not_anything_is_on_file(waiting):
    stranger = ask("nobody.here@example.org", name="Nobody Here")
    tasks.drain_verify()
    Message.objects.update(queued_at=F("queued_at") - timedelta(minutes=11))
    pages = []
    statements = []
    for each in (waiting, stranger):
        client, address = _on_its_page(each)
        assert "Send the letter to my address on file again" in client.get(address).content.decode()
        with CaptureQueriesContext(connection) as asked:
            page = client.post(f"{address}resend/").content.decode()
        statements.append(len(asked))
        assert "If we hold a contact of yours, a new letter is on its way to it." in page
        pages.append(page.replace(each.public_number, ""))
    assert (pages[0], statements[0]) == (pages[1], statements[1])
    tasks.drain_verify()
    assert Message.objects.filter(letter="confirm").count() == 2


def test_the_page_offers_no_letter_where_none_is_waited_for(team):
    client, address = _on_its_page(ask(kind=RequestKind.OPT_OUT))
    assert "Send the letter" not in client.get(address).content.decode()


def test_a_foreign_request_sends_no_letter(waiting):
    answer = Client().post(f"/requests/{waiting.public_number}/resend/")
    assert (answer.status_code, answer["Location"]) == (302, "/requests/status/")
    assert Client().get(f"/requests/{waiting.public_number}/resend/").status_code == 405
    assert Message.objects.filter(letter="confirm").count() == 1


# --- a batch above the ceiling ------------------------------------------------------------------


@pytest.fixture
def above(mailbox, team, learners, settings, at_once):
    """A batch of two people that waits for two approvals."""
    for each in [decided(mailbox, team, email) for email in (KOFI, ORLA)]:
        approve(each, team.approver)
        if plan_of(each).state == PlanState.FROZEN:
            approve(each, team.second)
    settings.CEILING_PEOPLE = 1
    return batches.open_due(at=clock.now())


def _requests():
    planned = ConsumerRequest.objects.filter(plans__isnull=False)
    return [fresh(each) for each in planned.order_by("plans__pk")]


def test_a_batch_is_refused_and_its_requests_wait_for_new_plans(above, team):
    refused = refusing.refuse(above, reason="Too many.", by=team.approver, at=clock.now())
    assert (refused.state, refused.stop_reason) == (BatchState.STOPPED, "refused")
    assert [plan.state for plan in Plan.objects.all()] == [PlanState.VOID] * 2
    assert [each.status for each in _requests()] == [Status.VERIFIED] * 2
    assert [each.notes.count() for each in _requests()] == [2, 2]
    assert lines(f"batch:{above.pk}") == ["batch.refused"]
    assert Chunk.objects.get().stage == Chunk.Stage.DONE
    assert batches.open_due(at=clock.now()) is None
    tasks.drain_erase()
    assert [each.status for each in _requests()] == [Status.VERIFIED] * 2


def test_after_a_refusal_the_way_leads_on_to_the_end(above, team, settings):
    refusing.refuse(above, reason="Too many.", by=team.approver, at=clock.now())
    settings.CEILING_PEOPLE = 10
    for each in _requests():
        casework.ask_for_plan(each, by=team.officer, at=clock.now())
        tasks.drain_plan()
        approve(each, team.approver)
        if plan_of(each).state == PlanState.FROZEN:
            approve(each, team.second)
    drain()
    assert {each.status for each in _requests()} == {Status.COMPLETED}


def test_a_request_that_left_a_waiting_batch_is_not_touched_by_its_refusal(above, team):
    left, stays = _requests()
    casework.ask_for_plan(left, by=team.officer, at=clock.now())
    tasks.drain_plan()
    refusing.refuse(above, reason="Too many.", by=team.approver, at=clock.now())
    assert (fresh(left).status, fresh(stays).status) == (Status.PLANNED, Status.VERIFIED)
    assert plan_of(left).state == PlanState.FROZEN


def test_a_batch_is_not_refused_while_part_of_a_request_is_carried_out(above, team):
    by_sql(
        "INSERT INTO requests_app_plan SELECT (jsonb_populate_record(p, jsonb_build_object("
        "'id', p.id + 1000, 'state', 'frozen', 'chunk_id', NULL, 'system_key', 'other'))).*"
        " FROM requests_app_plan p WHERE p.chunk_id IS NOT NULL ORDER BY p.id LIMIT 1"
    )
    by_sql("SET session_replication_role = replica")
    by_sql("UPDATE requests_app_plan SET state = 'executing' WHERE system_key = 'other'")
    by_sql("SET session_replication_role = origin")
    with pytest.raises(batches.ApprovalRefused, match="carried out"):
        refusing.refuse(above, reason="Too many.", by=team.approver, at=clock.now())
    above.refresh_from_db()
    assert above.state == BatchState.WAITING
    assert lines(f"batch:{above.pk}") == []


def test_who_may_not_refuse_a_batch_and_when(above, team):
    with pytest.raises(NotAllowed):
        refusing.refuse(above, reason="x", by=team.officer, at=clock.now())
    by_sql("UPDATE requests_app_batch SET opened_by_id = %s", team.approver.id)
    with pytest.raises(batches.ApprovalRefused, match="opened"):
        refusing.refuse(above, reason="x", by=team.approver, at=clock.now())
    refusing.refuse(above, reason="x", by=team.second, at=clock.now())
    for verb in (
        lambda: refusing.refuse(above, reason="x", by=team.second, at=clock.now()),
        lambda: batches.approve(above, hash=above.hash, by=team.second, at=clock.now()),
    ):
        with pytest.raises(batches.ApprovalRefused, match="does not wait"):
            verb()


def test_the_plans_of_a_refused_list_are_void(team, learners, at_once):
    opened = lists.open_list("learners", ["email", ORLA, KOFI], by=team.officer, at=clock.now())
    refused = refusing.refuse(opened.batch, reason="No.", by=team.approver, at=clock.now())
    drain()
    assert refused.state == BatchState.STOPPED
    assert [plan.state for plan in Plan.objects.all()] == [PlanState.VOID]
    assert query(learners, "SELECT count(*) FROM accounts WHERE email = %s", ORLA) == [(1,)]


def test_the_batch_page_has_a_refusal_beside_the_approval(above, team):
    _other, client = somebody(Role.APPROVER)
    address = f"/admin/batches/{above.pk}/"
    assert words(client.get(address))[:2] == ["approve", "refuse"]
    page = client.post(f"{address}refuse/", {"reason": "Too many at once."}, follow=True)
    assert said(page) == ["Refused. Its plans are void; an officer asks for new ones."]
    assert words(page) == []
