"""A shop: one store of the contract, whatever engine it stands on, and what tests do to it."""
# ruff: noqa: S608 (names of tables, quoted as each engine quotes them)

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from ccpa_office import connectors
from ccpa_office.connectors.base import Key, Look, Program, Rows
from notices_app.datamap import compile_map
from tests.connectors import stores
from tests.connectors.contract_engines import Engine
from tests.connectors.stores import Kind


@dataclass
class Shop:
    """A fresh database, its program and an open connector."""

    engine: Engine
    kind: Kind
    url: str
    program: Program
    connector: Any
    others: list[Any] = field(default_factory=list, repr=False)
    _sql: sa.Engine | None = field(default=None, repr=False)

    def q(self, table: str) -> str:
        """Return the quoted name of a table."""
        quote = self.engine.quote
        name = f"{quote}{table}{quote}"
        return f'"{self.kind.schema}".{name}' if self.engine.name == "postgresql" else name

    def c(self, column: str) -> str:
        """Return the quoted name of a column."""
        return f"{self.engine.quote}{column}{self.engine.quote}"

    @property
    def sql(self) -> sa.Engine:
        if self._sql is None:
            url = self.url.replace("postgresql://", "postgresql+psycopg://")
            self._sql = sa.create_engine(url, poolclass=sa.pool.NullPool)
        return self._sql

    def run(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Run one statement by another connection than the connector's."""
        with self.sql.begin() as connection:
            answer = connection.execute(sa.text(statement), values)
            return [tuple(row) for row in answer] if answer.returns_rows else []

    def one(self, statement: str, **values: Any) -> Any:
        """Return the only value of the only row."""
        ((value,),) = self.run(statement, **values)
        return value

    def rows(self) -> dict[str, list[str]]:
        """Every row of every table, as text, sorted."""
        found = {}
        with self.sql.connect() as connection:
            schema = self.kind.schema if self.engine.name == "postgresql" else None
            for name in sorted(sa.inspect(connection).get_table_names(schema=schema)):
                answer = connection.exec_driver_sql(f"SELECT * FROM {self.q(name)}")
                found[name] = sorted(str(tuple(row)) for row in answer)
        return found

    def reconnect(self, program: Program | None = None) -> Any:
        """Return another connector to the same database, closed with the shop."""
        scheme = self.url.partition("://")[0].partition("+")[0]
        made = connectors.ENGINES[scheme](self.url, program or self.program)
        self.others.append(made)
        return made

    def refitted(self, program: Program) -> "Shop":
        """Return the same database seen through another program."""
        return replace(self, program=program, connector=self.reconnect(program))

    def peek(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a query by the connector's own connection, inside its transaction."""
        query = statement if self.engine.name == "postgresql" else sa.text(statement)
        return [tuple(row) for row in self.connector._all(query, {})]

    def analyze(self) -> None:
        """Let the store count its rows."""
        word = {"postgresql": "ANALYZE ", "mariadb": "ANALYZE TABLE "}.get(self.engine.name)
        for table in self.program.tables if word else []:
            self.run(f"{word}{self.q(table.name)}")

    def foreign(self, table: str) -> str:
        """Return the name of a table's first foreign key."""
        return str(sa.inspect(self.sql).get_foreign_keys(table)[0]["name"])

    def indexes(self, table: str, column: str) -> list[str]:
        """Return the names of the indexes that begin with a column."""
        schema = self.kind.schema if self.engine.name == "postgresql" else None
        with self.sql.connect() as connection:
            found = sa.inspect(connection).get_indexes(table, schema=schema)
        return [str(each["name"]) for each in found if each["column_names"][0] == column]

    def drop_index(self, table: str, name: str) -> None:
        """Drop an index, and the foreign keys that keep it where the store insists on one."""
        if self.engine.name == "mariadb":
            for key in sa.inspect(self.sql).get_foreign_keys(table):
                self.run(f"ALTER TABLE {self.q(table)} DROP FOREIGN KEY {key['name']}")
        on = f" ON {self.q(table)}" if self.engine.name == "mariadb" else ""
        self.run(f"DROP INDEX {self.c(name)}{on}")

    def grow(self, table: str, count: int, *, person: int) -> None:
        """Add rows of the activity log."""
        with self.sql.begin() as connection:
            connection.execute(
                sa.text(
                    f"INSERT INTO {self.q(table)} VALUES"
                    " (:id, :person, '2026-01-01 00:00:00', '198.51.100.9', '/x', '{}')"
                ),
                [{"id": 1_000_000 * person + n, "person": person} for n in range(count)],
            )

    def everybody(self) -> list[Key]:
        person = self.program.table(self.program.person)
        names = ", ".join(self.c(column) for column in person.key)
        rows = self.run(f"SELECT {names} FROM {self.q(person.name)} ORDER BY 1")
        return [tuple(row) if len(row) > 1 else _plain(row[0]) for row in rows]


def _plain(value: Any) -> Key:
    return value if isinstance(value, int) else str(value)


@contextmanager
def shop(engine: Engine, kind: Kind) -> Iterator[Shop]:
    """Yield a fresh store of a kind on an engine."""
    with engine.fresh(kind) as url:
        schema = kind.schema if engine.name == "postgresql" else "public"
        program = compile_map(kind.map, system=kind.name, schema=schema)
        connector = connectors.ENGINES[url.partition("://")[0].partition("+")[0]](url, program)
        made = Shop(engine, kind, url, program, connector)
        try:
            yield made
        finally:
            for each in [connector, *made.others]:
                each.close()
            if made._sql is not None:
                made._sql.dispose()


def count_statements(shop: Shop, monkeypatch: Any) -> list[str]:
    """Return a list that grows with every statement of the connector."""
    seen: list[str] = []
    run = type(shop.connector)._send

    def counted(self: Any, query: Any, values: Any) -> Any:
        seen.append(str(query))
        return run(self, query, values)

    monkeypatch.setattr(type(shop.connector), "_send", counted)
    return seen


def look(shop: Shop, erasure: stores.Erasure) -> dict[str, tuple[int, int, int]]:
    """Look again at every table of an erasure, with the secret of its deed."""
    found = {}
    for each in erasure.located:
        cut = stores.split(shop, each)  # type: ignore[arg-type]  # of a store it asks the program
        kept = list(cut.get("keep", Rows([], [])).keys)
        stripped = list(cut.get("strip", Rows([], [])).keys)
        action = shop.program.table(each.table).action
        again = shop.connector.recount(
            each.table,
            each.rows,
            Look(
                erasure.people, erasure.identities, action, kept, stripped, secrets=(stores.SECRET,)
            ),
        )
        found[each.table] = (again.by_key, again.by_identifier, again.in_text)
    return found
