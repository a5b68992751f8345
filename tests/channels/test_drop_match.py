"""A list is matched with every system: each item has one answer, and no answer by default."""

import json
from datetime import UTC, datetime
from io import BytesIO, StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.utils import IntegrityError

from ccpa_office import clock
from ccpa_office.connectors import standardizing, vectors
from ccpa_office.connectors.base import StoreUnreachable
from ccpa_office.models import LedgerLine
from ccpa_office.roles import NotAllowed, Role
from notices_app import datamap
from requests_app import suppression, targets
from requests_app.channels.drop import deleting, loading, matching
from requests_app.channels.drop.matching import Stand
from requests_app.channels.drop.reading import FileRefused
from requests_app.fulfillment import batches
from requests_app.models import BatchState, DropList, DropLook, DropOutcome, DropPiece
from tests import builders
from tests.builders import HANA, KOFI, ORLA
from tests.channels.lists import NAME, document, emails, hashed, item
from tests.requests.desks import at_desk

AT = datetime(2026, 9, 1, 9, tzinfo=UTC)
PHONES = "20260801_0042_Phone.csv"


def loaded(team, text, name=NAME):
    """A list that is kept."""
    return loading.load(BytesIO(text), name=name, by=team.officer, at=AT)[0]


def met(drop_list, team):
    """Match it; how it stands with the systems."""
    return matching.match(drop_list, by=team.officer, at=AT).stands


def outcomes(drop_list):
    """The answer of each item, in the order of the list."""
    pieces = drop_list.pieces.order_by("ordinal")
    return [DropOutcome(code).name for piece in pieces for code in bytes(piece.outcomes)]


def account(learners, email):
    """The key of a learner."""
    query = "SELECT id FROM accounts WHERE lower(email) = %s"
    with psycopg.connect(learners) as found:
        return found.execute(query, [email]).fetchall()[0][0]


def test_every_item_has_exactly_one_answer(team, learners):
    with psycopg.connect(learners) as found:
        found.execute(
            "UPDATE accounts SET phone = '(415) 555-0142' WHERE lower(email) = %s", [KOFI]
        )
        found.execute("UPDATE accounts SET phone = '4１55550142' WHERE lower(email) = %s", [ORLA])
    listed = loaded(team, emails("nobody@example.net", HANA, ORLA, HANA))
    assert outcomes(listed) == ["UNPROCESSED"] * 4
    assert met(listed, team) == {"learners": Stand.LOOKED}
    assert outcomes(listed) == ["NONE", "ONE", "ONE", "ONE"]
    assert (listed.one, listed.several, listed.none, listed.unprocessed) == (3, 0, 1, 0)
    look = DropLook.objects.get()
    keys = account(learners, HANA), account(learners, ORLA)
    assert matching.people(look) == [(1, keys[0]), (2, keys[1]), (3, keys[0])]
    phones = loaded(
        team, document([hashed("4155550142"), hashed("0000000000")], mark="tel"), PHONES
    )
    met(phones, team)
    assert outcomes(phones) == ["SEVERAL", "NONE"]
    lines = LedgerLine.objects.filter(subject=f"drop:{phones.pk}").order_by("seq")
    assert [line.verb for line in lines] == ["drop.loaded", "drop.looked", "drop.settled"]
    assert HANA not in "".join(line.body for line in lines)


def unreachable(absent):
    """As ``targets.of``, but one system is away."""
    real = targets.of

    def of(key):
        if key == absent:
            raise StoreUnreachable
        return real(key)

    return of


def test_an_item_is_not_found_only_when_every_system_that_may_hold_it_was_looked_at(team, learners):
    key = "second"
    datamap.add_system(key, name=key, url=learners, by=team.editor, at=AT, served=True)
    listed = loaded(team, emails(HANA, "nobody@example.net"))
    assert met(listed, team) == {"learners": Stand.LOOKED, key: Stand.NO_MAP}
    assert outcomes(listed) == ["UNPROCESSED"] * 2
    version = datamap.load(builders.MAP.read_text(), system_key=key, by=team.editor, at=AT)
    datamap.approve(version, digest=version.digest, by=team.chief, at=AT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(targets, "of", unreachable(key))
        assert met(listed, team) == {"learners": Stand.LOOKED, key: Stand.FAILED}
    assert outcomes(listed) == ["UNPROCESSED"] * 2
    assert DropList.objects.get().settled_at is None
    assert met(listed, team) == {"learners": Stand.LOOKED, key: Stand.LOOKED}
    assert outcomes(listed) == ["ONE", "NONE"]  # one record in each of two systems
    assert DropLook.objects.count() == 2


def test_a_list_that_no_map_can_answer_stays_unanswered(team, learners):
    tvs = loaded(team, document([hashed("abcdefgh")]), "20260801_0042_CTVID.csv")
    assert met(tvs, team) == {"learners": Stand.NOT_HELD}
    assert outcomes(tvs) == ["UNPROCESSED"]


def test_a_match_that_broke_off_goes_on_where_it_was(team, learners, monkeypatch):
    monkeypatch.setattr(loading, "PIECE", 2)
    listed = loaded(team, emails("a@example.net", HANA, KOFI, "b@example.net", ORLA))
    asked = []
    kind = type(targets.of("learners").connector)
    real = kind.matched

    def breaking(self, list_kind, sought):
        asked.append(sought)
        if len(asked) == 2:
            raise StoreUnreachable
        return real(self, list_kind, sought)

    monkeypatch.setattr(kind, "matched", breaking)
    assert met(listed, team) == {"learners": Stand.FAILED}
    assert (DropLook.objects.count(), outcomes(listed)) == (1, ["UNPROCESSED"] * 5)
    assert met(listed, team) == {"learners": Stand.LOOKED}
    assert [len(each) // 32 for each in asked] == [2, 2, 2, 1]
    assert outcomes(listed) == ["NONE", "ONE", "ONE", "NONE", "ONE"]
    assert met(listed, team) == {"learners": Stand.FAILED} or len(asked) == 4


def test_the_same_file_is_one_list_and_a_work_item_stands_in_one_list(team, learners):
    text = emails(HANA)
    listed = loaded(team, text)
    assert loading.load(BytesIO(text), name=NAME, by=team.officer, at=AT) == (listed, False)
    once_more = f"{item(0, 'x')},{hashed('')}\n".encode()
    for again, line, code in (
        (text + b"\n", 3, "empty"),
        (emails(ORLA, KOFI), 2, "known"),
        (document([hashed(HANA), hashed(ORLA)], mark="x") + once_more, 4, "twice"),
    ):  # fmt: skip
        with pytest.raises(FileRefused) as refused:
            loaded(team, again)
        assert (refused.value.wrong[0].line, refused.value.wrong[0].code) == (line, code)
    assert DropList.objects.get() == listed
    assert DropPiece.objects.count() == 1


def test_an_empty_list_is_settled_with_nothing(team, learners):
    listed = loaded(team, b"ID,Hash\r\n")
    met(listed, team)
    assert (listed.items, listed.unprocessed, listed.settled_at) == (0, 0, AT)


def test_nothing_is_matched_by_rules_that_do_not_give_the_published_hashes(
    team, learners, monkeypatch
):
    listed = loaded(team, emails(HANA))
    monkeypatch.setattr(vectors, "FIELDS", {**standardizing.FIELDS, "email": str.strip})
    with pytest.raises(vectors.RulesBroken):
        met(listed, team)
    with pytest.raises(NotAllowed):
        matching.match(listed, by=team.clerk, at=AT)


FORBIDDEN = (
    "DELETE FROM requests_app_droplook", "DELETE FROM requests_app_droppiece",
    "DELETE FROM requests_app_droplist", "UPDATE requests_app_droplook SET at = now()",
    "UPDATE requests_app_droplist SET name = 'x'", "UPDATE requests_app_droplist SET items = 9",
    "UPDATE requests_app_droppiece SET outcomes = '\\x0303'",
    "UPDATE requests_app_droppiece SET ids = ids || ids",
    "UPDATE requests_app_droplist SET settled_at = NULL, one = 0, several = 0, none = 0",
)  # fmt: skip
TOO_EARLY = (
    "UPDATE requests_app_droppiece SET outcomes = '\\x0303'",
    "UPDATE requests_app_droplist SET settled_at = now(), none = 2",
    """INSERT INTO requests_app_droppiece (drop_list_id, ordinal, items, ids, digests, outcomes)
       SELECT drop_list_id, 2, items, ids, digests, '\\x0303' FROM requests_app_droppiece""",
)  # fmt: skip


def test_the_database_lets_nobody_answer_before_a_look_nor_change_an_answer(team, learners):
    listed = loaded(team, emails(HANA, "nobody@example.net"))
    for statement in TOO_EARLY:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    met(listed, team)
    for statement in FORBIDDEN:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert outcomes(listed) == ["ONE", "NONE"]


def told(*words, code=0):
    """What the command prints, as JSON, and its exit."""
    out = StringIO()
    ended: list[object] = [0]
    try:
        call_command("drop", *words, "--json", stdout=out)
    except SystemExit as end:
        ended = [end.code]
    assert ended == [code]
    return json.loads(out.getvalue())


def test_the_command_matches_files_and_says_what_is_wrong_with_them(team, learners, tmp_path):
    builders.actor(Role.OFFICER, name="olive")
    sound, wrong = tmp_path / NAME, tmp_path / "20260802_0042_Email.csv"
    sound.write_bytes(emails(HANA, "nobody@example.net"))
    wrong.write_bytes(b"ID,Hash\nshort,abc\n" + emails(ORLA).partition(b"\n")[2])
    found = told("match", str(sound), str(wrong), "--as", "olive", code=1)
    assert [found[0][name] for name in ("one_consumer", "not_found", "unprocessed", "settled")] == [
        1, 1, 0, True
    ]  # fmt: skip
    assert found[0]["systems"] == {"learners": "looked"}
    assert found[1] == {
        "file": wrong.name, "settled": False, "lines_wrong": 1,
        "wrong": [
            {"line": 2, "code": "id", "message": "a work item of 5 characters instead of 12"},
        ],
    }  # fmt: skip
    assert told("match", str(sound), "--as", "olive")[0]["new"] is False
    assert [row["file"] for row in told("lists")] == [NAME]
    words = StringIO()
    call_command("drop", "lists", stdout=words)
    assert words.getvalue() == (
        f"{NAME}: 2 items; 1 one consumer, 0 several, 1 not found, 0 not looked up yet.\n"
    )
    for name in ("list.csv", "20261301_0042_Email.csv", "20260801_0042_Removed.csv"):
        (tmp_path / name).write_bytes(emails(KOFI))
        with pytest.raises(CommandError):
            told("match", str(tmp_path / name), "--as", "olive")
    with pytest.raises(CommandError) as absent:
        told("match", str(tmp_path / "20260803_0042_Email.csv"), "--as", "olive")
    assert absent.value.returncode == 2
    assert clock.now() > AT


def test_whom_an_item_means_alone_is_deleted_by_a_batch_like_any_other(team, learners, at_once):
    with psycopg.connect(learners) as found:
        for email in (KOFI, ORLA):
            found.execute(
                "UPDATE accounts SET phone = '9165550129' WHERE lower(email) = %s", [email]
            )
    listed = loaded(team, emails(HANA, KOFI, "nobody@example.net"))
    shared = loaded(team, document([hashed("9165550129")], mark="tel"), PHONES)
    with pytest.raises(deleting.NotYet):
        deleting.open_batches(listed, by=team.officer, at=AT)
    met(listed, team)
    met(shared, team)
    assert deleting.open_batches(shared, by=team.officer, at=AT) == []
    (batch,) = deleting.open_batches(listed, by=team.officer, at=AT)
    assert deleting.open_batches(listed, by=team.officer, at=AT) == [batch]
    assert (batch.people, batch.state) == (2, BatchState.WAITING)
    keys = account(learners, HANA), account(learners, KOFI)
    for approver in (team.approver, team.second):
        batch.refresh_from_db()
        if batch.state == BatchState.WAITING:
            batches.approve(batch, hash=batch.hash, by=approver, at=clock.now())
    builders.drain()
    with psycopg.connect(learners) as found:
        query = "SELECT count(*) FROM accounts WHERE id = ANY(%s)"
        assert found.execute(query, [list(keys)]).fetchall() == [(0,)]
        assert account(learners, ORLA)
    assert suppression.is_suppressed("email", KOFI)


def test_the_desk_shows_each_list_with_its_counts_and_what_comes_next(team, learners):
    page = at_desk(team.officer).get("/admin/drop/")
    assert "No list yet" in page.content.decode()
    first, second = loaded(team, emails(HANA, "nobody@example.net")), loaded(team, emails(
        "a@example.net", mark="b"), "20260915_0042_Email.csv")  # fmt: skip
    met(first, team)
    page = at_desk(team.officer).get("/admin/drop/")
    told = {each.pk: words for each, words, _batches in page.context["lists"]}
    assert list(told) == [second.pk, first.pk]
    assert told[second.pk].startswith("No system could be looked at yet. Run the match")
    assert told[first.pk] == (
        "Matched. Delete whom it means: run the match again with --open-batch."
    )
    (batch,) = deleting.open_batches(first, by=team.officer, at=AT)
    page = at_desk(team.officer).get("/admin/drop/")
    assert page.context["lists"][1][1] == "Matched. Whom it means is deleted by batches:"
    assert f'<a href="/admin/batches/{batch.pk}/">Batch {batch.pk}</a>' in page.content.decode()
    assert HANA not in page.content.decode()
    assert at_desk(team.clerk).get("/admin/drop/").status_code in {302, 403}
