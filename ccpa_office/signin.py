"""How staff come in: nobody signs up by himself."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class StaffAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by the chief alone."""

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        """Return that sign-up is closed."""
        return False
