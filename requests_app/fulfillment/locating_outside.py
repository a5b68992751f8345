"""How a system outside takes part in a plan: what it will be asked by, frozen like any key."""

from collections.abc import Iterable
from typing import Any

from ccpa_office.connectors.base import Key
from notices_app.datamap.compiling import OUTSIDE
from requests_app import targets
from requests_app.fulfillment import apart
from requests_app.fulfillment.locating import Found, merged
from requests_app.fulfillment.packing import Part, Subject
from requests_app.models import Plan
from requests_app.targets import Vendor


def found_outside(number: str, found: Iterable[Found]) -> list[Found]:
    """A plan's worth for each outside system, asked by what the databases hold of the person.

    Only identifiers that stand in the person's own rows are used: a typed one proves nothing
    (VR-14), and one that others bear too would lead to theirs. No system outside is called, so
    that none that is away holds up a plan. A system that knows people by what we do not hold of
    this one gets a plan without keys: nothing can be asked there, and a person says what becomes
    of it.
    """
    found = list(found)
    known: dict[str, list[str]] = {}
    subjects = [subject for each in found for subject in each.subjects]
    vendors = targets.vendors() if subjects else []
    for subject in subjects if vendors else []:
        known = merged(known, subject.identifiers)
    kinds = {kind for vendor in vendors for kind in vendor.description.identifiers}
    sources = [(targets.of(each.target.key), [s.key for s in each.subjects]) for each in found]
    known = apart.own(sources, known, kinds)
    return [_asked(vendor, number, known) for vendor in vendors]


def _asked(vendor: Vendor, number: str, known: dict[str, list[str]]) -> Found:
    keys: list[Key] = [
        (kind, value) for kind in vendor.description.identifiers for value in known.get(kind, [])
    ]
    identifiers = {kind: known[kind] for kind in vendor.description.identifiers if kind in known}
    part = Part(OUTSIDE, "delete", keys, [0] * len(keys))
    return Found(vendor, [Subject(number, identifiers)], [part], {})


def sample_outside(plan: Plan) -> list[dict[str, Any]]:
    """A dry run for a page: how the system is asked, without any value."""
    vendor = targets.vendor_under(plan.map_version)
    endpoint = vendor.description.endpoints.get("delete")
    asked = f"{endpoint.method} {endpoint.path}" if endpoint else vendor.description.name
    return [{"table": OUTSIDE, "action": "delete", "rows": [], "statement": asked}]


def is_silent(plan: Plan) -> bool:
    """Whether a plan of a system outside has nothing to ask by."""
    return not plan.rows and any(map(is_outside, plan.summary))


def is_outside(part: dict[str, Any]) -> bool:
    """Whether a part of a plan's summary is of a system outside."""
    return bool(part["table"] == OUTSIDE)
