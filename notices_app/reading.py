"""One version read whole: plain values that the other rooms compare, judge, print and write."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Literal

from notices_app.models import (
    Dealing,
    Language,
    LineRecipient,
    LineWords,
    NoticeLine,
    NoticeText,
    NoticeVersion,
    Purpose,
    Recipient,
    Section,
    Source,
    TextState,
)

TermKind = Literal["source", "purpose", "recipient"]
TermKey = tuple[TermKind, str]


@dataclass(frozen=True, kw_only=True)
class Term:
    """A word of the vocabulary with its names by language."""

    names: Mapping[str, str]
    category: str = ""
    legal_role: str = ""

    def name_in(self, language: str) -> str:
        """The name in ``language``, else in English, else in any."""
        return self.names.get(language) or self.names.get("en") or next(iter(self.names.values()))


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a line says in one language."""

    examples: str
    retention: str = ""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a version says about one category; every tuple is sorted. ``None``: it does not say."""

    category: str
    sensitive: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    business_purposes: tuple[str, ...] = ()
    recipients: tuple[tuple[str, str], ...] = ()
    """Pairs of dealing and recipient."""
    sold: bool | None = None
    shared: bool | None = None
    disclosed: bool | None = None
    retention_months: int | None = None
    words: Mapping[str, Words] = field(default_factory=dict)

    def to(self, dealing: str) -> tuple[str, ...]:
        """The recipients that get the category in one way."""
        return tuple(code for way, code in self.recipients if way == dealing)

    def deals(self, dealing: str) -> bool | None:
        """Whether the category is dealt with in one way; None where the version does not say."""
        answers = {"sold": self.sold, "shared": self.shared, "disclosed": self.disclosed}
        return answers[dealing]


@dataclass(frozen=True, kw_only=True)
class Text:
    """One section in one language."""

    title: str
    body: str
    state: str = TextState.CHECKED


@dataclass(frozen=True, kw_only=True)
class Reading:
    """All that a version says."""

    effective_on: date
    original: str = Language.EN
    covers_from: date | None = None
    covers_until: date | None = None
    purposes: tuple[str, ...] = ()
    business_purposes: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    lines: Mapping[str, Line] = field(default_factory=dict)
    texts: Mapping[tuple[str, str], Text] = field(default_factory=dict)
    """By section and language."""
    statements: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    terms: Mapping[TermKey, Term] = field(default_factory=dict)

    @property
    def sections(self) -> list[str]:
        """The sections of the original, in the order of the page."""
        return [code for code in Section.values if (code, self.original) in self.texts]

    @property
    def languages(self) -> list[str]:
        """The languages in which all of the original can be read, checked by a person."""
        return [code for code in Language.values if not self.lacks(code)]

    def lacks(self, language: str) -> list[str]:
        """What ``language`` still lacks beside the original: sections and lines, by code."""
        texts = [self.texts.get((section, language)) for section in self.sections]
        sections = [
            section
            for section, text in zip(self.sections, texts, strict=True)
            if text is None or text.state != TextState.CHECKED
        ]
        lines = [
            code for code, line in self.lines.items() if not _says_as_much(line, self, language)
        ]
        terms = [code for (_, code), term in self.terms.items() if language not in term.names]
        return (sections + lines + terms) or ([] if self.sections else ["nothing"])

    def has(self, *codes: str) -> bool:
        """Whether the version says all of ``codes``."""
        return all(code in self.statements for code in codes)


def _says_as_much(line: Line, reading: Reading, language: str) -> bool:
    ours, original = line.words.get(language), line.words.get(reading.original)
    if ours is None or original is None:
        return False
    return bool(ours.examples) and bool(ours.retention) >= bool(original.retention)


def read(version: NoticeVersion) -> Reading:
    """Read a version; cheap for one that came through ``NoticeVersion.objects.whole()``."""
    lines = list(version.lines.all())
    purposes, recipients = list(version.purposes.all()), list(version.recipients.all())
    return Reading(
        effective_on=version.effective_on,
        original=version.original,
        covers_from=version.covers_from,
        covers_until=version.covers_until,
        purposes=_codes(purposes),
        business_purposes=tuple(sorted(version.business_purposes)),
        recipients=_codes(recipients),
        lines={line.category: _line(line) for line in lines},
        texts={(text.section, text.language): _text(text) for text in version.texts.all()},
        statements={said.code: said.facts for said in version.statements.all()},
        terms=_terms(lines, purposes, recipients),
    )


def read_whole(version_id: int) -> Reading:
    """Read the version as the database has it now, in a fixed number of statements."""
    return read(NoticeVersion.objects.whole().get(pk=version_id))


def read_out(version: NoticeVersion) -> Reading:
    """Read a published version: the same digest is always the same words, so it is read once."""
    return _kept(version.digest, version.pk) if version.is_out else read_whole(version.pk)


@lru_cache(maxsize=32)
def _kept(_digest: str, version_id: int) -> Reading:
    return read_whole(version_id)


def forget() -> None:
    """Read everything anew."""
    _kept.cache_clear()


def _line(line: NoticeLine) -> Line:
    return Line(
        category=line.category,
        sensitive=tuple(sorted(line.sensitive)),
        sources=_codes(line.sources.all()),
        purposes=_codes(line.purposes.all()),
        business_purposes=tuple(sorted(line.business_purposes)),
        recipients=tuple(sorted((r.dealing, r.recipient.code) for r in line.recipients.all())),
        sold=line.sold,
        shared=line.shared,
        disclosed=line.disclosed,
        retention_months=line.retention_months,
        words={words.language: _words(words) for words in line.words.all()},
    )


def _words(words: LineWords) -> Words:
    return Words(examples=words.examples, retention=words.retention)


def _text(text: NoticeText) -> Text:
    return Text(title=text.title, body=text.body, state=text.state)


def _codes(terms: Iterable[Source | Purpose | Recipient]) -> tuple[str, ...]:
    return tuple(sorted(term.code for term in terms))


def _terms(
    lines: Iterable[NoticeLine], purposes: Iterable[Purpose], recipients: Iterable[Recipient]
) -> dict[TermKey, Term]:
    found: dict[TermKey, Source | Purpose | Recipient] = {}
    for line in lines:
        found |= {("source", term.code): term for term in line.sources.all()}
        found |= {("purpose", term.code): term for term in line.purposes.all()}
        found |= {("recipient", r.recipient.code): r.recipient for r in _with_dealing(line)}
    found |= {("purpose", term.code): term for term in purposes}
    found |= {("recipient", term.code): term for term in recipients}
    return {key: _term(term) for key, term in sorted(found.items())}


def _with_dealing(line: NoticeLine) -> Iterable[LineRecipient]:
    return line.recipients.all()


def _term(term: Source | Purpose | Recipient) -> Term:
    return Term(
        names={name.language: name.name for name in term.names.all()},
        category=getattr(term, "category", ""),
        legal_role=getattr(term, "legal_role", ""),
    )


def as_document(reading: Reading) -> dict[str, Any]:
    """The reading as data that JSON can carry, the same for the same words."""
    return {
        "effective_on": reading.effective_on.isoformat(),
        "original": str(reading.original),
        "covers_from": reading.covers_from and reading.covers_from.isoformat(),
        "covers_until": reading.covers_until and reading.covers_until.isoformat(),
        "purposes": list(reading.purposes),
        "business_purposes": list(reading.business_purposes),
        "recipients": list(reading.recipients),
        "lines": {code: _line_document(line) for code, line in sorted(reading.lines.items())},
        "texts": _texts_document(reading),
        "statements": {code: dict(facts) for code, facts in sorted(reading.statements.items())},
        "terms": _terms_document(reading),
    }


def _line_document(line: Line) -> dict[str, Any]:
    return {
        "sensitive": list(line.sensitive),
        "sources": list(line.sources),
        "purposes": list(line.purposes),
        "business_purposes": list(line.business_purposes),
        "recipients": {way: list(line.to(way)) for way in Dealing.values if line.to(way)},
        "sold": line.sold,
        "shared": line.shared,
        "disclosed": line.disclosed,
        "retention_months": line.retention_months,
        "words": {
            language: {"examples": words.examples, "retention": words.retention}
            for language, words in sorted(line.words.items())
        },
    }


def _texts_document(reading: Reading) -> dict[str, dict[str, dict[str, str]]]:
    sections: dict[str, dict[str, dict[str, str]]] = {}
    for (section, language), text in sorted(reading.texts.items()):
        words = {"title": text.title, "body": text.body, "state": str(text.state)}
        sections.setdefault(section, {})[language] = words
    return sections


def _terms_document(reading: Reading) -> dict[str, dict[str, dict[str, Any]]]:
    """The words used, named only in languages that the version speaks."""
    spoken = {language for _, language in reading.texts}
    kinds: dict[str, dict[str, dict[str, Any]]] = {}
    for (kind, code), term in sorted(reading.terms.items()):
        kinds.setdefault(kind, {})[code] = {
            "names": {lang: name for lang, name in sorted(term.names.items()) if lang in spoken},
            "category": term.category,
            "legal_role": term.legal_role,
        }
    return kinds


def digest(reading: Reading) -> str:
    """SHA-256 over the canonical document: what a reviewer approves and a ledger line names."""
    text = json.dumps(as_document(reading), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
