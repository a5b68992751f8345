"""Requests to know: collected by machine, looked through, handed over by a second person."""

import csv
import hashlib
import io
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction

from ccpa_office import clock, sealing, work
from ccpa_office.connectors.base import StoreUnreachable
from ccpa_office.connectors.postgresql import PostgreSQL
from ccpa_office.law.deadlines import received_date
from ccpa_office.models import WorkState
from ccpa_office.roles import NotAllowed
from notices_app import loading
from notices_app.management.commands.load_notices import SEED
from notices_app.reading import read_out
from requests_app import casework, tasks, verification, workflow
from requests_app.fulfillment import access, categories, collecting, finishing
from requests_app.fulfillment.package import building, tables
from requests_app.models import Outcome, Package, PackageStage, Status
from tests.builders import HANA, MAP, ORLA, POINTS, ask, fresh, serve, tokens
from tests.fulfillment.knowing import (
    CATEGORIES,
    SPECIFIC,
    built,
    not_as,
    opened,
    package_of,
    released,
    rows_of,
    verified_to_know,
)
from tests.steps import Killed, by_sql, killed_at, lines, query, refused_by_the_database

pytestmark = pytest.mark.usefixtures("shelf")


@pytest.fixture(autouse=True)
def shelf(settings, tmp_path):
    settings.PACKAGE_DIR = tmp_path / "packages"
    return settings.PACKAGE_DIR


@pytest.fixture
def published(team):
    people = loading.People(editor=team.editor, reviewer=team.counsel)
    at = clock.now()
    return loading.load(SEED, people=people, on=received_date(at), at=at)


# --- what is in it ------------------------------------------------------------------------------


def test_a_package_holds_every_row_of_the_person_and_no_other(learners, mailbox, team):
    files = opened(built(mailbox, team, learners))
    account = query(learners, "SELECT id FROM accounts WHERE lower(email) = %s", ORLA)[0][0]
    for table, mine in {
        "accounts": "id = %s", "profiles": "account_id = %s", "orders": "account_id = %s",
        "enrolments": "account_id = %s", "activity_log": "account_id = %s",
        "progress": "account_id = %s", "forum_posts": "author_id = %s",
    }.items():  # fmt: skip
        wanted = query(learners, f"SELECT count(*) FROM {table} WHERE {mine}", account)[0][0]  # noqa: S608
        found = rows_of(files, table) if f"json/learners/{table}.json" in files else []
        assert len(found) == wanted, table
    text = b"".join(files.values()).decode()
    others = query(learners, "SELECT email FROM accounts WHERE id <> %s", account)
    assert [email for (email,) in others if email in text] == []


def test_every_value_can_be_traced_to_its_field(learners, mailbox, team):
    files = opened(built(mailbox, team, learners))
    (row,) = rows_of(files, "accounts")
    account, email, name = query(
        learners, "SELECT id, email, full_name FROM accounts WHERE lower(email) = %s", ORLA
    )[0]
    assert row["row"] == f"learners.accounts:{account}"
    assert (row["values"]["email"], row["values"]["full_name"]) == (email, name)
    table = json.loads(files["json/learners/accounts.json"])
    fields = {each["field"]: each for each in table["fields"]}
    assert fields["email"] == {"field": "email", "category": "PI_A", "source": "consumer"}
    assert fields["password_hash"]["never_disclosed"] == "ND_5"


def test_the_data_are_what_the_schema_says(learners, mailbox, team):
    files = opened(built(mailbox, team, learners))
    schema = json.loads(files["schema.json"])
    names = [name for name in files if name.startswith("json/")]
    assert len(names) > 5
    for name in names:
        assert not_as(json.loads(files[name]), schema) == []


def test_the_manifest_names_every_file_with_its_digest(learners, mailbox, team):
    package = built(mailbox, team, learners)
    files = opened(package)
    manifest = json.loads(files.pop("manifest.json"))
    told = {each["name"]: (each["bytes"], each["sha256"]) for each in manifest["files"]}
    assert told == {
        name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()
    }
    assert manifest["request"] == package.consumer_request.public_number
    assert (manifest["from"], manifest["to"]) == ("2022-01-01", clock.today().isoformat())


def test_a_spreadsheet_meets_no_formula(learners, mailbox, team):
    query(
        learners,
        "UPDATE accounts SET full_name = '=HYPERLINK(\"x\")' WHERE lower(email) = %s",
        ORLA,
    )
    files = opened(built(mailbox, team, learners))
    sheet = files["csv/learners/accounts.csv"].decode("utf-8-sig")
    (head, row) = list(csv.reader(io.StringIO(sheet, newline="")))
    assert row[head.index("full_name")] == '\'=HYPERLINK("x")'
    assert row[0].startswith("learners.accounts:")


def test_passwords_and_numbers_that_never_leave_are_named_and_counted(learners, mailbox, team):
    query(
        learners,
        "UPDATE profiles SET biography = 'My SSN is 219-09-9999, card 4111 1111 1111 1111.'"
        " WHERE account_id = (SELECT id FROM accounts WHERE lower(email) = %s)",
        ORLA,
    )
    (secret,) = query(learners, "SELECT password_hash FROM accounts WHERE lower(email) = %s", ORLA)[
        0
    ]
    package = built(mailbox, team, learners)
    files = opened(package)
    text = b"".join(files.values()).decode()
    assert [
        value for value in (secret, "219-09-9999", "4111 1111 1111 1111") if value in text
    ] == []
    (account,), (profile,) = rows_of(files, "accounts"), rows_of(files, "profiles")
    assert account["values"]["password_hash"] is None
    assert account["withheld"] == {"password_hash": ["ND_5"]}
    assert profile["withheld"] == {"biography": ["ND_1", "ND_3"]}
    assert "Social security number: held, not shown" in profile["values"]["biography"]
    assert package.summary["withheld"] == {"ND_1": 1, "ND_3": 1, "ND_5": 1}
    assert "Account password: held, not shown" in files["index.html"].decode()


def test_what_belongs_to_the_household_is_counted_and_not_given(learners, mailbox, team):
    home = query(learners, "SELECT address_id FROM accounts WHERE lower(email) = %s", ORLA)[0][0]
    query(learners, "UPDATE accounts SET address_id = %s WHERE id = 20", home)
    package = built(mailbox, team, learners)
    assert "json/learners/addresses.json" not in opened(package)
    (told,) = [each for each in package.summary["tables"] if each["table"] == "addresses"]
    assert (told["rows"], told["shared"]) == (0, 1)


def test_shared_rows_are_given_when_a_person_says_why(learners, mailbox, team):
    home = query(learners, "SELECT address_id FROM accounts WHERE lower(email) = %s", ORLA)[0][0]
    query(learners, "UPDATE accounts SET address_id = %s WHERE id = 20", home)
    package = built(mailbox, team, learners)
    with pytest.raises(access.HandOverRefused):
        access.give_shared(
            package, system="learners", table="orders", reason="x", by=team.officer, at=clock.now()
        )
    access.give_shared(
        package, system="learners", table="addresses", reason="their own address",
        by=team.officer, at=clock.now(),
    )  # fmt: skip
    tasks.drain_collect()
    new = package_of(package.consumer_request)
    assert (new.version, new.asked_by_id) == (2, team.officer.id)
    assert len(rows_of(opened(new), "addresses")) == 1
    package.refresh_from_db()
    assert package.stage == PackageStage.VOID
    with pytest.raises(workflow.MoveNotAllowed), transaction.atomic():
        access.give_shared(
            package, system="learners", table="addresses", reason="x", by=team.officer,
            at=clock.now(),
        )  # fmt: skip


def test_who_once_gave_rows_of_others_hands_no_later_package_over(learners, mailbox, team):
    home = query(learners, "SELECT address_id FROM accounts WHERE lower(email) = %s", ORLA)[0][0]
    query(learners, "UPDATE accounts SET address_id = %s WHERE id = 20", home)
    package, at = built(mailbox, team, learners), clock.now()
    access.give_shared(
        package, system="learners", table="addresses", reason="their own address",
        by=team.chief, at=at,
    )  # fmt: skip
    tasks.drain_collect()
    given = package_of(package.consumer_request).given
    access.collect_again(package.consumer_request, by=team.officer, at=at, given=given)
    tasks.drain_collect()
    last = package_of(package.consumer_request)
    access.propose(last, hash=last.hash, by=team.officer, at=at)
    last = package_of(package.consumer_request)
    with pytest.raises(access.HandOverRefused):
        access.hand_over(last, hash=last.hash, by=team.chief, at=at)
    contact = access.verified_contact(last.consumer_request)
    with refused_by_the_database():
        by_sql(
            "UPDATE requests_app_package SET stage = 'released', released_by_id = %s,"
            " released_at = now(), expires_at = now() + interval '1 day', contact_id = %s"
            " WHERE stage = 'proposed'",
            team.chief.id,
            contact and contact.pk,
        )
    access.hand_over(last, hash=last.hash, by=team.approver, at=at)


@pytest.mark.parametrize("language", ["en", "ja", "es"])
def test_the_pages_speak_the_language_of_the_request(learners, mailbox, team, language):
    consumer_request = verified_to_know(mailbox, team, learners)
    Package.objects.update(language=language)
    tasks.drain_collect()
    files = opened(package_of(consumer_request))
    for name in ("index.html", "pages/learners/accounts-0001.html"):
        page = files[name].decode()
        assert f'<html lang="{language}">' in page
        assert "<script" not in page
        assert page.count("<caption") == page.count("<table") > 0


def test_a_long_table_has_pages_that_lead_to_each_other(learners, mailbox, team, monkeypatch):
    monkeypatch.setattr("requests_app.fulfillment.package.pages.ROWS", 4)
    files = opened(built(mailbox, team, learners))
    names = sorted(name for name in files if name.startswith("pages/learners/activity_log-"))
    count = len(rows_of(files, "activity_log"))
    assert len(names) == -(-count // 4)
    first, last = files[names[0]].decode(), files[names[-1]].decode()
    assert 'rel="next" href="activity_log-0002.html"' in first
    assert 'rel="next"' not in last
    assert sum(files[name].decode().count('<th scope="row">') for name in names) == count


def test_a_large_table_waits_on_disk_and_leaves_nothing_beside_the_package(
    learners, mailbox, team, monkeypatch, shelf
):
    home = query(learners, "SELECT address_id FROM accounts WHERE lower(email) = %s", ORLA)[0][0]
    query(learners, "UPDATE accounts SET address_id = %s WHERE id = 20", home)  # shared: no file
    plain = opened(built(mailbox, team, learners))
    monkeypatch.setattr(tables, "SHORT", 64)
    package = package_of(Package.objects.get().consumer_request)
    access.collect_again(package.consumer_request, by=team.officer, at=clock.now())
    tasks.drain_collect()
    package = package_of(package.consumer_request)
    assert package.version == 2
    parts = {name: data for name, data in plain.items() if name.startswith(("json/", "csv/"))}
    found = opened(package)
    assert len(parts) > 10
    assert {name: found.get(name) for name in parts} == parts
    assert {each.suffix for each in shelf.iterdir()} == {".sealed"}


@pytest.mark.parametrize(("since", "left_out"), [("everything", 1), ("12-months", 2)])
def test_only_the_days_asked_for_are_given(learners, mailbox, team, since, left_out):
    document = MAP.read_text("utf-8").replace(
        "- name: orders\n        ccpa_meta: {on_delete: delete,",
        "- name: orders\n        ccpa_meta: {dated: placed_at, on_delete: delete,",
    )
    serve(team, learners, document=document)
    numbers = query(
        learners,
        "SELECT o.id FROM orders o JOIN accounts a ON a.id = o.account_id"
        " WHERE lower(a.email) = %s ORDER BY o.id",
        ORLA,
    )
    query(learners, "UPDATE orders SET placed_at = now() WHERE id = ANY(%s)",
          [number for (number,) in numbers])  # fmt: skip
    query(learners, "UPDATE orders SET placed_at = '2021-12-30' WHERE id = %s", numbers[0][0])
    query(learners, "UPDATE orders SET placed_at = now() - interval '400 days' WHERE id = %s",
          numbers[1][0])  # fmt: skip
    consumer_request = verified_to_know(mailbox, team, learners, since=since)
    tasks.drain_collect()
    package = package_of(consumer_request)
    (told,) = [each for each in package.summary["tables"] if each["table"] == "orders"]
    assert (told["rows"], told["period"]) == (len(numbers) - left_out, left_out)


def test_what_is_still_to_come_is_given_too(learners, mailbox, team):
    """A day that is still to come, or has begun where the store stands, is not older than asked."""
    document = MAP.read_text("utf-8").replace(
        "- name: orders\n        ccpa_meta: {on_delete: delete,",
        "- name: orders\n        ccpa_meta: {dated: placed_at, on_delete: delete,",
    )
    serve(team, learners, document=document)
    query(
        learners, "UPDATE orders SET placed_at = now() + (id & 1) * interval '40 days' + '20 hours'"
    )
    package = built(mailbox, team, learners)
    (told,) = [each for each in package.summary["tables"] if each["table"] == "orders"]
    assert (told["rows"], told["period"]) == (2, 0)


def test_who_was_given_the_key_meanwhile_is_not_given_out(learners, mailbox, team, monkeypatch):
    """A store may give the key of a row that is gone to somebody else, before it is collected."""
    monkeypatch.setattr(PostgreSQL, "gives_again", True)
    query(learners, "UPDATE accounts SET full_name = 'Orla Vale' WHERE lower(email) = %s", ORLA)
    package = built(mailbox, team, learners)
    assert package.stage == PackageStage.READY  # who married is still the same
    query(learners, "UPDATE accounts SET email = 'nora@example.org', full_name = 'Nora Sand'"
          " WHERE lower(email) = %s", ORLA)  # fmt: skip
    access.collect_again(package.consumer_request, by=team.officer, at=clock.now())
    tasks.drain_collect()
    last = package_of(package.consumer_request)
    assert (last.stage, last.file, last.error_code) == ("build", "", "KeyOfAnother")


# --- categories ---------------------------------------------------------------------------------


def test_the_answer_of_categories_is_about_this_person(learners, mailbox, team, published):
    package = built(mailbox, team, learners, kind=CATEGORIES)
    assert (package.content, package.stage, package.file) == ("categories", "ready", "")
    found = access_answer(package)
    held = {each["code"] for each in found["collected"]}
    assert {"PI_A", "PI_D", "PI_J"} <= held
    assert "PI_G" not in held
    assert all(each["sources"] and each["purposes"] for each in found["collected"])
    assert all(each["way"] for each in found["sold_or_shared"])


def test_what_is_sold_is_told_with_the_third_parties_alone(published, monkeypatch):
    def selling(version):
        reading = read_out(version)
        sold = replace(
            reading.lines["PI_D"], sold=True,
            recipients=(("sold", "education-partners"), ("sold", "hosting")),
        )  # fmt: skip
        return replace(reading, lines={**reading.lines, "PI_D": sold})

    monkeypatch.setattr(categories, "read_out", selling)
    told = categories.answer({"PI_A", "PI_D"}, set(), language="en", on=clock.today())
    assert [(each["code"], each["way"], each["to"]) for each in told["sold_or_shared"]] == [
        ("PI_D", "Sold", ["Educational partners"])
    ]


def access_answer(package):
    return building.opened(sealing.Box(package.data_key), package.answer, context="package.answer")


def test_who_is_not_sure_enough_for_the_pieces_gets_the_categories(
    learners, mailbox, team, published
):
    consumer_request = ask(ORLA, kind=SPECIFIC)
    tasks.drain_verify()
    tasks.drain_mail()
    link = verification.find_link(tokens(mailbox.last(ORLA))[0], at=clock.now())
    verification.accept_evidence(link, POINTS[ORLA], signed_as="Orla", at=clock.now())
    tasks.drain_verify()
    with pytest.raises(verification.IdentityNotProven):
        verification.decide(fresh(consumer_request), by=team.verifier, reason="x", at=clock.now())
    verification.judge_as_categories(
        fresh(consumer_request), by=team.verifier, reason="two points", at=clock.now()
    )
    tasks.drain_collect()
    package = package_of(consumer_request)
    assert (package.content, package.file) == ("categories", "")
    assert access.outcome_of(package) == Outcome.IN_PART


# --- two people ---------------------------------------------------------------------------------


def test_handing_over_takes_two_people_who_did_not_verify(learners, mailbox, team):
    package = built(mailbox, team, learners)
    at = clock.now()
    for person in (team.verifier, team.approver, team.clerk):
        with pytest.raises(NotAllowed):
            access.propose(package, hash=package.hash, by=person, at=at)
    with pytest.raises(access.PackageChanged):
        access.propose(package, hash="0" * 64, by=team.officer, at=at)
    access.propose(package, hash=package.hash, by=team.officer, at=at)
    assert fresh(package.consumer_request).status == Status.COLLECTED
    proposed = package_of(package.consumer_request)
    with pytest.raises(NotAllowed):
        access.hand_over(proposed, hash=proposed.hash, by=team.officer, at=at)
    why_not = access.why_not_hand_over(proposed, team.officer, at=at)
    assert why_not == "This needs a role that you do not have."
    assert access.why_not_hand_over(proposed, team.approver, at=at) == ""
    with pytest.raises(access.PackageChanged):
        access.hand_over(proposed, hash="0" * 64, by=team.approver, at=at)
    access.hand_over(proposed, hash=proposed.hash, by=team.approver, at=at)
    done = fresh(package.consumer_request)
    assert (done.status, done.outcome) == (Status.COMPLETED, Outcome.COMPLIED)
    assert lines(done.number)[-3:] == ["package.built", "request.collected", "request.completed"]


def test_one_person_with_all_roles_cannot_do_both(learners, mailbox, team):
    package = built(mailbox, team, learners)
    at = clock.now()
    access.propose(package, hash=package.hash, by=team.chief, at=at)
    with pytest.raises(access.HandOverRefused):
        access.hand_over(
            package_of(package.consumer_request), hash=package.hash, by=team.chief, at=at
        )
    with refused_by_the_database():
        by_sql(
            "UPDATE requests_app_package SET stage = 'released', released_by_id = %s,"
            " released_at = now(), expires_at = now() + interval '1 day'",
            team.chief.id,
        )


def test_the_database_hands_nothing_over_for_whom_it_is_not_meant(learners, mailbox, team):
    package = built(mailbox, team, learners)
    access.propose(package, hash=package.hash, by=team.officer, at=clock.now())
    contact = access.verified_contact(package.consumer_request)
    assert contact
    give = (
        "UPDATE requests_app_package SET stage = 'released', released_by_id = %s, contact_id = %s,"
        " released_at = now(), expires_at = now() + interval '1 day'"
    )
    typed = package.consumer_request.identifiers.get(source="typed", kind="email")
    for by, to in [
        (team.verifier.id, contact.pk), (team.clerk.id, contact.pk), (team.approver.id, typed.pk),
        (None, contact.pk), (team.approver.id, None),
    ]:  # fmt: skip
        with refused_by_the_database():
            by_sql(give, by, to)
    with refused_by_the_database():
        by_sql("UPDATE requests_app_package SET hash = %s", "0" * 64)


def test_a_package_goes_back_with_its_reason(learners, mailbox, team):
    package = built(mailbox, team, learners)
    access.propose(package, hash=package.hash, by=team.officer, at=clock.now())
    access.send_back(
        package_of(package.consumer_request), reason="look again", by=team.approver, at=clock.now()
    )
    back = package_of(package.consumer_request)
    assert (back.stage, back.prepared_by_id) == (PackageStage.READY, None)
    assert fresh(package.consumer_request).status == Status.VERIFIED


def test_a_changed_contact_gets_nothing(learners, mailbox, team):
    package = built(mailbox, team, learners)
    access.propose(package, hash=package.hash, by=team.officer, at=clock.now())
    query(learners, "UPDATE accounts SET email = 'x@example.org' WHERE lower(email) = %s", ORLA)
    with pytest.raises(access.HandOverRefused):
        access.hand_over(
            package_of(package.consumer_request),
            hash=package.hash,
            by=team.approver,
            at=clock.now(),
        )


def test_what_does_not_wait_for_a_person_is_not_moved(learners, mailbox, team):
    package = built(mailbox, team, learners)
    request, at = package.consumer_request, clock.now()
    with pytest.raises(access.PackageChanged):
        access.send_back(package, reason="not proposed", by=team.approver, at=at)
    access.propose(package, hash=package.hash, by=team.officer, at=at)
    proposed = package_of(request)
    with pytest.raises(workflow.MoveNotAllowed):
        access.collect_again(fresh(request), by=team.officer, at=at)
    request.links.update(used_at=None)
    with pytest.raises(access.HandOverRefused, match="No contact on file"):
        access.hand_over(proposed, hash=package.hash, by=team.approver, at=at)


def test_an_old_verification_hands_nothing_over(learners, mailbox, team):
    package = built(mailbox, team, learners)
    access.propose(package, hash=package.hash, by=team.officer, at=clock.now())
    later = clock.now() + timedelta(days=31)
    with pytest.raises(access.HandOverRefused):
        access.hand_over(
            package_of(package.consumer_request), hash=package.hash, by=team.approver, at=later
        )


def test_the_letter_goes_to_the_contact_on_file_and_holds_nothing(learners, mailbox, team):
    released(mailbox, team, learners)
    text = mailbox.last(ORLA)
    assert "/requests/l/" in text
    assert [
        word for word in ("Identifiers", "Dunmarrow", "accounts", "orders") if word in text
    ] == []


# --- by hand ------------------------------------------------------------------------------------


def test_what_no_map_serves_is_worked_by_hand_as_before(learners, mailbox, team):
    consumer_request = verified_to_know(mailbox, team, learners)
    by_sql("DELETE FROM requests_app_identifier WHERE kind = 'person-key'")
    tasks.drain_collect()
    assert package_of(consumer_request).stage == PackageStage.BY_HAND
    casework.close_by_hand(
        fresh(consumer_request), outcome="complied", words="By post.", by=team.officer,
        at=clock.now(),
    )  # fmt: skip
    assert fresh(consumer_request).status == Status.COMPLETED


def test_a_case_that_was_closed_meanwhile_gets_no_package(learners, mailbox, team, shelf):
    consumer_request = verified_to_know(mailbox, team, learners)
    casework.withdraw(fresh(consumer_request), by=team.officer, at=clock.now())
    tasks.drain_collect()
    package = package_of(consumer_request)
    assert (package.stage, package.file) == (PackageStage.BUILD, "")
    assert list(shelf.iterdir()) == []
    tasks.drain_house()
    assert package_of(consumer_request).stage == PackageStage.DESTROYED


def test_a_case_that_was_closed_meanwhile_gets_no_categories(learners, mailbox, team):
    consumer_request = verified_to_know(mailbox, team, learners, kind=CATEGORIES)
    casework.withdraw(fresh(consumer_request), by=team.officer, at=clock.now())
    tasks.drain_collect()
    assert (package_of(consumer_request).stage, package_of(consumer_request).hash) == ("build", "")


def test_a_package_that_was_let_go_for_a_denial_is_due_again(learners, mailbox, team):
    consumer_request, at = verified_to_know(mailbox, team, learners), clock.now()
    casework.propose_denial(
        fresh(consumer_request), ground="DEN_TWICE_12M", words="Twice.", by=team.counsel, at=at
    )
    tasks.drain_collect()
    assert package_of(consumer_request).state == WorkState.DONE
    casework.refuse_denial(fresh(consumer_request), reason="once", by=team.approver, at=at)
    tasks.drain_collect()
    assert package_of(consumer_request).stage == PackageStage.READY


# --- death at every seam ------------------------------------------------------------------------

SEAMS = ("package.collecting", "package.half-written", "package.stored")


@pytest.mark.parametrize("seam", SEAMS)
def test_a_worker_that_dies_leaves_nothing_that_is_served(
    learners, mailbox, team, monkeypatch, seam
):
    monkeypatch.setattr(building, "BREATH", 2)  # and shows every other row that it is alive
    consumer_request = verified_to_know(mailbox, team, learners)
    with killed_at(monkeypatch, seam) as passed, pytest.raises(Killed):
        tasks.drain_collect()
    assert seam in passed
    dead = package_of(consumer_request)
    assert (dead.stage, dead.file, dead.state) == (PackageStage.BUILD, "", WorkState.RUNNING)
    by_sql("UPDATE requests_app_package SET lease_until = clock_timestamp() - interval '1 s'")
    tasks.drain_collect()
    whole = package_of(consumer_request)
    assert whole.stage == PackageStage.READY
    assert json.loads(opened(whole)["manifest.json"])["files"]


def test_two_workers_leave_one_package(learners, mailbox, team, monkeypatch):
    consumer_request = verified_to_know(mailbox, team, learners)
    (slow,) = work.claim(Package, lane="collect", n=1, owner="slow")
    by_sql("UPDATE requests_app_package SET lease_until = clock_timestamp() - interval '1 s'")
    tasks.drain_collect()
    whole = package_of(consumer_request)
    with pytest.raises(work.LeaseLost):
        collecting.build(slow, at=clock.now())
    assert package_of(consumer_request).file == whole.file
    assert [path.name for path in finishing.folder().iterdir()] == [whole.file]


@pytest.mark.parametrize("way", ["PostgreSQL.collect_few", "collecting.stream"])
def test_a_store_that_is_away_leaves_no_file(learners, mailbox, team, monkeypatch, shelf, way):
    consumer_request = verified_to_know(mailbox, team, learners)

    def away(*_args, **_more):
        raise StoreUnreachable

    monkeypatch.setattr(collecting, "FEW", 0)
    monkeypatch.setattr(f"ccpa_office.connectors.postgresql.{way}", away)
    tasks.drain_collect()
    assert list(finishing.folder().iterdir()) == []
    assert package_of(consumer_request).state == WorkState.READY


def test_the_same_data_give_the_same_hash(learners, mailbox, team):
    package = built(mailbox, team, learners, email=HANA)
    access.collect_again(package.consumer_request, by=team.officer, at=clock.now())
    tasks.drain_collect()
    again = package_of(package.consumer_request)
    assert (again.version, again.hash) == (2, package.hash)
    assert again.content == SPECIFIC.value.removeprefix("know-")
