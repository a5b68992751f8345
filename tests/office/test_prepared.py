"""Questions that are put together once: the same rows as Django's own, whatever is asked."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Value

from ccpa_office import clock, sealing
from ccpa_office.models import DataKey
from ccpa_office.prepared import FEW, LONGEST, Changed, Prepared, Together, insert, reserve, write
from requests_app.models import (
    Batch,
    Chunk,
    ConsumerRequest,
    Identifier,
    Look,
    Message,
    Status,
    Step,
)
from tests.builders import ask

pytestmark = pytest.mark.django_db


def _same(prepared, *values):
    """The same rows, also at the second call, with all that came along."""
    for _each in range(2):
        rows, known = prepared(*values), list(prepared.ask(*values))
        assert rows == known
        for row, other in zip(rows, known, strict=True):
            if not isinstance(row, tuple):
                assert {**vars(row), "_state": 0} == {**vars(other), "_state": 0}
                assert row._state.fields_cache == other._state.fields_cache
                assert (row._state.adding, row._state.db) == (False, "default")
    return rows


def test_rows_come_with_what_belongs_to_them(django_assert_num_queries):
    one, other = ask("one@example.org"), ask("other@example.org")
    asked = Prepared(
        lambda number: (
            ConsumerRequest.objects.filter(number=number)
            .select_related("data_key")
            .annotate(letters_sent=Count("letters"), yes=Value(value=True))
        )
    )
    for each in (one, other):
        (row,) = _same(asked, each.number)
        assert (row, row.letters_sent, row.yes) == (each, 1, True)
        with django_assert_num_queries(0):
            assert row.data_key == each.data_key
    with django_assert_num_queries(1):
        asked(one.number)
    assert asked("0" * 11) == []


@pytest.mark.parametrize("planned", [False, True])
def test_what_never_differs_is_written_into_the_text_whatever_it_holds(planned):
    odd = DataKey.objects.create(wrapped=b"w", kek_id="it's 100%s $1")
    for kek_id, found in ((odd.kek_id, [odd]), ("another", [])):
        asked = Prepared(
            lambda pk, kek_id=kek_id: DataKey.objects.filter(
                pk=pk, kek_id=kek_id, kek_id__startswith=kek_id[:9], wrapped=b"w"
            ),
            planned=planned,
        )
        assert _same(asked, odd.pk) == found


def test_two_questions_are_answered_in_one_statement(django_assert_num_queries):
    one = ask("one@example.org")
    requests = Prepared(
        lambda number: ConsumerRequest.objects.filter(number=number).select_related("data_key")
    )
    keys = Prepared(lambda pk: DataKey.objects.filter(pk=pk), planned=True)
    both = Together(requests, keys)
    _same(keys, one.data_key_id)
    for number, key in ((one.number, one.data_key_id), (one.number, 0), ("0", 0), ("0", one.pk)):
        known = requests.ask(number).first(), keys.ask(key).first()
        with django_assert_num_queries(1):
            found = both([number], [key])
        assert found == known
        if found[0] is not None:
            assert found[0]._state.fields_cache == {"data_key": one.data_key}


def test_lists_moments_and_days_are_values_too():
    asked_for = [ask(f"{number}@example.org") for number in range(3)]
    keys = [each.pk for each in asked_for]
    of_some = Prepared(
        lambda some, at, on: ConsumerRequest.objects.filter(
            pk__in=some, received_at__lte=at, due_on__gte=on
        ).order_by("pk")
    )
    at, on = clock.now() + timedelta(hours=1), asked_for[0].received_on
    assert _same(of_some, keys, at, on) == asked_for
    assert _same(of_some, keys[:1], at, on) == asked_for[:1]
    assert _same(of_some, keys, at - timedelta(hours=2), on) == []
    assert _same(of_some, keys, at, on + timedelta(days=400)) == []
    assert _same(of_some, [*keys, *range(-LONGEST, 0)], at, on) == asked_for
    assert _same(of_some, [], at, on) == []


def test_rows_without_instances_are_tuples():
    ask("one@example.org")
    listed = Prepared(lambda kind: Identifier.objects.filter(kind=kind).values_list("pk", "kind"))
    assert [kind for _pk, kind in _same(listed, "email")] == ["email"]


def test_what_cannot_be_prepared_is_asked_as_ever():
    ask("one@example.org")
    nobody = Prepared(lambda number: ConsumerRequest.objects.filter(number=number, pk__in=[]))
    assert _same(nobody, "x") == []
    lowered = Prepared(lambda text: Message.objects.filter(letter=text.lower()))
    assert len(_same(lowered, "RECEIPT")) == 1
    unknown = Prepared(lambda key: Batch.objects.filter(opened_by_id=key))
    assert _same(unknown, None) == []
    dicts = Prepared(lambda kind: Identifier.objects.filter(kind=kind).values("kind"))
    assert dicts("email") == dicts("email") == [{"kind": "email"}]


def test_rows_are_changed_as_django_changes_them(django_assert_num_queries):
    asked_for, at = [ask(f"{number}@example.org") for number in range(3)], clock.now()
    keys = [each.pk for each in asked_for]
    changed = Changed(
        lambda some, status, ground, at: (
            ConsumerRequest.objects.filter(pk__in=some, previous_status="", closed_at=None),
            {"previous_status": F("status"), "status": status, "ground": ground, "verified_at": at},
        )
    )
    for some, status, count in (
        (keys[:1], Status.WAITING, 1), (keys[1:], "it's %s $1", 2), (keys, Status.DENIED, 0),
        ([*keys, *range(-LONGEST, 0)], Status.DENIED, 0), ([], Status.DENIED, 0),
    ):  # fmt: skip
        with django_assert_num_queries(1 if some else 0):
            assert changed(some, status, "", at) == count
    told = ConsumerRequest.objects.order_by("pk").values_list(
        "previous_status", "status", "ground", "verified_at"
    )
    assert (
        list(told) == [("received", "waiting", "", at)] + [("received", "it's %s $1", "", at)] * 2
    )
    assert changed(keys, "x", "", None) == 0


def test_new_rows_are_written_as_django_writes_them(django_assert_num_queries):
    consumer_request, at = ask("one@example.org"), clock.now()
    fields = {"lane": "plan", "not_before": at, "consumer_request": consumer_request}
    steps = [Step(**fields, kind="plan", ordinal=number) for number in range(1, 3)]
    with django_assert_num_queries(1):
        assert insert(steps) == steps
    ours = {**Step.objects.filter(pk=steps[1].pk).values()[0], "id": 0, "ordinal": 9}
    theirs = Step.objects.create(**fields, kind="plan", ordinal=9)
    assert ours == {**Step.objects.filter(pk=theirs.pk).values()[0], "id": 0}
    assert [(step.pk is None, step._state.adding) for step in steps] == [(False, False)] * 2
    steps[0].error_code = "x"
    steps[0].save()
    assert Step.objects.get(pk=steps[0].pk).error_code == "x"


def test_rows_of_several_models_are_written_together_and_refer_to_each_other(
    django_assert_num_queries,
):
    like = ask("like@example.org")
    reserve(DataKey)  # where its sequence is, is asked once
    with django_assert_num_queries(2):
        (key,) = reserve(DataKey)
        rows = [
            sealing.made_key(key),
            DataKey(wrapped=b"w", kek_id="k"), DataKey(wrapped=b"v", kek_id="k"),
            Step(lane="plan", not_before=like.received_at, consumer_request=like, kind="plan"),
            Identifier(
                consumer_request=like, source="claimed", kind="phone", value=b"x", digest=b"y",
            ),
        ]  # fmt: skip
        write(rows)
    sealing.Box(DataKey.objects.get(pk=key))  # opens the key that was wrapped
    assert DataKey.objects.filter(kek_id="k").count() == 2
    assert Step.objects.get(kind="plan").consumer_request == like
    assert Identifier.objects.get(source="claimed").consumer_request == like
    assert not rows[0]._state.adding
    nobody = Step(lane="plan", not_before=like.received_at, consumer_request_id=0, kind="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        write([DataKey(wrapped=b"z", kek_id="z"), nobody])
    assert not DataKey.objects.filter(kek_id="z").exists()


def test_many_rows_and_columns_that_take_more_than_a_value_go_the_usual_way():
    keys = insert([DataKey(wrapped=b"x", kek_id=str(number)) for number in range(FEW + 1)])
    assert DataKey.objects.filter(pk__in=[key.pk for key in keys]).count() == FEW + 1
    assert insert([]) == []
    batch = Batch(kind="due", system_key="x", opened_at=clock.now(), people=1, ceiling=1,
                  approvals_needed=0)  # fmt: skip
    chunk = Chunk(batch=insert([batch])[0], ordinal=1, people=1, not_before=clock.now())
    (look,) = insert(
        [Look(chunk=insert([chunk])[0], day=0, not_before=clock.now(), tables=[{"a": 1}])]
    )
    assert Look.objects.get(pk=look.pk).tables == [{"a": 1}]
