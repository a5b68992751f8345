"""Reads notice files (YAML) strictly, and brings them in through the public verbs, once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml
from django.db import transaction

from ccpa_office.law.vocabulary import BusinessPurpose, Category, Sensitive
from ccpa_office.roles import Actor
from notices_app import completeness, publishing, vocabulary
from notices_app.models import Dealing, FindingCode, Language, NoticeVersion, Said, Section
from notices_app.reading import Line, Reading, TermKind, Text, Words

KINDS: tuple[TermKind, ...] = ("source", "purpose", "recipient")
RECIPIENT_CONTACT = ("instruction_email", "language")


class NotANotice(Exception):
    """The file says something that a notice file cannot say; the message names the place."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """One notice file."""

    notice: str
    number: int
    offers_education: bool
    reading: Reading
    notes: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class People:
    """Who brings a file in: one writes and publishes, another reviews (none: it stays a draft)."""

    editor: Actor
    reviewer: Actor | None


def entries(path: Path) -> list[tuple[TermKind, vocabulary.Entry]]:
    """The words of a vocabulary file. Raises NotANotice."""
    content = _mapping(_load(path), place=path.name, keys=KINDS)
    return [
        (kind, _entry(code, content[kind][code], f"{kind}.{code}"))
        for kind in KINDS
        for code in content.get(kind, {})
    ]


def document(path: Path) -> Document:
    """The version that a notice file describes. Raises NotANotice."""
    keys = ["notice", "number", "offers_education", "notes", *READING]
    content = _mapping(_load(path), place=path.name, keys=keys)
    notes = _mapping(content.get("notes", {}), place="notes", keys=FindingCode.values)
    return Document(
        notice=content["notice"],
        number=content["number"],
        offers_education=bool(content.get("offers_education", False)),
        reading=_reading(content),
        notes=notes,
    )


def load(folder: Path, *, people: People, on: date, at: datetime) -> list[NoticeVersion]:
    """Bring in the vocabulary and every version that the office does not have yet.

    With a reviewer each version is published before the next begins; without one the first new
    version stays a draft. Raises NotANotice and what ``publishing`` raises.
    """
    documents = [document(path) for path in sorted(folder.glob("notice-*.yml"))]
    missing = [paper for paper in documents if not _is_known(paper)]
    if not missing:
        return []
    enter_words(folder, by=people.editor, at=at)
    wanted = missing if people.reviewer else missing[:1]
    return [_bring_in(paper, people, on=on, at=at) for paper in wanted]


@transaction.atomic
def enter_words(folder: Path, *, by: Actor, at: datetime) -> None:
    """Enter the vocabulary of a folder, or bring what is known of its words up to date.

    Raises NotANotice, ``vocabulary.TermInUse``, NotAllowed; nothing is entered then.
    """
    for kind, entry in entries(folder / "vocabulary.yml"):
        vocabulary.enter(kind, entry, by=by, at=at)


def _is_known(paper: Document) -> bool:
    versions = NoticeVersion.objects.filter(notice__slug=paper.notice, number=paper.number)
    return versions.exists()


def _bring_in(paper: Document, people: People, *, on: date, at: datetime) -> NoticeVersion:
    editor = people.editor
    notice = publishing.open_notice(
        paper.notice, offers_education=paper.offers_education, by=editor, at=at
    )
    version = publishing.draft(notice, effective_on=paper.reading.effective_on, by=editor, at=at)
    publishing.rewrite(version, paper.reading, by=editor, at=at)
    for code, note in paper.notes.items():
        completeness.answer(version, code=FindingCode(code), note=note, by=editor, at=at)
    if people.reviewer is None:
        return version
    version = publishing.submit(version, by=editor, at=at)
    publishing.approve(version, digest=version.digest, by=people.reviewer, at=at)
    return publishing.publish(version, on=on, by=editor, at=at)


def _load(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise NotANotice(f"{path.name}: {error}") from error


def _mapping(value: Any, *, place: str, keys: Iterable[str]) -> dict[str, Any]:
    """``value`` as a mapping with no key beside ``keys``."""
    if not isinstance(value, dict):
        raise NotANotice(f"{place}: a mapping is expected here")
    unknown = sorted(str(key) for key in value.keys() - set(keys))
    if unknown:
        raise NotANotice(f"{place}: unknown {', '.join(unknown)}")
    return value


def _codes(value: Any, *, place: str, among: Iterable[str] | None = None) -> tuple[str, ...]:
    codes = value or []
    known = None if among is None else set(among)
    if not isinstance(codes, list) or (known is not None and set(codes) - known):
        raise NotANotice(f"{place}: a list of known codes is expected here")
    return tuple(sorted(codes))


def _entry(code: str, value: Any, place: str) -> vocabulary.Entry:
    keys = ["category", "legal_role", *RECIPIENT_CONTACT, *Language.values]
    facts = _mapping(value, place=place, keys=keys)
    return vocabulary.Entry(
        code=code,
        names={lang: facts[lang] for lang in Language.values if lang in facts},
        category=facts.get("category", ""),
        legal_role=facts.get("legal_role", ""),
        contact={name: facts.get(name) for name in RECIPIENT_CONTACT},
    )


READING = (
    "effective_on",
    "original",
    "covers_from",
    "covers_until",
    "purposes",
    "business_purposes",
    "recipients",
    "lines",
    "texts",
    "statements",
)
LINE = (
    "sensitive",
    "sources",
    "purposes",
    "business_purposes",
    "recipients",
    "sold",
    "shared",
    "disclosed",
    "retention_months",
    "words",
)


def _reading(content: dict[str, Any]) -> Reading:
    lines = _mapping(content.get("lines", {}), place="lines", keys=Category.values)
    texts = _mapping(content.get("texts", {}), place="texts", keys=Section.values)
    said = _mapping(content.get("statements", {}), place="statements", keys=Said.values)
    return Reading(
        effective_on=content["effective_on"],
        original=content.get("original", Language.EN.value),
        covers_from=content.get("covers_from"),
        covers_until=content.get("covers_until"),
        purposes=_codes(content.get("purposes"), place="purposes"),
        business_purposes=_codes(
            content.get("business_purposes"),
            place="business_purposes",
            among=BusinessPurpose.values,
        ),
        recipients=_codes(content.get("recipients"), place="recipients"),
        lines={code: _line(code, value) for code, value in lines.items()},
        texts={
            (section, language): _text(words, f"texts.{section}.{language}")
            for section, by_language in texts.items()
            for language, words in _by_language(by_language, f"texts.{section}").items()
        },
        statements=said,
    )


def _line(code: str, value: Any) -> Line:
    place = f"lines.{code}"
    facts = _mapping(value, place=place, keys=LINE)
    ways = _mapping(facts.get("recipients", {}), place=f"{place}.recipients", keys=Dealing.values)
    purposes = facts.get("business_purposes")
    return Line(
        category=code,
        sensitive=_codes(facts.get("sensitive"), place=place, among=Sensitive.values),
        sources=_codes(facts.get("sources"), place=place),
        purposes=_codes(facts.get("purposes"), place=place),
        business_purposes=_codes(purposes, place=place, among=BusinessPurpose.values),
        recipients=tuple(
            sorted((way, name) for way, names in ways.items() for name in _codes(names, place=way))
        ),
        sold=facts.get("sold"),
        shared=facts.get("shared"),
        disclosed=facts.get("disclosed"),
        retention_months=facts.get("retention_months"),
        words={
            language: _words(words, f"{place}.words.{language}")
            for language, words in _by_language(facts.get("words", {}), f"{place}.words").items()
        },
    )


def _by_language(value: Any, place: str) -> dict[str, Any]:
    return _mapping(value, place=place, keys=Language.values)


def _words(value: Any, place: str) -> Words:
    return Words(**_mapping(value, place=place, keys=["examples", "retention"]))


def _text(value: Any, place: str) -> Text:
    words = _mapping(value, place=place, keys=["title", "body"])
    return Text(title=words["title"], body=words["body"].strip())
