"""New rows, written by statements that are put together once for a process.

As Django writes them, without composing the INSERT anew for each call. See ``prepared`` for
questions and changes.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from django.contrib.postgres.fields import ArrayField
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import (
    BooleanField,
    CharField,
    Field,
    ForeignKey,
    IntegerField,
    JSONField,
    Model,
    TextField,
)

Made = TypeVar("Made", bound=Model)
FEW = 20
"""So many rows are written this way; more at once are Django's."""


def planned_cursor() -> Any:
    """A cursor whose statements the server plans once for a line: see ccpa_office/database."""
    return connections[DEFAULT_DB_ALIAS].planned_cursor()  # type: ignore[attr-defined]


def cursor_of(*, planned: bool) -> Any:
    """The same for statements whose places are numbered; or Django's own."""
    line = connections[DEFAULT_DB_ALIAS]
    return line.numbered_cursor() if planned else line.cursor()  # type: ignore[attr-defined]


@cache
def numbered(sql: str, count: int) -> str:
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
    with cursor_of(planned=True) as cursor:
        cursor.execute(numbered(_insertion(model, len(made)), len(given)), given)
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
    with cursor_of(planned=True) as cursor:
        cursor.execute(numbered(_insertions(shape), len(flat)), flat)
    for row in rows:
        _mark_written(row)


def _given(rows: Sequence[Model], *, with_key: bool = False) -> list[Any] | None:
    """The values of rows of one model; None where one of them takes more than a value."""
    fields = _columns(type(rows[0]), with_key=with_key) if rows else None
    if fields is None:
        return None
    values: list[Any] = []
    for row in rows:
        for field, name, plain in fields:
            value = getattr(row, name) if plain else field.pre_save(row, add=True)
            if value is None or type(value) is plain:
                values.append(value)
            elif hasattr(value, "resolve_expression"):
                return None
            else:
                values.append(field.get_db_prep_save(value, connection))
    return values


def _mark_written(row: Model) -> None:
    state = row._state  # noqa: SLF001  as Django marks a row that stands in the database
    state.adding, state.db = False, connection.alias


def _plain(field: Any) -> type | None:
    """The type of which the database takes this column's values as they are."""
    if type(field).pre_save is not Field.pre_save:
        return None
    kinds = ((CharField, str), (TextField, str), (BooleanField, bool), (IntegerField, int))
    whose = field.target_field if isinstance(field, ForeignKey) else field
    return next((kind for each, kind in kinds if isinstance(whose, each)), None)


@cache
def _columns(
    model: type[Model], *, with_key: bool = False
) -> list[tuple[Any, str, type | None]] | None:
    """Every column that is given a value; None where a column needs an expression."""
    fields = [each for each in model._meta.concrete_fields if with_key or not each.primary_key]
    plain = model._meta.auto_field is not None and not any(
        field.generated or isinstance(field, ArrayField | JSONField) for field in fields
    )
    return [(field, field.attname, _plain(field)) for field in fields] if plain else None


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
    columns = [quote(str(each.column)) for each, *_ in _columns(model, with_key=with_key) or []]
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
