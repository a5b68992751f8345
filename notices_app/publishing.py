"""The life of a version: draft, edit, submit, review by a second person, publish, supersede.

The only writer of a version's status. Each verb locks the version, asks for the role, writes and
leaves its ledger line in one transaction. What was published is never edited: the database refuses
it too.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from ccpa_office import ledger
from ccpa_office.roles import Actor, Verb
from notices_app import writing
from notices_app.models import OPEN, Dealing, Notice, NoticeVersion, Said, Status
from notices_app.reading import Line, Reading, Text, digest, read_whole
from notices_app.signing import signer


class NotADraft(Exception):
    """Only a draft can be edited; what is in review or published stays as it is."""


class NotInReview(Exception):
    """The version is not waiting for this step."""


class AlreadyInWork(Exception):
    """The notice already has a version in draft or in review."""


class SecondPersonNeeded(Exception):
    """Whoever wrote or submitted a version does not review it."""


class ChangedSinceSeen(Exception):
    """The version is no longer the one that was read: look at it again."""


class NotReady(Exception):
    """The version cannot go out; ``wanting`` says by code what is missing."""

    def __init__(self, wanting: list[str]) -> None:
        super().__init__(", ".join(wanting))
        self.wanting = wanting


class EffectiveTooEarly(Exception):
    """A version takes effect after the one before it."""


def current_version(slug: str = "main", *, on: date) -> NoticeVersion | None:
    """The version in force on a day; None before the first one."""
    return NoticeVersion.objects.filter(notice__slug=slug).in_force(on).first()


@transaction.atomic
def open_notice(slug: str, *, offers_education: bool, by: Actor, at: datetime) -> Notice:
    """Give the office one more notice, or say again what the business does.

    Raises NotAllowed without the role to edit.
    """
    signer(by, Verb.EDIT_NOTICE)
    notice, _ = Notice.objects.update_or_create(
        slug=slug, defaults={"offers_education": offers_education}
    )
    facts = {"offers_education": offers_education}
    ledger.record("notice.open", subject=f"notice:{slug}", by=by, at=at, facts=facts)
    return notice


@transaction.atomic
def draft(notice: Notice, *, effective_on: date, by: Actor, at: datetime) -> NoticeVersion:
    """Begin the next version with the words of the last one.

    Raises NotAllowed without the role, AlreadyInWork while another version is open.
    """
    author = signer(by, Verb.EDIT_NOTICE)
    Notice.objects.select_for_update().get(pk=notice.pk)
    if notice.versions.filter(status__in=OPEN).exists():
        raise AlreadyInWork
    last = notice.versions.aggregate(number=Max("number"))["number"] or 0
    version = notice.versions.create(
        number=last + 1, effective_on=effective_on, drafted_by_id=author, drafted_at=at
    )
    before = notice.versions.filter(number=last).first()
    if before:
        writing.write(version, read_whole(before.pk), effective_on=effective_on)
    version.authors.add(author)
    _record("notice.draft", version, by=by, at=at)
    return version


@transaction.atomic
def rewrite(version: NoticeVersion, reading: Reading, *, by: Actor, at: datetime) -> NoticeVersion:
    """Make the draft say all that ``reading`` says, and nothing else.

    Raises NotAllowed, NotADraft, and writing.UnknownTerm for a word outside the vocabulary.
    """
    version = _editable(version, by=by)
    writing.write(version, reading, effective_on=reading.effective_on)
    _record("notice.edit", version, by=by, at=at, part="all")
    return version


@transaction.atomic
def write_line(version: NoticeVersion, line: Line, *, by: Actor, at: datetime) -> NoticeVersion:
    """Put the line of one category in the place of what stood there. Raises as ``rewrite``."""
    version = _editable(version, by=by)
    writing.write_line(version, line)
    _record("notice.edit", version, by=by, at=at, part=line.category)
    return version


@transaction.atomic
def drop_line(version: NoticeVersion, *, category: str, by: Actor, at: datetime) -> NoticeVersion:
    """Take the line of one category out of the draft. Raises NotAllowed, NotADraft."""
    version = _editable(version, by=by)
    version.lines.filter(category=category).delete()
    _record("notice.edit", version, by=by, at=at, part=category)
    return version


@transaction.atomic
def write_text(
    version: NoticeVersion, text: Text, *, place: tuple[str, str], by: Actor, at: datetime
) -> NoticeVersion:
    """Put words into one section in one language (``place``). Raises NotAllowed, NotADraft."""
    version = _editable(version, by=by)
    section, language = place
    version.texts.update_or_create(
        section=section,
        language=language,
        defaults={"title": text.title, "body": text.body, "state": text.state},
    )
    _record("notice.edit", version, by=by, at=at, part=f"{section}:{language}")
    return version


@transaction.atomic
def say(
    version: NoticeVersion, code: Said, *, facts: Mapping[str, Any] | None, by: Actor, at: datetime
) -> NoticeVersion:
    """Record that the draft says one thing, with its facts; None: that it does not say it.

    Raises NotAllowed, NotADraft.
    """
    version = _editable(version, by=by)
    if facts is None:
        version.statements.filter(code=code).delete()
    else:
        version.statements.update_or_create(code=code, defaults={"facts": dict(facts)})
    _record("notice.edit", version, by=by, at=at, part=code.value)
    return version


@transaction.atomic
def set_effective(
    version: NoticeVersion, *, effective_on: date, by: Actor, at: datetime
) -> NoticeVersion:
    """Say from which day the draft will count. Raises NotAllowed, NotADraft."""
    version = _editable(version, by=by)
    version.effective_on = effective_on
    version.save(update_fields=["effective_on"])
    _record("notice.edit", version, by=by, at=at, part="effective-on")
    return version


@transaction.atomic
def discard(version: NoticeVersion, *, by: Actor, at: datetime) -> None:
    """Throw a draft away; its number may be given again. Raises NotAllowed, NotADraft."""
    version = _editable(version, by=by)
    _record("notice.discard", version, by=by, at=at)
    version.delete()


@transaction.atomic
def submit(version: NoticeVersion, *, by: Actor, at: datetime) -> NoticeVersion:
    """Give a draft to a second person, as it is now.

    Raises NotAllowed, NotADraft, and NotReady while the original or a translation is not whole.
    """
    version = _editable(version, by=by)
    reading = read_whole(version.pk)
    _check_whole(reading)
    version.status = Status.IN_REVIEW
    version.digest = digest(reading)
    version.submitted_by_id, version.submitted_at = by.id, at
    version.review_note = ""
    version.save(update_fields=["status", "digest", "submitted_by", "submitted_at", "review_note"])
    _record("notice.submit", version, by=by, at=at, digest=version.digest)
    return version


@transaction.atomic
def approve(version: NoticeVersion, *, digest: str, by: Actor, at: datetime) -> NoticeVersion:
    """Approve, as a second person, exactly the words whose digest was read.

    Raises NotAllowed, NotInReview, SecondPersonNeeded, ChangedSinceSeen.
    """
    reviewer = signer(by, Verb.REVIEW_NOTICE)
    version = _in_review(version)
    if version.authors.filter(pk=reviewer).exists():
        raise SecondPersonNeeded
    if version.digest != digest:
        raise ChangedSinceSeen
    version.reviewed_by_id, version.reviewed_at = reviewer, at
    version.save(update_fields=["reviewed_by", "reviewed_at"])
    _record("notice.approve", version, by=by, at=at, digest=digest)
    return version


@transaction.atomic
def send_back(version: NoticeVersion, *, note: str, by: Actor, at: datetime) -> NoticeVersion:
    """Make a version in review a draft again, with a note for its author.

    Raises NotAllowed, NotInReview.
    """
    signer(by, Verb.REVIEW_NOTICE)
    version = _in_review(version)
    version.status, version.digest, version.review_note = Status.DRAFT, "", note
    version.submitted_by = version.submitted_at = None
    version.reviewed_by = version.reviewed_at = None
    version.save()
    _record("notice.send_back", version, by=by, at=at)
    return version


@transaction.atomic
def publish(version: NoticeVersion, *, on: date, by: Actor, at: datetime) -> NoticeVersion:
    """Bring an approved version before the public; ``on`` is the office's day of ``at``.

    1. Hold the words against the digest that was approved.
    2. Publish; 3. supersede what came before, once the new one is in effect.

    Raises NotAllowed, NotInReview, SecondPersonNeeded, ChangedSinceSeen, EffectiveTooEarly.
    """
    publisher = signer(by, Verb.PUBLISH_NOTICE)
    version = _in_review(version)
    if version.reviewed_by_id is None or version.reviewed_by_id == version.drafted_by_id:
        raise SecondPersonNeeded
    if digest(read_whole(version.pk)) != version.digest:
        raise ChangedSinceSeen
    earlier = version.notice.versions.filter(effective_on__gte=version.effective_on)
    if earlier.exclude(pk=version.pk).exists():
        raise EffectiveTooEarly
    version.status = Status.PUBLISHED
    version.published_by_id, version.published_at = publisher, at
    version.save(update_fields=["status", "published_by", "published_at"])
    _record("notice.publish", version, by=by, at=at, digest=version.digest)
    supersede_due(version.notice, on=on, by=by, at=at)
    return version


@transaction.atomic
def supersede_due(notice: Notice, *, on: date, by: Actor, at: datetime) -> int:
    """Mark the versions that a later one, now in effect, has taken the place of.

    What is in force never depends on this mark: ``current_version`` goes by the days.
    """
    newest = notice.versions.in_force(on).first()
    if newest is None:
        return 0
    old = notice.versions.select_for_update().filter(
        status=Status.PUBLISHED, effective_on__lt=newest.effective_on
    )
    for version in old:
        version.status, version.superseded_at = Status.SUPERSEDED, at
        version.save(update_fields=["status", "superseded_at"])
        _record("notice.supersede", version, by=by, at=at, successor=newest.number)
    return len(old)


def _editable(version: NoticeVersion, *, by: Actor) -> NoticeVersion:
    """The version, locked, with ``by`` among its authors."""
    author = signer(by, Verb.EDIT_NOTICE)
    version = _locked(version)
    if version.status != Status.DRAFT:
        raise NotADraft
    version.authors.add(author)
    return version


def _in_review(version: NoticeVersion) -> NoticeVersion:
    version = _locked(version)
    if version.status != Status.IN_REVIEW:
        raise NotInReview
    return version


def _locked(version: NoticeVersion) -> NoticeVersion:
    return NoticeVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)


def _check_whole(reading: Reading) -> None:
    """Every language it begins to speak says all of it; no line names whom it denies."""
    spoken = {reading.original, *(language for _, language in reading.texts)}
    wanting = [f"{lang}:{code}" for lang in sorted(spoken) for code in reading.lacks(lang)]
    wanting += [
        f"{line.category}:{way}"
        for line in reading.lines.values()
        for way in Dealing.values
        if line.to(way) and not line.deals(way)
    ]
    if wanting:
        raise NotReady(wanting)


def _record(verb: str, version: NoticeVersion, *, by: Actor, at: datetime, **facts: Any) -> None:
    facts = {"version": version.number, **facts}
    ledger.record(verb, subject=f"notice:{version.notice.slug}", by=by, at=at, facts=facts)
