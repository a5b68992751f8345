"""How staff come in: a password, a second factor, and a limit on tries.

Nobody signs up, no password is mailed. Every answer to a failed try is the same, whether the
account exists or not. Before an approval and before a change to an account the last proof of who
sits there is at most ten minutes old.
"""

import base64
import ipaddress
import re
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.forms import ChangePasswordForm, LoginForm
from allauth.core import context
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, Group
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext_lazy as _

from ccpa_office import clock, sealing, throttle
from ccpa_office.models import DataKey, StaffMember, StaffTouch
from ccpa_office.prepared import Prepared

FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
TOO_MANY = "too_many_login_attempts"
IPV4_CLASS, IPV6_CLASS = 24, 48


def _member(pk: int) -> QuerySet[StaffMember]:
    """A member of staff with the roles of this moment, and when somebody else last touched them."""
    roles = Group.objects.filter(user=OuterRef("pk")).values("name")
    touches = StaffTouch.objects.filter(member_id=OuterRef("pk")).exclude(by_id=OuterRef("pk"))
    return StaffMember.objects.filter(pk=pk).annotate(
        role_names=ArraySubquery(roles),
        touched_last=Subquery(touches.order_by("-at").values("at")[:1]),
    )


MEMBER: Prepared[StaffMember] = Prepared(_member, planned=True)


class StaffBackend(ModelBackend):
    """As Django's, but what every page asks of who is signed in comes in one statement."""

    def get_user(self, user_id: int) -> StaffMember | None:
        """The member of staff, if the account is open."""
        member = next(iter(MEMBER(user_id)), None)
        return member if member is not None and self.user_can_authenticate(member) else None


def has_second_factor(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether the account has an authenticator app or a security key."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists())


def is_fresh(request: HttpRequest) -> bool:
    """Whether the second factor (where there is none: the password) was shown lately."""
    return _shown_lately(request, {"mfa"} if has_second_factor(request.user) else {"password"})


def _shown_lately(request: HttpRequest, methods: set[str]) -> bool:
    user = request.user if isinstance(request.user, AbstractBaseUser) else None
    records = get_authentication_records(request, user)
    moments = [each["at"] for each in records if each["method"] in methods]
    machine = (clock.now() - clock.offset()).timestamp()
    return bool(moments) and machine - moments[-1] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def require_fresh(request: HttpRequest) -> None:
    """Send the person to prove who they are, and come back to what they did."""
    if not is_fresh(request):
        raise ReauthenticationRequired


def prove_first(request: HttpRequest, back: str) -> HttpResponse:
    """Send the person to prove who they are, and then back to a page, to type it once more.

    What was typed is dropped: a form that waits would stand in the session, in clear.
    """
    messages.info(request, _("Show who you are first. Then type it once more."))
    return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': back})}")


def sender(request: HttpRequest) -> str:
    """The address that a request comes from: the connection's, or the one that our proxies add.

    Each proxy adds whom it heard at the end; what stands before that anybody may have written.
    """
    told = [each.strip() for each in request.headers.get("X-Forwarded-For", "").split(",")]
    if 0 < settings.TRUSTED_PROXIES <= len(told):
        return str(told[-settings.TRUSTED_PROXIES])
    return str(request.META.get("REMOTE_ADDR", ""))


def address_class(address: str) -> str:
    """The neighborhood of an address: what a stranger elsewhere cannot close for it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    width = IPV4_CLASS if ip.version == 4 else IPV6_CLASS
    return str(ipaddress.ip_network(f"{ip}/{width}", strict=False))


class StaffAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by the chief alone; tries are counted in the database."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": _("This username and this password do not belong together."),
        TOO_MANY: _("Too many tries. Wait a quarter of an hour, then try once more."),
    }

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        """Return that sign-up is closed."""
        return False

    def is_safe_url(self, url: str | None) -> bool:
        """Whether somebody may be led there: an address of this site, without a host."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    def is_reauthentication_required(self, *, app: str, **_more: Any) -> bool:  # noqa: ARG002
        """On the account's own pages: ask again where every proof is older than ten minutes.

        Whoever has just set up a second factor came in without it.
        """
        return not _shown_lately(self.request, {"mfa", "password"})

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the try before it is judged. Raises a form error while a place is closed."""
        at = clock.now()
        throttle.sweep(at=at)
        for limit, key in self._places(request, credentials):
            if not throttle.count(limit, key, at=at):
                raise self.validation_error(TOO_MANY)

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """The account of these credentials, or nothing; a success uncounts itself."""
        user: AbstractBaseUser | None = super().authenticate(request, **credentials)
        if user is not None and not user.is_active:
            return None
        if user is not None:
            (_address, here), (_account, account) = self._places(request, credentials)
            throttle.take_back(here)
            throttle.forgive(account)
        return user

    def _places(
        self, request: HttpRequest, credentials: dict[str, Any]
    ) -> list[tuple[throttle.Limit, bytes]]:
        address = sender(request)
        username = str(credentials.get("username", "")).casefold()
        near = address_class(address)
        return [
            (throttle.ADDRESS, throttle.place(throttle.ADDRESS, address)),
            (throttle.ACCOUNT, throttle.place(throttle.ACCOUNT, username, near)),
        ]

    def reauthenticate(self, user: AbstractBaseUser, password: str) -> bool:
        """Look at the password once more; the session gets a new name."""
        same = bool(super().reauthenticate(user, password))
        if same:
            self.request.session.cycle_key()
        return same

    def get_reauthentication_methods(
        self, user: AbstractBaseUser | AnonymousUser
    ) -> list[dict[str, Any]]:
        """Whoever has a second factor shows that one; a password alone is the demo's."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if has_second_factor(user):
            return [each for each in methods if each["id"] != "reauthenticate"]
        return methods

    def send_mail(self, *_args: Any, **_more: Any) -> None:
        """Accounts send no mail: letters go by correspondence alone."""


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of second factors are sealed, each with a key of its own."""

    CONTEXT = "second factor"

    def encrypt(self, text: str) -> str:
        """``text`` as ``<key id>:<sealed>``."""
        key = sealing.new_key()
        sealed = sealing.Box(key).seal(text, context=self.CONTEXT)
        return f"{key.pk}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, encrypted_text: str) -> str:
        """The secret. Raises sealing.Unreadable."""
        key_id, _colon, sealed = encrypted_text.partition(":")
        box = sealing.Box(DataKey.objects.get(pk=key_id))
        return box.open(base64.b64decode(sealed), context=self.CONTEXT)

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        """What the authenticator app shows."""
        return user.get_username()


class SignInForm(LoginForm):  # type: ignore[misc]
    """``username`` and ``password``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"] = self.fields.pop("login")
        self.order_fields(["username", "password"])
        for name, autocomplete in (("username", "username"), ("password", "current-password")):
            self.fields[name].widget.attrs = {"autocomplete": autocomplete, "spellcheck": "false"}
        self.fields["username"].widget.attrs |= {"autocapitalize": "none", "autofocus": True}
        self.fields["password"].help_text = ""

    def clean_username(self) -> str:
        """The name without blanks around it."""
        return str(self.cleaned_data["username"]).strip()

    def clean(self) -> dict[str, Any]:
        """Judge both together."""
        self.cleaned_data["login"] = self.cleaned_data.get("username", "")
        cleaned: dict[str, Any] = super().clean()
        return cleaned


def _used(user: AbstractBaseUser, code: str) -> bytes:
    """Where it is kept that a code was right; the library remembers it in its own process alone."""
    digits = "".join(each for each in code if each.isdigit())
    return throttle.place(throttle.USED, str(user.pk), digits)


class _CountedCode:
    """A form with a code of a second factor: five tries, then a wait."""

    user: AbstractBaseUser

    def clean_code(self) -> str:
        """The code, if it is right. Raises a form error."""
        key = throttle.place(throttle.CODE, str(self.user.pk))
        if not throttle.count(throttle.CODE, key, at=clock.now()):
            raise StaffAdapter(context.request).validation_error(TOO_MANY)
        code = str(super().clean_code())  # type: ignore[misc]
        if not throttle.count(throttle.USED, _used(self.user, code), at=clock.now()):
            raise SecondFactors().validation_error("incorrect_code")
        throttle.forgive(key)
        return code


class CodeForm(_CountedCode, AuthenticateForm):  # type: ignore[misc]
    """The second factor at sign-in."""


class CodeAgainForm(_CountedCode, ReauthenticateForm):  # type: ignore[misc]
    """The second factor before something grave."""

    def save(self) -> None:
        """Record it; the session gets a new name."""
        super().save()
        context.request.session.cycle_key()


class NewPasswordForm(ChangePasswordForm):  # type: ignore[misc]
    """A new password needs the old one; tries are counted."""

    def clean_oldpassword(self) -> str:
        """The old password, if it is right. Raises a form error."""
        key = throttle.place(throttle.CODE, "password", str(self.user.pk))
        if not throttle.count(throttle.CODE, key, at=clock.now()):
            raise StaffAdapter(context.request).validation_error(TOO_MANY)
        password = str(super().clean_oldpassword())
        throttle.forgive(key)
        return password


# --- security keys ------------------------------------------------------------------------------
MOST_OF_A_KEY = 20_000
TOO_DEEP = 40
LONG_NUMBER = re.compile(r"[0-9]{19}")
NOT_A_KEY = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class KeyField(forms.JSONField):
    """What a browser says of a security key: short, shallow JSON, and never shown again."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        """Read it, if it can be one. Raises a form error."""
        text = str(value or "")
        deep = text.count("[") + text.count("{") > TOO_DEEP
        if len(text) > MOST_OF_A_KEY or deep or LONG_NUMBER.search(text):
            raise _not_this_key()
        return super().to_python(value)

    def bound_data(self, _data: Any, initial: Any) -> Any:
        """What was sent is not sent back."""
        return initial


def _not_this_key() -> forms.ValidationError:
    return SecondFactors().validation_error("incorrect_code")  # type: ignore[no-any-return]


class NewKeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A further security key."""

    credential = KeyField()

    def clean(self) -> dict[str, Any]:
        """Judge it; what the library cannot read is no key."""
        try:
            return dict(super().clean())
        except NOT_A_KEY:
            raise _not_this_key() from None


class _ReadableKey:
    """What the library cannot read is no key."""

    def clean_credential(self) -> Authenticator:
        """The key, if it is one of ours. Raises a form error."""
        try:
            return super().clean_credential()  # type: ignore[misc]
        except NOT_A_KEY:
            raise _not_this_key() from None


class KeyForm(_ReadableKey, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """A security key as the second factor at sign-in."""

    credential = KeyField()


class KeyAloneForm(_ReadableKey, LoginWebAuthnForm):  # type: ignore[misc]
    """A security key that needs no password."""

    credential = KeyField()


class KeyAgainForm(_ReadableKey, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A security key before something grave; the session gets a new name."""

    credential = KeyField()

    def save(self) -> None:
        """Record it."""
        super().save()
        context.request.session.cycle_key()
