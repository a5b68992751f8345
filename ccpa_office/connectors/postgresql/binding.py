"""A program held against a catalogue: names that exist, their types, and the pieces of SQL."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from ccpa_office.connectors.base import ColumnFacts, MapDoesNotFit, Program, Table
from ccpa_office.connectors.postgresql import nesting
from ccpa_office.connectors.postgresql.catalogue import Catalogue
from ccpa_office.connectors.ways import Hop, Inside, Named, Path

INTEGERS = frozenset({"bigint", "integer", "smallint"})
CAST = {"character": "bpchar", '"char"': "text"}
READ = INTEGERS | {"uuid", "text", "character varying", "character", "citext"}
"""Types of which every typed value that is asked for was tried before (``keys.fits``)."""

KATAKANA = "".join(map(chr, range(0x30A1, 0x30F7)))
HIRAGANA = "".join(map(chr, range(0x3041, 0x3097)))

NORMAL = {
    "exact": "({})",
    "casefold": "lower({})",
    "digits": "regexp_replace(normalize({}, NFKC), '[^0-9]', '', 'g')",
    "phone": "right(regexp_replace(normalize({}, NFKC), '[^0-9]', '', 'g'), 10)",
    "name": "translate(lower(regexp_replace(btrim(normalize({}, NFKC)), '\\s+', ' ', 'g')),"
    f" '{KATAKANA}', '{HIRAGANA}')",
    "postal": "regexp_replace(upper(regexp_replace(normalize({}, NFKC), '[^0-9A-Za-z]', '', 'g')),"
    " '^([0-9]{{5}})[0-9]{{4}}$', '\\1')",
}
"""How two values are made alike before they are compared, each a published rule of the map."""


def normal(compare: str, expression: sql.Composable) -> sql.Composed:
    """Return the expression in the form in which it is compared."""
    return sql.SQL(NORMAL[compare]).format(expression)


def _named(table: Table) -> set[str]:
    """Return every column of the table that its rules name, besides key and columns."""
    changes = (*table.changes, *table.strips, *table.trims)
    hops = {path[0] for path in table.paths if path}
    return {
        *(change.column for change in changes),
        *(hold.column for hold in table.holds),
        *((table.term.starts,) if table.term else ()),
        *(named.column for named in (*table.identities, *table.marks, *table.identifiers)),
        *(hop.column for hop in hops),
        *(column for hop in hops for column, _there in hop.also),
        *table.texts,
    }


@dataclass(frozen=True)
class Binding:
    """The only maker of names in SQL: each was found in the catalogue before."""

    program: Program
    catalogue: Catalogue

    def __post_init__(self) -> None:
        for table in self.program.tables:
            self._match(table)

    def _match(self, table: Table) -> None:
        if not table.paths:
            raise MapDoesNotFit("no way leads from a table of the map to the person")
        relation = self.catalogue.tables.get(table.name)
        if relation is None:
            raise MapDoesNotFit("a table of the map does not exist in the store")
        known = relation.columns.keys()
        if not table.key or not {*table.key, *table.columns, *_named(table)} <= known:
            raise MapDoesNotFit("a column of the map does not exist in the store")
        if relation.key != table.key and table.key not in relation.unique:
            raise MapDoesNotFit("a key of the map is not unique in the store")
        if not all(self._is_way(table.name, path) for path in table.paths):
            raise MapDoesNotFit("a way of the map goes by what does not exist in the store")

    def _is_way(self, here: str, path: Path) -> bool:
        """Say whether the store knows every table and column of a way."""
        for hop in path:
            there = self.catalogue.tables.get(hop.table)
            left = {hop.column, *(column for column, _target in hop.also)}
            right = {hop.target, *(target for _column, target in hop.also)}
            if there is None or not left <= self.catalogue.tables[here].columns.keys():
                return False
            if not right <= there.columns.keys():
                return False
            here = hop.table
        return True

    # --- names ---

    def name(self, table: str) -> sql.Identifier:
        return sql.Identifier(self.program.schema, table)

    def type(self, table: str, column: str) -> sql.SQL:
        kind = self.catalogue.type(table, column)
        return sql.SQL(CAST.get(kind, kind))

    def kind(self, table: Table, named: Named) -> str:
        """Return the type of what a column holds, below a domain; within one all are texts."""
        held = self.catalogue.tables[table.name].columns[named.column]
        return "text" if named.path else held.base or held.type

    def said(self, table: Table, named: Named, value: sql.Composable) -> sql.Composed:
        """Return a typed value as what a column holds; nothing where it can be no such.

        What somebody typed stops no statement: neither a condition of a domain, nor a type.
        """
        kind = self.kind(table, named)
        cast = sql.SQL("{}::{}").format(value, sql.SQL(CAST.get(kind, kind)))
        if kind in READ or not self.catalogue.tries:
            return cast
        return sql.SQL("CASE WHEN pg_input_is_valid({}, {}) THEN {} END").format(
            value, sql.Literal(kind), cast
        )

    def facts(self, table: str, column: str) -> ColumnFacts:
        return self.catalogue.facts(table, column)

    def is_integer(self, table: str, column: str) -> bool:
        return self.catalogue.type(table, column) in INTEGERS

    def integers(self, table: Table) -> tuple[bool, ...]:
        return tuple(self.is_integer(table.name, column) for column in table.key)

    @property
    def person(self) -> Table:
        return self.program.table(self.program.person)

    def columns(self, alias: str, columns: Sequence[str]) -> list[sql.Composable]:
        return [sql.Identifier(alias, column) for column in columns]

    def shown(self, alias: str, table: Table) -> sql.Composed:
        """Return the key as values that JSON can hold: numbers stay, all else is text."""
        return sql.SQL(", ").join(
            sql.Identifier(alias, column)
            if self.is_integer(table.name, column)
            else sql.SQL("{}::text").format(sql.Identifier(alias, column))
            for column in table.key
        )

    # --- sets of keys ---

    def unnest(self, table: Table, prefix: str, *more: str) -> sql.Composed:
        """Return ``unnest`` of the key's arrays, given as ``<prefix>0``, ``<prefix>1``, ..."""
        arrays = [
            sql.SQL("%({})s::{}[]").format(
                sql.SQL(f"{prefix}{position}"), self.type(table.name, column)
            )
            for position, column in enumerate(table.key)
        ]
        return sql.SQL("unnest({})").format(
            sql.SQL(", ").join([*arrays, *[sql.SQL(text) for text in more]])
        )

    def slots(self, table: Table, prefix: str) -> list[str]:
        return [f"{prefix}{position}" for position in range(len(table.key))]

    def same_key(self, table: Table, left: str, right: str, prefix: str) -> sql.Composed:
        """Return the condition that a row's key (``left``) is that of a set (``right``)."""
        return sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(
                sql.Identifier(left, column), sql.Identifier(right, f"{prefix}{position}")
            )
            for position, column in enumerate(table.key)
        )

    # --- ways to the person ---

    def walk(self, table: Table, path: Path, row: str = "t", joined: str = "") -> "Walk":
        """Lay the joins of one path from the row to the person's key, named after ``joined``."""
        joins: list[sql.Composable] = []
        conditions: list[sql.Composable] = []
        here, at = row, table.name
        for number, hop in enumerate(path):
            is_last = number == len(path) - 1
            if self._is_person_key(hop, last=is_last) and not hop.path:
                return Walk(joins, conditions, [sql.Identifier(here, hop.column)])
            alias = f"{joined or row}h{number}"
            if self._is_person_key(hop, last=is_last) and hop.forward:
                return self._within(hop, (here, at, alias), joins, conditions)
            joins.append(sql.SQL("{} AS {}").format(self.name(hop.table), sql.Identifier(alias)))
            if hop.path:
                value = self._value(hop, here, at, alias)
                joins.extend(value.joins)
                conditions.extend(self._nested(hop, value, here, (at, alias)))
            else:
                conditions.extend(self._agreeing(hop, here, alias))
            here, at = alias, hop.table
        if at != self.program.person:
            raise MapDoesNotFit("a path of the map does not end at the person")
        is_listed = any(hop.path and not hop.forward for hop in path)
        return Walk(joins, conditions, self.columns(here, self.person.key), is_listed=is_listed)

    def _within(
        self,
        hop: Hop,
        at: tuple[str, str, str],
        joins: list[sql.Composable],
        conditions: list[sql.Composable],
    ) -> "Walk":
        """Return the walk to the person's own key where it stands within a column."""
        row, table, name = at
        facts = self.facts(hop.table, hop.target)
        value = self.column(table, hop.column, hop.path).value(row, name)
        owner = value.typed(self.type(hop.table, hop.target).as_string(), facts)
        return Walk(
            [*joins, *value.joins],
            [*conditions, *value.conditions()],
            [owner],
            near=value.near(facts),
        )

    def column(self, table: str, column: str, path: Inside) -> nesting.Column:
        """Return a column that holds values within it."""
        return nesting.Column(self.catalogue, table, column, path)

    def _value(self, hop: Hop, row: str, table: str, alias: str) -> nesting.Value:
        """Return the value within the column that holds the reference."""
        if hop.forward:
            return self.column(table, hop.column, hop.path).value(row, alias, hop.compare)
        return self.column(hop.table, hop.target, hop.path).value(alias, alias, hop.compare)

    def _nested(
        self, hop: Hop, value: nesting.Value, row: str, there: tuple[str, str]
    ) -> list[sql.Composable]:
        """Return the conditions that a value within a column and a plain one agree."""
        table, alias = there
        at, name, plain = (hop.table, hop.target, sql.Identifier(alias, hop.target))
        if not hop.forward:
            at, name, plain = table, hop.column, sql.Identifier(row, hop.column)
        facts, kind = self.facts(at, name), self.type(at, name).as_string()
        folds = kind == "citext" and hop.compare == "exact"
        compare = "casefold" if folds else hop.compare
        left = plain if facts.kind in {"integer", "uuid"} else sql.SQL("{}::text").format(plain)
        agreeing: list[sql.Composable] = [
            sql.SQL("{} = {}").format(
                normal(compare, left), normal(compare, value.typed(kind, facts))
            ),
            *value.conditions(),
            *value.near(facts, compare)(plain),
        ]
        if facts.kind == "text":
            agreeing.append(sql.SQL("{} <> ''").format(normal(compare, value.text)))
        return agreeing

    def _agreeing(self, hop: Hop, row: str, alias: str) -> list[sql.Composable]:
        """Return the conditions of one hop; empty texts alone refer to nobody."""
        target = sql.Identifier(alias, hop.target)
        agreeing: list[sql.Composable] = [
            sql.SQL("{} = {}").format(
                normal(hop.compare, target), normal(hop.compare, sql.Identifier(row, hop.column))
            )
        ]
        targets = [hop.target, *[there for _column, there in hop.also]]
        if all(self.facts(hop.table, each).kind == "text" for each in targets):
            filled = [normal(hop.compare, sql.Identifier(alias, each)) for each in targets]
            agreeing.append(any_of([sql.SQL("{} <> ''").format(each) for each in filled]))
        agreeing += [
            sql.SQL("{} = {}").format(sql.Identifier(alias, there), sql.Identifier(row, column))
            for column, there in hop.also
        ]
        return agreeing

    def _is_person_key(self, hop: Hop, *, last: bool) -> bool:
        return (
            last
            and hop.table == self.program.person
            and self.person.key == (hop.target,)
            and hop.compare == "exact"
            and not hop.also
        )


@dataclass(frozen=True)
class Walk:
    """The joins of a path, their conditions, and the expressions that are the person's key."""

    joins: list[sql.Composable]
    conditions: list[sql.Composable]
    owner: list[sql.Composable]
    near: nesting.Near | None = None  # the owner stands within a column: how an index finds it
    is_listed: bool = False  # another row lists this one within a column

    def owned_by(self, alias: str) -> list[sql.Composable]:
        """Return the conditions that the path ends at the person of ``alias``."""
        return [
            *self.conditions,
            *(self.near(sql.Identifier(alias, "p0")) if self.near else ()),
            *[
                sql.SQL("{} = {}").format(owner, sql.Identifier(alias, f"p{position}"))
                for position, owner in enumerate(self.owner)
            ],
        ]

    def owned_by_one_of(self, alias: str) -> list[sql.Composable]:
        """Return the conditions that the path ends at one of the people of ``alias``' arrays."""
        people = [sql.Identifier(alias, f"p{position}") for position in range(len(self.owner))]
        return [
            *self.conditions,
            sql.SQL("({}) IN (SELECT * FROM unnest({}))").format(
                sql.SQL(", ").join(self.owner), sql.SQL(", ").join(people)
            ),
        ]

    def other_than(self, alias: str) -> list[sql.Composable]:
        """Return the conditions that the path ends at somebody else."""
        people = [sql.Identifier(alias, f"p{position}") for position in range(len(self.owner))]
        return [
            *self.conditions,
            sql.SQL("({}) <> ({})").format(
                sql.SQL(", ").join(self.owner), sql.SQL(", ").join(people)
            ),
        ]

    def exists(self, conditions: list[sql.Composable]) -> sql.Composed:
        source = sql.SQL(" FROM {}").format(sql.SQL(", ").join(self.joins))
        if self.is_listed:  # counted: for a first row alone the store would rather read them all
            return sql.SQL("((SELECT count(*){} WHERE {}) > 0)").format(
                source, conjunction(conditions)
            )
        return sql.SQL("EXISTS (SELECT 1{} WHERE {})").format(
            source if self.joins else sql.SQL(""), conjunction(conditions)
        )


def conjunction(conditions: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL(" AND ").join(conditions)


def any_of(conditions: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL("({})").format(sql.SQL(" OR ").join(conditions))


def walks(binding: Binding, table: Table, row: str = "t") -> Iterator[Walk]:
    """Yield every way from the row to a person."""
    for path in table.paths:
        yield binding.walk(table, path, row)


Parameters = dict[str, Any]
