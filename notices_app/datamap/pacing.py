"""How much of a system's time work may take."""

from datetime import datetime

from django.db import transaction

from ccpa_office import ledger
from ccpa_office.roles import Actor, Verb, require
from notices_app.datamap.book import system
from notices_app.models import DataSystem


def set_pace(key: str, *, share: int, most_sessions: int, by: Actor, at: datetime) -> DataSystem:
    """Say how much of a system's time work may take, and beside how many sessions of others.

    Raises ``NoSuchSystem``, ``NotAllowed``.
    """
    require(by, Verb.LOAD_MAP)
    with transaction.atomic():
        found = system(key)
        found.share, found.most_sessions = share, most_sessions
        found.save(update_fields=["share", "most_sessions"])
        facts = {"share": share, "most_sessions": most_sessions}
        ledger.record("system.paced", subject=f"system:{key}", by=by, at=at, facts=facts)
    return found
