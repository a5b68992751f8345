"""A host's own PostgreSQL keeps deleted people out: exactly they, and its key stays its own."""

import contextlib
import json
import re
import secrets
from datetime import timedelta
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from ccpa_office import clock, sealing
from ccpa_office.models import StaffMember
from notices_app import datamap
from requests_app import suppression
from requests_app.checks import doctor_findings
from requests_app.keeping_out import spellings, trigger
from requests_app.models import HostDigest, HostKey
from tests import builders
from tests.steps import lines

TABLE, MAIL, FLAG = 'Cus"tomers; $ccpa$', "E-Mail $ccpa1$ {}", "is 'gone'"
GONE = [
    ("email", "Ines.Tallowmere@Example.org", "  INES.TALLOWMERE@EXAMPLE.ORG. "),
    ("email", "oda@example.org", "ｏｄａ＠example.org"),
    ("email", "i.t@münchen.example", "I.T@xn--mnchen-3ya.example"),
    ("email", "u.v@xn--mnchen-3ya.example", "u.v@MÜNCHEN.example"),
    ("email", "straße@example.org", "STRASSE@example.org"),
    ("email", "Σοφίας@example.org", "ΣΟΦΊΑΣ@EXAMPLE.ORG"),
    ("email", "o'brien+x@example.org", "O'Brien+X@example.org\n"),
    ("email", "plain@example.org", "plain@example.org"),
    ("email", "tab@example.org", "\ttab@example.org\u3000"),
    ("email", "ﬁne@example.org", "fine@example.org"),
    ("phone_number", "+1 (707) 555-0163", "7075550163"),
    ("phone_number", "707 555 0164", "+1.707.555.0164"),
    ("phone_number", "1-707-555-0165", "（707）555-0165"),
    ("phone_number", "7075550166", "tel:+1-707-555-0166"),
    ("phone_number", "(707) 555-0167", "707-555-0167 ext. 12"),
    ("phone_number", "+1 707 555 0168", "001 707 555 0168"),
    ("phone_number", "+44 20 7946 0958", "+44 (0)20 7946 0958"),
    ("phone_number", "+44 20 7946 0959", "0044 20 7946 0959"),
    ("phone_number", "011 44 20 7946 0960", "+442079460960"),
    ("phone_number", "+81 3 5550 0101", "011-81-3-5550-0101"),
]
OTHERS = [
    *[("email", f"{number}.ines@example.org") for number in range(90)],
    *[("phone_number", f"+1 707 555 {number:04}") for number in range(1000, 1090)],
    *[("email", each) for each in (
        None, "", "n/a", "@", "@example.org", "ines.tallowmere@example.com", "oda+x@example.org",
        "xines.tallowmere@example.org", "oda", "7075550163",
    )],
    *[("phone_number", each) for each in (
        None, "", "unknown", "911", "(000) 000-0000", "5550163", "+7075550163", "+44 7075 550163",
        "+1 707 555 01630",
        "020 7946 0958", "plain@example.org",
    )],
]  # fmt: skip


@pytest.fixture(scope="module")
def host(django_db_setup):
    """A database of some business, whose owner and whose writer are different roles."""
    name = f"host_{secrets.token_hex(4)}"
    owner, writer = f"{name}_Owner", f"{name}_writer"
    builders.administer("CREATE ROLE {} LOGIN", owner)
    builders.administer("CREATE ROLE {} LOGIN", writer)
    builders.administer("CREATE DATABASE {} OWNER {}", name, owner)
    yield builders.address(name), owner, writer
    builders.administer("DROP DATABASE {} WITH (FORCE)", name)
    builders.administer("DROP ROLE {}, {}", owner, writer)


@contextlib.contextmanager
def as_role(target, role):
    with psycopg.connect(target, autocommit=True) as there:
        there.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        yield there


def name_of(actor):
    return StaffMember.objects.get(pk=actor.id).username


def run(*words):
    out = StringIO()
    call_command("suppression", *words, stdout=out)
    return out.getvalue()


def printed(team, table, *words, columns=("email=mail", "phone=phone")):
    named = [word for each in columns for word in ("--column", each)]
    return run("trigger", "--system", "shop", "--schema", "Sh.op", "--table", table, *named,
               "--as", name_of(team.editor), *words)  # fmt: skip


@pytest.fixture
def shop(db, team, host, settings, tmp_path):
    """The host's tables, guarded, and loaded with everybody who was deleted."""
    settings.ERASURE_LEDGER_DIR = tmp_path / "ledger"
    target, owner, writer = host
    datamap.add_system("shop", name="shop", url=target, by=team.editor, at=clock.now())
    texts = [
        printed(team, "plain"),
        printed(team, TABLE, "--mode", f"flag:{FLAG}", columns=[f"email={MAIL}"]),
    ]
    suppression.remember(
        [("x", {kind: [was]}) for kind, was, _ in GONE]
        + [("y", {"email": ["n/a", ""], "phone_number": ["000-000-0000"]})],
        at=clock.now(),
    )
    run("digests", "--system", "shop", "--out", str(tmp_path / "digests.csv"))
    with as_role(target, owner) as there:
        there.execute(
            'DROP SCHEMA IF EXISTS ccpa_office CASCADE; DROP SCHEMA IF EXISTS "Sh.op" CASCADE'
        )
        there.execute('CREATE SCHEMA "Sh.op"')
        there.execute(
            'CREATE TABLE "Sh.op".plain'
            " (id int GENERATED ALWAYS AS IDENTITY, mail text, phone text, note text)"
        )
        there.execute(sql.SQL('CREATE TABLE "Sh.op".{} ({} text, {} boolean)').format(
            *map(sql.Identifier, (TABLE, MAIL, FLAG))))  # fmt: skip
        there.execute(sql.SQL(
            'GRANT USAGE ON SCHEMA "Sh.op" TO {0};'
            'GRANT ALL ON ALL TABLES IN SCHEMA "Sh.op" TO {0};'
            "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {0};"
            "ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO {0}"
        ).format(sql.Identifier(writer)))  # fmt: skip
        for text in texts:
            there.execute(text)
        there.execute("CREATE TEMP TABLE come (LIKE ccpa_office.suppressed)")
        with there.cursor().copy("COPY come FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write((tmp_path / "digests.csv").read_bytes())
        there.execute("INSERT INTO ccpa_office.suppressed TABLE come ON CONFLICT DO NOTHING")
    with as_role(target, writer) as there:
        yield there


COLUMN = {"email": "mail", "phone_number": "phone"}
INSERT = 'INSERT INTO "Sh.op".plain ({}) VALUES (%s)'


def insert(there, kind, value):
    there.execute(sql.SQL(INSERT).format(sql.Identifier(COLUMN[kind])), [value])


def test_a_table_refuses_the_deleted_and_nobody_else(shop):
    for kind, _was, spelling in GONE:
        with pytest.raises(psycopg.errors.CheckViolation) as refused:
            insert(shop, kind, spelling)
        said = refused.value.diag
        assert said.constraint_name == "ccpa_keep_out"
        assert (
            said.message_primary == "this person was deleted at their own request and is kept out"
        )
        told = f"{refused.value} {said.message_detail} {said.message_hint} {said.context}"
        assert spelling.strip() not in told
    for kind, value in OTHERS:
        insert(shop, kind, value)
    assert shop.execute('SELECT count(*) FROM "Sh.op".plain').fetchone() == (len(OTHERS),)
    change = 'UPDATE "Sh.op".plain SET mail = %s WHERE mail = %s'
    assert shop.execute(change, ["new@example.org", "0.ines@example.org"]).rowcount == 1
    with pytest.raises(psycopg.errors.CheckViolation):
        shop.execute(change, ["Oda@example.org", "new@example.org"])


def test_who_signs_up_anew_is_let_in_and_what_stands_already_can_be_worked_with(shop):
    with shop.transaction():
        shop.execute("SELECT set_config('ccpa.came_back', 'on', true)")
        insert(shop, "email", "oda@example.org")
    shop.execute("UPDATE \"Sh.op\".plain SET note = 'still here' WHERE mail = 'oda@example.org'")
    with pytest.raises(psycopg.errors.CheckViolation):
        insert(shop, "email", "oda@example.org")


def test_a_table_of_odd_names_flags_instead(shop):
    names = list(map(sql.Identifier, (TABLE, MAIL, FLAG)))
    for value in ("ODA@example.org", "other@example.org", None):
        shop.execute(sql.SQL('INSERT INTO "Sh.op".{} ({}) VALUES (%s)').format(*names[:2]), [value])
    found = shop.execute(sql.SQL('SELECT {1}, {2} FROM "Sh.op".{0}').format(*names)).fetchall()
    assert found == [("ODA@example.org", True), ("other@example.org", None), (None, None)]


def test_whoever_writes_the_table_reads_neither_key_nor_list_and_asks_no_function(shop):
    for statement in (
        "TABLE ccpa_office.secret",
        "TABLE ccpa_office.suppressed",
        "SELECT ccpa_office.is_suppressed('email', 'oda@example.org')",
        "DELETE FROM ccpa_office.suppressed",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            shop.execute(statement)


def test_a_key_is_printed_once_and_again_only_when_asked(db, team, settings, tmp_path):
    settings.ERASURE_LEDGER_DIR = tmp_path
    datamap.add_system("shop", name="shop", url="postgresql://h/d", by=team.editor,
                                at=clock.now())  # fmt: skip
    told = [json.loads(printed(team, "t", "--json", *more)) for more in ([], [], ["--key-again"])]
    assert [each["with_key"] for each in told] == [True, False, True]
    pads = [re.findall(r"decode\('([0-9a-f]{128})'", each["sql"]) for each in told]
    assert (pads[0], pads[1]) == (pads[2], [])
    assert lines("system:shop")[-4:] == ["suppression.key-made", *["suppression.trigger"] * 3]
    with pytest.raises(CommandError):
        printed(team, "t", "--as", name_of(team.officer))
    datamap.add_system("desk", name="desk", url="staff:x", kind="manual", by=team.editor,
                                at=clock.now())  # fmt: skip
    with pytest.raises(CommandError, match="no database"):
        printed(team, "t", "--system", "desk")
    with pytest.raises(DatabaseError, match="still needs this key"):
        sealing.destroy(HostKey.objects.get().data_key, clock.now())


def test_the_doctor_says_when_digests_wait_for_a_file(db, team, settings, tmp_path):
    settings.ERASURE_LEDGER_DIR = tmp_path / "ledger"
    datamap.add_system("shop", name="shop", url="postgresql://h/d", by=team.editor,
                                at=clock.now())  # fmt: skip
    printed(team, "t")

    def deleted(name, days):
        who = (name, {"email": [f"{name}@example.org"]})
        suppression.remember([who], at=clock.now() - timedelta(days=days))

    def written(*since):
        file = tmp_path / "digests.csv"
        call_command("suppression", "digests", "--system", "shop", "--out", str(file), *since,
                     stdout=StringIO())  # fmt: skip
        return len(file.read_text("utf-8").splitlines()) - 1

    def said():
        return [(found.code, found.level, found.what.split()[0]) for found in doctor_findings()]

    day = f"--since={clock.today():%Y-%m-%d}"
    deleted("ada", 1)
    assert said() == []
    deleted("bo", 3)
    assert said() == [("digests-waiting", "note", "2")]
    assert written(day) == 1  # it leaves out who was deleted three days ago
    assert said() == [("digests-waiting", "note", "2")]
    assert (written(), said()) == (2, [])
    deleted("cy", 3)
    deleted("di", 0)
    assert said() == [("digests-waiting", "note", "2")]
    early = f"--since={clock.today() - timedelta(days=3):%Y-%m-%d}"
    assert (written(early), said()) == (4, [])
    assert HostKey.objects.get().handed_to == HostDigest.objects.latest("pk").pk


@pytest.mark.parametrize(
    "words",
    [
        ["--column", "name=x"],
        ["--column", "email="],
        ["--column", "email=x", "--mode", "flag"],
        ["--column", "email=x", "--mode", "drop"],
        ["--column", f"email={'x' * 64}"],
        ["--column", "email=x", "--system", "none"],
    ],
)
def test_what_cannot_be_a_guard_is_refused(db, team, words):
    with pytest.raises(CommandError) as refused:
        run("trigger", "--system", "none", "--table", "t", "--as", name_of(team.editor), *words)
    assert refused.value.returncode == 2


@pytest.mark.parametrize(
    "guarded",
    [
        trigger.Guarded("public", "absent", [("email", "a")]),
        trigger.Guarded("public", "kinds", [("email", "b")]),
        trigger.Guarded("public", "kinds", [("email", "c")]),
        trigger.Guarded("public", "kinds", [("email", "a")], "a"),
    ],
)
def test_a_table_that_cannot_be_asked_gets_no_trigger(host, guarded):
    with psycopg.connect(host[0], autocommit=True) as there:
        there.execute(
            "CREATE TABLE IF NOT EXISTS kinds (a text, b date,"
            " c text GENERATED ALWAYS AS (a || 'x') STORED)"
        )
        with pytest.raises(psycopg.errors.RaiseException, match="has no such column"):
            there.execute(trigger.script(guarded, key=b"k" * 32))


@given(st.emails() | st.text(max_size=30))
def test_a_spelling_always_is_one_of_its_readings(value):
    assert {spellings.plain_email(value)} - {""} <= spellings.emails(value)
    assert {spellings.plain_phone(value)} - {""} <= spellings.phones(value)
