"""No statement takes too many keys, no chunk too many rows; nothing is lost or doubled by it."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from ccpa_office.connectors.base import Applied, Change, Hold, Located, Rows, Table, Term
from requests_app.fulfillment.cutting import cut_plans, cut_rows, together
from requests_app.fulfillment.locating import parts_of
from requests_app.models import Plan
from tests.fulfillment.test_plan import PROGRAM

ROWS = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 3)), unique=True, max_size=60)


@given(ROWS, st.integers(4, 10))
def test_every_row_stands_in_one_piece_with_all_its_people(pairs, most):
    rows = Rows([key for key, _ in pairs], [person for _, person in pairs])
    pieces = cut_rows(rows, most)
    assert sorted(
        pair for piece in pieces for pair in zip(piece.keys, piece.persons, strict=True)
    ) == sorted(pairs)
    assert all(len(piece.keys) <= most for piece in pieces)
    seen = [set(piece.keys) for piece in pieces]
    assert sum(map(len, seen)) == len(set().union(*seen))


def test_few_rows_are_one_piece_and_stay_as_they_are():
    rows = Rows([1, 2, 1], [0, 0, 1])
    assert cut_rows(rows) == [rows]
    assert cut_rows(Rows([], [])) == [Rows([], [])]


def test_pieces_count_together():
    assert together([Applied(2, 1, [5]), Applied(3, 0, [])]) == Applied(5, 1, [5])


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 60))
def test_plans_are_cut_by_their_rows_in_order(weights, most):
    plans = [Plan(pk=place, rows=rows) for place, rows in enumerate(weights)]
    chunks = cut_plans(plans, most)
    assert [plan.pk for chunk in chunks for plan in chunk] == list(range(len(weights)))
    assert all(sum(plan.rows for plan in chunk) <= most or len(chunk) == 1 for chunk in chunks)


@given(st.integers(0, 600))
def test_many_plans_are_a_few_chunks_of_one_size_and_few_are_one(number):
    sizes = [len(chunk) for chunk in cut_plans([Plan(pk=place, rows=1) for place in range(number)])]
    assert sum(sizes) == number
    assert len(sizes) <= 4
    assert all(size == sizes[0] >= 25 for size in sizes[:-1])
    assert len(sizes) == min(4, -(-number // 25)) or number > 100


# --- what need not stay of kept rows ------------------------------------------------------------

TRIMMED = Table(
    "orders", ("id",), ((),), "delete", trims=(Change("note", "null"),), shareable=True,
    term=Term("DX_8", "at", "P1Y"), holds=(Hold("held", "eq", ("true",), "GX_a5"),),
)  # fmt: skip


def test_a_row_that_is_kept_for_its_term_is_trimmed_and_a_held_or_shared_one_is_not():
    day = date(2030, 1, 1)
    located = Located(
        "orders", [1, 2, 3, 4], [0, 0, 1, 1], [False, False, True, False],
        ["DX_8", "GX_a5", "DX_8", ""], [day, day, day, None],
    )  # fmt: skip
    parts = parts_of(replace(PROGRAM, tables=(TRIMMED,)), [located])
    assert [(part.action, part.reason, part.keys) for part in parts] == [
        ("keep", "DX_8", [1, 3]), ("keep", "GX_a5", [2]), ("delete", "", [4]), ("trim", "", [1]),
    ]  # fmt: skip
