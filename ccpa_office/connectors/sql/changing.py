"""Changing rows: look at the plan's rows once, decide each, then one statement that changes them.

The look says of every row and person whether they still belong together and locks the row where
the store can; the change repeats the same conditions, so that nothing slips in between.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from ccpa_office.connectors import masking
from ccpa_office.connectors.base import (
    Applied,
    Change,
    ChangeBlocked,
    ColumnFacts,
    Deed,
    Identity,
    Key,
    Rows,
    Table,
)
from ccpa_office.connectors.inside import named_by
from ccpa_office.connectors.sql import keys
from ccpa_office.connectors.sql.binding import PLACE, Binding, Walk, flag
from ccpa_office.connectors.sql.dialects.base import VALUE, Slot
from ccpa_office.connectors.sql.merging import Merge
from ccpa_office.connectors.stripping import NOBODY, Traces, traces

SLICE = 5_000
"""So many rows are read at once where values are made here and not in the store."""

IN_STORE = frozenset({"null", "constant", "zero"})
PLAN = "plan_rows"

Statement = sa.Select[Any] | sa.Update | sa.Delete | Merge


@dataclass(frozen=True)
class Step:
    """One kind of change to one table."""

    binding: Binding
    table: Table
    action: str

    @property
    def changes(self) -> tuple[Change, ...]:
        return () if self.action == "delete" else self.table.mask(self.action)

    @property
    def made_here(self) -> list[Change]:
        """The changes whose values the office makes, row by row."""
        return [change for change in self.changes if change.how not in IN_STORE]

    @property
    def references(self) -> dict[str, list[int]]:
        """Columns that lead to the person, with the ways that begin there: shared rows alone."""
        if not self.table.shareable:
            return {}
        changed = {change.column for change in self.changes}
        found: dict[str, list[int]] = {}
        for number, path in enumerate(self.table.paths):
            if path and path[0].column in changed:
                found.setdefault(path[0].column, []).append(number)
        return found

    @property
    def undivided(self) -> bool:
        """Whether a row that somebody else reaches too must stay as it is."""
        return self.table.shareable and self.action == "delete"

    def facts(self, column: str) -> ColumnFacts:
        return self.binding.catalogue.column(self.table.name, column).facts


# --- the look -------------------------------------------------------------------------------------


def look(step: Step) -> sa.Select[Any]:
    """Return (place, mine, others, held, a flag for each reference, values to be changed)."""
    binding, table = step.binding, step.table
    plan = _plan(step)
    person = binding.given(plan, binding.person, "p")
    row = binding.table(table.name).alias("t")
    ways = list(binding.walks(table, row))
    mine = [way.exists(way.ends_at(person)) for way in ways]
    others = [way.exists(way.ends_elsewhere(person)) for way in _named(step, row, "o")]
    query = (
        sa.select(
            plan.c.n,
            flag(sa.or_(*mine)).label("is_mine"),
            flag(sa.or_(*others)).label("is_others"),
            flag(binding.held(table, row)).label("is_held"),
            *[flag(sa.or_(*[mine[way] for way in which])) for which in step.references.values()],
            *[row.c[change.column] for change in step.made_here],
        )
        .select_from(plan, row)
        .where(binding.same_key(row, plan, table))
    )
    return query.with_for_update() if binding.dialect.locks else query


def _plan(step: Step, *more: Slot) -> FromClause:
    binding = step.binding
    slots = [*binding.slots(step.table, "k"), *binding.slots(binding.person, "p"), *more]
    return binding.dialect.set(PLAN, [*slots, PLACE])


def _named(step: Step, row: FromClause, prefix: str) -> list[Walk]:
    return [step.binding.walk(step.table, path, row, f"{prefix}{number}")
            for number, path in enumerate(step.table.paths)]  # fmt: skip


def planned(step: Step, rows: Rows, people: Sequence[Key], places: Iterable[int]) -> str:
    """Return the parameter of the look: key, person, place."""
    of_rows = keys.parts([rows.keys[place] for place in places], _facts(step, step.table))
    owners = [people[rows.persons[place]] for place in places]
    of_people = keys.parts(owners, _facts(step, step.binding.person))
    return keys.packed(
        (*key, *person, place)
        for key, person, place in zip(of_rows, of_people, places, strict=True)
    )


def _facts(step: Step, table: Table) -> list[ColumnFacts]:
    return step.binding.catalogue.facts(table.name, table.key)


@dataclass
class Verdict:
    """What the look found out about the rows of a plan."""

    met: dict[Key, list[Sequence[Any]]] = field(default_factory=dict)  # rows that may be changed
    foreign: dict[Key, None] = field(default_factory=dict)


def judge(step: Step, rows: Rows, answers: Iterable[Sequence[Any]]) -> Verdict:
    """Decide each row: it may be changed, it is somebody else's by now, or it is gone."""
    verdict = Verdict()
    for answer in answers:
        place, mine, others, held = answer[:4]
        key = keys.hashable(rows.keys[place])
        if held or (others and (step.undivided or not mine)):
            verdict.foreign[key] = None
        elif mine or (step.undivided and step.table.loose):
            verdict.met.setdefault(key, []).append(answer)
    return verdict


# --- the change -----------------------------------------------------------------------------------


def change(step: Step) -> Statement:
    """Return the one statement that changes rows of a set, by row key and person together."""
    if step.action == "delete":
        return _delete(step)
    target = step.binding.table(step.table.name)
    plan = _plan(step, *_slots(step))
    if step.binding.dialect.change == "merge":
        return _merge(step, target, plan)
    values = {target.c[column]: new for column, new in _values(step, target, plan)}
    return sa.update(target).values(values).where(_may_change(step, target, plan))


def _delete(step: Step) -> sa.Delete:
    binding, how = step.binding, step.binding.dialect.remove
    target = binding.table(step.table.name)
    plan = _plan(step)
    if how == "using":
        return sa.delete(target).where(_may_change(step, target, plan))
    if how == "exists":
        found: sa.Select[Any] = sa.select(sa.literal_column("1")).where(
            _may_change(step, target, plan)
        )
        return sa.delete(target).where(found.correlate(target).exists())
    row = binding.table(step.table.name).alias("t")
    inner = [row.c[name] for name in step.table.key]
    outer = [target.c[name] for name in step.table.key]
    chosen = sa.select(*inner).where(_may_change(step, row, plan))
    key = outer[0] if len(outer) == 1 else sa.tuple_(*outer)
    return sa.delete(target).where(key.in_(chosen))


def _merge(step: Step, target: sa.TableClause, plan: FromClause) -> Merge:
    row = step.binding.table(step.table.name).alias("t")
    named = [plan.c[slot.name] for slot in [*step.binding.slots(step.table, "k"), *_slots(step)]]
    source = sa.select(*named).where(_may_change(step, row, plan)).subquery("u")
    return Merge(
        target,
        source,
        step.binding.same_key(target, source, step.table),
        _values(step, target, source),
    )


def _may_change(step: Step, row: FromClause, plan: FromClause) -> ColumnElement[bool]:
    """Return the condition under which a row may be changed; the same as the look's."""
    binding, table = step.binding, step.table
    person = binding.given(plan, binding.person, "p")
    conditions = [binding.same_key(row, plan, table)]
    ways = _named(step, row, "w")
    if table.holds:
        conditions.append(sa.not_(binding.held(table, row)))
    if not table.shareable:
        return sa.and_(*conditions, ways[0].ends_at(person))
    if step.undivided:
        others = [way.exists(way.ends_elsewhere(person)) for way in _named(step, row, "o")]
        conditions.append(sa.not_(sa.or_(*others)))
    if not (step.undivided and table.loose):
        conditions.append(sa.or_(*[way.exists(way.ends_at(person)) for way in ways]))
    return sa.and_(*conditions)


def _slots(step: Step) -> list[Slot]:
    """Return the slots of a change: a flag for each reference, then each value made here."""
    flags = [Slot(f"f{number}", PLACE.column) for number in range(len(step.references))]
    return flags + [Slot(f"v{number}", VALUE) for number in range(len(step.made_here))]


def _values(
    step: Step, target: sa.TableClause, plan: FromClause
) -> Iterator[tuple[str, ColumnElement[Any]]]:
    flags, made = list(step.references), [change.column for change in step.made_here]
    for each in step.changes:
        held = step.binding.catalogue.column(step.table.name, each.column)
        if each.how in IN_STORE:
            new = _in_store(step, each, target)
        else:
            new = step.binding.dialect.written(plan.c[f"v{made.index(each.column)}"], held)
        if each.column in step.references:
            own = plan.c[f"f{flags.index(each.column)}"]
            new = sa.case((own == 1, new), else_=target.c[each.column])
        yield each.column, new


def _in_store(step: Step, each: Change, target: sa.TableClause) -> ColumnElement[Any]:
    """Return null, or a constant that leaves an empty value empty."""
    column, facts = target.c[each.column], step.facts(each.column)
    if each.how == "null":
        return sa.null()
    made = 0 if each.how == "zero" else masking.constant(each, facts)
    said = made if each.how == "zero" else plain(made)
    empty: ColumnElement[bool] = column.is_(None)
    if facts.kind == "text":
        empty = sa.or_(empty, column == "")
    return sa.case((empty, column), else_=sa.literal(said))


def changed(step: Step, rows: Rows, people: Sequence[Key], verdict: Verdict, deed: Deed) -> str:
    """Return the parameter of the change: key, person, flags, values, place."""
    of_key, of_person = _facts(step, step.table), _facts(step, step.binding.person)
    return keys.packed(
        (
            *keys.parts([rows.keys[pairs[0][0]]], of_key)[0],
            *keys.parts([people[rows.persons[pairs[0][0]]]], of_person)[0],
            *_flags(step, pairs),
            *_made(step, key, rows, people, pairs, deed),
            pairs[0][0],
        )
        for key, pairs in verdict.met.items()
    )


def _flags(step: Step, pairs: Sequence[Sequence[Any]]) -> Iterator[int]:
    for number in range(len(step.references)):
        yield int(any(pair[4 + number] for pair in pairs))


def _made(
    step: Step,
    key: Key,
    rows: Rows,
    people: Sequence[Key],
    pairs: Sequence[Sequence[Any]],
    deed: Deed,
) -> Iterator[Any]:
    """Yield the new values of one row; all of its people are taken out of its texts."""
    if not step.made_here:
        return
    who = [deed.identities[rows.persons[pair[0]]] for pair in pairs] if deed.identities else []
    strips = any(each.how.startswith(("strip", "inside")) for each in step.made_here)
    taken_out = traces_of(who) if strips else NOBODY
    if any(each.how == "inside" for each in step.made_here):
        named = named_by([people[rows.persons[pair[0]]] for pair in pairs], who)
        taken_out = replace(taken_out, named=named)
    held = pairs[0][4 + len(step.references) :]
    for each, value in zip(step.made_here, held, strict=True):
        try:
            made = masking.masked(
                read(value),
                each,
                column=step.facts(each.column),
                secret=deed.secret,
                row=masking.row_of(step.table.name, key),
                traces=taken_out,
            )
        except masking.CannotMask as refusal:
            raise ChangeBlocked(f"an action cannot serve a value: {refusal.code}") from None
        yield plain(made)


def traces_of(people: Sequence[Identity]) -> Traces:
    """Return what finds people in a text; a person's own is made once a chunk."""
    if len(people) != 1:
        return traces(people)
    made = people[0].made
    if "stripping" not in made:
        made["stripping"] = traces(people[0])
    found: Traces = made["stripping"]
    return found


def read(value: Any) -> Any:
    """Return a value of the driver as the masks take it."""
    return value if not isinstance(value, memoryview | bytearray) else bytes(value)


def plain(value: Any) -> Any:
    """Return a value as JSON can carry it into the store."""
    if isinstance(value, str) and "\x00" in value:
        raise ChangeBlocked("a text with a null character cannot be written")
    if value is None or isinstance(value, int | float | str):
        return int(value) if isinstance(value, bool) else value
    if isinstance(value, bytes):
        return value.hex()
    return (
        json.dumps(value, ensure_ascii=False)
        if isinstance(value, dict | list)
        else keys.text(value)
    )


def applied(rows: Rows, verdicts: Sequence[Verdict], done: int) -> Applied:
    """Count what a change met; a key that the plan names twice counts once."""
    foreign = list(dict.fromkeys(key for verdict in verdicts for key in verdict.foreign))
    met = {key for verdict in verdicts for key in verdict.met} - set(foreign)
    wanted = len({keys.hashable(key) for key in rows.keys})
    if foreign:
        return Applied(0, wanted - len(foreign) - len(met), foreign)
    return Applied(done, wanted - done, [])


def slices(rows: Rows, size: int) -> Iterator[list[int]]:
    """Cut the places of a plan; the people of one key always stay together."""
    by_key: dict[Key, list[int]] = {}
    for place, key in enumerate(rows.keys):
        by_key.setdefault(keys.hashable(key), []).append(place)
    found: list[int] = []
    for places in by_key.values():
        if found and len(found) + len(places) > size:
            yield found
            found = []
        found += places
    if found:
        yield found
