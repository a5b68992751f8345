"""Systems outside for tests: registered, described, approved; whole ways through them."""

from datetime import timedelta

from ccpa_office import clock
from notices_app import datamap
from requests_app import casework, tasks
from requests_app.casework.looking import Purpose
from requests_app.fulfillment.outside import hands
from requests_app.models import ConsumerRequest, OutsideLook, OutsideTask, PlanState
from tests import builders, steps
from tests.vendor.description import BASE
from tests.vendor.server import TOKEN

MANUAL = (
    "outside_system:\n  name: Paper archive\n  kind: manual\n  party: contractor\n"
    "  effect: askable\n  identifiers: [email]\n  categories: [PI_B]\n  answer_days: 8\n"
)
ARCHIVE = "archive@paper.example"


def register(team, key, url, text=BASE, kind="http"):
    """A system outside that is served, as two people make it one."""
    at = clock.now()
    datamap.add_system(key, name=key, url=url, kind=kind, by=team.editor, at=at, served=True)
    if kind == "http":
        datamap.give_secret(key, name="api_token", value=TOKEN, by=team.editor, at=at)
    version = datamap.load(text, system_key=key, by=team.editor, at=at)
    return datamap.approve(version, digest=version.digest, by=team.chief, at=at)


def approved(mailbox, team, email=builders.ORLA) -> ConsumerRequest:
    """A deletion with every plan of it approved."""
    consumer_request = builders.verified(mailbox, team, email)
    for plan in consumer_request.plans.filter(state=PlanState.FROZEN):
        casework.approve(plan, hash=plan.hash, by=team.approver, at=clock.now())
    return builders.fresh(consumer_request)


def carried_out(mailbox, team, email=builders.ORLA) -> ConsumerRequest:
    """A deletion that the workers have carried out as far as they could."""
    consumer_request = approved(mailbox, team, email)
    builders.drain()
    builders.drain()
    return builders.fresh(consumer_request)


def task_of(consumer_request) -> OutsideTask:
    """The only task outside of a request."""
    return OutsideTask.objects.select_related("plan").get(plan__consumer_request=consumer_request)


def again(*, rows=OutsideTask) -> None:
    """What waits is due now; the workers go on."""
    rows.objects.filter(state="ready").update(not_before=clock.now() - timedelta(days=60))
    steps.by_sql(
        "UPDATE requests_app_chunk SET not_before = clock_timestamp() WHERE state = 'ready'"
    )
    tasks.drain_erase()
    tasks.drain_prove()
    tasks.drain_mail()
    tasks.drain_erase()


def looks_due(day: int) -> None:
    """The looks of a day are due now."""
    rows = OutsideLook.objects.filter(state="ready", day=day)
    rows.update(not_before=clock.now() - timedelta(days=1))
    tasks.drain_prove()


def work_again(task, team) -> None:
    """Staff have a task asked anew, and the workers do it."""
    hands.ask_again(task, reason="once more", by=team.officer, at=clock.now())
    again()


__all__ = [
    "ARCHIVE", "MANUAL", "Purpose", "again", "approved", "carried_out", "clock", "looks_due",
    "register", "task_of", "work_again",
]  # fmt: skip
