"""Fetching a package: a fresh code in one browser, few downloads, then nothing is left."""

import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from ccpa_office import clock, clock_guard, sealing
from ccpa_office.templatetags.office import moment_in_words
from notices_app import loading
from notices_app.management.commands.load_notices import SEED
from requests_app import casework, tasks
from requests_app.fulfillment import access, handing
from requests_app.fulfillment.package import building, pages
from requests_app.models import Download, Message, Package, PackageCode, PackageStage
from tests.builders import HANA, ORLA, fresh, tokens
from tests.fulfillment.knowing import CATEGORIES, built, package_of, released, verified_to_know
from tests.requests.desks import at_desk
from tests.steps import Killed, by_sql, killed_at, lines, query


@pytest.fixture(autouse=True)
def shelf(settings, tmp_path):
    settings.PACKAGE_DIR = tmp_path / "packages"
    settings.DEMO = True
    return settings.PACKAGE_DIR


@pytest.fixture
def package(learners, mailbox, team):
    return released(mailbox, team, learners)


def _path(package, name="package"):
    number = package.consumer_request.public_number
    return reverse(f"requests:{name}", kwargs={"number": number})


@pytest.fixture
def browser(package, mailbox):
    """A browser in which the letter's link was opened."""
    return _browser(mailbox)


def _browser(mailbox):
    client = Client()
    (token,) = tokens(_letter(mailbox, "answer is ready"))
    client.get(f"/requests/l/{token}/")
    client.post("/requests/l/")
    return client


def _letter(mailbox, matter):
    found = [each for each in mailbox.to(ORLA) if matter in each["Subject"]]
    return found[-1].get_body(("plain",)).get_content()


def _code(browser, package, mailbox):
    browser.post(_path(package, "package-code"))
    tasks.drain_mail()
    found = re.search(r"code is ([0-9A-Z-]{9})", _letter(mailbox, "your code"))
    assert found
    return found[1]


def _open(browser, package, mailbox):
    return browser.post(_path(package), {"code": _code(browser, package, mailbox)})


def _fetch(browser, package):
    return browser.post(_path(package, "package-file"))


def _refetched(package):
    return package_of(package.consumer_request)


# --- the way through ----------------------------------------------------------------------------


def test_the_letter_leads_to_a_code_and_the_code_to_the_file(browser, package, mailbox):
    page = browser.get(_path(package)).content.decode()
    assert "Send me a code" in page
    assert "Fetch the file" not in page
    assert _open(browser, package, mailbox).status_code == 302
    assert "Fetch the file" in browser.get(_path(package)).content.decode()
    answer = _fetch(browser, package)
    data = b"".join(answer.streaming_content)
    assert len(data) == package.size == int(answer["Content-Length"])
    assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
    assert _refetched(package).downloads == 1
    told = [each for each in lines(package.consumer_request.number) if "letter" not in each]
    assert told[-4:] == [
        "package.code-asked", "package.opened", "package.download-begun", "package.download-ended",
    ]  # fmt: skip


def test_the_file_is_never_shown_in_a_page_or_kept_by_a_browser(browser, package, mailbox):
    _open(browser, package, mailbox)
    answer = _fetch(browser, package)
    b"".join(answer.streaming_content)
    assert answer["Content-Disposition"] == 'attachment; filename="personal-information.zip"'
    assert (answer["Cache-Control"], answer["Accept-Ranges"]) == ("no-store", "none")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("sandbox")


def test_the_answer_of_categories_is_read_on_the_page(learners, mailbox, team, notice):
    package = released(mailbox, team, learners, kind=CATEGORIES)
    browser = _browser(mailbox)
    assert "List A" not in browser.get(_path(package)).content.decode()
    _open(browser, package, mailbox)
    page = browser.get(_path(package)).content.decode()
    assert "List A: sold or shared" in page
    assert '<td role="cell" data-label="Sources"><ul><li>' in page
    assert "List B: disclosed for a business purpose" in page
    assert "Fetch the file" not in page


@pytest.fixture
def notice(team):
    people = loading.People(editor=team.editor, reviewer=team.counsel)
    return loading.load(SEED, people=people, on=clock.today(), at=clock.now())


# --- the code -----------------------------------------------------------------------------------


def test_a_code_opens_in_the_browser_that_asked_and_in_no_other(browser, package, mailbox):
    code = _code(browser, package, mailbox)
    other = _browser(mailbox)
    assert other.post(_path(package), {"code": code}).status_code == 200
    assert _fetch(other, package).status_code == 302
    assert browser.post(_path(package), {"code": code}).status_code == 302


def test_a_code_that_was_not_typed_is_asked_for_by_its_name(browser, package):
    page = browser.post(_path(package), {"code": ""}).content.decode()
    assert "Fill in “The code from our letter”." in page


def test_three_wrong_codes_end_the_right_one(browser, package, mailbox):
    code = _code(browser, package, mailbox)
    for _try in range(3):
        assert browser.post(_path(package), {"code": "AAAA-AAAA"}).status_code == 200
    assert browser.post(_path(package), {"code": code}).status_code == 200
    assert PackageCode.objects.get().tries == 3


def test_a_code_is_good_for_ten_minutes_and_once(browser, package, mailbox, settings):
    code = _code(browser, package, mailbox)
    session = browser.session["package"]
    late = clock.now() + handing.CODE_LIFE
    assert not handing.try_code(package, code, session=session, at=late)
    assert handing.try_code(package, code, session=session, at=clock.now())
    assert not handing.try_code(package, code, session=session, at=clock.now())


def test_a_new_code_ends_the_older_one(browser, package, mailbox):
    old = _code(browser, package, mailbox)
    new = _code(browser, package, mailbox)
    assert browser.post(_path(package), {"code": old}).status_code == 200
    assert browser.post(_path(package), {"code": new.lower().replace("-", " ")}).status_code == 302


def test_codes_go_to_the_verified_contact_alone_and_no_more_than_ten(browser, package, mailbox):
    for _time in range(12):
        assert browser.post(_path(package, "package-code")).status_code == 200
    codes = Message.objects.filter(letter="package_code")
    assert codes.count() == 10
    assert {bytes(each.recipient_digest) for each in codes} == {sealing.digest("email", ORLA)}


def test_no_code_stands_in_the_database(browser, package, mailbox):
    code = _code(browser, package, mailbox).replace("-", "")
    row = PackageCode.objects.values().get()
    kept = b"".join(bytes(value) for value in row.values() if isinstance(value, bytes | memoryview))
    assert code.encode() not in kept


def test_a_browser_without_the_request_finds_nothing(package, mailbox):
    stranger = Client()
    for name, act in [("package", "get"), ("package-code", "post"), ("package-file", "post")]:
        answer = getattr(stranger, act)(_path(package, name))
        assert (answer.status_code, answer["Location"]) == (302, "/requests/status/")


# --- few downloads, then nothing ----------------------------------------------------------------


def test_it_is_fetched_three_times_and_then_destroyed(browser, package, mailbox, shelf):
    _open(browser, package, mailbox)
    for _time in range(3):
        b"".join(_fetch(browser, package).streaming_content)
    assert _fetch(browser, package).status_code == 302
    handing.expire(at=clock.now())
    gone = _refetched(package)
    assert (gone.stage, gone.file, bytes(gone.answer)) == (PackageStage.DESTROYED, "", b"")
    assert gone.data_key.destroyed_at is not None
    assert list(shelf.iterdir()) == []


def test_who_began_it_too_often_is_told_so(browser, package, mailbox):
    _open(browser, package, mailbox)
    at = clock.now()
    Download.objects.bulk_create(
        Download(package=package, begun_at=at, ended_at=at) for _time in range(handing.BEGUN)
    )
    assert _fetch(browser, package)["Location"] == _path(package)
    page = browser.get(_path(package)).content.decode()
    assert "It was begun very often" in page
    assert "Fetch the file" not in page


def test_the_page_of_the_request_says_until_when_the_answer_can_be_opened(browser, package):
    page = browser.get(_path(package, "case")).content.decode()
    assert f"You can open it until {moment_in_words(package.expires_at)}." in page
    assert "Nothing more is to be done" not in page
    Package.objects.update(stage="void")
    assert browser.get(_path(package))["Location"] == _path(package, "case")
    assert "Nothing more is to be done" in browser.get(_path(package, "case")).content.decode()


def test_a_download_that_is_broken_off_does_not_count(browser, package, mailbox):
    _open(browser, package, mailbox)
    session = browser.session["package"]
    pieces = handing.begin(package, session=session, at=clock.now(), now=clock.now).pieces()
    next(pieces)
    pieces.close()
    row = Download.objects.get()
    assert (row.complete, row.ended_at is not None) == (False, True)
    assert _refetched(package).downloads == 0


def test_what_has_ended_ends_once(package, shelf, monkeypatch):
    at, row = clock.now(), Download.objects.create(package=package, begun_at=clock.now())
    fetch = handing.Fetch(package, row, clock.now)
    assert b"".join(fetch.pieces()) == b"".join(fetch.pieces())
    assert _refetched(package).downloads == 1
    with monkeypatch.context() as patch:
        patch.setattr(clock_guard, "clock_is_trusted", lambda: False)
        assert handing.expire(at=package.expires_at) == 0
    for _time in range(2):
        handing.destroy(package, at=at)
    assert lines(package.consumer_request.number).count("package.destroyed") == 1
    assert not handing.call_back(package.consumer_request, at=at)
    assert not handing._is_old(shelf / "taken away by another worker", at)


def test_who_says_not_me_after_the_answer_calls_the_package_back(
    browser, package, mailbox, team, shelf
):
    _open(browser, package, mailbox)
    asked = package.consumer_request
    link = asked.links.filter(purpose="stop", used_at=None, voided_at=None).first()
    casework.stop_by_link(link, at=clock.now())
    assert _fetch(browser, package).status_code == 302
    assert "Fetch the file" not in browser.get(_path(package), follow=True).content.decode()
    handing.expire(at=clock.now())
    assert list(shelf.iterdir()) == []
    desk = at_desk(team.approver)
    assert ">one was called back" in desk.get("/admin/").content.decode()
    desk.post(f"/admin/requests/{asked.number}/looked-into/", {"reason": "a sister, by mistake"})
    assert ">none was called back" in desk.get("/admin/").content.decode()
    told = [each for each in lines(asked.number) if each.startswith("package")]
    assert told[-3:] == ["package.called-back", "package.destroyed", "package.looked-into"]
    assert fresh(asked).status == "completed"


def test_after_two_weeks_nothing_is_served_and_nothing_is_left(browser, package, mailbox, shelf):
    _open(browser, package, mailbox)
    later = package.expires_at
    with pytest.raises(handing.PackageGone):
        handing.begin(package, session=browser.session["package"], at=later, now=clock.now)
    assert handing.package_of(package.consumer_request, at=later) is None
    assert handing.expire(at=later - timedelta(seconds=1)) == 0
    assert handing.expire(at=later) == 1
    assert list(shelf.iterdir()) == []
    assert lines(package.consumer_request.number)[-1] == "package.destroyed"


def test_one_that_cannot_be_destroyed_keeps_no_other(learners, mailbox, team, package, shelf):
    other = released(mailbox, team, learners, email=HANA)
    stuck = shelf / package.file
    stuck.unlink()
    stuck.mkdir()
    assert other.expires_at
    with pytest.raises(OSError, match=stuck.name):
        handing.expire(at=other.expires_at)
    assert [_refetched(each).stage for each in (package, other)] == ["released", "destroyed"]
    assert list(shelf.iterdir()) == [stuck]


def test_a_download_ends_when_the_package_is_called_back(package, monkeypatch):
    monkeypatch.setattr(handing, "GLANCE", 1)
    monkeypatch.setattr("ccpa_office.sealed_files.read", lambda *_args, **_more: iter([b"a", b"b"]))
    row = Download.objects.create(package=package, begun_at=clock.now())
    pieces = handing.Fetch(package, row, clock.now).pieces()
    assert next(pieces) == b"a"
    assert handing.call_back(package.consumer_request, at=clock.now())
    assert list(pieces) == []
    row.refresh_from_db()
    assert (row.sent, row.complete) == (1, False)


def test_an_answer_in_part_says_what_is_not_in_it(learners, mailbox, team, notice):
    query(learners, "UPDATE accounts SET address_id = (SELECT address_id FROM accounts"
          " WHERE lower(email) = %s) WHERE id = 20", ORLA)  # fmt: skip
    package = released(mailbox, team, learners, kind=CATEGORIES)
    browser = _browser(mailbox)
    _open(browser, package, mailbox)
    assert fresh(package.consumer_request).outcome == "in-part"
    assert "1 row that belongs to somebody else too" in browser.get(_path(package)).content.decode()


def test_what_is_kept_back_under_an_exception_is_never_nothing():
    part = {"name": "Paper archive", "said": "kept", "exception": "GX_k"}
    told = pages.left_out({"tables": [], "withheld": {}, "parts": [part]}, "en")
    page = render_to_string("requests/package/left_out.html", told)
    assert "Paper archive: It is not given, under an exception" in page
    assert "Nothing was left out" not in page


def test_every_part_of_the_page_is_in_its_own_language(learners, mailbox, team, notice):
    package = released(mailbox, team, learners)
    browser = _browser(mailbox)
    _open(browser, package, mailbox)
    page = browser.get(f"/ja{_path(package)}").content.decode()
    assert pages.kind_words("ja")["ND_5"] in page
    assert "List A: sold or shared" in page  # the answer, as it was written for the request


def test_a_changed_file_is_not_served_whole(browser, package, mailbox, shelf):
    _open(browser, package, mailbox)
    path = shelf / package.file
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(sealing.Unreadable):
        b"".join(_fetch(browser, package).streaming_content)
    assert _refetched(package).downloads == 0


# --- death at every seam ------------------------------------------------------------------------


def test_a_death_before_the_code_is_written_sends_no_code(browser, package, monkeypatch):
    with killed_at(monkeypatch, "package.code"), pytest.raises(Killed):
        handing.ask_code(package, session="s", at=clock.now())
    assert not PackageCode.objects.exists()
    assert not Message.objects.filter(letter="package_code").exists()


def test_a_death_in_a_download_leaves_the_package_to_be_fetched(
    browser, package, mailbox, monkeypatch
):
    _open(browser, package, mailbox)
    session = browser.session["package"]
    with killed_at(monkeypatch, "package.begun"), pytest.raises(Killed):
        handing.begin(package, session=session, at=clock.now(), now=clock.now)
    assert Download.objects.get().ended_at is None
    begun = handing.begin(package, session=session, at=clock.now(), now=clock.now)
    assert len(b"".join(begun.pieces())) == package.size


@pytest.mark.parametrize("times", [1, 2])
def test_a_death_while_destroying_is_made_good_by_the_next(
    package, mailbox, monkeypatch, shelf, times
):
    for _time in range(times):
        with killed_at(monkeypatch, "package.expiry"), pytest.raises(Killed):
            handing.expire(at=package.expires_at)
    assert list(shelf.iterdir()) == []
    handing.expire(at=package.expires_at)
    assert _refetched(package).stage == PackageStage.DESTROYED


def test_what_a_dead_worker_left_is_taken_away_after_a_day(package, shelf):
    stray = shelf / "stray.part"
    stray.write_bytes(b"x")
    handing.expire(at=clock.now())
    assert stray.exists()
    handing.expire(at=clock.now() + timedelta(days=2))
    assert not stray.exists()
    assert (shelf / package.file).exists()


# --- the desk -----------------------------------------------------------------------------------


def test_the_desk_says_that_an_answer_of_categories_is_in_the_language_of_the_request(
    learners, mailbox, team, notice
):
    package = built(mailbox, team, learners, kind=CATEGORIES)
    box = sealing.Box(package.data_key)
    answer = building.opened(box, package.answer, context="package.answer")
    japanese = json.dumps({**answer, "language": "ja"})
    Package.objects.filter(pk=package.pk).update(
        answer=box.seal(japanese, context="package.answer")
    )
    page = at_desk(team.officer).get(f"/admin/packages/{package.pk}/").content.decode()
    assert "in the language of the request: 日本語" in page
    assert "List A: sold or shared" not in page


def test_the_desk_shows_counts_and_masked_samples_and_hands_over(learners, mailbox, team):
    package = built(mailbox, team, learners)
    officer, approver = at_desk(team.officer), at_desk(team.approver)
    assert (
        package.consumer_request.public_number in officer.get("/admin/packages/").content.decode()
    )
    page = officer.get(f"/admin/packages/{package.pk}/").content.decode()
    assert "Account password: held, not shown" in page
    assert "Dunmarrow" not in page
    assert ORLA not in page
    officer.post(f"/admin/packages/{package.pk}/propose/", {"hash": package.hash})
    assert package_of(package.consumer_request).stage == PackageStage.PROPOSED
    assert "Hand it over" in approver.get(f"/admin/packages/{package.pk}/").content.decode()
    access.hand_over(
        package_of(package.consumer_request), hash=package.hash, by=team.approver, at=clock.now()
    )
    assert Package.objects.get().stage == PackageStage.RELEASED


def test_a_package_that_the_machine_gave_up_on_is_seen(learners, mailbox, team):
    asked = verified_to_know(mailbox, team, learners)
    by_sql("UPDATE requests_app_package SET state = 'parked', error_code = 'StoreUnreachable'")
    desk = at_desk(team.officer)
    for where in ("/admin/requests/?view=parked", "/admin/packages/"):
        assert asked.public_number in desk.get(where).content.decode()
    assert "1 piece waits for a person" in desk.get("/admin/").content.decode()
