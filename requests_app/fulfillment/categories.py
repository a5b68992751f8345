"""The answer of categories, for this consumer: what is held, whence, why, who gets it (7024(k))."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils import translation

from ccpa_office.connectors.base import Program
from ccpa_office.connectors.collected import Tally
from ccpa_office.law.vocabulary import (
    BusinessPurpose,
    Category,
    LegalRole,
    RecipientCategory,
    Sensitive,
)
from notices_app import publishing
from notices_app.models import Dealing
from notices_app.reading import Line, Reading, read_out


class NoNotice(Exception):
    """No notice is in force, so nobody can say whence, why and to whom."""


@dataclass(frozen=True)
class Held:
    """What was found of one consumer in one table: rows, and which columns hold something."""

    system: str
    table: str
    rows: int
    filled: Mapping[str, int]


def held_in(system: str, program: Program, tallies: Mapping[str, Tally]) -> list[Held]:
    """What is held in one system; tables without a row are left out."""
    return [
        Held(system, name, told.rows, {
            piece.column: count
            for piece, count in zip(program.table(name).pieces, told.filled, strict=True) if count
        })
        for name, told in tallies.items() if told.rows
    ]  # fmt: skip


def codes_of(programs: Mapping[str, Program], held: Iterable[Held]) -> tuple[set[str], set[str]]:
    """Categories and sensitive kinds of the columns that hold something of this consumer."""
    categories: set[str] = set()
    sensitive: set[str] = set()
    for each in held:
        for piece in programs[each.system].table(each.table).pieces:
            if piece.column in each.filled:
                categories.add(piece.category)
                sensitive.add(piece.sensitive)
    return categories - {""}, sensitive - {""}


def answer(categories: set[str], sensitive: set[str], *, language: str, on: date) -> dict[str, Any]:
    """The answer to know categories, in the language of the request (7024(k), (l)).

    List A (sold or shared) and list B (disclosed) stand apart. Raises ``NoNotice``.
    """
    version = publishing.current_version(on=on)
    if version is None:
        raise NoNotice
    reading = read_out(version)
    with translation.override(language):
        lines = [line for code, line in sorted(reading.lines.items()) if code in categories]
        return {
            "language": language,
            "notice": {"number": version.number, "effective_on": version.effective_on.isoformat()},
            "collected": [_collected(reading, line, sensitive, language) for line in lines],
            "sold_or_shared": [
                told
                for line in lines
                for way in (Dealing.SOLD, Dealing.SHARED)
                if (told := _given(reading, line, way))
            ],
            "disclosed": [
                told for line in lines if (told := _given(reading, line, Dealing.DISCLOSED))
            ],
            "not_in_notice": [
                str(Category(code).label) for code in sorted(categories - set(reading.lines))
            ],
        }


def _collected(reading: Reading, line: Line, sensitive: set[str], language: str) -> dict[str, Any]:
    words = line.words.get(language) or line.words.get(reading.original)
    return {
        "code": line.category,
        "category": str(Category(line.category).label),
        "sensitive": [str(Sensitive(code).label) for code in line.sensitive if code in sensitive],
        "sources": _named(reading, "source", line.sources, language),
        "purposes": [
            *_named(reading, "purpose", line.purposes, language),
            *[str(BusinessPurpose(code).label) for code in line.business_purposes],
        ],
        "kept_for": words.retention if words else "",
    }


def _named(reading: Reading, kind: Any, codes: Iterable[str], language: str) -> list[str]:
    return [reading.terms[kind, code].name_in(language) for code in codes]


def _given(reading: Reading, line: Line, dealing: Dealing) -> dict[str, Any] | None:
    """One line of list A or B: to which categories of recipients this category went, and how."""
    if not line.deals(dealing.value):
        return None
    return {
        "code": line.category,
        "category": str(Category(line.category).label),
        "way": str(dealing.label),
        "to": _recipients(reading, line.to(dealing.value), dealing),
    }


def _recipients(reading: Reading, codes: Sequence[str], dealing: Dealing) -> list[str]:
    terms = [reading.terms["recipient", code] for code in codes]
    if dealing is not Dealing.DISCLOSED:
        terms = [term for term in terms if term.legal_role == LegalRole.THIRD_PARTY]
    return sorted({str(RecipientCategory(term.category).label) for term in terms})
