"""The line to the database: a cut one is noticed, a quiet one is asked nothing."""

from itertools import count

import psycopg
import pytest
from django.db import DEFAULT_DB_ALIAS, close_old_connections, connection, connections
from django.db.backends.postgresql import base

from ccpa_office.database.base import TRUSTED, DatabaseWrapper
from tests import builders


@pytest.mark.django_db(transaction=True)
def test_a_line_that_the_server_ended_is_replaced_before_the_next_page():
    connection.ensure_connection()
    assert connection.is_usable()
    line = connection.connection
    with psycopg.connect(builders.address("postgres"), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [line.info.backend_pid])
    close_old_connections()  # as Django does where a page begins
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    assert connection.connection is not line


@pytest.mark.django_db
def test_a_quiet_line_is_asked_once_in_a_while(monkeypatch):
    asked = count()
    monkeypatch.setattr(base.DatabaseWrapper, "is_usable", lambda _line: next(asked) >= 0)
    line = connections[DEFAULT_DB_ALIAS]
    assert isinstance(line, DatabaseWrapper)
    line.stood_at = -TRUSTED
    assert [line.is_usable() for _page in range(3)] == [True] * 3
    assert next(asked) == 1
    line.stood_at -= TRUSTED
    assert line.is_usable()
    assert next(asked) == 3
