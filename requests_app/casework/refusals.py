"""Why a decision does not count."""


class ApprovalRefused(Exception):
    """This approval does not count; the text says why and who can give it."""


class GroundMissing(Exception):
    """A denial needs a ground that is open against this kind of request, and its words."""


class TooLate(Exception):
    """The time in which this may be done is over."""
