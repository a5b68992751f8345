"""What the deletion platform published of its hashes: computed again before anything is matched.

From the examples of its page "Working with the data" (documentation 1.2.0, 2 July 2026).
"""

from ccpa_office.connectors.standardizing import FIELDS, LISTS, hashed

PUBLISHED = (
    ("first", "Juan Pablo", "juanpablo", "91hIbrbzNeqHs3o81O5yNrXUj7wDd2shvZ6THKi9qz8="),
    ("last", "Martinez", "martinez", "2wRPGbwBNxhShjRczx8GfS2c4cjvs4NJskeWloUNtp8="),
    ("email", "Anna.Smith@Domain.com", "anna.smith@domain.com",
     "KA18MT/ph6IHYjzT9zwETySDQyvSh87YuoSBpOQtkhE="),
    ("email", "danielle.johnson12@example.com", "danielle.johnson12@example.com",
     "mKDnDvwF2inxrKcK1hJN2TRkxPfL6kzNNTtU12eH8Bw="),
    ("phone", "+1(415)555-9317", "4155559317", "vGM7y5n+hBXRSEAklhHDPCbysyNgYTmXdMcagGUOY8E="),
    ("phone", "+84(90)123 4567", "4901234567", "ptzVkgbv9DonwvPCHmXmJ2SEOaolSh37z3ZzY/Gmm+U="),
    ("phone", "+354(123)4567", "3541234567", "Btrzydf5K6ALAKKXJGFHSx7u5bDzHC9WlVYtpq1n2rY="),
    ("phone", "5551273811", "5551273811", "jr/RAWYVN+ODBf2vRxwBASPwiO4x27OGI1y3IDhcwLo="),
    ("dob", "July 4, 1776", "17760704", "skXYXxBER6HQTZ3rXSZH1wVGLQ054mS5rbR/bwvzy4I="),
    ("dob", "1985-07-04", "19850704", "IWi7qxOAbBJe0fNciDj76Eg84gmj40rB7aNMK/VnFOI="),
    ("zip", "91790-3771", "91790", "2FPZucR4x7U8KlM+SFAX4LPGhwNz/PIZUCSUdDh0o/s="),
    ("zip", "M1B 1A1", "m1b1a", "n8L9q8mVeT6Xt9/EeUNiTukGDrkbPJ3DvOEx14uElxk="),
    ("zip", "00712345", "71234", "aeNUYKh7Xw5sqpxSbSP9eOHsj6iXewbUyavv89DIuhQ="),
    ("zip", "00300-9999", "300", "mDvWFLta/s5as7YCP3EUfNe2vCMU+dJ690IlQcZVg4k="),
    ("vin", "1HGCM82633A004352", "1hgcm82633a004352",
     "iNswy1m+0VSt8jAfFrvaiQ1R/0HAbgSwNGkwqo6QBss="),
)  # fmt: skip
"""Field, input, what it is standardized to, its hash."""

COMPOSED = (
    ("NDZ", ("Danielle", "Johnson", "July 4, 1985", "91790"),
     "PQOfn1RffEKmqMmNAzDKKaoZCwxWbQZkQzPWmQo9REA="),
    ("NameVIN", ("Eve", "Genesis", "1HGCM82633A004352"),
     "rtnDuXIe63jXYQQXW5r07GJ7lSsrib8+46QuKFwkOmk="),
)  # fmt: skip
"""List, inputs, hash."""


class RulesBroken(Exception):
    """The rules no longer give the platform's own examples: nothing may be matched or reported."""


def require_sound() -> None:
    """Compute every published example again. Raises ``RulesBroken``."""
    for field, value, standardized, hash_ in PUBLISHED:
        text = FIELDS[field](value)
        if (text, hashed(text)) != (standardized, hash_):
            raise RulesBroken(field)
    for kind, values, hash_ in COMPOSED:
        parts = [FIELDS[field](value) for field, value in zip(LISTS[kind], values, strict=True)]
        if hashed("".join(map(hashed, parts))) != hash_:
            raise RulesBroken(kind)
