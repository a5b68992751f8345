"""The whole engine on a copy of a database: what each person would lose, keep and get.

The same rooms as for a request (locate, erase, prove, collect) without a request, an approval or a
letter: therefore on a system that is registered as a rehearsal copy, and on no other.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ccpa_office import sealed_files, sealing
from ccpa_office.connectors.base import Finding, Identity, Program, Table
from ccpa_office.connectors.collected import Window
from ccpa_office.law.retention import LOOKBACK_FROM
from notices_app import datamap
from notices_app.models import DataSystem, SystemKind
from requests_app import targets
from requests_app.fulfillment import erasure, proof
from requests_app.fulfillment.loading import Load, merge
from requests_app.fulfillment.locating import locate_in
from requests_app.fulfillment.package import building
from requests_app.fulfillment.packing import Part, Subject, canonical
from requests_app.models import Chunk
from requests_app.targets import Target

KINDS = {"postgres": "postgresql", "mariadb": "mysql"}
HERE = frozenset({"localhost", "127.0.0.1", "::1"})
PORTS = {"postgresql": "5432", "mysql": "3306"}


class NotARehearsal(Exception):
    """This system is no rehearsal copy: register one with `system add KEY --rehearsal`."""


class Undecided(Exception):
    """Rows that other people reach too must be decided first: --shared TABLE=keep or =strip."""


class SeveralPeople(Exception):
    """The identifiers meet several people: a person decides. --people NUMBER tries them all."""


class MapDoesNotServe(Exception):
    """The map does not fit this store; `system test` says where."""


class NotInTheMap(Exception):
    """The map knows no such identifier or table."""


@dataclass(frozen=True)
class Asked:
    """What is rehearsed: of whom, as of which day, with which decisions on shared rows."""

    system: str
    identifiers: Mapping[str, list[str]]
    on: date
    shared: Mapping[str, str]
    people: int = 1


def plan(asked: Asked) -> tuple[Load, list[Finding]]:
    """Locate everything of the people whom the identifiers name, and cut it into parts.

    Nothing found is an answer: a plan without people. Raises ``NotARehearsal``, ``NotInTheMap``,
    ``datamap``'s and the connector's refusals.
    """
    if not DataSystem.objects.filter(key=asked.system, rehearsal=True).exists():
        raise NotARehearsal
    target = targets.rehearsed(asked.system)
    _require_known(asked, target.program)
    identity = Identity({kind: list(values) for kind, values in asked.identifiers.items()})
    people = target.connector.people([identity])[0]
    subjects = [Subject(key, dict(identity.identifiers)) for key in people]
    found = locate_in(target, subjects, on=asked.on)
    parts = [_decided(part, asked.shared) for part in found.parts]
    findings = datamap.on_a_copy(target.connector.check())
    return _load(target, found.subjects, parts), findings


def require_a_copy(asked: Asked) -> None:
    """Refuse to change a database that requests are answered from, under whatever other key.

    Raises ``NotARehearsal``.
    """
    copy = datamap.system(asked.system)
    place = _place(copy)
    for other in DataSystem.objects.filter(rehearsal=False, kind=SystemKind.SQL):
        with suppress(datamap.NoAddress):
            if _place(other) == place:
                raise NotARehearsal(f"This is the very database of {other.key}, and no copy of it.")


def _place(system: DataSystem) -> tuple[str, str, str, str, str]:
    """Which database an address leads to: kind, host and port, its name or file, the schema."""
    parts = urlsplit(datamap.url(system.key))
    scheme = parts.scheme.partition("+")[0]
    kind = KINDS.get(scheme, scheme)
    if kind == "sqlite":
        return kind, "", "", os.path.realpath(parts.path.removeprefix("/")), ""
    more = dict(parse_qsl(parts.query))
    host, _colon, port = parts.netloc.rpartition("@")[2].partition(":")
    host = more.get("host", host).casefold()
    here = not host or host in HERE or host.startswith("/")
    port = more.get("port") or port or PORTS.get(kind, "")
    return kind, "" if here else host, port, parts.path, "" if kind == "mysql" else system.schema


def _require_known(asked: Asked, program: Program) -> None:
    """Refuse what finds nobody or decides nothing: a kind or a table that the map does not have."""
    tables = {table.name for table in program.tables}
    if unknown := sorted(asked.shared.keys() - tables):
        raise NotInTheMap(f"The map has no table {unknown[0]}.")
    if program.outside:
        return
    finds = {each.kind for table in program.tables for each in table.identities}
    if not asked.identifiers.keys() & finds:
        kinds = ", ".join(sorted(finds))
        raise NotInTheMap(f"The map finds people by {kinds}, not by what was given.")


def ignored(asked: Asked, program: Program) -> list[str]:
    """The kinds of identifier that the map neither looks for nor knows as marks."""
    known = {
        each.kind
        for table in program.tables
        for each in (*table.identities, *table.identifiers, *table.marks)
    }
    return sorted(asked.identifiers.keys() - known)


def _decided(part: Part, decisions: Mapping[str, str]) -> Part:
    decision = decisions.get(part.table, "") if part.shared else ""
    if decision == "keep":
        return replace(part, action="keep", reason="GX_k", decision=decision)
    return replace(part, action="mask", decision=decision) if decision == "strip" else part


def _load(target: Target, subjects: list[Subject], parts: list[Part]) -> Load:
    return Load(
        chunk=Chunk(),
        target=target,
        plans=[],
        subjects=subjects,
        first={},
        parts=parts,
        unfinished=frozenset(),
        supplements=Counter(),
    )


def erase(asked: Asked, loaded: Load, findings: Sequence[Finding]) -> dict[str, Any]:
    """Carry the plan out on the copy and look again; receipts, proof, and how long each took.

    Raises ``SeveralPeople``, ``Undecided``, ``MapDoesNotServe``, ``NotARehearsal``,
    ``erasure.KeyOfAnother``; the copy is then as it was.
    """
    if len(loaded.people) > asked.people:
        raise SeveralPeople
    undecided = {part.table for part in loaded.parts if part.shared and not part.decision}
    if undecided:
        raise Undecided(f"{Undecided.__doc__} Tables: {', '.join(sorted(undecided))}.")
    if any(finding.level == "error" for finding in findings):
        raise MapDoesNotServe
    if not loaded.people:
        return {"receipts": [], "proof": [], "finding": "absent", "seconds": {}}
    require_a_copy(asked)
    connector, began = loaded.target.connector, perf_counter()
    parts = erasure.in_order(loaded, merge((0, part) for part in loaded.parts))
    with connector.transaction():
        results = erasure.apply(loaded, parts)
    connector.refresh()
    erased = perf_counter()
    looks = proof.look(replace(loaded, parts=parts))
    receipts = [
        {
            "table": part.table,
            "action": part.action,
            "planned": len(part.keys),
            "done": result.done,
            "gone": result.gone,
        }
        for part, result in zip(parts, results, strict=True)
        if part.action != "keep"
    ]
    return {
        "receipts": receipts,
        "proof": looks,
        "finding": proof.verdict(looks).value,
        "seconds": {"erase": erased - began, "prove": perf_counter() - erased},
    }


def collect(asked: Asked, loaded: Load, folder: Path, *, language: str) -> dict[str, Any]:
    """Write the package of a request to know into ``folder``, unsealed: the copy's own data.

    Nobody but its owner reads the file. Raises ``SeveralPeople``: a package is one person's.
    """
    if len(loaded.people) > asked.people:
        raise SeveralPeople
    box = sealing.Box(sealing.made_key())  # for this minute: it stands in no database
    sealed, opened = folder / "package.sealed", folder / "package.zip"
    wanted = building.Wanted(
        number="REHEARSAL",
        language=language,
        day=asked.on,
        window=Window(LOOKBACK_FROM, asked.on),
        given={},
    )
    try:
        built = building.write(
            sealed, box, [(loaded.target, loaded.people)], wanted, breathe=lambda: None
        )
        opened.unlink(missing_ok=True)
        mine = os.open(opened, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(mine, "wb") as out:
            for piece in sealed_files.read(sealed, box, context=building.FILE):
                out.write(piece)
    finally:
        sealed.unlink(missing_ok=True)
    return {"package": opened.name, "size": built.size, "tables": built.tables,
            "withheld": built.withheld}  # fmt: skip


# --- in words and numbers -----------------------------------------------------------------------
def told(loaded: Load) -> list[dict[str, Any]]:
    """The plan: table by table, what happens to how many rows, and why."""
    program = loaded.target.program
    return [
        {
            "system": program.system,
            "table": part.table,
            "action": part.action,
            "reason": part.reason,
            "until": part.until.isoformat() if part.until else None,
            "columns": _columns(program.table(part.table), part),
            "changes": _changes(program.table(part.table), part),
            "rows": len(part.keys),
            "shared": part.shared,
            "decision": part.decision,
            "keys": part.keys,
        }
        for part in loaded.parts
    ]


def _changes(table: Table, part: Part) -> list[dict[str, str]]:
    """How each column changes where the row stays: by which action of the map, with what."""
    if part.action not in {"mask", "trim"}:
        return []
    return [asdict(change) for change in table.mask(part.action)]


def _columns(table: Table, part: Part) -> list[str]:
    """The columns that an action touches; all that the map names where the row goes."""
    if part.action in {"mask", "trim"}:
        return [change.column for change in table.mask(part.action)]
    return [] if part.action == "keep" else list(table.columns)


def plan_hash(loaded: Load) -> str:
    """What an approval would bind: the hash over map, people and parts."""
    facts = [loaded.target.program.digest, loaded.people, told(loaded)]
    return sealing.digest("rehearsal", canonical(facts).decode()).hex()
