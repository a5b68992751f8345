# ruff: noqa: E501  a row of a table is one line
"""A first map proposed from a live catalogue passes the check and finds what is there."""

import pytest
import yaml
from django.core.management import CommandError, call_command

from ccpa_office.connectors import surveying
from notices_app import datamap
from notices_app.datamap import looks, suggesting
from notices_app.datamap.compiling import examine
from tests.connectors import stores
from tests.notices.conftest import NOON, staff
from tests.notices.test_datamap_live import library

__all__ = ["library"]


def suggest(url, schema, **options):
    return suggesting.suggest(url, surveying.survey(url, schema), key="shop", **options)


@pytest.fixture(scope="module", params=stores.KINDS.values(), ids=lambda kind: kind.name)
def proposed(request):
    with stores.store(request.param) as made:
        yield request.param, suggest(made.url, request.param.schema)


def test_what_is_proposed_passes_the_check(proposed):
    _kind, text = proposed
    map_, findings = examine(text)
    assert map_ is not None
    assert {finding.code for finding in findings} <= {"unclassified"}


def test_the_person_and_every_table_of_hers_is_found(proposed):
    kind, text = proposed
    known = examine(kind.map)[0]
    map_ = examine(text)[0]
    assert known is not None
    assert map_ is not None
    assert map_.person == known.person
    found = {each.name for each in map_.collections}
    assert {each.name for each in known.collections} - found == {"locker"} & {
        each.name for each in known.collections
    }


def test_names_types_and_values_agree_on_what_a_column_is(proposed):
    kind, text = proposed
    if kind.name != "learners":
        pytest.skip("the other two have few columns")
    dataset = yaml.safe_load(text)["dataset"][0]
    fields = {
        (each["name"], field["name"]): field
        for each in dataset["collections"]
        for field in each["fields"]
    }
    assert fields["accounts", "email"]["fides_meta"] == {"identity": "email"}
    assert fields["accounts", "email"]["ccpa_meta"]["compare"] == "casefold"
    assert fields["accounts", "password_hash"]["ccpa_meta"]["never_disclosed"] == "ND_5"
    assert "fides_meta" not in fields["accounts", "email_changed_at"]
    (reference,) = fields["invoices", "account_no"]["fides_meta"]["references"]
    assert reference == {"dataset": "shop", "field": "accounts.id", "direction": "from"}
    assert "user.contact.email: 99 of 100, by name and values" in text
    assert "# - courses" in text


def test_no_value_of_the_store_stands_in_what_is_proposed(proposed):
    _kind, text = proposed
    assert "@" not in text
    assert "example" not in text


def test_without_values_names_and_types_must_do():
    with stores.store(stores.LEARNERS) as made:
        text = suggest(made.url, "public", with_values=False)
    assert "{person: accounts}" in text
    assert examine(text)[0] is not None
    assert "by name and values" not in text


def test_where_nobody_is_there_is_nothing_to_suggest():
    with stores.store(stores.LEARNERS) as made:
        made.execute(
            "CREATE SCHEMA empty; CREATE TABLE empty.shelves (id int PRIMARY KEY, room text)"
        )
        with pytest.raises(suggesting.NothingToSuggest):
            suggest(made.url, "empty")


RENTALS = """
CREATE SCHEMA hire; SET search_path = hire;
CREATE DOMAIN mail AS text NOT NULL CHECK (VALUE ~ '@');
CREATE TABLE staff (id int PRIMARY KEY, first_name text, email text UNIQUE, username text UNIQUE);
CREATE TABLE customer (id int PRIMARY KEY, first_name text, email mail UNIQUE,
                       username text UNIQUE, staff_id int REFERENCES staff);
CREATE TABLE rental (id int, at timestamptz, customer_id int REFERENCES customer,
                     PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE claim (claim_no int PRIMARY KEY, customer_id int REFERENCES customer);
CREATE TABLE talk (id int PRIMARY KEY, claim_no int);
INSERT INTO customer VALUES (1, 'A', 'Anna@x.test'), (2, 'B', 'b@x.test'), (3, 'C', 'c@x.test');
CREATE TABLE film (id int PRIMARY KEY, title text);
CREATE TABLE review (id int PRIMARY KEY, "userName" text, film_id int REFERENCES film);
CREATE TABLE notice (body xml, email text)
"""


def test_domains_partitions_user_names_and_other_people_are_understood():
    with stores.store(stores.LEARNERS) as made:
        for statement in [*RENTALS.split(";"), "CREATE SCHEMA bare"]:
            made.execute(f"SET search_path = hire; {statement}")
        text = suggest(made.url, "hire")
        with pytest.raises(suggesting.NothingToSuggest) as refusal:
            suggest(made.url, "bare")
    assert str(refusal.value).startswith("The schema bare has no table.")
    map_ = examine(text)[0]
    assert map_ is not None
    assert {each.name for each in map_.collections} == {
        "customer", "rental", "review", "claim", "talk",
    }  # fmt: skip
    person = map_.collection("customer")
    assert person is not None
    assert {each.identity for each in person.fields} == {None, "email", "username"}
    assert "compare: casefold" in text
    assert "# claim_no -> claim.claim_no (name and type)" in text
    assert "# - staff; it seems to hold other people; looks personal by" in text
    assert "# - notice; it has no primary key; looks personal by email" in text


@pytest.mark.django_db
def test_the_command_prints_a_map_that_can_be_loaded(library, tmp_path, capsys):
    datamap.add_system("library", name="", url=library, by=staff("lena", "editor"), at=NOON)
    call_command("datamap", "suggest", "--system", "library")
    path = tmp_path / "library.yml"
    path.write_text(capsys.readouterr().out)
    call_command("datamap", "check", str(path))
    assert capsys.readouterr().out.splitlines()[-1].startswith("sound; warnings: ")
    findings = datamap.check_live(path.read_text(), system_key="library")
    assert {each.code for each in findings if each.level == "error"} <= {"no-index"}
    with pytest.raises(CommandError):
        call_command("datamap", "suggest", "--system", "nothing")


COLUMNS = [
    ("users", "email", "user.contact.email"), ("users", "eMailAddress", "user.contact.email"),
    ("users", "customerEmail", "user.contact.email"), ("users", "email_sent", None),
    ("users", "phoneNumber", "user.contact.phone_number"), ("people", "name", "user.name"),
    ("products", "name", None), ("orders", "product_name", None), ("orders", "file_name", None),
    ("x", "first_name", "user.name.first"), ("x", "氏名", "user.name"),
    ("x", "ssn", "user.government_id.national_identification_number"),
    ("x", "ip_address", "user.device.ip_address"), ("x", "created_at", None),
    ("x", "birth_date", "user.demographic.date_of_birth"), ("x", "password_digest", "user.authorization.password"),
    ("x", "description_of_goods", None), ("x", "latitude", "user.location.precise"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "column", "category"), COLUMNS)
def test_a_name_tells_what_a_column_is(table, column, category):
    look = looks.by_name(table, column)
    assert (look.data_category if look else None) == category


VALUES = [
    (["a@x.test", "b@y.test", "c@z.test"], "user.contact.email"),
    (["123-45-6789", "987-65-4321", "111-22-3333"], "user.government_id.national_identification_number"),
    (["4111 1111 1111 1111", "5500-0000-0000-0004", "340000000000009"], "user.financial.credit_card"),
    (["192.168.0.1", "10.0.0.2", "8.8.8.8"], "user.device.ip_address"),
    (["+1 (415) 555-0100", "415-555-0101", "(415) 555-0102"], "user.contact.phone_number"),
    (["1234567890123", "1234567890124", "1234567890125"], None),
    (["a@x.test", "b"], None), (["red", "green", "blue"], None), ([], None),
]  # fmt: skip


@pytest.mark.parametrize(("values", "category"), VALUES)
def test_values_tell_what_a_column_is_when_most_agree(values, category):
    look = looks.by_values(values)
    assert (look.data_category if look else None) == category


@pytest.mark.parametrize(
    ("table", "of"),
    [("orders_history", "orders"), ("order_audit", "orders"), ("historical_orders", "orders"),
     ("orders_old", "orders"), ("orders", ""), ("history", ""), ("audit_log", "")],
)  # fmt: skip
def test_a_history_is_known_by_its_name(table, of):
    assert looks.is_history(table, ["orders", "people"]) == of
