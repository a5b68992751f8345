"""Parameters of a statement besides keys: secrets, and how people show in texts."""

import hashlib
import json
from collections.abc import Sequence

from ccpa_office.connectors.base import Deed, Identity, Key, KeysRefused, Table
from ccpa_office.connectors.masking import TOKENS
from ccpa_office.connectors.postgresql import texts
from ccpa_office.connectors.postgresql.binding import Parameters


def of_deed(table: Table, deed: Deed, people: Sequence[Key]) -> Parameters:
    """Return what a deed needs besides keys and people: its secret, and whom it takes out.

    Raises ``KeysRefused`` where either is missing.
    """
    if deed.action == "delete":
        return {}
    values: Parameters = {}
    hows = {change.how for change in table.mask(deed.action)}
    if hows & {"pseudonym", *TOKENS}:
        if len(deed.secret) < 16:
            raise KeysRefused("a pseudonym needs a secret of 16 bytes or more")
        values |= pads(deed.secret)
    if hows & {"strip_text", "strip_json", "inside"}:
        if len(deed.identities) != len(people):
            raise KeysRefused("stripping a text needs the identity of each of the people")
        values |= traces(deed.identities)
    return values


def pads(secret: bytes) -> Parameters:
    """Return the secret as HMAC-SHA-256 needs it (RFC 2104): inner and outer."""
    return {"inner": pad(secret, 0x36), "outer": pad(secret, 0x5C)}


_TURNED = {number: bytes(byte ^ number for byte in range(256)) for number in (0x36, 0x5C)}


def pad(secret: bytes, number: int) -> bytes:
    """Return one of the two paddings of a secret."""
    block = secret if len(secret) <= 64 else hashlib.sha256(secret).digest()
    return block.ljust(64, b"\x00").translate(_TURNED[number])


def traces(identities: Sequence[Identity]) -> Parameters:
    """Return what finds each of the people in a text: signs, spellings, patterns."""
    found = [texts.traces(identity) for identity in identities]
    return {
        "patterns": _listed([each.pattern for each in found]),
        "narrow": _listed([each.narrow for each in found]),
        "signs": _listed([each.signs for each in found]),
        "spellings": _listed([each.spellings for each in found]),
    }


def _listed(values: Sequence[str]) -> str:
    """Spell texts as JSON: the store finds the n-th of a thousand without reading those before."""
    return json.dumps(values, ensure_ascii=False)
