"""The settings and what lies around the database: disk, broker, mail server, backups."""

import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import WARNING
from kombu import Connection
from kombu.exceptions import OperationalError

from ccpa_office import broker, checks, clock
from ccpa_office.doctor.finding import Finding, note, unsound

PORTS = {"smtp": 25, "smtp+tls": 587, "smtp+ssl": 465}
LEAST_FREE = 0.05
LEAST_FREE_BYTES = 1024**3
BACKUP_AGE = timedelta(hours=26)


def settings_are_sound() -> Iterator[Finding]:
    """Every finding of the checks, by its own number (E001 ...)."""
    for found in checks.findings():
        make = unsound if found.level > WARNING else note
        code = str(found.id).removeprefix("ccpa_office.")
        yield make(code, str(found.msg), str(found.hint))


def broker_answers() -> Iterator[Finding]:
    """broker-unreachable: hints do not travel; the keeper works alone."""
    try:
        with Connection(
            settings.REDIS_URL,
            connect_timeout=2,
            transport_options=broker.broker_transport_options,
        ) as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
    except (OSError, OperationalError) as error:
        yield unsound(
            "broker-unreachable",
            f"The broker does not answer ({type(error).__name__}).",
            "Start Valkey or Redis, or correct REDIS_URL. Work goes on, slowly, without it.",
        )


def mail_server_answers() -> Iterator[Finding]:
    """mail-unreachable: letters wait."""
    parts = urlsplit(settings.EMAIL_URL)
    address = (parts.hostname or "", parts.port or PORTS.get(parts.scheme, 25))
    try:
        socket.create_connection(address, timeout=3).close()
    except OSError as error:
        yield unsound(
            "mail-unreachable",
            f"The mail server does not answer ({type(error).__name__}).",
            "Start it, or correct EMAIL_URL. Letters wait and are sent later.",
        )


def disk_has_room() -> Iterator[Finding]:
    """disk-full: less than 5 % or 1 GiB left where data are written."""
    for name in ("DATA_DIR", "LEDGER_ANCHOR_DIR", "ERASURE_LEDGER_DIR"):
        usage = shutil.disk_usage(_standing(Path(getattr(settings, name))))
        if usage.free < LEAST_FREE_BYTES or usage.free < usage.total * LEAST_FREE:
            yield unsound(
                "disk-full",
                f"The volume of {name} has {usage.free // 1024**2} MiB left.",
                "Make room, or move the folder to another volume.",
            )
            return


def _standing(folder: Path) -> Path:
    """Return the folder, or the nearest one above that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def backups_are_fresh() -> Iterator[Finding]:
    """backup-unknown, backup-old: nobody could come back from a loss."""
    if settings.DEMO:
        return
    if not settings.BACKUP_DIR:
        yield note(
            "backup-unknown",
            "BACKUP_DIR is not set, so nobody looks whether backups are made.",
            "Set BACKUP_DIR to the folder that backups arrive in.",
        )
        return
    folder = Path(settings.BACKUP_DIR)
    times = [path.stat().st_mtime for path in folder.rglob("*") if path.is_file()]
    newest = datetime.fromtimestamp(max(times, default=0.0), UTC) + clock.offset()
    if clock.now() - newest > BACKUP_AGE:
        yield unsound(
            "backup-old",
            "The newest backup is older than 26 hours, or there is none.",
            "Look why the backup job does not run, and make a backup now.",
        )
