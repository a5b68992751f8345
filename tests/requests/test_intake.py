"""The one door: what comes in stands once, with frozen dates, sealed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from ccpa_office import clock, sealing, work
from ccpa_office.law.kinds import UNVERIFIED, VERIFIABLE, RequestKind
from ccpa_office.models import DataKey, LedgerLine
from ccpa_office.roles import Actor, NotAllowed
from requests_app import intake, tasks
from requests_app.correspondence.letters import LETTERS_A_DAY
from requests_app.intake import Asked
from requests_app.models import (
    Channel,
    ConsumerRequest,
    Identifier,
    Message,
    Note,
    Status,
    Step,
)
from requests_app.numbers import read_number
from tests.builders import ORLA, ask, fresh
from tests.steps import by_sql, lines, refused_by_the_database

CONSUMER = Actor.consumer()
LATE = datetime(2026, 12, 25, 7, 30, tzinfo=UTC)  # 2026-12-24 23:30 in California
FROZEN = [
    "received_at", "received_on", "calendar", "ack_due_on", "ack_target_on", "response_due_on",
    "response_target_on", "extended_due_on", "optout_due_on", "optout_target_on",
    "response_expires_at", "earliest_reask_on", "number", "kind", "channel", "nonce", "due_on",
]  # fmt: skip


def _asked(**more):
    facts = {"kind": RequestKind.DELETE, "identifiers": {"email": ORLA, "name": "Orla Dunmarrow"},
             "channel": Channel.WEB, "language": "en", "nonce": "n-1"} | more  # fmt: skip
    return Asked(**facts)


@pytest.mark.django_db(transaction=True)
def test_one_nonce_pressed_twenty_times_at_once_is_one_request():
    def press(_number):
        try:
            return intake.open_request(_asked(), by=CONSUMER, at=clock.now()).number
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        numbers = set(pool.map(press, range(20)))
    assert len(numbers) == ConsumerRequest.objects.count() == 1
    assert (Message.objects.count(), Step.objects.count()) == (1, 1)
    assert lines(numbers.pop()) == ["request.received"]


@pytest.mark.django_db
def test_a_second_press_gives_the_first_request():
    first = intake.open_request(_asked(), by=CONSUMER, at=clock.now())
    again = intake.open_request(_asked(language="ja"), by=CONSUMER, at=clock.now())
    assert (again.pk, again.language) == (first.pk, "en")
    other = intake.open_request(_asked(nonce="n-2"), by=CONSUMER, at=clock.now())
    assert other.pk != first.pk


@pytest.mark.django_db
def test_the_dates_of_a_deletion_late_on_christmas_eve():
    asked = ask(at=LATE)
    assert [str(getattr(asked, name)) for name in (
        "received_on", "ack_due_on", "ack_target_on", "response_target_on", "response_due_on",
        "extended_due_on", "due_on",
    )] == ["2026-12-24", "2027-01-11", "2027-01-07", "2027-02-06", "2027-02-07", "2027-03-24",
           "2027-02-07"]  # fmt: skip
    assert asked.response_expires_at == datetime(2027, 2, 8, 8, tzinfo=UTC)
    assert (asked.optout_due_on, asked.earliest_reask_on) == (None, None)


@pytest.mark.django_db
def test_the_dates_of_an_opt_out_late_on_christmas_eve():
    asked = ask(kind=RequestKind.OPT_OUT, at=LATE)
    assert [str(getattr(asked, name)) for name in (
        "optout_due_on", "optout_target_on", "earliest_reask_on", "due_on", "response_due_on",
    )] == ["2027-01-19", "2027-01-13", "2027-12-24", "2027-01-19", "None"]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("column", FROZEN)
@pytest.mark.parametrize("kind", [RequestKind.DELETE, RequestKind.OPT_OUT])
def test_receipt_and_dates_are_frozen(column, kind):
    asked = ask(kind=kind, at=LATE)
    later = {"received_at": "received_at + interval '1 day'", "calendar": "'weekday'",
             "response_expires_at": "now()", "number": "'00000000000'", "kind": "'correct'",
             "channel": "'post'", "nonce": "'x'"}.get(column, "'2030-01-01'")  # fmt: skip
    with refused_by_the_database():
        by_sql(
            f"UPDATE requests_app_consumerrequest SET {column} = {later} WHERE id = %s",  # noqa: S608
            asked.pk,
        )


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "ja", "es"])
@pytest.mark.parametrize("kind", [RequestKind.DELETE, RequestKind.OPT_OUT, RequestKind.LIMIT])
def test_the_receipt_goes_out_in_the_consumers_language(language, kind, mailbox):
    asked = ask("somebody@example.org", kind=kind, language=language)
    tasks.drain_mail()
    (mail,) = mailbox.to("somebody@example.org")
    text = mailbox.last("somebody@example.org")
    assert mail["Content-Language"] == language
    assert asked.public_number in text
    assert "/requests/l/" in text
    assert (f"/{language}/requests/l/" in text) == (language != "en")
    assert any(ord(letter) > 0x3000 for letter in text) == (language == "ja")


@pytest.mark.django_db
def test_what_was_typed_is_sealed_and_found_by_digests_alone():
    asked = intake.open_request(
        _asked(words="My course was on Tuesdays"), by=CONSUMER, at=clock.now()
    )
    rows = {row.kind: row for row in Identifier.objects.all()}
    assert set(rows) == {"email", "name"}
    assert bytes(rows["email"].digest) == sealing.digest("email", ORLA)
    assert bytes(rows["name"].digest) == sealing.digest("name", "dunmarrow orla")
    assert [rows["email"].is_contact, rows["name"].is_contact] == [True, False]
    assert asked.data_key is not None
    box = sealing.Box(asked.data_key)
    assert box.open(bytes(rows["email"].value), context="identifier.value") == ORLA
    sealed = b"".join(bytes(row.value) for row in rows.values()) + bytes(Note.objects.get().text)
    assert not any(word in sealed for word in (b"orla", b"Dunmarrow", b"Tuesdays"))
    told = "".join(LedgerLine.objects.values_list("body", flat=True))
    assert not any(word in told for word in ("orla", "Dunmarrow", "Tuesdays"))


@pytest.mark.django_db
def test_staff_take_in_with_the_role_and_are_named(team):
    for each in (team.verifier, team.officer, team.approver, team.counsel, team.editor):
        with pytest.raises(NotAllowed):
            intake.open_request(_asked(channel=Channel.PHONE), by=each, at=clock.now())
    assert not ConsumerRequest.objects.exists()
    asked = intake.open_request(_asked(channel=Channel.PHONE), by=team.clerk, at=clock.now())
    assert (asked.opened_by_id, asked.channel) == (team.clerk.id, "phone")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", list(RequestKind))
def test_each_kind_starts_on_its_own_way(kind):
    asked = fresh(ask(kind=kind))
    verified = kind in VERIFIABLE
    expected = (
        Status.RECEIVED if verified
        else Status.APPLYING if kind in UNVERIFIED
        else Status.VERIFIED
    )  # fmt: skip
    assert asked.status == expected
    assert asked.work.count() == int(verified)
    assert asked.due_on == (asked.response_due_on or asked.optout_due_on)


@pytest.mark.django_db
def test_the_choices_of_a_form_stand_in_the_book():
    asked = intake.open_request(
        _asked(kind=RequestKind.KNOW_SPECIFIC, choices={"since": "12-months"}), by=CONSUMER,
        at=clock.now(),
    )  # fmt: skip
    body = LedgerLine.objects.get(subject=asked.number).body
    assert '"since":"12-months"' in body


@pytest.mark.django_db
def test_a_stranger_makes_the_office_write_six_letters_a_day_and_no_more(mailbox):
    asked = [ask("victim@example.org") for _each in range(10)]
    tasks.drain_mail()
    assert len(mailbox.to("victim@example.org")) == LETTERS_A_DAY == 6
    assert {fresh(each).due_on is not None for each in asked} == {True}
    held = Message.objects.filter(error_code="sending-limit")
    assert set(held.values_list("state", flat=True)) == {"parked"}
    assert held.count() == 4
    ask("Victim@Example.ORG")
    assert held.count() == 5
    ask("other@example.org")
    assert held.count() == 5
    ask("victim@example.org", at=clock.now() + timedelta(hours=25))
    assert held.count() == 5


@pytest.mark.django_db(transaction=True)
def test_the_limit_is_exact_however_many_ask_at_once():
    def press(_number):
        try:
            return ask("victim@example.org").number
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        numbers = set(pool.map(press, range(20)))
    assert len(numbers) == 20
    assert Message.objects.filter(state="ready").count() == LETTERS_A_DAY
    assert Message.objects.filter(error_code="sending-limit").count() == 14


@pytest.mark.django_db
def test_numbers_are_random_and_read_again():
    numbers = {ask(f"n{each}@example.org").public_number for each in range(20)}
    assert len(numbers) == 20
    assert all(len(read_number(number)) == 11 for number in numbers)


@pytest.mark.django_db
def test_known_and_unknown_cost_the_same_at_the_door(learners):
    ask("the.first@example.org")  # compiles the map
    counts = []
    for email in (ORLA, "nobody@example.org"):
        with CaptureQueriesContext(connection) as seen:
            ask(email)
        counts.append([query["sql"].split()[0] for query in seen.captured_queries])
    assert counts[0] == counts[1]


@pytest.mark.django_db
def test_a_failure_at_the_door_keeps_nothing(monkeypatch):
    monkeypatch.setattr(work, "seam", lambda _name: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ask()
    assert not ConsumerRequest.objects.exists()
    assert not DataKey.objects.exists()
    assert not LedgerLine.objects.filter(verb="request.received").exists()


@pytest.mark.django_db
def test_another_refusal_of_the_database_is_not_taken_for_a_second_press(monkeypatch):
    first = ask("one@example.org")
    monkeypatch.setattr(intake, "new_number", lambda: first.number)
    with pytest.raises(IntegrityError):
        ask("other@example.org")
