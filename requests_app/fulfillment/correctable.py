"""What of a person can be corrected: fields that a map knows, and the same thing elsewhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from ccpa_office.connectors.base import Key, Table
from ccpa_office.connectors.collected import Piece, Window
from requests_app import targets
from requests_app.fulfillment.locking import alike, kind_of, normal
from requests_app.models import ConsumerRequest
from requests_app.targets import Target
from requests_app.verification.looking import people_of

EVER = Window(date.min, date.max)


class CannotCorrect(Exception):
    """This field cannot be corrected so; the text says why."""


@dataclass(frozen=True)
class Claim:
    """What is right: the value of a field (system, table, column) in a row of the person.

    ``row`` is the key as a package spells it; it may be empty where the person has one row.
    """

    field: tuple[str, str, str]
    value: str
    row: str = ""


@dataclass(frozen=True)
class Place:
    """One field of one row."""

    target: Target
    people: list[Key]
    table: Table
    column: str
    key: tuple[Any, ...]
    before: str | None


def fields_of(consumer_request: ConsumerRequest) -> list[tuple[str, str, str]]:
    """System, table and field of all that a map knows of the person, but keys and secrets."""
    return [
        (target.key, table.name, piece.column)
        for target, _people in sources_of(consumer_request)
        for table in target.program.tables
        for piece in table.pieces
        if may_change(table, piece)
    ]


def may_change(table: Table, piece: Piece) -> bool:
    """Keys lead to other rows, and what may never be disclosed is not corrected over a desk."""
    ways = {hop.column for path in table.paths for hop in path[:1]}
    return not piece.never and piece.column not in {*table.key, *ways}


def sources_of(consumer_request: ConsumerRequest) -> list[tuple[Target, list[Key]]]:
    """Each system that knows the person, and under which keys."""
    return [(targets.of(key), people) for key, people in people_of(consumer_request).items()]


def found(target: Target, people: list[Key], table: Table, column: str) -> Iterator[Place]:
    """The field in every row of the person; rows of others too are left alone."""
    at = [piece.column for piece in table.pieces].index(column)
    with target.connector.snapshot():
        for record in target.connector.collect(table.name, people, EVER):
            if not record.why:
                value = record.values[at]
                text = None if value is None else str(value)
                yield Place(target, people, table, column, record.key, text)


def followers(sources: Sequence[tuple[Target, list[Key]]], first: Place) -> list[Place]:
    """The same thing of the person elsewhere: fields of the same kind with the same wrong value.

    In whatever spelling: each is shown to who approves.
    """
    kind = kind_of(first.table, first.column)
    if not kind or not normal(first.before):
        return []
    return [
        place
        for target, people in sources
        for table in target.program.tables
        if not (table.term or table.action == "keep")  # a record kept by law says what it said
        for piece in table.pieces
        if kind_of(table, piece.column) == kind and may_change(table, piece)
        for place in found(target, people, table, piece.column)
        if alike(kind, place.before, first.before)
        and (place.target.key, place.table.name, place.column, place.key)
        != (first.target.key, first.table.name, first.column, first.key)
    ]


def chosen(
    sources: Sequence[tuple[Target, list[Key]]], field: tuple[str, str, str], row: str
) -> Place:
    """The one place that is meant. Raises ``CannotCorrect``."""
    system, table_name, column = field
    for target, people in sources:
        if target.key != system:
            continue
        table = target.program.table(table_name)
        pieces = {piece.column: piece for piece in table.pieces}
        if column not in pieces or not may_change(table, pieces[column]):
            break
        every = list(found(target, people, table, column))
        wanted = row.rpartition(":")[2]
        fits = [each for each in every if not row or "/".join(map(str, each.key)) == wanted]
        if len(fits) != 1:
            raise CannotCorrect(_("Say which row: the person has %s.") % len(every))
        return fits[0]
    raise CannotCorrect(_("This field is not the person's to correct."))
