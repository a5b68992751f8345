"""What changed between two versions, and whether it needs a new notice first."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccpa_office.law.vocabulary import BusinessPurpose, Category, Sensitive
from notices_app import comparing
from notices_app.comparing import Change, ChangeKind, changes
from notices_app.models import Dealing, Language, Said, Section
from notices_app.reading import Line, Reading, Text, Words, read_whole

DAY = date(2026, 7, 1)
CODES = ("alpha", "beta", "gamma")


def some(codes):
    return st.sets(st.sampled_from(list(codes)), max_size=3).map(lambda found: tuple(sorted(found)))


def answers():
    return st.sampled_from([True, False, None])


def line(category):
    pairs = [(way, code) for way in Dealing.values for code in CODES]
    return st.builds(
        Line,
        category=st.just(category),
        sensitive=some(Sensitive.values),
        sources=some(CODES),
        purposes=some(CODES),
        business_purposes=some(BusinessPurpose.values),
        recipients=some(pairs),
        sold=answers(),
        shared=answers(),
        disclosed=answers(),
        retention_months=st.none() | st.integers(1, 120),
        words=st.dictionaries(
            st.sampled_from(Language.values),
            st.builds(Words, examples=st.text(max_size=5), retention=st.text(max_size=5)),
        ),
    )


readings = st.builds(
    Reading,
    effective_on=st.just(DAY),
    purposes=some(CODES),
    business_purposes=some(BusinessPurpose.values),
    recipients=some(CODES),
    lines=st.sets(st.sampled_from(Category.values), max_size=3).flatmap(
        lambda found: st.fixed_dictionaries({code: line(code) for code in sorted(found)})
    ),
    texts=st.dictionaries(
        st.tuples(st.sampled_from(Section.values), st.sampled_from(Language.values)),
        st.builds(Text, title=st.text(max_size=3), body=st.text(max_size=3)),
        max_size=4,
    ),
    statements=st.dictionaries(st.sampled_from(Said.values), st.just({}), max_size=3),
)


@given(readings)
def test_a_version_does_not_differ_from_itself(reading):
    assert changes(reading, reading) == []
    assert not comparing.is_new_category_or_purpose(reading, reading)


@given(readings, readings)
def test_what_came_on_the_way_there_goes_on_the_way_back(old, new):
    there = {(c.kind, c.subject): (c.added, c.removed) for c in changes(old, new)}
    back = {(c.kind, c.subject): (c.removed, c.added) for c in changes(new, old)}
    turned = {
        ChangeKind.CATEGORY_ADDED: ChangeKind.CATEGORY_DROPPED,
        ChangeKind.TEXT_ADDED: ChangeKind.TEXT_DROPPED,
        ChangeKind.LANGUAGE_ADDED: ChangeKind.LANGUAGE_DROPPED,
    }
    turned |= {after: before for before, after in turned.items()}
    assert there == {
        (turned.get(kind, kind), subject): parts for (kind, subject), parts in back.items()
    }


OLD = Line(
    category="PI_A",
    sources=("alpha",),
    purposes=("alpha",),
    recipients=(("disclosed", "alpha"),),
    sold=False,
    retention_months=12,
    words={"en": Words(examples="Name", retention="A year.")},
)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"sources": ("beta",)}, (ChangeKind.SOURCES, ("beta",), ("alpha",))),
        ({"purposes": ("alpha", "beta")}, (ChangeKind.PURPOSES, ("beta",), ())),
        ({"business_purposes": ("BP_1",)}, (ChangeKind.BUSINESS_PURPOSES, ("BP_1",), ())),
        ({"recipients": ()}, (ChangeKind.DISCLOSED_TO, (), ("alpha",))),
        ({"sensitive": ("SPI_1B",)}, (ChangeKind.SENSITIVE, ("SPI_1B",), ())),
        ({"sold": True}, (ChangeKind.DEALINGS, ("sold:yes",), ("sold:no",))),
        ({"shared": False}, (ChangeKind.DEALINGS, ("shared:no",), ("shared:unsaid",))),
        ({"retention_months": 24}, (ChangeKind.RETENTION, ("months:24",), ("months:12",))),
        (
            {"words": {"en": Words(examples="Name", retention="Two.")}},
            (ChangeKind.RETENTION, ("en:Two.",), ("en:A year.",)),
        ),
        (
            {"words": {"en": Words(examples="Names", retention="A year.")}},
            (ChangeKind.EXAMPLES, ("en:Names",), ("en:Name",)),
        ),
    ],
)
def test_each_part_of_a_line_is_compared(changed, expected):
    kind, added, removed = expected
    old = Reading(effective_on=DAY, lines={"PI_A": OLD})
    new = Reading(effective_on=DAY, lines={"PI_A": replace(OLD, **changed)})
    assert changes(old, new) == [Change(kind=kind, subject="PI_A", added=added, removed=removed)]


@pytest.mark.parametrize(
    ("lines", "general", "expected"),
    [
        ({"PI_A": OLD, "PI_E": Line(category="PI_E")}, (), True),
        ({"PI_A": replace(OLD, purposes=("alpha", "beta"))}, (), True),
        ({"PI_A": replace(OLD, purposes=())}, (), False),
        ({}, (), False),
        ({"PI_A": OLD}, ("beta",), True),
        ({"PI_A": OLD}, ("alpha",), False),
        ({"PI_A": replace(OLD, sources=("beta",), retention_months=99)}, (), False),
    ],
)
def test_a_new_category_or_purpose_needs_a_new_notice_first(lines, general, expected):
    old = Reading(effective_on=DAY, lines={"PI_A": OLD})
    new = Reading(effective_on=DAY, lines=lines, purposes=general)
    assert comparing.is_new_category_or_purpose(old, new) == expected


def test_a_purpose_named_for_the_whole_notice_is_not_new_for_a_category():
    old = Reading(effective_on=DAY, lines={"PI_A": OLD}, purposes=("beta",))
    new = Reading(effective_on=DAY, lines={"PI_A": replace(OLD, purposes=("beta",))})
    assert comparing.new_purposes(old, new) == {}


def test_version_two_brings_two_categories_and_a_language(first, second):
    told = changes(read_whole(first.pk), read_whole(second.pk))
    new = [c.subject for c in told if c.kind == ChangeKind.CATEGORY_ADDED]
    languages = [c.added for c in told if c.kind == ChangeKind.LANGUAGE_ADDED]
    assert (new, languages) == (["PI_J", "PI_L"], [("es",)])
    assert comparing.is_new_category_or_purpose(read_whole(first.pk), read_whole(second.pk))
