"""Collecting for requests to know: many packages at once, each for itself from then on.

What is held of all of them is asked table by table; each package is written, sealed and finished
alone, so that whoever's fails keeps nobody else waiting. Whoever has many rows is read as a stream.
"""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

from ccpa_office import sealing, work
from ccpa_office.connectors.base import ConnectorError, StoreUnreachable
from ccpa_office.connectors.collected import Asked, Record, TooMany, Window
from ccpa_office.law.deadlines import received_date
from ccpa_office.law.retention import LOOKBACK_FROM
from ccpa_office.models import DataKey, LedgerLine
from requests_app import targets
from requests_app.fulfillment.erasure import KeyOfAnother
from requests_app.fulfillment.finishing import Job, finish, folder
from requests_app.fulfillment.outside import exporting
from requests_app.fulfillment.package import building
from requests_app.fulfillment.package.building import Sources, Wanted
from requests_app.fulfillment.strangers import is_taken
from requests_app.models import ConsumerRequest, Package, PackageStage
from requests_app.targets import Target, Vendor
from requests_app.verification.looking import known_of, people_of_all

LEASE = timedelta(minutes=3)
TOGETHER = 25
"""So many packages are collected for at once."""
FEW = 2_000
"""So many rows of one table, of all of them, stand in memory; who has more is read as a stream."""
Found = dict[int, dict[str, list[Record]]]
"""Rows by table, of each of some packages."""
QUIET = 30.0
"""Seconds after which the work shows that it is alive."""


def build(package: Package, *, at: datetime) -> None:
    """Collect what every system holds of the person; the request then waits for a person.

    Reads only, outside any transaction. A worker that dies leaves nothing that could be served:
    the file counts when its row says so, and the next one writes another.
    """
    for _package, error in _built([package], at=at):
        raise error


def build_all(packages: Sequence[Package], *, at: datetime) -> None:
    """``build`` for many. Raises ``work.SomeFailed`` with those that came to nothing.

    What was tried before is built alone, so that nothing that kills a worker takes others along.
    """
    new = [each for each in packages if each.attempts <= 1]
    again = [each for each in packages if each.attempts > 1]
    for each in again[1:]:
        work.put_off(each, error_code=each.error_code, delay=timedelta(0))
    failed = [failure for some in (new, again[:1]) if some for failure in _built(some, at=at)]
    if failed:
        raise work.SomeFailed(failed)


def _built(packages: Sequence[Package], *, at: datetime) -> list[tuple[Package, Exception]]:
    """Build some, and those that came to nothing, each with why; who has many rows comes last."""
    jobs = _jobs(packages, at=at)
    _gather([job for job in jobs if job.error is None])
    work.seam("package.collecting")
    small = [job for job in jobs if not job.is_large]
    _write(small, _breathing(packages))
    finish(small, at=at)
    for job in jobs:
        if job.is_large:
            _write([job], partial(work.renew, job.package, LEASE))
            finish([job], at=at)
    return [(job.package, job.error) for job in jobs if job.error is not None]


def _breathing(packages: Sequence[Package]) -> Callable[[], None]:
    """Show now and then that the work on all of them is alive."""
    last = time.monotonic()

    def breathe() -> None:
        nonlocal last
        if time.monotonic() - last > QUIET:
            last = time.monotonic()
            for each in packages:
                with suppress(work.LeaseLost):  # its own end will say so
                    work.renew(each, LEASE)

    return breathe


# --- what each is about -------------------------------------------------------------------------


def _jobs(packages: Sequence[Package], *, at: datetime) -> list[Job]:
    """Whose packages they are, where these people are known, and what each is to hold."""
    requests = ConsumerRequest.objects.select_related("data_key").in_bulk(
        [each.consumer_request_id for each in packages]
    )
    keys = DataKey.objects.in_bulk([each.data_key_id for each in packages])
    for each in packages:
        each.consumer_request = requests[each.consumer_request_id]
        each.data_key = keys[each.data_key_id]
    people = people_of_all(list(requests.values()))
    first, reached = _first_days(list(requests.values())), _Reached()
    common = building.Common()
    jobs = []
    for package in packages:
        job = Job(package)
        on_file = people[package.consumer_request_id] if _is_due(package) else {}
        try:
            job.sources = [(reached.target(system), held) for system, held in on_file.items()]
            _require_same(package.consumer_request, job.sources)
            job.wanted = _wanted(package, first[package.consumer_request_id], on=received_date(at))
            if job.sources:
                is_whole = package.content == Package.Content.SPECIFIC
                outside = exporting.ask(
                    package.consumer_request if is_whole else None,
                    job.sources,
                    reached.vendors(),
                    at=at,
                )
                job.wanted = replace(job.wanted, outside=outside, common=common)
        except Exception as error:  # noqa: BLE001  the border of one package
            job.fail(error)
        jobs.append(job)
    return jobs


def _require_same(consumer_request: ConsumerRequest, sources: Sources) -> None:
    """Raise ``KeyOfAnother`` where a key was given to somebody else since it was looked up."""
    asked = [each for each in sources if each[0].connector.gives_again]
    known = known_of(consumer_request) if asked else {}
    if any(is_taken(target, people, known) for target, people in asked):
        raise KeyOfAnother


def _is_due(package: Package) -> bool:
    return package.stage == PackageStage.BUILD


class _Reached:
    """The systems of some packages, each asked for once."""

    def __init__(self) -> None:
        self._targets: dict[str, Target] = {}
        self._vendors: list[Vendor] | None = None

    def target(self, system: str) -> Target:
        """A database. Raises what ``targets.of`` raises."""
        if system not in self._targets:
            self._targets[system] = targets.of(system)
        return self._targets[system]

    def vendors(self) -> list[Vendor]:
        """The systems outside."""
        if self._vendors is None:
            self._vendors = targets.vendors()
        return self._vendors


def _wanted(package: Package, first: date, *, on: date) -> Wanted:
    given: dict[str, set[str]] = {}
    for each in package.given:
        given.setdefault(each["system"], set()).add(each["table"])
    return Wanted(
        number=package.consumer_request.public_number,
        language=package.language,
        day=on,
        window=Window(first, on),
        given={system: frozenset(tables) for system, tables in given.items()},
    )


def _first_days(requests: Sequence[ConsumerRequest]) -> dict[int, date]:
    """All since 2022, or the twelve months that the consumer chose (7024(h))."""
    numbers = [each.number for each in requests]
    received = LedgerLine.objects.filter(subject__in=numbers, verb="request.received")
    chosen = {
        subject: json.loads(body).get("facts", {}).get("since")
        for subject, body in received.order_by("-seq").values_list("subject", "body")
    }
    return {each.pk: _first_day(each, chosen.get(each.number)) for each in requests}


def _first_day(consumer_request: ConsumerRequest, since: str | None) -> date:
    if since != "12-months":
        return LOOKBACK_FROM
    day = consumer_request.received_on
    month = min(day.day, 28)
    return max(LOOKBACK_FROM, day.replace(year=day.year - 1, day=month))


# --- what is held -------------------------------------------------------------------------------


def _gather(jobs: Sequence[Job]) -> None:
    """The rows of everybody who has few, system by system; who has more is left to a stream."""
    asked: dict[str, dict[int, Asked]] = {}
    reached: dict[str, Target] = {}
    for place, job in enumerate(jobs):
        if job.wanted is None or not job.sources or job.wanted.given:
            continue
        job.rows = {}
        for target, people in job.sources:
            reached[target.key] = target
            window = job.wanted.window_of(target.key)
            asked.setdefault(target.key, {})[place] = Asked(people, window)
    for system, theirs in asked.items():
        try:
            found = _few(reached[system], theirs)
        except StoreUnreachable as away:
            for place in theirs:
                jobs[place].fail(away)
        else:
            _hand_out(jobs, system, theirs, found)


def _hand_out(jobs: Sequence[Job], system: str, asked: Iterable[int], found: Found) -> None:
    """To each their own rows of one system; who has none here is read as a stream, all of it."""
    for place in asked:
        rows = jobs[place].rows
        if place not in found:
            jobs[place].rows = None
        elif rows is not None:
            rows[system] = found[place]


def _few(target: Target, asked: Mapping[int, Asked]) -> Found:
    """Each one's rows by table; who has too many, or a key that cannot be asked, is left out."""
    try:
        found = target.connector.collect_few(list(asked.values()), most=FEW)
    except StoreUnreachable:
        raise
    except (TooMany, ConnectorError):
        if len(asked) == 1:
            return {}
        places, half = list(asked), len(asked) // 2
        parts = [{place: asked[place] for place in some} for some in (places[:half], places[half:])]
        return _few(target, parts[0]) | _few(target, parts[1])
    return dict(zip(asked, found, strict=True))


# --- the files ----------------------------------------------------------------------------------


def _write(jobs: Iterable[Job], breathe: Callable[[], None]) -> None:
    """Write each one's file; then all of them are brought to the disk, and get their names."""
    written = []
    for job in jobs:
        if job.error is not None or job.wanted is None or not job.sources:
            continue
        try:
            if job.package.content == Package.Content.CATEGORIES:
                job.built = building.count(job.sources, job.wanted, job.rows)
            else:
                _write_one(job, breathe)
                written.append(job)
        except Exception as error:  # noqa: BLE001  the border of one package
            job.fail(error)
        breathe()
    for job in written:
        try:
            _settle(folder() / job.name)
        except OSError as error:
            job.fail(error)


def _settle(path: Path) -> None:
    """Bring a file to the disk, and give it its name."""
    with path.with_suffix(".part").open("rb") as file:
        os.fsync(file.fileno())
    path.with_suffix(".part").replace(path)
    work.seam("package.stored")


def _write_one(job: Job, breathe: Callable[[], None]) -> None:
    job.name = f"{secrets.token_hex(20)}.sealed"
    box = sealing.Box(job.package.data_key)
    assert job.wanted is not None  # noqa: S101  only such a one is written
    job.built = building.write(
        (folder() / job.name).with_suffix(".part"), box, job.sources, job.wanted,
        rows=job.rows, breathe=breathe,
    )  # fmt: skip
