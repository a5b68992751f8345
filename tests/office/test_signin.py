"""How staff come in: password, second factor, counted tries, sessions that end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import cache
from django.db import connection
from django.test import Client

from ccpa_office import clock, staff, throttle
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, Role, may_decide_now
from ccpa_office.signin import SecondFactors, address_class
from tests.builders import actor

PASSWORD = "a long pass phrase of mine"
LOGIN = "/accounts/login/"
pytestmark = pytest.mark.django_db


def member(*roles: Role, name: str = "lin") -> StaffMember:
    made = actor(*(roles or (Role.CLERK,)), name=name)
    found = StaffMember.objects.get(pk=made.id or 0)
    staff.set_password(found, PASSWORD, made, clock.now())
    return StaffMember.objects.get(pk=made.id or 0)


def sign_in(client: Client, name: str = "lin", password: str = PASSWORD, **more: Any) -> Any:
    return client.post(LOGIN, {"username": name, "password": password}, **more)


def with_app(person: StaffMember) -> str:
    """Give somebody an authenticator app; return its secret."""
    secret = str(totp.generate_totp_secret())
    with staff.acting(Actor.of(person)):
        Authenticator.objects.create(
            user=person, type="totp", data={"secret": SecondFactors().encrypt(secret)}
        )
    return secret


def code_of(secret: str) -> str:
    _before, counter, _after = totp.yield_hotp_counters_from_time()
    return str(totp.format_hotp_value(totp.hotp_value(secret, counter)))


@pytest.mark.parametrize("role", Role)
def test_each_role_signs_in_with_username_and_password_and_lands_at_the_desks(role, settings):
    settings.DEMO = True
    member(role)
    answer = sign_in(Client())
    assert (answer.status_code, answer.headers["Location"]) == (302, "/admin/")


def test_the_desks_send_a_stranger_to_the_one_sign_in_page():
    answer = Client().get("/admin/login/?next=/admin/staff/")
    assert answer.headers["Location"] == "/accounts/login/?next=%2Fadmin%2Fstaff%2F"
    page = Client().get(LOGIN)
    assert list(page.context["form"].fields) == ["username", "password"]


def test_a_wrong_password_an_unknown_name_and_a_closed_account_read_the_same():
    closed = member(name="closed")
    StaffMember.objects.filter(pk=closed.pk).update(is_active=False)
    member()
    tries = [("lin", "wrong"), ("nobody", "wrong"), ("closed", PASSWORD)]
    said = {
        tuple(sign_in(Client(), name, word).context["form"].non_field_errors())
        for name, word in tries
    }
    assert said == {("This username and this password do not belong together.",)}


@pytest.mark.parametrize(
    "address",
    [
        "/accounts/signup/",
        "/accounts/email/",
        "/accounts/password/reset/",
        "/accounts/password/set/",
        "/accounts/login/code/confirm/",
        "/accounts/inactive/",
        "/accounts/confirm-email/x/",
        "/ja/accounts/signup/",
    ],
)
def test_other_ways_in_do_not_exist(address):
    assert Client().get(address).status_code == 404


def test_without_a_second_factor_no_desk_opens_outside_the_demo(settings):
    settings.DEMO = False
    person = member(Role.CHIEF)
    client = Client()
    client.force_login(person)
    for address in ("/admin/", "/admin/requests/", "/ja/admin/staff/"):
        assert client.get(address).headers["Location"].endswith("/accounts/2fa/totp/activate/")


def test_in_the_demo_the_second_factor_is_offered_and_may_wait(settings):
    settings.DEMO = True
    member(Role.CHIEF)
    client = Client()
    sign_in(client)
    assert "you may set it up later" in client.get("/admin/").content.decode()


def test_a_second_factor_is_asked_for_and_its_secret_is_sealed(settings):
    settings.DEMO = False
    secret = with_app(member(Role.CHIEF))
    client = Client()
    assert sign_in(client).headers["Location"] == "/accounts/2fa/authenticate/"
    assert client.get("/admin/").headers["Location"] == "/admin/login/?next=/admin/"
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert client.get("/admin/").status_code == 200
    assert secret not in str(Authenticator.objects.get().data)


def test_setting_up_a_second_factor_touches_nothing_and_opens_the_desks(settings):
    settings.DEMO = False
    person = member(Role.APPROVER)
    client = Client()
    sign_in(client)
    client.get("/accounts/2fa/totp/activate/")
    secret = client.session["mfa.totp.secret"]
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    codes = answer.headers["Location"]
    assert codes == "/accounts/2fa/recovery-codes/"
    pages = [
        *(codes, "/accounts/2fa/", "/accounts/2fa/webauthn/", "/accounts/2fa/webauthn/add/"),
        *("/accounts/2fa/totp/deactivate/", f"{codes}generate/", f"{codes}download/"),
        *("/accounts/password/change/", "/accounts/2fa/reauthenticate/"),
    ]
    answers = {page: client.get(page).status_code for page in pages}
    assert set(answers.values()) == {200}
    assert client.get("/admin/").status_code == 200
    may_decide_now(Actor.of(person), at=clock.now())


def test_five_wrong_codes_close_the_second_factor(settings):
    secret = with_app(member(Role.CHIEF))
    client = Client()
    sign_in(client)
    for _each in range(5):
        client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    answer = client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert answer.context["form"].errors["code"] == [
        "Too many tries. Wait a quarter of an hour, then try once more."
    ]


def test_the_sixth_try_is_refused_even_with_the_right_password():
    member()
    client = Client()
    for _each in range(5):
        sign_in(client, password="wrong")
    assert sign_in(client).status_code == 200
    assert client.get("/admin/").status_code == 302


def test_a_stranger_elsewhere_does_not_lock_the_member_out(settings):
    settings.DEMO = True
    member()
    for _each in range(6):
        sign_in(Client(), password="wrong", REMOTE_ADDR="203.0.113.9")
    assert sign_in(Client(), REMOTE_ADDR="198.51.100.7").status_code == 302


def test_twenty_tries_close_an_address_whatever_the_names():
    member()
    for number in range(20):
        sign_in(Client(), name=f"name{number}", password="wrong")
    assert sign_in(Client()).status_code == 200


def test_a_success_forgets_the_failures_before_it(settings):
    settings.DEMO = True
    member()
    for _round in range(2):
        for _each in range(4):
            sign_in(Client(), password="wrong")
        assert sign_in(Client()).status_code == 302


def test_each_closing_lasts_twice_as_long_as_the_one_before():
    at, key = clock.now(), throttle.place(throttle.ACCOUNT, "x", "")
    waits = []
    for _closing in range(3):
        while throttle.count(throttle.ACCOUNT, key, at=at):
            pass
        wait = next(
            minutes
            for minutes in range(1, 600)
            if throttle.count(throttle.ACCOUNT, key, at=at + timedelta(minutes=minutes))
        )
        waits.append(wait)
        at += timedelta(minutes=wait)
    assert waits == [15, 30, 60]


@pytest.mark.django_db(transaction=True)
def test_of_thirty_tries_at_once_exactly_five_are_judged():
    key, at = throttle.place(throttle.ACCOUNT, "parallel", ""), clock.now()

    def one(_number: int) -> bool:
        try:
            return throttle.count(throttle.ACCOUNT, key, at=at)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        judged = list(pool.map(one, range(30)))
    throttle.forgive(key)
    assert sum(judged) == 5


def _counted() -> set[bytes]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM ccpa_office_throttle")
        return {bytes(row[0]) for row in cursor.fetchall()}


def test_what_is_counted_holds_no_name_and_no_address():
    member()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ccpa_office_throttle")
    sign_in(Client(), password="wrong")
    keys = _counted()
    assert (len(keys), any(b"lin" in key or b"127" in key for key in keys)) == (2, False)


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("junk", ""),
    ],
)
def test_an_address_belongs_to_a_neighborhood(address, near):
    assert address_class(address) == near


def test_somebody_else_changing_the_account_ends_its_sessions(settings):
    settings.DEMO = True
    person = member(Role.CLERK)
    client = Client()
    sign_in(client)
    assert client.get("/admin/").status_code == 200
    staff.grant_role(person, Role.OFFICER, actor(Role.CHIEF), clock.now())
    assert client.get("/admin/").headers["Location"] == LOGIN


def test_signing_out_clears_the_browser_and_takes_a_press(settings):
    settings.DEMO = True
    member()
    client = Client()
    sign_in(client)
    client.get("/accounts/logout/")
    assert client.get("/admin/").status_code == 200
    answer = client.post("/accounts/logout/")
    assert answer.headers["Clear-Site-Data"] == '"cache", "cookies", "storage"'
    assert client.get("/admin/").status_code == 302


def test_staff_pages_live_on_their_own_host_where_there_is_one(settings):
    settings.STAFF_HOST = "staff.office.invalid"
    settings.ALLOWED_HOSTS = ["staff.office.invalid", "privacy.office.invalid"]
    for address in ("/admin/", LOGIN, "/ja/admin/"):
        assert Client().get(address, headers={"host": "privacy.office.invalid"}).status_code == 404
    for host in ("staff.office.invalid", "STAFF.office.invalid", "staff.office.invalid:8443"):
        assert Client().get(LOGIN, headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["staff.office.invalid", "STAFF.office.invalid."])
def test_consumers_pages_do_not_stand_on_the_host_of_the_staff(settings, host):
    settings.STAFF_HOST = "staff.office.invalid"
    settings.ALLOWED_HOSTS = ["staff.office.invalid", "privacy.office.invalid"]
    pages = [
        "/",
        "/ja/",
        "/requests/new/",
        "/es/requests/status/",
        "/notices/",
        "/opt-out/status.json",
    ]
    there = {page: Client().get(page, headers={"host": host}).status_code for page in pages}
    here = {
        page: Client().get(page, headers={"host": "privacy.office.invalid"}).status_code
        for page in pages
    }
    assert (set(there.values()), set(here.values())) == ({404}, {200})
    lost = Client().get("/requests/new/", headers={"host": host}).content.decode()
    assert 'href="/admin/"' in lost
    assert "/requests/" not in lost
    assert Client().get("/healthz", headers={"host": host}).status_code == 200


def test_without_a_host_of_their_own_desks_and_pages_stand_together(settings):
    settings.STAFF_HOST = ""
    assert {Client().get(page).status_code for page in ("/", LOGIN, "/requests/new/")} == {200}


def test_the_ten_hours_begin_with_the_sign_in_whatever_page_comes_first(settings):
    settings.DEMO = True
    member()
    client = Client()
    sign_in(client)
    began = client.session["began_at"]
    for hours in range(1, 10):
        settings.CLOCK_OFFSET = f"PT{hours}H"
        assert client.get("/requests/new/").status_code == 200
    assert client.session["began_at"] == began
    settings.CLOCK_OFFSET = "PT10H1M"
    assert client.get("/admin/").status_code == 302


def test_ten_hours_are_the_longest_session(settings):
    settings.DEMO = True
    member()
    client = Client()
    sign_in(client)
    client.get("/admin/")
    settings.CLOCK_OFFSET = "PT10H1M"
    assert client.get("/admin/").status_code == 302


def test_a_code_that_was_right_is_not_right_again_in_another_process():
    code = code_of(with_app(member(Role.CHIEF)))
    opened = []
    for _process in range(2):
        client = Client()
        sign_in(client)
        client.post("/accounts/2fa/authenticate/", {"code": code})
        opened.append(client.get("/admin/").status_code)
        cache.clear()  # what one process remembers no other knows
    assert opened == [200, 302]


def test_behind_our_own_proxy_a_stranger_does_not_lock_the_member_out(settings):
    settings.DEMO, settings.TRUSTED_PROXIES = True, 1
    member()
    stranger = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9"}
    for _each in range(6):
        sign_in(Client(), password="wrong", headers=stranger)
    assert sign_in(Client(), headers=stranger).status_code == 200
    assert sign_in(Client(), headers={"X-Forwarded-For": "198.51.100.7"}).status_code == 302


def test_without_a_proxy_nobody_says_where_they_come_from():
    member()
    for number in range(6):
        sign_in(Client(), password="wrong", headers={"X-Forwarded-For": f"198.51.{number}.7"})
    assert sign_in(Client(), headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 200
