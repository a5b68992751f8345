"""Somebody at a desk: a browser's session of a member of staff, and requests in several states."""

from typing import Any

from django.test import Client

from ccpa_office import clock
from ccpa_office.models import StaffMember
from ccpa_office.roles import Actor, Role
from tests import builders


def at_desk(actor: Actor) -> Client:
    """The session of a member of staff who has just typed the password."""
    assert actor.id is not None
    member = StaffMember.objects.get(pk=actor.id)
    client = Client()
    client.force_login(member)
    session = client.session
    machine = (clock.now() - clock.offset()).timestamp()
    session["account_authentication_methods"] = [{"method": "password", "at": machine}]
    session["account_authentication_methods_user"] = str(member.pk)
    session.save()
    return client


def somebody(*roles: Role) -> tuple[Actor, Client]:
    """A new member of staff with roles, at their desk."""
    actor = builders.actor(*roles)
    return actor, at_desk(actor)


def said(response: Any) -> list[str]:
    """The messages on the page that follows."""
    return [str(message) for message in response.context["messages"]]
