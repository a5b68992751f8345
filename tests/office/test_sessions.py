"""Sessions: written where there is something to write, ended on time."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.contrib.sessions.models import Session
from django.utils import translation

from ccpa_office import clock
from ccpa_office.own_account import _own_pages
from ccpa_office.sessions import EASE, SessionStore

pytestmark = pytest.mark.django_db


def _session(**kept):
    store = SessionStore()
    store.update(kept)
    store.save()
    return store.session_key


def _ends_in(key, **left):
    Session.objects.filter(pk=key).update(expire_date=clock.now() + timedelta(**left))


def _left(key):
    return Session.objects.get(pk=key).expire_date - clock.now()


def test_a_new_session_is_one_statement(django_assert_num_queries):
    store = SessionStore()
    store["case"] = 1
    with django_assert_num_queries(1):
        store.save()
    assert SessionStore(store.session_key)["case"] == 1


def test_a_page_prolongs_a_session_that_is_older_than_a_minute(settings):
    key, whole = _session(case=1), timedelta(seconds=settings.SESSION_COOKIE_AGE)
    _ends_in(key, seconds=settings.SESSION_COOKIE_AGE - 61)
    store = SessionStore(key)
    assert store["case"] == 1
    store.save()
    assert _left(key) > whole - EASE


def test_a_page_within_the_minute_writes_nothing(django_assert_num_queries):
    store = SessionStore(_session(case=1))
    assert store["case"] == 1
    with django_assert_num_queries(0):
        store.save()


def test_what_changed_is_written_at_once():
    store = SessionStore(_session(case=1))
    store["case"] = 2
    store.save()
    assert SessionStore(store.session_key)["case"] == 2


def test_what_changed_inside_is_written_too():
    store = SessionStore(_session(cases={"a": 1}))
    store["cases"]["a"] = 2
    store.save()
    assert SessionStore(store.session_key)["cases"] == {"a": 2}


def test_an_ended_session_opens_nothing():
    key = _session(case=1)
    _ends_in(key, seconds=-1)
    assert SessionStore(key).get("case") is None


def test_a_session_that_was_ended_meanwhile_does_not_come_back():
    store = SessionStore(_session(case=1))
    store["case"] = 2
    Session.objects.all().delete()
    with pytest.raises(UpdateError):
        store.save()
    assert not Session.objects.exists()


def test_nobody_gets_a_key_that_somebody_has(monkeypatch):
    key = _session(case=1)
    taken = SessionStore(key)
    with pytest.raises(CreateError):
        taken.save(must_create=True)
    keys = iter([key, "another-key-of-somebody-else-1234"])
    monkeypatch.setattr(SessionStore, "_get_new_session_key", lambda _store: next(keys))
    assert _session(case=2) != key
    assert SessionStore(key)["case"] == 1


def test_the_pages_of_ones_own_account_are_known_in_every_language():
    for language, pages in (("ja", "/ja/accounts/"), ("en", "/accounts/"), ("es", "/es/accounts/")):
        with translation.override(language):
            assert _own_pages(translation.get_language()) == pages
