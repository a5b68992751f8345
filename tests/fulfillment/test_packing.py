"""The plan's hash: canonical, stable, and another one for every changed fact."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccpa_office import sealing
from requests_app.fulfillment.packing import (
    Part,
    Subject,
    as_key,
    batch_hash,
    canonical,
    is_whole,
    open_part,
    open_subjects,
    plan_hash,
    seal_part,
    seal_subjects,
    with_parts,
)
from requests_app.models import Plan

SCALAR = st.integers(-(2**63), 2**63 - 1) | st.text(max_size=12)
KEYS = SCALAR | st.tuples(SCALAR, SCALAR)
SUBJECTS = st.lists(
    st.builds(
        Subject,
        KEYS,
        st.dictionaries(st.sampled_from(["email", "name"]), st.lists(st.text(max_size=9))),
    ),
    min_size=1,
    max_size=4,
)


@st.composite
def parts(draw):
    width = draw(st.sampled_from([SCALAR, st.tuples(SCALAR, SCALAR)]))
    keys = draw(st.lists(width, max_size=5))
    return Part(
        draw(st.sampled_from(["accounts", "orders"])),
        draw(st.sampled_from(["delete", "mask", "keep"])),
        keys,
        draw(st.lists(st.integers(0, 3), min_size=len(keys), max_size=len(keys))),
        reason=draw(st.sampled_from(["", "DX_8", "hold"])),
        until=draw(st.none() | st.dates(date(2000, 1, 1), date(2100, 1, 1))),
        shared=draw(st.booleans()),
        decision=draw(st.sampled_from(["", "keep", "strip"])),
    )


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_equal_facts_have_equal_bytes_in_any_order(facts):
    turned = dict(reversed(list(facts.items()))) if isinstance(facts, dict) else facts
    assert canonical(facts) == canonical(turned)
    assert b", " not in canonical({"a": [1, 2], "b": 3})


@given(SUBJECTS, st.lists(parts(), max_size=4))
def test_a_hash_survives_being_sealed_and_opened(subjects, found):
    box = _Open()
    plan = Plan(subjects=seal_subjects(box, subjects), system_key="learners", map_digest="m")
    plan.hash = plan_hash("learners", "m", subjects, found)
    rows = [seal_part(box, plan, ordinal, part) for ordinal, part in enumerate(found)]
    opened = [open_part(box, row) for row in rows]
    assert (open_subjects(box, plan), opened) == (subjects, found)
    assert is_whole(plan, open_subjects(box, plan), opened)


class _Open(sealing.Box):
    """A box that leaves open what it is given: the sealing has its own tests."""

    def __init__(self):
        pass

    def seal(self, text, *, context):
        return f"{context}\n{text}".encode()

    def open(self, blob, *, context):
        head, _, text = blob.decode().partition("\n")
        assert head == context
        return text


FOUND = Part("orders", "delete", [7, 8], [0, 1], reason="", until=date(2030, 1, 1))
PEOPLE = [Subject(1, {"email": ["a@example.org"]}), Subject((2, "x"), {})]


@given(st.lists(parts(), max_size=3))
def test_parts_spelled_once_are_the_same_bytes_as_all_facts_spelled_together(found):
    facts = {"map": "m", "people": [1, ["a", 2]], "system": "læ"}
    whole = canonical({**facts, "parts": [dict(vars(part)) for part in found]})
    assert with_parts(facts, found) == whole
    assert with_parts(facts, found) == whole


@pytest.mark.parametrize(
    "change",
    [
        {"table": "payments"}, {"action": "mask"}, {"keys": [7]}, {"keys": [8, 7]},
        {"keys": [7, "8"]}, {"persons": [1, 0]}, {"reason": "DX_8"}, {"until": None},
        {"until": date(2030, 1, 2)}, {"shared": True}, {"decision": "strip"},
    ],
)  # fmt: skip
def test_every_fact_of_a_part_is_in_the_hash(change):
    one = plan_hash("learners", "m", PEOPLE, [FOUND])
    assert plan_hash("learners", "m", PEOPLE, [replace(FOUND, **change)]) != one


def test_system_map_people_and_number_of_parts_are_in_the_hash(monkeypatch):
    one = plan_hash("learners", "m", PEOPLE, [FOUND])
    others = [
        plan_hash("partners", "m", PEOPLE, [FOUND]),
        plan_hash("learners", "n", PEOPLE, [FOUND]),
        plan_hash("learners", "m", PEOPLE[:1], [FOUND]),
        plan_hash("learners", "m", PEOPLE[::-1], [FOUND]),
        plan_hash("learners", "m", PEOPLE, []),
        plan_hash("learners", "m", PEOPLE, [FOUND, FOUND]),
    ]
    monkeypatch.setattr("requests_app.fulfillment.packing.ENGINE", "2")
    others.append(plan_hash("learners", "m", PEOPLE, [FOUND]))
    assert len({one, *others}) == 8
    assert plan_hash("learners", "m", PEOPLE, [FOUND]) == others[-1]


def test_a_batch_is_known_by_its_plans_in_any_order():
    one, other = Plan(hash="a" * 64), Plan(hash="b" * 64)
    assert batch_hash([one, other]) == batch_hash([other, one])
    assert batch_hash([one]) != batch_hash([one, other])


def test_a_key_of_several_columns_is_a_tuple_again():
    assert [as_key(each) for each in (1, "x", [1, "x"])] == [1, "x", (1, "x")]


@pytest.mark.django_db
def test_sealed_keys_open_with_their_own_key_and_place_alone():
    box, other = sealing.Box(sealing.new_key()), sealing.Box(sealing.new_key())
    row = seal_part(box, Plan(), 0, Part("newsletter", "delete", ["a@example.org"], [0]))
    assert b"example" not in row.keys
    with pytest.raises(sealing.Unreadable):
        open_part(other, row)
    row.persons = row.keys
    with pytest.raises(sealing.Unreadable):
        open_part(box, row)
