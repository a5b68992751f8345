"""Fetching a package: a fresh code to the verified contact, few downloads, then it is destroyed."""

import hashlib
import secrets
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When

from ccpa_office import clock_guard, ledger, sealed_files, sealing, work
from ccpa_office.roles import Actor
from requests_app import correspondence
from requests_app.fulfillment.finishing import folder
from requests_app.fulfillment.outside import parts
from requests_app.fulfillment.package import building, pages
from requests_app.models import (
    ConsumerRequest,
    Download,
    Package,
    PackageCode,
    PackageStage,
    Status,
)

SYSTEM = Actor.system("packages")
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
CODE_LIFE = timedelta(minutes=10)
TRIES = 3
CODES_A_DAY = 10
OPEN_FOR = timedelta(minutes=30)
"""How long a code that was right opens the package in its browser."""
DOWNLOADS = 3
BEGUN = 12
"""Downloads that may begin, the broken ones too."""
GLANCE = 64
"""Pieces after which a running download looks whether it was called back."""
RUNNING = timedelta(hours=2)
"""How long one that never ended counts as running."""
STRAY = timedelta(days=1)


def left(package: Package) -> int:
    """How often it can still be fetched: the whole downloads, and those that may begin."""
    whole = DOWNLOADS - package.downloads
    return max(min(whole, BEGUN - package.fetched.count()), 0)


class PackageGone(Exception):
    """There is nothing to fetch here: not handed over, expired, fetched, or not opened here."""


def to_fetch(at: datetime) -> QuerySet[Package]:
    """Packages that can be fetched now."""
    return Package.objects.filter(
        stage=PackageStage.RELEASED, expires_at__gt=at, downloads__lt=DOWNLOADS
    )


def package_of(consumer_request: ConsumerRequest, *, at: datetime) -> Package | None:
    """What can be fetched for a request now."""
    found = to_fetch(at).filter(consumer_request=consumer_request)
    return found.select_related("consumer_request__data_key", "data_key", "contact").first()


# --- the code -----------------------------------------------------------------------------------


def ask_code(package: Package, *, session: str, at: datetime) -> None:
    """Mail a fresh code to the verified contact; the older ones of the package are void.

    Over the limit nothing is sent, and the page says the same (VR-24, VR-25).
    """
    code = "".join(secrets.choice(ALPHABET) for _sign in range(LENGTH))
    with transaction.atomic():
        package = Package.objects.select_for_update(of=("self",)).select_related(
            "consumer_request__data_key", "contact__consumer_request__data_key"
        ).get(pk=package.pk)  # fmt: skip
        if package.codes.filter(made_at__gt=at - timedelta(days=1)).count() >= CODES_A_DAY:
            return
        package.codes.filter(used_at__isnull=True, expires_at__gt=at).update(expires_at=at)
        PackageCode.objects.create(
            package=package, digest=_digest(package, code), session=_session(session), made_at=at,
            expires_at=at + CODE_LIFE,
        )  # fmt: skip
        work.seam("package.code")
        assert package.contact is not None  # noqa: S101  a released package has one
        correspondence.queue_all(
            "package_code", [package.consumer_request], at=at, contacts=[package.contact],
            context=lambda _each: {"code": f"{code[:4]}-{code[4:]}"},
        )  # fmt: skip
        _say("package.code-asked", package, by=Actor.consumer(), at=at)


def try_code(package: Package, typed: str, *, session: str, at: datetime) -> bool:
    """Whether the code is right here and now; one conditional UPDATE counts the try and uses it."""
    living = Q(
        package=package.pk, session=_session(session), used_at__isnull=True, expires_at__gt=at,
        tries__lt=TRIES,
    )  # fmt: skip
    digest = _digest(package, _plain(typed))
    right = When(digest=digest, then=Value(at))
    with transaction.atomic():
        tried = PackageCode.objects.filter(living).update(
            tries=F("tries") + 1, used_at=Case(right, default=None)
        )
        opened = bool(tried) and is_open(package, session=session, at=at, code=digest)
        if tried:
            verb = "package.opened" if opened else "package.wrong-code"
            _say(verb, package, by=Actor.consumer(), at=at)
    return opened


def is_open(package: Package, *, session: str, at: datetime, code: bytes = b"") -> bool:
    """Whether this browser has shown a right code a short while ago."""
    used = package.codes.filter(session=_session(session), used_at__gt=at - OPEN_FOR)
    return bool(session) and (used.filter(digest=code) if code else used).exists()


def _plain(typed: str) -> str:
    """A code as it was made: hyphens and blanks gone, letters that look like digits as digits."""
    plain = "".join(c for c in typed.upper() if c.isascii() and c.isalnum())
    return plain.translate(str.maketrans("OIL", "011"))[:LENGTH]


def _digest(package: Package, code: str) -> bytes:
    return sealing.digest(f"package-code-{package.pk}", code)


def _session(session: str) -> bytes:
    return hashlib.sha256(session.encode()).digest()


# --- what can be fetched ------------------------------------------------------------------------


def answer(package: Package) -> dict[str, Any]:
    """The answer of categories, opened for a page."""
    box = sealing.Box(package.data_key)
    found: dict[str, Any] = building.opened(box, package.answer, context="package.answer")
    return found


def left_out(package: Package, language: str) -> dict[str, Any]:
    """What was not given, and why, for its page in that page's language."""
    return pages.left_out(package.summary, language)


@dataclass
class Fetch:
    """One download that has begun; ``pieces`` is its body, and says how it ended."""

    package: Package
    row: Download
    now: Callable[[], datetime]

    def pieces(self) -> Generator[bytes, None, None]:
        """The file, piece by piece; only one that went out whole counts."""
        box = sealing.Box(self.package.data_key)
        path = folder() / self.package.file
        sent, whole = 0, False
        try:
            for number, piece in enumerate(sealed_files.read(path, box, context=building.FILE)):
                if number and number % GLANCE == 0 and not self._is_given():
                    break
                yield piece
                sent += len(piece)
            whole = sent == self.package.size
            work.seam("package.ended")
        finally:
            _end(self.row, sent, whole=whole, at=self.now())

    def _is_given(self) -> bool:
        """Whether nobody has called it back since it began (VR-16)."""
        given = Package.objects.filter(pk=self.package.pk, stage=PackageStage.RELEASED)
        return given.exists()


def begin(package: Package, *, session: str, at: datetime, now: Callable[[], datetime]) -> Fetch:
    """Begin a download. Raises ``PackageGone``."""
    with transaction.atomic():
        found = Package.objects.select_for_update(of=("self",)).select_related(
            "data_key", "consumer_request"
        ).get(pk=package.pk)  # fmt: skip
        begun = found.fetched.all()
        running = begun.filter(ended_at__isnull=True, begun_at__gt=at - RUNNING).count()
        if (
            not is_servable(found, at=at)
            or not found.file
            or not is_open(found, session=session, at=at)
            or found.downloads + running >= DOWNLOADS
            or begun.count() >= BEGUN
        ):
            raise PackageGone
        row = Download.objects.create(package=found, begun_at=at)
        _say("package.download-begun", found, by=Actor.consumer(), at=at, size=found.size)
    work.seam("package.begun")
    return Fetch(found, row, now)


def is_servable(package: Package, *, at: datetime) -> bool:
    """Whether it was handed over and can still be fetched."""
    return (
        package.stage == PackageStage.RELEASED
        and package.expires_at is not None
        and package.expires_at > at
        and package.downloads < DOWNLOADS
    )


def _end(row: Download, sent: int, *, whole: bool, at: datetime) -> None:
    with transaction.atomic():
        ended = Download.objects.filter(pk=row.pk, ended_at__isnull=True).update(
            ended_at=at, sent=sent, complete=whole
        )
        if not ended:
            return
        package = Package.objects.select_related("consumer_request").get(pk=row.package_id)
        if whole:
            Package.objects.filter(pk=package.pk).update(downloads=F("downloads") + 1)
        facts = {"sent": sent, "complete": whole}
        _say("package.download-ended", package, by=Actor.consumer(), at=at, **facts)


# --- the end ------------------------------------------------------------------------------------


def expire(*, at: datetime, limit: int = 200) -> int:
    """Destroy what nobody may fetch any more: file, key, answer; never by a suspect clock."""
    if not clock_guard.clock_is_trusted():
        return 0
    over = Q(stage=PackageStage.RELEASED) & (Q(expires_at__lte=at) | Q(downloads__gte=DOWNLOADS))
    waiting = [PackageStage.BUILD, PackageStage.READY, PackageStage.PROPOSED]
    left = Q(stage__in=[*waiting, PackageStage.BY_HAND]) & ~Q(
        consumer_request__status__in=[
            Status.VERIFIED, Status.COLLECTED, Status.DENYING, Status.CHECKING, Status.WAITING,
            Status.STOPPED,
        ]
    )  # fmt: skip
    ended = Package.objects.filter(over | left | Q(stage=PackageStage.VOID))
    rows = list(ended.select_related("consumer_request", "data_key").order_by("pk")[:limit])
    failed: list[Exception] = []
    for package in rows:
        try:
            destroy(package, at=at)
        except Exception as error:  # noqa: BLE001  raised below, when every other one is destroyed
            failed.append(error)
    _sweep(at)
    if failed:
        raise failed[0]
    return len(rows)


def call_back(consumer_request: ConsumerRequest, *, at: datetime) -> bool:
    """Let nobody fetch what was handed over: a contact on file says that it was not theirs (VR-16).

    Whether there was something to call back. The case shows a hold; ``expire`` destroys the file.
    """
    released = consumer_request.packages.select_for_update().filter(stage=PackageStage.RELEASED)
    package = released.first()
    if package is None:
        return False
    package.stage = PackageStage.VOID
    package.save(update_fields=["stage"])
    ConsumerRequest.objects.filter(pk=consumer_request.pk).update(hold="not-me", stopped_at=at)
    facts = {"downloads": package.downloads, "begun": package.fetched.count()}
    _say("package.called-back", package, by=Actor.consumer(), at=at, **facts)
    return True


def destroy(package: Package, *, at: datetime) -> None:
    """Take the file away, then the key and what the row holds; twice is harmless."""
    if package.file:
        (folder() / package.file).unlink(missing_ok=True)
    work.seam("package.expiry")
    with transaction.atomic():
        row = Package.objects.select_for_update().get(pk=package.pk)
        if row.stage == PackageStage.DESTROYED:
            return
        row.stage, row.destroyed_at = PackageStage.DESTROYED, at
        row.file, row.samples, row.answer = "", b"", b""
        row.save(update_fields=["stage", "destroyed_at", "file", "samples", "answer"])
        sealing.destroy(package.data_key, at)  # the database lets no key go that a package needs
        row.codes.all().delete()
        parts.destroy_of(row.consumer_request, at=at)
        _say("package.destroyed", package, by=SYSTEM, at=at, downloads=row.downloads)


def _sweep(at: datetime) -> None:
    """Take away what a worker that died left behind; nothing of it was ever served."""
    known = set(Package.objects.exclude(file="").values_list("file", flat=True))
    for path in folder().iterdir():
        if path.name not in known and _is_old(path, at):
            path.unlink(missing_ok=True)


def _is_old(path: Path, at: datetime) -> bool:
    try:
        return path.stat().st_mtime < (at - STRAY).timestamp()
    except OSError:
        return False


def _say(verb: str, package: Package, *, by: Actor, at: datetime, **facts: Any) -> None:
    told = {"version": package.version, **facts}
    ledger.record(verb, subject=package.consumer_request.number, by=by, at=at, facts=told)
