"""The command ``due_dates``: what it prints, and how it refuses. Needs no database."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ccpa_office.law.kinds import RequestKind
from ccpa_office.management.commands.due_dates import Command

EVE = "2026-12-24T23:30:00-08:00"
DELETE = {
    "received_date": "2026-12-24",
    "ack_by": "2027-01-11",
    "ack_target": "2027-01-07",
    "respond_by": "2027-02-07",
    "respond_target": "2027-02-06",
    "extended_by": "2027-03-24",
    "optout_by": None,
    "optout_target": None,
    "respond_expires_utc": "2027-02-08T08:00:00Z",
    "earliest_reask": None,
    "calendar": "ca_state",
    "sections": {
        "received_date": "11 CCR 7021(b)",
        "ack_by": "11 CCR 7021(a)",
        "ack_target": "11 CCR 7021(a); Civ. 9 (reading)",
        "respond_by": "11 CCR 7021(b); Civ. 1798.130(a)(2)(A)",
        "respond_target": "11 CCR 7021(b) (reading)",
        "extended_by": "11 CCR 7021(b); Civ. 1798.145(h)(1)",
        "optout_by": None,
        "optout_target": None,
        "respond_expires_utc": "11 CCR 7021(b); Gov. Code 6806",
        "earliest_reask": None,
        "calendar": "Gov. Code 6701, 19853 (reading)",
    },
}
OPT_OUT = {
    "received_date": "2026-12-24",
    "ack_by": None,
    "ack_target": None,
    "respond_by": None,
    "respond_target": None,
    "extended_by": None,
    "optout_by": "2027-01-19",
    "optout_target": "2027-01-13",
    "respond_expires_utc": None,
    "earliest_reask": "2027-12-24",
    "calendar": "ca_state",
    "sections": {
        "received_date": "11 CCR 7026(f)(1)",
        "ack_by": None,
        "ack_target": None,
        "respond_by": None,
        "respond_target": None,
        "extended_by": None,
        "optout_by": "11 CCR 7026(f)(1)",
        "optout_target": "11 CCR 7026(f)(1); Civ. 9 (reading)",
        "respond_expires_utc": None,
        "earliest_reask": "11 CCR 7026(k); Civ. 1798.135(c)(4)",
        "calendar": "Gov. Code 6701, 19853 (reading)",
    },
}


@pytest.fixture(autouse=True)
def _default_calendar(settings):
    settings.OFFICE_CALENDAR = "ca_state"


def printed(*arguments):
    out = StringIO()
    call_command(Command(), *arguments, stdout=out, no_color=True)
    return out.getvalue()


@pytest.mark.parametrize(("kind", "expected"), [("delete", DELETE), ("opt-out", OPT_OUT)])
def test_one_kind_is_printed_as_a_flat_object(kind, expected):
    assert json.loads(printed("--received", EVE, "--kind", kind, "--json")) == expected


def test_without_a_kind_the_objects_stand_under_their_kinds():
    found = json.loads(printed("--received", EVE, "--json"))
    assert list(found) == RequestKind.values
    assert (found["delete"], found["opt-out"]) == (DELETE, OPT_OUT)


def test_an_instant_in_utc_gives_the_same_dates():
    found = json.loads(printed("--received", "2026-12-25T07:30:00Z", "--kind", "delete", "--json"))
    assert found == DELETE


def test_the_calendar_comes_from_the_option_then_from_the_settings(settings):
    asked = ("--received", EVE, "--kind", "delete", "--json")
    settings.OFFICE_CALENDAR = "weekday"
    by_setting = json.loads(printed(*asked))
    by_option = json.loads(printed(*asked, "--calendar", "federal"))
    del settings.OFFICE_CALENDAR
    by_default = json.loads(printed(*asked))
    assert [(d["calendar"], d["ack_by"]) for d in (by_setting, by_option, by_default)] == [
        ("weekday", "2027-01-07"),
        ("federal", "2027-01-11"),
        ("ca_state", "2027-01-11"),
    ]


def test_without_json_the_present_duties_are_printed_a_line_each():
    lines = printed("--received", EVE, "--kind", "opt-out").splitlines()
    assert [line.split(maxsplit=2) for line in lines] == [
        ["opt-out"],
        ["received_date", "2026-12-24", "11 CCR 7026(f)(1)"],
        ["optout_by", "2027-01-19", "11 CCR 7026(f)(1)"],
        ["optout_target", "2027-01-13", "11 CCR 7026(f)(1); Civ. 9 (reading)"],
        ["earliest_reask", "2027-12-24", "11 CCR 7026(k); Civ. 1798.135(c)(4)"],
        ["calendar", "ca_state", "Gov. Code 6701, 19853 (reading)"],
    ]
    headings = [line for line in printed("--received", EVE).splitlines() if line[0] != " "]
    assert headings == RequestKind.values


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--received", "2026-12-24T23:30:00"], "has no offset from UTC. Give an instant"),
        (["--received", "2026-12-24"], "has no offset from UTC. Give an instant"),
        (["--received", "yesterday"], "'yesterday' is not an ISO 8601 instant. Give an instant"),
        (["--received", "2026-02-30T10:00:00Z"], "is not an ISO 8601 instant"),
        (["--received", "9999-12-31T10:00:00Z"], "is too far away to count from"),
        (["--received", "0001-01-01T00:00:00+14:00"], "is too far away to count from"),
        (["--received", EVE, "--kind", "forget"], "invalid choice: 'forget'"),
        (["--received", EVE, "--calendar", "lunar"], "invalid choice: 'lunar'"),
        ([], "--received"),
    ],
)
def test_wrong_use_is_refused_with_code_2_and_a_plain_message(capsys, arguments, message):
    with pytest.raises(SystemExit) as ended:
        Command().run_from_argv(["manage.py", "due_dates", "--no-color", *arguments])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_a_calendar_unknown_to_the_law_is_refused_when_the_settings_name_it(settings):
    settings.OFFICE_CALENDAR = "lunar"
    with pytest.raises(CommandError) as refused:
        printed("--received", EVE)
    assert (str(refused.value), refused.value.returncode) == (
        "No calendar 'lunar'; there are ca_state, weekday, civ9, federal.",
        2,
    )
