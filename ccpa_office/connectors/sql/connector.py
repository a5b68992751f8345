"""The connector itself: binds the program once, then runs a bounded number of statements."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

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
    Look,
    Program,
    Recount,
    Repeat,
    Rows,
    StoreUnreachable,
    Table,
)
from ccpa_office.connectors.comparing import normal
from ccpa_office.connectors.naming import Naming
from ccpa_office.connectors.sql import (
    changing,
    finding,
    keys,
    recounting,
    showing,
    soundness,
)
from ccpa_office.connectors.sql.binding import TEXT, Binding
from ccpa_office.connectors.sql.catalogue import Catalogue
from ccpa_office.connectors.sql.changing import PLAN, Step
from ccpa_office.connectors.sql.dialects.base import CHANGES, READS
from ccpa_office.connectors.sql.errors import translated
from ccpa_office.connectors.sql.matching import Matching
from ccpa_office.connectors.sql.opening import opened
from ccpa_office.connectors.sql.sweeping import Sweeping
from ccpa_office.connectors.ways import Named, shown

Parameters = dict[str, Any]


class SQLStore(Naming, Sweeping, Matching):
    """One schema of one database that SQLAlchemy speaks to, seen through one program."""

    repeat = Repeat.HARMLESS

    def __init__(self, url: str, program: Program) -> None:
        self.program = program
        self.dialect, engine = opened(url)
        with translated(self.dialect):
            self._connection: Connection = engine.connect()
        try:
            with translated(self.dialect), self._within():
                catalogue = self.dialect.read(self._connection, program.schema)
            self._binding = Binding(program, catalogue, self.dialect)
            self._findings = soundness.check(self._binding)
        except ConnectorError:
            self.close()
            raise
        self._made: dict[tuple[str, ...], Any] = {}

    @property
    def is_open(self) -> bool:
        return not self._connection.closed and not self._connection.invalidated

    @property
    def gives_again(self) -> bool:
        person = self._binding.person
        facts = self._binding.catalogue.facts(person.name, person.key)
        return self.dialect.gives_again or any(each.kind == "text" for each in facts)

    def close(self) -> None:
        with translated(self.dialect):
            self._connection.close()
            self._connection.engine.dispose()

    # --- who --------------------------------------------------------------------------------------

    def _is_text(self, table: Table, column: str) -> bool:
        return self._binding.catalogue.column(table.name, column).facts.kind == "text"

    def _named(
        self, table: Table, named: Named, identities: Sequence[Identity]
    ) -> Iterator[tuple[int, Key]]:
        facts = TEXT.facts
        if not named.path:
            facts = self._binding.catalogue.column(table.name, named.column).facts
        pairs = [
            (position, value)
            for position, identity in enumerate(identities)
            for value in identity.identifiers.get(named.kind, [])
            if keys.fits(value, facts)
        ]
        if not pairs:
            return
        is_number = facts.kind == "integer" and named.compare == "exact"
        sent = keys.packed(
            (place, int(value) if is_number else finding.sent(named, value))
            for place, (_, value) in enumerate(pairs)
        )
        where = shown(named.column, named.path)
        query = self._once("people", table, f"{where} {named.compare}", make=lambda: finding.people(
            self._binding, table, named))  # fmt: skip
        for place, held, *owner in self._all(query, {"asked": sent}):
            position, value = pairs[place]
            wanted = keys.spelled(normal(named.compare, value), facts)
            said = keys.spelled(normal(named.compare, keys.text(held)), facts)
            if is_number or (wanted and said == wanted):
                yield position, finding.key_of(self._binding, self._binding.person, owner)

    def contacts(self, identity: Identity) -> list[Contact]:
        people = self.people([identity])[0]
        return [contact for contacts in self.contacts_of(people) for contact in contacts]

    def contacts_of(self, people: Sequence[Key]) -> list[list[Contact]]:
        found: list[dict[Contact, None]] = [{} for _ in people]
        wanted = finding.contacts(self.program)
        for position, kind, value, since in self._held("contacts", wanted, people):
            contact = Contact(kind, value, moment(since), people[position])
            found[position][contact] = None
        return [list(contacts) for contacts in found]

    def marks(self, people: Sequence[Key], *, own: bool = False) -> list[Identity]:
        found: list[dict[str, dict[str, None]]] = [{} for _ in people]
        tables = [self._binding.person] if own else self.program.tables
        wanted = finding.marks(tables)
        for position, kind, value, _ in self._held(f"marks {own}", wanted, people):
            found[position].setdefault(kind, {})[value] = None
        return [Identity({kind: list(values) for kind, values in each.items()}) for each in found]

    def compare(self, person: Key | None, claims: Mapping[str, str]) -> dict[str, bool]:
        points = finding.points(self.program)
        wanted: list[finding.Wanted] = [(table, point, str(number), "")
                  for number, (table, point) in enumerate(points)]  # fmt: skip
        people = [] if person is None else [person]
        said = [normal(point.normalise, claims.get(point.key, "").strip()) for _, point in points]
        agreed = dict.fromkeys(claims, False)
        for _, number, value, _ in self._held("points", wanted, people, always=True):
            place = int(number)
            key = points[place][1].key
            same = normal(points[place][1].normalise, value) == said[place] != ""
            if key in agreed:
                agreed[key] |= same
        return agreed

    def _held(
        self,
        what: str,
        wanted: Sequence[finding.Wanted],
        people: Sequence[Key],
        *,
        always: bool = False,
    ) -> Iterator[tuple[int, str, str, Any]]:
        query = self._once(what, make=lambda: finding.held(self._binding, wanted))
        if query is None or not (people or always):
            return
        for position, label, value, since in self._all(query, self._asked(people)):
            if text := keys.text(value):
                yield position, label, text, since

    # --- what -------------------------------------------------------------------------------------

    def locate(self, people: Sequence[Key], *, on: date) -> list[Located]:
        if not people:
            return []
        return [self._locate(table, people, on=on) for table in self.program.tables]

    def _locate(self, table: Table, people: Sequence[Key], *, on: date) -> Located:
        query = self._once("locate", table, make=lambda: finding.locate(self._binding, table))
        return finding.located(self._binding, table, self._all(query, self._asked(people)), on=on)

    def newborn(
        self, people: Sequence[Key], known: Mapping[str, Sequence[Key]], *, on: date
    ) -> list[Located]:
        if not people:
            return []
        found = []
        for table in self.program.tables:
            if table.name in known:
                held = set(map(keys.hashable, known[table.name]))
                born = finding.without(self._locate(table, people, on=on), held)
                found += [born] if born.keys else []
        return found

    # --- change -----------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with translated(self.dialect), self._within(CHANGES):
            yield

    def apply(self, table: str, rows: Rows, people: Sequence[Key], deed: Deed) -> Applied:
        return self.apply_all([(table, rows, deed)], people)[0]

    def apply_all(
        self, changes: Sequence[tuple[str, Rows, Deed]], people: Sequence[Key]
    ) -> list[Applied]:
        steps = [Step(self._binding, self.program.table(name), deed.action)
                 for name, _, deed in changes]  # fmt: skip
        for step, (_, rows, deed) in zip(steps, changes, strict=True):
            self._require_sound(step, deed, people)
            keys.persons_of(rows, people)
            changing.planned(step, rows, people, range(len(rows.keys)))
        done: list[Applied] = []
        for step, (_, rows, deed) in zip(steps, changes, strict=True):
            is_stopped = any(each.foreign for each in done)
            if is_stopped or not rows.keys:
                done.append(Applied(0, 0, []))
            else:
                done.append(self._apply(step, rows, people, deed))
        return done

    def _apply(self, step: Step, rows: Rows, people: Sequence[Key], deed: Deed) -> Applied:
        size = changing.SLICE if step.made_here else keys.MOST
        verdicts, done = [], 0
        with translated(self.dialect), self._within(CHANGES):
            for places in changing.slices(rows, size):
                verdict = self._look(step, rows, people, places)
                verdicts.append(verdict)
                if not any(each.foreign for each in verdicts) and verdict.met:
                    done += self._change(step, rows, people, verdict, deed)
        return changing.applied(rows, verdicts, done)

    def _look(
        self, step: Step, rows: Rows, people: Sequence[Key], places: Sequence[int]
    ) -> changing.Verdict:
        query = self._once("look", step.table, step.action, make=lambda: changing.look(step))
        sent = changing.planned(step, rows, people, places)
        return changing.judge(step, rows, self._all(query, {PLAN: sent}))

    def _change(
        self, step: Step, rows: Rows, people: Sequence[Key], verdict: changing.Verdict, deed: Deed
    ) -> int:
        query = self._once("apply", step.table, step.action, make=lambda: changing.change(step))
        sent = changing.changed(step, rows, people, verdict, deed)
        count = self._send(query, {PLAN: sent}).rowcount
        if count > len(verdict.met):
            raise ChangeBlocked("the store changed more rows than the plan names")
        return count if count >= 0 else len(verdict.met)

    def _require_sound(self, step: Step, deed: Deed, people: Sequence[Key]) -> None:
        masks = deed.action in {"mask", "trim"} and step.changes
        if not (masks or deed.action == step.table.action == "delete"):
            raise KeysRefused("the map knows no such change for this table")
        if any(each.breaks for each in self._findings):
            raise ChangeBlocked("the map and the store do not fit: see the check")
        hows = {change.how for change in step.made_here}
        if hows & SECRET and len(deed.secret) < 16:
            raise KeysRefused("a pseudonym needs a secret of 16 bytes or more")
        if hows & {"strip_text", "strip_json", "inside"} and len(deed.identities) != len(people):
            raise KeysRefused("stripping a text needs the identity of each of the people")

    # --- look again -------------------------------------------------------------------------------

    def recount(self, table: str, rows: Rows, look: Look) -> Recount:
        step = self.program.table(table)
        keys.persons_of(rows, look.people)
        if len(look.identities) != len(look.people):
            raise KeysRefused("people and identities do not match")
        frozen = self._once("frozen", step, look.action, make=lambda: recounting.frozen(
            self._binding, step, look.action))  # fmt: skip
        sent = {PLAN: recounting.packed(self._binding, step, rows)}
        by_key, in_text = recounting.counted(
            self._binding, step, rows, look, self._stream(frozen, sent)
        )
        query = self._once("identified", step, look.action, make=lambda: recounting.by_identifier(
            self._binding, step, look.action))  # fmt: skip
        if query is None:
            return Recount(by_key, 0, in_text)
        values = recounting.values(self._binding, step, look)
        found = self._stream(query, values)
        return Recount(by_key, recounting.identified(self._binding, step, look, found), in_text)

    def recount_all(self, looks: Sequence[tuple[str, Rows, Look]]) -> list[Recount]:
        return [self.recount(table, rows, look) for table, rows, look in looks]

    # --- showing ----------------------------------------------------------------------------------

    views: tuple[str, ...] = ()

    def refresh(self) -> None:
        """These stores keep no copies that need it."""

    def sizes(self) -> dict[str, int]:
        names = [table.name for table in self.program.tables]
        rows = self._all(self.dialect.sizes(self._binding.catalogue.schema, names), {})
        return {name: int(size) for name, size in rows}

    def sample(self, table: str, rows: Rows, *, limit: int = 5) -> list[dict[str, str]]:
        step = self.program.table(table)
        if not rows.keys:
            return []
        few = Rows(rows.keys[:limit], rows.persons[:limit])
        query = self._once("sample", step, make=lambda: showing.sample(self._binding, step))
        answers = self._all(query, {PLAN: recounting.packed(self._binding, step, few)})
        return [
            {name: showing.veil(value) for name, value in zip(step.columns, row, strict=True)}
            for row in answers
        ]

    def statements(self, table: str, action: str) -> str:
        step = Step(self._binding, self.program.table(table), action)
        return showing.text(changing.change(step), self._connection.dialect)

    def check(self) -> list[Finding]:
        return list(self._findings)

    @property
    def catalogue(self) -> Catalogue:
        return self._binding.catalogue

    # --- the driver -------------------------------------------------------------------------------

    def _asked(self, people: Sequence[Key]) -> Parameters:
        facts = self._binding.catalogue.facts(self._binding.person.name, self._binding.person.key)
        found = keys.parts(people, facts)
        return {"asked": keys.packed((*key, place) for place, key in enumerate(found))}

    def _once(
        self, what: str, table: Table | None = None, more: str = "", *, make: Callable[[], Any]
    ) -> Any:
        name = (what, table.name if table else "", more)
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]

    @contextmanager
    def _within(self, intent: str = READS) -> Iterator[None]:
        """A transaction, unless one is open already."""
        if self._connection.in_transaction():
            yield
            return
        self._connection.info["intent"] = intent
        with self._connection.begin():
            yield

    def _all(self, query: Any, values: Parameters) -> list[Any]:
        with translated(self.dialect), self._within():
            return list(self._send(query, values).fetchall())

    def _stream(self, query: Any, values: Parameters) -> Iterable[Any]:
        return self._all(query, values)

    def _send(self, query: Any, values: Parameters) -> sa.CursorResult[Any]:
        return self._connection.execute(query, values)


SECRET = {"pseudonym", "hash", "hmac", "encrypt", "random"}


def moment(value: Any) -> str:
    """Return a moment of the store in ISO form, in UTC; nothing where it is not known."""
    if value is None or value == "":
        return ""
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return ""
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return found.astimezone(UTC).isoformat()


__all__ = ["SQLStore", "StoreUnreachable", "moment"]
