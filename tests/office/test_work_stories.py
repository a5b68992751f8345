"""Long stories of claims, lost leases and jumping clocks, beside a small model of what must be."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.db.models.functions import Now
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from ccpa_office import work
from tests.office.chores import Chore

PAST = datetime(2026, 1, 5, 18, tzinfo=UTC)
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
LEASES = {"over": timedelta(hours=-1), "far": timedelta(hours=1)}


@dataclass
class Ought:
    """What a row ought to be."""

    due: bool
    state: str = "ready"
    lease: str = ""  # "", "held", "over", "far"
    fence: int = 0
    attempts: int = 0

    @property
    def claimable(self) -> bool:
        return (self.state == "ready" and self.due) or self.lease in ("over", "far")


class Stories(RuleBasedStateMachine):
    rows = Bundle("rows")
    claims = Bundle("claims")

    def __init__(self):
        super().__init__()
        Chore.rows().all().delete()
        self.ought: dict[int, Ought] = {}

    @rule(target=rows, due=st.booleans())
    def write(self, due):
        row = Chore.rows().create(lane="house", not_before=PAST if due else FUTURE)
        self.ought[row.pk] = Ought(due)
        return row.pk

    @rule(target=claims, n=st.integers(1, 3))
    def claim(self, n):
        expected = []
        for pk in [pk for pk, ought in sorted(self.ought.items()) if ought.claimable][:n]:
            ought = self.ought[pk]
            ought.fence += 1
            if ought.attempts >= work.MAX_ATTEMPTS:
                ought.state, ought.lease = "parked", ""
            else:
                ought.state, ought.lease, ought.attempts = "running", "held", ought.attempts + 1
                expected.append(pk)
        held = work.claim(Chore, lane="house", n=n, owner="x")
        assert [row.pk for row in held] == expected
        return multiple(*held)

    @rule(pk=rows, lease=st.sampled_from(sorted(LEASES)))
    def time_passes_or_jumps(self, pk, lease):
        if self.ought[pk].state == "running":
            self.ought[pk].lease = lease
            Chore.rows().filter(pk=pk).update(lease_until=Now() + LEASES[lease])

    def attempt(self, row, write, after):
        ought = self.ought[row.pk]
        ours = ought.state == "running" and ought.fence == row.fence
        if ours:
            write()
            after(ought)
        else:
            with pytest.raises(work.LeaseLost):
                write()

    @rule(row=claims)
    def renew(self, row):
        self.attempt(row, lambda: work.renew(row), lambda o: setattr(o, "lease", "held"))

    @rule(row=consumes(claims))
    def finish(self, row):
        def after(ought):
            ought.state, ought.lease = "done", ""

        self.attempt(row, lambda: work.finish(row), after)

    @rule(row=consumes(claims))
    def park(self, row):
        def after(ought):
            ought.state, ought.lease = "parked", ""

        self.attempt(row, lambda: work.park(row, error_code="x"), after)

    @rule(row=consumes(claims), soon=st.booleans())
    def hand_back(self, row, soon):
        def after(ought):
            last = ought.attempts >= work.MAX_ATTEMPTS
            ought.state, ought.lease, ought.due = "parked" if last else "ready", "", soon

        # a due row keeps its place: its moment is put back into the past
        delay = PAST - datetime.now(UTC) if soon else timedelta(days=999)  # noqa: TID251
        self.attempt(row, lambda: work.hand_back(row, error_code="x", delay=delay), after)
        Chore.rows().filter(pk=row.pk, state="ready", not_before__lt=Now()).update(not_before=PAST)

    @rule(pk=rows)
    def unpark(self, pk):
        ought = self.ought[pk]
        parked = ought.state == "parked"
        assert work.unpark(Chore(pk=pk), not_before=PAST) is parked
        if parked:
            ought.state, ought.attempts, ought.due = "ready", 0, True

    @invariant()
    def the_table_is_what_it_ought_to_be(self):
        table = Chore.rows().values_list("pk", "state", "fence", "attempts").order_by("pk")
        ought = [(pk, o.state, o.fence, o.attempts) for pk, o in sorted(self.ought.items())]
        assert list(table) == ought


def test_every_story_ends_as_the_model_says(chore_table):
    run_state_machine_as_test(
        Stories,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
