"""What the office's own account in a store does not see: the check says so."""

import uuid
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest

from ccpa_office.connectors import grants
from ccpa_office.connectors.postgresql import catalogue, soundness
from ccpa_office.connectors.sql import SQLStore
from tests.connectors import contract, stores
from tests.connectors.contract_engines import Engine


@pytest.fixture
def office(fresh_learners):
    """An account of PostgreSQL that may read every table, neither owner nor superuser."""
    name = f"office_{uuid.uuid4().hex[:12]}"
    fresh_learners.execute(f"CREATE ROLE {name} LOGIN")
    fresh_learners.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
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
    name = f"sees_{id(ours)}"[:30]
    account = f"'{name}'@'127.0.0.1'"
    maria.run(f"CREATE USER {account} IDENTIFIED BY 'x'")
    lines = grants(ours.url, ours.program, account)
    database = ours.url.rpartition("/")[2].partition("?")[0]
    maria.run(*[line.rstrip(";") for line in lines if line[:2] != "--"], database=database)
    program = replace(ours.program, digest="seen by the office's account")
    connector = SQLStore(ours.url.replace("root@", f"{name}:x@"), program)
    yield connector
    connector.close()
    maria.run(f"DROP USER {account}")


def test_an_account_that_does_not_see_a_cascade_says_that_it_is_blind(ours, maria):
    ours.run("CREATE TABLE devices (id int PRIMARY KEY, a bigint, FOREIGN KEY (a)"
             " REFERENCES accounts (id) ON DELETE CASCADE)")  # fmt: skip
    owner = {each.code for each in ours.reconnect().check()}
    with granted(ours, maria) as connector:
        office = {each.code for each in connector.check()}
    assert (owner, office) == ({"cascade-not-declared"}, {"account-blind"})


def hidden_from(store, account):
    """What the check finds when that account of PostgreSQL reads the catalogue."""
    with psycopg.connect(store.url, autocommit=True) as connection:
        connection.execute(f"SET ROLE {account}")
        found = soundness.check(store.program, catalogue.read(connection, "public"))
    return [(each.level, each.code, each.message.partition(":")[0]) for each in found]


def test_a_policy_that_may_hide_rows_is_found(fresh_learners, office):
    """What an account cannot see is not found, and by its own second look it is gone."""
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
