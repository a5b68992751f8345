"""Statements that find people and their rows: one a table, whatever the number of people."""

import calendar
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from ccpa_office.connectors.base import (
    ColumnFacts,
    Key,
    Located,
    MapDoesNotFit,
    Program,
    Table,
    Term,
)
from ccpa_office.connectors.comparing import normal
from ccpa_office.connectors.sql import keys
from ccpa_office.connectors.sql.binding import PLACE, TEXT, Binding, flag
from ccpa_office.connectors.sql.dialects.base import Cell, Slot
from ccpa_office.connectors.ways import ContactColumn, Named, Point

Statement = sa.Select[Any] | sa.CompoundSelect[Any]


def locate(binding: Binding, table: Table) -> Statement:
    """Return (person, key..., shared, start of the term, a flag for each hold); rows may repeat."""
    return sa.union_all(*_locating(binding, table)) if len(table.paths) > 1 else next(
        iter(_locating(binding, table)))  # fmt: skip


def _locating(binding: Binding, table: Table) -> Iterable[sa.Select[Any]]:
    for number in range(len(table.paths)):
        asked, person = binding.asked()
        row = binding.table(table.name).alias("t")
        ways = list(binding.walks(table, row))
        others = [way.exists(way.ends_elsewhere(person)) for way in _again(binding, table, row)]
        shared = sa.or_(*others) if table.shareable else sa.literal_column("0 = 1")
        starts = row.c[table.term.starts] if table.term else sa.null()
        yield (
            sa.select(
                asked.c.n,
                *[cell.expression for cell in binding.cells(row, table)],
                flag(shared).label("is_shared"),
                starts.label("term_starts"),
                *[flag(each) for each in binding.under(table, row)],
            )
            .select_from(asked, row, *ways[number].tables)
            .where(ways[number].ends_at(person))
        )


def _again(binding: Binding, table: Table, row: Any) -> Iterable[Any]:
    for number, path in enumerate(table.paths):
        yield binding.walk(table, path, row, f"o{number}")


def located(binding: Binding, table: Table, rows: Iterable[Sequence[Any]], *, on: date) -> Located:
    """Turn what ``locate`` answered into columns: each row of a person once, in order of key."""
    width = len(table.key)
    facts = binding.catalogue.facts(table.name, table.key)
    found: dict[tuple[Any, int], tuple[bool, str, date | None]] = {}
    for person, *rest in rows:
        key = keys.key(rest[:width], facts)
        shared, starts, *held = rest[width:]
        found[key, person] = bool(shared), *_kept(table, starts, held, on=on)
    ordered = sorted(found, key=lambda each: (each[0], each[1]))
    return Located(
        table=table.name,
        keys=[key for key, _ in ordered],
        persons=[person for _, person in ordered],
        shared=[found[each][0] for each in ordered],
        kept=[found[each][1] for each in ordered],
        until=[found[each][2] for each in ordered],
    )


def _kept(table: Table, starts: Any, held: Sequence[Any], *, on: date) -> tuple[str, date | None]:
    until = ends(table.term, day(starts)) if table.term else None
    codes = [hold.code for hold, is_held in zip(table.holds, held, strict=True) if is_held]
    if codes:
        return codes[0], until
    if table.term and (until is None or until > on):
        return table.term.code, until
    return (table.keep_code if table.action == "keep" else ""), until


def without(located: Located, known: set[Key]) -> Located:
    """Return the rows whose keys are not known."""
    new = [place for place, key in enumerate(located.keys) if key not in known]
    return Located(
        located.table,
        *[
            [column[place] for place in new]
            for column in (
                located.keys, located.persons, located.shared, located.kept, located.until
            )
        ],  # type: ignore[arg-type]
    )  # fmt: skip


DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")


def ends(term: Term, starts: date | None) -> date | None:
    """Return the day on which a term ends.

    Nobody knows it where the start is not known, or the end lies beyond every calendar.
    """
    found = DURATION.fullmatch(term.length)
    if found is None:
        raise MapDoesNotFit("the length of a term is no duration")
    if starts is None:
        return None
    years, months, weeks, days = (int(number or 0) for number in found.groups())
    year, month = divmod(starts.year * 12 + starts.month - 1 + years * 12 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    try:
        whole = date(year, month + 1, min(starts.day, last))
        return whole + timedelta(days=weeks * 7 + days)
    except (ValueError, OverflowError):
        return None


def day(value: Any) -> date | None:
    """Return the day of a date or a moment, however the driver gives it."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip()[:10])
        except ValueError:
            return None
    return value if isinstance(value, date) else None


# --- who ----------------------------------------------------------------------------------------


def people(binding: Binding, table: Table, named: Named) -> Statement:
    """Return (position of a value, what the column holds, person's key) of candidates."""
    found = []
    for number in range(len(table.paths)):
        asked = binding.dialect.set("asked", [PLACE, Slot("v", _given(binding, table, named))])
        row = binding.table(table.name).alias("t")
        way = list(binding.walks(table, row))[number]
        within = binding.at(row, table, named, "i")
        cell = within.cell
        value = Cell(asked.c.v, binding.dialect.given(_column(binding, table, named)))
        found.append(
            sa.select(asked.c.n, cell.expression, *[part.expression for part in way.owner])
            .select_from(asked, row, *within.tables, *way.tables)
            .where(
                binding.dialect.alike(named.compare, cell, value),
                *(within.conditions(binding.dialect) if named.path else ()),
                *way.conditions,
                *[part.expression.is_not(None) for part in way.owner],
            )
        )
    return sa.union_all(*found) if len(found) > 1 else found[0]


def sent(named: Named, value: str) -> str:
    """Return a value as it is sent: as it is, or in the form in which it is compared."""
    return value if named.compare in {"exact", "casefold"} else normal(named.compare, value)


def _column(binding: Binding, table: Table, named: Named) -> Any:
    if named.path or named.compare != "exact":
        return TEXT
    return binding.catalogue.column(table.name, named.column)


def _given(binding: Binding, table: Table, named: Named) -> ColumnFacts:
    found: ColumnFacts = _column(binding, table, named).facts
    return found


Wanted = tuple[Table, Named | ContactColumn | Point, str, str]
"""A table, where in it, a label, and the column that says since when."""


def held(binding: Binding, wanted: Sequence[Wanted]) -> Statement | None:
    """Return (person, label, value, since) of columns, or of the values within them."""
    parts = [select for each in wanted for select in _held(binding, each)]
    if not parts:
        return None
    return sa.union_all(*parts) if len(parts) > 1 else parts[0]


def _held(binding: Binding, wanted: Wanted) -> Iterable[sa.Select[Any]]:
    table, place, label, since = wanted
    text = binding.dialect.as_text
    for number in range(len(table.paths)):
        asked, person = binding.asked()
        row = binding.table(table.name).alias("t")
        way = list(binding.walks(table, row))[number]
        within = binding.at(row, table, place, "i")
        cell = within.cell
        moment: ColumnElement[Any] = sa.cast(sa.null(), sa.String(40))
        if since:
            moment = text(binding.cell(row, table.name, since))
        yield (
            sa.select(asked.c.n, sa.literal(label), text(cell), moment)
            .select_from(asked, row, *within.tables, *way.tables)
            .where(way.ends_at(person), cell.expression.is_not(None))
        )


def contacts(program: Program) -> list[Wanted]:
    """Return every contact column as ``held`` wants it."""
    return [(table, each, each.kind, each.since)
            for table in program.tables for each in table.contacts]  # fmt: skip


def marks(tables: Iterable[Table]) -> list[Wanted]:
    """Return every column whose values betray the person."""
    return [(table, each, each.kind, "") for table in tables for each in table.marks]


def points(program: Program) -> list[tuple[Table, Point]]:
    """Return every verification point with its table."""
    return [(table, point) for table in program.tables for point in table.points]


def key_of(binding: Binding, table: Table, values: Sequence[Any]) -> Key:
    return keys.key(values, binding.catalogue.facts(table.name, table.key))
