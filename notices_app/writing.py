"""Puts the words of a reading into the rows of a draft. ``publishing`` asks; nobody else."""

from collections.abc import Iterable
from datetime import date
from typing import TypeVar

from notices_app.models import (
    LineRecipient,
    LineWords,
    NoticeLine,
    NoticeStatement,
    NoticeText,
    NoticeVersion,
    Purpose,
    Recipient,
    Source,
)
from notices_app.reading import Line, Reading

AnyTerm = TypeVar("AnyTerm", Source, Purpose, Recipient)


class UnknownTerm(Exception):
    """A notice uses a word that the vocabulary does not have."""


def write(version: NoticeVersion, reading: Reading, *, effective_on: date) -> None:
    """Make the rows of a draft say what ``reading`` says, from the day ``effective_on``."""
    version.effective_on = effective_on
    version.original = reading.original
    version.covers_from, version.covers_until = reading.covers_from, reading.covers_until
    version.business_purposes = list(reading.business_purposes)
    version.save()
    version.purposes.set(_terms(Purpose, reading.purposes))
    version.recipients.set(_terms(Recipient, reading.recipients))
    for rows in (version.lines, version.texts, version.statements):
        rows.all().delete()
    _write_lines(version, list(reading.lines.values()))
    NoticeText.objects.bulk_create(
        NoticeText(
            version=version,
            section=section,
            language=language,
            title=text.title,
            body=text.body,
            state=text.state,
        )
        for (section, language), text in reading.texts.items()
    )
    NoticeStatement.objects.bulk_create(
        NoticeStatement(version=version, code=code, facts=dict(facts))
        for code, facts in reading.statements.items()
    )


def write_line(version: NoticeVersion, line: Line) -> None:
    """Put one line in the place of what stands under its category. Raises UnknownTerm."""
    version.lines.filter(category=line.category).delete()
    _write_lines(version, [line])


def _write_lines(version: NoticeVersion, lines: list[Line]) -> None:
    """Write lines into their empty places: a fixed number of statements for any number of them."""
    rows = NoticeLine.objects.bulk_create(_row(version, line) for line in lines)
    pairs = list(zip(rows, lines, strict=True))
    sources = _by_code(Source, (code for line in lines for code in line.sources))
    purposes = _by_code(Purpose, (code for line in lines for code in line.purposes))
    recipients = _by_code(Recipient, (code for line in lines for _, code in line.recipients))
    NoticeLine.sources.through.objects.bulk_create(
        NoticeLine.sources.through(noticeline=row, source=sources[code])
        for row, line in pairs
        for code in line.sources
    )
    NoticeLine.purposes.through.objects.bulk_create(
        NoticeLine.purposes.through(noticeline=row, purpose=purposes[code])
        for row, line in pairs
        for code in line.purposes
    )
    LineRecipient.objects.bulk_create(
        LineRecipient(line=row, recipient=recipients[code], dealing=way)
        for row, line in pairs
        for way, code in line.recipients
    )
    LineWords.objects.bulk_create(
        LineWords(line=row, language=lang, examples=words.examples, retention=words.retention)
        for row, line in pairs
        for lang, words in line.words.items()
    )


def _row(version: NoticeVersion, line: Line) -> NoticeLine:
    return NoticeLine(
        version=version,
        category=line.category,
        sensitive=list(line.sensitive),
        business_purposes=list(line.business_purposes),
        retention_months=line.retention_months,
        sold=line.sold,
        shared=line.shared,
        disclosed=line.disclosed,
    )


def _by_code(model: type[AnyTerm], codes: Iterable[str]) -> dict[str, AnyTerm]:
    return {term.code: term for term in _terms(model, codes)}


def _terms(model: type[AnyTerm], codes: Iterable[str]) -> list[AnyTerm]:
    wanted = set(codes)
    terms = list(model.objects.filter(code__in=wanted))
    unknown = wanted - {term.code for term in terms}
    if unknown:
        raise UnknownTerm(", ".join(sorted(unknown)))
    return terms
