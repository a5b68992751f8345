"""A batch in words: what it waits for, who has to do something, how its system is spared."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from django.db.models import Count, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ccpa_office.admin.book import label
from ccpa_office.models import WorkState
from notices_app.models import DataSystem
from requests_app.admin.words import Trouble, trouble
from requests_app.fulfillment import pacing, residue
from requests_app.models import Batch, BatchState, Chunk, Look, Pace, Plan, PlanState, Slowed, Sweep

_L = gettext_lazy
MOST = 50

STANDING: Mapping[str, Any] = {
    BatchState.GATHERING: _L("The list is being read. If nobody reads it any more, throw it away."),
    BatchState.WAITING: _L("It waits for its approvals. Nothing is erased before."),
    BatchState.RUNNING: _L("It works by itself. Nothing is to be done."),
    BatchState.PAUSED: _L("Somebody paused it. It goes on when somebody says so."),
    BatchState.STOPPED: _L("It stopped for good. Nothing more of it is erased."),
    BatchState.DONE: _L("Everybody in it is done, and a second look proved it."),
}


class Parked(NamedTuple):
    """A piece of a batch that waits for a person: which, why and what to do, and its code."""

    what: str
    trouble: Trouble
    code: str


def standing(batch: Batch, *, parked: bool, stopped: bool) -> str:
    """What a batch waits for, in a sentence; ``stopped``: every erasure of the office is."""
    if batch.state == BatchState.RUNNING and stopped:
        return _(
            "Every erasure of the office stands still. It goes on when they are allowed again."
        )
    if batch.state == BatchState.WAITING and is_undecided(batch):
        return _("Rows that others reach too wait for a decision first. Nothing is erased before.")
    if parked and batch.state in {BatchState.RUNNING, BatchState.DONE}:
        return _("Part of it waits for a person: see below.")
    return str(STANDING.get(batch.state, ""))


def is_undecided(batch: Batch) -> bool:
    """Whether rows that others reach too wait for a decision, in a batch that waits for a yes."""
    plans = Plan.objects.filter(chunk__batch=batch, state=PlanState.FROZEN, undecided__gt=0)
    return plans.exists()


def parked_of(batch: Batch, chunks: Iterable[Chunk]) -> list[Parked]:
    """Chunks, later looks and sweeps that wait for a person."""
    waits = {"state": WorkState.PARKED}
    looks = Look.objects.filter(chunk__batch=batch, **waits).select_related("chunk")
    found: list[tuple[str, str]] = [
        *((_("Chunk %s") % each.ordinal, each.error_code)
          for each in chunks if each.state == WorkState.PARKED),
        *((_("A later look at chunk %s") % each.chunk.ordinal, each.error_code)
          for each in looks.order_by("chunk", "day")[:MOST]),
        *((_("The sweep of others' texts"), each.error_code)
          for each in Sweep.objects.filter(batch=batch, **waits)[:MOST]),
    ]  # fmt: skip
    told = [(what, trouble(code), code) for what, code in found]
    return [Parked(what, why, code) for what, why, code in told if why is not None]


def swept_words(batch: Batch) -> list[str]:
    """What the sweeps of a batch found, a sentence each."""
    found = batch.sweeps.order_by("ordinal").annotate(
        left=Count("traces", filter=Q(traces__state__in=residue.UNSETTLED))
    )
    return [_sweep_words(each, each.left) for each in found]


def _sweep_words(sweep: Sweep, left: int) -> str:
    if sweep.looked_at is None:
        return _("Others' texts are being swept: %s read so far.") % f"{sweep.read:,}"
    words = ngettext(
        "%s row of others tells of people of this batch and waits for a decision.",
        "%s rows of others tell of people of this batch and wait for a decision.",
        left,
    )
    said = words % left if left else _("Others' texts were swept: nothing is open.")
    alone = ngettext(
        "%s name or number stood alone and may be somebody else's.",
        "%s names or numbers stood alone and may be somebody else's.",
        sweep.names_alone,
    )
    return f"{said} {alone % sweep.names_alone}" if sweep.names_alone else said


def pace_words(system_key: str) -> str:
    """How a system is spared, in a sentence; nothing where it is worked on at full pace."""
    system = DataSystem.objects.filter(key=system_key).first()
    if system is None or (system.share >= pacing.WHOLE and not system.most_sessions):
        return ""
    said = _("Work takes %(share)s%% of the time of “%(system)s”.") % {
        "share": system.share, "system": system_key,
    }  # fmt: skip
    pace = Pace.objects.filter(system_key=system_key).first()
    why = label(Slowed, pace.slowed) if pace and pace.slowed else ""
    return f"{said} {_('Now: %s.') % why}" if why else said
