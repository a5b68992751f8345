"""What people decide about a case: approve, deny, extend, stop, release, close."""

from requests_app.casework.answering import (
    approve_denial,
    denial_words,
    extend,
    propose_denial,
    refuse_denial,
)
from requests_app.casework.approving import approve, check_approval, refuse, why_not_approve
from requests_app.casework.by_hand import assign, close_by_hand, hear, try_again, write
from requests_app.casework.refusals import ApprovalRefused, GroundMissing, TooLate
from requests_app.casework.stopping import (
    NOT_ME,
    is_called_back,
    release_stop,
    stop,
    stop_by_link,
    withdraw,
)
from requests_app.fulfillment.plan import NothingToDecide, PlanVoid, ask_for_plan, decide_shared

__all__ = [
    "NOT_ME",
    "ApprovalRefused",
    "GroundMissing",
    "NothingToDecide",
    "PlanVoid",
    "TooLate",
    "approve",
    "approve_denial",
    "ask_for_plan",
    "assign",
    "check_approval",
    "close_by_hand",
    "decide_shared",
    "denial_words",
    "extend",
    "hear",
    "is_called_back",
    "propose_denial",
    "refuse",
    "refuse_denial",
    "release_stop",
    "stop",
    "stop_by_link",
    "try_again",
    "why_not_approve",
    "withdraw",
    "write",
]
