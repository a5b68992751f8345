"""A chunk in memory: its plans, people and parts, read in one statement."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from ccpa_office import sealing
from ccpa_office.connectors.base import Key
from requests_app import targets
from requests_app.fulfillment.packing import Part, Subject, open_part, open_subjects
from requests_app.models import Batch, BatchState, Chunk, Plan, PlanState, PlanTable, Switch
from requests_app.targets import Target


class NotNow(Exception):
    """The kill switch is set, or the batch is paused or stopped: nothing is touched."""


@dataclass(frozen=True)
class Load:
    """A chunk in memory: its plans, its people in one row, and the merged parts of its plans."""

    chunk: Chunk
    target: Target
    plans: list[Plan]
    subjects: list[Subject]
    first: dict[int, int]
    parts: list[Part]

    @property
    def people(self) -> list[Key]:
        return [each.key for each in self.subjects]

    def subject_of(self, place: int) -> str:
        """Whom the book names for a person: the number of the request, or the list's batch."""
        for plan in self.plans:
            first = self.first[plan.pk]
            if first <= place < first + plan.people and plan.consumer_request:
                return plan.consumer_request.number
        return f"batch:{self.chunk.batch_id}"


def load(chunk: Chunk, *, state: PlanState = PlanState.EXECUTING) -> Load:
    """Read a chunk's plans, parts and keys in one statement. Raises ``NotNow``."""
    rows = list(
        PlanTable.objects.filter(plan__chunk=chunk, plan__state=state)
        .select_related("plan__data_key", "plan__consumer_request", "plan__chunk__batch")
        .annotate(
            halted=Exists(Switch.objects.filter(stopped=True)),
            paused=Exists(
                Batch.objects.filter(pk=OuterRef("plan__chunk__batch")).exclude(
                    state=BatchState.RUNNING
                )
            ),
        )
        .order_by("plan_id", "ordinal")
    )
    if not rows or any(row.halted or row.paused for row in rows):
        raise NotNow
    plans = list({row.plan_id: row.plan for row in rows}.values())
    boxes = {plan.pk: sealing.Box(plan.data_key) for plan in plans}
    subjects: list[Subject] = []
    first: dict[int, int] = {}
    for plan in sorted(plans, key=lambda each: each.parent_id or 0):
        if plan.parent_id:
            first[plan.pk] = first[plan.parent_id]
            continue
        first[plan.pk] = len(subjects)
        subjects += open_subjects(boxes[plan.pk], plan)
    parts = [(first[row.plan_id], open_part(boxes[row.plan_id], row)) for row in rows]
    target = targets.under(plans[0].map_version_id)
    return Load(chunk, target, plans, subjects, first, merge(parts))


def merge(parts: Iterable[tuple[int, Part]]) -> list[Part]:
    """One part for each table and action of the chunk, its people counted over the chunk."""
    merged: dict[tuple[str, str], Part] = {}
    for first, part in parts:
        whole = merged.setdefault((part.table, part.action), Part(part.table, part.action, [], []))
        whole.keys.extend(part.keys)
        whole.persons.extend(first + person for person in part.persons)
    return list(merged.values())
