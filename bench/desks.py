"""G11: the queue of requests with a million rows, beside Django's own change list."""

from functools import partial

from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from bench import places
from bench.measure import Line, play
from ccpa_office import sealing
from requests_app.models import ConsumerRequest, Identifier, IdentifierSource
from tests import builders
from tests.requests.desks import at_desk

DEEP = 250_000
STOCK = "/stock/requests_app/consumerrequest/"
QUEUE = "/admin/requests/"
GIVEN = {
    "number": "'R' || upper(lpad(to_hex(g), 10, '0'))",
    "nonce": "'bench-' || g",
    "data_key_id": "NULL::bigint",
    "status": "CASE WHEN g %% 50 = 0 THEN 'checking' ELSE 'waiting' END",
    "due_on": "t.due_on + (g %% 60)::int",
}


def fill(rows: int) -> ConsumerRequest:
    """Make open requests by SQL, after the likeness of a real one; return the real one."""
    real = builders.ask("somebody@example.org")
    columns = [
        field.column for field in ConsumerRequest._meta.concrete_fields if field.column != "id"
    ]
    values = ", ".join(GIVEN.get(str(name), f't."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO requests_app_consumerrequest ({names}) SELECT {values}"  # noqa: S608
            " FROM requests_app_consumerrequest t, generate_series(1, %s) g WHERE t.id = %s",
            [rows, real.pk],
        )
        cursor.execute("VACUUM (ANALYZE) requests_app_consumerrequest")
    return real


def give_senders(marks: list[int]) -> None:
    """Seal an address for the rows that are shown, so that the queue has something to open."""
    for row in ConsumerRequest.objects.filter(pk__in=marks, data_key=None):
        row.data_key = sealing.new_key()
        row.save(update_fields=["data_key"])
        Identifier.objects.create(
            consumer_request=row, source=IdentifierSource.TYPED, kind="email",
            value=sealing.Box(row.data_key).seal("p@example.org", context="identifier.value"),
            digest=sealing.digest("email", f"{row.pk}@example.org"), is_contact=True,
        )  # fmt: skip


def pages(real: ConsumerRequest, rows: int) -> dict[str, tuple[str, str]]:
    """What is asked of each: the office's address and the stock one."""
    queue = ConsumerRequest.objects.filter(closed_at=None).order_by("due_on", "pk")
    deep = queue[min(DEEP, rows // 2)]
    checking = queue.filter(status="checking")
    after = queue.filter(due_on=deep.due_on, pk__gt=deep.pk)
    for shown in (queue[:51], checking[:51], after[:51]):
        give_senders([row.pk for row in shown])
    return {
        "first page": (QUEUE, STOCK),
        "deep page": (
            f"{QUEUE}?after={deep.due_on}.{deep.pk}",
            f"{STOCK}?p={min(DEEP, rows // 2) // 50}",
        ),
        "filter": (f"{QUEUE}?view=identity", f"{STOCK}?status__exact=checking"),
        "search by number": (f"{QUEUE}?q={real.public_number}", f"{STOCK}?q={real.number}"),
    }


def lines(rows: int, rounds: int) -> list[Line]:
    """G11, one line for each thing that is asked."""
    team = places.office()
    with override_settings(ROOT_URLCONF="bench.stock", ALLOWED_HOSTS=["*"]):
        client = at_desk(team.clerk)
        few = _queries(client, QUEUE)
        real = fill(rows)
        found = []
        for what, (ours, stock) in pages(real, rows).items():
            gate = 30.0 if what.startswith("search") else 4.0
            line = Line("G11", f"queue of {rows:,}: {what}", "pages/s", gate)
            places.settle()
            play(
                line,
                rounds,
                office=partial(_get, client, ours),
                reference=partial(_get, client, stock),
                before=partial(_warm, client, (ours, stock)),
            )
            line.facts["queries"] = {
                "office": _queries(client, ours),
                "stock": _queries(client, stock),
            }
            line.facts["queries of an almost empty queue"] = few
            found.append(line)
    return found


def _get(client: Client, address: str, _number: int = 0) -> int:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return 1


def _warm(client: Client, addresses: tuple[str, str], number: int) -> None:
    if number == 0:
        for address in addresses:
            _get(client, address)


def _queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as seen:
        _get(client, address)
    return len(seen)
