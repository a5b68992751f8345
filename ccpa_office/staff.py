"""Accounts of staff: who has which role, and whether somebody else had a hand in an account.

The triggers of the database write who touched what (see the migration); the verbs here only say
who acts. An account that another touched may not decide for 72 hours, or until a third person
confirms it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection, transaction

from ccpa_office import ledger
from ccpa_office.models import StaffMember, StaffTouch
from ccpa_office.roles import (
    SETTLING_TIME,
    Actor,
    NotAllowed,
    Role,
    Verb,
    may_decide_now,
    require,
)

ACTING = "ccpa.actor"


class NotAThirdPerson(NotAllowed):
    """Only somebody who is neither the member nor had a hand in the account can confirm it."""


class NotADemo(NotAllowed):
    """Accounts are vouched for without a third person in the demo alone."""


class NotTheFirst(NotAllowed):
    """An open account has the role of chief already: it opens the others at the desk of staff."""


@contextmanager
def acting(by: Actor) -> Iterator[None]:
    """Tell the database, for the transaction inside, who acts; opens one if there is none."""
    with transaction.atomic():
        before = _say(by.label)
        yield
        _say(before)


def _say(label: str) -> str:
    """Say who acts from here on in this transaction; return who was said to before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting(%s, true), '')", [ACTING])
        before = str(cursor.fetchone()[0])
        cursor.execute("SELECT set_config(%s, %s, true)", [ACTING, label])
    return before


def _subject(member: StaffMember) -> str:
    return f"staff:{member.pk}"


def create(
    username: str, *, password: str | None, roles: Iterable[Role], by: Actor, at: datetime
) -> StaffMember:
    """A new account. It is touched: it cannot decide for 72 hours or until a third confirms it."""
    require(by, Verb.MANAGE_STAFF)
    return _create(username, password, roles, by, at)


def _create(
    username: str, password: str | None, roles: Iterable[Role], by: Actor, at: datetime
) -> StaffMember:
    wanted = sorted(role.value for role in roles)
    with acting(by):
        member = StaffMember.objects.create_user(username, password=password, is_staff=True)
        member.groups.set(Group.objects.filter(name__in=wanted))
        ledger.record(
            "staff.created", subject=_subject(member), by=by, at=at, facts={"roles": wanted}
        )
    return member


def grant_role(member: StaffMember, role: Role, by: Actor, at: datetime) -> None:
    """Give ``member`` a role. Raises NotAllowed."""
    require(by, Verb.MANAGE_STAFF)
    with acting(by):
        member.groups.add(Group.objects.get(name=role.value))
        _line("staff.role_granted", member, by, at, role=role.value)


def revoke_role(member: StaffMember, role: Role, by: Actor, at: datetime) -> None:
    """Take a role from ``member``. Raises NotAllowed."""
    require(by, Verb.MANAGE_STAFF)
    with acting(by):
        member.groups.remove(Group.objects.get(name=role.value))
        _line("staff.role_revoked", member, by, at, role=role.value)


def set_password(member: StaffMember, password: str, by: Actor, at: datetime) -> None:
    """Set a password: one's own freely, another's with the right to manage staff."""
    if by.id != member.pk:
        require(by, Verb.MANAGE_STAFF)
    with acting(by):
        member.set_password(password)
        member.save(update_fields=["password"])
        _line("staff.password_set", member, by, at)


def set_active(member: StaffMember, active: bool, by: Actor, at: datetime) -> None:  # noqa: FBT001
    """Open or close an account. Raises NotAllowed."""
    require(by, Verb.MANAGE_STAFF)
    with acting(by):
        member.is_active = active
        member.save(update_fields=["is_active"])
        _line("staff.opened" if active else "staff.closed", member, by, at)


def mark_second_factor_changed(member: StaffMember, by: Actor, at: datetime) -> None:
    """Say that a second factor was changed where no trigger of ours could see it."""
    with acting(by):
        if by.id != member.pk:
            with connection.cursor() as cursor:
                cursor.execute("SELECT ccpa_office_touch(%s, 'second factor')", [member.pk])
        _line("staff.second_factor_changed", member, by, at)


def reset_second_factor(member: StaffMember, by: Actor, at: datetime) -> int:
    """Take every second factor from ``member``, who lost it. Raises NotAllowed.

    A trigger touches the account; its sessions end.
    """
    require(by, Verb.MANAGE_STAFF)
    with acting(by):
        taken, _kinds = Authenticator.objects.filter(user_id=member.pk).delete()
        if taken:
            _line("staff.second_factor_reset", member, by, at)
    return int(taken)


def confirm_touch(member: StaffMember, by: Actor, at: datetime) -> int:
    """Vouch, as a third person, for what others did to ``member``'s account.

    Returns how many touches it settled. Raises NotAllowed, TouchedAccount when the account of the
    one who confirms is itself touched, NotAThirdPerson. A touch by nobody knows whom is settled
    by time alone.
    """
    require(by, Verb.CONFIRM_STAFF)
    with transaction.atomic():
        recent = StaffTouch.objects.select_for_update().filter(
            member_id=member.pk, at__gt=at - SETTLING_TIME
        )
        hands = {touch.by_id for touch in recent if touch.by_id or not touch.confirmed_at}
        if by.id == member.pk or by.id in hands or None in hands:
            raise NotAThirdPerson
        may_decide_now(by, at=at)
        return _settle([member], by, at, "staff.confirmed", by.id)


def vouch(members: Iterable[StaffMember], *, at: datetime) -> None:
    """Confirm the accounts that the demo made, and say so in the book. Raises NotADemo."""
    if not settings.DEMO:
        raise NotADemo
    with transaction.atomic():
        _settle(list(members), Actor.system("demo"), at, "staff.vouched", None)


def first(username: str, *, password: str, at: datetime) -> StaffMember:
    """The first account of an office, a chief's; nobody can vouch for it, so time alone settles it.

    Raises NotTheFirst.
    """
    with transaction.atomic():
        chiefs = Group.objects.select_for_update().get(name=Role.CHIEF.value)  # one at a time
        if StaffMember.objects.filter(groups=chiefs, is_active=True).exists():
            raise NotTheFirst
        return _create(username, password, [Role.CHIEF], Actor.system("command-line"), at)


def found(
    username: str, *, password: str | None, roles: Iterable[Role], at: datetime
) -> StaffMember:
    """An account of the demo's staff, ready to decide at once. Raises NotADemo."""
    if not settings.DEMO:
        raise NotADemo
    with transaction.atomic():
        member = _create(username, password, roles, Actor.system("demo"), at)
        vouch([member], at=at)
    return member


def _settle(
    members: list[StaffMember], by: Actor, at: datetime, verb: str, by_id: int | None
) -> int:
    ids = [member.pk for member in members]
    settled: int = StaffTouch.objects.filter(member_id__in=ids, confirmed_at=None).update(
        confirmed_at=at, confirmed_by_id=by_id
    )
    if settled:
        ledger.record_many(verb, [(_subject(member), {}) for member in members], by=by, at=at)
    return settled


def _line(verb: str, member: StaffMember, by: Actor, at: datetime, **facts: str) -> None:
    ledger.record(verb, subject=_subject(member), by=by, at=at, facts=facts)
