"""A deletion from the form to the status page, by people in browsers, on a running office."""

import hashlib
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser

from tests.journeys import store, walk
from tests.journeys.running import RunningOffice, until
from tests.journeys.walk import Sent, somebody

pytestmark = pytest.mark.browser

DATA = Path(__file__).parent / "data"
ACCOUNT = "account_id = %(person)s"
ENROLMENT = "enrolment_id IN (SELECT id FROM enrolments WHERE account_id = %(person)s)"
ORDER = "order_id IN (SELECT id FROM orders WHERE account_id = %(person)s)"
LEARNER_ROWS = {
    "accounts": "id = %(person)s",
    "addresses": "id = %(person)s",
    "profiles": ACCOUNT,
    "enrolments": ACCOUNT,
    "progress": ACCOUNT,
    "grades": ENROLMENT,
    "certificates": ENROLMENT,
    "orders": ACCOUNT,
    "payments": ORDER,
    "refunds": "payment_id IN (SELECT p.id FROM payments AS p JOIN orders AS o ON o.id = p.order_id"
    " WHERE o.account_id = %(person)s)",
    "invoices": "account_no = %(person)s",
    "forum_posts": "author_id = %(person)s",
    "support_tickets": ACCOUNT,
    "activity_log": ACCOUNT,
    "newsletter": "email = 'hana.morikawa@example.org'",
}
"""What is Hana's, as somebody who knows the tables would say it."""


@dataclass(frozen=True)
class Tale:
    """Who asks, in which language, about which schema."""

    prefix: str
    name: str
    email: str
    answers: dict[str, str]
    schema: str
    system: str
    own: dict[str, str]
    person: object
    markers: list[str]
    kept: dict[str, int]
    done: str
    shared: tuple[str, str] = ("", "")
    changed: frozenset[str] = field(default_factory=frozenset)


HANA = Tale(
    prefix="/ja",
    name="森川 花",
    email="hana.morikawa@example.org",
    answers={"postal_code": "94110", "phone": "415 555 0142"},
    schema="public",
    system="learners",
    own=LEARNER_ROWS,
    person=1,
    markers=[
        "hana.morikawa@example.org",
        "(415) 555-0142",
        "1180 Hazel Street",
        "QL-100001",
        "QL-100002",
    ],
    kept={"invoices": 1},
    done="一部について対応しました。",
    changed=frozenset({"forum_posts"}),
)
MEMBER = "member = %(person)s"
ILSE = Tale(
    prefix="/es",
    name="Ilse Tannpike",
    email="ilse.tannpike@example.org",
    answers={"zip": "95007", "tel": "530 555 0107"},
    schema="atelier",
    system="atelier",
    own={
        "atelier.members": "member_id = %(person)s",
        "atelier.homes": "home_id IN (SELECT home FROM atelier.members AS m"
        " WHERE m.member_id = %(person)s)",
        "atelier.visits": MEMBER,
        "atelier.bills": MEMBER,
        "atelier.sayings": "writer = %(person)s",
    },
    person=uuid.UUID(hashlib.md5(b"member7", usedforsecurity=False).hexdigest()),
    markers=["ilse.tannpike@example.org", "(530) 555-0107", "107 Larkspur Way", "B-7-"],
    kept={"bills": 1, "homes": 1},
    done="Lo hicimos en parte.",
    shared=("homes", "GX_k"),
    changed=frozenset({"sayings"}),
)
RECORDED: list[Sent] = []
"""Every form that the journey in Japanese sent, in order: others may try them again."""


def test_a_learner_is_erased_by_people_in_browsers_and_nobody_else_is_touched(office, chromium):
    before = store.snapshot(office.learners, HANA.schema)
    own = store.own_rows(office.learners, HANA.own, HANA.person)
    walk_through(office, chromium, HANA, RECORDED)
    after = store.snapshot(office.learners, HANA.schema)
    compare(office, HANA, before, own, after)


def test_the_same_way_on_tables_that_only_a_map_file_knows(office, chromium):
    make_the_atelier(office)
    before = store.snapshot(office.learners, ILSE.schema)
    own = store.own_rows(office.learners, ILSE.own, ILSE.person)
    learners_before = store.snapshot(office.learners, HANA.schema)
    walk_through(office, chromium, ILSE, [])
    after = store.snapshot(office.learners, ILSE.schema)
    compare(office, ILSE, before, own, after)
    assert store.snapshot(office.learners, HANA.schema) == learners_before


def make_the_atelier(office: RunningOffice) -> None:
    """Another schema with other tables; the office learns of it by a map file alone."""
    with psycopg.connect(office.learners) as connection:
        connection.execute((DATA / "atelier.sql").read_bytes())
    office.manage(
        "system", "add", "atelier", "--url", office.learners, "--schema", "atelier",
        "--as", "editor",
    )  # fmt: skip
    loaded = office.manage(
        "datamap", "load", str(DATA / "atelier.yml"), "--system", "atelier", "--as", "editor"
    )
    digest = loaded.split()[-1]
    office.manage("datamap", "approve", "--system", "atelier", "--digest", digest, "--as", "chief")


def walk_through(office: RunningOffice, browser: Browser, tale: Tale, sent: list[Sent]) -> None:
    """The whole way; ends with the consumer reading the answer."""
    with somebody(browser, office, "consumer", sent) as consumer:
        number = walk.ask_for_deletion(
            consumer, prefix=tale.prefix, name=tale.name, email=tale.email
        )
        receipt = office.letter(tale.email, number, links=1)
        letter = office.letter(tale.email, number, links=2)
        walk.confirm(consumer, letter["mailed"][0], tale.answers)
        office.until_status(number, "checking")
        staff_work(office, browser, tale, number, sent)
        office.until_status(number, "completed")
        walk.follow(consumer, receipt["mailed"][-1])
        assert tale.done in consumer.page.inner_text("h1")
        answer = office.letter(tale.email, number)
        assert number in answer["text"]


def staff_work(
    office: RunningOffice, browser: Browser, tale: Tale, number: str, sent: list[Sent]
) -> None:
    """Verified by one, approved by another, the batch by two."""
    case = f"/admin/requests/{number.replace('-', '')}/"
    with somebody(browser, office, "verifier", sent) as verifier:
        verifier.sign_in()
        verifier.go(case)
        verifier.do("decide", reason="The answers match.")
        office.until_status(number, "planned")
    if tale.shared[0]:
        decide_on_shared_rows(office, browser, tale, case, sent)
    with (
        somebody(browser, office, "approver", sent) as approver,
        somebody(browser, office, "chief", sent) as chief,
    ):
        approver.sign_in()
        approver.go(case)
        approver.press("aside a[href*='/admin/plans/']")
        approver.do("approve")
        chief.sign_in()
        for person in (approver, chief):
            batch = waiting_batch(office, number)
            person.go(f"/admin/batches/{batch}/")
            person.do("approve")


def decide_on_shared_rows(
    office: RunningOffice, browser: Browser, tale: Tale, case: str, sent: list[Sent]
) -> None:
    """An officer says what happens to rows that others reach too."""
    table, ground = tale.shared
    with somebody(browser, office, "officer", sent) as officer:
        officer.sign_in()
        officer.go(case)
        officer.press("aside a[href*='/admin/plans/']")
        officer.do("shared", table=table, decision="keep", ground=ground)


def waiting_batch(office: RunningOffice, number: str) -> int:
    """The batch above the ceiling into which the request's plan was put."""
    query = (
        "SELECT b.id FROM requests_app_batch b JOIN requests_app_chunk c ON c.batch_id = b.id"
        " JOIN requests_app_plan p ON p.chunk_id = c.id JOIN requests_app_consumerrequest r"
        " ON r.id = p.consumer_request_id WHERE r.number = %s AND b.state = 'waiting'"
    )
    plain = number.replace("-", "")
    found = until(lambda: office.rows(query, plain) or None, "a batch above the ceiling")
    return int(found[0][0])


def compare(
    office: RunningOffice, tale: Tale, before: store.Rows, own: store.Rows, after: store.Rows
) -> None:
    """Only the person's rows went; what is left of them is what the plan keeps."""
    difference = store.Difference.between(before, after)
    kept = {
        table: sum((found - difference.gone.get(table, found - found)).values())
        for table, found in own.items()
    }
    assert (
        {table: count for table, count in kept.items() if count}
        == tale.kept
        == planned(office, tale)
    )
    for table, gone in difference.gone.items():
        assert gone <= own[table]
    assert difference.came.keys() == tale.changed
    assert store.holding(difference.came, tale.markers) == {}
    left = store.holding(after, tale.markers)
    assert {table: sum(found.values()) for table, found in left.items()} == tale.kept


def planned(office: RunningOffice, tale: Tale) -> dict[str, int]:
    """Rows that the newest plan keeps, by table."""
    query = (
        "SELECT summary FROM requests_app_plan WHERE state = 'proved' AND system_key = %s"
        " ORDER BY id DESC LIMIT 1"
    )
    ((summary,),) = office.rows(query, tale.system)
    return {part["table"]: part["rows"] for part in summary if part["action"] == "keep"}
