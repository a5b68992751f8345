"""One person tries alone to hand a package over, correct a field, settle a vendor, bend a map."""

import threading
from contextlib import contextmanager, suppress

import pytest
from django.db import connections

from ccpa_office import clock, connectors, staff
from ccpa_office.law.kinds import RequestKind
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, NotAllowed, Role
from notices_app.models import DataMapVersion
from requests_app import tasks
from requests_app.fulfillment import access, correction
from requests_app.fulfillment.correctable import CannotCorrect, Claim
from requests_app.models import (
    Correction,
    CorrectionStage,
    Message,
    OutsideStage,
    OutsideTask,
    Package,
    PackageStage,
)
from tests import builders
from tests.builders import HANA, KOFI, MAP, ORLA
from tests.fixtures import at_once, learner_template, learners, mailbox, team
from tests.fulfillment import outsiders
from tests.fulfillment.knowing import checked_to_know, package_of, verified_to_know
from tests.journeys.crawl import Opponent
from tests.journeys.test_opponent import ENDS_THE_GAME, digest_of, opponent
from tests.requests.desks import at_desk
from tests.steps import by_sql, refused_by_the_database

__all__ = ["at_once", "learner_template", "learners", "mailbox", "opponent", "team"]

pytestmark = pytest.mark.django_db(transaction=True)

CORRECT = RequestKind.CORRECT
PLACE = "learners.accounts.full_name"
BENT = MAP.read_text("utf-8") + "\n# mine\n"
TRIGGERS = {
    "package_counts": "requests_app_package",
    "package_givers": "requests_app_package",
    "correction_counts": "requests_app_correction",
    "outside_asked": "requests_app_outsidetask",
}


@pytest.fixture
def rooms(mailbox, team, learners, at_once, settings, tmp_path):
    """To decide, to look through, to correct; and a paper archive that was asked for a deletion."""
    settings.PACKAGE_DIR = tmp_path / "packages"
    settings.DEMO = True
    outsiders.register(team, "paper", f"mailto:{outsiders.ARCHIVE}", outsiders.MANUAL, "manual")
    outsiders.carried_out(mailbox, team, KOFI)
    cases = [
        checked_to_know(mailbox, learners, email=HANA),
        verified_to_know(mailbox, team, learners, email=ORLA),
        checked_to_know(mailbox, learners, kind=CORRECT, email=HANA),
        verified_to_know(mailbox, team, learners, kind=CORRECT, email=ORLA),
    ]
    tasks.drain_collect()
    return cases


def work_through(session, cases):
    """Every half that one session can do of every room, then the other half, workers running."""
    for case in cases:
        session.post(f"/admin/requests/{case.number}/decide/", {"reason": "it is they"})
    tasks.drain_collect()
    for case in cases[2:]:
        body = {"place": PLACE, "value": "Mallory", "row": "", "reason": "a passport"}
        session.post(f"/admin/requests/{case.number}/correct/", body)
    for package in Package.objects.all():
        session.post(f"/admin/packages/{package.pk}/propose/", {"hash": package.hash})
    for task in OutsideTask.objects.all():
        answer = {"said": "deleted", "exception": "", "note": ""}
        session.post(f"/admin/outside/{task.pk}/answer/", answer)
    session.post("/admin/maps/do/load/", {"system": "learners", "document": BENT})
    finish(session, cases)


def finish(session, cases):
    """The second half of everything."""
    for case in cases[2:]:
        body = {"hash": correction.read_now(case)}
        session.post(f"/admin/requests/{case.number}/approve-correction/", body)
    for package in Package.objects.all():
        session.post(f"/admin/packages/{package.pk}/hand-over/", {"hash": package.hash})
    for task in OutsideTask.objects.all():
        session.post(f"/admin/outside/{task.pk}/confirm/", {"reason": "yes"})
    for version in DataMapVersion.objects.filter(approved_by=None):
        session.post(f"/admin/maps/{version.pk}/approve/", {"digest": version.digest})
    tasks.drain_collect()
    builders.drain()


def everything_waits(learners, before):
    """Each room stands before its second person, and the business's rows are as they were."""
    assert digest_of(learners) == before
    assert set(Package.objects.values_list("stage", flat=True)) == {PackageStage.PROPOSED}
    assert set(Correction.objects.values_list("stage", flat=True)) == {CorrectionStage.PROPOSED}
    assert [task.stage for task in OutsideTask.objects.all()] == [OutsideStage.WAIT]
    assert OutsideTask.objects.get().answered_by_id is not None
    assert DataMapVersion.objects.filter(system__key="learners", approved_by=None).count() == 1


def test_alone_nobody_hands_over_corrects_settles_or_bends_a_map(opponent, rooms, learners):
    session, _actor = opponent
    before = digest_of(learners)
    work_through(session, rooms)
    everything_waits(learners, before)
    session.crawl("/admin/", stay="/admin/", rounds=1, spare=ENDS_THE_GAME)
    finish(session, rooms)
    assert digest_of(learners) == before
    assert not Package.objects.filter(released_at__isnull=False).exists()
    assert not Correction.objects.exclude(stage__in=["proposed", "refused"]).exists()
    assert not OutsideTask.objects.filter(stage=OutsideStage.DONE).exists()
    assert not {status for status in session.answers if status >= 500}


@contextmanager
def switched(verb):
    """The triggers of the rooms, all disabled or all enabled again."""
    for trigger, table in TRIGGERS.items():
        by_sql(f"ALTER TABLE {table} {verb} TRIGGER {trigger}")
    yield


def test_each_line_of_defense_holds_when_the_other_is_away(opponent, rooms, learners, monkeypatch):
    session, actor = opponent
    session.client.raise_request_exception = False
    before = digest_of(learners)
    with switched("DISABLE"):
        work_through(session, rooms)
    everything_waits(learners, before)
    with switched("ENABLE"), monkeypatch.context() as patch:
        contact = lambda package, *_a, **_k: access.verified_contact(package.consumer_request)  # noqa: E731
        patch.setattr(access, "check_hand_over", contact)
        patch.setattr(correction, "_check", lambda *_a: None)
        finish(session, rooms)
    everything_waits(learners, before)
    with refused_by_the_database():
        by_sql("UPDATE requests_app_outsidetask SET confirmed_by_id = %s", actor.id)
    with refused_by_the_database():
        by_sql("UPDATE notices_app_datamapversion SET approved_by_id = %s, approved_at = now()"
               " WHERE loaded_by_id = %s", actor.id, actor.id)  # fmt: skip


def test_neither_a_second_account_nor_a_colleagues_nor_a_stale_form_is_a_second_person(
    opponent, rooms, learners, team
):
    session, actor = opponent
    before = digest_of(learners)
    work_through(session, rooms)
    second = staff.create(
        "mallory2", password="a long pass phrase of mine", roles=list(Role), by=actor,
        at=clock.now(),
    )  # fmt: skip
    session.post(f"/admin/staff/{team.approver.id}/password/", {"password": "a long pass phrase"})
    session.post(f"/admin/staff/{team.chief.id}/factor/", {"reason": "lost"})
    for member in (second.pk, team.approver.id):
        other = Opponent(at_desk(Actor.of(StaffMember.objects.get(pk=member))), seed=12)
        finish(other, rooms)
    approvals = DataMapVersion.objects.filter(loaded_by=actor.id, active=True)
    assert not approvals.exists()
    assert digest_of(learners) == before
    assert not Package.objects.filter(released_at__isnull=False).exists()
    assert not Correction.objects.exclude(stage="proposed").exists()
    stale = Opponent(at_desk(team.second), seed=13)
    package = Package.objects.latest("pk")
    stale.post(f"/admin/packages/{package.pk}/hand-over/", {"hash": "0" * 64})
    assert not Package.objects.filter(released_at__isnull=False).exists()


def test_twenty_second_persons_at_once_hand_over_once_and_correct_once(rooms, team):
    _know, ready, _correct, wrong = rooms
    package = package_of(ready)
    access.propose(package, hash=package.hash, by=team.officer, at=clock.now())
    claim = Claim(("learners", "accounts", "full_name"), "Orla Vale")
    correction.propose(wrong, claim, reason="a passport", by=team.officer, at=clock.now())
    start, counted = threading.Barrier(20), []

    def press():
        start.wait()
        for act in (_hand_over, _approve):
            with suppress(access.PackageChanged, CannotCorrect, NotAllowed):
                counted.append(act(package, wrong, team.second))
        connectors.close_all()
        connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counted) == ["corrected", "handed over"]
    assert Message.objects.filter(consumer_request=ready, letter="answer_know").count() == 1


def _hand_over(package, _wrong, by):
    access.hand_over(package_of(package.consumer_request), hash=package.hash, by=by, at=clock.now())
    return "handed over"


def _approve(_package, wrong, by):
    correction.approve(wrong, hash=correction.read_now(wrong), by=by, at=clock.now())
    return "corrected"
