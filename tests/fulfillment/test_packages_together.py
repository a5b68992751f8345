"""Packages of many requests, collected together: each as it would be alone, and fails alone."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bench import reference
from bench.packages import verified
from ccpa_office import clock, connectors, work
from ccpa_office.connectors.postgresql import PostgreSQL
from ccpa_office.models import WorkState
from requests_app import tasks
from requests_app.fulfillment import access, collecting, finishing
from requests_app.fulfillment.package import building
from requests_app.models import Package, PackageStage
from requests_app.verification.looking import people_of_all
from tests import builders
from tests.copies import copy_of, drop_copies
from tests.fulfillment.knowing import CATEGORIES, opened, verified_to_know
from tests.steps import Killed, by_sql, lines, query

pytestmark = pytest.mark.django_db(transaction=True)

EVERYBODY = 40


@pytest.fixture(scope="module")
def shop_template(django_db_setup):
    name = reference.template(EVERYBODY)
    yield name
    drop_copies(name)
    reference.template.cache_clear()


@pytest.fixture
def shop(shop_template, team, settings, tmp_path):
    """A shop that the office serves, two of whose customers live together; its URL."""
    settings.PACKAGE_DIR = tmp_path / "packages"
    copy = copy_of(shop_template)
    target = next(copy)
    builders.serve(team, target, document=reference.document())
    query(target, "UPDATE client SET home_id = (SELECT home_id FROM client WHERE email = %s)"
          " WHERE email = %s", reference.email(1), reference.email(2))  # fmt: skip
    yield target
    connectors.close_all()
    next(copy, None)


def asked_of(team, numbers):
    """Their packages, due, in the order in which they asked."""
    verified(list(map(reference.email, numbers)), team)
    return list(Package.objects.order_by("pk"))


def now():
    """The newest package of each request, in the order in which they asked."""
    rows = Package.objects.exclude(stage=PackageStage.VOID)
    return list(rows.select_related("data_key", "consumer_request").order_by("consumer_request_id"))


def looked(package):
    return package.hash, package.size, package.summary


def test_each_package_made_together_is_the_one_made_alone_and_holds_nobody_else(
    shop, team, monkeypatch
):
    numbers = range(1, 13)
    asked_of(team, numbers)
    tasks.drain_collect()
    together, files = now(), [opened(package) for package in now()]
    assert {package.stage for package in together} == {PackageStage.READY}
    assert len({package.hash for package in together}) == len(together)
    for number, found in zip(numbers, files, strict=True):
        text = b"".join(found.values()).decode()
        assert [n for n in range(1, EVERYBODY + 1) if f"client-{n}@" in text] == [number]
    for package in together:
        shared = {each["table"]: each["shared"] for each in package.summary["tables"]}
        lives_together = package.consumer_request_id in {
            each.consumer_request_id for each in together[:2]
        }
        assert shared.get("home", 0) == lives_together
    monkeypatch.setattr(PostgreSQL, "collect_few", None)  # alone: every table is a stream
    monkeypatch.setattr(collecting, "_few", lambda *_: {})
    for package in together:
        access.collect_again(package.consumer_request, by=team.officer, at=clock.now())
    tasks.drain_collect()
    alone = now()
    assert [package.version for package in alone] == [2] * len(alone)
    assert list(map(looked, alone)) == list(map(looked, together))


def test_what_it_asks_does_not_grow_with_the_people(shop, team, monkeypatch):
    asked_of(team, [30])
    tasks.drain_collect()
    sent, send = [], PostgreSQL._send

    def counted(*given):
        sent.append(1)
        return send(*given)

    monkeypatch.setattr(PostgreSQL, "_send", counted)
    taken = []
    for numbers in ([1], range(2, 14)):
        asked_of(team, numbers)
        sent.clear()
        with CaptureQueriesContext(connection) as office:
            tasks.drain_collect()
        taken.append((len(office), len(sent)))
    assert taken[0] == taken[1] == (taken[0][0], reference.TABLES)
    assert taken[0][0] <= 20


def test_whose_fails_keeps_nobody_else_waiting(shop, team, monkeypatch):
    asked = asked_of(team, [1, 2, 3])
    by_sql("UPDATE ccpa_office_datakey SET wrapped = 'x' WHERE id = %s", asked[1].data_key_id)
    tasks.drain_collect()
    assert [package.stage for package in now()] == ["ready", "build", "ready"]
    failed = now()[1]
    assert (failed.state, failed.error_code) == (WorkState.READY, "Unreadable")
    assert {path.name for path in finishing.folder().iterdir()} == {
        package.file for package in now() if package.file
    }


def test_a_key_that_cannot_be_asked_keeps_nobody_else_waiting(shop, team, monkeypatch):
    asked_of(team, [1, 2, 3])
    on_file = people_of_all

    def spoiled(requests):
        found = on_file(requests)
        found[sorted(found)[1]]["learners"] = ["no number"]
        return found

    monkeypatch.setattr(collecting, "people_of_all", spoiled)
    tasks.drain_collect()
    assert [package.stage for package in now()] == ["ready", "build", "ready"]
    assert now()[1].error_code == "KeysRefused"


def test_who_has_many_rows_is_read_as_a_stream_and_the_others_are_not(shop, team, monkeypatch):
    query(shop, "INSERT INTO sign_in SELECT 1000000 + n, c.id, now() FROM client c,"
          " generate_series(1, 50) n WHERE c.email = %s", reference.email(2))  # fmt: skip
    monkeypatch.setattr(collecting, "FEW", 40)
    streamed, collect = set(), PostgreSQL.collect

    def seen(self, table, people, window):
        streamed.update(people)
        return collect(self, table, people, window)

    monkeypatch.setattr(PostgreSQL, "collect", seen)
    asked_of(team, [1, 2, 3, 4])
    tasks.drain_collect()
    assert [package.stage for package in now()] == ["ready"] * 4
    ((person,),) = query(shop, "SELECT id FROM client WHERE email = %s", reference.email(2))
    assert streamed == {person}


def test_what_was_tried_before_is_built_alone(shop, team, monkeypatch):
    """Whatever kills a worker takes nobody along: of those it held, each is then built alone."""
    asked_of(team, [1, 2, 3])
    groups = []
    built = collecting._built

    def dying(packages, *, at):
        groups.append([package.consumer_request_id for package in packages])
        if first in groups[-1]:
            raise Killed
        return built(packages, at=at)

    first = now()[0].consumer_request_id
    monkeypatch.setattr(collecting, "_built", dying)
    for _death in range(3):
        with pytest.raises(Killed):
            tasks.drain_collect()
        by_sql("UPDATE requests_app_package SET lease_until = clock_timestamp() - interval '1 s'"
               " WHERE state = 'running'")  # fmt: skip
    assert groups == [[first, first + 1, first + 2], [first], [first]]
    assert [package.attempts for package in now()] == [3, 1, 1]


def test_a_lost_lease_and_a_closed_case_cost_their_own_package_alone(shop, team, monkeypatch):
    asked_of(team, [1, 2, 3])
    write = building.write

    def meanwhile(*args, **more):
        by_sql("UPDATE requests_app_package SET fence = fence + 1, state = 'ready', lease_until ="
               " NULL, owner = '', not_before = now() + interval '1 day' WHERE id = %s AND state ="
               " 'running'", asked[0].pk)  # fmt: skip
        by_sql("UPDATE requests_app_package SET stage = 'void' WHERE id = %s", asked[1].pk)
        return write(*args, **more)

    asked = now()
    monkeypatch.setattr(building, "write", meanwhile)
    tasks.drain_collect()
    stages = list(Package.objects.order_by("pk").values_list("stage", "file", "state"))
    kept = now()[-1]
    assert stages == [("build", "", "ready"), ("void", "", "done"), ("ready", kept.file, "done")]
    assert [path.name for path in finishing.folder().iterdir()] == [kept.file]
    for package, last in zip(asked, ("request.verified", "request.verified", "package.built"),
                             strict=True):  # fmt: skip
        assert lines(package.consumer_request.number)[-1] == last


def test_categories_are_counted_from_the_same_rows(learners, mailbox, team, monkeypatch):
    verified_to_know(mailbox, team, learners, kind=CATEGORIES)
    (held,) = work.claim(Package, lane="collect", n=1, owner="x", lease=timedelta(minutes=3))
    (job,) = collecting._jobs([held], at=clock.now())
    assert job.wanted
    streamed = building.count(job.sources, job.wanted)
    collecting._gather([job])
    assert job.rows
    assert building.count(job.sources, job.wanted, job.rows) == streamed
