"""Packages on their way: where their files lie, and how each is finished, with others or alone."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from ccpa_office import ledger, sealing, work
from ccpa_office.prepared import planned_cursor
from ccpa_office.roles import Actor
from requests_app.fulfillment.package import building
from requests_app.fulfillment.package.building import Built, Rows, Sources, Wanted
from requests_app.fulfillment.package.tables import leftovers
from requests_app.fulfillment.packing import canonical
from requests_app.models import ConsumerRequest, Package, PackageStage, Status

SYSTEM = Actor.system("access")


def folder() -> Path:
    """Where packages lie; nobody but the office reads it."""
    path = Path(settings.PACKAGE_DIR)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


@dataclass
class Job:
    """One package on its way."""

    package: Package
    sources: Sources = field(default_factory=list)
    wanted: Wanted | None = None
    rows: Rows | None = None
    built: Built | None = None
    name: str = ""
    error: Exception | None = None

    @property
    def is_large(self) -> bool:
        """Whether it is read as a stream, alone."""
        return self.error is None and bool(self.sources) and self.rows is None

    @property
    def is_whole(self) -> bool:
        """Whether there is something to look through; if not, it is collected by hand."""
        specific = self.package.content == Package.Content.SPECIFIC
        return self.built is not None and (specific or bool(self.built.answer))

    @property
    def hash(self) -> str:
        """What it is approved by: the digest of its manifest, or of an answer of categories."""
        assert self.built is not None  # noqa: S101  only what is whole has one
        told = [self.built.answer, self.built.tables]
        return self.built.hash or hashlib.sha256(canonical(told)).hexdigest()

    def facts(self) -> dict[str, Any]:
        """What the book knows of it."""
        told = {"version": self.package.version, "content": self.package.content}
        if not self.is_whole or self.built is None:
            return told
        rows = sum(each["rows"] for each in self.built.tables)
        awaited = [each["system"] for each in self.built.awaited]
        return {**told, "hash": self.hash, "rows": rows, "withheld": self.built.withheld,
                "awaited": awaited}  # fmt: skip

    def fail(self, error: Exception) -> None:
        """This one comes to nothing; its file goes."""
        self.error = error
        drop(self.name)


def drop(file: str) -> None:
    if file:
        path = folder() / file
        for each in (path, *leftovers(path)):
            each.unlink(missing_ok=True)


# --- the end ------------------------------------------------------------------------------------


def finish(jobs: Sequence[Job], *, at: datetime) -> None:
    """Write down what was built: all of them at once or, where that fails, each alone."""
    sound = [job for job in jobs if job.error is None]
    try:
        _finish_together(sound, at=at)
    except Exception as error:  # noqa: BLE001  the border of one package
        if len(sound) == 1:
            sound[0].fail(error)
            return
        for job in sound:
            finish([job], at=at)


def _finish_together(jobs: Sequence[Job], *, at: datetime) -> None:
    """A request that moved on meanwhile, or a void package, gets nothing; nor does a lost lease."""
    if not jobs:
        return
    with transaction.atomic():
        due = _still_due(jobs)
        for job in jobs:
            if job.package.pk not in due:
                work.finish(job.package)
        mine = [job for job in jobs if job.package.pk in due]
        held = _store([_columns(job, at=at) for job in mine]) if mine else set()
        kept = [job for job in mine if job.package.pk in held]
        _say("package.by-hand", [job for job in kept if not job.is_whole], at=at)
        _say("package.built", [job for job in kept if job.is_whole], at=at)
    for job in jobs:
        if job.package.pk not in due:
            drop(job.name)
    for job in mine:
        if job.package.pk not in held:
            job.fail(work.LeaseLost())


def _still_due(jobs: Sequence[Job]) -> set[int]:
    """Those whose package and request still wait for it; held until the transaction ends."""
    requests = ConsumerRequest.objects.select_for_update().order_by("pk")
    verified = dict(
        requests.filter(pk__in=[job.package.consumer_request_id for job in jobs]).values_list(
            "pk", "status"
        )
    )
    packages = Package.objects.select_for_update().order_by("pk")
    return {
        pk
        for pk, request, stage in packages.filter(
            pk__in=[job.package.pk for job in jobs]
        ).values_list("pk", "consumer_request_id", "stage")
        if stage == PackageStage.BUILD and verified[request] == Status.VERIFIED
    }


STORE = """
UPDATE requests_app_package p SET state = 'done', owner = '', lease_until = NULL, error_code = '',
    stage = new.stage, file = new.file, size = new.size, hash = new.hash, summary = new.summary,
    samples = decode(new.samples, 'hex'), answer = decode(new.answer, 'hex'),
    first_on = new.first_on, last_on = new.last_on, built_at = new.built_at
FROM jsonb_to_recordset(%s) AS new(id bigint, fence bigint, stage text, file text, size bigint,
    hash text, summary jsonb, samples text, answer text, first_on date, last_on date,
    built_at timestamptz)
WHERE p.id = new.id AND p.fence = new.fence AND p.state = 'running' RETURNING p.id"""


def _store(rows: Sequence[Mapping[str, Any]]) -> set[int]:
    """Write the rows of packages that are still ours; which those are."""
    with planned_cursor() as cursor:
        cursor.execute(STORE, [json.dumps(rows)])
        return {pk for (pk,) in cursor.fetchall()}


def _columns(job: Job, *, at: datetime) -> dict[str, Any]:
    package, built, wanted = job.package, job.built, job.wanted
    told = {"id": package.pk, "fence": package.fence, "built_at": at.isoformat()}
    if not job.is_whole or built is None or wanted is None:
        return {**told, "stage": PackageStage.BY_HAND, "file": "", "size": 0, "hash": "",
                "summary": {}, "samples": "", "answer": ""}  # fmt: skip
    box = sealing.Box(package.data_key)
    return {
        **told,
        "stage": PackageStage.READY,
        "file": job.name,
        "size": built.size,
        "hash": job.hash,
        "summary": built.summary,
        "samples": building.sealed_samples(built, box).hex(),
        "answer": building.sealed_answer(built, box).hex(),
        "first_on": wanted.window.first.isoformat(),
        "last_on": wanted.window.last.isoformat(),
    }


def _say(verb: str, jobs: Sequence[Job], *, at: datetime) -> None:
    """One line in each one's book."""
    if jobs:
        entries = [(job.package.consumer_request.number, job.facts()) for job in jobs]
        ledger.record_many(verb, entries, by=SYSTEM, at=at)
