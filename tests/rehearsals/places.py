"""Databases to rehearse on: made of a schema and a map of our own, on any engine."""

import json
import re
import secrets
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, cast

import psycopg
import sqlalchemy as sa
from django.core.management import call_command
from psycopg import sql

from ccpa_office import connectors
from ccpa_office.connectors.base import Finding, Identity, Program
from ccpa_office.connectors.surveying import Survey, survey
from notices_app import datamap
from notices_app.datamap import live
from requests_app import targets
from requests_app.fulfillment import locating, rehearsing
from requests_app.fulfillment.loading import Load
from requests_app.fulfillment.packing import Subject
from requests_app.models import Chunk
from tests.builders import administer, url
from tests.copies import copy_database

DATA = Path(__file__).parent / "data"
TODAY = date(2026, 3, 1)
"""The day as of which terms are counted."""

Fresh = Callable[[str], AbstractContextManager[str]]
"""Gives the address of a fresh database of that name's schema and rows."""


def document(name: str) -> str:
    """The map of a database."""
    return (DATA / f"{name}.yml").read_text("utf-8")


def statements(name: str, *, folds: bool = False) -> list[str]:
    """What makes a database; ``folds``: the engine's own collation folds case."""
    text = re.sub(r"^--.*\n", "", (DATA / f"{name}.sql").read_text("utf-8"), flags=re.MULTILINE)
    text = text.replace("last_visit timestamp", "last_visit date")
    if folds:
        text = re.sub(r"\(lower\((\w+)\)\)", r"(\1)", text)
    return [each for each in text.split(";\n") if each.strip()]


# --- engines ------------------------------------------------------------------------------------

_templates: dict[str, str] = {}


def _template(name: str) -> str:
    if name not in _templates:
        made = f"rehearsal_{name}_{secrets.token_hex(4)}"
        administer("CREATE DATABASE {}", made)
        with psycopg.connect(url(made), autocommit=True) as connection:
            connection.execute(sql.SQL((DATA / f"{name}.sql").read_text("utf-8")))
            connection.execute("ANALYZE")
        _templates[name] = made
    return _templates[name]


def drop_templates() -> None:
    """Drop what fresh databases were copied from."""
    while _templates:
        administer("DROP DATABASE {} WITH (FORCE)", _templates.popitem()[1])


@contextmanager
def postgresql(name: str) -> Iterator[str]:
    """A fresh database on the suite's PostgreSQL."""
    made = f"rehearsal_{name}_{secrets.token_hex(6)}"
    copy_database(made, _template(name))
    try:
        yield url(made)
    finally:
        connectors.close_all()
        administer("DROP DATABASE {} WITH (FORCE)", made)


@contextmanager
def sqlite(name: str) -> Iterator[str]:
    """A fresh SQLite file."""
    with tempfile.TemporaryDirectory(prefix="ccpa-rehearsal-") as folder:
        made = f"sqlite:///{folder}/store.db"
        _fill(made, statements(name))
        try:
            yield made
        finally:
            connectors.close_all()


def mariadb(server: Any) -> Fresh:
    """Fresh databases on a MariaDB that runs already."""

    @contextmanager
    def fresh(name: str) -> Iterator[str]:
        made = f"rehearsal_{name}_{secrets.token_hex(6)}"
        server.run(f"CREATE DATABASE {made} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        _fill(server.url(made), statements(name, folds=True))
        try:
            yield server.url(made)
        finally:
            connectors.close_all()
            server.run(f"DROP DATABASE {made}")

    return fresh


def _fill(address: str, lines: list[str]) -> None:
    engine = sa.create_engine(address, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        for line in lines:
            connection.exec_driver_sql(line.replace("%", "%%") if "mariadb" in address else line)
    engine.dispose()


def rehearse(system: str, *words: str, kind: str = "delete", **identifiers: str) -> Any:
    """What the command prints as JSON, even where it ends with 1."""
    out = StringIO()
    asked = [word for each in identifiers.items() for word in ("--identifier", "=".join(each))]
    day = ["--as-of", TODAY.isoformat()]
    with suppress(SystemExit):
        call_command("rehearse", "--system", system, "--kind", kind, "--json", *day, *asked, *words,
                     stdout=out)  # fmt: skip
    return json.loads(out.getvalue())


def unpacked(package: Path) -> str:
    """Everything that a package says."""
    with zipfile.ZipFile(package) as opened:
        return "\n".join(opened.read(name).decode() for name in opened.namelist())


# --- one database, looked at through one map ----------------------------------------------------


@cache
def surveyed(address: str) -> Survey:
    """The catalogue of a database that nobody alters."""
    return survey(address, "public")


@dataclass(frozen=True)
class Looked:
    """What became of a map: refused with findings, or a plan, perhaps above a ceiling."""

    findings: list[Finding]
    load: Load | None = None
    weight: locating.Weight | None = None

    @property
    def refused(self) -> set[str]:
        return {each.code for each in self.findings if each.level == "error"}


def look(address: str, text: str, identifiers: dict[str, list[str]]) -> Looked:
    """Hold a map against a database and plan with it, without the office: nothing is changed.

    Raises what the connectors raise.
    """
    map_, findings = datamap.examine(text)
    if map_ is None:
        return Looked(findings)
    findings = live.lint(map_, surveyed(address))
    if any(each.level == "error" for each in findings):
        return Looked(findings)
    program = datamap.compile_map(text, system="tried", schema="public")
    connector = connectors.ENGINES[re.split(r"[+:]", address)[0]](address, program)
    try:
        findings = live.merged(findings, connector.check(), map_)
        if any(each.level == "error" for each in findings):
            connector.close()
            return Looked(findings)
        return _planned(connector, program, identifiers, findings)
    except BaseException:
        connector.close()
        raise


@contextmanager
def looked(address: str, text: str, identifiers: dict[str, list[str]]) -> Iterator[Looked]:
    """The same, with the connection closed at the end."""
    found = look(address, text, identifiers)
    try:
        yield found
    finally:
        if found.load:
            cast("connectors.Store", found.load.target.connector).close()


def _planned(
    connector: connectors.Store,
    program: Program,
    identifiers: dict[str, list[str]],
    findings: list[Finding],
) -> Looked:
    target = targets.Target("tried", 0, program, connector)
    people = connector.people([Identity(identifiers)])[0]
    subjects = [Subject(key, identifiers) for key in people]
    parts = locating.parts_of(program, connector.locate(people, on=TODAY))
    weight = locating.weigh(locating.Found(target, subjects, parts, connector.sizes()))
    load = Load(Chunk(), target, [], subjects, {}, parts, frozenset(), Counter())
    return Looked(findings, load, weight)


def printed(load: Load) -> list[dict[str, Any]]:
    """The plan as people see it: its rows, and the statements that would run."""
    connector = load.target.connector
    return [
        told
        | {
            "text": ""
            if told["action"] == "keep"
            else connector.statements(part.table, part.action)
        }
        for told, part in zip(rehearsing.told(load), load.parts, strict=True)
    ]
