"""G10: packages of what is held: one by one beside a query each, many together beside a COPY."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from bench import places, reference
from bench.measure import Line, each_cost, play
from bench.shop import Shops, person
from ccpa_office import clock
from ccpa_office.law.kinds import RequestKind
from ccpa_office.roles import Actor
from requests_app import intake, tasks, verification
from requests_app.fulfillment import access
from requests_app.intake import Asked
from requests_app.models import Channel, Link, LinkPurpose, Package, Step
from tests import builders

MOST_MIB = 128
NOTES = """\
The office's package is sealed and has JSON, CSV and a page for each table; by hand it is a text.
The gate of one by one is beside the peer (report-peer.md). A set (G10 b) is so many that wait
together: each has a file and a key of its own; by hand all of them are one file.""".strip().split(
    "\n"
)


def verified(addresses: list[str], team: builders.Team) -> None:
    """Requests to know of these people, verified, their packages due; not timed."""
    everybody = [person(each) for each in addresses]
    asked = [
        intake.open_request(
            Asked(
                RequestKind.KNOW_SPECIFIC, {"email": each["email"], "name": each["name"]},
                Channel.WEB, "en", secrets.token_hex(8), choices={"since": "everything"},
            ),
            by=Actor.consumer(), at=clock.now(),
        )
        for each in everybody
    ]  # fmt: skip
    _drain()
    for consumer_request, each in zip(asked, everybody, strict=True):
        link = Link.objects.select_related("consumer_request", "contact").get(
            consumer_request=consumer_request, purpose=LinkPurpose.CONFIRM
        )
        claims = {name: each[name] for name in each.keys() - {"email", "name"}}
        verification.accept_evidence(link, claims, signed_as=each["name"], at=clock.now())
    _drain()
    for consumer_request in asked:
        fresh = builders.fresh(consumer_request)
        verification.decide(fresh, by=team.verifier, reason="agrees", at=clock.now())
    assert Package.objects.filter(state="ready").count() == len(addresses)


def _drain() -> None:
    while Step.objects.exclude(state="done").exists():
        tasks.drain_verify()


class Ways:
    """Customers whose packages are made by the office's workers, and by a query each.

    They are verified once; for each round what is held of them is collected anew.
    """

    def __init__(self, customers: int, people: int, rounds: int, *, word: str = "packages") -> None:
        self.word = word
        self.shops = Shops(customers, processes=2)
        seed = 11 if word == "packages" else 13
        self.people = reference.emails(customers, people, seed=seed)
        self.folder = Path(settings.DATA_DIR) / "by-hand"
        self.folder.mkdir(exist_ok=True)
        verified(self.people, places.office())
        self.requests = [
            each.consumer_request
            for each in Package.objects.select_related("consumer_request").filter(state="ready")
        ]
        self.office(rounds)

    def prepare(self, _number: int) -> None:
        by, at = places.office().officer, clock.now()
        for consumer_request in self.requests:
            access.collect_again(consumer_request, by=by, at=at)
        places.settle()

    def office(self, _number: int) -> int:
        assert self.shops.workers
        return self.shops.workers.work(self.word)

    def reference(self, _number: int) -> int:
        return sum(
            reference.package_one(self.shops.connection, each, self.folder / f"{place}.json")
            for place, each in enumerate(self.people)
        )

    def as_a_set(self, _number: int) -> int:
        path = self.folder / "all.json"
        return reference.package_set(self.shops.connection, self.people, path)


def one_by_one(customers: int, *, people: int, rounds: int) -> Line:
    """G10 (a): from verified to a package that waits for a person, each alone, by two workers."""
    line = Line("G10-shop", f"packages one by one, 2 workers, {customers:,} customers",
                "packages/s", 0.0)  # fmt: skip
    ways = Ways(customers, people, rounds, word="alone")
    try:
        play(line, rounds, before=ways.prepare, office=ways.office, reference=ways.reference)
    finally:
        ways.shops.end()
    return _told(line, people)


def as_a_set(customers: int, *, people: int, rounds: int) -> Line:
    """G10 (b): many that wait together, by two workers, beside one COPY into one file."""
    what = f"{people:,} packages that wait together, 2 workers, {customers:,} customers"
    line = Line("G10-shop", what, "packages/s", 0.35)
    ways = Ways(customers, people, rounds)
    try:
        play(line, rounds, before=ways.prepare, office=ways.office, reference=ways.as_a_set)
    finally:
        ways.shops.end()
    return _told(line, people)


def _told(line: Line, people: int) -> Line:
    assert all(run.count == people for run in (*line.office, *line.reference))
    line.facts |= each_cost(line)
    line.notes += NOTES
    return line


def one_large(rows: int) -> Line:
    """G10 (c): one person with so many rows, in a process of its own."""
    line = Line("G10-shop", f"package of one person with {rows:,} rows", "share of gate", 1.0)
    address = urlsplit(os.environ["DATABASE_URL"])
    name = f"office_large_{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory(prefix="ccpa-bench-large-") as folder:
        environment = {
            **os.environ, "DATA_DIR": folder,
            "DATABASE_URL": address._replace(path=f"/{name}").geturl(),
        }  # fmt: skip
        command = [sys.executable, "-m", "bench.package", str(rows)]
        answer = subprocess.run(  # noqa: S603
            command, env=environment, capture_output=True, text=True, check=False
        )
    builders.administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    assert answer.stdout.strip(), answer.stderr[-2000:]
    facts = json.loads(answer.stdout)
    line.facts |= facts
    line.facts["measure"] = MOST_MIB / max(facts["above_idle_mib"], 1) if facts["valid"] else 0.0
    return line
