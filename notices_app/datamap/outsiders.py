"""Outside systems: their secrets, and what a connector to one is lent."""

import re
from datetime import datetime
from urllib.parse import urlsplit

from django.db import transaction

from ccpa_office import ledger, outbound, sealing
from ccpa_office.connectors.base import Finding
from ccpa_office.connectors.http import HTTP, Access, Description
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, Verb, require
from notices_app.datamap.compiling import MapNotSound, compile_map
from notices_app.models import DataSystem, SystemKind, SystemSecret

CONTEXT = "system.secret"
LONGEST = 4_000
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class NotFit(Exception):
    """This cannot be a secret of this system."""


@transaction.atomic
def give_secret(system_key: str, *, name: str, value: str, by: Actor, at: datetime) -> SystemSecret:
    """Keep a secret that a description names, or put a new one in its place; nobody reads it back.

    Raises ``NotFit``, NotAllowed.
    """
    require(by, Verb.LOAD_MAP)
    found = DataSystem.objects.select_for_update().filter(key=system_key).first()
    if found is None:
        raise NotFit("no system has this key: `system list` names them")
    if found.kind != SystemKind.HTTP or not NAME.fullmatch(name):
        raise NotFit("only an http system takes secrets; a name is small letters, digits and _")
    if not value.strip() or len(value) > LONGEST or not value.isprintable():
        raise NotFit("a secret is one line of text on standard input, at most 4,000 characters")
    data_key = sealing.new_key()
    secret, _new = SystemSecret.objects.update_or_create(
        system=found,
        name=name,
        defaults={
            "sealed": sealing.Box(data_key).seal(value, context=CONTEXT),
            "data_key": data_key,
            "given_at": at,
            "given_by_id": by.staff_id,
        },
    )
    ledger.record("system.secret", subject=f"system:{system_key}", by=by, at=at,
                  facts={"name": name})  # fmt: skip
    return secret


def access(system: DataSystem, url: str) -> Access:
    """What a connector to an outside system is lent: address, secrets, the list of hosts."""
    secrets = {
        each.name: sealing.Box(each.data_key).open(bytes(each.sealed), context=CONTEXT)
        for each in system.secrets.select_related("data_key")
    }
    return Access(url, outbound.allowed(), secrets)


def check_live(system: DataSystem, url: str, text: str) -> list[Finding]:
    """Where a document, its system and what the office knows do not fit. Raises ``MapNotSound``."""
    program = compile_map(text, system=system.key, schema=system.schema)
    kind = program.outside.kind if program.outside else SystemKind.SQL
    if kind != system.kind:
        words = f"this document describes another kind of system than {system.kind}"
        raise MapNotSound([Finding("error", "kind", words)])
    return check(system, url, program.outside)


def check(system: DataSystem, url: str, description: Description) -> list[Finding]:
    """Where an outside system's description and what the office knows do not fit."""
    if description.kind == SystemKind.MANUAL:
        words = check_address(description.kind, url)
        return [Finding("error", "address", words)] if words else _named(url)
    connector = HTTP(description, access(system, url))
    try:
        return connector.check()
    finally:
        connector.close()


def _named(url: str) -> list[Finding]:
    """What to say where an address names a member of staff whom nobody knows."""
    username = url.removeprefix("staff:")
    known = StaffMember.objects.filter(username=username, is_active=True)
    if username == url or known.exists():
        return []
    return [Finding("warning", "nobody-named", "no active member of staff has that user name")]


def check_address(kind: str, url: str) -> str:
    """Why this cannot be the address of a system of that kind, or an empty text."""
    parts = urlsplit(url)
    if kind == SystemKind.HTTP:
        is_fit = parts.scheme in {"https", "http"} and bool(parts.hostname)
        return "" if is_fit else "an http system's address is https://HOST/PATH"
    is_mail = parts.scheme == "mailto" and re.fullmatch(r"[^@\s/]+@[^@\s/]+", parts.path)
    if is_mail or (parts.scheme == "staff" and parts.path):
        return ""
    return "a manual system's address is mailto:NAME@HOST or staff:USERNAME"
