"""The office's own records: the book, the clock, the work, the staff."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Min

from ccpa_office import clock, ledger
from ccpa_office.celery import app as celery_app
from ccpa_office.clock_guard import clock_is_trusted
from ccpa_office.doctor.engine import ask
from ccpa_office.doctor.finding import Finding, note, unsound
from ccpa_office.keeping import KEEPER_LOCK, due_models
from ccpa_office.ledger.anchors import path as anchor_path
from ccpa_office.models import ClockGuard, WorkState
from ccpa_office.roles import Verb, holders

ANCHOR_AGE = timedelta(minutes=30)
WORK_AGE = timedelta(minutes=15)
CLOCK_GAP = timedelta(seconds=5)
FEWEST_APPROVERS = 3


def anchors_are_fresh() -> Iterator[Finding]:
    """anchor-missing, anchor-old: nobody outside the database vouches for the newest lines."""
    path = anchor_path()
    cure = "See that a keeper runs and may write there; `manage.py ledger anchor` makes one now."
    if not path.exists():
        yield unsound("anchor-missing", f"There is no anchor in {path.parent}.", cure)
        return
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC) + clock.offset()
    if clock.now() - written > ANCHOR_AGE:
        yield unsound("anchor-old", "The newest anchor is older than 30 minutes.", cure)


def book_is_sound() -> Iterator[Finding]:
    """ledger-unsound: a line was changed, removed, or written around the verbs."""
    try:
        found = ledger.verify()
    except ledger.BadSigningKey:
        return  # E004 says so already
    if not found.sound:
        yield unsound(
            "ledger-unsound",
            f"The book is not what it was from line {found.first_bad_line}: {found.reason}.",
            "Stop the office, keep a copy of the database, run `manage.py ledger verify`. "
            "If a backup was restored: docs/how-to/back-up-and-restore.md says what to do.",
        )


def clocks_agree() -> Iterator[Finding]:
    """clock-skew: the machine and the database do not agree on the time."""
    before = clock.now()
    moment: datetime = ask("SELECT clock_timestamp()")[0][0]
    gap = abs(moment + clock.offset() - before)
    if gap > CLOCK_GAP:
        yield unsound(
            "clock-skew",
            f"The database's clock is {gap.total_seconds():.0f} s away from this machine's.",
            "Set both machines by NTP.",
        )


def clock_is_trusted_by_the_guard() -> Iterator[Finding]:
    """clock-suspect: the clock jumped, so nothing is erased or closed until a person looked."""
    seen = ClockGuard.objects.filter(seen_at__isnull=False).exists()
    if seen and not clock_is_trusted():
        yield unsound(
            "clock-suspect",
            "The clock jumped; erasures, purges and closures wait.",
            "Look at the clock, then confirm it as chief at the desks.",
        )


def no_work_is_parked() -> Iterator[Finding]:
    """work-parked: work that needs a person."""
    counts = [
        model._default_manager.filter(state=WorkState.PARKED).count() for model in due_models()
    ]
    parked = sum(counts)
    if parked:
        yield unsound(
            "work-parked",
            f"{parked} pieces of work gave up and wait for a person.",
            "The lamp “Work” on the first page of the desks leads to it, with why and what to do.",
        )


def no_work_is_late() -> Iterator[Finding]:
    """work-late: the oldest ready work has waited for more than 15 minutes."""
    oldest = [
        model._default_manager.filter(state=WorkState.READY).aggregate(at=Min("not_before"))["at"]
        for model in due_models()
    ]
    waiting = [clock.now() - at for at in oldest if at is not None]
    if waiting and max(waiting) > WORK_AGE:
        yield unsound(
            "work-late",
            f"Work has been due for {max(waiting).total_seconds() / 60:.0f} minutes.",
            "See that workers and a keeper run, and what their logs say.",
        )


def a_keeper_leads() -> Iterator[Finding]:
    """keeper-missing: nobody turns notices into hints, ticks the schedules, anchors the book."""
    leads = ask(
        "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted "
        "AND objid = %s AND classid = 0 AND database = (SELECT oid FROM pg_database "
        "WHERE datname = current_database()))",
        [KEEPER_LOCK],
    )[0][0]
    if not leads:
        yield unsound("keeper-missing", "No keeper runs.", "Start `manage.py keeper`.")


def a_worker_answers() -> Iterator[Finding]:
    """worker-missing: the keeper alone does all work."""
    if not workers():
        yield unsound(
            "worker-missing",
            "No Celery worker answers.",
            "Start one: celery -A ccpa_office.celery:app worker. The keeper works meanwhile.",
        )


def workers() -> list[Any]:
    """Return the workers that answered within a second; none when the broker is away."""
    try:
        return list(celery_app.control.ping(timeout=1.0) or [])
    except Exception:  # noqa: BLE001 - every transport has its own errors; the broker has a finding
        return []


def enough_people_may_approve() -> Iterator[Finding]:
    """approvers-few: above the ceilings three people are needed."""
    staff = get_user_model().objects.filter(is_active=True)
    names = [role.value for role in holders(Verb.APPROVE)]
    count = staff.filter(groups__name__in=names).distinct().count()
    if count < FEWEST_APPROVERS:
        make = note if settings.DEMO else unsound
        yield make(
            "approvers-few",
            f"{count} people may approve an erasure; above the ceilings three are needed.",
            "Give the role of approver to more people.",
        )


def staff_have_a_second_factor() -> Iterator[Finding]:
    """second-factor-missing: a stolen password would be enough."""
    try:
        factors = apps.get_model("mfa", "Authenticator").objects.values("user")
    except LookupError:
        return
    staff = get_user_model().objects.filter(is_active=True, is_staff=True)
    count = staff.exclude(pk__in=factors).count()
    if count:
        make = note if settings.DEMO else unsound
        yield make(
            "second-factor-missing",
            f"{count} members of staff have no second factor.",
            "They set it up at their next sign-in; the chief can remind them.",
        )


EXAMINATIONS = (
    anchors_are_fresh,
    book_is_sound,
    clocks_agree,
    clock_is_trusted_by_the_guard,
    no_work_is_parked,
    no_work_is_late,
    a_keeper_leads,
    a_worker_answers,
    enough_people_may_approve,
    staff_have_a_second_factor,
)
