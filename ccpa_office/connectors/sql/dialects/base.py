"""What the SQL databases do differently, as one object each; this one speaks plain SQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from ccpa_office.connectors.base import ColumnFacts, ConnectorError
from ccpa_office.connectors.sql.catalogue import (
    Catalogue,
    Column,
    ForeignKey,
    Relation,
    bare,
    column_facts,
)

READS, CHANGES, VIEWS = "reads", "changes", "views"
"""What a transaction is begun for; the connection carries it as ``intent``."""

VALUE = ColumnFacts("value")
"""The kind of a slot that carries a new value: a text of any length, or nothing."""


@dataclass(frozen=True)
class Slot:
    """One column of a set that travels as a parameter."""

    name: str
    column: ColumnFacts


@dataclass(frozen=True)
class Cell:
    """An expression, and what is known of the column that it is."""

    expression: ColumnElement[Any]
    column: Column

    @property
    def is_text(self) -> bool:
        return self.column.facts.kind in {"text", "other"}


class Dialect:
    """Plain SQL; each database overrides what it does in another way."""

    name: str = ""
    proved: bool = False  # the suite runs every statement against a live server
    enforces: bool = True  # keys, references and indexes are the store's own; else the map's word
    locks: bool = False  # SELECT ... FOR UPDATE keeps the rows until the end of the transaction
    transactional: bool = True  # a transaction of several statements can be undone
    change: str = "from"  # UPDATE ... FROM; or "merge"
    remove: str = "tuple"  # DELETE ... WHERE (key) IN; or "exists", "using"
    options: dict[str, Any] = {}
    carrier: sa.types.TypeEngine[Any] = sa.String()  # the type of the one parameter of a set
    at_work: str = "SELECT 0"  # how many other sessions are at work, where the store says so
    default_schemas: tuple[str, ...] = ("", "public")
    gives_again: bool = True  # the key of a row that is gone may become another row's
    looks_inside: bool = False  # values within JSON can be referred to

    # --- connections ---

    def connect_arguments(self) -> dict[str, Any]:
        """Return what the driver is told besides the URL."""
        return {}

    def creator(self, url: sa.URL) -> Callable[[], Any] | None:
        """Return how a connection is made, where the driver alone would do it wrong."""
        del url
        return None

    def prepare(self, cursor: Any) -> None:
        """Set what every connection needs before its first statement."""

    def begin(self, connection: Connection) -> None:
        """Say what a transaction begins with, where the driver says nothing."""

    def view(self, connection: Connection, *, begins: bool) -> None:
        """Before and after a view: make the transaction see one state of the store alone."""
        del begins
        connection.info["intent"] = VIEWS

    def meaning(self, error: BaseException) -> ConnectorError | None:
        """Return what an error of the driver means, where its class does not say it."""
        del error
        return None

    # --- sets ---

    def rows_of(self, parameter: str, slots: Sequence[Slot]) -> str:
        """Return a SELECT that turns the parameter, a JSON array of arrays, into rows."""
        raise NotImplementedError

    def set(self, parameter: str, slots: Sequence[Slot]) -> FromClause:
        """Return a set that travels as one parameter, named like it."""
        query = sa.text(self.rows_of(parameter, slots))
        query = query.bindparams(sa.bindparam(parameter, type_=self.carrier))
        return query.columns(*[sa.column(slot.name) for slot in slots]).subquery(parameter)

    def given(self, column: Column) -> Column:
        """Return what a column of a set is when it carries values of that column."""
        return Column(column.facts, column.type)

    # --- comparing ---

    def equal(self, left: Cell, right: Cell) -> ColumnElement[bool]:
        """Return the condition that two cells hold the very same value."""
        if left.is_text != right.is_text:
            return self.as_text(left) == self.as_text(right)
        return left.expression == right.expression

    def filled(self, cell: Cell) -> ColumnElement[bool]:
        """Return the condition that a text is not empty: empty texts join nothing."""
        return cell.expression != sa.literal_column("''")

    def different(self, left: Cell, right: Cell) -> ColumnElement[bool]:
        """Return the condition that two cells hold two values."""
        return left.expression != right.expression

    def alike(self, compare: str, left: Cell, right: Cell) -> ColumnElement[bool]:
        """Return a condition that no pair fails that is alike; some pass that are not."""
        if compare == "exact":
            return self.equal(left, right)
        one, other = self.as_text(left), self.as_text(right)
        if compare == "name":
            return self.loose_name(one) == self.loose_name(other)
        if compare == "casefold":
            return sa.func.lower(one) == sa.func.lower(other)
        return self.normal(compare, one) == self.normal(compare, other)

    def joins(self, compare: str) -> bool:
        """Say whether ``alike`` decides alone, so that two columns can be joined by it."""
        return compare in {"exact", "casefold"}

    def loose_name(self, text: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a name without case and outer blanks; no width and no kana."""
        return sa.func.lower(sa.func.trim(text))

    def normal(self, compare: str, text: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return digits, phone or postal code without signs between them."""
        if compare == "postal":
            return sa.func.substr(
                sa.func.upper(sa.func.regexp_replace(text, "[^0-9A-Za-z]", "")), 1, 5
            )
        plain = sa.func.regexp_replace(text, "[^0-9]", "")
        return sa.func.right(plain, 10) if compare == "phone" else plain

    def as_text(self, cell: Cell) -> ColumnElement[Any]:
        """Return a cell as a text that is compared letter by letter."""
        return cell.expression if cell.is_text else sa.cast(cell.expression, sa.String())

    def written(self, value: ColumnElement[Any], column: Column) -> ColumnElement[Any]:
        """Return a text of a set as what the column takes."""
        del column
        return value

    # --- within JSON ---

    def parsed(self, held: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return a column as JSON; an empty list where it holds none."""
        raise NotImplementedError

    def elements(
        self, document: ColumnElement[Any], path: str, name: str
    ) -> tuple[FromClause, ColumnElement[Any]]:
        """Return the elements of an array as a table, and each as JSON; what is none has none."""
        raise NotImplementedError

    def scalar(self, document: ColumnElement[Any], path: str) -> ColumnElement[Any]:
        """Return a text or a whole number as a text; NULL for all else."""
        raise NotImplementedError

    def as_kind(self, text: ColumnElement[Any], kind: str) -> ColumnElement[Any]:
        """Return a text as an integer or a UUID, NULL where it is not spelled as one."""
        raise NotImplementedError

    def index_form(self, column: str, path: str) -> str:
        """Return the expression of which an index finds a value; nothing: there is no such."""
        del column, path
        return ""

    def indexed(self, held: ColumnElement[Any], path: str) -> ColumnElement[Any]:
        """Return that expression of a column; whoever has the index has no other than JSON."""
        raise NotImplementedError

    def near(self, indexed: ColumnElement[Any], key: Cell) -> ColumnElement[bool]:
        """Return the condition by which the index finds a key, number or text."""
        return indexed.in_([key.expression, sa.cast(key.expression, sa.Text())])

    def seen(self, held: Cell, path: tuple[str, ...], name: str) -> tuple[FromClause, Cell]:
        """Return the values at a path by other means than ``elements``, for the second look."""
        raise NotImplementedError

    # --- the catalogue ---

    def read(self, connection: Connection, schema: str) -> Catalogue:
        """Read one schema's catalogue."""
        inspector = sa.inspect(connection)
        name = None if schema in self.default_schemas else schema
        own = name or inspector.default_schema_name
        tables: dict[str, Relation] = {}
        for (_, table), columns in inspector.get_multi_columns(schema=name).items():
            relation = tables.setdefault(table, Relation())
            relation.columns = {each["name"]: self.column(each) for each in columns}
        for (_, table), key in inspector.get_multi_pk_constraint(schema=name).items():
            columns_of_key = tuple(key["constrained_columns"])
            tables[table].key = columns_of_key
            if columns_of_key:
                _index(tables[table], columns_of_key, unique=True)
        foreign = []
        for (_, table), keys in inspector.get_multi_foreign_keys(schema=name).items():
            foreign += [_foreign(table, each, own) for each in keys]
        found = Catalogue(tables, tuple(foreign), name)
        return self.completed(connection, found)

    def completed(self, connection: Connection, found: Catalogue) -> Catalogue:
        """Add indexes, triggers, foreign keys from elsewhere and collations."""
        inspector = sa.inspect(connection)
        for (_, table), indexes in inspector.get_multi_indexes(schema=found.schema).items():
            for index in indexes:
                names = [name for name in index["column_names"] if name]
                if names and len(names) == len(index["column_names"]):
                    _index(found.tables[table], tuple(names), unique=bool(index["unique"]))
        return found

    def column(self, reflected: ReflectedColumn) -> Column:
        """Return a column as the shared words have it."""
        name = str(reflected["type"])
        facts = column_facts(
            name,
            nullable=bool(reflected["nullable"]),
            unique=False,
            generated="computed" in reflected,
        )
        return Column(facts, name)

    def sizes(
        self, schema: str | None, names: Sequence[str]
    ) -> sa.Select[Any] | sa.CompoundSelect[Any]:
        """Return the statement that counts tables, roughly where a rough count is to be had."""
        return sa.union_all(
            *[
                sa.select(
                    sa.literal(name),
                    sa.select(sa.func.count()).select_from(sa.table(name, schema=schema))
                    .scalar_subquery(),
                )
                for name in names
            ]
        )  # fmt: skip


def add_index(relation: Relation, columns: tuple[str, ...], *, unique: bool) -> None:
    """Note an index: its first column or expression, and its uniqueness."""
    _index(relation, columns, unique=unique)


def _index(relation: Relation, columns: tuple[str, ...], *, unique: bool) -> None:
    first = columns[0]
    relation.leading.add(first if first in relation.columns else bare(first))
    if unique:
        relation.unique.add(columns)
        if len(columns) == 1 and first in relation.columns:
            held = relation.columns[first]
            facts = held.facts
            relation.columns[first] = Column(
                ColumnFacts(**{**vars(facts), "unique": True}), held.type, held.charset,
                held.collation,
            )  # fmt: skip


def _foreign(table: str, key: Any, own: str | None) -> ForeignKey:
    del own
    rule = (key.get("options") or {}).get("ondelete") or ""
    return ForeignKey(
        key["name"] or f"{table}_{key['constrained_columns'][0]}",
        table,
        key["referred_table"],
        "" if rule.upper() in {"RESTRICT", "NO ACTION"} else rule.upper(),
        tuple(key["constrained_columns"]),
        tuple(key["referred_columns"]),
    )
