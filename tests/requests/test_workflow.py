"""The table of moves: every kind from everywhere to everywhere."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from ccpa_office import clock, ledger, sealing
from ccpa_office.law.grounds import Denial
from ccpa_office.law.kinds import KNOW, UNVERIFIED, VERIFIABLE, RequestKind
from ccpa_office.roles import Actor
from requests_app import workflow
from requests_app.models import (
    CLOSED,
    ERASURE,
    VERIFICATION,
    ConsumerRequest,
    Identifier,
    IdentifierSource,
    Message,
    Note,
    Outcome,
    Status,
)
from requests_app.workflow import MOVES, MoveNotAllowed
from tests.builders import ask, fresh
from tests.steps import by_sql, folded, lines, refused_by_the_database

pytestmark = pytest.mark.django_db

S, K = Status, RequestKind
SYSTEM = Actor.system("test")
BEFORE_EXECUTION = set(S) - CLOSED - {S.EXECUTING, S.TELLING}
PROVEN = ERASURE | {S.VERIFIED}
DECIDED = {S.WAITING, S.CHECKING, S.VERIFIED, S.PLANNED, S.STOPPED}

# Written down a second time, from law.md 4 and design.md 8, not read from the table.
EVERYWHERE = {
    S.WITHDRAWN: BEFORE_EXECUTION,
    S.DUPLICATE: BEFORE_EXECUTION - {S.APPROVED},
    S.REDIRECTED: BEFORE_EXECUTION - {S.APPROVED},
}
WORKED_BY_HAND = EVERYWHERE | {
    S.WAITING: {S.RECEIVED, S.CHECKING, S.DENYING},
    S.CHECKING: {S.WAITING, S.STOPPED, S.DENYING},
    S.VERIFIED: {S.CHECKING, S.DENYING},
    S.STOPPED: BEFORE_EXECUTION - {S.STOPPED},
    S.DENYING: DECIDED,
    S.DENIED: {S.DENYING, S.CHECKING},
    S.NOT_CONFIRMED: {S.WAITING},
    S.COMPLETED: {S.VERIFIED, S.WAITING, S.CHECKING},
}
COLLECTED = WORKED_BY_HAND | {
    S.VERIFIED: {S.CHECKING, S.DENYING, S.COLLECTED},
    S.COLLECTED: {S.VERIFIED},
    S.COMPLETED: {S.VERIFIED, S.WAITING, S.CHECKING, S.COLLECTED},
}
ERASED = WORKED_BY_HAND | {
    S.VERIFIED: {S.CHECKING, S.PLANNED, S.APPROVED, S.EXECUTING, S.TELLING, S.DENYING},
    S.PLANNED: {S.VERIFIED, S.APPROVED, S.DENYING},
    S.APPROVED: {S.PLANNED},
    S.EXECUTING: {S.APPROVED},
    S.TELLING: {S.EXECUTING},
    S.COMPLETED: {S.TELLING, S.EXECUTING, S.WAITING, S.CHECKING, S.PLANNED},
}
APPEALED = EVERYWHERE | {
    S.VERIFIED: {S.RECEIVED, S.DENYING},
    S.DENYING: {S.VERIFIED},
    S.DENIED: {S.DENYING},
    S.COMPLETED: {S.VERIFIED},
}
APPLIED = EVERYWHERE | {
    S.APPLYING: {S.RECEIVED, S.DENYING},
    S.DENYING: {S.APPLYING},
    S.DENIED: {S.DENYING},
    S.COMPLETED: {S.APPLYING},
}
EXPECTED = {
    **dict.fromkeys(RequestKind, WORKED_BY_HAND),
    K.KNOW_CATEGORIES: COLLECTED,
    K.KNOW_SPECIFIC: COLLECTED,
    K.DELETE: ERASED,
    K.ADMT_APPEAL: APPEALED,
    **dict.fromkeys(UNVERIFIED, APPLIED),
}
LETTER = {
    S.WITHDRAWN: "withdrawn",
    S.DUPLICATE: "answer_manual",
    S.REDIRECTED: "answer_manual",
    S.STOPPED: "stopped",
    S.DENIED: "denied",
    S.NOT_CONFIRMED: "not_confirmed",
    S.APPROVED: "verified_notice",
}
OUTCOME = {
    S.COMPLETED: Outcome.COMPLIED,
    S.DENIED: Outcome.DENIED,
    S.WITHDRAWN: Outcome.WITHDRAWN,
    S.NOT_CONFIRMED: Outcome.NOT_CONFIRMED,
    S.DUPLICATE: Outcome.DUPLICATE,
    S.REDIRECTED: Outcome.REDIRECTED,
}


def _letter(kind, to):
    if to == S.COMPLETED:
        by_hand = "optout_done" if kind in UNVERIFIED else "answer_manual"
        return "nothing_found" if kind is K.DELETE else by_hand
    return LETTER.get(to, "")


def _can_stand(kind, status):
    if status == S.COLLECTED:
        return kind in KNOW
    if kind in UNVERIFIED:
        return status not in VERIFICATION | ERASURE
    return kind is K.DELETE or status not in ERASURE


def _put(consumer_request, status):
    """Stand a request anywhere, by SQL: only such a test may."""
    closed = status in CLOSED
    ground = Denial.NO_DATA.value if consumer_request.kind == "delete" and closed else ""
    ConsumerRequest.objects.filter(pk=consumer_request.pk).update(
        status=status,
        outcome=OUTCOME.get(status, ""),
        closed_at=consumer_request.received_at if closed else None,
        verified_at=consumer_request.received_at if status in PROVEN else None,
        level_reached=consumer_request.level_required if status in PROVEN else "none",
        ground=ground,
    )
    return fresh(consumer_request)


def _on_file(consumer_request):
    box = sealing.Box(consumer_request.data_key)
    Identifier.objects.create(
        consumer_request=consumer_request,
        source=IdentifierSource.ON_FILE,
        kind="email",
        system_key="learners",
        value=box.seal("held@example.org", context="identifier.value"),
        digest=sealing.digest("email", "held@example.org"),
        is_contact=True,
        since=consumer_request.received_at - timedelta(days=90),
    )


def _try(consumer_request, to):
    """One move, seen and undone: what it wrote, or nothing when it is refused."""
    changes: dict[str, Any] = {"outcome": OUTCOME[to]} if to in CLOSED else {}
    if to == S.COMPLETED and consumer_request.kind == "delete":
        changes["ground"] = Denial.NO_DATA.value
    if to in PROVEN:
        level = consumer_request.level_required
        changes |= {"verified_at": consumer_request.received_at, "level_reached": level}
    told, letters = len(lines(consumer_request.number)), Message.objects.count()
    with transaction.atomic():
        point = transaction.savepoint()
        try:
            workflow.move(consumer_request, to, by=SYSTEM, at=clock.now(), **changes)
            names = set(Message.objects.order_by("pk")[letters:].values_list("letter", flat=True))
            return (lines(consumer_request.number)[told:], names, fresh(consumer_request).status)
        except MoveNotAllowed:
            assert lines(consumer_request.number)[told:] == []
            assert Message.objects.count() == letters
            return None
        finally:
            transaction.savepoint_rollback(point)


@pytest.mark.parametrize("kind", list(RequestKind))
def test_only_the_moves_of_the_table_succeed_each_with_its_line_and_letter(kind):
    consumer_request = ask(kind=kind)
    _on_file(consumer_request)
    for status in Status:
        if not _can_stand(kind, status):
            with refused_by_the_database():
                _put(consumer_request, status)
            continue
        standing = _put(consumer_request, status)
        for to in Status:
            found = _try(fresh(standing), to)
            if status not in EXPECTED[kind].get(to, set()):
                assert found is None, (kind, status, to)
                continue
            letters = {_letter(kind, to)} - {""}
            if (status, to) == (S.COLLECTED, S.COMPLETED):
                letters = set()  # the hand-over writes to one contact by itself
            assert found == ([f"request.{to}"], letters, to), (kind, status, to)


@pytest.mark.parametrize("kind", list(RequestKind))
def test_every_state_of_a_kind_can_be_reached_and_no_end_is_left(kind):
    reached, more = set(), {S.RECEIVED}
    while more:
        reached |= more
        more = {to for to, move in MOVES[kind].items() if move.sources & reached} - reached
    assert reached == {S.RECEIVED, *MOVES[kind]}
    assert not {each for move in MOVES[kind].values() for each in move.sources} & CLOSED
    assert reached >= CLOSED - {S.NOT_CONFIRMED}
    left = {source for move in MOVES[kind].values() for source in move.sources}
    assert reached - CLOSED <= left


def test_the_words_and_turns_are_complete():
    assert set(workflow.TURN) == set(workflow.STAGE) == set(Status)
    assert all(workflow.TURN[status] == workflow.Turn.NOBODY for status in CLOSED)
    assert all(workflow.TURN[status] != workflow.Turn.NOBODY for status in set(S) - CLOSED)


@pytest.mark.parametrize("kind", sorted(UNVERIFIED))
def test_an_opt_out_stands_in_no_verification_state_whoever_tries(kind):
    consumer_request = ask(kind=K(kind))
    assert consumer_request.status == S.APPLYING
    assert not consumer_request.work.exists()
    for status in sorted(VERIFICATION | ERASURE):
        assert workflow.sources(K(kind), Status(status)) == frozenset()
        with pytest.raises(MoveNotAllowed):
            workflow.move(fresh(consumer_request), Status(status), by=SYSTEM, at=clock.now())
        with refused_by_the_database():
            by_sql(
                "UPDATE requests_app_consumerrequest SET status = %s, verified_at = now(),"
                " level_reached = 'reasonable' WHERE id = %s",
                status, consumer_request.pk,
            )  # fmt: skip
        with refused_by_the_database():
            by_sql(
                "UPDATE requests_app_consumerrequest SET status = %s WHERE id = %s",
                status, consumer_request.pk,
            )  # fmt: skip
    with refused_by_the_database():
        by_sql(
            "UPDATE requests_app_consumerrequest SET level_required = 'reasonable' WHERE id = %s",
            consumer_request.pk,
        )


@pytest.mark.parametrize("kind", sorted(VERIFIABLE - {K.DELETE}))
def test_only_a_deletion_stands_in_a_state_of_erasure(kind):
    consumer_request = ask(kind=K(kind))
    for status in sorted(ERASURE):
        with refused_by_the_database():
            _put(consumer_request, status)


@pytest.mark.parametrize("kind", sorted(VERIFIABLE))
def test_the_database_verifies_nobody_below_the_level_or_without_a_decision(kind):
    consumer_request = ask(kind=K(kind))
    level = consumer_request.level_required
    for reached, moment in (("none", "now()"), (level, "NULL")):
        with refused_by_the_database():
            by_sql(
                "UPDATE requests_app_consumerrequest SET status = 'verified', level_reached = %s,"  # noqa: S608
                f" verified_at = {moment} WHERE id = %s",
                reached, consumer_request.pk,
            )  # fmt: skip
    by_sql(
        "UPDATE requests_app_consumerrequest SET status = 'verified', level_reached = %s,"
        " verified_at = now() WHERE id = %s",
        level, consumer_request.pk,
    )  # fmt: skip


def test_a_state_of_erasure_needs_the_level_that_is_required():
    consumer_request = ask()
    for reached, moment in (("none", "now()"), ("reasonable", "NULL")):
        with refused_by_the_database():
            by_sql(
                "UPDATE requests_app_consumerrequest SET status = 'planned', level_reached = %s,"  # noqa: S608
                f" verified_at = {moment} WHERE id = %s",
                reached, consumer_request.pk,
            )  # fmt: skip


def test_a_closed_request_has_a_moment_and_an_outcome():
    consumer_request = ask()
    for change in (
        "status = 'withdrawn'",
        "status = 'withdrawn', closed_at = now()",
        "status = 'withdrawn', outcome = 'withdrawn'",
        "closed_at = now()",
        "outcome = 'complied'",
    ):
        with refused_by_the_database():
            by_sql(
                f"UPDATE requests_app_consumerrequest SET {change} WHERE id = %s",  # noqa: S608
                consumer_request.pk,
            )


def test_many_are_moved_with_as_many_statements_as_one():
    def moved(count):
        asked = [ask(f"somebody{count}.{each}@example.org") for each in range(count)]
        with CaptureQueriesContext(
            connection,
        ) as seen:
            workflow.move_all(
                asked, S.WITHDRAWN, by=SYSTEM, at=clock.now(), outcome=Outcome.WITHDRAWN
            )
        assert {fresh(each).status for each in asked} == {S.WITHDRAWN}
        assert [folded(each) for each in asked] == [S.WITHDRAWN] * count
        return len(seen)

    assert moved(1) == moved(3) == moved(30)


def test_many_are_moved_all_or_none():
    one, other = ask("one@example.org"), ask("other@example.org")
    workflow.move(other, S.WITHDRAWN, by=SYSTEM, at=clock.now(), outcome=Outcome.WITHDRAWN)
    with pytest.raises(MoveNotAllowed), transaction.atomic():
        workflow.move_all([one, other], S.WAITING, by=SYSTEM, at=clock.now())
    assert (fresh(one).status, folded(one)) == (S.RECEIVED, S.RECEIVED)


def test_requests_of_two_kinds_are_not_moved_together():
    asked = [ask("one@example.org"), ask("other@example.org", kind=K.OPT_OUT)]
    with pytest.raises(MoveNotAllowed):
        workflow.move_all(asked, S.WITHDRAWN, by=SYSTEM, at=clock.now(), outcome=Outcome.WITHDRAWN)


def test_each_of_many_remembers_where_it_stood():
    asked = [ask("one@example.org"), ask("other@example.org")]
    workflow.move(asked[1], S.WAITING, by=SYSTEM, at=clock.now())
    workflow.move_all(asked, S.WITHDRAWN, by=SYSTEM, at=clock.now(), outcome=Outcome.WITHDRAWN)
    assert [fresh(each).previous_status for each in asked] == [S.RECEIVED, S.WAITING]
    assert [each.previous_status for each in asked] == [S.RECEIVED, S.WAITING]


def test_a_stale_page_does_not_change_where_a_request_stood():
    consumer_request = ask()
    stale = fresh(consumer_request)
    workflow.move(consumer_request, S.WAITING, by=SYSTEM, at=clock.now())
    workflow.move(stale, S.DENYING, by=SYSTEM, at=clock.now())
    assert fresh(stale).previous_status == S.WAITING


def test_a_reason_is_sealed_beside_the_request_and_only_its_digest_told():
    consumer_request = ask()
    workflow.move(
        consumer_request, S.WAITING, by=SYSTEM, at=clock.now(), reason="Cora Vale telephoned"
    )
    note = Note.objects.get(consumer_request=consumer_request)
    assert b"Cora" not in bytes(note.text)
    assert consumer_request.data_key is not None
    box = sealing.Box(consumer_request.data_key)
    assert box.open(bytes(note.text), context="note.text") == "Cora Vale telephoned"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT body FROM ccpa_office_ledgerline WHERE subject = %s ORDER BY seq DESC LIMIT 1",
            [consumer_request.number],
        )
        (body,) = cursor.fetchone()
    assert sealing.digest("reason", "Cora Vale telephoned").hex() in body
    assert "Cora" not in body


def test_a_refused_move_keeps_no_reason():
    consumer_request = ask()
    with pytest.raises(MoveNotAllowed):
        workflow.move(consumer_request, S.VERIFIED, by=SYSTEM, at=clock.now(), reason="no such way")
    assert not Note.objects.exists()


def test_facts_may_be_told_of_each():
    asked = [ask("one@example.org"), ask("other@example.org")]
    workflow.move_all(
        asked, S.WAITING, by=SYSTEM, at=clock.now(), facts=lambda each: {"row": each.pk}
    )
    with connection.cursor() as cursor:
        for each in asked:
            cursor.execute(
                "SELECT body::jsonb -> 'facts' ->> 'row' FROM ccpa_office_ledgerline"
                " WHERE subject = %s AND verb = 'request.waiting'",
                [each.number],
            )
            assert cursor.fetchone() == (str(each.pk),)


def test_one_move_takes_a_function_of_facts_too():
    consumer_request = ask()
    workflow.move(
        consumer_request, S.WAITING, by=SYSTEM, at=clock.now(), facts=lambda each: {"n": 1}
    )
    assert folded(consumer_request) == S.WAITING


def test_a_move_that_fails_to_be_told_changes_nothing():
    consumer_request = ask()
    with pytest.raises(ledger.NotALedgerFact), transaction.atomic():
        workflow.move(
            consumer_request, S.WAITING, by=SYSTEM, at=clock.now(), facts={"to": "a@example.org"}
        )
    assert fresh(consumer_request).status == S.RECEIVED


def test_the_drawing_shows_every_move():
    drawn = workflow.drawing()
    for moves in MOVES.values():
        for to, move in moves.items():
            for source in move.sources:
                assert f"    {source} --> {to}" in drawn
    assert drawn.count("stateDiagram-v2") == 5


def test_the_stage_of_what_was_done_in_part_says_so():
    consumer_request = ask(kind=K.KNOW_CATEGORIES)
    assert workflow.stage(consumer_request) == workflow.Stage.RECEIVED
    consumer_request.outcome = Outcome.IN_PART
    assert workflow.stage(consumer_request) == workflow.Stage.IN_PART


def test_a_number_and_a_nonce_stand_once():
    first, other = ask("one@example.org"), ask("other@example.org")
    for column in ("number", "nonce"):
        with refused_by_the_database():
            by_sql(
                f"UPDATE requests_app_consumerrequest SET {column} = %s WHERE id = %s",  # noqa: S608
                getattr(first, column), other.pk,
            )  # fmt: skip
