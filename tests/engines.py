"""One throw-away PostgreSQL and Valkey for the whole suite, unless the environment names others."""

import atexit
import os
import shutil
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from ccpa_office.engines.home import open_home
from ccpa_office.engines.pair import Engines
from ccpa_office.keys import demo_secrets

VARIABLES = {
    "DEMO": "1",
    "SITE_URL": "http://127.0.0.1:8000",
    "EMAIL_URL": "smtp://127.0.0.1:9",
    "BUSINESS_NAME": "Example",
}


OURS = "SUITE_ENGINES"
"""Set for whoever uses the suite's engines, workers included."""


@cache
def folder() -> Path:
    """Return the suite's data folder, removed at the end."""
    made = Path(tempfile.mkdtemp(prefix="ccpa-tests-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@cache
def own_engines() -> Engines | None:
    """Return the suite's engines, not started; None when the environment names a database."""
    if os.environ.get("DATABASE_URL"):
        return None
    return Engines(open_home(folder()), folder() / "logs", lambda _: None, durable=False)


def set_environment() -> None:
    """Set every variable that the suite's processes, child processes included, will read."""
    engines = own_engines()
    os.environ["DATA_DIR"] = str(folder())
    (folder() / "static").mkdir(exist_ok=True)
    if engines:
        addresses = engines.addresses()
        os.environ["DATABASE_URL"] = addresses.superuser
        os.environ["REDIS_URL"] = addresses.redis
        os.environ[OURS] = "1"
    os.environ.setdefault("REDIS_URL", f"redis+socket://{folder()}/nobody-listens.sock")
    for name, value in {**VARIABLES, **demo_secrets()}.items():
        os.environ.setdefault(name, value)
    os.environ.pop("DATABASE_OWNER_URL", None)


def are_ours() -> bool:
    """The engines, and whatever stands in them, end with the suite."""
    return OURS in os.environ


@cache
def start() -> None:
    """Start the engines once; they end with the process, however it ends."""
    if engines := own_engines():
        stack = ExitStack()
        stack.enter_context(engines.home.locked())
        stack.callback(engines.stop)
        atexit.register(stack.close)
        engines.start()
