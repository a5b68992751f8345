"""A list of people is frozen, approved and erased as one batch, in chunks."""

import psycopg
import pytest
from psycopg import sql

from ccpa_office import clock, sealing
from ccpa_office.models import DataKey
from notices_app import datamap
from notices_app.models import DataSystem
from requests_app import tasks
from requests_app.fulfillment import batches, lists, locating, plan
from requests_app.fulfillment.packing import open_subjects
from requests_app.fulfillment.refusing import discard
from requests_app.models import Batch, BatchState, Chunk, Listed, Plan, PlanState
from tests.builders import KOFI, MAP, ORLA, drain


def _count(learners, table):
    with psycopg.connect(learners) as connection:
        count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        return connection.execute(count).fetchall()[0][0]


def test_a_list_is_erased_after_its_approval(team, learners, at_once):
    before = _count(learners, "accounts")
    opened = lists.open_list(
        "learners",
        ["email\n", f"{ORLA}\n", f"{KOFI.upper()}\n", "nobody@example.org\n"],
        by=team.officer,
        at=clock.now(),
    )
    assert (opened.found, opened.unknown, opened.ambiguous) == (2, 1, 0)
    batch = opened.batch
    assert (batch.state, batch.people, batch.approvals_needed) == (BatchState.WAITING, 2, 1)
    tasks.drain_erase()
    assert _count(learners, "accounts") == before
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    drain()
    assert _count(learners, "accounts") == before - 2
    assert Batch.objects.get().state == BatchState.DONE
    assert Plan.objects.get().state == PlanState.PROVED


def test_a_list_above_the_ceiling_needs_two(team, learners, at_once, settings):
    settings.CEILING_PEOPLE = 1
    batch = lists.open_list(
        "learners", ["email", ORLA, KOFI], by=team.officer, at=clock.now()
    ).batch
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    drain()
    assert Plan.objects.get().state == PlanState.FROZEN
    batches.approve(batch, hash=batch.hash, by=team.second, at=clock.now())
    drain()
    assert Plan.objects.get().state == PlanState.PROVED


def test_who_opened_a_list_cannot_approve_it(team, learners, at_once):
    both = team.chief
    batch = lists.open_list("learners", ["email", ORLA], by=both, at=clock.now()).batch
    with pytest.raises(batches.ApprovalRefused):
        batches.approve(batch, hash=batch.hash, by=both, at=clock.now())


def test_whoever_opened_a_list_may_die_and_the_workers_build_it(team, learners, monkeypatch):
    monkeypatch.setattr(batches, "CHUNK", 1)
    monkeypatch.setattr(lists, "_build_along", lambda _batch: None)
    lines = ["email", KOFI, ORLA, KOFI.upper()]
    batch = lists.open_list("learners", lines, by=team.officer, at=clock.now()).batch
    waiting = list(batch.chunks.values_list("lane", "state", "people"))
    assert batch.state == BatchState.GATHERING
    assert waiting == [("plan", "ready", 1)] * 2
    assert not Plan.objects.exists()
    assert not any(b"@example" in bytes(each.people) for each in Listed.objects.all())
    tasks.drain_plan()
    batch.refresh_from_db()
    assert (batch.state, batch.people) == (BatchState.WAITING, 2)
    assert not Listed.objects.exists()
    assert DataKey.objects.filter(destroyed_at__isnull=False).count() == 1  # the list's own
    people = [subject for each in Plan.objects.order_by("chunk__ordinal")
              for subject in open_subjects(sealing.Box(each.data_key), each)]  # fmt: skip
    assert [each.key for each in people] == sorted(each.key for each in people)
    assert {KOFI, KOFI.upper()} <= {v for each in people for v in each.identifiers["email"]}


def test_a_list_thrown_away_while_it_is_built_leaves_no_plan(team, learners, monkeypatch):
    locate = locating.locate

    def thrown_away_meanwhile(*args, **more):
        discard(Batch.objects.get(), by=team.officer, at=clock.now())
        return locate(*args, **more)

    monkeypatch.setattr(lists, "locate", thrown_away_meanwhile)
    batch = lists.open_list("learners", ["email", ORLA], by=team.officer, at=clock.now()).batch
    assert (batch.state, Plan.objects.exists()) == (BatchState.STOPPED, False)
    assert list(batch.chunks.values_list("stage", "state")) == [("done", "done")]


def test_nothing_is_kept_of_a_list_that_breaks_off_in_the_middle(team, learners, monkeypatch):
    monkeypatch.setattr(batches, "CHUNK", 1)
    monkeypatch.setattr(lists, "AT_A_TIME", 1)
    with pytest.raises(lists.ListRefused, match="Line 3"):
        lists.open_list("learners", ["email", ORLA, "a,b"], by=team.officer, at=clock.now())
    assert not Batch.objects.exists()
    assert not Chunk.objects.exists()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["mail", ORLA], "The first line"),
        (["email,email", "a,b"], "The first line"),
        (["email,name", ORLA], "Line 2: the number of columns"),
        (["email", f"{ORLA},x"], "Line 2: the number of columns"),
        (["email,name", ","], "Line 2: no identifier"),
        (["email"], "The list is empty"),
        ([], "The first line"),
    ],
)
def test_a_list_that_cannot_be_read_says_where(team, learners, lines, words):
    with pytest.raises(lists.ListRefused, match=words):
        lists.open_list("learners", lines, by=team.officer, at=clock.now())
    assert not Batch.objects.exists()


def test_a_list_may_name_people_by_whatever_the_map_finds_them_by(team, learners):
    """A number of an account or of a member, as the host's own lists have it."""
    plain = "{primary_key: true, data_type: integer}"
    text = MAP.read_text("utf-8").replace(plain, f"{plain[:-1]}, identity: account_no}}", 1)
    version = datamap.load(text, system_key="learners", by=team.editor, at=clock.now())
    datamap.approve(version, digest=version.digest, by=team.chief, at=clock.now())
    lines = ["account_no", "4", "5", "four", "999999"]
    opened = lists.open_list("learners", lines, by=team.officer, at=clock.now())
    assert (opened.found, opened.unknown, opened.batch.people) == (2, 2, 2)
    with pytest.raises(lists.ListRefused, match="account_no"):
        lists.open_list("learners", ["member_no", "4"], by=team.officer, at=clock.now())


def test_an_undecided_shared_row_holds_the_whole_list(team, learners, at_once):
    batch = lists.open_list(
        "learners", ["email", "marisol.quintana@example.org"], by=team.officer, at=clock.now()
    ).batch
    with pytest.raises(batches.ApprovalRefused):
        batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    frozen = Plan.objects.get()
    table = next(part["table"] for part in frozen.summary if part["shared"])
    plan.decide_shared(
        frozen, table=table, decision="keep", ground="GX_k", by=team.officer, at=clock.now()
    )
    batch.refresh_from_db()
    batches.approve(batch, hash=batch.hash, by=team.approver, at=clock.now())
    drain()
    assert {each.state for each in Plan.objects.all()} == {PlanState.VOID, PlanState.PROVED}


def test_a_rehearsal_copy_takes_no_list(team, learners):
    DataSystem.objects.filter(key="learners").update(rehearsal=True)
    with pytest.raises(lists.ListRefused, match="rehearse"):
        lists.open_list("learners", ["email", ORLA], by=team.officer, at=clock.now())
    assert not Batch.objects.exists()
