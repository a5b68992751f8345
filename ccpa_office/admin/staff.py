"""The staff desk: accounts, their roles, and who vouches for an account that others touched."""

from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.db.models import Exists, OuterRef, Prefetch
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ccpa_office import clock, clock_guard, staff
from ccpa_office.admin.base import OfficeModelAdmin
from ccpa_office.admin.deeds import Deed, Refused
from ccpa_office.admin.site import Panel, site
from ccpa_office.asking import AskingForm
from ccpa_office.models import ClockGuard, StaffMember, StaffTouch
from ccpa_office.roles import SETTLING_TIME, Actor, Role, Verb, may
from ccpa_office.signin import FACTORS

_L = gettext_lazy


class RoleForm(AskingForm):
    """Which role."""

    role = forms.ChoiceField(label=_L("Role"), choices=Role.choices)


class PasswordForm(AskingForm):
    """A password that the member changes later."""

    password = forms.CharField(
        label=_L("New password"),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_L("At least 15 characters. Tell it to the member in person."),
    )

    def clean_password(self) -> str:
        """Hold it against the rules for passwords."""
        password = str(self.cleaned_data["password"])
        validate_password(password)
        return password


class AccountForm(PasswordForm):
    """A new account."""

    username = forms.RegexField(
        r"^[a-z][a-z0-9._-]{1,39}$", label=_L("Username"), max_length=40, strip=True
    )
    roles = forms.MultipleChoiceField(
        label=_L("Roles"), choices=Role.choices, widget=forms.CheckboxSelectMultiple
    )
    field_order = ("username", "roles", "password")

    def clean_username(self) -> str:
        """One account a name."""
        name = str(self.cleaned_data["username"])
        if StaffMember.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError(_("This name is taken."))
        return name


def _create(
    _none: None, *, username: str, password: str, roles: list[str], by: Actor, at: datetime
) -> str:
    staff.create(username, password=password, roles=map(Role, roles), by=by, at=at)
    return _("The account is open. It cannot decide for 72 hours, or until a third confirms it.")


def _grant(member: StaffMember, *, role: str, by: Actor, at: datetime) -> str:
    staff.grant_role(member, Role(role), by, at)
    return _("The role is given. The account has to be confirmed by a third person.")


def _revoke(member: StaffMember, *, role: str, by: Actor, at: datetime) -> str:
    staff.revoke_role(member, Role(role), by, at)
    return _("The role is taken away.")


def _password(member: StaffMember, *, password: str, by: Actor, at: datetime) -> str:
    staff.set_password(member, password, by, at)
    return _("The password is set; every session of the account has ended.")


def _factor(member: StaffMember, *, by: Actor, at: datetime) -> str:
    if not staff.reset_second_factor(member, by, at):
        raise Refused(_("The account has no second factor."))
    return _("The second factor is gone; the member sets up a new one at the next sign-in.")


def _close(member: StaffMember, *, by: Actor, at: datetime) -> str:
    if member.pk == by.id:
        raise Refused(_("Nobody closes their own account."))
    staff.set_active(member, False, by, at)  # noqa: FBT003 - the verb's own signature
    return _("The account is closed.")


def _open(member: StaffMember, *, by: Actor, at: datetime) -> str:
    staff.set_active(member, True, by, at)  # noqa: FBT003 - the verb's own signature
    return _("The account is open again.")


def _confirm(member: StaffMember, *, by: Actor, at: datetime) -> str:
    if not staff.confirm_touch(member, by, at):
        raise Refused(_("There is nothing to confirm."))
    return _("The account is confirmed and can decide again.")


def _is_touched(member: StaffMember) -> bool:
    touches = StaffTouch.objects.open(clock.now() - SETTLING_TIME)
    return touches.filter(member_id=member.pk).exists()


_MANAGE = Verb.MANAGE_STAFF


class StaffDesk(OfficeModelAdmin):
    """Accounts by their username; nothing of them is edited in place."""

    word, label, place = "staff", _L("Staff"), 90
    about = _L("Who works here and in which roles. A changed account decides nothing for 72 hours.")
    see = (Verb.MANAGE_STAFF, Verb.CONFIRM_STAFF)
    list_template, page_template = "admin/staff.html", "admin/member.html"
    chores = (Deed("create", _L("Open an account"), _create, _MANAGE, AccountForm, fresh=True),)
    deeds = (
        Deed(
            "confirm", _L("Confirm this account"), _confirm, Verb.CONFIRM_STAFF,
            help=_L("You vouch, as a third person, for what others changed."),
            fresh=True, offered=_is_touched,
        ),
        Deed("grant", _L("Give a role"), _grant, _MANAGE, RoleForm, fresh=True),
        Deed("revoke", _L("Take a role away"), _revoke, _MANAGE, RoleForm, fresh=True),
        Deed("password", _L("Set a new password"), _password, _MANAGE, PasswordForm, fresh=True),
        Deed(
            "factor", _L("Take the second factor away"), _factor, _MANAGE, fresh=True, grave=True
        ),
        Deed(
            "close", _L("Close this account"), _close, _MANAGE, fresh=True, grave=True,
            offered=lambda member: bool(member.is_active),
        ),
        Deed(
            "open", _L("Open this account again"), _open, _MANAGE, fresh=True,
            offered=lambda member: not member.is_active,
        ),
    )  # fmt: skip

    def get_rows(self) -> Any:
        """Accounts with their roles and whether they have a second factor."""
        factor = Authenticator.objects.filter(user_id=OuterRef("pk"), type__in=FACTORS)
        touch = StaffTouch.objects.open(clock.now() - SETTLING_TIME).filter(
            member_id=OuterRef("pk")
        )
        return StaffMember.objects.annotate(
            has_factor=Exists(factor), touched=Exists(touch)
        ).prefetch_related(Prefetch("groups", Group.objects.order_by("name"), to_attr="roles"))

    def shelf(self, _request: HttpRequest, _actor: Actor) -> dict[str, Any]:
        """All accounts, open ones first."""
        return {"members": list(self.get_rows().order_by("-is_active", "username")[:500])}

    def facts(self, _request: HttpRequest, subject: Any, actor: Actor) -> dict[str, Any]:
        """One account, and what others did to it."""
        touches = list(StaffTouch.objects.filter(member_id=subject.pk).order_by("-at")[:50])
        ids = {touch.by_id for touch in touches} | {touch.confirmed_by_id for touch in touches}
        known = StaffMember.objects.filter(pk__in=[each for each in ids if each])
        names = dict(known.values_list("pk", "username"))
        return {
            "title": subject.username,
            "touches": touches,
            "names": names,
            "is_me": subject.pk == actor.id,
        }


def _confirm_clock(_none: None, *, by: Actor, at: datetime) -> str:
    clock_guard.confirm_clock(by=by, at=at)
    return _("The clock is confirmed; erasures and endings go on.")


class ClockDesk(OfficeModelAdmin):
    """The clock's guard: a person confirms the clock after a jump."""

    word, label, place = "clock", _L("Clock"), 95
    about = _L("Whether the office trusts its clock. Erasures and deadlines hang on it.")
    see = (Verb.CONFIRM_CLOCK,)
    list_template = "admin/clock.html"
    chores = (
        Deed("confirm", _L("The clock is right"), _confirm_clock, Verb.CONFIRM_CLOCK, fresh=True),
    )

    def shelf(self, _request: HttpRequest, _actor: Actor) -> dict[str, Any]:
        """What the guard knows."""
        return {"guard": ClockGuard.objects.first(), "trusted": clock_guard.clock_is_trusted()}


def _touched_accounts(actor: Actor, at: datetime) -> dict[str, Any] | None:
    if not may(actor, Verb.CONFIRM_STAFF):
        return None
    touches = StaffTouch.objects.open(at - SETTLING_TIME)
    members = list(
        StaffMember.objects.filter(pk__in=touches.values("member_id"), is_active=True)
        .exclude(pk=actor.id or 0)
        .order_by("username")[:20]
    )
    return {"members": members} if members else None


site.register(StaffMember, StaffDesk)
site.register(ClockGuard, ClockDesk)
site.panels.append(Panel("admin/parts/touched.html", _touched_accounts, 80, aside=True))
