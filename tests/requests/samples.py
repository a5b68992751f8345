"""What the pages and letters are shown with in tests: a made-up request, without a database."""

from datetime import UTC, date, datetime
from typing import Any

from django import forms

NUMBER = "7K3M92QX4TD"
SHOWN = "7K3M-92QX-4TD"
DAY = date(2027, 1, 8)
LATER = date(2027, 2, 7)
MOMENT = datetime(2027, 1, 8, 20, 5, tzinfo=UTC)
LINK = "http://office.test/requests/l/token/"

COUNTS = [{"category": "Identifiers", "rows": 4}, {"category": "Commercial", "rows": 1}]
KEPT = [{"category": "Commercial", "rows": 4, "why": "A legal obligation", "until": LATER}]
COMMON: dict[str, Any] = {
    "number": NUMBER,
    "right": "Delete <it>",
    "new_link": "http://office.test/requests/new/",
    "opt_out_link": "http://office.test/opt-out/",
}
TWO_LINKS = {"confirm_link": LINK, "stop_link": f"{LINK}stop/", "confirm_by": LATER}

LETTERS: dict[str, dict[str, Any]] = {
    "receipt": {"respond_by": LATER, "follow_link": LINK},
    "receipt_optout": {"optout_by": LATER, "follow_link": LINK},
    "follow": {"follow_link": LINK},
    "confirm": TWO_LINKS,
    "reminder": TWO_LINKS,
    "verified_notice": {"erase_after": MOMENT, "stop_link": LINK},
    "extension": {"extended_by": LATER, "reason": "Two more systems & more <rows>."},
    "unverifiable": {"notice_link": "http://office.test/notices/", "offer_opt_out": True},
    "not_confirmed": {},
    "nothing_found": {"systems": ["Learners", "Newsletter"], "offer_opt_out": True},
    "denied": {
        "ground": "An exception applies",
        "exception": "A legal obligation",
        "detail": "Tax law keeps invoices for seven years.",
        "duties": ["lock-purpose", "offer-opt-out"],
    },
    "done_delete": {
        "done_on": DAY,
        "counts": COUNTS,
        "proved_on": DAY,
        "providers": 2,
        "outside": ["A service provider held nothing of yours."],
    },
    "done_delete_part": {"done_on": DAY, "counts": COUNTS, "kept": KEPT, "offer_opt_out": True},
    "answer_know": {"outcome": "in-part", "package_link": LINK, "package_until": MOMENT},
    "package_code": {"code": "7K3M-92QX"},
    "stopped": {},
    "withdrawn": {},
    "answer_manual": {"outcome": "in-part", "reason": "The address is corrected."},
    "optout_done": {"effective_on": DAY, "earliest_reask": LATER},
    "instruction": {
        "provider": "Alder Mail",
        "action": "delete",
        "due_on": LATER,
        "identifiers": [{"kind": "email", "value": "9f2c"}],
        "keyed": "SHA-256",
    },
    "outside_task": {
        "system": "Alder Paper Archive",
        "due_on": LATER,
        "task_link": LINK,
        "link_until": DAY,
        "again": False,
    },
    "message_from_us": {"follow_link": LINK},
}


class AskForm(forms.Form):
    """One field of every sort that the pages know."""

    nonce = forms.CharField(widget=forms.HiddenInput)
    name = forms.CharField(label="Your name", help_text="So that we find you.")
    email = forms.EmailField(label="E-mail", help_text="Our letters go there.")
    who = forms.ChoiceField(
        label="For whom?", choices=[("self", "Me"), ("agent", "Another")], widget=forms.RadioSelect
    )
    signed_name = forms.CharField(label="Signature")
    declared = forms.BooleanField(label="I declare it.")
    more = forms.CharField(label="More", required=False, widget=forms.Textarea)


def _request_page() -> dict[str, Any]:
    return {
        "number": NUMBER,
        "kind": "Delete",
        "answer": "We are checking that it is you.",
        "next": [{"sentence": "You have our answer.", "day": LATER}],
        "steps": [
            {"name": "Received", "state": "done", "day": DAY},
            {"name": "Checking", "state": "now", "day": None},
            {"name": "Done", "state": "later", "day": LATER},
        ],
        "messages": [
            {"from_us": True, "at": MOMENT, "text": "Which course?"},
            {"from_us": False, "at": MOMENT, "text": "<b>Bees</b>"},
        ],
        "message_form": AskForm(),
        "actions": [{"url": "/w", "label": "Withdraw", "explains": "We stop.", "confirm": "Yes"}],
    }


def pages() -> dict[str, dict[str, Any]]:
    """Every public template of requests, with what its view gives it."""
    right = {"title": "Delete", "meaning": "We erase it.", "how_long": "45 days", "url": "/x/"}
    after = [{"sentence": "We write to you.", "day": None}]
    return {
        "home.html": {},
        "opt_out.html": {"opted_out": True, "signal": True},
        "400.html": {},
        "403.html": {},
        "404.html": {},
        "405.html": {},
        "requests/choose.html": {"rights": [right]},
        "requests/new.html": {"form": AskForm({"name": "Mika"}), "right": right},
        "requests/check.html": {
            "form": AskForm(), "right": right, "answers": [("Your name", "Mika")], "next": after
        },
        "requests/received.html": {"number": NUMBER, "due": {"ack_by": DAY, "respond_by": LATER}},
        "requests/status_ask.html": {"form": AskForm()},
        "requests/status_sent.html": {},
        "requests/link.html": {
            "purpose": "confirm", "number": NUMBER, "form": AskForm(), "declaration": "I declare."
        },
        "requests/link_gone.html": {},
        "requests/status.html": _request_page(),
        "requests/done.html": {"number": NUMBER, "sentence": "Withdrawn.", "next": after},
    }  # fmt: skip
