"""Public numbers: 10 Crockford Base32 characters and a check character."""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 10
_READ = str.maketrans({"I": "1", "L": "1", "O": "0", "-": "", " ": ""})


class NotANumber(ValueError):
    """What was typed is no request number: its length, a character or its check is wrong."""


def check_character(body: str) -> str:
    """The character that the ten others call for.

    Each character counts as an element of the field of 32 (x^5 + x^2 + 1), each place weighs
    twice the one after it: one wrong character, and two neighbors that changed places, always
    call for another one.
    """
    total = 0
    for character in body:
        total = _twice(total ^ ALPHABET.index(character))
    return ALPHABET[total]


def _twice(element: int) -> int:
    """Twice an element of the field, which is an element again."""
    return element << 1 ^ (0b100101 if element & 0b10000 else 0)


def new_number() -> str:
    """A number that nobody can guess: 50 random bits."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return body + check_character(body)


def read_number(typed: str) -> str:
    """What a person typed, as it is stored: capitals, without hyphens, I and L as 1, O as 0.

    Raises ``NotANumber``.
    """
    if not typed.isascii():  # capitals of other scripts' letters can be letters of ours
        raise NotANumber
    number = typed.strip().upper().translate(_READ)
    if len(number) != LENGTH + 1 or any(each not in ALPHABET for each in number):
        raise NotANumber
    if check_character(number[:LENGTH]) != number[LENGTH]:
        raise NotANumber
    return number
