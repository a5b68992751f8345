"""Statements for databases that nobody runs here: compiled by each dialect, and read."""

import re
from contextlib import suppress
from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import registry

from ccpa_office.connectors import grants
from ccpa_office.connectors.base import Change, Hold, Identity, Look, MapDoesNotFit
from ccpa_office.connectors.sql import changing, dialects, finding, recounting, showing, soundness
from ccpa_office.connectors.sql.binding import Binding
from ccpa_office.connectors.sql.catalogue import Catalogue, Column, Relation, column_facts
from ccpa_office.connectors.sql.changing import Step
from ccpa_office.connectors.sql.dialects.base import add_index
from ccpa_office.connectors.sql.opening import opened
from ccpa_office.connectors.ways import Named
from notices_app.datamap import compile_map
from tests.connectors import stores
from tests.connectors.test_contract_finding import with_table

OWN = ("mssql", "oracle")
EXTRA = ("snowflake", "bigquery", "redshift", "trino", "databricks")
SETS = {
    "mssql": "OPENJSON(", "oracle": "JSON_TABLE(", "snowflake": "FLATTEN(",
    "redshift": "JSON_PARSE(", "bigquery": "JSON_EXTRACT_ARRAY(", "trino": "json_parse(",
    "databricks": "FROM_JSON(",
}  # fmt: skip
TABLES = {
    "visit": ({"card_no": "VARCHAR(40)", "day": "DATE", "seat": "VARCHAR(40)"}, ("card_no", "day")),
    "order": ({"id": "BIGINT", "card_no": "VARCHAR(40)", "select": "VARCHAR(80)",
               "note": "VARCHAR(400)", "nick": "VARCHAR(60)", "priced": "INTEGER"}, ("id",)),
    "card": ({"no": "VARCHAR(40)", "member_ref": "VARCHAR(36)"}, ("no",)),
    "member": ({"ref": "VARCHAR(36)", "mail": "VARCHAR(80)", "full": "VARCHAR(80)",
                "locker_id": "INTEGER"}, ("ref",)),
    "locker": ({"id": "INTEGER", "place": "VARCHAR(40)"}, ("id",)),
}  # fmt: skip
INDEXES = [
    ("order", "card_no"),
    ("card", "member_ref"),
    ("member", "mail"),
    ("member", "locker_id"),
]


def catalogue():
    tables = {}
    for name, (columns, key) in TABLES.items():
        relation = Relation({column: Column(
            column_facts(kind, nullable=column not in key, unique=False, generated=False), kind)
            for column, kind in columns.items()}, key)  # fmt: skip
        add_index(relation, key, unique=True)
        tables[name] = relation
    for table, column in INDEXES:
        add_index(tables[table], (column,), unique=False)
    return Catalogue(tables, (), "shop")


def dialect_of(name):
    """The dialect's own compiler; where its package is not installed, the test says so by name."""
    with suppress(sa.exc.NoSuchModuleError):
        return registry.load(name)()
    pytest.skip(f"the dialect package for {name} is not installed: requirements-connectors.in")


@pytest.fixture(params=[*OWN, *EXTRA])
def bound(request):
    """The club's program bound to a catalogue, and the compiler of one database."""
    compiler = dialect_of(request.param)
    program = compile_map(stores.CLUB_MAP, system="club", schema="shop")
    changes = (*program.table("order").changes, Change("priced", "bucket", "10"))
    held = (Hold("select", "eq", ("under suit",), "GX_1"),)
    program = with_table(program, "order", changes=changes, holds=held)
    more = [Named("full", "name", "name"), Named("mail", "phone_number", "phone"),
            Named("mail", "email", "casefold")]  # fmt: skip
    named = (*program.table("member").identities, *more)
    program = with_table(program, "member", identities=named)
    return Binding(program, catalogue(), dialects.of(request.param)), compiler


def statements(binding):
    """Every kind of statement for every table."""
    for table in binding.program.tables:
        action = "delete" if table.action == "delete" else "mask"
        step = Step(binding, table, action)
        yield f"locate {table.name}", finding.locate(binding, table)
        yield f"look {table.name}", changing.look(step)
        yield f"change {table.name}", changing.change(step)
        yield f"frozen {table.name}", recounting.frozen(binding, table, action)
        yield f"sample {table.name}", showing.sample(binding, table)
        found = recounting.by_identifier(binding, table, action)
        if found is not None:
            yield f"identified {table.name}", found
        for named in table.identities:
            yield f"people {named.compare}", finding.people(binding, table, named)
    yield "contacts", finding.held(binding, finding.contacts(binding.program))
    yield "marks", finding.held(binding, finding.marks(binding.program.tables))
    yield "sizes", binding.dialect.sizes("shop", ["order", "card"])


def test_every_statement_compiles_and_carries_its_set_in_one_parameter(bound):
    binding, compiler = bound
    for name, statement in statements(binding):
        text = " ".join(str(statement.compile(dialect=compiler)).split())
        if name != "sizes":
            assert SETS[compiler.name] in text, name
        assert "under suit" not in text, name


def test_names_are_quoted_where_they_are_words_of_sql(bound):
    binding, compiler = bound
    table = binding.program.table("order")
    text = str(changing.change(Step(binding, table, "mask")).compile(dialect=compiler))
    assert re.search(r"shop[`\"\]]?\.[`\"\[]order[`\"\]]", text)
    assert re.search(r"[`\"\[]select[`\"\]]", text)


def test_rows_are_changed_by_row_key_and_person_together(bound):
    binding, compiler = bound
    for table, action in (("order", "mask"), ("card", "delete"), ("locker", "delete")):
        step = Step(binding, binding.program.table(table), action)
        text = str(changing.change(step).compile(dialect=compiler))
        assert re.search(r"plan_rows[`\"\]]?\.[`\"\[]?k0", text), table
        assert re.search(r"plan_rows[`\"\]]?\.[`\"\[]?p0", text), table


FORMS = {
    "mssql": ("UPDATE", "DELETE"), "oracle": ("MERGE", "DELETE"), "snowflake": ("UPDATE", "DELETE"),
    "bigquery": ("UPDATE", "DELETE"), "redshift": ("UPDATE", "DELETE"),
    "trino": ("MERGE", "DELETE"), "databricks": ("MERGE", "DELETE"),
}  # fmt: skip


def test_each_database_gets_the_form_that_it_knows(bound):
    binding, compiler = bound
    mask = changing.change(Step(binding, binding.program.table("order"), "mask"))
    delete = changing.change(Step(binding, binding.program.table("visit"), "delete"))
    found = tuple(str(each.compile(dialect=compiler)).split()[0] for each in (mask, delete))
    assert found == FORMS[compiler.name]


def test_the_check_needs_no_server(bound):
    binding, _ = bound
    codes = {each.code for each in soundness.check(binding)}
    assert codes - {"not-proved", "no-index", "not-atomic"} == set()
    assert "not-proved" in codes


URLS = ["postgresql", "mariadb+pymysql", "mysql", "sqlite", *OWN]


@pytest.mark.parametrize("kind", URLS)
def test_grants_are_the_least_that_the_program_needs(kind):
    program = compile_map(stores.CLUB_MAP, system="club", schema="shop")
    lines = grants(f"{kind}://u@h/x", program, "ccpa_office")
    about = [line for line in lines if "order" in line]
    assert not any("DELETE" in line for line in about)
    if kind != "sqlite":
        (update,) = [line for line in lines if "UPDATE" in line and not line.startswith("--")]
        assert [name in update for name in ("card_no", "nick", "note", "priced")] == [
            True, True, True, False,
        ]  # fmt: skip
        assert all("ccpa_office" in line for line in lines if not line.startswith("--"))
    assert not any({"ALL", "INSERT"} & set(line.split()) for line in lines)


def test_what_an_office_may_do_without_is_printed_as_a_comment():
    program = compile_map(stores.CLUB_MAP, system="club", schema="club")
    lines = grants("postgresql://u@h/x", program, "ccpa_office")
    (besides,) = [lines[at + 1 :] for at, line in enumerate(lines) if "to correct" in line]
    assert besides == [
        "-- GRANT UPDATE (seat) ON club.visit TO ccpa_office;",
        '-- GRANT UPDATE (priced) ON club."order" TO ccpa_office;',
        '-- GRANT UPDATE ("full", locker_id, mail) ON club.member TO ccpa_office;',
        "-- GRANT UPDATE (place) ON club.locker TO ccpa_office;",
    ]
    assert not [line for line in grants("sqlite:///x", program, "x") if "GRANT" in line]


def test_a_url_that_nobody_speaks_has_no_grants():
    with pytest.raises(MapDoesNotFit):
        grants("http://x", compile_map(stores.CLUB_MAP, system="c", schema="s"), "a")


def test_parameters_of_the_second_look_hold_what_is_looked_for(bound):
    binding, _ = bound
    seen = Look([stores.CLUB_KIND.one], [Identity({"email": ["a@x.org", ""]})], "delete")
    values = recounting.values(binding, binding.program.table("member"), seen)
    assert '[["a@x.org"]]' in values.values()


def test_terms_and_days_need_no_database():
    assert finding.day("2026-03-05 10:00:00") == date(2026, 3, 5)
    assert finding.day("no day") is None


@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mariadb+pymysql"])
def test_an_address_that_names_no_driver_gets_the_one_that_is_installed(scheme):
    dialect, engine = opened(f"{scheme}://root@127.0.0.1:1/x")
    assert (dialect.name in {"mysql", "mariadb"}, engine.driver) == (True, "pymysql")
