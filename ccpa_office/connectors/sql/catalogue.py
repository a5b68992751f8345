"""What a database says of itself: tables, columns, keys, indexes, foreign keys, triggers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ccpa_office.connectors.base import ColumnFacts


@dataclass(frozen=True)
class Column:
    """A column: the facts that all stores share, and this store's own words for its texts."""

    facts: ColumnFacts
    type: str = ""
    charset: str = ""
    collation: str = ""


@dataclass(frozen=True)
class ForeignKey:
    """A reference that the database keeps."""

    name: str
    table: str
    target: str
    on_delete: str  # "" where the database refuses the deletion
    columns: tuple[str, ...]
    targets: tuple[str, ...] = ()
    elsewhere: bool = False  # it stands in another schema


@dataclass
class Relation:
    """A table as the database knows it."""

    columns: dict[str, Column] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    leading: set[str] = field(default_factory=set)
    unique: set[tuple[str, ...]] = field(default_factory=set)
    triggers: list[str] = field(default_factory=list)
    transactional: bool = True
    versioned: bool = False  # the store keeps rows that were deleted
    writes: str = ""  # what its triggers do


@dataclass(frozen=True)
class Catalogue:
    """The tables of one schema and every foreign key that points into it."""

    tables: dict[str, Relation]
    foreign: tuple[ForeignKey, ...] = ()
    schema: str | None = None
    blind: bool = False  # the account sees neither triggers nor tables beside its own

    def column(self, table: str, name: str) -> Column:
        """Return a column; ``KeyError`` when there is none."""
        return self.tables[table].columns[name]

    def facts(self, table: str, names: Iterable[str]) -> list[ColumnFacts]:
        return [self.column(table, name).facts for name in names]


KINDS = [
    (r"^(big|small|medium|tiny)?int|^integer|^int[248]$|^serial|^bigserial|^year", "integer"),
    (r"^(numeric|decimal|number|float|double|real|money|bignumeric)", "decimal"),
    (r"^(timestamp|datetime|smalldatetime)", "moment"),
    (r"^date", "date"),
    (r"^(json|variant|super|object|struct)", "json"),
    (r"^bool", "boolean"),
    (r"^(uuid|uniqueidentifier)", "uuid"),
    (r"^(binary|varbinary|blob|tinyblob|mediumblob|longblob|bytea|bytes|raw|image|bit)", "bytes"),
    (r"^(n?var)?char|^character|^n?text|^(tiny|medium|long)text|^n?clob|^string", "text"),
    (r"^(enum|set|inet|citext|varchar2|nvarchar2)", "text"),
]  # fmt: skip


def kind(type_name: str) -> str:
    """Return the kind of a type by its name, in the words that all stores share."""
    name = type_name.strip().lower()
    if name in {"tinyint(1)"}:
        return "boolean"
    return next((kind for sign, kind in KINDS if re.match(sign, name)), "other")


def length(type_name: str) -> int | None:
    """Return the number of characters that a type was declared with."""
    found = re.match(r"^[a-z0-9 ]*(?:char|varchar2?|text|string)[a-z ]*\((\d+)", type_name.lower())
    return int(found[1]) if found else None


def digits(type_name: str) -> tuple[int | None, int | None]:
    """Return precision and scale of a decimal type."""
    found = re.match(r"^[a-z ]+\((\d+)(?:\s*,\s*(\d+))?\)", type_name.lower())
    return (int(found[1]), int(found[2] or 0)) if found else (None, None)


RANGES = {"tinyint": 8, "smallint": 16, "int2": 16, "mediumint": 24, "int": 32, "integer": 32,
          "int4": 32, "bigint": 64, "int8": 64}  # fmt: skip


def column_facts(type_name: str, *, nullable: bool, unique: bool, generated: bool) -> ColumnFacts:
    """Return the shared facts of a column from the type that its store names."""
    which = kind(type_name)
    precision, scale = digits(type_name) if which == "decimal" else (None, None)
    low, high = _range(type_name) if which == "integer" else (None, None)
    return ColumnFacts(
        which,
        length(type_name) if which == "text" else precision,
        nullable,
        unique,
        generated=generated,
        low=low,
        high=high,
        scale=scale,
    )


def _range(type_name: str) -> tuple[int | None, int | None]:
    name = re.split(r"[( ]", type_name.lower())[0]
    bits = RANGES.get(name)
    if bits is None:
        return None, None
    if "unsigned" in type_name.lower():
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def bare(text: str) -> str:
    """Strip quotes, blanks and parentheses from an index expression."""
    return re.sub(r"[\s()\"`\[\]]|\bcollate\b.*|\b(asc|desc)\b", "", text.lower())
