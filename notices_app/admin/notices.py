"""The notice desk: versions, their words, what the law finds wanting, review and publishing."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from ccpa_office import clock
from ccpa_office.admin import Deed, OfficeModelAdmin, Panel, site
from ccpa_office.asking import AskingForm
from ccpa_office.law.deadlines import received_date
from ccpa_office.law.vocabulary import Category
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, Verb, may
from notices_app import comparing, completeness, publishing, wording, writing
from notices_app.admin.editing import (
    AnswerForm,
    DayForm,
    DigestForm,
    LineForm,
    NoteForm,
    TextForm,
    line_initial,
    line_of,
    text_initial,
)
from notices_app.models import FindingCode, Language, Notice, NoticeVersion, Status
from notices_app.reading import Reading, Text, read_whole

_L = gettext_lazy
REFUSALS = (
    publishing.NotADraft,
    publishing.NotInReview,
    publishing.AlreadyInWork,
    publishing.SecondPersonNeeded,
    publishing.ChangedSinceSeen,
    publishing.NotReady,
    publishing.EffectiveTooEarly,
    writing.UnknownTerm,
    completeness.NoAnswerTakes,
)


class DraftForm(DayForm):
    """The next version of a notice."""

    notice = forms.ModelChoiceField(label=_L("Notice"), queryset=Notice.objects.all())
    field_order = ("notice", "effective_on")


class OpenForm(AskingForm):
    """One more notice."""

    slug = forms.SlugField(label=_L("Address"), max_length=40)
    offers_education = forms.BooleanField(label=_L("The business teaches"), required=False)


def _in(*statuses: Status) -> Callable[[Any], bool]:
    return lambda version: version.status in statuses


def _open(_none: None, *, slug: str, offers_education: bool, by: Actor, at: datetime) -> str:
    publishing.open_notice(slug, offers_education=offers_education, by=by, at=at)
    return _("The notice is open; draft its first version.")


def _draft(
    _none: None, *, notice: Notice, effective_on: date, by: Actor, at: datetime
) -> NoticeVersion:
    return publishing.draft(notice, effective_on=effective_on, by=by, at=at)


def _set_day(version: NoticeVersion, *, effective_on: date, by: Actor, at: datetime) -> str:
    publishing.set_effective(version, effective_on=effective_on, by=by, at=at)
    return _("The day is set.")


def _submit(version: NoticeVersion, *, by: Actor, at: datetime) -> str:
    publishing.submit(version, by=by, at=at)
    return _("A second person reviews it now.")


def _approve(version: NoticeVersion, *, digest: str, by: Actor, at: datetime) -> str:
    publishing.approve(version, digest=digest, by=by, at=at)
    return _("Approved, word for word.")


def _send_back(version: NoticeVersion, *, note: str, by: Actor, at: datetime) -> str:
    publishing.send_back(version, note=note, by=by, at=at)
    return _("It is a draft again, with your note.")


def _publish(version: NoticeVersion, *, by: Actor, at: datetime) -> str:
    publishing.publish(version, on=received_date(at), by=by, at=at)
    return _("Published. Nothing of it changes any more.")


def _answer(version: NoticeVersion, *, code: str, note: str, by: Actor, at: datetime) -> str:
    completeness.answer(version, code=FindingCode(code), note=note, by=by, at=at)
    return _("The fact is noted.")


def _discard(version: NoticeVersion, *, by: Actor, at: datetime) -> HttpResponse:
    publishing.discard(version, by=by, at=at)
    return HttpResponseRedirect(reverse("admin:notices_app_noticeversion_changelist"))


def _drop(version: NoticeVersion, *, category: str, by: Actor, at: datetime) -> str:
    publishing.drop_line(version, category=category, by=by, at=at)
    return _("The line is gone from the draft.")


class DropForm(AskingForm):
    """Which line."""

    category = forms.ChoiceField(label=_L("Category"), choices=Category.choices)


def _write_line(version: NoticeVersion, *, by: Actor, at: datetime, **typed: Any) -> str:
    publishing.write_line(version, line_of(version, typed), by=by, at=at)
    return _("The line is written.")


def _write_text(version: NoticeVersion, *, by: Actor, at: datetime, **typed: Any) -> str:
    place = (typed["section"], typed["language"])
    text = Text(title=typed["title"], body=typed["body"], state=typed["state"])
    publishing.write_text(version, text, place=place, by=by, at=at)
    return _("The text is written.")


def _why_not_review(version: NoticeVersion, actor: Actor) -> str:
    if version.authors.filter(pk=actor.id or 0).exists():
        return _("You wrote at this version; another person reviews it.")
    return ""


class NoticeDesk(OfficeModelAdmin):
    """Versions of the notices."""

    word, label, place = "notices", _L("Notices"), 50
    about = _L("What consumers read about what you collect: drafted, reviewed, published.")
    see = (Verb.EDIT_NOTICE, Verb.REVIEW_NOTICE, Verb.PUBLISH_NOTICE)
    list_template, page_template = "admin/notices.html", "admin/notice.html"
    refusals = REFUSALS
    chores = (
        Deed("draft", _L("Draft the next version"), _draft, Verb.EDIT_NOTICE, DraftForm),
        Deed("open", _L("Open another notice"), _open, Verb.EDIT_NOTICE, OpenForm),
    )
    deeds = (
        Deed(
            "submit", _L("Give it to a second person"), _submit, Verb.EDIT_NOTICE,
            offered=_in(Status.DRAFT),
        ),
        Deed(
            "approve", _L("Approve these words"), _approve, Verb.REVIEW_NOTICE, DigestForm,
            fresh=True,
            offered=lambda version: _in(Status.IN_REVIEW)(version) and not version.reviewed_by_id,
            why_not=_why_not_review,
        ),
        Deed(
            "send-back", _L("Send it back"), _send_back, Verb.REVIEW_NOTICE, NoteForm,
            offered=_in(Status.IN_REVIEW),
        ),
        Deed(
            "publish", _L("Publish this version"), _publish, Verb.PUBLISH_NOTICE, fresh=True,
            help=_L("After that nothing of it changes any more."),
            offered=_in(Status.IN_REVIEW),
            why_not=lambda version, _actor: (
                "" if version.reviewed_by_id else _("A second person has to approve it first.")
            ),
        ),
        Deed(
            "day", _L("Change the day from which it counts"), _set_day, Verb.EDIT_NOTICE, DayForm,
            offered=_in(Status.DRAFT),
        ),
        Deed(
            "answer", _L("Answer a finding with a fact"), _answer, Verb.EDIT_NOTICE, AnswerForm
        ),
        Deed(
            "text", _L("Write a text"), _write_text, Verb.EDIT_NOTICE, TextForm,
            offered=_in(Status.DRAFT),
        ),
        Deed(
            "line", _L("Write a line"), _write_line, Verb.EDIT_NOTICE, LineForm,
            offered=_in(Status.DRAFT),
        ),
        Deed(
            "drop-line", _L("Take a line out"), _drop, Verb.EDIT_NOTICE, DropForm,
            offered=_in(Status.DRAFT), grave=True,
        ),
        Deed(
            "discard", _L("Throw this draft away"), _discard, Verb.EDIT_NOTICE, grave=True,
            offered=_in(Status.DRAFT),
        ),
    )  # fmt: skip

    def get_rows(self) -> Any:
        """Versions with their notice."""
        return NoticeVersion.objects.select_related("notice")

    def shelf(self, _request: HttpRequest, _actor: Actor) -> dict[str, Any]:
        """Every version, the newest of each notice first."""
        versions = self.get_rows().order_by("notice__slug", "-number")[:200]
        return {"versions": list(versions)}

    def facts(self, request: HttpRequest, subject: Any, _actor: Actor) -> dict[str, Any]:
        """The version in words, what changed, what the law of today finds wanting."""
        reading = read_whole(subject.pk)
        before = (
            subject.notice.versions.filter(number__lt=subject.number).order_by("-number").first()
        )
        earlier = read_whole(before.pk) if before else None
        ids = (
            subject.drafted_by_id, subject.submitted_by_id, subject.reviewed_by_id,
            subject.published_by_id,
        )  # fmt: skip
        known = StaffMember.objects.filter(pk__in=[each for each in ids if each])
        return {
            "title": f"{subject.notice.slug} {subject.number}",
            "page": _page(reading, earlier),
            "before": before,
            "findings": completeness.findings(subject, on=received_date(clock.now())),
            "needs_notice": earlier is not None
            and comparing.is_new_category_or_purpose(earlier, reading),
            "names": dict(known.values_list("pk", "username")),
            "is_draft": subject.status == Status.DRAFT,
            "languages": Language.choices,
            "sections": list(reading.sections),
            **_being_edited(request, subject),
        }

    def say(self, refusal: Exception) -> str:
        """What is wanting, in words."""
        if isinstance(refusal, publishing.NotReady):
            return _("It cannot go out yet. Wanting: %s.") % ", ".join(refusal.wanting)
        return super().say(refusal)

    def done(self, request: HttpRequest, deed: Deed, subject: Any, said: Any) -> HttpResponse:
        """A new draft opens at once."""
        if isinstance(said, NoticeVersion):
            return super().done(request, deed, said, _("The draft says what the last one said."))
        return super().done(request, deed, subject, said)


def _page(reading: Reading, earlier: Reading | None) -> wording.Page:
    wanted = (get_language() or settings.LANGUAGE_CODE).partition("-")[0]
    return wording.page(
        reading,
        language=wording.language_for(reading, wanted),
        before=earlier,
        told=comparing.changes(earlier, reading) if earlier else [],
    )


def _being_edited(request: HttpRequest, version: NoticeVersion) -> dict[str, Any]:
    """The form for a line or a text that somebody chose to edit."""
    asked = request.GET
    language = asked.get("language", "en")
    language = language if language in Language.values else "en"
    if version.status != Status.DRAFT:
        return {}
    if line := asked.get("line", "")[:8]:
        initial = line_initial(version, line, language)
        return {"line_form": LineForm(initial=initial, auto_id="edit-%s")}
    if section := asked.get("text", "")[:16]:
        initial = text_initial(version, section, language)
        return {"text_form": TextForm(initial=initial, auto_id="edit-%s")}
    return {}


def _waiting(actor: Actor, _at: datetime) -> dict[str, Any] | None:
    versions = NoticeVersion.objects.select_related("notice")
    found: list[NoticeVersion] = []
    if may(actor, Verb.REVIEW_NOTICE):
        found += versions.awaiting_review_by(actor.id or 0)[:10]
    if may(actor, Verb.PUBLISH_NOTICE):
        found += versions.ready_to_publish()[:10]
    if may(actor, Verb.EDIT_NOTICE):
        found += versions.filter(status=Status.DRAFT)[:10]
    mine = any(may(actor, verb) for verb in NoticeDesk.see)
    return {"versions": list(dict.fromkeys(found))} if mine else None


site.register(NoticeVersion, NoticeDesk)
site.panels.append(Panel("admin/parts/versions.html", _waiting, 60, aside=True))
