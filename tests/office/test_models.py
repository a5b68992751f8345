"""Rows name themselves without saying anything about anybody."""

from datetime import UTC, datetime

from django.apps import apps

from ccpa_office.models import (
    ClockGuard,
    DataKey,
    LedgerLine,
    LedgerSeal,
    ScheduleRun,
    StaffTouch,
    UnsealedLine,
)


def test_rows_say_who_they_are_by_number_and_code_alone():
    noon = datetime(2026, 3, 2, 20, tzinfo=UTC)
    assert [
        str(row)
        for row in (
            StaffTouch(member_id=7, what="roles"),
            DataKey(pk=7),
            LedgerLine(subject="7K3M92QX4TD", seq=2, verb="request.moved"),
            LedgerSeal(position=7),
            UnsealedLine(line_id=7),
            ScheduleRun(name="sweep", period_start=noon),
            ClockGuard(),
        )
    ] == [
        "staff:7 roles",
        "data key 7",
        "7K3M92QX4TD#2 request.moved",
        "line 7",
        "unsealed 7",
        "sweep 2026-03-02T20:00:00+00:00",
        "clock guard",
    ]


def test_every_field_of_the_ground_is_classified():
    words = {"none", "key", "pseudonym", "sealed", "digest", "staff", "public"}
    for model in apps.get_app_config("ccpa_office").get_models():
        personal = getattr(model, "PERSONAL", {})
        names = {field.attname for field in model._meta.concrete_fields}
        assert {field.removesuffix("_id") for field in personal} == {
            name.removesuffix("_id") for name in names
        }, model
        assert set(personal.values()) <= words
