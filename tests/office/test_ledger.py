"""The book: lines, chains, seals; append-only by trigger and by role."""

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from ccpa_office import clock, ledger, sealing, staff, work
from ccpa_office.ledger.chain import SEAL_LOCK
from ccpa_office.models import LedgerLine, LedgerSeal, UnsealedLine
from ccpa_office.roles import Actor, Role
from tests.office import books
from tests.office.people import actor

NOON = books.NOON
BY = Actor.system("tests")


def record(subject="7K3M92QX4TD", verb="request.received", **facts):
    ledger.record(verb, subject=subject, by=BY, at=NOON, facts=facts)


@pytest.fixture
def folder(settings, tmp_path):
    settings.LEDGER_ANCHOR_DIR = tmp_path / "not yet there"
    return settings.LEDGER_ANCHOR_DIR


@pytest.mark.django_db
class TestLines:
    def test_a_line_holds_who_did_what_when_in_canonical_bytes(self):
        ledger.record(
            "request.received",
            subject="7K3M92QX4TD",
            by=Actor("staff", 7),
            at=NOON + timedelta(microseconds=1),
            facts={"b": [1, None, True, "x"], "a": {"c": -1}},
        )
        line = LedgerLine.objects.get()
        assert line.body == (
            '{"actor":"staff:7","at":1772481600000001,"facts":{"a":{"c":-1},"b":[1,null,true,"x"]},'
            '"seq":1,"subject":"7K3M92QX4TD","verb":"request.received"}'
        )
        assert (line.subject, line.seq, line.verb, line.actor) == (
            "7K3M92QX4TD", 1, "request.received", "staff:7",
        )  # fmt: skip
        assert line.at == NOON + timedelta(microseconds=1)
        assert (bytes(line.prev), bytes(line.hash)) == (
            bytes(32), ledger.line_hash(bytes(32), line.body),
        )  # fmt: skip

    def test_lines_of_one_subject_are_chained_and_others_are_not(self):
        record()
        record(subject="batch:12")
        record()
        first, other, second = LedgerLine.objects.order_by("id")
        assert (second.seq, second.prev) == (2, first.hash)
        assert (other.seq, bytes(other.prev)) == (1, bytes(32))

    @pytest.mark.parametrize("subjects", [1, 3, 500])
    def test_any_number_of_subjects_is_one_statement(self, subjects, django_assert_num_queries):
        entries = [(f"batch:{n}", {"n": n}) for n in range(subjects)]
        with django_assert_num_queries(1):
            ledger.record_many("batch.approved", entries, by=BY, at=NOON)
        assert LedgerLine.objects.count() == subjects

    def test_nothing_to_record_is_no_statement(self, django_assert_num_queries):
        with django_assert_num_queries(0):
            ledger.record_many("batch.approved", [], by=BY, at=NOON)

    def test_a_subject_that_stands_twice_gets_two_lines_in_order(self):
        ledger.record_many("x", [("a", {"n": 1}), ("b", {}), ("a", {"n": 2})], by=BY, at=NOON)
        lines = LedgerLine.objects.filter(subject="a").order_by("seq")
        assert [json.loads(line.body)["facts"]["n"] for line in lines] == [1, 2]
        assert ledger.verify().sound

    @pytest.mark.parametrize(
        "facts",
        [{"a": "jane@example.org"}, {"a": ["x", {"jane@example.org": 1}]}, {"a": 1.5}, {"a": NOON},
         {1.5: 1}, {"a": b"x"}],
    )  # fmt: skip
    def test_what_is_no_code_count_or_digest_is_refused(self, facts):
        with pytest.raises(ledger.NotALedgerFact):
            ledger.record("x", subject="a", by=BY, at=NOON, facts=facts)

    @pytest.mark.parametrize("word", ["", "a b", 'a"', "jane@example.org", "x" * 65, "ü", "-a"])
    def test_subjects_verbs_and_actors_are_plain_words(self, word):
        with pytest.raises(ledger.NotALedgerFact):
            record(subject=word)
        with pytest.raises(ledger.NotALedgerFact):
            record(verb=word)
        with pytest.raises(ledger.NotALedgerFact):
            ledger.record("x", subject="a", by=Actor.system(word + " "), at=NOON)

    def test_any_text_without_an_address_survives_as_it_is(self):
        record(text='quote " back \\ newline \n 日本 \x7f')
        assert json.loads(LedgerLine.objects.get().body)["facts"] == {
            "text": 'quote " back \\ newline \n 日本 \x7f'
        }
        ledger.seal()
        assert ledger.verify().sound

    def test_a_change_undone_leaves_no_line(self):
        with transaction.atomic():
            record()
            transaction.set_rollback(True)
        assert LedgerLine.objects.count() == 0


@pytest.mark.django_db
class TestSealing:
    def test_every_line_gets_its_place_once(self):
        for number in range(7):
            record(subject=f"batch:{number}")
        assert [ledger.seal(5), ledger.seal(5), ledger.seal(5)] == [5, 2, 0]
        assert list(LedgerSeal.objects.values_list("position", flat=True).order_by("pk")) == [
            1, 2, 3, 4, 5, 6, 7,
        ]  # fmt: skip
        assert UnsealedLine.objects.count() == 0
        assert ledger.verify() == ledger.Findings(True, 7, 0, 1)

    def test_an_empty_book_is_sound(self):
        assert ledger.verify() == ledger.Findings(True, 0, 0, 1)

    def test_sealing_takes_the_same_statements_for_one_and_for_three(
        self, django_assert_num_queries
    ):
        for lines in (1, 3):
            for number in range(lines):
                record(subject=f"batch:{number}")
            with django_assert_num_queries(7):  # five, and a savepoint of the test's transaction
                ledger.seal()


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["ledgerline", "ledgerseal"])
class TestAppendOnly:
    @pytest.mark.parametrize(
        "sql",
        ["UPDATE ccpa_office_{} SET hash = hash", "DELETE FROM ccpa_office_{}",
         "TRUNCATE ccpa_office_{}"],
    )  # fmt: skip
    def test_the_triggers_refuse_the_owner(self, table, sql):
        record()
        ledger.seal()
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql.format(table))

    @pytest.mark.parametrize(
        "sql",
        ["UPDATE {} SET hash = hash", "DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}",
         "ALTER TABLE {} DISABLE TRIGGER ALL", "ALTER TABLE {} ADD COLUMN x int"],
    )  # fmt: skip
    def test_the_application_role_is_refused_before_them(self, table, sql):
        with as_application():
            record()
            ledger.seal()
            with (
                pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(sql.format(f"ccpa_office_{table}"))


class as_application:  # noqa: N801 - reads as a verb
    """The rights that the migration gives the application's role."""

    def __enter__(self):
        with connection.cursor() as cursor:
            cursor.execute("DROP ROLE IF EXISTS ground_tests_app")
            cursor.execute("CREATE ROLE ground_tests_app")
            for sql in (
                "GRANT USAGE ON SCHEMA public TO ground_tests_app",
                "GRANT ALL ON ALL TABLES IN SCHEMA public TO ground_tests_app",
                "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ground_tests_app",
                ledger.grants_sql("ground_tests_app"),
                "SET LOCAL ROLE ground_tests_app",
            ):
                cursor.execute(sql)

    def __exit__(self, *_):
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")


@pytest.mark.django_db
def test_the_application_role_can_do_all_that_the_office_does(tmp_path, settings):
    settings.LEDGER_ANCHOR_DIR = tmp_path
    chief, third = actor(Role.CHIEF), actor(Role.APPROVER)
    with as_application():
        record()
        ledger.seal()
        ledger.anchor(NOON)
        assert ledger.verify().sound
        account = staff.create("new", password="x", roles=[Role.CLERK], by=chief, at=NOON)
        staff.confirm_touch(account, third, clock.now())
        work.witness(NOON)
        work.confirm_clock(by=chief, at=NOON)
        key = sealing.new_key()
        sealing.destroy(key, NOON)
        assert list(sealing.rotate()) == []
        assert work.run_once("sweep", NOON, NOON) is True


@pytest.mark.django_db
def test_the_application_role_cannot_confirm_a_touch_by_inserting_or_allow_rehearsals():
    with as_application():
        for sql in (
            "INSERT INTO ccpa_office_stafftouch (member_id, what, at) VALUES (1, 'x', now())",
            "UPDATE ccpa_office_stafftouch SET at = now()",
            "DELETE FROM ccpa_office_stafftouch",
            "UPDATE ccpa_office_clockguard SET rehearsal = true",
        ):
            with (
                pytest.raises(DatabaseError, match="permission denied"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(sql)


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def in_threads(self, job, count=8):
        start = threading.Barrier(count)

        def run(number):
            try:
                start.wait()
                return job(number)
            finally:
                connection.close()

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(run, range(count)))

    def test_lines_written_at_once_on_one_subject_all_stand(self):
        def write(number):
            for turn in range(10):
                record(subject="office", writer=number, turn=turn)

        self.in_threads(write)
        assert list(LedgerLine.objects.order_by("seq").values_list("seq", flat=True)) == [
            *range(1, 81)
        ]
        assert ledger.verify().sound

    def test_two_bulk_writers_over_the_same_subjects_do_not_block_each_other_for_ever(self):
        def write(number):
            names = [f"batch:{n}" for n in range(50)]
            for _ in range(5):
                entries: list[Any] = [
                    (name, {}) for name in (names if number % 2 else reversed(names))
                ]
                ledger.record_many("x", entries, by=BY, at=NOON)

        self.in_threads(write, 4)
        assert LedgerLine.objects.count() == 4 * 5 * 50
        assert ledger.verify().sound

    def test_sealers_at_once_leave_one_chain(self):
        ledger.record_many("x", [(f"batch:{n}", {}) for n in range(300)], by=BY, at=NOON)
        self.in_threads(lambda _: [ledger.seal(20) for _ in range(20)])
        while ledger.seal(20):
            pass
        assert ledger.verify() == ledger.Findings(True, 300, 0, 1)

    def test_a_second_sealer_does_not_wait(self):
        record()
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [SEAL_LOCK])
            assert ledger.seal() == 0
            cursor.execute("SELECT pg_advisory_unlock(%s)", [SEAL_LOCK])
        other.close()
        assert ledger.seal() == 1

    def test_a_line_that_commits_late_gets_its_place_after_those_that_were_sooner(self):
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT nextval('ccpa_office_ledgerline_id_seq')")
            (low,) = cursor.fetchone()
            record(subject="sooner")
            assert ledger.seal() == 1
            cursor.execute(
                "INSERT INTO ccpa_office_ledgerline"
                " SELECT %s, 'late', 1, verb, actor, at, replace(body, 'sooner', 'late'), prev,"
                " sha256(convert_to(E'ccpa-office ledger line v1\n', 'UTF8') || prev"
                " || convert_to(replace(body, 'sooner', 'late'), 'UTF8'))"
                " FROM ccpa_office_ledgerline",
                [low],
            )
            cursor.execute("COMMIT")
        other.close()
        assert ledger.seal() == 1
        assert list(LedgerSeal.objects.order_by("pk").values_list("line_id", flat=True)) == [
            low + 1, low,
        ]  # fmt: skip
        assert ledger.verify().sound


LEAVES = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


class TestMerkle:
    def test_the_root_is_that_of_the_standard(self):
        """Certificate Transparency's published vectors (RFC 6962 trees of 0, 1, 2 and 8)."""
        inputs = [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW",
                  b"`abcdefghijklmno"]  # fmt: skip
        roots = [ledger.merkle_root(inputs[:size]).hex() for size in (0, 1, 2, 8)]
        assert roots == [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ]

    @given(LEAVES, st.data())
    def test_every_leaf_can_be_proved_and_no_other(self, leaves, data):
        index = data.draw(st.integers(0, len(leaves) - 1))
        root, path = ledger.merkle_root(leaves), ledger.inclusion_proof(leaves, index)
        size = len(leaves)
        assert ledger.is_included(leaves[index], index, size, path, root)
        assert not ledger.is_included(leaves[index] + b"x", index, size, path, root)
        assert not ledger.is_included(leaves[index], index, size, [*path, bytes(32)], root)
        assert not ledger.is_included(leaves[index], size, size, path, root)
        if path:
            assert not ledger.is_included(leaves[index], index, size, path[:-1], root)

    def test_what_is_not_there_has_no_proof(self):
        with pytest.raises(IndexError):
            ledger.inclusion_proof([b"a"], 1)


@pytest.mark.django_db
class TestCommand:
    def run(self, *words):
        out = io.StringIO()
        try:
            call_command("ledger", *words, stdout=out, skip_checks=True)
        except SystemExit as end:
            return end.code, out.getvalue()
        return 0, out.getvalue()

    def test_it_seals_anchors_and_verifies(self, folder):
        record()
        assert self.run("seal") == (0, "1 lines sealed.\n")
        code, out = self.run("anchor", "--json")
        assert (code, json.loads(out)) == (
            0, {"sealed": 0, "anchors": str(folder / "anchors.jsonl")},
        )  # fmt: skip
        code, out = self.run("verify", "--json")
        assert (code, json.loads(out)["sound"], json.loads(out)["anchored_upto"]) == (0, True, 1)
        assert self.run("verify")[1].startswith("The book is sound. 1 lines checked")

    def test_an_unsound_book_ends_with_1(self, folder):
        record()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM ccpa_office_unsealedline")
        code, out = self.run("verify")
        assert code == 1
        assert out.startswith("First bad line: not sealed 7K3M92QX4TD#1 (the line stands outside")
        assert self.run("verify", "--json")[0] == 1

    def test_a_missing_key_ends_with_2(self, folder):
        with override_settings(LEDGER_SIGNING_KEY=""), pytest.raises(CommandError) as refusal:
            self.run("verify")
        assert refusal.value.returncode == 2

    def test_the_export_holds_every_line_and_every_gap(self, folder):
        record(subject="a")
        record(subject="b")
        ledger.seal()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("DELETE FROM ccpa_office_ledgerline WHERE subject = 'b'")
            cursor.execute("SET LOCAL session_replication_role = origin")
        first, second = map(json.loads, self.run("export")[1].splitlines())
        assert (first["position"], json.loads(first["body"])["subject"]) == (1, "a")
        assert (second["position"], second["body"], second["hash"]) == (2, None, None)
