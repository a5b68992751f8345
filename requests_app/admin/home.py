"""The home desk's part of requests: my work, the next 45 days, what waits, lamps in words."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Model, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ccpa_office import clock_guard
from ccpa_office.admin import CAP, Panel, capped_count, site
from ccpa_office.models import LedgerSeal, UnsealedLine, WorkState
from ccpa_office.roles import Actor, Verb, may
from requests_app import casework
from requests_app.admin import queue
from requests_app.admin.batches import is_stopped, tonight
from requests_app.admin.letters import FAILED
from requests_app.admin.outside import OURS
from requests_app.admin.queue_views import VIEWS, Rows, gave_up, late_parts, my_views, waiting
from requests_app.fulfillment import lasting
from requests_app.models import (
    Batch,
    BatchState,
    Chunk,
    ConsumerRequest,
    Correction,
    CorrectionLook,
    Finding,
    LinkAsked,
    Look,
    Message,
    OutsideLook,
    OutsideTask,
    Package,
    Part,
    Plan,
    PlanState,
    Return,
    Step,
    Sweep,
)

DAYS = 45
MINE = 12


def my_work(actor: Actor, at: datetime) -> dict[str, Any] | None:
    """What waits for this very person, the nearest due date first; and what they have taken."""
    if not may(actor, Verb.SEE_CASES):
        return None
    on = queue.today(at)
    names = my_views(actor)
    rows = queue.open_rows()
    found: dict[int, dict[str, Any]] = {}
    for name in names:
        each = waiting(name, rows, actor, on)
        for row in each.order_by("due_on", "pk").values(*queue.COLUMNS)[:MINE]:
            found[row["pk"]] = row
    ordered = sorted(found.values(), key=lambda row: (row["due_on"] or queue.NO_DAY, row["pk"]))
    next_due = rows.filter(due_on__gte=on).order_by("due_on", "pk").values("due_on").first()
    return {
        "rows": queue.shown(ordered[:MINE], at=at),
        "taken": queue.count_words(VIEWS["mine"].rows(rows, actor, on)),
        "views": [(name, VIEWS[name].label) for name in names],
        "next_due": next_due["due_on"] if next_due else None,
        "outside": OutsideTask.objects.filter(OURS, assigned_to_id=actor.id).count(),
    }


def tiles(actor: Actor, at: datetime) -> dict[str, Any] | None:
    """Counts with their lists: due today, this week, late, second person, parked."""
    if not may(actor, Verb.SEE_CASES):
        return None
    on = queue.today(at)
    return {
        "tiles": [
            _tile(name, VIEWS[name].rows(queue.open_rows(), actor, on))
            for name in ("today", "week", "late", "second", "parked")
        ]
    }


def _tile(name: str, rows: Rows) -> dict[str, Any]:
    count = capped_count(rows)
    tone = "none" if not count else "late" if name in {"late", "parked"} else "some"
    shown = f"{CAP:,}+" if count > CAP else f"{count:,}"
    return {"name": name, "label": VIEWS[name].label, "count": shown, "tone": tone}


def strip(actor: Actor, at: datetime) -> dict[str, Any] | None:
    """How many answers are due on each of the next 45 days."""
    if not may(actor, Verb.SEE_CASES):
        return None
    on = queue.today(at)
    last = on + timedelta(days=DAYS - 1)
    counted = (
        queue.open_rows()
        .filter(due_on__gte=on, due_on__lte=last)
        .order_by()
        .values("due_on")
        .annotate(count=Count("pk"))
        .values_list("due_on", "count")
    )
    counts: dict[date | None, int] = dict(counted)
    most = max(counts.values(), default=0)
    days = [on + timedelta(days=day) for day in range(DAYS)]
    return {
        "days": [
            {"day": day, "count": counts.get(day, 0), "height": _height(counts.get(day, 0), most)}
            for day in days
        ],
        "busy": [(day, counts[day]) for day in days if day in counts],
        "first": on,
        "last": last,
    }


def _height(count: int, most: int) -> str:
    return f"h{1 + round(4 * count / most)}" if count else "h0"


def batches_tonight(actor: Actor, at: datetime) -> dict[str, Any] | None:
    """Tonight's batch, batches that wait or run, letters that failed."""
    if not may(actor, Verb.SEE_CASES):
        return None
    living = [BatchState.WAITING, BatchState.RUNNING, BatchState.PAUSED, BatchState.STOPPED]
    return {
        "tonight": tonight(at),
        "batches": list(Batch.objects.filter(state__in=living).order_by("-pk")[:5]),
        "may_open": any(
            may(actor, verb) for verb in (Verb.RUN_BATCH, Verb.STOP_BATCH, Verb.APPROVE_BATCH)
        ),
        "failed": capped_count(Message.objects.filter(FAILED)),
        "may_letters": may(actor, Verb.SEE_LETTERS),
    }


def lamps(actor: Actor, at: datetime) -> dict[str, Any] | None:
    """Ledger, proofs, clock, the switch, parked work: each with words."""
    _ignored = at
    return {
        "lamps": [
            _ledger_lamp(),
            _proof_lamp(),
            _clock_lamp(),
            _switch_lamp(),
            _package_lamp(),
            _correction_lamp(),
            _work_lamp(actor),
        ],
    }


def _lamp(name: str, tone: str, words: str, link: str = "") -> dict[str, str]:
    return {"name": name, "tone": tone, "words": words, "link": link}


def _ledger_lamp() -> dict[str, str]:
    sealed = LedgerSeal.objects.order_by("-position").values_list("position", flat=True).first()
    waiting = capped_count(UnsealedLine.objects.all())
    words = _("sealed up to line %s") % (sealed or 0)
    if waiting:
        more = ngettext("%s line waits", "%s lines wait", waiting) % waiting
        return _lamp(_("Ledger"), "warn" if waiting > 100 else "", f"{words}; {more}")
    return _lamp(_("Ledger"), "", words)


def _proof_lamp() -> dict[str, str]:
    unsettled = capped_count(Plan.objects.filter(state=PlanState.RESIDUAL))
    if unsettled:
        words = ngettext(
            "%s plan: something is left, came back, or stands in others' texts",
            "%s plans: something is left, came back, or stands in others' texts",
            unsettled,
        )
        desk = reverse("admin:requests_app_batch_changelist")
        return _lamp(_("Proofs"), "bad", words % unsettled, desk)
    settled = Exists(Return.objects.filter(look=OuterRef("pk")))
    bad = capped_count(Look.objects.filter(~settled, finding=Finding.RESIDUAL))
    if bad:
        words = ngettext("%s look found something left", "%s looks found something left", bad) % bad
        return _lamp(_("Proofs"), "bad", words)
    return _lamp(_("Proofs"), "", _("every look found nothing left, or only what is kept"))


def _clock_lamp() -> dict[str, str]:
    if clock_guard.clock_is_trusted():
        return _lamp(_("Clock"), "", _("trusted"))
    return _lamp(_("Clock"), "bad", _("not trusted: nothing is erased and nothing ends"))


def _switch_lamp() -> dict[str, str]:
    if is_stopped():
        return _lamp(_("Erasures"), "bad", _("stopped for the whole office"))
    return _lamp(_("Erasures"), "", _("allowed"))


def _package_lamp() -> dict[str, str]:
    """Packages that were handed over when their owner said that it was somebody else."""
    back = ConsumerRequest.objects.filter(hold=casework.NOT_ME, closed_at__isnull=False)
    numbers = list(back.order_by("closed_at").values_list("number", flat=True)[:2])
    if not numbers:
        return _lamp(_("Packages"), "", _("none was called back"))
    words = ngettext("one was called back", "several were called back", len(numbers))
    link = reverse("admin:requests_app_consumerrequest_change", args=[numbers[0]])
    return _lamp(_("Packages"), "bad", words, link)


def _correction_lamp() -> dict[str, str]:
    """Corrected fields in which a later look found the wrong value back."""
    back = lasting.undone().order_by("pk")
    numbers = list(back.values_list("correction__consumer_request__number", flat=True)[:1])
    if not numbers:
        return _lamp(_("Corrections"), "", _("none was undone"))
    link = reverse("admin:requests_app_consumerrequest_change", args=[numbers[0]])
    return _lamp(_("Corrections"), "bad", _("a wrong value is back"), link)


def _where_parked(actor: Actor, waits: Mapping[type[Model], int]) -> str:
    """The desk at which what waits can be tried again; nothing where no role opens it."""
    requests = f"{reverse('admin:requests_app_consumerrequest_changelist')}?view=parked"
    letters = reverse("admin:requests_app_message_changelist")
    batches = reverse("admin:requests_app_batch_changelist")
    outside = reverse("admin:requests_app_outsidetask_changelist")
    ways = (
        (LinkAsked, Verb.SEE_LETTERS, letters),
        (Step, Verb.SEE_CASES, requests),
        (Message, Verb.SEE_CASES, requests),
        (Correction, Verb.SEE_CASES, requests),
        (Package, Verb.SEE_CASES, requests),
        (Part, Verb.SEE_CASES, requests),
        (OutsideTask, Verb.SEE_CASES, outside),
        (OutsideLook, Verb.SEE_CASES, outside),
        (CorrectionLook, Verb.SEE_CASES, _case_of_look() if waits[CorrectionLook] else ""),
        (Chunk, Verb.RUN_BATCH, batches),
        (Look, Verb.RUN_BATCH, batches),
        (Sweep, Verb.RUN_BATCH, batches),
    )
    return next((to for model, verb, to in ways if waits[model] and may(actor, verb)), "")


def _case_of_look() -> str:
    """The case whose corrected field could not be looked at again."""
    rows = CorrectionLook.objects.filter(state=WorkState.PARKED).order_by("pk")
    number = rows.values_list("correction__consumer_request__number", flat=True).first()
    return reverse("admin:requests_app_consumerrequest_change", args=[number]) if number else ""


def _work_lamp(actor: Actor) -> dict[str, str]:
    waits: dict[type[Model], int] = {
        model: capped_count(model.rows().filter(state=WorkState.PARKED))
        for model in (
            Step,
            Message,
            Chunk,
            Look,
            LinkAsked,
            OutsideTask,
            OutsideLook,
            CorrectionLook,
            Sweep,
        )
    }
    waits[Correction] = capped_count(Correction.objects.filter(
        state=WorkState.PARKED, consumer_request__closed_at=None,
    ))  # fmt: skip
    waits[Package] = capped_count(gave_up())
    waits[Part] = capped_count(late_parts())
    count = sum(waits.values())
    if count:
        words = ngettext("%s piece waits for a person", "%s pieces wait for a person", count)
        return _lamp(_("Work"), "warn", words % count, _where_parked(actor, waits))
    return _lamp(_("Work"), "", _("nothing is parked"))


site.panels += [
    Panel("admin/parts/my_work.html", my_work, 10),
    Panel("admin/parts/tiles.html", tiles, 20),
    Panel("admin/parts/strip.html", strip, 30),
    Panel("admin/parts/tonight.html", batches_tonight, 40, aside=True),
    Panel("admin/parts/lamps.html", lamps, 30, aside=True),
]
