"""Who signs what is done to a notice: a member of staff, by an immutable id."""

from ccpa_office.roles import Actor, NotAllowed, Verb, require


def signer(by: Actor, verb: Verb) -> int:
    """The staff id of whoever may ``verb``. Raises NotAllowed; no machine signs."""
    require(by, verb)
    if by.id is None:
        raise NotAllowed
    return by.id
