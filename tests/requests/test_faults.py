"""Faults in one process, quickly; the rig (``python -m tests.rig``) does the same to real ones."""

from collections import Counter

import pytest

from ccpa_office import clock, connectors, ledger, work
from ccpa_office.connectors.base import StoreUnreachable
from ccpa_office.models import ClockGuard, LedgerLine
from requests_app import casework, correspondence, tasks, verification
from requests_app.fulfillment import batches
from requests_app.models import Batch, Chunk, Delivery, Message, Outcome, Plan, PlanState, Step
from tests.builders import HANA, KOFI, ORLA, approved, ask, confirm, drain, fresh, plan_of
from tests.ports import free_port
from tests.rig import invariants
from tests.rig.post import SILENT, TAKE, Post
from tests.rig.seams import SEAMS
from tests.steps import Killed, by_sql, lease_ends, lines, office_digest, store_digest

PASSAGE = {
    "mail.before-effect": 2,
    "mail.after-effect": 2,
    "mail.before-commit": 2,
    "mail.after-commit": 3,
    "work.claimed": 4,
}
"""At which passage a seam kills, where it is not the first."""


@pytest.fixture(scope="module")
def ends():
    """What the runs so far have left behind; each must leave the same."""
    return []


@pytest.fixture
def post(settings):
    """A mail server with moods."""
    server = Post(free_port())
    settings.EMAIL_URL = f"smtp://127.0.0.1:{server.port}"
    server.open()
    yield server
    server.close()


def survive(act):
    """Do it; whoever dies of it is followed by another, once the lease is over."""
    try:
        return act()
    except Killed:
        lease_ends()
        return act()


def whole_way(mailbox, team):
    """A deletion from the form to its end, by somebody who presses again when no answer came."""
    consumer_request = survive(lambda: ask(ORLA, nonce="one-form"))
    survive(drain)
    confirm(mailbox, ORLA)
    survive(drain)
    checked = fresh(consumer_request)
    verification.decide(checked, by=team.verifier, reason="points match", at=clock.now())
    survive(drain)
    plan = plan_of(consumer_request)
    casework.approve(plan, hash=plan.hash, by=team.approver, at=clock.now())
    survive(drain)
    drain()
    return fresh(consumer_request)


def left(learners):
    """Everything that is there, without the lines that tell of a letter's unknown fate."""
    said = LedgerLine.objects.exclude(verb="letter.unknown").values_list("verb", flat=True)
    told = Message.objects.values_list("letter", "audience", "state", "delivery")
    office = {**office_digest(), "LedgerLine": Counter(said), "Message": Counter(told)}
    return office, store_digest(learners)


@pytest.mark.parametrize("seam", ["", *SEAMS])
def test_a_death_at_any_seam_leaves_what_a_clean_way_leaves(
    seam, ends, mailbox, team, learners, at_once, monkeypatch
):
    passed: Counter[str] = Counter()

    def die(name):
        passed[name] += 1
        if name == seam and passed[name] == PASSAGE.get(seam, 1):
            raise Killed

    monkeypatch.setattr(work, "seam", die)
    assert whole_way(mailbox, team).outcome == Outcome.IN_PART
    assert not seam or passed[seam] >= PASSAGE.get(seam, 1)
    assert invariants.broken() == []
    assert ledger.verify().sound
    ends.append(left(learners))
    assert ends[-1] == ends[0]
    copies = Counter(str(each["Message-ID"]) for each in mailbox.messages)
    unknown = LedgerLine.objects.filter(verb="letter.unknown").count()
    assert copies.total() - len(copies) <= unknown <= 1


# --- what stands outside is away ----------------------------------------------------------------


@pytest.fixture
def store_away():
    """The business's database does not answer; returns how to bring it back."""

    def refuse(*_, **_options):
        raise StoreUnreachable

    patch = pytest.MonkeyPatch()
    patch.setattr(connectors, "connect", refuse)
    yield patch.undo
    patch.undo()


def try_often(drain_lane, rows):
    """Let a worker try ten times; return where the work stands then."""
    for _time in range(10):
        rows().update(not_before=clock.now())
        drain_lane()
    return list(rows().values_list("state", "attempts", "error_code"))


def test_a_store_that_is_away_for_long_wears_out_no_look_up(team, learners, mailbox, store_away):
    consumer_request = ask(ORLA)
    steps = consumer_request.work.all
    assert try_often(tasks.drain_verify, steps) == [("ready", 0, "StoreUnreachable")]
    store_away()
    steps().update(not_before=clock.now())
    drain()
    assert fresh(consumer_request).on_file


def test_a_store_that_is_away_for_long_wears_out_no_chunk(
    team, learners, mailbox, at_once, monkeypatch
):
    consumer_request = approved(mailbox, team)
    batches.open_due(at=clock.now())

    def refuse(*_, **_options):
        raise StoreUnreachable

    with monkeypatch.context() as away:
        away.setattr(connectors, "connect", refuse)
        stands = try_often(tasks.drain_erase, Chunk.objects.all)
    assert stands == [("ready", 0, "StoreUnreachable")]
    Chunk.objects.update(not_before=clock.now())
    drain()
    assert fresh(consumer_request).outcome == Outcome.IN_PART


def test_a_clock_that_nobody_has_seen_to_be_right_starts_no_batch(mailbox, team, learners, at_once):
    approved(mailbox, team)
    ClockGuard.objects.update(seen_at=None)
    assert batches.open_due(at=clock.now()) is None
    assert batches.run_now(by=team.officer, at=clock.now()) is None
    assert Batch.objects.count() == 0


def test_a_clock_that_is_not_trusted_erases_nothing_of_a_running_batch(
    mailbox, team, learners, at_once
):
    approved(mailbox, team)
    batches.open_due(at=clock.now())
    before = store_digest(learners)
    for doubt in ({"seen_at": None}, {"suspect_since": clock.now()}):
        ClockGuard.objects.update(**doubt)
        tasks.drain_erase()
        assert store_digest(learners) == before
    assert Plan.objects.get().state == PlanState.EXECUTING


# --- mail ---------------------------------------------------------------------------------------


def test_one_letter_that_kills_its_worker_takes_no_other_with_it(post, team, monkeypatch):
    for email in (ORLA, HANA, KOFI):
        ask(email)
    poison = Message.objects.order_by("not_before", "pk")[0]
    hand_over = correspondence.delivery.hand_over

    def die(client, recipient, content):
        if poison.message_id.encode() in content:
            raise Killed
        return hand_over(client, recipient, content)

    monkeypatch.setattr(correspondence.delivery, "hand_over", die)
    for _life in range(4):
        try:
            tasks.drain_mail()
        except Killed:
            lease_ends()
    poison.refresh_from_db()
    assert (poison.state, poison.delivery) == ("parked", Delivery.UNKNOWN)
    others = Message.objects.exclude(pk=poison.pk).values_list("delivery", "attempts")
    assert sorted(others) == [("handed", 2), ("handed", 2)]


def test_a_letter_that_cannot_be_opened_is_a_persons_and_holds_no_other_up(post, team):
    ask(ORLA)
    ask(HANA)
    bad = Message.objects.order_by("pk")[0]
    Message.objects.filter(pk=bad.pk).update(facts=b"\x00" * 40)
    tasks.drain_mail()
    bad.refresh_from_db()
    assert (bad.state, bad.delivery, bad.error_code) == ("parked", "waiting", "Unreadable")
    assert Message.objects.exclude(pk=bad.pk).get().delivery == Delivery.HANDED


def test_a_line_that_breaks_costs_the_letters_behind_it_nothing(post, team):
    for email in (ORLA, HANA, KOFI):
        ask(email)
    post.mood = lambda ordinal: SILENT if ordinal == 1 else TAKE
    tasks.drain_mail()
    stand = Message.objects.order_by("pk").values_list("delivery", "attempts", "repeats")
    assert list(stand) == [("waiting", 1, 1), ("handed", 1, 0), ("handed", 1, 0)]
    assert LedgerLine.objects.filter(verb="letter.unknown").count() == 1


def test_a_letter_parked_while_it_was_sent_goes_again_only_with_its_doubt_in_the_book(post, team):
    consumer_request = ask(ORLA)
    by_sql(
        "UPDATE requests_app_message SET state = 'parked', delivery = 'sending', attempts = 24,"
        " error_code = 'worn_out'"
    )
    letter = Message.objects.get()
    correspondence.release(letter, by=team.officer, at=clock.now())
    correspondence.release(letter, by=team.officer, at=clock.now())
    said = lines(consumer_request.number)
    assert said[-2:] == ["letter.unknown", "letter.released"]
    tasks.drain_mail()
    assert Message.objects.get().delivery == Delivery.HANDED


def test_a_step_that_always_fails_is_parked_with_its_code(team, learners, mailbox, monkeypatch):
    ask(ORLA)

    def fail(*_, **_options):
        raise ZeroDivisionError

    monkeypatch.setattr(connectors, "connect", fail)
    assert try_often(tasks.drain_verify, Step.objects.all) == [("parked", 5, "ZeroDivisionError")]
