"""Who may do what: eight roles, one table, and the rule about touched accounts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from ccpa_office.models import StaffMember, StaffTouch

SETTLING_TIME = timedelta(hours=72)


class Role(TextChoices):
    """What a member of staff is in the office. Each role is a group of the same name."""

    CLERK = "clerk", _("Clerk")
    VERIFIER = "verifier", _("Verifier")
    OFFICER = "officer", _("Officer")
    APPROVER = "approver", _("Approver")
    COUNSEL = "counsel", _("Counsel")
    AUDITOR = "auditor", _("Auditor")
    EDITOR = "editor", _("Editor")
    CHIEF = "chief", _("Chief")


class Verb(TextChoices):
    """What can be done in the office by a person."""

    SEE_CASES = "see_cases", _("See cases")
    SEE_IDENTITY = "see_identity", _("See the identity of a consumer, with a purpose")
    INTAKE = "intake", _("Take in a request")
    ASK = "ask", _("Ask for an erasure to be planned")
    VERIFY = "verify", _("Decide on identity")
    PLAN = "plan", _("Build a plan")
    DECIDE_SHARED = "decide_shared", _("Decide on shared rows")
    APPROVE = "approve", _("Approve a plan")
    APPROVE_BATCH = "approve_batch", _("Approve a batch")
    EXTEND = "extend", _("Extend the time to respond")
    DENY = "deny", _("Deny a request")
    APPROVE_DENIAL = "approve_denial", _("Approve a denial")
    WORK_CASE = "work_case", _("Work a case by hand")
    CLOSE_CASE = "close_case", _("Close a case")
    RUN_BATCH = "run_batch", _("Run a batch")
    STOP_BATCH = "stop_batch", _("Stop a batch")
    LOAD_MAP = "load_map", _("Load a data map")
    APPROVE_MAP = "approve_map", _("Approve a data map")
    EDIT_NOTICE = "edit_notice", _("Edit a notice")
    REVIEW_NOTICE = "review_notice", _("Review a notice")
    PUBLISH_NOTICE = "publish_notice", _("Publish a notice")
    SEE_LEDGER = "see_ledger", _("Read the ledger")
    SEE_LETTERS = "see_letters", _("Read letters")
    RESEND_LETTER = "resend_letter", _("Send a letter again")
    EXPORT = "export", _("Take a list out as a file, with a purpose")
    RELEASE_STOP = "release_stop", _("Release a stopped request")
    MANAGE_STAFF = "manage_staff", _("Manage accounts and roles of staff")
    CONFIRM_STAFF = "confirm_staff", _("Confirm an account that somebody else changed")
    CONFIRM_CLOCK = "confirm_clock", _("Confirm the clock after a jump")


_V = Verb

# The matrix. Four eyes hold besides: no role, chief included, lets one person do both halves.
MATRIX: dict[Role, frozenset[Verb]] = {
    Role.CLERK: frozenset(
        {_V.SEE_CASES, _V.INTAKE, _V.ASK, _V.WORK_CASE, _V.SEE_LETTERS, _V.RESEND_LETTER}
    ),
    Role.VERIFIER: frozenset({_V.SEE_CASES, _V.SEE_IDENTITY, _V.VERIFY, _V.SEE_LETTERS}),
    Role.OFFICER: frozenset(
        {_V.SEE_CASES, _V.ASK, _V.PLAN, _V.DECIDE_SHARED, _V.EXTEND, _V.WORK_CASE, _V.CLOSE_CASE}
        | {_V.RUN_BATCH, _V.STOP_BATCH, _V.SEE_LETTERS, _V.RESEND_LETTER, _V.EXPORT}
    ),
    Role.APPROVER: frozenset(
        {_V.SEE_CASES, _V.APPROVE, _V.APPROVE_BATCH, _V.APPROVE_DENIAL, _V.APPROVE_MAP}
        | {_V.STOP_BATCH, _V.RELEASE_STOP, _V.CONFIRM_STAFF}
    ),
    Role.COUNSEL: frozenset(
        {_V.SEE_CASES, _V.SEE_IDENTITY, _V.EXTEND, _V.DENY, _V.APPROVE_DENIAL, _V.DECIDE_SHARED}
        | {_V.SEE_LETTERS, _V.SEE_LEDGER, _V.REVIEW_NOTICE, _V.STOP_BATCH, _V.EXPORT}
    ),
    Role.AUDITOR: frozenset({_V.SEE_CASES, _V.SEE_LEDGER, _V.SEE_LETTERS, _V.EXPORT}),
    Role.EDITOR: frozenset({_V.EDIT_NOTICE, _V.PUBLISH_NOTICE, _V.LOAD_MAP}),
    Role.CHIEF: frozenset(Verb),
}


class NotAllowed(Exception):
    """This needs a role that you do not have."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.__doc__)


class TouchedAccount(NotAllowed):
    """Somebody else changed this account less than 72 hours ago; a third person can confirm it."""


@dataclass(frozen=True)
class Actor:
    """Who acts: a member of staff by an immutable id, a part of the system, or the consumer."""

    kind: Literal["staff", "system", "consumer"]
    id: int | None = None
    roles: frozenset[Role] = frozenset()
    name: str = ""

    @classmethod
    def of(cls, user: Any) -> "Actor":
        """The member of staff ``user``, with the roles of this moment (none when inactive)."""
        if not isinstance(user, StaffMember) or user.pk is None:
            raise NotAllowed
        names = getattr(user, "role_names", None)  # whoever is signed in was read with them
        if names is None:
            names = user.groups.values_list("name", flat=True)
        names = names if user.is_active else ()
        return cls("staff", user.pk, frozenset(Role(name) for name in names if name in Role.values))

    @classmethod
    def system(cls, name: str) -> "Actor":
        """The part of the system called ``name``."""
        return cls("system", name=name)

    @classmethod
    def consumer(cls) -> "Actor":
        """A consumer, who is never named."""
        return cls("consumer")

    @property
    def staff_id(self) -> int:
        """The immutable id of a member of staff. Raises NotAllowed for anybody else."""
        if self.id is None:
            raise NotAllowed
        return self.id

    @property
    def label(self) -> str:
        """What the ledger stores: ``staff:12``, ``system:batches`` or ``consumer``."""
        return {"staff": f"staff:{self.id}", "system": f"system:{self.name}"}.get(
            self.kind, self.kind
        )


def may(actor: Actor, verb: Verb) -> bool:
    """Whether a role of ``actor`` gives ``verb``. Being superuser gives nothing."""
    return actor.kind == "staff" and any(verb in MATRIX[role] for role in actor.roles)


def require(actor: Actor, verb: Verb) -> None:
    """Raise NotAllowed unless ``actor`` may ``verb``."""
    if not may(actor, verb):
        raise NotAllowed


def may_decide_now(actor: Actor, *, at: datetime) -> None:
    """Raise TouchedAccount when somebody else changed the account and nobody vouched for it yet."""
    if actor.kind != "staff" or actor.id is None:
        raise NotAllowed
    if StaffTouch.objects.open(at - SETTLING_TIME).filter(member_id=actor.id).exists():
        raise TouchedAccount


def holders(verb: Verb) -> Collection[Role]:
    """The roles that give ``verb``, in the order of the table."""
    return [role for role in Role if verb in MATRIX[role]]


def matrix_markdown() -> str:
    """The matrix as a page of the manual."""
    heads = [str(role.value) for role in Role]
    lines = [
        "# Roles",
        "",
        "Generated from `ccpa_office/roles.py` by `manage.py roles_table`.",
        "A role gives verbs; four eyes hold besides: nobody does both halves of one decision.",
        "A superuser without a role may do nothing here.",
        "",
        f"| verb | {' | '.join(heads)} |",
        f"|---|{':-:|' * len(heads)}",
    ]
    for verb in Verb:
        marks = ["●" if verb in MATRIX[role] else "" for role in Role]
        lines.append(f"| `{verb.value}` {verb.label} | {' | '.join(marks)} |")
    return "\n".join([*lines, ""])
