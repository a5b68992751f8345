"""Is it the consumer? Look up, ask, compare, decide (11 CCR 7060 to 7063)."""

from requests_app.verification.deciding import (
    EVALUATIONS,
    IdentityNotProven,
    ask_again,
    decide,
    judge_as_categories,
    queue_collection,
    queue_plan,
    send_again,
)
from requests_app.verification.evidence import (
    DECLARATION,
    accept_evidence,
    compare,
)
from requests_app.verification.links import (
    LinkGone,
    answer_link_asked,
    ask_confirm_letter,
    ask_follow_link,
    digest_of,
    find_link,
    follow,
    link_of,
    links_gave_up,
    spend,
    try_links_again,
)
from requests_app.verification.looking import identity_of, look_up, people_of

__all__ = [
    "DECLARATION",
    "EVALUATIONS",
    "IdentityNotProven",
    "LinkGone",
    "accept_evidence",
    "answer_link_asked",
    "ask_again",
    "ask_confirm_letter",
    "ask_follow_link",
    "compare",
    "decide",
    "digest_of",
    "find_link",
    "follow",
    "identity_of",
    "judge_as_categories",
    "link_of",
    "links_gave_up",
    "look_up",
    "people_of",
    "queue_collection",
    "queue_plan",
    "send_again",
    "spend",
    "try_links_again",
]
