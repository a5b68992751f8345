"""Sessions in the database, with as few statements as their promises need.

Every answer prolongs a session. Its row is written when its content changed, and otherwise once a
minute: so a session ends a minute early at most, and never late.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, CreateError, UpdateError
from django.contrib.sessions.models import Session
from django.utils.crypto import get_random_string

from ccpa_office.prepared import Prepared, Together, planned_cursor

Row = TypeVar("Row")

EASE = timedelta(seconds=60)
"""How much earlier than promised a session may end, so that not every page writes."""

INSERT = """
INSERT INTO django_session (session_key, session_data, expire_date) VALUES (%s, %s, %s)
ON CONFLICT DO NOTHING"""

LIVING: Prepared[Session] = Prepared(
    lambda key, at: Session.objects.filter(session_key=key, expire_date__gt=at)
)


class SessionStore(db.SessionStore):
    """The stock store without a look before it inserts, and without a write for each page."""

    until = datetime.min.replace(tzinfo=UTC)
    stored = ""

    def load(self) -> dict[str, Any]:
        """What the row holds; nothing where there is none, or where its time is over."""
        return self._read(next(iter(LIVING(self.session_key, _now())), None))

    def load_beside(self, question: Prepared[Row], values: Sequence[Any]) -> Row | None:
        """The one row of a question; where the session is not read yet, both in one statement.

        Both are read whatever the session holds: that somebody may not see a row costs the same
        as that there is none.
        """
        if self.session_key is None or hasattr(self, "_session_cache"):
            return next(iter(question(*values)), None)
        session, row = Together(LIVING, question)((self.session_key, _now()), values)
        self._session_cache = self._read(session)
        return row

    def _read(self, row: Session | None) -> dict[str, Any]:
        if row is None:
            self._session_key = None
            return {}
        data: dict[str, Any] = self.decode(row.session_data)
        self.until, self.stored = row.expire_date, _text(data)
        return data

    def _get_new_session_key(self) -> str:
        """A random key; that somebody has it is seen when its row is inserted."""
        return get_random_string(32, VALID_KEY_CHARS)

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002  Django's signature
        """Write the row where there is something to write. Raises CreateError, UpdateError."""
        if self.session_key is None:
            return self.create()
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        text, until = _text(data), self.get_expiry_date()
        if not must_create and text == self.stored and self.until > until - EASE:
            return None
        row = self.create_model_instance(data)
        if must_create:
            with planned_cursor() as cursor:
                cursor.execute(INSERT, [row.session_key, row.session_data, row.expire_date])
                written = cursor.rowcount
        else:
            written = Session.objects.filter(pk=row.pk).update(
                session_data=row.session_data, expire_date=row.expire_date
            )
        if not written:
            raise CreateError if must_create else UpdateError
        self.until, self.stored = row.expire_date, text
        return None


def _now() -> datetime:
    """The machine's own clock, by which Django ends sessions."""
    return datetime.now(UTC)  # noqa: TID251


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, sort_keys=True)
