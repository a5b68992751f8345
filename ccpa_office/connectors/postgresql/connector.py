"""The connector itself: binds the program once, then runs one statement per table and deed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import sql

from ccpa_office.connectors.base import (
    Applied,
    ChangeBlocked,
    ConnectorError,
    Contact,
    Deed,
    Finding,
    Identity,
    Key,
    KeysRefused,
    Located,
    Program,
    Repeat,
    Rows,
    StoreTooSlow,
    StoreUnreachable,
    Table,
)
from ccpa_office.connectors.naming import Naming
from ccpa_office.connectors.postgresql import (
    catalogue,
    changing,
    given,
    keys,
    locating,
    making,
    masks,
    proving,
    reading,
    showing,
    soundness,
    statements,
    trying,
)
from ccpa_office.connectors.postgresql.binding import Binding, Parameters
from ccpa_office.connectors.postgresql.looking import Looking
from ccpa_office.connectors.postgresql.matching import Matching
from ccpa_office.connectors.postgresql.sweeping import Sweeping
from ccpa_office.connectors.ways import Named

OPTIONS = (
    "-c lock_timeout=10s -c statement_timeout=120s -c idle_in_transaction_session_timeout=120s"
    " -c jit=off -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c row_security=off"
)
"""Every statement is planned once for a connection: each goes by keys and indexes, whatever the
number of people, so planning it again, or compiling it, costs more than it saves. A table that
was small when a statement was planned is gone through by its index too, for it may grow. A policy
that would hide rows from us is an error of every statement: nobody is "not found" by it."""


class PostgreSQL(Naming, Looking, Matching, Sweeping):
    """One schema of one PostgreSQL database, seen through one program."""

    repeat = Repeat.HARMLESS

    def __init__(self, url: str, program: Program) -> None:
        self.program = program
        with translated():
            self._connection = psycopg.connect(
                conninfo(url), autocommit=True, prepare_threshold=1, connect_timeout=3,
                options=OPTIONS, application_name="ccpa-office",
            )  # fmt: skip
        try:
            with translated():
                self._catalogue = catalogue.read(self._connection, program.schema)
            self._binding = Binding(program, self._catalogue)
            self._findings = soundness.check(program, self._catalogue)
            if not any(finding.breaks for finding in self._findings):
                with translated():
                    self._findings += trying.tried(self._connection, self._binding)
        except ConnectorError:
            self._connection.close()
            raise
        self._texts: dict[tuple[str, ...], str] = {}

    @property
    def is_open(self) -> bool:
        return not self._connection.closed and not self._connection.broken

    @property
    def gives_again(self) -> bool:
        person = self._binding.person
        return any(self._binding.facts(person.name, each).kind == "text" for each in person.key)

    def close(self) -> None:
        self._connection.close()

    # --- who --------------------------------------------------------------------------------------

    def _is_text(self, table: Table, column: str) -> bool:
        return self._binding.facts(table.name, column).kind == "text"

    def _named(
        self, table: Table, named: Named, identities: Sequence[Identity]
    ) -> list[tuple[int, Key]]:
        kind = self._binding.kind(table, named)
        pairs = [
            (position, value)
            for position, identity in enumerate(identities)
            for value in identity.identifiers.get(named.kind, [])
            if keys.fits(value, kind)
        ]
        query = self._text("people", table, lambda: statements.people(self._binding, table, named),
                           named.compare, named.column, *named.path)  # fmt: skip
        values = {
            "n": keys.numbers([n for n, _ in pairs]),
            "v": keys.array([value for _, value in pairs]),
        }
        return [(at, keys.key(owner)) for at, *owner in self._all(query, values)]

    def contacts(self, identity: Identity) -> list[Contact]:
        people = self.people([identity])[0]
        return [contact for contacts in self.contacts_of(people) for contact in contacts]

    def contacts_of(self, people: Sequence[Key]) -> list[list[Contact]]:
        query = self._text("contacts", None, lambda: proving.contacts(self._binding))
        found: list[list[Contact]] = [[] for _ in people]
        if query:
            for position, kind, value, since in self._all(query, self._people(people)):
                moment = since.isoformat() if isinstance(since, date | datetime) else ""
                found[position].append(Contact(kind, value, moment, people[position]))
        return found

    def compare(self, person: Key | None, claims: Mapping[str, str]) -> dict[str, bool]:
        points = proving.points(self.program)
        if not points:
            return {}
        query = self._text("compare", None, lambda: proving.compare(self._binding))
        values = {f"c{number}": claims.get(point.key, "") for number, (_, point) in
                  enumerate(points)}  # fmt: skip
        if any("\x00" in value for value in values.values()):
            values = dict.fromkeys(values, "")
        asked = self._people([] if person is None else [person])
        row = self._all(query, {**asked, **values})[0]
        agreed = dict(zip([point.key for _, point in points], row, strict=True))
        return {claim: agreed.get(claim, False) for claim in claims}

    def marks(self, people: Sequence[Key], *, own: bool = False) -> list[Identity]:
        found: list[dict[str, list[str]]] = [{} for _ in people]
        tables = [self._binding.person] if own else self.program.tables
        query = self._text("marks", None, lambda: proving.marks(self._binding, tables), str(own))
        if query and people:
            for position, kind, value in self._all(query, self._people(people)):
                found[position].setdefault(kind, []).append(value)
        return [Identity(values) for values in found]

    # --- what -------------------------------------------------------------------------------------

    def locate(self, people: Sequence[Key], *, on: date) -> list[Located]:
        if not people:
            return []
        values = {**self._people(people), "on": on}
        places = {reading.hashable(person): place for place, person in enumerate(people)}
        apart = len(places) == len(people)
        packed = [
            apart and locating.is_packable(self._binding, each) for each in self.program.tables
        ]
        tables = list(zip(self.program.tables, packed, strict=True))
        answers = self._together((self._locating(*each), values) for each in tables)
        return [
            reading.unpacked(table, rows[0], places) if is_packed else reading.located(table, rows)
            for (table, is_packed), rows in zip(tables, answers, strict=True)
        ]

    def _locating(self, table: Table, is_packed: bool) -> str:  # noqa: FBT001  which of two
        make = locating.locate if is_packed else statements.locate
        return self._text("locate", table, lambda: make(self._binding, table), make.__module__)

    def newborn(
        self, people: Sequence[Key], known: Mapping[str, Sequence[Key]], *, on: date
    ) -> list[Located]:
        tables = [table for table in self.program.tables if table.name in known]
        if not people or not tables:
            return []
        query = self._text("newborn", None, lambda: showing.newborn(self._binding, tables),
                           *[table.name for table in tables])  # fmt: skip
        values: Parameters = {**self._people(people), "on": on}
        for number, table in enumerate(tables):
            integers = self._binding.integers(table)
            values |= keys.columns(known[table.name], integers, f"k{number}_")
        rows: dict[str, list[tuple[Any, ...]]] = {}
        for name, person, key, *rest in self._all(query, values):
            rows.setdefault(name, []).append((person, *key, *rest))
        return [reading.located(table, rows[table.name]) for table in tables if table.name in rows]

    # --- change -----------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with translated(), self._connection.transaction():
            yield

    def apply(self, table: str, rows: Rows, people: Sequence[Key], deed: Deed) -> Applied:
        return self.apply_all([(table, rows, deed)], people)[0]

    def apply_all(
        self, changes: Sequence[tuple[str, Rows, Deed]], people: Sequence[Key]
    ) -> list[Applied]:
        for table, rows, deed in changes:
            self._require_sound(self.program.table(table), deed)
            keys.persons_of(rows, people)
        made = self._made(changes, people)
        answers = iter(
            self._together(
                self._applying(self.program.table(table), rows, people, deed, made[place])
                for place, (table, rows, deed) in enumerate(changes)
                if rows.keys
            )
        )
        return [
            reading.applied(rows, next(answers)[0]) if rows.keys else Applied(0, 0, [])
            for _table, rows, _deed in changes
        ]

    def _made(
        self, changes: Sequence[tuple[str, Rows, Deed]], people: Sequence[Key]
    ) -> list[Parameters]:
        """Read the rows of which new values are made in Python, and make them; often none."""
        steps = [
            (place, self.program.table(table), rows, deed)
            for place, (table, rows, deed) in enumerate(changes)
            if rows.keys and masks.made(self._binding, self.program.table(table), deed.action)
        ]
        answers = self._together(
            (
                self._text("read", step, lambda step=step, deed=deed: changing.read(
                    self._binding, step, deed.action), deed.action),
                self._planned(step, rows, people, deed),
            )
            for _place, step, rows, deed in steps
        ) if steps else []  # fmt: skip
        made: list[Parameters] = [{} for _ in changes]
        for (place, step, rows, deed), answer in zip(steps, answers, strict=True):
            made[place] = making.made(self._binding, step, rows, deed, answer, people)
        return made

    def _planned(self, step: Table, rows: Rows, people: Sequence[Key], deed: Deed) -> Parameters:
        values: Parameters = {
            **keys.columns(rows.keys, self._binding.integers(step), "k"),
            **self._people(keys.persons_of(rows, people)),
        }
        if deed.action != "delete":
            values["n"] = keys.numbers(rows.persons)
        return values | given.of_deed(step, deed, people)

    def _applying(
        self, step: Table, rows: Rows, people: Sequence[Key], deed: Deed, made: Parameters
    ) -> tuple[str, Parameters]:
        query = self._text("apply", step, lambda: changing.apply(
            self._binding, step, deed.action), deed.action)  # fmt: skip
        return query, {**self._planned(step, rows, people, deed), **made}

    def _require_sound(self, table: Table, deed: Deed) -> None:
        masks = deed.action in {"mask", "trim"} and table.mask(deed.action)
        if not (masks or deed.action == table.action == "delete"):
            raise KeysRefused("the map knows no such change for this table")
        if any(finding.breaks for finding in self._findings):
            raise ChangeBlocked("the map and the store do not fit: see the check")

    @property
    def views(self) -> list[str]:
        return [view.name for view in soundness.stale(self.program, self._catalogue)]

    def refresh(self) -> None:
        with translated():
            for view in soundness.stale(self.program, self._catalogue):
                self._connection.execute(showing.refresh(view))

    # --- showing ----------------------------------------------------------------------------------

    def sizes(self) -> dict[str, int]:
        query = showing.SIZES
        names = [table.name for table in self.program.tables]
        rows = self._all(query, {"schema": self.program.schema, "names": names})
        return {name: max(0, size) for name, size in rows}

    def sample(self, table: str, rows: Rows, *, limit: int = 5) -> list[dict[str, str]]:
        step = self.program.table(table)
        if not rows.keys:
            return []
        query = self._text("sample", step, lambda: showing.sample(self._binding, step))
        few = keys.columns(rows.keys[:limit], self._binding.integers(step), "k")
        return [
            {name: showing.veil(value) for name, value in zip(step.columns, row, strict=True)}
            for row in self._all(query, few)
        ]

    def statements(self, table: str, action: str) -> str:
        step = self.program.table(table)
        return changing.apply(self._binding, step, action).as_string(self._connection)

    def check(self) -> list[Finding]:
        return list(self._findings)

    @property
    def catalogue(self) -> catalogue.Catalogue:
        return self._catalogue

    # --- the driver -------------------------------------------------------------------------------

    def _people(self, people: Sequence[Key]) -> dict[str, Any]:
        return keys.columns(people, self._binding.integers(self._binding.person), "p")

    def _text(self, what: str, table: Table | None, make: Any, *more: str) -> str:
        name = (what, table.name if table else "", *more)
        if name not in self._texts:
            made: sql.Composed | None = make()
            self._texts[name] = made.as_string(self._connection) if made else ""
        return self._texts[name]

    def _guard(self) -> AbstractContextManager[None]:
        return translated()

    def _all(self, query: Any, values: Parameters) -> list[tuple[Any, ...]]:
        with translated():
            return self._send(query, values).fetchall()

    def _together(self, asked: Iterable[tuple[Any, Parameters]]) -> list[list[tuple[Any, ...]]]:
        """Run statements one after the other without waiting for the answers in between."""
        with translated():
            with self._connection.pipeline():
                cursors = [self._send(query, values) for query, values in asked]
            return [cursor.fetchall() for cursor in cursors]

    def _send(self, query: Any, values: Parameters) -> psycopg.Cursor[tuple[Any, ...]]:
        return self._connection.execute(query, values, prepare=True)


def conninfo(url: str) -> str:
    """Return libpq's form of an SQLAlchemy URL."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}{separator}{rest}"


@contextmanager
def translated() -> Iterator[None]:
    """Say what the driver's errors mean; their texts may hold values and are left behind."""
    try:
        yield
    except (psycopg.IntegrityError, psycopg.errors.RaiseException):
        raise ChangeBlocked("a constraint of the store forbids the change") from None
    except psycopg.DataError:
        raise KeysRefused("the store cannot read a key as what it is") from None
    except psycopg.errors.QueryCanceled:
        raise StoreTooSlow("the store took too long") from None
    except psycopg.errors.LockNotAvailable:
        raise StoreUnreachable("the store holds the rows locked") from None
    except (psycopg.OperationalError, psycopg.InterfaceError):
        raise StoreUnreachable("the store does not answer") from None
    except psycopg.Error as error:
        raise ChangeBlocked(f"the store refused: {error.sqlstate}") from None
