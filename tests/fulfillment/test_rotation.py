"""New keys for old: what is sealed stays readable, what is looked up by digest is still found."""

import base64
import os

import pytest
from django.core.management import call_command

from ccpa_office import clock
from notices_app import datamap
from requests_app import suppression, tasks
from requests_app.fulfillment import correction, erasure_ledger, terms
from requests_app.fulfillment.correctable import Claim
from requests_app.fulfillment.locking import locked
from requests_app.models import Batch, Kept, OutsideCall, OutsideTask
from tests.builders import KOFI, ORLA
from tests.fulfillment import outsiders
from tests.fulfillment.knowing import CORRECT, package_of, plain, released, verified_to_know
from tests.steps import query
from tests.vendor.making import vendor_in
from tests.vendor.modes import Mode
from tests.vendor.server import TOKEN

pytestmark = pytest.mark.django_db(transaction=True)
NAME = ("learners", "accounts", "full_name")


def key():
    return base64.b64encode(os.urandom(32)).decode()


@pytest.fixture
def vendor(tmp_path, settings, team, learners, at_once):
    """A vendor that takes a deletion in and never ends it."""
    settings.OUTBOUND_ALLOWED_HOSTS, settings.ALLOW_LOOPBACK_CALLBACKS = ["127.0.0.1"], True
    settings.PACKAGE_DIR, settings.ERASURE_LEDGER_DIR = tmp_path / "packages", tmp_path / "ledger"
    with vendor_in(tmp_path) as made:
        made.add(KOFI)
        made.mode = Mode.ACCEPTED_THEN_NEVER
        outsiders.register(team, "mail", made.url)
        yield made


@pytest.fixture
def before(vendor, learners, mailbox, team):
    """A deletion in mid way at the vendor, a package to fetch, a corrected name."""
    outsiders.carried_out(mailbox, team, KOFI)
    package = released(mailbox, team, learners)
    asked = verified_to_know(mailbox, team, learners, kind=CORRECT)
    claim = Claim(NAME, "Orla Vale")
    correction.propose(asked, claim, reason="a passport", by=team.officer, at=clock.now())
    read = correction.read_now(asked)
    correction.approve(asked, hash=read, by=team.approver, at=clock.now())
    tasks.drain_collect()
    return package


def rotate(settings):
    """A new key first of each sort; the old one that seals goes, the old one of digests stays."""
    settings.ENCRYPTION_KEYS = [key(), *settings.ENCRYPTION_KEYS]
    call_command("rotate_keys", skip_checks=True)
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]
    settings.DIGEST_KEYS = [f"9:{key()}", *settings.DIGEST_KEYS]


def test_everything_that_was_sealed_or_digested_survives_a_rotation(
    before, vendor, learners, settings, capsys
):
    package, kofi = plain(before), Kept.objects.get().pk
    rotate(settings)
    assert capsys.readouterr().out.endswith("keys wrapped, 1 erasures sealed anew.\n")
    assert plain(package_of(before.consumer_request)) == package
    assert datamap.access(datamap.system("mail"), vendor.url).secrets == {"api_token": TOKEN}
    assert [each.system for each in erasure_ledger.erasures()] == ["learners"]
    assert suppression.is_suppressed("email", KOFI)
    account = query(learners, "SELECT id FROM accounts WHERE lower(email) = %s", ORLA)[0][0]
    assert locked(NAME, "Orla Dunmarrow", key=[account])
    assert locked(NAME, "Orla Dunmarrow", email=ORLA)
    query(learners, "UPDATE invoices SET issued_on = '2001-01-01', legal_hold = false")
    Kept.objects.update(due_on=clock.today())
    assert (terms.gather(at=clock.now()), Kept.objects.get().pk) == (1, kofi)
    assert Batch.objects.filter(kind=Batch.Kind.TERM).count() == 1


def test_a_call_outside_is_the_same_call_under_a_new_digest_key(before, vendor, settings):
    call = OutsideCall.objects.get()
    rotate(settings)
    OutsideTask.objects.update(not_before=clock.now())
    tasks.drain_erase()
    assert OutsideCall.objects.get().key == call.key
    assert {each["key"] for each in vendor.log("asked") if each["what"] == "delete"} == {call.key}
