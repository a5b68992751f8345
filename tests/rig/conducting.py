"""Brings the engines up, tells every run, prints what was found."""

import shutil
from contextlib import ExitStack

import psycopg
from django.conf import settings as office
from django.db import connections

from requests_app.models import Message
from tests.rig import company, digest, faults, settings
from tests.rig.post import Post
from tests.rig.report import Report
from tests.rig.runs import CLEAN, CLEAN_ROOMS, Rig, Run
from tests.rig.seams import Orders
from tests.vendor.modes import Mode
from tests.vendor.server import Vendor

PEOPLE = {"quick": 6, "full": 12}
MOST = 20


def conduct(tier: str, seed: int, only: list[str]) -> int:
    """Tell the runs of a tier. Returns 0 when all of them ended as the clean one did."""
    report = Report(tier, seed)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, settings.FOLDER, ignore_errors=True)
        rig = _set_up(stack, tier, seed)
        report.say(f"the office stands after {report.elapsed():.0f} s")
        for run in chosen(tier, only):
            told = run.tell(rig)
            if run is CLEAN or run is CLEAN_ROOMS:
                rig.reference[run.story] = told.digest
            if run is CLEAN:
                rig.pages = told.seconds_of_pages
            report.add(told, run.story)
            if run is CLEAN and not sees(rig):
                report.blind()
    report.end(complete=not only)
    return report.status


def chosen(tier: str, only: list[str]) -> list[Run]:
    """The runs of a tier, or those named; of each story the clean one first."""
    named = [run for run in faults.of_tier(tier) if not only or run.name in only]
    stories = {run.story for run in named}
    clean = [run for run in (CLEAN, CLEAN_ROOMS) if run.story in stories or run.name in only]
    return [run for story in (CLEAN, CLEAN_ROOMS) for run in [*clean, *named]
            if run.story == story.story]  # fmt: skip


def _set_up(stack: ExitStack, tier: str, seed: int) -> Rig:
    (settings.FOLDER / "logs").mkdir(exist_ok=True)
    (settings.FOLDER / "static").mkdir(exist_ok=True)
    engines = settings.ENGINES
    stack.enter_context(engines.home.locked())
    stack.callback(engines.stop)
    engines.start()
    office.DATABASES["default"]["OPTIONS"]["application_name"] = "rig"
    connections["default"].settings_dict["OPTIONS"]["application_name"] = "rig"
    made = company.found(MOST)
    vendor = Vendor(settings.FOLDER, seed=seed)
    vendor.mode = Mode.ACCEPTED_THEN_DONE
    stack.callback(vendor.close)
    company.found_rooms(made, vendor)
    post = Post(settings.MAIL_PORT)
    stack.callback(post.close)
    orders = Orders(settings.SEAMS)
    orders.clear()
    return Rig(made, post, orders, seed, PEOPLE[tier], vendor)


def sees(rig: Rig) -> bool:
    """Whether the comparison notices one learner's name and one letter's language."""
    with psycopg.connect(settings.LEARNER_URL) as there:
        there.execute("UPDATE accounts SET full_name = full_name || '.' WHERE id = "
                      "(SELECT max(id) FROM accounts)")  # fmt: skip
    letter = Message.objects.order_by("pk").last()
    assert letter is not None
    Message.objects.filter(pk=letter.pk).update(language="ja")
    now = {**digest.Reader().office(), **digest.of_store(settings.LEARNER_URL)}
    seen = {
        line.partition(":")[0]
        for line in digest.differences(rig.reference[CLEAN.story], now, most=1000)
    }
    return {"learners.accounts", "Message"} <= seen and "Receipt" not in seen
