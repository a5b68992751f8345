"""What people give for an answer to know: asked by letter, given, confirmed, packed, destroyed."""

import hashlib
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from ccpa_office import clock, staff
from ccpa_office.models import DataKey, StaffMember
from ccpa_office.roles import NotAllowed, Role, TouchedAccount
from requests_app import targets, tasks
from requests_app.casework.looking import Purpose
from requests_app.fulfillment import access, handing
from requests_app.fulfillment.outside import exporting, hands, parts
from requests_app.fulfillment.package import pages
from requests_app.models import Outcome, Package, Part, PartSaid
from requests_app.outside_forms import NOT_GIVEN, PartForm, ending_of
from requests_app.verification import people_of
from tests import builders, steps
from tests.builders import ORLA
from tests.fulfillment import outsiders
from tests.fulfillment.knowing import CATEGORIES, built, opened, package_of
from tests.fulfillment.outsiders import ARCHIVE, MANUAL
from tests.requests.desks import at_desk
from tests.steps import by_sql, refused_by_the_database

pytestmark = pytest.mark.usefixtures("shelf")

PDF = b"%PDF-1.7\n" + bytes(range(256))


@pytest.fixture
def shelf(settings, tmp_path):
    settings.PACKAGE_DIR = tmp_path / "packages"


@pytest.fixture
def package(learners, mailbox, team):
    """A package for which the paper archive was asked, by letter."""
    outsiders.register(team, "paper", f"mailto:{ARCHIVE}", MANUAL, "manual")
    made = built(mailbox, team, learners)
    tasks.drain_mail()
    return made


def the_part():
    return Part.objects.select_related("data_key", "consumer_request__data_key").get()


def browser(mailbox):
    """A browser in which the newest link of the archive has been opened."""
    client = Client()
    client.get(f"/requests/l/{builders.tokens(mailbox.last(ARCHIVE))[0]}/", follow=True)
    return client


def given(mailbox, **typed):
    return browser(mailbox).post("/requests/outside/", {"exception": "", "note": "", **typed})


def file(content, name="../../x.exe"):
    return SimpleUploadedFile(name, content, content_type="text/html")


def anew(package):
    tasks.drain_collect()
    return package_of(package.consumer_request)


# --- the whole way ------------------------------------------------------------------------------


def test_the_archive_is_asked_by_letter_and_told_whom_by_its_link_alone(package, mailbox):
    assert package.summary["awaited"][0]["why"] == "by-hand"
    letter = mailbox.last(ARCHIVE)
    assert "give us the personal information" in letter
    assert [word for word in (ORLA, "delete", "deleted") if word in letter] == []
    page = browser(mailbox).get("/requests/outside/").content.decode()
    assert ORLA in page
    assert "What do you hold of a consumer?" in page


def test_what_is_given_is_sealed_and_looked_at_by_few(package, mailbox, team):
    answer = given(mailbox, said="found", note="Two folders.", content=file(PDF))
    assert "We have your answer" in answer.content.decode()
    part = the_part()
    assert (part.stage, part.ending, part.size) == ("answered", "pdf", len(PDF))
    assert PDF[:9] not in bytes(part.content)
    with pytest.raises(NotAllowed):
        parts.look(part, by=team.verifier, at=clock.now())
    assert parts.look(part, by=team.officer, at=clock.now()) == ("Two folders.", PDF)
    tasks.drain_collect()
    assert package_of(package.consumer_request).version == 1  # not confirmed: it counts for nothing


def test_what_is_confirmed_is_in_the_package_and_named_with_its_digest(package, mailbox, team):
    note = "Two folders. Her SSN 219-09-9999 is on the first."
    given(mailbox, said="found", note=note, content=file(PDF))
    parts.look(the_part(), by=team.officer, at=clock.now())
    parts.confirm(the_part(), by=team.officer, at=clock.now())
    new = anew(package)
    files = opened(new)
    assert files["given/paper/file.pdf"] == PDF
    words = files["given/paper/note.txt"].decode()
    assert ("Two folders." in words, "219-09-9999" in words) == (True, False)
    manifest = json.loads(files["manifest.json"])
    digests = {each["name"]: each["sha256"] for each in manifest["files"]}
    assert digests["given/paper/file.pdf"] == hashlib.sha256(PDF).hexdigest() == the_part().digest
    (said,) = manifest["given"]
    assert (said["name"], said["said"], said["withheld"]) == ("Paper archive", "found", {"ND_1": 1})
    assert (manifest["awaited"], new.version, new.summary["withheld"]["ND_1"]) == ([], 2, 1)
    assert "given/paper/file.pdf" in files["index.html"].decode()
    assert access.outcome_of(new) == Outcome.COMPLIED


def test_nobody_is_asked_for_pieces_where_categories_are_asked(learners, mailbox, team):
    outsiders.register(team, "paper", f"mailto:{ARCHIVE}", MANUAL, "manual")
    package = built(mailbox, team, learners, kind=CATEGORIES)
    assert not Part.objects.exists()
    sources = [(targets.of("learners"), people_of(package.consumer_request)["learners"])]
    (paper,) = exporting.ask(None, sources, targets.vendors(), at=clock.now())
    awaited = [{"name": paper.name, "why": paper.awaited}]
    told = pages.left_out({"tables": [], "withheld": {}, "awaited": awaited}, "en")
    assert (told["awaited"], told["not_asked"]) == ([], ["Paper archive"])  # nothing is to come


def test_nothing_found_completes_the_answer(package, mailbox, team):
    parts.answer_by_hand(the_part(), parts.Gift(PartSaid.NOTHING), by=team.clerk, at=clock.now())
    parts.confirm(the_part(), by=team.officer, at=clock.now())
    new = anew(package)
    assert (new.summary["awaited"], access.outcome_of(new)) == ([], Outcome.COMPLIED)


def test_an_exception_is_said_with_its_ground(package, mailbox, team):
    code = NOT_GIVEN[1][0]
    given(mailbox, said="kept", exception=code)
    parts.confirm(the_part(), by=team.officer, at=clock.now())
    new = anew(package)
    page = opened(new)["index.html"].decode()
    assert "It is not given, under an exception" in page
    assert access.outcome_of(new) == Outcome.IN_PART


def test_who_gives_nothing_is_reminded_once_and_then_it_waits_at_the_desk(
    package, mailbox, team, settings
):
    days = (the_part().due_on - clock.today()).days
    told = {}
    for day in range(days + 3):
        settings.CLOCK_OFFSET = f"P{day}D"
        tasks.drain_house()
        told[day] = (the_part().letters, the_part().late_on is not None)
    assert told == {day: (1 if day < days - 2 else 2, day > days) for day in range(days + 3)}
    tasks.drain_mail()
    assert "we still wait" in str(mailbox.to(ARCHIVE)[-1]["Subject"])
    assert steps.lines(package.consumer_request.number).count("part.late") == 1
    parked = at_desk(team.clerk).get("/admin/requests/?view=parked").text
    assert package.consumer_request.public_number in parked
    again = parts.ask_again(the_part(), {}, reason="", by=team.officer, at=clock.now())
    assert (again.late_on, again.due_on) == (None, clock.today())
    assert package.consumer_request.public_number not in (
        at_desk(team.clerk).get("/admin/requests/?view=parked").text
    )


def test_nobody_confirms_an_own_answer(package, team):
    parts.answer_by_hand(the_part(), parts.Gift(PartSaid.NOTHING), by=team.chief, at=clock.now())
    with pytest.raises(hands.AnotherPersonNeeded):
        parts.confirm(the_part(), by=team.chief, at=clock.now())
    with refused_by_the_database():
        by_sql("UPDATE requests_app_part SET stage = 'confirmed', confirmed_at = now(),"
               " confirmed_by_id = answered_by_id")  # fmt: skip
    touched = builders.actor(Role.OFFICER)
    member = StaffMember.objects.get(pk=touched.staff_id)
    staff.set_password(member, "a pass phrase that two know", team.chief, clock.now())
    with pytest.raises(TouchedAccount):
        parts.confirm(the_part(), by=touched, at=clock.now())
    parts.confirm(the_part(), by=team.officer, at=clock.now())
    with refused_by_the_database():
        by_sql("UPDATE requests_app_part SET said = 'found'")
    with pytest.raises(hands.AnswerRefused):
        parts.confirm(the_part(), by=team.officer, at=clock.now())


def test_nobody_confirms_a_file_that_they_have_not_opened(package, mailbox, team):
    given(mailbox, said="found", content=file(PDF))
    parts.look(the_part(), by=team.chief, at=clock.now())
    with pytest.raises(hands.NotLookedAt):
        parts.confirm(the_part(), by=team.officer, at=clock.now())
    parts.look(the_part(), by=team.officer, at=clock.now())
    parts.confirm(the_part(), by=team.officer, at=clock.now())


def test_a_link_opens_once_and_only_the_newest(package, mailbox, team):
    old = browser(mailbox)
    vendors = {each.key: each for each in targets.vendors()}
    parts.ask_again(the_part(), vendors, reason="lost", by=team.officer, at=clock.now())
    tasks.drain_mail()
    assert old.get("/requests/outside/").status_code == 200
    assert the_part().letters == 2
    assert ORLA not in old.get("/requests/outside/").content.decode()
    first, second = browser(mailbox), browser(mailbox)
    first.post("/requests/outside/", {"said": "nothing", "exception": "", "note": ""})
    second.post("/requests/outside/", {"said": "found", "exception": "", "note": "late"})
    assert (the_part().said, the_part().letters) == ("nothing", 2)
    by_sql("UPDATE requests_app_part SET stage = 'asked', said = ''")
    assert ORLA not in browser(mailbox).get("/requests/outside/").content.decode()


def test_an_answer_that_came_later_is_not_passed_over(package, mailbox, team):
    access.propose(package, hash=package.hash, by=team.officer, at=clock.now())
    given(mailbox, said="found", note="One folder.")
    parts.confirm(the_part(), by=team.chief, at=clock.now())
    proposed = package_of(package.consumer_request)
    with pytest.raises(access.HandOverRefused, match="came in"):
        access.hand_over(proposed, hash=proposed.hash, by=team.approver, at=clock.now())
    access.send_back(proposed, reason="anew", by=team.approver, at=clock.now())
    access.collect_again(proposed.consumer_request, by=team.chief, at=clock.now())
    assert b"One folder." in opened(anew(package))["given/paper/note.txt"]


def test_it_is_destroyed_with_the_package(learners, mailbox, team):
    outsiders.register(team, "paper", f"mailto:{ARCHIVE}", MANUAL, "manual")
    first = built(mailbox, team, learners)
    part = parts.answer_by_hand(
        the_part(), parts.Gift(PartSaid.FOUND, note="One."), by=team.clerk, at=clock.now()
    )
    parts.confirm(part, by=team.chief, at=clock.now())
    with refused_by_the_database():
        by_sql("UPDATE ccpa_office_datakey SET wrapped = '' WHERE id = %s", part.data_key_id)
    last = anew(first)
    handing.expire(at=clock.now())
    assert Package.objects.get(pk=first.pk).stage == "destroyed"
    assert the_part().stage == "confirmed"
    access.propose(last, hash=last.hash, by=team.officer, at=clock.now())
    last = package_of(last.consumer_request)
    access.hand_over(last, hash=last.hash, by=team.approver, at=clock.now())
    handing.expire(at=clock.now() + timedelta(days=15))
    gone = the_part()
    assert (gone.stage, bytes(gone.note), bytes(gone.content)) == ("destroyed", b"", b"")
    assert DataKey.objects.get(pk=gone.data_key_id).destroyed_at is not None


# --- at the desk --------------------------------------------------------------------------------


def test_whoever_confirms_sees_the_note_that_came_with_a_file(package, mailbox, team):
    given(mailbox, said="found", note="Two folders.", content=file(PDF))
    where = f"/admin/packages/{package.pk}/part-look/"
    looked = at_desk(team.chief).post(where, {"part": the_part().pk})
    assert looked["Content-Disposition"].endswith('.zip"')
    with zipfile.ZipFile(io.BytesIO(looked.content)) as archive:
        names = sorted(archive.namelist())
        assert [archive.read(name) for name in names] == [PDF, b"Two folders."]
    assert names == ["file.pdf", "note.txt"]


def test_the_desk_gives_looks_and_confirms(package, team):
    clerk, verifier, chief = at_desk(team.clerk), at_desk(team.verifier), at_desk(team.chief)
    part, where = the_part(), f"/admin/packages/{package.pk}/"
    purpose = {"part": part.pk, "purpose": Purpose.choices[0][0]}
    page = verifier.post(f"{where}part-whom/", purpose).content.decode()
    assert f"<dt>E-mail address</dt><dd>{ORLA}</dd>" in page
    typed = {"part": part.pk, "said": "found"}
    wrong = clerk.post(f"{where}part-give/", {**typed, "content": file(b"MZ\x90\x00")})
    assert "neither PDF" in wrong.content.decode()
    clerk.post(f"{where}part-give/", {**typed, "content": file(PDF)})
    assert (the_part().stage, the_part().answered_by_id) == ("answered", team.clerk.id)
    assert clerk.post(f"{where}part-confirm/", {"part": part.pk}).status_code == 403
    looked = chief.post(f"{where}part-look/", {"part": part.pk})
    assert (looked.content, looked["Content-Type"]) == (PDF, "application/octet-stream")
    assert looked["Content-Disposition"] == f'attachment; filename="part-{part.pk}.pdf"'
    chief.post(f"{where}part-confirm/", {"part": part.pk})
    assert the_part().stage == "confirmed"


# --- hostile files ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"", b" \n", b"MZ\x90\x00", b"PK\x03\x04" + b"x" * 99, b"GIF89a\x01<script>", b"\x7fELF",
        b"\xff\xfe<\x00h\x00", b"text\x00with nul", b"bell\x07", "a\u202egnp.exe".encode(),
        b"\x1f\x8b\x08", b"\xd0\xcf\x11\xe0macro", b"{\\rtf1\x01}",
    ],
)  # fmt: skip
def test_what_is_neither_picture_pdf_nor_plain_text_is_not_taken(content):
    assert ending_of(content) == ""


def test_what_is_taken_is_named_by_what_is_in_it():
    assert [ending_of(each) for each in (PDF, b"\x89PNG\r\n\x1a\nx", b"\xff\xd8\xff\xe0")] == [
        "pdf", "png", "jpg",
    ]  # fmt: skip
    for text in ("<svg onload=alert(1)>", "<html><script>", "a,b\r\n=1+1", "\ufeff氏名　花"):
        assert ending_of(text.encode()) == "txt"


@pytest.mark.parametrize(
    ("typed", "content", "field"),
    [
        ({"said": "found"}, None, "content"),
        ({"said": "found"}, b"x" * (4 * 1024 * 1024 + 1), "content"),
        ({"said": "found"}, b"MZ\x90\x00", "content"),
        ({"said": "nothing"}, PDF, "content"),
        ({"said": "kept"}, None, "exception"),
        ({"said": "kept", "exception": "DX_1"}, None, "exception"),
        ({"said": "deleted"}, None, "said"),
    ],
)
def test_an_answer_that_is_none_is_typed_again(typed, content, field):
    form = PartForm(typed, {"content": file(content)} if content else None)
    assert list(form.errors) == [field]
