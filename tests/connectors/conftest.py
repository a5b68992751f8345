"""Stores for the connectors' tests: one of each kind to read, fresh copies to change."""

from contextlib import ExitStack

import pytest

from tests.connectors import stores


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
