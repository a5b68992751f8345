"""Who has an erased person's key by now: that person, or somebody who was given a free number.

A store may give a key away again once its row is gone: SQLite does, and so does every key that
people choose (a user name). By the key alone a newcomer would be taken for whoever had it before.
"""

from collections.abc import Mapping, Sequence

from ccpa_office.connectors.base import Contact, Key, Program
from requests_app.fulfillment.locating import merged
from requests_app.fulfillment.locking import normal
from requests_app.fulfillment.packing import Subject
from requests_app.targets import Target

Held = Mapping[str, Sequence[str]]
LAST_DIGITS = 10


def strangers(target: Target, subjects: Sequence[Subject]) -> set[int]:
    """The places of those whose key stands for another by now; one statement.

    Nobody's where people's rows stay and are masked: the key is never free then.
    """
    if not _frees_keys(target.program):
        return set()
    held = target.connector.marks([each.key for each in subjects], own=True)
    return {
        place
        for place, (subject, mark) in enumerate(zip(subjects, held, strict=True))
        if agrees(subject.identifiers, mark.identifiers) is False
    }


def is_taken(target: Target, people: Sequence[Key], known: Held) -> bool:
    """Whether one of a consumer's keys stands for somebody else by now, as they were looked up.

    Who changed the address keeps a name, and who changed the name an address. A key whose row is
    gone stands for nobody. Nothing is asked of a store that gives no key twice.
    """
    if not target.connector.gives_again:
        return False
    held = target.connector.marks(people, own=True)
    reached = target.connector.contacts_of(people)
    return any(
        agrees(known, merged(mark.identifiers, _addresses(contacts))) is False
        for mark, contacts in zip(held, reached, strict=True)
    )


def _addresses(contacts: Sequence[Contact]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in contacts:
        found.setdefault(each.kind, []).append(each.value)
    return found


def _frees_keys(program: Program) -> bool:
    return program.table(program.person).action == "delete"


def agrees(known: Held, held: Held) -> bool | None:
    """Whether anything that is held is what the person was known by; None where nothing tells.

    Somebody who moved keeps a name; somebody who married keeps an address.
    """
    both = [kind for kind in known if kind in held]
    if not both:
        return None
    return any(_plain(kind, known[kind]) & _plain(kind, held[kind]) for kind in both)


def _plain(kind: str, values: Sequence[str]) -> set[str]:
    plain = {normal(value) for value in values}
    if "phone" in kind:
        plain = {"".join(filter(str.isdigit, value))[-LAST_DIGITS:] for value in plain}
    return plain - {""}
