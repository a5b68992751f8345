"""Each letter with the words that the verbs really give, in three languages."""

import re
from datetime import timedelta

import pytest
from django.template import engines
from django.template.backends.django import DjangoTemplates

from ccpa_office import clock, sealing
from ccpa_office.law.kinds import RequestKind
from ccpa_office.law.vocabulary import RecipientCategory
from ccpa_office.roles import Actor, Role
from notices_app.models import Recipient
from requests_app import casework, correspondence, silence, tasks, verification, workflow
from requests_app.correspondence import LETTERS, writing
from requests_app.correspondence.links import link_url, page_url, without_keys
from requests_app.fulfillment import batches, closing
from requests_app.models import ConsumerRequest, LinkPurpose, Message, Outcome, Status
from tests.builders import HANA, KOFI, MARISOL, ORLA, actor, ask, fresh, plan_of
from tests.steps import (
    Killed,
    approve,
    checked,
    decided,
    gathered,
    killed_at,
    learner,
    lease_ends,
    query,
)

pytestmark = pytest.mark.django_db
MISSING = "(a variable is missing)"
DAY = timedelta(days=1)
MAY_BE_ABSENT = {
    "follow_link", "link_until", "confirm_by", "no_method", "notice_link", "offer_opt_out",
    "opt_out_link", "systems", "exception", "duties", "ask_again_on", "proved_on", "providers",
    "why", "until", "earliest_reask", "keyed", "scope", "kept",
}  # fmt: skip
"""What docs/reference/letters.md puts in parentheses."""


class Missing(str):
    """Stands for a variable that nobody gave, and says which."""

    __slots__ = ()

    def __contains__(self, other):
        return other == "%s" or super().__contains__(other)

    def __mod__(self, name):
        names = str(name).split(".")
        return "" if MAY_BE_ABSENT & set(names) else f"{MISSING}: {name}"


@pytest.fixture
def strict(monkeypatch):
    """Templates say what they miss."""
    templates = engines["django"]
    assert isinstance(templates, DjangoTemplates)
    engine = templates.engine
    monkeypatch.setattr(engine, "string_if_invalid", Missing("%s"))


def _text(message):
    return correspondence.words_of(message)._asdict()


def _tell_everything(mailbox, team, learners, language):
    """Every letter that there is, by the verbs that write them."""
    at = clock.now()
    _erase(mailbox, team, learners, language)
    opted = ask("opt@example.org", kind=RequestKind.OPT_OUT, language=language)
    casework.close_by_hand(fresh(opted), outcome="complied", words="Done.", by=team.officer, at=at)
    know = ask(ORLA, kind=RequestKind.KNOW_CATEGORIES, language=language)
    correct = ask(ORLA, kind=RequestKind.CORRECT, language=language)
    unknown = ask("nobody@example.org", language=language)
    lost = ask("noone@example.org", language=language)
    tasks.drain_verify()
    verification.follow(unknown.links.get(purpose=LinkPurpose.FOLLOW), at=at)
    casework.extend(fresh(know), reason="Two more systems.", by=team.officer, at=at)
    casework.write(fresh(know), "Which course?", by=team.officer, at=at)
    silence.remind(at=at + 8 * DAY)
    casework.stop(fresh(correct), at=at)
    casework.propose_denial(
        fresh(know), ground="DEN_EXCEPTION", exception="GX_k", words="It is another's.",
        by=team.counsel, at=at,
    )  # fmt: skip
    casework.approve_denial(fresh(know), by=actor(Role.COUNSEL), at=at)
    _end_the_others(team, lost, language, at)


def _end_the_others(team, lost, language, at):
    taken = ask("gone@example.org", language=language)
    casework.withdraw(taken, by=Actor.consumer(), at=at)
    doubled = ask("twice@example.org", kind=RequestKind.KNOW_SPECIFIC, language=language)
    casework.close_by_hand(fresh(doubled), outcome="duplicate", words="Again.", by=team.officer,
                           at=at)  # fmt: skip
    verification.ask_follow_link(lost.number, "noone@example.org", at=at)
    tasks.drain_verify()
    weak = ask(KOFI, language=language)
    tasks.drain_verify()
    verification.accept_evidence(weak.links.get(purpose=LinkPurpose.CONFIRM), {"phone": "1"}, at=at)
    tasks.drain_verify()
    silence.end(at=at + 40 * DAY)


def _erase(mailbox, team, learners, language):
    Recipient.objects.create(
        code="alder", category=RecipientCategory.values[0], legal_role="service-provider",
        instruction_email="privacy@alder.example", language=language,
    )  # fmt: skip
    for email in (HANA, "nothing.kept@example.org"):
        if email != HANA:
            query(learners, "UPDATE accounts SET email = %s, email_changed_at = '2024-01-01'"
                            " WHERE id = 6", email)  # fmt: skip
            query(learners, "DELETE FROM invoices WHERE account_no = 6")
        _decided_in(mailbox, team, learners, email, language)
    for _each in range(2):
        tasks.drain_mail()
        closing.close_told(at=clock.now())


def _decided_in(mailbox, team, learners, email, language):
    number = query(learners, "SELECT id FROM accounts WHERE email = %s", email)[0][0]
    known = learner(learners, number)
    consumer_request = ask(email, language=language)
    tasks.drain_verify()
    verification.accept_evidence(
        consumer_request.links.get(purpose=LinkPurpose.CONFIRM),
        {"phone": known["phone"], "postal_code": known["postal_code"]}, at=clock.now(),
    )  # fmt: skip
    tasks.drain_verify()
    verification.decide(fresh(consumer_request), by=team.verifier, reason="x", at=clock.now())
    tasks.drain_plan()
    approve(consumer_request, team.approver)
    batches.work_chunk(gathered(), at=clock.now())


ELSEWHERE = {"answer_know", "package_code", "outside_task"}
"""Letters of other stories: requests to know, systems outside."""


@pytest.mark.parametrize("language", ["en", "ja", "es"])
def test_every_letter_says_what_the_verbs_give_it(
    language, strict, mailbox, team, learners, at_once
):
    _tell_everything(mailbox, team, learners, language)
    written = {message.letter: message for message in Message.objects.select_related("data_key")}
    assert set(written) == set(LETTERS) - ELSEWHERE
    for name, message in written.items():
        assert message.language == language
        for part, text in _text(message).items():
            assert MISSING not in text, (name, part, text)
            assert "{{" not in text
            assert "{%" not in text
            assert "None" not in text, (name, part)
        words = _text(message)["text"]
        assert (any(ord(letter) > 0x3000 for letter in words)) == (language == "ja"), name


def test_a_letter_that_lacks_a_word_would_be_seen(strict, mailbox, team, learners):
    consumer_request = ask(ORLA)
    (message,) = correspondence.queue_all("denied", [consumer_request], at=clock.now())
    assert MISSING in _text(message)["text"]


def test_the_letter_of_a_deletion_in_part_says_what_is_kept_and_why(
    mailbox, team, learners, at_once
):
    consumer_request = decided(mailbox, team, ORLA)
    approve(consumer_request, team.approver)
    batches.work_chunk(gathered(), at=clock.now())
    closing.close_told(at=clock.now())
    done = fresh(consumer_request)
    assert (done.status, done.outcome) == (Status.COMPLETED, Outcome.IN_PART)
    message = Message.objects.get(letter="done_delete_part")
    text = _text(message)["text"]
    assert "A legal obligation" in text
    assert "2032" in text
    assert "Identifiers" in text
    assert not any(word in text for word in ("Orla", "dunmarrow", "invoices", "accounts"))


def test_a_denial_says_its_ground_its_basis_and_the_next_duty(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    at = clock.now()
    casework.propose_denial(
        consumer_request, ground="DEN_EXCEPTION", exception="DX_8",
        words="Tax law keeps invoices for seven years.", by=team.counsel, at=at,
    )  # fmt: skip
    casework.approve_denial(fresh(consumer_request), by=actor(Role.COUNSEL), at=at)
    text = _text(Message.objects.get(letter="denied"))["text"]
    assert "An exception applies" in text
    assert "A legal obligation" in text
    assert "Tax law keeps invoices for seven years." in text


def test_subjects_are_fixed_and_name_only_the_number(mailbox, team, learners, at_once):
    _tell_everything(mailbox, team, learners, "en")
    for message in Message.objects.exclude(audience="provider"):
        assert message.consumer_request is not None
        number = message.consumer_request.public_number
        subject = correspondence.subject_of(message)
        assert subject == correspondence.words_of(message).subject
        assert re.search(r"example|orla|hana|@", subject.replace(number, "")) is None


def test_addresses_of_pages_carry_the_language(settings):
    settings.SITE_URL = "https://privacy.example"
    assert page_url("opt-out/", "en") == "https://privacy.example/opt-out/"
    assert page_url("opt-out/", "ja") == "https://privacy.example/ja/opt-out/"
    assert link_url("t", "es") == "https://privacy.example/es/requests/l/t/"


def test_every_letter_of_the_table_of_moves_exists():
    named = set()
    for moves in workflow.MOVES.values():
        for move in moves.values():
            named |= {move.letter} if isinstance(move.letter, str) else set(move.letter.values())
    assert named - {""} <= set(LETTERS)


def test_who_gets_which_letter(mailbox, team, learners):
    query(learners, "UPDATE accounts SET email = 'held@example.org' WHERE id = 4")
    consumer_request = checked(mailbox, MARISOL)
    told = [
        (message.letter, message.audience) for message in consumer_request.letters.order_by("pk")
    ]
    assert told == [("receipt", "typed"), ("confirm", "on_file")]
    for name, letter in LETTERS.items():
        if letter.audience == "answer":
            (message,) = correspondence.queue_all(
                name, [consumer_request], at=clock.now(),
                context=lambda _each: {"ground": "", "detail": "", "counts": [], "reason": ""},
            )  # fmt: skip
            digest = sealing.digest("email", MARISOL)
            assert bytes(message.recipient_digest) == digest
    unknown = ask("nobody@example.org")
    (message,) = correspondence.queue_all("answer_manual", [unknown], at=clock.now(),
                                          context=lambda _each: {"reason": "x"})  # fmt: skip
    assert bytes(message.recipient_digest) == sealing.digest("email", "nobody@example.org")
    assert correspondence.queue_all("verified_notice", [unknown], at=clock.now()) == []


def test_a_parked_letter_is_let_go_again_by_staff_with_its_message_id(mailbox, team, db):
    consumer_request = ask("victim@example.org")
    message = consumer_request.letters.get()
    Message.objects.filter(pk=message.pk).update(state="parked", error_code="refused",
                                                 delivery="refused")  # fmt: skip
    message.refresh_from_db()
    correspondence.release(message, by=team.officer, at=clock.now())
    tasks.drain_mail()
    (mail,) = mailbox.to("victim@example.org")
    assert mail["Message-ID"] == message.message_id


def test_plans_have_their_letters(mailbox, team, learners):
    consumer_request = decided(mailbox, team, ORLA)
    assert plan_of(consumer_request).approvals_needed == 1
    approve(consumer_request, team.approver)
    letter = consumer_request.letters.get(letter="verified_notice")
    assert letter.audience == "on_file"
    assert consumer_request.links.filter(purpose=LinkPurpose.STOP).count() == 2


def test_words_are_written_once_before_a_letter_is_first_sent(mailbox, team, db, settings):
    consumer_request = ask("somebody@example.org", language="es")
    message = consumer_request.letters.get()
    assert (message.subject, bytes(message.text), bytes(message.html)) == ("", b"", b"")
    assert b"somebody" not in bytes(message.facts)
    as_shown = correspondence.words_of(message)
    later = consumer_request.extended_due_on
    ConsumerRequest.objects.filter(pk=consumer_request.pk).update(
        due_on=later, extended_at=clock.now()
    )
    tasks.drain_mail()
    (mail,) = mailbox.to("somebody@example.org")
    message = consumer_request.letters.get()
    assert (bytes(message.facts), message.delivery) == (b"", "handed")
    assert correspondence.words_of(message) == as_shown
    assert mail.get_body(("plain",)).get_content().split() == as_shown.text.split()


def test_a_letter_that_was_tried_once_says_the_same_at_its_next_attempt(
    mailbox, team, db, monkeypatch
):
    consumer_request = ask("somebody@example.org")
    with killed_at(monkeypatch, "mail.before-effect"), pytest.raises(Killed):
        tasks.drain_mail()
    first = correspondence.words_of(consumer_request.letters.get())
    monkeypatch.setattr(writing, "render_to_string", None)
    lease_ends()
    tasks.drain_mail()
    assert consumer_request.letters.get().delivery == "handed"
    assert correspondence.words_of(consumer_request.letters.get()) == first
    assert len(mailbox.to("somebody@example.org")) == 1


def test_a_letter_whose_facts_do_not_fit_is_a_persons_work(mailbox, team, db, monkeypatch):
    consumer_request = ask("somebody@example.org")
    message = consumer_request.letters.get()
    box = sealing.Box(message.data_key)
    Message.objects.filter(pk=message.pk).update(facts=box.seal("{", context="message.facts"))
    tasks.drain_mail()
    message.refresh_from_db()
    assert (message.state, message.delivery) == ("parked", "waiting")
    assert mailbox.to("somebody@example.org") == []


def test_only_days_moments_and_words_are_facts_of_a_letter(db):
    consumer_request = ask("somebody@example.org")
    for value in (object(), {1}, b"x"):
        with pytest.raises(TypeError):
            writing.told(consumer_request, {"x": value}, language="en")


def test_the_code_of_a_package_is_for_its_reader_alone():
    said = "コードは 7K3M-92QX です。\nThe number of this request is 7K3M-92QX-4TD."
    shown = "コードは ••••-•••• です。\nThe number of this request is 7K3M-92QX-4TD."
    assert without_keys(said, letter="package_code") == shown
    assert without_keys(said, letter="receipt") == said
