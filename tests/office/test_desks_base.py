"""The base of the desks: rows are read-only; the staff desk; what a stranger gets."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.test import Client

from ccpa_office import clock, clock_guard, ledger
from ccpa_office.admin import OfficeModelAdmin, site
from ccpa_office.admin.base import Closed
from ccpa_office.models import LedgerLine, StaffMember
from ccpa_office.roles import Actor, Role, may_decide_now
from tests.requests.desks import at_desk, said, somebody

pytestmark = pytest.mark.django_db
STAFF = "/admin/staff/"
PASSWORD = "a long pass phrase of theirs"


@pytest.fixture(autouse=True)
def _in_the_demo(settings: Any) -> None:
    settings.DEMO = True


def test_every_desk_is_of_the_base_class_and_nothing_else_stands_on_the_site():
    assert [
        desk for desk in site._registry.values() if not isinstance(desk, OfficeModelAdmin)
    ] == []
    words = [desk.word for desk in site.desks()]
    assert len(words) == len(set(words))
    assert [desk.word for desk in site.desks() if not desk.about] == []


def test_the_stock_site_with_its_user_pages_is_not_routed():
    assert admin.site is not site
    _actor, client = somebody(Role.CHIEF)
    for address in (
        "/admin/auth/",
        "/admin/auth/group/",
        "/admin/ccpa_office/staffmember/1/change/",
    ):
        assert client.get(address).status_code == 404


@pytest.mark.parametrize("door", ["save_model", "save_related", "delete_model", "delete_queryset"])
def test_no_desk_writes_rows(door):
    for desk in site.desks():
        with pytest.raises(Closed):
            getattr(desk, door)(None, None, None, None)


def test_no_desk_has_an_address_that_adds_changes_or_deletes():
    names = {str(getattr(pattern, "name", "")) for pattern in site.get_urls()}
    assert not {name for name in names if name.endswith(("_add", "_delete", "_history"))}


@pytest.mark.parametrize("address", ["/admin/", STAFF, "/admin/ledger/", "/ja/admin/requests/"])
def test_a_stranger_is_sent_to_the_sign_in(address):
    assert "/login/" in Client().get(address).headers["Location"]


def test_an_account_is_opened_and_cannot_decide_yet():
    _chief, client = somebody(Role.CHIEF)
    typed = {"username": "newcomer", "roles": ["approver"], "password": PASSWORD}
    page = client.post(f"{STAFF}do/create/", typed, follow=True)
    assert said(page) == [
        "The account is open. It cannot decide for 72 hours, or until a third confirms it."
    ]
    member = StaffMember.objects.get(username="newcomer")
    assert (member.is_superuser, member.check_password(PASSWORD)) == (False, True)
    with pytest.raises(Exception, match="Somebody else changed"):
        may_decide_now(Actor.of(member), at=clock.now())


def test_a_short_password_and_a_taken_name_come_back_with_the_form():
    actor, client = somebody(Role.CHIEF)
    name = StaffMember.objects.get(pk=actor.id or 0).username
    page = client.post(
        f"{STAFF}do/create/", {"username": name, "roles": ["clerk"], "password": "short"}
    )
    form = page.context["chores"][0].form
    assert set(form.errors) == {"username", "password"}


def test_a_third_person_confirms_an_account_and_whoever_touched_it_cannot():
    _chief, hand = somebody(Role.CHIEF)
    member, _own = somebody(Role.CLERK)
    _third, approver = somebody(Role.APPROVER)
    page = f"{STAFF}{member.id}/"
    hand.post(f"{page}grant/", {"role": "approver"})
    refused = hand.post(f"{page}confirm/", follow=True)
    assert said(refused)[-1] == (
        "Only somebody who is neither the member nor had a hand in the account can confirm it."
    )
    done = approver.post(f"{page}confirm/", follow=True)
    assert said(done)[-1] == "The account is confirmed and can decide again."
    lines = LedgerLine.objects.filter(subject=f"staff:{member.id}").order_by("seq")
    assert [line.verb for line in lines][-2:] == ["staff.role_granted", "staff.confirmed"]


def test_a_lost_second_factor_is_taken_away_and_the_account_is_touched():
    _chief, client = somebody(Role.CHIEF)
    member, _own = somebody(Role.APPROVER)
    Authenticator.objects.create(user_id=member.id, type="totp", data={"secret": "sealed"})
    client.post(f"{STAFF}{member.id}/factor/")
    assert not Authenticator.objects.filter(user_id=member.id).exists()
    assert LedgerLine.objects.filter(verb="staff.second_factor_reset").count() == 1
    with pytest.raises(Exception, match="Somebody else changed"):
        may_decide_now(member, at=clock.now())


def test_nobody_closes_their_own_account():
    chief, client = somebody(Role.CHIEF)
    page = client.post(f"{STAFF}{chief.id}/close/", follow=True)
    assert said(page) == ["Nobody closes their own account."]


def test_an_auditor_reads_the_book_and_verifies_it():
    clock_guard.witness(clock.now())
    _auditor, client = somebody(Role.AUDITOR)
    ledger.record("drill", subject="office", by=Actor.system("test"), at=clock.now())
    page = client.get("/admin/ledger/", {"subject": "office"})
    assert [row["line"].verb for row in page.context["rows"]] == ["drill"]
    checked = client.post("/admin/ledger/do/verify/", follow=True)
    assert said(checked)[0].startswith("The book is")


def test_a_desk_answers_a_forged_form_with_403():
    actor, _client = somebody(Role.CHIEF)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(StaffMember.objects.get(pk=actor.id or 0))
    assert strict.post("/admin/batches/do/stop/", {"reason": "x"}).status_code == 403


@pytest.mark.parametrize(
    "extra", ["?after=%27", "?after=" + "9" * 30, "?e=1", "?_popup=1&_to_field=id"]
)
def test_junk_in_the_address_of_a_list_is_no_fault(extra):
    _chief, client = somebody(Role.CHIEF)
    for desk in site.desks():
        assert client.get(desk.home() + extra).status_code == 200


def test_the_page_of_an_account_says_what_others_did(settings):
    _chief, client = somebody(Role.CHIEF)
    member, own = somebody(Role.CLERK)
    assert own.get("/admin/").status_code == 200
    client.post(f"{STAFF}{member.id}/grant/", {"role": "officer"})
    page = client.get(f"{STAFF}{member.id}/")
    assert [touch.what for touch in page.context["touches"]][:1] == ["roles"]
    assert (
        at_desk(Actor.of(StaffMember.objects.get(pk=member.id or 0))).get("/admin/").status_code
        == 200
    )
    assert own.get("/admin/").status_code == 302


def test_a_password_waits_nowhere_while_the_chief_proves_who_they_are():
    _actor, client = somebody(Role.CHIEF)
    session = client.session
    session["account_authentication_methods"] = []  # the last proof is long ago
    session.save()
    typed = {"username": "newcomer", "roles": ["clerk"], "password": PASSWORD}
    answer = client.post(f"{STAFF}do/create/", typed)
    assert answer.headers["Location"] == "/accounts/reauthenticate/?next=%2Fadmin%2Fstaff%2F"
    assert "phrase" not in str(dict(client.session.items()))
    assert not StaffMember.objects.filter(username="newcomer").exists()
