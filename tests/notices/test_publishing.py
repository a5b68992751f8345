"""A version's life: written by one, reviewed by another, published, and never edited again."""

from dataclasses import replace
from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from ccpa_office.models import LedgerLine
from ccpa_office.roles import Actor, NotAllowed
from notices_app import completeness, publishing, vocabulary, writing
from notices_app.management.commands.load_notices import SEED
from notices_app.models import (
    FindingCode,
    Notice,
    NoticeVersion,
    Purpose,
    Recipient,
    Said,
    Source,
    SourceName,
    Status,
)
from notices_app.reading import Line, Text, Words, as_document, digest, read_whole
from tests.notices.conftest import NOON, TODAY, staff

NEXT_DAY = date(2026, 12, 1)


@pytest.fixture
def notice(loaded):
    return Notice.objects.get(slug="main")


@pytest.fixture
def third(notice, editor):
    return publishing.draft(notice, effective_on=TODAY, by=editor, at=NOON)


@pytest.fixture
def in_review(third, editor):
    return publishing.submit(third, by=editor, at=NOON)


@pytest.fixture
def approved(in_review, counsel):
    return publishing.approve(in_review, digest=in_review.digest, by=counsel, at=NOON)


def in_force(day):
    version = publishing.current_version(on=day)
    return version and version.number


def refused(sql, *values):
    """The database's first line of refusal."""
    with pytest.raises(DatabaseError) as refusal, transaction.atomic():
        connection.cursor().execute(sql, values)
    return str(refusal.value).splitlines()[0]


def test_a_version_goes_from_draft_to_published_and_leaves_its_lines_in_the_book(
    approved, editor, second
):
    publishing.publish(approved, on=TODAY, by=editor, at=NOON)
    lines = LedgerLine.objects.filter(subject="notice:main").order_by("-seq")[:5]
    assert [(line.subject, line.verb) for line in reversed(lines)] == [
        ("notice:main", "notice.draft"),
        ("notice:main", "notice.submit"),
        ("notice:main", "notice.approve"),
        ("notice:main", "notice.publish"),
        ("notice:main", "notice.supersede"),
    ]
    second.refresh_from_db()
    assert (second.status, second.superseded_at) == (Status.SUPERSEDED, NOON)


def test_a_new_draft_says_what_the_last_version_said(third, second):
    before, after = read_whole(second.pk), read_whole(third.pk)
    assert replace(after, effective_on=before.effective_on) == before


def test_the_version_in_force_is_the_one_of_the_day(loaded):
    days = [date(2019, 12, 31), date(2020, 1, 1), date(2026, 6, 30), date(2026, 7, 1), TODAY]
    assert [in_force(day) for day in days] == [None, 1, 1, 2, 2]


def test_a_version_for_a_later_day_leaves_the_present_one_in_force(notice, editor, counsel):
    version = publishing.draft(notice, effective_on=NEXT_DAY, by=editor, at=NOON)
    version = publishing.submit(version, by=editor, at=NOON)
    publishing.approve(version, digest=version.digest, by=counsel, at=NOON)
    publishing.publish(version, on=TODAY, by=editor, at=NOON)
    assert in_force(TODAY) == 2
    assert publishing.supersede_due(notice, on=TODAY, by=Actor.system("house"), at=NOON) == 0
    assert in_force(NEXT_DAY) == 3
    assert publishing.supersede_due(notice, on=NEXT_DAY, by=Actor.system("house"), at=NOON) == 1


@pytest.mark.parametrize("who", ["clerk", "counsel"])
def test_only_an_editor_drafts(notice, request, who):
    with pytest.raises(NotAllowed):
        publishing.draft(notice, effective_on=TODAY, by=request.getfixturevalue(who), at=NOON)


def test_no_machine_drafts(notice):
    with pytest.raises(NotAllowed):
        publishing.draft(notice, effective_on=TODAY, by=Actor.system("demo"), at=NOON)


def test_an_editor_does_not_review(in_review, editor):
    with pytest.raises(NotAllowed):
        publishing.approve(in_review, digest=in_review.digest, by=editor, at=NOON)


def test_counsel_does_not_publish(approved, counsel):
    with pytest.raises(NotAllowed):
        publishing.publish(approved, on=TODAY, by=counsel, at=NOON)


def test_whoever_wrote_one_word_of_a_version_does_not_review_it(third, editor, chief):
    text = Text(title="Contact", body="Write to us.")
    publishing.write_text(third, text, place=("contact", "en"), by=chief, at=NOON)
    version = publishing.submit(third, by=editor, at=NOON)
    with pytest.raises(publishing.SecondPersonNeeded):
        publishing.approve(version, digest=version.digest, by=chief, at=NOON)
    version.reviewed_by_id = chief.id
    with pytest.raises(DatabaseError), transaction.atomic():
        version.save()


def test_the_database_refuses_a_drafter_as_reviewer(in_review, editor):
    in_review.reviewed_by_id = editor.id
    with pytest.raises(DatabaseError), transaction.atomic():
        in_review.save()


def test_a_chief_with_every_role_still_needs_a_second_person(notice, chief):
    version = publishing.draft(notice, effective_on=TODAY, by=chief, at=NOON)
    version = publishing.submit(version, by=chief, at=NOON)
    with pytest.raises(publishing.SecondPersonNeeded):
        publishing.approve(version, digest=version.digest, by=chief, at=NOON)
    with pytest.raises(publishing.SecondPersonNeeded):
        publishing.publish(version, on=TODAY, by=chief, at=NOON)


def test_a_review_of_other_words_than_those_in_review_counts_for_nothing(in_review, counsel):
    with pytest.raises(publishing.ChangedSinceSeen):
        publishing.approve(in_review, digest="0" * 64, by=counsel, at=NOON)


def test_a_version_sent_back_is_a_draft_with_a_note_and_without_approval(approved, counsel, editor):
    version = publishing.send_back(approved, note="Say it shorter.", by=counsel, at=NOON)
    assert (version.status, version.reviewed_by, version.digest, version.review_note) == (
        Status.DRAFT,
        None,
        "",
        "Say it shorter.",
    )
    assert publishing.submit(version, by=editor, at=NOON).review_note == ""


@pytest.mark.parametrize("verb", [publishing.submit, publishing.discard])
def test_what_is_in_review_is_not_edited(in_review, editor, verb):
    with pytest.raises(publishing.NotADraft):
        verb(in_review, by=editor, at=NOON)


def test_only_one_version_is_in_work(third, notice, editor):
    with pytest.raises(publishing.AlreadyInWork):
        publishing.draft(notice, effective_on=TODAY, by=editor, at=NOON)
    publishing.discard(third, by=editor, at=NOON)
    assert publishing.draft(notice, effective_on=TODAY, by=editor, at=NOON).number == 3


def test_a_version_does_not_take_effect_before_its_predecessor(third, editor, counsel):
    publishing.set_effective(third, effective_on=date(2026, 7, 1), by=editor, at=NOON)
    version = publishing.submit(third, by=editor, at=NOON)
    publishing.approve(version, digest=version.digest, by=counsel, at=NOON)
    with pytest.raises(publishing.EffectiveTooEarly):
        publishing.publish(version, on=TODAY, by=editor, at=NOON)


def test_a_half_translated_version_is_not_submitted(third, editor):
    text = Text(title="お問い合わせ", body="下書き", state="draft")
    publishing.write_text(third, text, place=("contact", "ja"), by=editor, at=NOON)
    with pytest.raises(publishing.NotReady) as refusal:
        publishing.submit(third, by=editor, at=NOON)
    assert refusal.value.wanting == ["ja:contact"]


def test_a_line_that_names_whom_it_denies_is_not_submitted(third, editor):
    line = read_whole(third.pk).lines["PI_K"]
    odd = replace(line, recipients=(("sold", "hosting"),), disclosed=False)
    publishing.write_line(third, odd, by=editor, at=NOON)
    with pytest.raises(publishing.NotReady) as refusal:
        publishing.submit(third, by=editor, at=NOON)
    assert refusal.value.wanting == ["PI_K:sold"]


def test_a_draft_is_edited_part_by_part(third, editor):
    line = Line(category="PI_E", words={"en": Words(examples="Voice prints")})
    publishing.write_line(third, line, by=editor, at=NOON)
    publishing.drop_line(third, category="PI_K", by=editor, at=NOON)
    publishing.say(third, Said.INCENTIVE, facts={"value": "5 USD"}, by=editor, at=NOON)
    publishing.say(third, Said.NO_INCENTIVE, facts=None, by=editor, at=NOON)
    said = read_whole(third.pk)
    assert said.lines["PI_E"] == line
    assert "PI_K" not in said.lines
    assert said.statements["incentive"] == {"value": "5 USD"}
    assert "no-incentive" not in said.statements


def test_a_word_outside_the_vocabulary_is_refused(third, editor):
    with pytest.raises(writing.UnknownTerm):
        publishing.write_line(third, Line(category="PI_E", sources=("nobody",)), by=editor, at=NOON)


def test_editing_needs_the_role(third, clerk):
    with pytest.raises(NotAllowed):
        publishing.drop_line(third, category="PI_K", by=clerk, at=NOON)


# --- what the database keeps ---------------------------------------------------------------------

EDITED = "only a draft of a notice can be edited"
CHANGED = "a published notice version is never changed"
INSERT = (
    "INSERT INTO notices_app_noticeline (version_id, category, sensitive, business_purposes)"
    " SELECT id, 'PI_E', '{}', '{}' FROM notices_app_noticeversion"
)
SUPERSEDE = (
    "UPDATE notices_app_noticeversion SET status = 'superseded', digest = 'x'"
    " WHERE status = 'published'"
)
CONTENT = [
    "UPDATE notices_app_noticeline SET sold = true",
    "DELETE FROM notices_app_noticeline",
    INSERT,
    "UPDATE notices_app_noticetext SET body = 'other'",
    "DELETE FROM notices_app_noticetext",
    "UPDATE notices_app_noticestatement SET facts = '{}'",
    "DELETE FROM notices_app_noticestatement",
    "UPDATE notices_app_linewords SET retention = ''",
    "DELETE FROM notices_app_linewords",
    "UPDATE notices_app_linerecipient SET dealing = 'sold'",
    "DELETE FROM notices_app_linerecipient",
    "DELETE FROM notices_app_noticeline_sources",
    "UPDATE notices_app_noticeline_purposes SET purpose_id = purpose_id",
    "DELETE FROM notices_app_noticeversion_purposes",
    "DELETE FROM notices_app_noticeversion_recipients",
    "DELETE FROM notices_app_noticeversion_authors",
]


def test_the_database_refuses_to_change_what_a_published_version_says(loaded):
    assert {sql: refused(sql) for sql in CONTENT} == dict.fromkeys(CONTENT, EDITED)


KEPT = "a note on a finding is kept as it was written"
WORD = "a word that stands in a notice is never changed"
RENAME = "UPDATE notices_app_sourcename SET name = 'x' WHERE name = 'You directly'"
RECAST = "UPDATE notices_app_recipient SET legal_role = 'contractor' WHERE code = 'hosting'"
ROWS = {
    "UPDATE notices_app_noticeversion SET effective_on = '2026-07-02'": CHANGED,
    "UPDATE notices_app_noticeversion SET status = 'draft'": CHANGED,
    "UPDATE notices_app_noticeversion SET digest = 'x'": CHANGED,
    SUPERSEDE: EDITED,
    "DELETE FROM notices_app_noticeversion": "a notice version in review or published is kept",
    RENAME: WORD,
    RECAST: WORD,
    "UPDATE notices_app_findingnote SET note = 'x'": KEPT,
    "DELETE FROM notices_app_findingnote": KEPT,
}


def test_the_database_refuses_to_change_a_published_version(loaded):
    assert {sql: refused(sql) for sql in ROWS} == ROWS


def test_the_database_refuses_a_version_born_published(notice, editor):
    with pytest.raises(DatabaseError), transaction.atomic():
        notice.versions.create(
            number=9,
            effective_on=TODAY,
            drafted_by_id=editor.id,
            drafted_at=NOON,
            status=Status.PUBLISHED,
        )


def test_the_database_refuses_to_publish_without_a_reviewer(in_review, editor):
    in_review.status, in_review.published_by_id, in_review.published_at = (
        Status.PUBLISHED,
        editor.id,
        NOON,
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        in_review.save()


def test_words_that_changed_under_the_approval_are_not_published(approved, editor, monkeypatch):
    monkeypatch.setattr(publishing, "digest", lambda _reading: "0" * 64)
    with pytest.raises(publishing.ChangedSinceSeen):
        publishing.publish(approved, on=TODAY, by=editor, at=NOON)


def test_a_draft_is_not_approved(third, counsel):
    with pytest.raises(publishing.NotInReview):
        publishing.approve(third, digest="", by=counsel, at=NOON)


def test_nothing_is_superseded_before_the_first_version(notice, editor):
    before = date(2019, 1, 1)
    assert publishing.supersede_due(notice, on=before, by=editor, at=NOON) == 0


def test_a_draft_with_a_stated_fact_can_be_thrown_away(third, editor):
    completeness.answer(
        third, code=FindingCode.LOCATION_PRECISION, note="City.", by=editor, at=NOON
    )
    publishing.discard(third, by=editor, at=NOON)
    assert list(NoticeVersion.objects.in_work()) == []


def test_rows_call_themselves_by_code_alone(second):
    line = second.lines.get(category="PI_K")
    parts = [
        second.notice,
        line,
        line.words.get(language="ja"),
        line.recipients.get(),
        second.texts.get(section="contact", language="es"),
        second.statements.get(code="no-admt"),
        second.finding_notes.first(),
        Recipient.objects.third_parties().first(),
    ]
    assert [str(part) for part in parts] == [
        "main",
        "PI_K",
        "ja",
        "disclosed",
        "contact, es",
        "no-admt",
        "location-precision",
        "education-partners",
    ]


def test_the_database_refuses_to_edit_what_is_in_review(in_review):
    sql = "UPDATE notices_app_noticetext SET title = 'x' WHERE version_id = %s"
    assert refused(sql, in_review.pk) == EDITED


def test_an_instruction_address_changes_freely(loaded, editor):
    entry = vocabulary.Entry(
        code="hosting",
        names={"en": "Hosting company"},
        category="platforms",
        legal_role="service-provider",
        contact={"instruction_email": "new@copperline-hosting.example"},
    )
    vocabulary.enter("recipient", entry, by=editor, at=NOON)
    term = Recipient.objects.get(code="hosting")
    assert (term.instruction_email, term.language) == ("new@copperline-hosting.example", "en")


@pytest.mark.parametrize(
    "entry",
    [
        vocabulary.Entry(code="consumer", names={"en": "From you"}, category="consumer"),
        vocabulary.Entry(code="consumer", names={}, category="employers"),
    ],
)
def test_a_word_that_stands_in_a_notice_is_not_changed(loaded, editor, entry):
    with pytest.raises(vocabulary.TermInUse):
        vocabulary.enter("source", entry, by=editor, at=NOON)


def test_a_word_in_a_draft_alone_may_still_be_renamed(third, editor):
    entry = vocabulary.Entry(code="web", names={"en": "Web"}, category="platforms")
    vocabulary.enter("source", entry, by=editor, at=NOON)
    vocabulary.enter("source", replace(entry, names={"en": "The web"}), by=editor, at=NOON)
    assert [name.name for name in SourceName.objects.filter(term__code="web")] == ["The web"]
    vocabulary.set_active("source", "web", active=False, by=editor, at=NOON)
    assert not Source.objects.active().filter(code="web").exists()


# --- files ---------------------------------------------------------------------------------------


def test_the_digest_is_of_the_words_and_stays(first, second):
    assert [v.digest for v in (first, second)] == [
        digest(read_whole(v.pk)) for v in (first, second)
    ]
    assert as_document(read_whole(first.pk)) != as_document(read_whole(second.pk))


def test_loading_twice_brings_nothing_new(loaded, settings):
    settings.DEMO = True
    out = StringIO()
    before = LedgerLine.objects.count()
    call_command("load_notices", "--editor", "edith", "--reviewer", "conrad", stdout=out)
    assert out.getvalue() == "No new version; the vocabulary is up to date.\n"
    assert LedgerLine.objects.count() == before


def test_a_provider_gets_a_new_address_without_a_new_notice(loaded, settings, tmp_path):
    settings.DEMO = False
    for file in SEED.glob("*.yml"):
        text = file.read_text("utf-8").replace("privacy@tidewater-pay", "erase@tidewater-pay")
        (tmp_path / file.name).write_text(text, "utf-8")
    call_command("load_notices", str(tmp_path), "--editor", "edith", stdout=StringIO())
    address = Recipient.objects.get(code="payments").instruction_email
    assert address == "erase@tidewater-pay.example"


def test_outside_the_demo_a_loaded_notice_waits_as_a_draft(editor, settings):
    settings.DEMO = False
    out = StringIO()
    call_command("load_notices", "--editor", "edith", "--json", stdout=out)
    assert out.getvalue() == '[{"notice": "main", "version": 1, "status": "draft"}]\n'


def test_loading_by_one_person_alone_is_refused(db, settings):
    settings.DEMO = True
    staff("alone", "chief")
    with pytest.raises(CommandError, match="SecondPersonNeeded"):
        call_command("load_notices", "--editor", "alone", "--reviewer", "alone")


FILES = {
    "notice: main\nnumber: 1\nretention: 3": "NotANotice: notice-1.yml: unknown retention",
    "- 1": "NotANotice: notice-1.yml: a mapping is expected here",
    "notice: main\nnumber: 1\neffective_on: 2020-01-01\nbusiness_purposes: [BP_9]": (
        "NotANotice: business_purposes: a list of known codes is expected here"
    ),
    "notice: main\nnumber: 1\neffective_on: 2020-01-01\nlines: {PI_Z: {}}": (
        "NotANotice: lines: unknown PI_Z"
    ),
}


def test_a_file_that_says_what_it_cannot_is_refused_at_its_place(tmp_path, editor, settings):
    settings.DEMO = False
    found = {}
    for content in FILES:
        (tmp_path / "notice-1.yml").write_text(content)
        with pytest.raises(CommandError) as refusal:
            call_command("load_notices", str(tmp_path), "--editor", "edith")
        found[content] = str(refusal.value)
    assert found == FILES


def test_a_broken_file_is_refused(tmp_path, editor):
    (tmp_path / "notice-1.yml").write_text("a: [")
    with pytest.raises(CommandError, match="NotANotice"):
        call_command("load_notices", str(tmp_path), "--editor", "edith", "--reviewer", "edith")


def test_loading_needs_a_member_of_staff(db):
    with pytest.raises(CommandError, match="no member of staff"):
        call_command("load_notices", "--editor", "nobody")


def test_service_providers_with_an_address_are_instructed(loaded):
    codes = [r.code for r in Recipient.objects.instructed()]
    assert codes == ["analytics", "hosting", "mail-delivery", "payments", "support-desk"]


def test_desks_find_what_waits_for_them(in_review, editor, counsel):
    assert list(NoticeVersion.objects.awaiting_review_by(counsel.id)) == [in_review]
    assert list(NoticeVersion.objects.awaiting_review_by(editor.id)) == []
    publishing.approve(in_review, digest=in_review.digest, by=counsel, at=NOON)
    assert list(NoticeVersion.objects.ready_to_publish()) == [in_review]
    assert Purpose.objects.named().count() == 17
