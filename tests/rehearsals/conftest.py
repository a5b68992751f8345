"""Fixtures: fresh databases, each registered as a rehearsal copy with its approved map."""

from collections import Counter

import pytest

from ccpa_office import clock
from notices_app import datamap
from tests.conftest import not_run
from tests.connectors import contract_engines
from tests.fixtures import team
from tests.rehearsals import places
from tests.rehearsals.fates import FATES

__all__ = ["team"]


@pytest.fixture(scope="session", autouse=True)
def _templates(django_db_setup):
    yield
    places.drop_templates()


@pytest.fixture(scope="session")
def maria():
    """A private MariaDB; where none is installed the test is reported as not run."""
    servers, installers = contract_engines.SERVERS, contract_engines.INSTALLERS
    if not (contract_engines.program(servers) and contract_engines.program(installers)):
        not_run("no MariaDB server on this machine")
    with contract_engines.maria() as made:
        yield made


@pytest.fixture(scope="session")
def engine_of(request):
    """Gives fresh databases on an engine, by its name."""

    def choose(name):
        if name == "mariadb":
            return places.mariadb(request.getfixturevalue("maria"))
        return {"postgresql": places.postgresql, "sqlite": places.sqlite}[name]

    return choose


@pytest.fixture(scope="session", params=["mariadb", "postgresql", "sqlite"])
def fresh(request, engine_of):
    """Each engine in turn."""
    return engine_of(request.param)


@pytest.fixture
def registered(team):
    """Registers a database as a rehearsal copy and has its map approved."""

    def register(address, name, document=""):
        at = clock.now()
        datamap.add_system(name, name=name, url=address, by=team.editor, at=at, rehearsal=True)
        text = document or places.document(name)
        version = datamap.load(text, system_key=name, by=team.editor, at=at)
        datamap.approve(version, digest=version.digest, by=team.chief, at=at)
        return address

    return register


@pytest.fixture
def copy(request, registered):
    """A fresh PostgreSQL copy of the database that the test's module names."""
    with places.postgresql(request.module.NAME) as address:
        yield registered(address, request.module.NAME)


def pytest_sessionfinish(session):
    """Hand what a worker counted to the process that shares."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["fates"] = {name: dict(each) for name, each in FATES.items()}


def pytest_testnodedown(node):
    """Add what a worker counted."""
    for name, counts in getattr(node, "workeroutput", {}).get("fates", {}).items():
        FATES[name] = Counter(counts)


def pytest_terminal_summary(terminalreporter):
    """Print what became of the mutants."""
    if FATES:
        terminalreporter.section("mutants")
    for name, fates in FATES.items():
        terminalreporter.line(f"{fates.total():5} {name}")
        for fate, count in fates.most_common():
            terminalreporter.line(f"      {count:5} {fate}")
