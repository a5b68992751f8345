"""Public numbers: readable by people, checked, not to be guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_app.numbers import (
    ALPHABET,
    NotANumber,
    check_character,
    new_number,
    read_number,
)

BODIES = st.text(ALPHABET, min_size=10, max_size=10)


@given(BODIES)
def test_a_number_is_read_as_it_was_made(body):
    number = body + check_character(body)
    grouped = f"{number[:4]}-{number[4:8]}-{number[8:]}"
    assert {read_number(form) for form in (number, grouped, grouped.lower(), f" {grouped} ",
                                           grouped.replace("-", " "))} == {number}  # fmt: skip


@given(BODIES, st.integers(0, 10), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(body, place, other):
    number = body + check_character(body)
    wrong = number[:place] + other + number[place + 1 :]
    if wrong == number:
        return
    with pytest.raises(NotANumber):
        read_number(wrong)


@given(BODIES, st.integers(0, 9))
def test_two_neighbors_that_change_places_are_noticed(body, place):
    number = body + check_character(body)
    turned = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    if turned == number:
        return
    with pytest.raises(NotANumber):
        read_number(turned)


def test_letters_that_look_like_digits_are_read_as_them():
    body = "1010101010"
    number = body + check_character(body)
    assert read_number("IOloiOLOlo" + check_character(body)) == number


@pytest.mark.parametrize(
    "typed",
    ["", "7K3M-92QX-4T", "7K3M-92QX-4TDD", "UUUU-UUUU-UUU", "7K3M-92QX-4T\x00", "١٢٣٤٥٦٧٨٩٠١"],
)
def test_what_is_no_number_is_refused(typed):
    with pytest.raises(NotANumber):
        read_number(typed)


def test_new_numbers_are_valid_and_differ():
    numbers = {new_number() for _ in range(2000)}
    assert len(numbers) == 2000
    assert all(read_number(number) == number for number in numbers)
    assert not set("".join(numbers)) & set("ILOU")
