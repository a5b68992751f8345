"""Public numbers: 10 Crockford Base32 characters and a check character."""

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 10
_READ = str.maketrans({"I": "1", "L": "1", "O": "0", "-": "", " ": ""})


class NotANumber(ValueError):
    """What was typed is no request number: its length, a character or its check is wrong."""


def check_character(body: str) -> str:
    """The character that the ten others call for (weights 1 to 10, modulo 31; Base32 of it)."""
    total = sum((place + 1) * ALPHABET.index(character) for place, character in enumerate(body))
    return ALPHABET[total % 31]


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
