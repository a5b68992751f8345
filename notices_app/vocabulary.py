"""Entering the words that notices use. A word that stands in a notice is never changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from ccpa_office import ledger
from ccpa_office.roles import Actor, Verb, require
from notices_app.models import Language, NoticeVersion, Purpose, Recipient, Source, Status
from notices_app.reading import TermKind

AnyTerm = Source | Purpose | Recipient


class TermInUse(Exception):
    """A notice in review or out uses this word as it is: enter a new one beside it."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One word. Sources and recipients have a category, recipients also the rest."""

    code: str
    names: Mapping[str, str]
    category: str = ""
    legal_role: str = ""
    contact: Mapping[str, str | None] = field(default_factory=dict)
    """``instruction_email`` and ``language`` of a recipient: free to change at any time."""


@transaction.atomic
def enter(kind: TermKind, entry: Entry, *, by: Actor, at: datetime) -> AnyTerm:
    """Enter a word, or bring what is known of it up to date.

    Raises NotAllowed without the role, TermInUse when words that stand in a notice would change.
    """
    require(by, Verb.EDIT_NOTICE)
    term = _row(kind, entry.code)
    printed, contact = _fill(term, entry)
    if printed and term.pk and is_in_use(kind, term.pk):
        raise TermInUse(entry.code)
    term.save()
    if _name(kind, term, entry.names) or printed or contact:
        facts = {"kind": kind, "code": entry.code}
        ledger.record("vocabulary.enter", subject="vocabulary", by=by, at=at, facts=facts)
    return term


@transaction.atomic
def set_active(kind: TermKind, code: str, *, active: bool, by: Actor, at: datetime) -> AnyTerm:
    """Offer a word to new drafts, or no longer. Raises NotAllowed without the role."""
    require(by, Verb.EDIT_NOTICE)
    term = _row(kind, code)
    term.active = active
    term.save()
    facts = {"kind": kind, "code": code, "active": active}
    ledger.record("vocabulary.set_active", subject="vocabulary", by=by, at=at, facts=facts)
    return term


def is_in_use(kind: TermKind, term_id: int) -> bool:
    """Whether a version in review or out uses the word."""
    uses = {
        "source": Q(lines__sources=term_id),
        "purpose": Q(lines__purposes=term_id) | Q(purposes=term_id),
        "recipient": Q(lines__recipients__recipient=term_id) | Q(recipients=term_id),
    }
    return NoticeVersion.objects.exclude(status=Status.DRAFT).filter(uses[kind]).exists()


def _row(kind: TermKind, code: str) -> AnyTerm:
    if kind == "source":
        return Source.objects.filter(code=code).first() or Source(code=code)
    if kind == "purpose":
        return Purpose.objects.filter(code=code).first() or Purpose(code=code)
    return Recipient.objects.filter(code=code).first() or Recipient(code=code)


def _fill(term: AnyTerm, entry: Entry) -> tuple[bool, bool]:
    """Set the facts of the word; say whether those that a notice prints change, and the others."""
    printed: dict[str, str | None] = {}
    contact: dict[str, str | None] = {}
    if isinstance(term, Source | Recipient):
        printed["category"] = entry.category
    if isinstance(term, Recipient):
        printed["legal_role"] = entry.legal_role
        contact["instruction_email"] = entry.contact.get("instruction_email") or None
        contact["language"] = entry.contact.get("language") or Language.EN
    return _set(term, printed), _set(term, contact)


def _set(term: AnyTerm, facts: Mapping[str, str | None]) -> bool:
    changed = any(getattr(term, name) != value for name, value in facts.items())
    for name, value in facts.items():
        setattr(term, name, value)
    return changed


def _name(kind: TermKind, term: AnyTerm, names: Mapping[str, str]) -> bool:
    known = {name.language: name for name in term.names.all()}
    changed = {lang: name for lang, name in names.items() if _differs(known.get(lang), name)}
    if changed.keys() & known.keys() and is_in_use(kind, term.pk):
        raise TermInUse(term.code)
    for language, name in changed.items():
        term.names.update_or_create(language=language, defaults={"name": name})
    return bool(changed)


def _differs(known: object, name: str) -> bool:
    return known is None or str(known) != name
