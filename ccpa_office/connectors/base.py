"""What a connector is given and gives back: frozen values, no row of the office, no clock."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Protocol

from ccpa_office.connectors.collected import Asked, Corrected, Piece, Record, Tally, Window
from ccpa_office.connectors.matchable import Matchable
from ccpa_office.connectors.sweepable import Sweepable
from ccpa_office.connectors.ways import ContactColumn, Named, Path, Point

Scalar = int | str
Key = Scalar | tuple[Scalar, ...]
"""A primary key: one value, or a tuple for a key of several columns (a list after JSON)."""


class Repeat(StrEnum):
    """What doing a thing a second time means; every connector declares it."""

    HARMLESS = "harmless"
    KEYED = "keyed"
    ASKABLE = "askable"
    BLIND = "blind"


class ConnectorError(Exception):
    """The store did not do what was asked."""


class StoreUnreachable(ConnectorError):
    """The store does not answer, or went away: nothing is known, try again later."""


class StoreTooSlow(StoreUnreachable):
    """The store gave up a statement that took too long: again and again, a person must look."""


class HostNotAllowed(ConnectorError):
    """The store's host is not on the list of hosts that this office may reach."""


class MapDoesNotFit(ConnectorError):
    """The map and the store's catalogue disagree: no statement is built."""


class ChangeBlocked(ConnectorError):
    """A constraint of the store forbids the change; the chunk's transaction must be rolled back."""


class KeysRefused(ConnectorError):
    """Keys or people are empty values, of the wrong shape or out of range: nothing is run."""


@dataclass(frozen=True)
class Finding:
    """One remark of a check: level ``error`` or ``warning``, a stable code, words for a person."""

    level: str
    code: str
    message: str
    file: str = ""
    line: int = 0
    column: int = 0

    @property
    def breaks(self) -> bool:
        """Whether what is wrong could change a wrong row; a missing index is only slow."""
        return self.level == "error" and self.code != "no-index"


@dataclass(frozen=True)
class Identity:
    """What a consumer is known by: kind (``email``, ``phone_number``, ``name``) to values.

    ``made`` is for a connector to keep what it made of them, so that it is made once a chunk.
    """

    identifiers: dict[str, list[str]]
    made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Contact:
    """A contact on file, and since when it holds unchanged (ISO moment, empty if unknown)."""

    kind: str
    value: str
    since: str
    person_key: Key


MOST_KEYS = 50_000
"""So many keys one statement takes; whoever has more cuts them."""


HOWS = ("null", "constant", "pseudonym", "truncate_date", "zero", "bucket", "keep_last", "hash",
        "hmac", "encrypt", "random", "strip_json", "strip_text", "inside")  # fmt: skip
"""What a mask can do to a column; what each argument means stands in ``masking``."""


@dataclass(frozen=True)
class Change:
    """What a mask does to one column; the argument is JSON where it is more than one value."""

    column: str
    how: str  # one of HOWS
    argument: str = ""


@dataclass(frozen=True)
class ColumnFacts:
    """What a store says of a column, in words that all stores share."""

    kind: str  # text, integer, decimal, date, moment, json, boolean, uuid, bytes, other
    length: int | None = None  # most characters of a text, most digits of a decimal
    nullable: bool = True
    unique: bool = False  # alone; a column of a unique key of several columns is not
    array: bool = False  # a list of values of the kind
    generated: bool = False  # the store computes it, nobody can write it
    low: int | None = None  # the numbers that fit
    high: int | None = None
    scale: int | None = None  # digits behind the point; None: as many as there are


@dataclass(frozen=True)
class Term:
    """Rows that the law keeps for a while from a date in the row; ``length`` is ISO 8601 (P5Y)."""

    code: str
    starts: str
    length: str


OPS = ("eq", "ne", "in", "null", "not_null", "lt", "gt")


@dataclass(frozen=True)
class Hold:
    """Rows that nobody may change while ``column`` stands so to ``values``, for a named reason.

    ``eq``, ``ne``, ``lt`` and ``gt`` take one value, ``in`` one or more, ``null`` and ``not_null``
    none; values are texts, compared as what the column is. An empty column is under ``null`` only.
    """

    column: str
    op: str = "eq"  # one of OPS
    values: tuple[str, ...] = ()
    code: str = "hold"


@dataclass(frozen=True)
class Table:
    """One table of the program."""

    name: str
    key: tuple[str, ...]
    paths: tuple[Path, ...]  # ways to the person; the person's own table has one empty way
    action: str  # delete, mask, keep
    changes: tuple[Change, ...] = ()
    strips: tuple[Change, ...] = ()  # what stripping a shared row does; nothing: it can only stay
    may_keep: bool = True  # a shared row may stay whole: it points to no row that goes
    loose: bool = False  # the rows that lead to the person are changed before this table's turn
    shareable: bool = False  # more than one person may reach a row
    term: Term | None = None
    holds: tuple[Hold, ...] = ()
    trims: tuple[Change, ...] = ()  # done at once to a row that is kept under its exception
    contacts: tuple[ContactColumn, ...] = ()
    points: tuple[Point, ...] = ()
    identities: tuple[Named, ...] = ()  # verified identifiers find the person here
    marks: tuple[Named, ...] = ()  # values by which a text betrays the person
    identifiers: tuple[Named, ...] = ()  # looked at by the second look; kind "person" = its key
    texts: tuple[str, ...] = ()  # searched by the second look
    columns: tuple[str, ...] = ()  # every column that the map names
    pieces: tuple[Piece, ...] = ()  # the same, each with what the map says of it
    dated: str = ""  # the column with the day of a row, if the map names one
    categories: tuple[str, ...] = ()
    keep_code: str = ""  # the exception that covers an action "keep"

    def mask(self, action: str = "mask") -> tuple[Change, ...]:
        """Return what ``mask`` changes: the mask itself, or the stripping of a shared row.

        ``trim`` changes what must not stay in a row that is kept under its exception.
        """
        if action == "trim":
            return self.trims
        return self.changes if self.action == "mask" else self.strips


@dataclass(frozen=True)
class Program:
    """A map, compiled: tables in the order in which they are changed, children first."""

    system: str
    schema: str
    digest: str
    person: str
    tables: tuple[Table, ...]
    sensitivity: str = "ordinary"
    outside: Any = None  # the description of a system that is no database
    left_out: tuple[str, ...] = ()  # tables that the map leaves out on purpose, with its reason

    def table(self, name: str) -> Table:
        """Return the table of that name; ``KeyError`` when the map has none."""
        return {table.name: table for table in self.tables}[name]


@dataclass(frozen=True)
class Rows:
    """Rows of one table and the person of each, as an index into the list of people."""

    keys: Sequence[Key]
    persons: Sequence[int]


@dataclass(frozen=True)
class Located:
    """What ``locate`` found in one table; five lists of equal length, in storage order."""

    table: str
    keys: list[Key]
    persons: list[int]
    shared: list[bool]
    kept: list[str]  # an exception's or a hold's code, or nothing
    until: list[date | None]  # when the exception ends

    @property
    def rows(self) -> Rows:
        return Rows(self.keys, self.persons)


@dataclass(frozen=True)
class Applied:
    """What a change met: changed, gone already, and keys that are somebody else's by now."""

    done: int
    gone: int
    foreign: list[Key]


@dataclass(frozen=True)
class Recount:
    """What a second look still finds, rows that are kept left out."""

    by_key: int
    by_identifier: int
    in_text: int

    @property
    def clean(self) -> bool:
        return not (self.by_key or self.by_identifier or self.in_text)


@dataclass(frozen=True)
class Deed:
    """What is done to rows: ``delete``, ``mask`` or ``trim``; a table of deletion, mask strips.

    ``secret`` keys the pseudonyms; ``identities`` are what is taken out of texts.
    """

    action: str
    secret: bytes = b""
    identities: Sequence[Identity] = ()  # one for each of the people, or none


@dataclass(frozen=True)
class Look:
    """A second look: the people, what was done, which rows stay by right or were only stripped."""

    people: Sequence[Key]
    identities: Sequence[Identity]
    action: str
    kept: Sequence[Key] = ()
    stripped: Sequence[Key] = ()
    trimmed: Sequence[Key] = ()  # of the kept rows, those that lost what need not stay
    secrets: Sequence[bytes] = ()  # those of deeds, newest first: they tell what the office made


class Connector(Matchable, Sweepable, Protocol):
    """One store. It knows a program and keys, never a request or a notice."""

    repeat: Repeat

    @property
    def gives_again(self) -> bool:
        """Whether the key of a person whose row is gone may become another person's."""

    def contacts(self, identity: Identity) -> list[Contact]:
        """Contacts on file of whoever the identity may be; two statements, whoever it is."""

    def contacts_of(self, people: Sequence[Key]) -> list[list[Contact]]:
        """Every contact on file, a list for each of the people."""

    def compare(self, person: Key | None, claims: Mapping[str, str]) -> dict[str, bool]:
        """Which claimed points agree with what is held; one statement, whoever it is."""

    def people(self, identities: Sequence[Identity]) -> list[list[Key]]:
        """The people whom verified identifiers name; one statement per identifier column."""

    def marks(self, people: Sequence[Key], *, own: bool = False) -> list[Identity]:
        """Values held that betray each of the people in a text; one statement.

        ``own``: those of the person's own row alone, so that rows of others before tell nothing.
        """

    def locate(self, people: Sequence[Key], *, on: date) -> list[Located]:
        """Every row of the people, in the order of the program; one statement per table."""

    def newborn(
        self, people: Sequence[Key], known: Mapping[str, Sequence[Key]], *, on: date
    ) -> list[Located]:
        """Rows of the people in the tables of ``known`` that are not known; one statement."""

    def apply(self, table: str, rows: Rows, people: Sequence[Key], deed: Deed) -> Applied:
        """Change rows whose key and person agree; one statement. Roll back if any is foreign."""

    def apply_all(
        self, changes: Sequence[tuple[str, Rows, Deed]], people: Sequence[Key]
    ) -> list[Applied]:
        """``apply`` for table after table, sent together; roll back if any key is foreign."""

    def recount(self, table: str, rows: Rows, look: Look) -> Recount:
        """Look again by keys, by identifier columns and in texts; one statement, no join path."""

    def recount_all(self, looks: Sequence[tuple[str, Rows, Look]]) -> list[Recount]:
        """``recount`` for table after table, sent together."""

    def transaction(self) -> AbstractContextManager[object]:
        """One transaction in the store: begin, the block, commit; rolled back by any error."""

    def snapshot(self) -> AbstractContextManager[object]:
        """One read-only view of the store: whatever is collected inside agrees with itself."""

    def collect(self, table: str, people: Sequence[Key], window: Window) -> Iterator[Record]:
        """One person's rows, known under these keys: streamed in the order of the row's key.

        Called inside ``snapshot``, table after table. What others reach too, and what is not of
        the window, comes without its values.
        """

    def collect_few(self, asked: Sequence[Asked], *, most: int) -> list[dict[str, list[Record]]]:
        """Rows of many people, by table, for each of them as ``collect`` would give them alone.

        In one view of the store; nobody's rows stand with another's. Raises ``TooMany``.
        """

    def tally(self, table: str, people: Sequence[Key], window: Window) -> Tally:
        """The rows that ``collect`` would give, counted; one statement."""

    def correct(
        self, table: str, key: Key, people: Sequence[Key], change: tuple[str, str | None, str]
    ) -> Corrected:
        """Change one field (column, before, after) of one row of the person; one statement.

        A repeat is harmless. Where something else than ``before`` stands, nothing is changed.
        """

    def stands(self, table: str, key: Key, people: Sequence[Key], value: tuple[str, str]) -> bool:
        """Whether one field (column, text) of one row of the person says so; another statement."""

    @property
    def views(self) -> Sequence[str]:
        """Copies that the store keeps of tables that the program changes; no statement."""

    def refresh(self) -> None:
        """Make these copies anew, where others can go on reading them."""

    def sizes(self) -> dict[str, int]:
        """Estimated number of rows of every table; one statement."""

    def sample(self, table: str, rows: Rows, *, limit: int = 5) -> list[dict[str, str]]:
        """Some rows with every value masked, for the dry run."""

    def statements(self, table: str, action: str) -> str:
        """The text of the change as it will run, for the dry run."""

    def check(self) -> list[Finding]:
        """Where the program and the store do not fit; nothing is changed."""
