"""The doctor's round: every examination once, in an order in which each can be made."""

from collections.abc import Iterator

from django.apps import apps
from django.db import DatabaseError, transaction
from django.utils.module_loading import import_string, module_has_submodule

from ccpa_office.doctor import engine, records, surroundings
from ccpa_office.doctor.finding import UNSOUND, Examination, Finding, unsound

AROUND: tuple[Examination, ...] = (
    surroundings.settings_are_sound,
    surroundings.broker_answers,
    surroundings.mail_server_answers,
    surroundings.disk_has_room,
    surroundings.backups_are_fresh,
)
CHECKED: tuple[Examination, ...] = (surroundings.settings_are_sound,)
GATES: tuple[Examination, ...] = (engine.reachable, engine.migrated)
INSIDE: tuple[Examination, ...] = (*engine.EXAMINATIONS, *records.EXAMINATIONS)


def everything() -> tuple[Examination, ...]:
    """Return every examination of this floor and those above."""
    return (*AROUND, *GATES, *INSIDE, *upstairs())


def examine() -> list[Finding]:
    """Return every finding. Without a database, or with tables missing, the rest is not asked."""
    found = [finding for examination in AROUND for finding in examination()]
    for gate in GATES:
        if stopped := list(gate()):
            return found + stopped
    inside = (*INSIDE, *upstairs())
    return found + [finding for examination in inside for finding in asked(examination)]


def asked(examination: Examination) -> list[Finding]:
    """not-examined: an examination ended with an error of the database."""
    try:
        with transaction.atomic():
            return list(examination())
    except DatabaseError as error:
        name, what = getattr(examination, "__name__", "?"), type(error).__name__
        cure = "Look at the database's log; then ask the doctor again."
        return [unsound("not-examined", f"{name} ended with {what}.", cure)]


def upstairs() -> Iterator[Examination]:
    """Find what the floors above want to be asked: ``doctor_findings`` in their ``checks``."""
    for config in apps.get_app_configs():
        if config.name.endswith("_app") and module_has_submodule(config.module, "checks"):
            yield import_string(f"{config.name}.checks.doctor_findings")


def is_sound(findings: list[Finding]) -> bool:
    """Return whether nothing but notes was found."""
    return all(finding.level != UNSOUND for finding in findings)
