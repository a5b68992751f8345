"""How the suite is shared between the machine's cores (pytest-xdist).

The process that shares starts one pair of engines; each worker has its own database in it, named
after the worker. A whole file goes to one worker; rooms that start offices of their own go to the
same one, so that no two offices ever compete, and longest first, so that no core is idle at the
end. Parts of the suite run in one process, as a person who looks for a fault wants it.
"""

import os

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests import engines

MOST = 4
"""Each worker holds a database and up to thirty connections."""

TOGETHER = {
    "tests/journeys/": "offices",
    "tests/office/test_office.py": "offices",
    "tests/hostile/": "hostile",  # one stage, built once, and one count of items
    "tests/connectors/": "stores",  # each kind of store is made once
    "tests/rehearsals/": "rehearsals",  # one MariaDB
}
LONGEST = (
    "hostile",
    "offices",
    "tests/requests/test_demo.py",
    "tests/requests/test_workflow_stories.py",
    "tests/fulfillment/test_guards.py",
    "tests/requests/test_desks_in_browser.py",
    "tests/fulfillment/test_erasure.py",
)


def workers(config: pytest.Config) -> int:
    """How many share the suite: all cores for the whole of it, none for a part."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return 0
    count = min(MOST, os.cpu_count() or 1)
    return count if count > 1 else 0


def is_worker(config: pytest.Config) -> bool:
    """This process runs a share of the suite."""
    return hasattr(config, "workerinput")


def begin(config: pytest.Config) -> None:
    """Start the engines that all workers use; they find the addresses in the environment."""
    if config.getoption("tx") and not is_worker(config):
        engines.start()


def share_of(nodeid: str) -> str:
    """What runs in one worker: a file, or several that belong together."""
    file = nodeid.partition("::")[0]
    return next((name for path, name in TOGETHER.items() if file.startswith(path)), file)


class Sharing(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Gives whole files away, longest first."""

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)

    def _assign_work_unit(self, node: object) -> None:
        longest = next((name for name in LONGEST if name in self.workqueue), None)
        if longest:
            self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)
