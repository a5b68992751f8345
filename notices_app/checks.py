"""What this floor adds to the doctor's round."""

from collections.abc import Iterator

from ccpa_office import clock, connectors, outbound
from ccpa_office.connectors.base import HostNotAllowed, MapDoesNotFit, StoreUnreachable
from ccpa_office.doctor.finding import Finding, unsound
from notices_app import datamap, publishing
from notices_app.models import DataSystem


def doctor_findings() -> Iterator[Finding]:
    """notice-missing, map-missing, host-not-allowed, system-unreachable, map-misfit: no answer."""
    if publishing.current_version(on=clock.today()) is None:
        yield unsound(
            "notice-missing",
            "No notice is in force today.",
            "Draft one, have it reviewed by a second person, publish it.",
        )
    mapped = set(
        DataSystem.objects.served().filter(maps__active=True).values_list("key", flat=True)
    )
    for key in DataSystem.objects.served().values_list("key", flat=True):
        yield from _can_be_served(key) if key in mapped else _no_map(key)


def _no_map(key: str) -> Iterator[Finding]:
    yield unsound(
        "map-missing",
        f"System {key} has no approved map, so nothing is found or erased there.",
        "Load one (`manage.py datamap load`); a second person approves it at the desks.",
    )


def _can_be_served(key: str) -> Iterator[Finding]:
    try:
        program = datamap.active_program(key)
        connectors.connect(datamap.url(key), program, allowed=outbound.stores())
    except (StoreUnreachable, datamap.NoAddress) as error:
        yield unsound(
            "system-unreachable",
            f"System {key} cannot be reached ({type(error).__name__}).",
            "Start it, or correct its address: `manage.py system add` again.",
        )
    except HostNotAllowed:
        yield unsound(
            "host-not-allowed",
            f"The host of {key} is not among OUTBOUND_ALLOWED_HOSTS, so nobody is served there.",
            "Name it there, or correct the address: `manage.py system add` again.",
        )
    except MapDoesNotFit:
        yield unsound(
            "map-misfit",
            f"The approved map of {key} does not fit its tables any more.",
            "`manage.py datamap check` names the places; load a mended map.",
        )
