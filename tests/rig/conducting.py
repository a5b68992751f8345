"""Brings the engines up, tells every run, prints what was found."""

import shutil
from contextlib import ExitStack

from django.conf import settings as office
from django.db import connections

from tests.rig import company, faults, settings
from tests.rig.post import Post
from tests.rig.report import Report
from tests.rig.runs import CLEAN, Rig
from tests.rig.seams import Orders

PEOPLE = {"quick": 6, "full": 12}
MOST = 20


def conduct(tier: str, seed: int, only: list[str]) -> int:
    """Tell the runs of a tier. Returns 0 when all of them ended as the clean one did."""
    report = Report(tier, seed)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, settings.FOLDER, ignore_errors=True)
        rig = _set_up(stack, tier, seed)
        report.say(f"the office stands after {report.elapsed():.0f} s")
        for run in [CLEAN, *faults.of_tier(tier)]:
            if only and run.name not in {*only, CLEAN.name}:
                continue
            told = run.tell(rig)
            if run is CLEAN:
                rig.reference, rig.pages = told.digest, told.seconds_of_pages
            report.add(told)
    report.end(complete=not only)
    return report.status


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
    post = Post(settings.MAIL_PORT)
    stack.callback(post.close)
    orders = Orders(settings.SEAMS)
    orders.clear()
    return Rig(made, post, orders, seed, PEOPLE[tier])
