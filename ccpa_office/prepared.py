"""Questions to the database that are put together once for a process.

Django builds the same SELECT anew for every call, which costs more than the database takes to
answer it. Where a question is asked for every request or chunk, it is written down once:

    PLANS = Prepared(lambda chunk: Plan.objects.filter(chunk_id=chunk).order_by("pk"))
    plans = PLANS(chunk.pk)

Only the values of a call differ, never what is asked. A list counts by its length: a short one is
prepared for each length, a long one is asked as Django would ask it. Whatever cannot be prepared
(a value that is changed on its way, a question that can have no answer) is asked that way too.
``insert`` does the same for new rows, ``Changed`` for changes of rows that stand.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from itertools import count
from typing import Any, Generic, NamedTuple, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable, ValuesListIterable, get_related_populators
from django.db.models.sql import UpdateQuery

from ccpa_office.new_rows import (
    FEW,
    cursor_of,
    insert,
    numbered,
    planned_cursor,
    reserve,
    write,
)

__all__ = [
    "FEW",
    "LONGEST",
    "Changed",
    "Prepared",
    "Together",
    "insert",
    "planned_cursor",
    "reserve",
    "returned",
    "write",
]

Row = TypeVar("Row")
Other = TypeVar("Other")
Shape = tuple[Any, ...]
Marked = tuple[tuple[Any, int], ...]
Change = tuple[QuerySet[Any, Any], Mapping[str, Any]]
LONGEST = 60
MARK = 7_301_771_700_000_000
BEGINNING = datetime(1003, 1, 1, tzinfo=UTC)


# --- questions ----------------------------------------------------------------------------------


class _Text(NamedTuple):
    """A question as the database reads it, and how its answer is read."""

    sql: str
    marks: "Marked"
    read: Callable[[list[Any]], list[Any]]
    width: int


class Prepared(Generic[Row]):
    """A question whose values are given at each call, in the order of its parameters."""

    def __init__(self, ask: Callable[..., QuerySet[Any, Row]], *, planned: bool = False) -> None:
        self.ask, self.planned = ask, planned
        self._texts: dict[Shape, _Text | None] = {}

    def __call__(self, *values: Any) -> list[Row]:
        """The rows; one statement."""
        text = self.text(values)
        if text is None:
            return list(self.ask(*values))
        given = _filled(text.marks, list(_flat(values)))
        with cursor_of(planned=self.planned) as cursor:
            cursor.execute(numbered(text.sql, len(given)) if self.planned else text.sql, given)
            return text.read(cursor.fetchall())

    def text(self, values: Sequence[Any]) -> "_Text | None":
        """The text for values of these kinds; None where it cannot be prepared."""
        shape = tuple(map(_shape, values))
        if None in shape:
            return None
        if shape not in self._texts:
            self._texts[shape] = _text(self.ask, values)
        return self._texts[shape]


class Changed:
    """A change of rows: ``ask`` says of the values which rows, and what their columns become.

    The server plans it once for a line.
    """

    def __init__(self, ask: Callable[..., Change]) -> None:
        self.ask = ask
        self._texts: dict[Shape, tuple[str, Marked] | None] = {}

    def __call__(self, *given: Any) -> int:
        """How many rows were changed; one statement."""
        values = [each.value if isinstance(each, Enum) else each for each in given]
        shape = tuple(map(_shape, values))
        if shape not in self._texts:
            self._texts[shape] = None if None in shape else self._text(values)
        text = self._texts[shape]
        if text is None:
            queryset, changes = self.ask(*given)
            return queryset.update(**changes)
        sql, marks = text
        with cursor_of(planned=True) as cursor:
            cursor.execute(numbered(sql, len(marks)), _filled(marks, list(_flat(values))))
            return int(cursor.rowcount)

    def _text(self, values: Sequence[Any]) -> "tuple[str, Marked] | None":
        marks = _marks(values)
        queryset, changes = self.ask(*marks)
        query: Any = queryset.query.chain(UpdateQuery)
        query.add_update_values(dict(changes))
        query.annotations = {}
        return _laid_out(query.get_compiler(connection=connection), marks)


class Together(Generic[Row, Other]):
    """Two questions with one row at most for an answer, asked in one statement."""

    def __init__(self, one: Prepared[Row], other: Prepared[Other]) -> None:
        self.one, self.other = one, other
        self._sql: dict[tuple[str, str], str] = {}

    def __call__(
        self, values: Sequence[Any], others: Sequence[Any]
    ) -> tuple[Row | None, Other | None]:
        """The row of each, or None."""
        one, other = self.one.text(values), self.other.text(others)
        if one is None or other is None:
            return next(iter(self.one(*values)), None), next(iter(self.other(*others)), None)
        key = one.sql, other.sql
        if key not in self._sql:
            count = len(one.marks) + len(other.marks)
            self._sql[key] = numbered(BESIDE.format(*key), count)
        given = _filled(one.marks, list(_flat(values)))
        given += _filled(other.marks, list(_flat(others)))
        with cursor_of(planned=True) as cursor:
            cursor.execute(self._sql[key], given)
            row = cursor.fetchone()
        border = 1 + one.width
        return (
            one.read([row[1:border]])[0] if row[0] else None,
            other.read([row[border + 1 :]])[0] if row[border] else None,
        )


BESIDE = """
SELECT one.*, other.* FROM (SELECT) AS start
LEFT JOIN (SELECT true AS stands, found.* FROM ({}) AS found) AS one ON true
LEFT JOIN (SELECT true AS stands, found.* FROM ({}) AS found) AS other ON true"""


def _shape(value: Any) -> Any:
    if isinstance(value, list):
        kinds = {type(each) for each in value}
        return (len(value), *kinds) if 0 < len(value) <= LONGEST and len(kinds) == 1 else None
    return type(value) if type(value) in {int, str, date, datetime} else None


def _flat(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        yield from value if isinstance(value, list) else [value]


def _filled(marks: Marked, flat: Sequence[Any]) -> list[Any]:
    return [_like(mark, flat[place]) for mark, place in marks]


def _like(mark: Any, value: Any) -> Any:
    """A value in the type in which the driver was given the mark."""
    return value if type(mark) is type(value) else type(mark)(value)


# --- putting together ---------------------------------------------------------------------------
def _text(ask: Callable[..., QuerySet[Any, Any]], values: Sequence[Any]) -> _Text | None:
    marks = _marks(values)
    queryset = ask(*marks)
    compiler = queryset.query.get_compiler(connection=connection)
    laid_out = _laid_out(compiler, marks)
    read = _reader(queryset, compiler) if laid_out else None
    return _Text(*laid_out, read, len(compiler.select)) if laid_out and read else None


def _marks(values: Sequence[Any]) -> list[Any]:
    numbers = count(1)
    return [
        [_mark(each, next(numbers)) for each in value]
        if isinstance(value, list)
        else _mark(value, next(numbers))
        for value in values
    ]


def _laid_out(compiler: Any, marks: Sequence[Any]) -> tuple[str, Marked] | None:
    """The text, and in the order of its places which value goes where; None if one is not found."""
    try:
        sql, given = compiler.as_sql()
    except EmptyResultSet:
        return None
    order = list(_flat(marks))
    places = {
        place: order.index(value)
        for place, value in enumerate(given)
        if isinstance(value, int | str | date) and value in order
    }
    if set(places.values()) != set(range(len(order))):
        return None
    marked = tuple((value, places[at]) for at, value in enumerate(given) if at in places)
    return _fixed(sql, given, places), marked


def _fixed(sql: str, given: Sequence[Any], places: Container[int]) -> str:
    """The text with every value that never differs written into it, so that plans know it."""
    parts = ["%s" if place in places else _literal(value) for place, value in enumerate(given)]
    return sql.replace("%%", "%%%%") % tuple(parts)


def _literal(value: Any) -> str:
    written: str = connection.ops.compose_sql("%s", [value])  # type: ignore[attr-defined]
    return written.replace("%", "%%")


def _mark(value: Any, number: int) -> Any:
    """A value that stands nowhere else in a question, and is another one once it is changed."""
    if isinstance(value, datetime):
        return BEGINNING + timedelta(microseconds=number)
    if isinstance(value, date):
        return BEGINNING.date() + timedelta(days=number)
    return f" \ue000Aa{number} " if isinstance(value, str) else MARK + number


def returned(rows: QuerySet[Any, Any]) -> tuple[str, Callable[[list[Any]], list[Any]] | None]:
    """The columns of a question, for RETURNING, and how what comes back becomes its rows."""
    compiler = rows.query.get_compiler(connection=connection)
    compiler.as_sql()
    columns = ", ".join(text for _column, (text, _values), _alias in compiler.select)
    return columns, _reader(rows, compiler)


def _reader(queryset: QuerySet[Any, Any], compiler: Any) -> Callable[[list[Any]], list[Any]] | None:
    """How rows of the answer become what the question asks for."""
    columns = [each[0] for each in compiler.select[: compiler.col_count]]
    converters = compiler.get_converters(columns)
    kind = queryset._iterable_class  # noqa: SLF001  the iterables of Django are the answer

    def converted(rows: list[Any]) -> Any:
        return compiler.apply_converters(rows, converters) if converters else rows

    if kind is ValuesListIterable:
        return lambda rows: list(map(tuple, converted(rows)))
    if kind is not ModelIterable:
        return None
    make = _maker(compiler)
    return lambda rows: list(map(make, converted(rows)))


def _maker(compiler: Any) -> Callable[[Any], Model]:
    """As ``ModelIterable`` does it, with what is the same for every row kept."""
    klass = compiler.klass_info
    model, chosen = klass["model"], klass["select_fields"]
    first, last = chosen[0], chosen[-1] + 1
    names = [each[0].target.attname for each in compiler.select[first:last]]
    alias = connection.alias
    populators = get_related_populators(klass, compiler.select, alias)  # type: ignore[call-arg]
    annotations = list((compiler.annotation_col_map or {}).items())

    def make(row: Any) -> Model:
        made: Model = model.from_db(alias, names, row[first:last])
        for each in populators:
            each.populate(row, made)
        for name, place in annotations:
            setattr(made, name, row[place])
        return made

    return make
