"""What the office's own account in a store may see and do: enough, no more, and nothing hidden."""

import uuid
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import psycopg
import pytest
import sqlalchemy as sa

from ccpa_office.connectors import grants
from ccpa_office.connectors.base import ChangeBlocked, ConnectorError, Identity, Rows
from ccpa_office.connectors.postgresql import catalogue, soundness
from ccpa_office.connectors.sql import SQLStore
from tests.connectors import contract, stores
from tests.connectors.contract_engines import Engine

ON = date(2026, 7, 1)
NAMED = [Identity({"name": ["Hana Morikawa"]})]


@pytest.fixture
def office(fresh_learners):
    """An account of PostgreSQL that is neither owner nor superuser, and may do nothing yet."""
    name = f"office_{uuid.uuid4().hex[:12]}"
    fresh_learners.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    fresh_learners.execute(f"DROP OWNED BY {name}")
    fresh_learners.execute(f"DROP ROLE {name}")


@pytest.fixture
def ours(maria):
    """The learners on MariaDB."""
    with contract.shop(Engine("mariadb", "`", maria.fresh), stores.LEARNERS) as made:
        yield made


@contextmanager
def granted(ours, maria):
    """A connector under an account of MariaDB that has what is printed, and nothing else."""
    name = f"office_{id(ours)}"[:30]
    account = f"'{name}'@'127.0.0.1'"
    maria.run(f"CREATE USER {account} IDENTIFIED BY 'x'")
    lines = grants(ours.url, ours.program, account)
    database = ours.url.rpartition("/")[2].partition("?")[0]
    maria.run(*[line.rstrip(";") for line in lines if line[:2] != "--"], database=database)
    connector = SQLStore(ours.url.replace("root@", f"{name}:x@"), ours.program)
    yield connector
    connector.close()
    maria.run(f"DROP USER {account}")


def works(connector):
    """Whether a field is put right, and somebody taken out of a text that is another's."""
    name = connector.marks([2])[0].identifiers["name"][0]
    done = connector.correct("accounts", 2, [2], ("full_name", name, "Ada Right"))
    with connector.transaction():
        taken_out = connector.redact("profiles", Rows([3], [0]), NAMED)
    return (
        done.done,
        taken_out.done,
        connector.stands("accounts", 2, [2], ("full_name", "Ada Right")),
    )


ABOUT_HANA = "UPDATE profiles SET biography = 'She knows Hana Morikawa well.' WHERE account_id = 3"
BIOGRAPHY = "SELECT biography FROM profiles WHERE account_id = 3"


def test_what_is_printed_is_enough_on_postgresql_and_no_more(fresh_learners, office):
    fresh_learners.execute(ABOUT_HANA)
    for line in grants(fresh_learners.url, fresh_learners.program, office):
        if not line.startswith("--"):
            fresh_learners.execute(line)
    connector = fresh_learners.reconnect(fresh_learners.program)
    connector._connection.execute(f"SET ROLE {office}")
    try:
        assert works(connector) == (True, 1, True)
        mine = replace(fresh_learners, connector=connector)
        erasure = stores.erase(mine, [1], on=ON)
        assert not any(any(found) for found in stores.look(mine, erasure).values())
        with pytest.raises(ConnectorError):
            connector._all("DELETE FROM courses", {})
    finally:
        connector.close()
    assert "Hana" not in fresh_learners.execute(BIOGRAPHY)[0][0]


def test_what_is_printed_is_enough_on_mariadb_and_no_more(ours, maria):
    ours.run(ABOUT_HANA)
    with granted(ours, maria) as connector:
        assert works(connector) == (True, 1, True)
        stores.erase(replace(ours, connector=connector), [1], on=ON)
        with pytest.raises(ChangeBlocked):
            connector._all(sa.text("DELETE FROM courses"), {})
    assert "Hana" not in ours.one(BIOGRAPHY)


def test_an_account_that_does_not_see_a_cascade_says_that_it_is_blind(ours, maria):
    ours.run("CREATE TABLE devices (id int PRIMARY KEY, a bigint, FOREIGN KEY (a)"
             " REFERENCES accounts (id) ON DELETE CASCADE)")  # fmt: skip
    ours.run("CREATE TRIGGER t BEFORE DELETE ON profiles FOR EACH ROW SET @gone = OLD.account_id")
    owner = {each.code for each in ours.reconnect().check()}
    with granted(ours, maria) as connector:
        office = {each.code for each in connector.check()}
    assert owner == {"cascade-not-declared", "trigger"}
    assert office == {"account-blind", "trigger"}  # no word of the cascade


def hidden_from(store, account):
    """What the check finds when that account of PostgreSQL reads the catalogue."""
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute(f"SET ROLE {account}")
        found = soundness.check(store.program, catalogue.read(connection, "public"))
    return [(each.level, each.code, each.message.partition(":")[0]) for each in found]


def test_a_policy_that_may_hide_rows_is_found(fresh_learners, office):
    """What an account cannot see is not found, and by its own second look it is gone."""
    fresh_learners.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {office}")
    hidden = [("error", "row-security", "orders")]
    met = [hidden_from(fresh_learners, office)]
    for statement in (
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
        f"CREATE POLICY p1 ON orders TO {office} USING (account_id < 5)",
        f"CREATE POLICY p2 ON orders FOR SELECT TO {office} USING (true)",
        f"CREATE POLICY p3 ON orders TO {office} USING (true)",
        "CREATE POLICY p4 ON orders AS RESTRICTIVE USING (total > 0)",
        "ALTER TABLE orders DISABLE ROW LEVEL SECURITY",
    ):
        fresh_learners.execute(statement)
        met.append(hidden_from(fresh_learners, office))
    assert met == [[], hidden, hidden, hidden, [], hidden, []]
