"""What the law of a day finds wanting in a notice, and what a person says to it."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from django.db import transaction
from django.utils.functional import Promise

from ccpa_office import ledger
from ccpa_office.roles import Actor, Verb
from notices_app.duties import RULES, Case, Rule, Severity
from notices_app.models import FindingCode, FindingNote, NoticeVersion
from notices_app.reading import read_whole
from notices_app.signing import signer


class NoAnswerTakes(Exception):
    """Only a finding that needs a human fact is answered by a note; the others by a new version."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one rule finds wanting. ``wanting`` are codes: rights, categories, statements."""

    code: FindingCode
    section: str
    severity: Severity
    sentence: str | Promise
    wanting: tuple[str, ...]
    needs_fact: bool
    note: str = ""

    @property
    def state(self) -> Literal["open", "answered"]:
        """Open until a person has stated the fact that it needs."""
        return "answered" if self.needs_fact and self.note else "open"


def gaps(case: Case) -> list[Finding]:
    """What the law of the case's day finds wanting, without looking at any note."""
    found = []
    for rule in RULES:
        wanting = rule.check(case) if rule.since <= case.on else []
        if wanting:
            found.append(_finding(rule, wanting))
    return found


def findings(version: NoticeVersion, *, on: date) -> list[Finding]:
    """The gaps of a version, each with the last note that a person wrote about it."""
    case = Case(
        reading=read_whole(version.pk), on=on, offers_education=version.notice.offers_education
    )
    notes = dict(version.finding_notes.order_by("at", "id").values_list("code", "note"))
    return [replace(finding, note=notes.get(finding.code, "")) for finding in gaps(case)]


@transaction.atomic
def answer(
    version: NoticeVersion, *, code: FindingCode, note: str, by: Actor, at: datetime
) -> FindingNote:
    """State the fact that a finding needs.

    Raises NotAllowed without the role, NoAnswerTakes where words of the notice are wanting.
    """
    author = signer(by, Verb.EDIT_NOTICE)
    if not note.strip() or not any(rule.code == code and rule.needs_fact for rule in RULES):
        raise NoAnswerTakes(code)
    written = version.finding_notes.create(code=code, note=note.strip(), by_id=author, at=at)
    ledger.record(
        "notice.answer",
        subject=f"notice:{version.notice.slug}",
        by=by,
        at=at,
        facts={"version": version.number, "finding": str(code)},
    )
    return written


def _finding(rule: Rule, wanting: list[str]) -> Finding:
    return Finding(
        code=rule.code,
        section=rule.section,
        severity=rule.severity,
        sentence=rule.sentence,
        wanting=tuple(wanting),
        needs_fact=rule.needs_fact,
    )
