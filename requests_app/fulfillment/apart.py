"""Values that one person alone bears: only by these may others be asked about that person."""

from collections.abc import Iterable, Sequence

from ccpa_office.connectors.base import Key
from requests_app.targets import Target

Known = dict[str, list[str]]
ALONE = "email"
"""What letters have gone to and were answered from: a contact on file is the person's own."""


def own(
    sources: Iterable[tuple[Target, Sequence[Key]]], known: Known, kinds: Iterable[str]
) -> Known:
    """What a person is known by, without values that others bear too; an e-mail address stays.

    The telephone of a household would lead a system outside to everybody who lives there.
    """
    asked = [(kind, value) for kind in {*kinds} - {ALONE} for value in known.get(kind, [])]
    others: set[tuple[str, str]] = set()
    for target, people in sources if asked else ():
        borne = target.connector.bearers(asked)
        others |= {each for each, keys in zip(asked, borne, strict=True) if {*keys} - {*people}}
    return {
        kind: left
        for kind, values in known.items()
        if (left := [value for value in values if (kind, value) not in others])
    }
