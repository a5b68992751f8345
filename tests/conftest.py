"""What the whole suite shares: engines, a browser, and a list of what was not run."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from django.utils import translation
from playwright.sync_api import Browser, expect, sync_playwright

from tests import counting, engines, sharing
from tests.flush import let_the_suite_empty_the_book
from tests.reading_once import let_the_suite_read_a_map_once
from tests.unhurried import let_the_suite_end_what_it_began

hypothesis.settings.register_profile(
    "suite",
    deadline=None,  # properties are judged by what they find, not by how busy the machine is
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    database=None,
    derandomize=bool(os.environ.get("CI")),  # what must pass tries the same; at home it explores
)
hypothesis.settings.load_profile("suite")

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 120_000
"""Milliseconds after which a page does not come at all: on a busy machine pages come late."""
FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Start the engines before the test database is made."""
    engines.start()
    let_the_suite_empty_the_book()
    let_the_suite_read_a_map_once()
    let_the_suite_end_what_it_began()


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """A database in engines of our own goes with them; nobody waits until all have left it."""
    return engines.are_ours() or bool(request.config.getoption("reuse_db"))


@pytest.fixture(scope="session")
def broker() -> str:
    """Return the address of a running broker."""
    engines.start()
    return os.environ["REDIS_URL"]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return a real browser; without one the test is reported as not run (in CI: failed)."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        not_run("no chromium on this machine")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # the browser's loop runs in this thread
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS, timeout=PATIENCE)
        yield browser
        browser.close()


def not_run(reason: str) -> None:
    """Report that a test could not be run here; where everything must run, that is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"not run: {reason}", pytrace=False)
    pytest.skip(f"not run: {reason}")


def pytest_runtest_setup() -> None:
    """Each test begins in the office's language, whatever page was asked for before it."""
    translation.deactivate()


def pytest_configure(config: pytest.Config) -> None:
    """Name our markers; start what workers share."""
    config.addinivalue_line("markers", "browser: needs a real browser")
    sharing.begin(config)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Share the whole suite between the cores; a part runs in one process."""
    return sharing.workers(config)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> sharing.Sharing:
    """Share by files, with ours that belong together."""
    return sharing.Sharing(config, log)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells what it counted."""
    counting.tell(session.config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear what a worker counted."""
    counting.hear(node)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how much was thrown, and by name what was not run: a green suite never hides it."""
    counting.show(terminalreporter)
    skipped = terminalreporter.stats.get("skipped", [])
    names = [report.nodeid for report in skipped if "not run:" in str(report.longrepr)]
    if names:
        terminalreporter.section("not run")
        for name in sorted(names):
            terminalreporter.line(name)
