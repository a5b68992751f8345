"""Roles, and accounts that somebody else touched."""

import itertools
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import AnonymousUser, Group
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.http import HttpResponse

from ccpa_office import clock, staff
from ccpa_office.models import LedgerLine, StaffMember, StaffTouch
from ccpa_office.own_account import OwnAccount
from ccpa_office.roles import (
    MATRIX,
    Actor,
    NotAllowed,
    Role,
    TouchedAccount,
    Verb,
    holders,
    matrix_markdown,
    may,
    may_decide_now,
    require,
)
from tests.office.people import actor, member

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "roles.md"
# Whoever holds the first and the second alone could bring both halves of a decision about.
HALVES = [
    (Verb.VERIFY, Verb.APPROVE),
    (Verb.ASK, Verb.APPROVE),
    (Verb.PLAN, Verb.APPROVE),
    (Verb.DECIDE_SHARED, Verb.APPROVE),
    (Verb.ASK, Verb.VERIFY),
    (Verb.RUN_BATCH, Verb.APPROVE_BATCH),
    (Verb.LOAD_MAP, Verb.APPROVE_MAP),
    (Verb.EDIT_NOTICE, Verb.REVIEW_NOTICE),
    (Verb.MANAGE_STAFF, Verb.CONFIRM_STAFF),
]


class TestMatrix:
    def test_every_role_has_a_row_and_every_verb_a_holder(self):
        assert set(MATRIX) == set(Role)
        assert [verb for verb in Verb if not holders(verb)] == []

    @pytest.mark.parametrize(("first", "second"), HALVES)
    def test_no_role_but_the_chief_holds_both_halves_of_a_decision(self, first, second):
        both = [role for role in Role if {first, second} <= MATRIX[role]]
        assert both == [Role.CHIEF]

    @pytest.mark.parametrize("role", Role)
    def test_a_role_gives_its_verbs_and_no_other(self, role):
        someone = Actor("staff", 1, frozenset({role}))
        assert {verb for verb in Verb if may(someone, verb)} == MATRIX[role]

    def test_an_auditor_changes_nothing(self):
        assert all(
            verb is Verb.EXPORT or verb.value.startswith("see_") for verb in MATRIX[Role.AUDITOR]
        )

    def test_the_system_and_consumers_may_nothing(self):
        for someone, verb in itertools.product((Actor.system("batches"), Actor.consumer()), Verb):
            with pytest.raises(NotAllowed):
                require(someone, verb)

    def test_the_page_of_the_manual_is_the_table(self, capsys):
        call_command("roles_table", skip_checks=True)
        assert PAGE.read_text() == matrix_markdown() == capsys.readouterr().out


class TestActor:
    def test_the_ledger_stores_an_id_and_no_name(self):
        assert Actor("staff", 12).label == "staff:12"
        assert Actor.system("batches").label == "system:batches"
        assert Actor.consumer().label == "consumer"

    def test_a_refusal_says_what_it_means(self):
        assert str(NotAllowed()) == "This needs a role that you do not have."
        assert str(NotAllowed("No.")) == "No."
        assert "72 hours" in str(TouchedAccount())

    def test_nobody_is_no_actor(self):
        for user in (AnonymousUser(), StaffMember()):
            with pytest.raises(NotAllowed):
                Actor.of(user)

    def test_roles_are_the_groups_of_active_staff(self, db):
        someone = member(Role.CLERK, Role.EDITOR)
        someone.groups.add(Group.objects.create(name="something else"))
        assert Actor.of(someone).roles == {Role.CLERK, Role.EDITOR}
        someone.is_active = False
        assert Actor.of(someone).roles == set()

    def test_a_superuser_without_a_role_may_nothing(self, db):
        someone = StaffMember.objects.create_superuser("root")
        assert not any(may(Actor.of(someone), verb) for verb in Verb)

    def test_the_name_of_an_account_shows_nowhere(self, db):
        someone = member()
        assert str(someone) == f"staff:{someone.pk}"


@pytest.fixture
def chief(db):
    return actor(Role.CHIEF)


@pytest.fixture
def third(db):
    return actor(Role.APPROVER)


@pytest.fixture
def someone(db):
    return member(Role.APPROVER)


def is_touched(account, at=None):
    try:
        may_decide_now(Actor.of(account), at=at or clock.now())
    except TouchedAccount:
        return True
    return False


def run(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def change(account, **fields):
    StaffMember.objects.filter(pk=account.pk).update(**fields)


def factor(account, **data):
    return Authenticator.objects.create(user=account, type="totp", data={"secret": "x", **data})


def close_and_open(account, by, at):
    for active in (False, True):
        staff.set_active(account, active, by, at)


class TestTouched:
    def test_an_account_that_nobody_touched_decides(self, someone):
        assert not is_touched(someone)

    def test_only_staff_decide(self):
        with pytest.raises(NotAllowed):
            may_decide_now(Actor.system("batches"), at=clock.now())

    @pytest.mark.parametrize(
        "touch",
        [
            lambda account, by, at: staff.grant_role(account, Role.OFFICER, by, at),
            lambda account, by, at: staff.revoke_role(account, Role.APPROVER, by, at),
            lambda account, by, at: staff.set_password(account, "another", by, at),
            staff.mark_second_factor_changed,
            close_and_open,
        ],
        ids=["grant", "revoke", "password", "second factor", "closed and opened"],
    )
    def test_each_verb_by_somebody_else_touches_and_is_recorded(self, someone, chief, touch):
        lines = LedgerLine.objects.filter(subject=f"staff:{someone.pk}")
        before = lines.count()
        touch(someone, chief, clock.now())
        assert is_touched(someone)
        assert {touch.by_id for touch in StaffTouch.objects.filter(confirmed_at=None)} == {chief.id}
        assert lines.count() > before

    @pytest.mark.parametrize(
        "around",
        [
            lambda account: change(account, password="x"),
            lambda account: change(account, email="x@example.org"),
            lambda account: change(account, username="renamed"),
            lambda account: change(account, is_superuser=True),
            lambda account: change(account, is_staff=False),
            lambda account: change(account, is_active=False),
            lambda account: account.groups.clear(),
            lambda account: account.groups.add(Group.objects.get(name="chief")),
            lambda account: run(
                "UPDATE ccpa_office_staffmember_groups SET group_id ="
                " (SELECT id FROM auth_group WHERE name = 'chief') WHERE staffmember_id = %s",
                account.pk,
            ),
            factor,
        ],
        ids=["password", "address", "name", "superuser", "staff", "active", "no roles", "role",
             "role by SQL", "second factor"],
    )  # fmt: skip
    def test_a_change_around_the_verbs_touches_too(self, someone, around):
        around(someone)
        assert is_touched(someone)

    def test_a_new_account_is_touched(self, chief):
        account = staff.create("second", password="x", roles=[Role.APPROVER], by=chief, at=NOW())
        assert is_touched(account)
        assert [role.value for role in Actor.of(account).roles] == ["approver"]

    def test_what_is_not_about_access_does_not_touch(self, someone):
        change(someone, first_name="A", last_name="B", last_login=clock.now())
        assert not is_touched(someone)

    def test_members_change_their_own_password_address_and_factor(self, someone):
        me = Actor.of(someone)
        staff.set_password(someone, "mine", me, clock.now())
        staff.mark_second_factor_changed(someone, me, clock.now())
        with staff.acting(me):
            change(someone, email="me@example.org")
            authenticator = factor(someone)
            authenticator.data = {"secret": "y"}
            authenticator.save()
            authenticator.delete()
        assert not is_touched(someone)

    def test_on_the_pages_of_the_own_account_it_is_the_member_who_acts(self, someone, rf):
        def change_it(request):
            change(someone, password=request.path)
            return HttpResponse()

        def post(path, user, method="post"):
            request = getattr(rf, method)(path)
            request.user = user
            OwnAccount(change_it)(request)

        post("/accounts/password/change/", someone)
        assert not is_touched(someone)
        post("/accounts/password/reset/", AnonymousUser())
        assert is_touched(someone)
        other = member()
        post("/accounts/2fa/", other)
        touches = StaffTouch.objects.filter(member_id=someone.pk, confirmed_at=None)
        assert list(touches.order_by("id").values_list("by_id", flat=True)) == [None, other.pk]
        post("/admin/", someone)
        post("/accounts/other/", someone, "get")
        assert touches.filter(by_id=None).count() == 2

    def test_nobody_renames_or_promotes_themselves_unseen(self, someone):
        with staff.acting(Actor.of(someone)):
            someone.groups.add(Group.objects.get(name="chief"))
        assert is_touched(someone)

    def test_who_acts_is_forgotten_after_the_verb(self, someone):
        with transaction.atomic():
            with staff.acting(Actor.of(someone)):
                pass
            change(someone, password="x")
        assert is_touched(someone)

    def test_using_a_second_factor_does_not_touch(self, someone):
        with staff.acting(Actor.of(someone)):
            authenticator = factor(someone, used_mask=0)
        authenticator.data = {"secret": "x", "used_mask": 1}
        authenticator.last_used_at = clock.now()
        authenticator.save()
        assert not is_touched(someone)

    def test_a_lost_factor_taken_by_the_chief_touches(self, someone, chief):
        with staff.acting(Actor.of(someone)):
            factor(someone)
        assert staff.reset_second_factor(someone, chief, clock.now()) == 1
        assert is_touched(someone)

    @pytest.mark.parametrize("how", ["changed", "removed", "given away"])
    def test_a_factor_changed_by_somebody_else_touches(self, someone, how):
        with staff.acting(Actor.of(someone)):
            authenticator = factor(someone)
        if how == "removed":
            authenticator.delete()
        else:
            authenticator.data = {"secret": "theirs"}
            authenticator.user = member() if how == "given away" else someone
            authenticator.save()
        assert is_touched(someone)
        assert how != "given away" or is_touched(authenticator.user)

    def test_after_72_hours_it_decides_again(self, someone):
        change(someone, password="x")
        touched_at = StaffTouch.objects.get(confirmed_at=None).at
        assert is_touched(someone, touched_at + timedelta(hours=72, microseconds=-1))
        assert not is_touched(someone, touched_at + timedelta(hours=72))

    def test_a_third_person_confirms(self, someone, chief, third):
        staff.grant_role(someone, Role.OFFICER, chief, clock.now())
        assert staff.confirm_touch(someone, third, clock.now()) == 1
        assert not is_touched(someone)

    def test_none_of_those_who_had_a_hand_in_it_confirms(self, someone, chief, third):
        other = actor(Role.CHIEF)
        staff.grant_role(someone, Role.OFFICER, chief, clock.now())
        staff.set_password(someone, "x", other, clock.now())
        for hand in (chief, other, Actor.of(someone)):
            with pytest.raises(staff.NotAThirdPerson):
                staff.confirm_touch(someone, hand, clock.now())
        staff.confirm_touch(someone, third, clock.now())
        staff.set_password(someone, "y", other, clock.now())
        with pytest.raises(staff.NotAThirdPerson):  # the earlier hand still counts
            staff.confirm_touch(someone, chief, clock.now())

    def test_a_touch_by_nobody_knows_whom_waits(self, someone, third):
        change(someone, password="x")
        with pytest.raises(staff.NotAThirdPerson):
            staff.confirm_touch(someone, third, clock.now())

    def test_a_touched_account_confirms_no_other(self, someone, chief):
        accomplice = staff.create("new", password="x", roles=[Role.APPROVER], by=chief, at=NOW())
        staff.grant_role(someone, Role.OFFICER, chief, clock.now())
        with pytest.raises(TouchedAccount):
            staff.confirm_touch(someone, Actor.of(accomplice), clock.now())

    @pytest.mark.parametrize("role", [role for role in Role if role != Role.CHIEF])
    def test_only_who_manages_staff_changes_accounts(self, someone, role):
        by, at = actor(role), clock.now()
        for refused in (
            lambda: staff.grant_role(someone, Role.CLERK, by, at),
            lambda: staff.revoke_role(someone, Role.CLERK, by, at),
            lambda: staff.set_password(someone, "x", by, at),
            lambda: staff.set_active(someone, False, by, at),
            lambda: staff.create("x", password="x", roles=[], by=by, at=at),
        ):
            with pytest.raises(NotAllowed):
                refused()
        assert not is_touched(someone)

    def test_the_database_too_wants_a_third_person(self, someone, chief):
        staff.grant_role(someone, Role.OFFICER, chief, clock.now())
        for hand in (chief.id, someone.pk):
            with pytest.raises(DatabaseError), transaction.atomic():
                StaffTouch.objects.filter(by_id=chief.id).update(confirmed_by_id=hand)

    def test_a_clerk_confirms_nobody(self, someone):
        with pytest.raises(NotAllowed):
            staff.confirm_touch(someone, actor(Role.CLERK), clock.now())

    def test_only_the_demo_vouches_for_itself(self, someone, settings):
        settings.DEMO = False
        with pytest.raises(staff.NotADemo):
            staff.vouch([someone], at=clock.now())
        with pytest.raises(staff.NotADemo):
            staff.found("x", password=None, roles=[], at=clock.now())


def NOW():  # noqa: N802 - reads as the moment
    return clock.now()


@pytest.mark.django_db
class TestTheDatabase:
    @pytest.mark.parametrize(
        "sql",
        [
            "DELETE FROM ccpa_office_staffmember WHERE id = %s",
            "UPDATE ccpa_office_staffmember SET id = id + 1000 WHERE id = %s",
            "UPDATE auth_group SET name = 'chief2' WHERE name = 'chief' AND %s > 0",
        ],
    )
    def test_ids_and_the_names_of_roles_stay(self, someone, sql):
        with pytest.raises(DatabaseError), transaction.atomic():
            run(sql, someone.pk)
        run("UPDATE auth_group SET name = name")
        run("UPDATE ccpa_office_staffmember SET id = id")

    def test_every_role_has_its_group(self):
        assert set(Group.objects.values_list("name", flat=True)) >= set(Role.values)
