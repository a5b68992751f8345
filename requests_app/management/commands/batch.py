"""Batches of deletions on the command line."""

import json
import time
from argparse import ArgumentParser
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Min, QuerySet

from ccpa_office import clock
from ccpa_office.connectors.base import ConnectorError
from ccpa_office.law.deadlines import PACIFIC
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, NotAllowed
from notices_app import datamap
from requests_app.fulfillment import batches, lists, parting
from requests_app.models import Batch, BatchState, Chunk, Plan, PlanState

REFUSALS = (
    NotAllowed,
    ConnectorError,
    batches.ApprovalRefused,
    datamap.NoActiveMap,
    datamap.NoAddress,
    datamap.NoSuchSystem,
    lists.ListRefused,
)
PAUSE = 0.5
FINISHED = (BatchState.DONE, BatchState.STOPPED)


class Command(BaseCommand):
    help = (
        "Deletion batches. `list` shows them; `open` freezes a list of people for approval; `run` "
        "makes now what is due now or tonight (never before the end of its cool-off), and --wait "
        "follows the workers; `pause` lets no further chunk start, `resume` goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One word says what to do; whoever acts is named with --as."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        show = verbs.add_parser("list", help="every batch, newest first")
        opened = verbs.add_parser("open", help="freeze a list of people; approvals come next")
        opened.add_argument("--system", required=True, metavar="KEY")
        opened.add_argument("--list", required=True, metavar="FILE", help="CSV, identifier columns")
        run = verbs.add_parser("run", help="carry out now what is approved and past its cool-off")
        run.add_argument("--wait", action="store_true", help="show progress until it is done")
        run.add_argument("--seconds", type=float, default=600.0, help="wait no longer than this")
        for verb in ("pause", "resume"):
            switch = verbs.add_parser(verb, help=f"{verb} one batch, or all that can be")
            switch.add_argument("batch", nargs="?", type=int, metavar="NUMBER")
        for one in verbs.choices.values():
            one.add_argument("--as", dest="by", metavar="USERNAME", help="in whose name")
        for one in (show, opened, run):
            one.add_argument("--json", action="store_true", help="print facts as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it. Raises CommandError when the house refuses."""
        try:
            getattr(self, f"_{options['verb']}")(options)
        except REFUSALS as refusal:
            words = str(refusal) or type(refusal).__doc__ or ""
            raise CommandError(words) from None

    # --- verbs ----------------------------------------------------------------------------------

    def _list(self, options: dict[str, Any]) -> None:
        rows = [facts(batch) for batch in Batch.objects.order_by("-pk")]
        if options["json"]:
            self.stdout.write(json.dumps(rows))
            return
        for row in rows:
            done = f"{row['people_done']} of {row['people']} people"
            self.stdout.write(f"{row['batch']:>5}  {row['state']:10} {done:22} {row['opened_at']}")
        if not rows:
            self.stdout.write("No batch yet.")

    def _open(self, options: dict[str, Any]) -> None:
        by = staff(options["by"])
        datamap.system(options["system"])
        try:
            with Path(options["list"]).open(encoding="utf-8-sig", newline="") as lines:
                opened = lists.open_list(options["system"], lines, by=by, at=clock.now())
        except (OSError, UnicodeDecodeError):
            raise CommandError("The list cannot be read.", returncode=2) from None
        row = {
            **facts(opened.batch),
            "found": opened.found,
            "unknown": opened.unknown,
            "ambiguous": opened.ambiguous,
        }
        words = (
            f"Batch {opened.batch.pk}: {opened.found} people found, {opened.unknown} unknown, "
            f"{opened.ambiguous} ambiguous. {opened.batch.get_state_display()}."
        )
        self.stdout.write(json.dumps(row) if options["json"] else words)

    def _run(self, options: dict[str, Any]) -> None:
        at = clock.now()
        if options["by"] or settings.DEMO:
            batches.run_now(by=staff(options["by"]), at=at)
        while batches.open_due(at=at):
            pass
        if options["wait"]:
            self._wait(time.monotonic() + options["seconds"], quiet=options["json"])
        if options["json"]:
            going = Batch.objects.exclude(state__in=FINISHED).order_by("pk")
            self.stdout.write(json.dumps([facts(batch) for batch in going]))
        else:
            self.stdout.write(outlook())

    def _wait(self, deadline: float, *, quiet: bool) -> None:
        """Say how far it is whenever that changes, until no running batch has work left.

        A cool-off that ends while there is time to wait is waited for.
        """
        said = ""
        while (left := deadline - time.monotonic()) > 0:
            at = clock.now()
            opened = batches.open_due(at=at)
            going = list(Batch.objects.filter(state=BatchState.RUNNING).order_by("pk"))
            working = any(has_work(batch) for batch in going)
            first = None if working else first_due()
            soon = first if first and at < first <= at + timedelta(seconds=left) else None
            words = "; ".join(progress(facts(batch)) for batch in going)
            words = f"The cool-off ends at {moment(soon)}." if soon else words
            if words != said and words and not quiet:
                self.stdout.write(words)
            said = words
            if not (working or soon or opened):
                return
            time.sleep(PAUSE)
        raise CommandError("It is not done yet; are the workers running?")

    def _pause(self, options: dict[str, Any]) -> None:
        self._switch(options, BatchState.RUNNING, batches.pause)

    def _resume(self, options: dict[str, Any]) -> None:
        self._switch(options, BatchState.PAUSED, batches.resume)

    def _switch(self, options: dict[str, Any], was: BatchState, verb: Any) -> None:
        by, number = staff(options["by"]), options["batch"]
        chosen = Batch.objects.filter(pk=number) if number else Batch.objects.filter(state=was)
        if number and not chosen:
            raise CommandError("No batch has that number.", returncode=2)
        for batch in chosen:
            verb(batch, by=by, at=clock.now())
            batch.refresh_from_db()
            self.stdout.write(f"Batch {batch.pk}: {batch.get_state_display()}")


# --- facts --------------------------------------------------------------------------------------


def staff(name: str | None) -> Actor:
    """In whose name the command acts: the demo's officer, if nobody is named."""
    if not name and not settings.DEMO:
        raise CommandError("Say in whose name: --as USERNAME.", returncode=2)
    member = StaffMember.objects.filter(username=name or "officer").first()
    if member is None:
        raise CommandError("No member of staff has that name.", returncode=2)
    return Actor.of(member)


def facts(batch: Batch) -> dict[str, Any]:
    """What is known of a batch; nothing about anybody in it."""
    set_aside = [*batches.STOPS.values(), parting.BATCH_STOPPED]
    over = batch.chunks.filter(stage=Chunk.Stage.DONE).exclude(error_code__in=set_aside)
    done = over.values_list("people", flat=True)
    return {
        "batch": batch.pk,
        "kind": batch.kind,
        "system": batch.system_key,
        "state": batch.state,
        "people": batch.people,
        "people_done": sum(done),
        "approvals_needed": batch.approvals_needed,
        "approvals": batch.approvals.count(),
        "parked": batch.chunks.filter(state="parked").count(),
        "opened_at": batch.opened_at.isoformat(timespec="seconds"),
    }


def progress(row: dict[str, Any]) -> str:
    """How far a batch is, in words."""
    parked = f", {row['parked']} parked" if row["parked"] else ""
    return f"Batch {row['batch']}: {row['people_done']} of {row['people']} people{parked}"


def has_work(batch: Batch) -> bool:
    """Whether a worker can still do something for it now."""
    return batch.chunks.filter(state__in=["ready", "running"]).exists()


def outlook() -> str:
    """What comes next, in words."""
    if waiting := Batch.objects.filter(state=BatchState.WAITING).count():
        return f"Waiting for approval: {waiting} of the batches."
    first = first_due()
    if first is None:
        return "Nothing is left to do."
    return f"Not yet due: {coming().count()} plans; the first at {moment(first)}."


def coming() -> QuerySet[Plan]:
    """The approved plans that no batch has taken up yet."""
    return Plan.objects.filter(state=PlanState.APPROVED, chunk__isnull=True)


def first_due() -> datetime | None:
    """When the first of them has cooled off."""
    first: datetime | None = coming().aggregate(first=Min("executable_at"))["first"]
    return first


def moment(at: datetime) -> str:
    """A moment in Pacific time, to the second."""
    return at.astimezone(PACIFIC).strftime("%Y-%m-%d %H:%M:%S %Z")
