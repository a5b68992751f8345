"""A new follow link: the same work and the same page whatever is typed; the mail alone differs."""

import pytest

from ccpa_office import clock
from requests_app import tasks, verification
from requests_app.models import Link, LinkAsked, LinkPurpose
from requests_app.numbers import new_number
from tests.builders import ORLA, ask, drain, tokens


def test_the_owner_of_the_address_gets_a_link_and_the_older_ones_are_void(mailbox, team, learners):
    consumer_request = ask()
    drain()
    older = tokens(mailbox.to(ORLA)[0].get_body(("plain",)).get_content())[0]
    sent = len(mailbox.to(ORLA))
    verification.ask_follow_link(consumer_request.number, ORLA.upper(), at=clock.now())
    drain()
    assert len(mailbox.to(ORLA)) == sent + 1
    assert LinkAsked.objects.count() == 0
    with pytest.raises(verification.LinkGone):
        verification.find_link(older, at=clock.now())
    newest = verification.find_link(tokens(mailbox.last(ORLA))[0], at=clock.now())
    assert newest.purpose == LinkPurpose.FOLLOW


@pytest.mark.parametrize("wrong", ["number", "address"])
def test_nobody_else_gets_anything(mailbox, team, learners, wrong):
    consumer_request = ask()
    drain()
    links, letters = Link.objects.count(), len(mailbox.messages)
    number = new_number() if wrong == "number" else consumer_request.number
    address = ORLA if wrong == "number" else "somebody@example.org"
    verification.ask_follow_link(number, address, at=clock.now())
    drain()
    assert (Link.objects.count(), len(mailbox.messages)) == (links, letters)
    assert LinkAsked.objects.count() == 0


def test_the_page_does_the_same_work_whatever_is_typed(
    mailbox, team, learners, client, django_assert_num_queries
):
    consumer_request = ask()
    tasks.drain_verify()
    pages = []
    for number in (consumer_request.public_number, new_number()):
        with django_assert_num_queries(1):
            answer = client.post("/requests/status/", {"number": number, "email": ORLA})
        pages.append((answer.status_code, answer.content))
    assert pages[0] == pages[1]
