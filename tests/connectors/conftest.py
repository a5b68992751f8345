"""Stores for the connectors' tests: one of each kind to read, fresh copies to change."""

from contextlib import ExitStack

import pytest

from tests.conftest import not_run
from tests.connectors import contract, contract_engines, stores
from tests.connectors.contract_engines import INSTALLERS, SERVERS, Engine, program


@pytest.fixture(scope="session")
def _made():
    """One store of each kind for the whole session; nobody changes them."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(stores.store(kind)) for name, kind in stores.KINDS.items()}
    stores.drop_templates()


@pytest.fixture(params=sorted(stores.KINDS))
def store(request, _made):
    """Each kind of store in turn, to read only."""
    return _made[request.param]


@pytest.fixture
def learners(_made):
    """The demo's learners, to read only."""
    return _made["learners"]


@pytest.fixture
def club(_made):
    """A schema with other names, kinds of key and ways, to read only."""
    return _made["club"]


@pytest.fixture(params=sorted(stores.KINDS))
def fresh(request):
    """A fresh copy of each kind of store in turn."""
    with stores.store(stores.KINDS[request.param]) as made:
        yield made


@pytest.fixture
def fresh_learners():
    """A fresh copy of the demo's learners."""
    with stores.store(stores.LEARNERS) as made:
        yield made


@pytest.fixture
def fresh_club():
    """A fresh copy of the club."""
    with stores.store(stores.CLUB_KIND) as made:
        yield made


@pytest.fixture
def fresh_ship():
    """A fresh copy of the ship, whose people have keys of two columns."""
    with stores.store(stores.SHIP_KIND) as made:
        yield made


# --- the contract: every engine in turn -----------------------------------------------------------

ENGINES = ("mariadb", "postgresql", "sqlite")


@pytest.fixture(scope="session")
def maria():
    """A private MariaDB; where none is installed the test is reported as not run."""
    if not (program(SERVERS) and program(INSTALLERS)):
        not_run("no MariaDB server on this machine")
    with contract_engines.maria() as made:
        yield made


@pytest.fixture(scope="session", params=ENGINES)
def engine(request):
    """Each engine that is proved live, in turn."""
    if request.param == "mariadb":
        fresh = request.getfixturevalue("maria").fresh
        return Engine("mariadb", "`", fresh)
    fresh = {"postgresql": contract_engines.postgres, "sqlite": contract_engines.sqlite_file}
    return Engine(request.param, '"', fresh[request.param])


@pytest.fixture(scope="session", params=sorted(stores.KINDS))
def still(request, engine):
    """Each kind of store on each engine, to read only."""
    with contract.shop(engine, stores.KINDS[request.param]) as made:
        yield made


@pytest.fixture(scope="session")
def still_school(engine):
    """The learners on each engine, to read only."""
    with contract.shop(engine, stores.LEARNERS) as made:
        yield made


@pytest.fixture(scope="session")
def still_club(engine):
    """The club on each engine, to read only."""
    with contract.shop(engine, stores.CLUB_KIND) as made:
        yield made


@pytest.fixture(params=sorted(stores.KINDS))
def shop(request, engine):
    """A fresh copy of each kind of store on each engine."""
    with contract.shop(engine, stores.KINDS[request.param]) as made:
        yield made


@pytest.fixture
def school(engine):
    """A fresh copy of the learners on each engine."""
    with contract.shop(engine, stores.LEARNERS) as made:
        yield made


@pytest.fixture
def clubhouse(engine):
    """A fresh copy of the club on each engine."""
    with contract.shop(engine, stores.CLUB_KIND) as made:
        yield made
