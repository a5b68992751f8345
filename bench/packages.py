"""G10: packages of what is held, one by one, beside a query and a file for each."""

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
from bench.measure import Line, play, timed
from bench.shop import Shops, person
from ccpa_office import clock
from ccpa_office.law.kinds import RequestKind
from ccpa_office.roles import Actor
from requests_app import intake, tasks, verification
from requests_app.intake import Asked
from requests_app.models import Channel, Link, LinkPurpose, Package, Step
from tests import builders

MOST_MIB = 128
NOTES = """
The office's package is sealed and has JSON, CSV and a page for each table; by hand it is a text.
The gate of this goal is beside the peer (report-peer.md).
Many people's packages as one set (G10 b) are nothing that the office makes.""".strip().split("\n")


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
    """Customers whose packages are made by the office's workers, and by a query each."""

    def __init__(self, customers: int, people: int, rounds: int) -> None:
        self.shops = Shops(customers, processes=2)
        everybody = reference.emails(customers, people * (rounds + 1), seed=11)
        self.rounds = [everybody[n * people : (n + 1) * people] for n in range(rounds + 1)]
        self.folder = Path(settings.DATA_DIR) / "by-hand"
        self.folder.mkdir(exist_ok=True)
        self.prepare(rounds)
        self.office(rounds)

    def prepare(self, number: int) -> None:
        verified(self.rounds[number], places.office())
        places.settle()

    def office(self, _number: int) -> int:
        assert self.shops.workers
        return self.shops.workers.work("packages")

    def reference(self, number: int) -> int:
        return sum(
            reference.package_one(self.shops.connection, each, self.folder / f"{place}.json")
            for place, each in enumerate(self.rounds[number])
        )


def one_by_one(customers: int, *, people: int, rounds: int) -> Line:
    """G10 (a): from verified to a package that waits for a person, by two workers."""
    line = Line("G10-shop", f"packages one by one, 2 workers, {customers:,} customers",
                "packages/s", 0.0)  # fmt: skip
    ways = Ways(customers, people, rounds)
    try:
        play(line, rounds, before=ways.prepare, office=ways.office, reference=ways.reference)
        every = reference.emails(customers, min(10_000, customers), seed=12)
        path = ways.folder / "all.json"
        streamed = timed(lambda _: reference.package_set(ways.shops.connection, every, path), 0)
        line.facts["by hand, one stream, packages/s"] = round(streamed.speed)
    finally:
        ways.shops.end()
    assert all(run.count == people for run in (*line.office, *line.reference))
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
