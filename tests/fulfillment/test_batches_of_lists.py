"""Lists that cannot be read, and people who may not approve one."""

import pytest
from django.db import transaction

from ccpa_office import clock
from requests_app import casework
from requests_app.fulfillment import batches, lists
from requests_app.models import Batch, BatchState, Plan
from tests.builders import MARISOL, ORLA
from tests.requests.desks import at_desk
from tests.steps import SHARED_TICKET, learner, refused_by_the_database

pytestmark = pytest.mark.django_db


def _open(team, *lines):
    return lists.open_list("learners", lines, by=team.officer, at=clock.now())


@pytest.mark.parametrize(
    "lines",
    [
        (), ("",), ("address",), ("email,email", "a@example.org,b@example.org"), ("email",),
        ("email,name", "a@example.org"), ("email", "a@example.org,b"), ("email,name", " , "),
        ("email", "a\0@example.org"), ("email", '"a@example.org'), ("email", 'a"b"c"', '"'),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_read_keeps_nothing(lines, team, learners):
    with pytest.raises(lists.ListRefused):
        _open(team, *lines)
    assert not Batch.objects.exists()
    assert not Plan.objects.exists()


def test_a_list_of_strangers_is_done_at_once(team, learners):
    opened = _open(team, "email", "nobody@example.org", "noone@example.org")
    assert (opened.found, opened.unknown, opened.ambiguous) == (0, 2, 0)
    assert opened.batch.state == BatchState.DONE
    assert not Plan.objects.exists()


def test_who_approves_a_list_reads_what_it_would_do(team, learners):
    batch = _open(team, "email", MARISOL, ORLA).batch
    page = at_desk(team.approver).get(f"/admin/batches/{batch.pk}/").content.decode()
    assert f'<a href="/admin/plans/{Plan.objects.get().pk}/">' in page
    assert '<th scope="row"><code>invoices</code></th>' in page
    assert "A legal obligation" in page
    assert "undecided" in page
    assert "Rows that others reach too wait for a decision first." in page
    assert "wait for a decision, each on the page of its plan." in page
    assert "Approve: erase" in page
    assert "/approve/" not in page
    plan = at_desk(team.approver).get(f"/admin/plans/{Plan.objects.get().pk}/").content.decode()
    assert f'<a href="/admin/batches/{batch.pk}/">Approve this batch</a>' in plan
    assert "The plan has changed" not in plan


def test_whoever_decided_on_shared_rows_of_a_list_cannot_approve_it(team, learners):
    batch = _open(team, "email", MARISOL, ORLA).batch
    plan = Plan.objects.get()
    casework.decide_shared(
        plan, table="addresses", decision="keep", ground="GX_k", by=team.chief, at=clock.now()
    )
    batch.refresh_from_db()
    with pytest.raises(batches.ApprovalRefused, match="shared rows"), transaction.atomic():
        batches.approve(batch, hash=batch.hash, by=team.chief, at=clock.now())
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    assert Batch.objects.get().state == BatchState.RUNNING


def test_an_earlier_decision_on_the_same_list_counts_as_well(team, learners):
    batch = _open(team, "email", learner(learners, SHARED_TICKET)["email"]).batch
    plan = Plan.objects.get()
    for table, how, ground, by in (
        ("addresses", "keep", "GX_k", team.chief), ("support_tickets", "strip", "", team.officer),
    ):  # fmt: skip
        plan = casework.decide_shared(
            plan, table=table, decision=how, ground=ground, by=by, at=clock.now()
        )
    batch.refresh_from_db()
    with pytest.raises(batches.ApprovalRefused, match="shared rows"), transaction.atomic():
        batches.approve(batch, hash=batch.hash, by=team.chief, at=clock.now())
    approved = batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    assert approved.state == BatchState.RUNNING


def test_a_list_is_never_carried_out_without_an_approval(team, learners):
    batch = _open(team, "email", ORLA).batch
    with refused_by_the_database():
        Batch.objects.filter(pk=batch.pk).update(approvals_needed=0)
