"""The mass tier: a long list erased by workers that die in the middle, beside one clean run.

1. A list of people is frozen and approved; both databases are remembered as they stand then.
2. The clean run: two workers erase and prove it. What is left of it is the reference.
3. The struck run: from the same state, twenty times signal 9 to a worker on the way.
4. Twice more the same batch, over the store that the struck run left: nothing may change.
5. The list once more, as a new one: nobody of it is found.

After each run the receipts must name every planned row, the book must verify, and the rows of
both databases must be those of the clean run.
"""

import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg
from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django.db.models import Sum
from psycopg import sql

from ccpa_office import clock, clock_guard, connectors
from notices_app.management.commands.learner_database import fill
from requests_app.fulfillment import batches, lists
from requests_app.models import Batch, BatchState, Chunk, PlanTable, Receipt, Sweep
from tests.builders import Team, serve
from tests.rig import crew, digest, invariants, settings
from tests.rig.company import again, migrate
from tests.rig.crew import Crew, Stuck
from tests.rig.report import Report
from tests.rig.runs import Told
from tests.rig.seams import Orders
from tests.rig.settings import LEARNERS, OFFICE

CHUNKS = 100
"""So many chunks a list has, whatever its size, so that kills are spread alike."""
LEASE = 30.0
KILLS = 20
MOST_SWEPT = 10_000
"""The texts of others are swept to the end for a list of so many people; for a longer one reading
every text of the store four times would take hours."""
WHOLE = 2
"""So many of the kills take a worker with all of its processes."""
STRUCK = (
    "erase.before-effect", "erase.after-effect", "erase.before-commit", "erase.after-commit",
    "prove.before-commit", "prove.after-commit",
)  # fmt: skip
PLAIN = "id > 10 AND id % 20 NOT IN (9, 10)"
"""Learners who share no row with anybody, so that no decision stands between them and the work."""
APPROVED = {name: f"{name}_approved" for name in (OFFICE, LEARNERS)}


@dataclass
class Mass:
    """What the runs share."""

    people: int
    report: Report
    orders: Orders
    team: Team = field(default_factory=Team)
    emails: list[str] = field(default_factory=list)
    batch: int = 0
    reference: digest.Digest = field(default_factory=dict)


def conduct(people: int, seed: int) -> int:
    """Tell the mass tier. Returns 0 when every run ended as the clean one did."""
    report = Report("mass", seed)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, settings.FOLDER, ignore_errors=True)
        mass = _set_up(stack, people, report)
        report.say(f"{people:,} people frozen and approved after {report.elapsed():.0f} s")
        for name, store in (("clean", True), ("struck", True), ("again", False), ("again", False)):
            told = _run(mass, name, fresh_store=store)
            mass.reference = mass.reference or told.digest
            report.add(told)
        report.add(_asked_again(mass))
    report.say(f"{'FAILED' if report.status else 'sound'} in {report.elapsed():.0f} s, seed {seed}")
    return report.status


def _set_up(stack: ExitStack, people: int, report: Report) -> Mass:
    (settings.FOLDER / "logs").mkdir(exist_ok=True)
    engines = settings.ENGINES
    stack.enter_context(engines.home.locked())
    stack.callback(engines.stop)
    engines.start()
    connections["default"].settings_dict["OPTIONS"]["application_name"] = "rig"
    settings.CHILD["RIG_CHANGES"] = json.dumps(_changes())
    crew.make_database(OFFICE)
    crew.make_database(LEARNERS)
    sizes = fill(settings.LEARNER_URL, people=people * 10 // 9 + 40, seed=1)
    report.say(f"{sum(sizes.values()):,} rows in {len(sizes)} tables, {report.elapsed():.0f} s")
    call_command("collectstatic", interactive=False, verbosity=0)
    migrate()
    clock_guard.witness(clock.now())
    mass = Mass(people, report, Orders(settings.SEAMS))
    serve(mass.team, settings.LEARNER_URL)
    _approve(mass)
    _leave()
    for name, copy in APPROVED.items():
        crew.make_database(copy, name)
    return mass


def _changes() -> dict[str, dict[str, float]]:
    work = settings.CHANGES["ccpa_office.work"]
    longer = {**work, "claim.lease": LEASE, "renew.lease": LEASE}
    return {**settings.CHANGES, "ccpa_office.work": longer}


def _approve(mass: Mass) -> None:
    batches.CHUNK = max(1, min(1000, mass.people // CHUNKS))
    with psycopg.connect(settings.LEARNER_URL) as there:
        rows = there.execute(f"SELECT email FROM accounts WHERE {PLAIN} ORDER BY md5(email)")  # noqa: S608
        mass.emails = [email for (email,) in rows.fetchall()][: mass.people]
    assert len(mass.emails) == mass.people, "too few plain learners"
    opened = _open(mass)
    assert opened.found == mass.people, "a list of plain learners names each of them"
    batch = opened.batch
    for approver in (mass.team.approver, mass.team.second):
        batch.refresh_from_db()
        if batch.state == BatchState.WAITING:
            batches.approve(batch, hash=batch.hash, by=approver, at=clock.now())
    batch.refresh_from_db()
    assert batch.state == BatchState.RUNNING, "two approvals let a list run"
    mass.batch = batch.pk


def _open(mass: Mass) -> lists.Opened:
    entries = ["email", *mass.emails]
    return lists.open_list("learners", entries, by=mass.team.officer, at=clock.now())


def _leave() -> None:
    connectors.close_all()
    connections.close_all()


# --- one run ------------------------------------------------------------------------------------


def _run(mass: Mass, name: str, *, fresh_store: bool) -> Told:
    """Erase and prove the batch from where it was approved; look at what is left."""
    told, began = Told(name), time.monotonic()
    _restore(fresh_store=fresh_store)
    mass.orders.clear()
    with _crew() as people:
        try:
            _work_off(mass, people, told, _strikes(mass, name))
        except Stuck as stuck:
            told.bad.append(f"stuck: {stuck}\n{people.log_of(people.children)}")
    told.seconds = time.monotonic() - began
    for seam, deed, program, _pid in mass.orders.done():
        told.struck[seam] += 1
        told.faults[f"{deed} {program}"] += 1
    _look(mass, told)
    if name == "struck" and told.faults.total() < KILLS:
        told.bad.append(f"only {told.faults.total()} of {KILLS} kills")
    _leave()
    return told


def _restore(*, fresh_store: bool) -> None:
    for name, copy in APPROVED.items():
        if name == OFFICE or fresh_store:
            crew.make_database(name, copy)
    shutil.rmtree(settings.ANCHORS, ignore_errors=True)
    shutil.rmtree(settings.FOLDER / "erasures", ignore_errors=True)
    clock_guard.witness(clock.now())


@contextmanager
def _crew() -> Iterator[Crew]:
    people = Crew(settings.VARIABLES)
    people.start("worker", "worker2", "keeper")
    try:
        yield people
    finally:
        people.end()


def _strikes(mass: Mass, name: str) -> list[float]:
    """Order the kills of processes at seams; return when whole workers die, as shares."""
    if name != "struck":
        return []
    chance = random.Random(f"{mass.report.seed} {name}")  # noqa: S311 - one seed, one history
    for number in range(KILLS - WHOLE):
        third = number // len(STRUCK)
        ordinal = chance.randrange(5 + 30 * third, 30 + 30 * third)
        mass.orders.give("kill", STRUCK[number % len(STRUCK)], [ordinal])
    return sorted(chance.uniform(0.1, 0.9) for _ in range(WHOLE))


def _work_off(mass: Mass, people: Crew, told: Told, whole: list[float]) -> None:
    """Wait for the batch's end, reviving who died; take whole workers down on the way."""
    ends = time.monotonic() + 120 + mass.people / 25
    began, erased = time.monotonic(), 0
    while not again(lambda: _is_over(mass)):
        if time.monotonic() > ends:
            raise Stuck(again(lambda: _where(mass)))
        people.tend()
        done = again(
            lambda: Chunk.objects.filter(batch=mass.batch, proved_at__isnull=False).count()
        )
        if done != erased and whole and done >= whole[0] * _chunks(mass):
            whole.pop(0)
            name = ("worker", "worker2")[len(whole) % 2]
            people.kill(name)
            told.faults[f"kill-all {name}"] += 1
        erased = done
        time.sleep(0.2)
    seconds = time.monotonic() - began
    told.notes.append(
        f"{mass.people:,} people in {seconds:.0f} s: {mass.people / seconds:,.0f} people/s,"
        f" revived {dict(people.revived)}"
    )


def _is_over(mass: Mass) -> bool:
    done = Batch.objects.get(pk=mass.batch).state == BatchState.DONE
    if mass.people > MOST_SWEPT:
        return done
    sweeps = Sweep.objects.filter(batch=mass.batch)
    return done and sweeps.exists() and not sweeps.exclude(state="done").exists()


def _chunks(mass: Mass) -> int:
    return Chunk.objects.filter(batch=mass.batch).count()


def _where(mass: Mass) -> str:
    chunks = Chunk.objects.filter(batch=mass.batch).exclude(stage=Chunk.Stage.DONE)
    return str(Counter(chunks.values_list("stage", "state", "error_code")))


# --- what is left ---------------------------------------------------------------------------------


def _look(mass: Mass, told: Told) -> None:
    told.bad += again(invariants.broken)
    told.bad += again(invariants.book)
    told.bad += invariants.roots()
    told.bad += _incomplete(mass)
    told.digest = {**_office(), **_store(settings.LEARNER_URL)}
    differs = _tables(mass.reference, told.digest) if mass.reference else []
    if told.name == "again":  # what the office notes of rows that were gone is not the same
        differs = [name for name in differs if name not in {"Receipt", "LedgerLine"}]
    told.bad += [f"differs from the clean run: {name}" for name in differs]
    done = Receipt.objects.filter(chunk__batch=mass.batch).aggregate(Sum("done"), Sum("gone"))
    told.notes.append(f"receipts: {done['done__sum']:,} done, {done['gone__sum']:,} gone before")


def _incomplete(mass: Mass) -> list[str]:
    """Planned rows that no receipt names, table by table and chunk by chunk."""
    acted = PlanTable.objects.filter(plan__chunk__batch=mass.batch).exclude(action="keep")
    planned = _sums(acted.values_list("plan__chunk", "table", "action", "rows"))
    receipts = Receipt.objects.filter(chunk__batch=mass.batch)
    named = _sums(receipts.values_list("chunk", "table", "action", "planned"))
    return [
        f"chunk {place}: no complete receipt" for place in (planned - named) + (named - planned)
    ]


def _sums(rows: Iterable[tuple[int, str, str, int]]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for chunk, table, action, count in rows:
        sums[f"{chunk} {table} {action}"] += count
    return sums


def _office() -> digest.Digest:
    """Each table of the office as the multiset of its rows, every row a short digest."""
    reader, found = digest.Reader(), {}
    for app in digest.APPS:
        for model in apps.get_app_config(app).get_models():
            if model.__name__ not in digest.NOT_TABLES:
                told = (reader.told(row) for row in model._base_manager.iterator(2000))
                found[model.__name__] = Counter(digest.short_of(row) for row in told if row)
    return found


def _store(url: str) -> digest.Digest:
    """Each table of the business's database: its number of rows and a sum over their digests."""
    found: digest.Digest = {}
    with psycopg.connect(url, autocommit=True) as there:
        names = there.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (name,) in names.fetchall():
            question = sql.SQL(
                "SELECT count(*), coalesce(sum(('x' || substr(md5(t::text), 1, 15))"
                "::bit(60)::bigint::numeric), 0) FROM {} t"
            ).format(sql.Identifier(name))
            row = there.execute(question).fetchone()
            found[f"learners.{name}"] = Counter([str(row)])
    return found


def _tables(left: digest.Digest, right: digest.Digest) -> list[str]:
    return [name for name in sorted({*left, *right}) if left.get(name) != right.get(name)]


def _asked_again(mass: Mass) -> Told:
    """The same list, read once more: it names nobody, and changes nothing."""
    told, began = Told("asked again"), time.monotonic()
    opened = _open(mass)
    if (opened.found, opened.unknown) != (0, mass.people):
        told.bad.append(f"found {opened.found}, unknown {opened.unknown}")
    told.digest = _store(settings.LEARNER_URL)
    told.bad += [name for name in told.digest if told.digest[name] != mass.reference[name]]
    told.seconds = time.monotonic() - began
    _leave()
    return told
