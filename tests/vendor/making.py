"""Makes fake vendors and connectors to them."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ccpa_office.connectors.http import HTTP, Access, Description, Line, Patience
from ccpa_office.outbound import Outbound
from notices_app.datamap.describing import describe
from notices_app.datamap.reading import Report
from tests.vendor.description import BASE
from tests.vendor.server import TOKEN, Vendor

QUICK = Patience(connect=0.5, read=0.3, total=0.8)
HERE = Outbound.of(["127.0.0.1"], loopback=True)


@contextmanager
def vendor_in(
    folder: Path, *, seed: int = 1, context: ssl.SSLContext | None = None
) -> Iterator[Vendor]:
    """A running vendor that is stopped at the end."""
    made = Vendor(folder, seed=seed, context=context)
    try:
        yield made
    finally:
        made.close()


def described(text: str = BASE) -> Description:
    """A sound description."""
    report = Report("")
    found = describe(text, report)
    assert found is not None, report.findings
    return found


@contextmanager
def connected(
    url: str, text: str = BASE, *, outbound: Outbound = HERE, context: ssl.SSLContext | None = None
) -> Iterator[HTTP]:
    """A connector with little patience."""
    access = Access(url, outbound, {"api_token": TOKEN}, QUICK)
    line = Line(outbound, QUICK, context) if context else None
    made = HTTP(described(text), access, line)
    try:
        yield made
    finally:
        made.close()
