"""Questions to the database that are put together once for a process.

Django builds the same SELECT anew for every call, which costs more than the database takes to
answer it. Where a question is asked for every request or chunk, it is written down once:

    PLANS = Prepared(lambda chunk: Plan.objects.filter(chunk_id=chunk).order_by("pk"))
    plans = PLANS(chunk.pk)

Only the values of a call differ, never what is asked. A list counts by its length: a short one is
prepared for each length, a long one is asked as Django would ask it. Whatever cannot be prepared
(a value that is changed on its way, a question that can have no answer) is asked that way too.
``insert`` does the same for new rows.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any, Generic, NamedTuple, TypeVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import JSONField, Model, QuerySet
from django.db.models.query import ModelIterable, ValuesListIterable, get_related_populators

Row = TypeVar("Row")
Other = TypeVar("Other")
Made = TypeVar("Made", bound=Model)
Shape = tuple[Any, ...]
LONGEST = 60
MARK = 7_301_771_700_000_000
BEGINNING = datetime(1003, 1, 1, tzinfo=UTC)


FEW = 20


def planned_cursor() -> Any:
    """A cursor whose statements the server plans once for a line: see ccpa_office/database."""
    return connections[DEFAULT_DB_ALIAS].planned_cursor()  # type: ignore[attr-defined]


def _cursor(*, planned: bool) -> Any:
    """The same for statements whose places are numbered; or Django's own."""
    line = connections[DEFAULT_DB_ALIAS]
    return line.numbered_cursor() if planned else line.cursor()  # type: ignore[attr-defined]


@cache
def _numbered(sql: str, count: int) -> str:
    """A statement as the server reads it: its places are $1, $2, ..."""
    return sql % tuple(f"${place}" for place in range(1, count + 1))


def insert(rows: Sequence[Made]) -> list[Made]:
    """Write new rows of one model in one statement; each gets its key.

    As ``bulk_create``, without putting the statement together each time. Many rows, and models
    whose columns need more than a value, go there.
    """
    made = list(rows)
    model = type(made[0]) if made else None
    given = _given(made) if len(made) <= FEW else None
    if model is None or given is None:
        return model._default_manager.bulk_create(made) if model else []
    with _cursor(planned=True) as cursor:
        cursor.execute(_numbered(_insertion(model, len(made)), len(given)), given)
        keys = cursor.fetchall()
    for row, (key,) in zip(made, keys, strict=True):
        row.pk = key
        _mark_written(row)
    return made


def reserve(*models: type[Model]) -> list[int]:
    """A key for a new row of each model, in one statement; ``write`` writes the rows."""
    with planned_cursor() as cursor:
        cursor.execute(_reservation(models))
        return list(cursor.fetchone())


def write(rows: Sequence[Model]) -> None:
    """Write new rows of several models in one statement.

    Who is referred to has a key of ``reserve``; the others get theirs from the database.
    References among the rows are checked when all of them stand.
    """
    groups: dict[tuple[type[Model], bool], list[Model]] = {}
    for row in rows:
        groups.setdefault((type(row), row.pk is not None), []).append(row)
    given = [_given(made, with_key=with_key) for (_model, with_key), made in groups.items()]
    if None in given:
        for (model, _with_key), made in groups.items():
            model._default_manager.bulk_create(made)
        return
    shape = tuple((*key, len(made)) for key, made in groups.items())
    flat = [each for values in given for each in values or ()]
    with _cursor(planned=True) as cursor:
        cursor.execute(_numbered(_insertions(shape), len(flat)), flat)
    for row in rows:
        _mark_written(row)


def _given(rows: Sequence[Model], *, with_key: bool = False) -> list[Any] | None:
    """The values of rows of one model; None where one of them takes more than a value."""
    fields = _columns(type(rows[0]), with_key=with_key) if rows else None
    if fields is None:
        return None
    values = [(field, field.pre_save(row, add=True)) for row in rows for field in fields]
    if any(hasattr(value, "resolve_expression") for _field, value in values):
        return None
    return [field.get_db_prep_save(value, connection) for field, value in values]


def _mark_written(row: Model) -> None:
    state = row._state  # noqa: SLF001  as Django marks a row that stands in the database
    state.adding, state.db = False, connection.alias


@cache
def _columns(model: type[Model], *, with_key: bool = False) -> list[Any] | None:
    """Every column that is given a value; None where a column needs an expression."""
    fields = [each for each in model._meta.concrete_fields if with_key or not each.primary_key]
    plain = model._meta.auto_field is not None and not any(
        field.generated or isinstance(field, ArrayField | JSONField) for field in fields
    )
    return fields if plain else None


@cache
def _insertion(model: type[Model], rows: int) -> str:
    key = connection.ops.quote_name(str(model._meta.pk.column))
    return f"{_bare_insertion(model, rows, with_key=False)} RETURNING {key}"


@cache
def _insertions(shape: tuple[tuple[type[Model], bool, int], ...]) -> str:
    *before, last = (
        _bare_insertion(model, rows, with_key=with_key) for model, with_key, rows in shape
    )
    parts = ", ".join(f"w{place} AS ({text})" for place, text in enumerate(before))
    return f"WITH {parts} {last}" if parts else last


def _bare_insertion(model: type[Model], rows: int, *, with_key: bool) -> str:
    quote = connection.ops.quote_name
    columns = [quote(str(each.column)) for each in _columns(model, with_key=with_key) or []]
    values = f"({', '.join(['%s'] * len(columns))})"
    return (
        f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(columns)})"  # noqa: S608  models
        f" VALUES {', '.join([values] * rows)}"
    )


@cache
def _reservation(models: tuple[type[Model], ...]) -> str:
    quote = connection.ops.quote_name
    sequences: list[str] = []
    with connection.cursor() as cursor:
        for model in models:
            given = [quote(model._meta.db_table), str(model._meta.pk.column)]
            cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", given)
            sequences += cursor.fetchone() or ()
    return f"SELECT {', '.join(f'nextval({each!r})' for each in sequences)}"


# --- questions ----------------------------------------------------------------------------------


class _Text(NamedTuple):
    """A question as the database reads it, and how its answer is read."""

    sql: str
    marks: tuple[tuple[Any, int], ...]
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
        given = _filled(text, list(_flat(values)))
        with _cursor(planned=self.planned) as cursor:
            cursor.execute(_numbered(text.sql, len(given)) if self.planned else text.sql, given)
            return text.read(cursor.fetchall())

    def text(self, values: Sequence[Any]) -> "_Text | None":
        """The text for values of these kinds; None where it cannot be prepared."""
        shape = tuple(map(_shape, values))
        if None in shape:
            return None
        if shape not in self._texts:
            self._texts[shape] = _text(self.ask, values)
        return self._texts[shape]


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
            self._sql[key] = _numbered(BESIDE.format(*key), count)
        given = [*_filled(one, list(_flat(values))), *_filled(other, list(_flat(others)))]
        with _cursor(planned=True) as cursor:
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


def _filled(text: _Text, flat: Sequence[Any]) -> list[Any]:
    return [_like(mark, flat[place]) for mark, place in text.marks]


def _like(mark: Any, value: Any) -> Any:
    """A value in the type in which the driver was given the mark."""
    return value if type(mark) is type(value) else type(mark)(value)


# --- putting together ---------------------------------------------------------------------------
def _text(ask: Callable[..., QuerySet[Any, Any]], values: Sequence[Any]) -> _Text | None:
    numbers = count(1)
    marks = [
        [_mark(each, next(numbers)) for each in value]
        if isinstance(value, list)
        else _mark(value, next(numbers))
        for value in values
    ]
    queryset = ask(*marks)
    compiler = queryset.query.get_compiler(connection=connection)
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
    read = _reader(queryset, compiler)
    if set(places.values()) != set(range(len(order))) or read is None:
        return None
    marked = tuple((value, places[at]) for at, value in enumerate(given) if at in places)
    return _Text(_fixed(sql, given, places), marked, read, len(compiler.select))


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
