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

HERE = Outbound.of(["127.0.0.1"], loopback=True)


class Fitting(Patience):
    """Short with a vendor who never answers; long with every other, however busy the machine."""

    def __init__(self) -> None:
        """Keep nothing: each call looks at what the vendors do now."""

    @property
    def connect(self) -> float:
        return 60.0

    @property
    def read(self) -> float:
        return 0.6 if Vendor.keeps_waiting() else 60.0

    @property
    def total(self) -> float:
        return 0.9 if Vendor.keeps_waiting() else 120.0


FITTING = Fitting()


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
    """A connector with as much patience as the vendor deserves."""
    access = Access(url, outbound, {"api_token": TOKEN}, FITTING)
    line = Line(outbound, FITTING, context) if context else None
    made = HTTP(described(text), access, line)
    try:
        yield made
    finally:
        made.close()
