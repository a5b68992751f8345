"""Is it the consumer? Links, points, levels; what nobody may bring about."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from ccpa_office import clock, connectors, sealing
from ccpa_office.law.certainty import Level
from ccpa_office.roles import Actor, NotAllowed
from notices_app import datamap
from requests_app import casework, correspondence, silence, tasks, verification
from requests_app.correspondence.links import LINK_LIFE, token_digest
from requests_app.following import standing_of
from requests_app.models import (
    Declaration,
    EvidencePoint,
    Identifier,
    IdentifierSource,
    Link,
    LinkPurpose,
    Message,
    Status,
    Step,
)
from requests_app.verification import LinkGone
from requests_app.verification.looking import people_of
from requests_app.workflow import MoveNotAllowed
from tests import builders
from tests.builders import MAP, ORLA, POINTS, ask, confirm, drain, fresh, tokens
from tests.steps import (
    by_sql,
    checked,
    days_after,
    learner,
    lines,
    query,
    refused_by_the_database,
    times,
)

WRONG = {"postal_code": "00000", "phone": "000"}


def _waiting(email=ORLA):
    consumer_request = ask(email)
    drain()
    return fresh(consumer_request)


def _link(consumer_request, purpose=LinkPurpose.CONFIRM):
    return consumer_request.links.filter(purpose=purpose).latest("pk")


def _accept(link, claims=None, **more):
    return verification.accept_evidence(link, claims or POINTS[ORLA], at=clock.now(), **more)


def _release(threads):
    """Run in threads, each with its own connection, and give their answers."""

    def run(act):
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(threads)) as pool:
        return [each.result() for each in [pool.submit(run, act) for act in threads]]


# --- links --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_link_is_spent_once_under_a_hundred_presses(mailbox, team, learners):
    link = _link(_waiting(), LinkPurpose.FOLLOW)

    def press():
        for _each in range(5):
            yield lambda: times(1, lambda: verification.follow(link, at=clock.now()))[0]

    answers = []
    for _round in range(5):
        answers += _release([act for _ in range(4) for act in press()])
    assert len(answers) == 100
    assert answers.count(LinkGone) == 99


@pytest.mark.django_db(transaction=True)
def test_of_many_presses_of_a_confirm_link_one_is_weighed(mailbox, team, learners):
    consumer_request = _waiting()
    link = _link(consumer_request)
    answers = _release([lambda: times(1, lambda: _accept(link))[0]] * 12)
    assert answers.count(LinkGone) == 11
    assert Step.objects.comparing().count() == 1


@pytest.mark.django_db(transaction=True)
def test_links_to_two_contacts_pressed_at_once_give_one_comparison(mailbox, team, learners):
    consumer_request = _waiting()
    other = _second_link(consumer_request)
    answers = _release(
        [
            lambda link=link: times(1, lambda: _accept(link))[0]
            for link in (_link(consumer_request), other)
        ]
    )
    assert answers.count(LinkGone) == 1
    drain()
    assert fresh(consumer_request).evaluations == 1


def _second_link(consumer_request):
    first = _link(consumer_request)
    return Link.objects.create(
        digest=token_digest("a second contact"), purpose=LinkPurpose.CONFIRM,
        consumer_request=consumer_request, contact=first.contact, made_at=first.made_at,
        expires_at=first.expires_at,
    )  # fmt: skip


@pytest.mark.django_db
def test_links_to_two_contacts_pressed_one_after_the_other(mailbox, team, learners):
    consumer_request = _waiting()
    other = _second_link(consumer_request)
    _accept(_link(consumer_request))
    with pytest.raises(LinkGone):
        _accept(other)
    drain()
    assert fresh(consumer_request).status == Status.CHECKING


@pytest.mark.django_db
def test_a_token_is_kept_as_a_digest_alone(mailbox, team, learners):
    consumer_request = _waiting()
    sent = tokens(mailbox.last(ORLA))
    assert [len(token) for token in sent] == [43, 43]
    kept = {bytes(link.digest) for link in consumer_request.links.all()}
    assert {hashlib.sha256(token.encode()).digest() for token in sent} < kept
    with connection.cursor() as cursor:
        cursor.execute("SELECT l::text FROM requests_app_link l")
        assert not any(token in row for (row,) in cursor.fetchall() for token in sent)


@pytest.mark.django_db
@pytest.mark.parametrize("purpose", [LinkPurpose.FOLLOW, LinkPurpose.CONFIRM, LinkPurpose.STOP])
def test_a_link_opens_until_its_last_moment(purpose, mailbox, team, learners):
    link = _link(_waiting(), purpose)
    link.digest = token_digest("known")
    link.save()
    assert link.expires_at - link.made_at == LINK_LIFE[purpose]
    last = link.expires_at - timedelta(microseconds=1)
    assert verification.find_link("known", at=last) == link
    with pytest.raises(LinkGone):
        verification.find_link("known", at=link.expires_at)
    with pytest.raises(LinkGone):
        verification.spend(link, purpose, at=link.expires_at)
    verification.spend(link, purpose, at=last)


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "x" * 43, "\x00", "\udc80", "' OR 1=1 --", "%"])
def test_an_invented_token_finds_nothing(token, mailbox, team, learners):
    _waiting()
    with pytest.raises(LinkGone):
        verification.find_link(token, at=clock.now())


@pytest.mark.django_db
def test_a_link_is_for_one_purpose(mailbox, team, learners):
    consumer_request = _waiting()
    acts = {
        LinkPurpose.FOLLOW: lambda link: verification.follow(link, at=clock.now()),
        LinkPurpose.CONFIRM: _accept,
        LinkPurpose.STOP: lambda link: casework.stop_by_link(link, at=clock.now()),
    }
    for purpose in acts:
        for other, act in acts.items():
            if other != purpose:
                with pytest.raises(LinkGone):
                    act(_link(consumer_request, purpose))
    assert not consumer_request.links.filter(used_at__isnull=False).exists()
    assert fresh(consumer_request).status == Status.WAITING


@pytest.mark.django_db
def test_a_new_confirm_link_voids_the_older(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA, **WRONG)
    verification.ask_again(consumer_request, by=team.verifier, reason="one more", at=clock.now())
    first, second = consumer_request.links.filter(purpose=LinkPurpose.CONFIRM).order_by("pk")
    first.used_at = None
    assert first.voided_at is None  # it was used
    verification.ask_again(
        _stood(consumer_request), by=team.verifier, reason="again", at=clock.now()
    )
    second.refresh_from_db()
    assert second.voided_at is not None
    with pytest.raises(LinkGone):
        _accept(second)


def _stood(consumer_request):
    by_sql(
        "UPDATE requests_app_consumerrequest SET status = 'checking' WHERE id = %s",
        consumer_request.pk,
    )
    return fresh(consumer_request)


@pytest.mark.django_db
def test_following_proves_the_typed_address_and_nothing_else(mailbox, team, learners):
    consumer_request = _waiting()
    verification.follow(_link(consumer_request, LinkPurpose.FOLLOW), at=clock.now())
    typed = consumer_request.identifiers.get(source=IdentifierSource.TYPED, kind="email")
    assert typed.confirmed_at is not None
    on_file = consumer_request.identifiers.filter(source=IdentifierSource.ON_FILE)
    assert set(on_file.values_list("confirmed_at", flat=True)) == {None}
    assert fresh(consumer_request).level_reached == Level.NONE


# --- look-up ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_confirm_letter_goes_to_the_contact_on_file_alone(mailbox, team, learners):
    consumer_request = ask(ORLA.upper())
    drain()
    assert [each["To"] for each in mailbox.messages] == [ORLA.upper(), ORLA]
    assert "confirm" not in set(
        Message.objects.filter(recipient_digest__in=sealing.digests("email", "x")).values_list(
            "letter", flat=True
        )
    )
    assert fresh(consumer_request).on_file is True


@pytest.mark.django_db
def test_an_unknown_person_gets_the_same_receipt_and_no_second_letter(mailbox, team, learners):
    known, unknown = ask(ORLA), ask("nobody@example.org", name="Orla Dunmarrow")
    drain()
    texts = [mailbox.to(each)[0] for each in (ORLA, "nobody@example.org")]
    words = [
        builders.text_of(text)
        .replace(tokens(builders.text_of(text))[0], "T")
        .replace(asked.public_number, "N")
        for text, asked in zip(texts, (known, unknown), strict=True)
    ]
    assert words[0] == words[1]
    assert len(mailbox.to("nobody@example.org")) == 1
    assert [fresh(known).status, fresh(unknown).status] == [Status.WAITING] * 2
    assert (fresh(unknown).on_file, fresh(unknown).hold) == (False, "")


@pytest.mark.django_db
@pytest.mark.parametrize(("days", "used"), [(29, False), (30, True), (31, True)])
def test_a_contact_counts_after_thirty_days(days, used, mailbox, team, learners):
    at = clock.now()
    query(
        learners, "UPDATE accounts SET email_changed_at = %s WHERE id = 4",
        at - timedelta(days=days),
    )  # fmt: skip
    consumer_request = ask(ORLA, at=at)
    drain()
    asked = fresh(consumer_request)
    assert (asked.on_file, asked.hold) == (used, "" if used else "young-contact")
    assert people_of(asked) == ({"learners": [4]} if used else {})
    assert len(mailbox.to(ORLA)) == (2 if used else 1)


@pytest.mark.django_db
def test_a_contact_of_unknown_age_counts_as_young(mailbox, team, learners):
    query(learners, "UPDATE accounts SET email_changed_at = NULL WHERE id = 4")
    assert _waiting().hold == "young-contact"


@pytest.mark.django_db
def test_nothing_is_said_to_be_missing_while_a_young_contact_is_on_file(mailbox, team, learners):
    query(learners, "UPDATE accounts SET email_changed_at = now() WHERE id = 4")
    consumer_request = _waiting()
    with pytest.raises(MoveNotAllowed):
        casework.close_by_hand(
            consumer_request, outcome="complied", words="We hold nothing.", ground="DEN_NO_DATA",
            by=team.officer, at=clock.now(),
        )  # fmt: skip


@pytest.mark.django_db
def test_a_look_up_of_what_was_withdrawn_meanwhile_does_nothing(mailbox, team, learners):
    consumer_request = ask(ORLA)
    casework.withdraw(consumer_request, by=Actor.consumer(), at=clock.now())
    drain()
    assert fresh(consumer_request).status == Status.WITHDRAWN
    assert set(Step.objects.values_list("state", flat=True)) == {"done"}
    assert not Identifier.objects.filter(source=IdentifierSource.ON_FILE).exists()


# --- points -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_what_was_claimed_and_held_is_nowhere_in_clear(mailbox, team, learners):
    checked(mailbox, ORLA)
    forms = ["95501", "707 555", "7075550163", "+17075550163", ORLA, "Dunmarrow"]
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename <> 'notices_app_datamapversion'"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608
            for (row,) in cursor.fetchall():
                found += [(table, form) for form in forms if form in row]
                found += [(table, form) for form in forms if form.encode().hex() in row]
    assert found == []


@pytest.mark.django_db
def test_names_and_yes_or_no_are_kept_of_the_points(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA, postal_code="95501", phone="no", order_number="QL-1")
    kept = EvidencePoint.objects.filter(consumer_request=consumer_request).order_by("point")
    assert [(each.point, each.group, each.matched, each.evaluation, each.method_version)
            for each in kept] == [
        ("order_number", "purchases", False, 1, "2026-1"),
        ("phone", "phone", False, 1, "2026-1"),
        ("postal_code", "address", True, 1, "2026-1"),
    ]  # fmt: skip
    assert consumer_request.level_reached == Level.NONE


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("claims", "reached"),
    [
        ({"postal_code": "95501"}, Level.NONE),
        ({"postal_code": "95501", "phone": "707 555 0163"}, Level.REASONABLE),
        ({"postal_code": "95501", "phone": "707 555 0164"}, Level.NONE),
        ({"phone": "+17075550163", "order_number": "ql-100007"}, Level.REASONABLE),
        (
            {"postal_code": "95501", "phone": "707 555 0163", "order_number": "QL-100007"},
            Level.REASONABLE,
        ),
        ({"postal_code": "95501", "invented": "x"}, Level.NONE),
        ({"postal_code": "", "phone": ""}, Level.NONE),
        ({"postal_code": "%", "phone": "_"}, Level.NONE),
    ],
)
def test_two_independent_points_are_needed(claims, reached, mailbox, team, learners):
    assert checked(mailbox, ORLA, **claims).level_reached == reached


@pytest.mark.django_db
def test_a_signature_raises_three_points_to_the_higher_level(mailbox, team, learners):
    consumer_request = _waiting()
    claims = {"postal_code": "95501", "phone": "707 555 0163", "order_number": "QL-100007"}
    _accept(_link(consumer_request), claims, signed_as="Orla Dunmarrow")
    drain()
    assert fresh(consumer_request).level_reached == Level.REASONABLY_HIGH
    kept = Declaration.objects.get()
    assert b"Orla" not in bytes(kept.typed_name)
    text = str(verification.DECLARATION)
    assert kept.text_digest == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.django_db
def test_two_points_with_a_signature_stay_reasonable(mailbox, team, learners):
    consumer_request = _waiting()
    _accept(_link(consumer_request), signed_as="Orla Dunmarrow")
    drain()
    assert fresh(consumer_request).level_reached == Level.REASONABLE


@pytest.fixture
def sensitive(mailbox, team, learners):
    """The same learners under a map that names sensitive information."""
    text = MAP.read_text("utf-8").replace(
        "{name: birth_year, ccpa_meta: {category: PI_C}}",
        "{name: birth_year, ccpa_meta: {category: PI_C, sensitive: SPI_1A}}",
    )
    version = datamap.load(text, system_key="learners", by=team.editor, at=clock.now())
    datamap.approve(version, digest=version.digest, by=team.chief, at=clock.now())
    connectors.close_all()
    assert datamap.sensitivity() == "sensitive"


@pytest.mark.django_db
def test_a_sensitive_map_asks_three_points_and_a_declaration(sensitive, mailbox, team):
    consumer_request = _waiting()
    assert consumer_request.level_required == Level.REASONABLY_HIGH
    claims = {"postal_code": "95501", "phone": "707 555 0163", "order_number": "QL-100007"}
    _accept(_link(consumer_request), claims)
    drain()
    below = fresh(consumer_request)
    assert (below.status, below.level_reached) == (Status.CHECKING, Level.REASONABLE)
    with pytest.raises(verification.IdentityNotProven):
        verification.decide(below, by=team.verifier, reason="I know her", at=clock.now())
    verification.ask_again(below, by=team.verifier, reason="sign", at=clock.now())
    _accept(_link(consumer_request), claims, signed_as="Orla Dunmarrow")
    drain()
    verification.decide(fresh(consumer_request), by=team.verifier, reason="all", at=clock.now())
    assert fresh(consumer_request).status == Status.VERIFIED


@pytest.mark.django_db
def test_who_shares_a_mailbox_cannot_have_the_other_erased(mailbox, team, learners):
    """Two people answer to one address; one of them knows only the own data (T2)."""
    query(learners, "DROP INDEX accounts_email")
    query(learners, "UPDATE accounts SET email = %s WHERE id = 5", ORLA)
    own = {"phone": "+1 707 555-0163", "order_number": "QL-100007"}
    consumer_request = checked(mailbox, ORLA, **own)
    assert people_of(consumer_request) == {"learners": [4, 5]}
    assert consumer_request.level_reached == Level.NONE


@pytest.mark.django_db
def test_three_evaluations_and_no_fourth(mailbox, team, learners):
    consumer_request = _waiting()
    for number in range(1, 4):
        _accept(_link(consumer_request), WRONG)
        drain()
        asked = fresh(consumer_request)
        assert (asked.evaluations, asked.status) == (number, Status.CHECKING)
        if number < 3:
            verification.ask_again(asked, by=team.verifier, reason="again", at=clock.now())
    with pytest.raises(MoveNotAllowed):
        verification.ask_again(asked, by=team.verifier, reason="again", at=clock.now())
    with pytest.raises(LinkGone):
        _accept(_link(consumer_request))
    assert fresh(consumer_request).level_reached == Level.NONE


@pytest.mark.django_db
@pytest.mark.parametrize(("before", "reached"), [(9, Level.REASONABLE), (10, Level.NONE)])
def test_ten_evaluations_of_one_person_in_thirty_days(mailbox, team, learners, before, reached):
    earlier, late = _waiting(), _waiting()
    now = clock.now()
    days = [timedelta(days=29)] * before + [timedelta(days=31)] * 5
    EvidencePoint.objects.bulk_create(
        EvidencePoint(
            consumer_request=earlier, point="phone", group="phone", matched=False,
            evaluation=number, method_version="2026-1", at=now - ago,
        )
        for number, ago in enumerate(days)
    )  # fmt: skip
    _accept(_link(late))
    drain()
    weighed = fresh(late)
    assert (weighed.status, weighed.level_reached) == (Status.CHECKING, reached)
    assert weighed.points.exists() == (reached is Level.REASONABLE)


@pytest.mark.django_db
def test_evidence_is_not_weighed_after_this_was_not_me(mailbox, team, learners, settings):
    settings.AUTO_VERIFY = True
    consumer_request = _waiting()
    stop = _link(consumer_request, LinkPurpose.STOP)
    _accept(_link(consumer_request))
    casework.stop_by_link(stop, at=clock.now())
    drain()
    stopped = fresh(consumer_request)
    assert (stopped.status, stopped.hold, stopped.evaluations) == (Status.STOPPED, "not-me", 0)


@pytest.mark.django_db
def test_evidence_does_not_take_a_denial_back(mailbox, team, learners):
    consumer_request = _waiting()
    _accept(_link(consumer_request))
    casework.propose_denial(
        consumer_request, ground="DEN_EXCEPTION", exception="DX_8", words="We must keep it.",
        by=team.counsel,
        at=clock.now(),
    )  # fmt: skip
    drain()
    assert fresh(consumer_request).status == Status.DENYING


@pytest.mark.django_db
def test_a_link_of_a_closed_request_opens_nothing(mailbox, team, learners):
    consumer_request = _waiting()
    link = _link(consumer_request)
    casework.close_by_hand(
        consumer_request, outcome="duplicate", words="We have it twice.", by=team.officer,
        at=clock.now(),
    )  # fmt: skip
    with pytest.raises(LinkGone):
        _accept(link)
    link.refresh_from_db()
    assert link.used_at is None


# --- the decision -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_nobody_decides_below_the_level_nor_without_the_role(mailbox, team, learners):
    below = checked(mailbox, ORLA, **WRONG)
    for each in (team.verifier, team.chief):
        with pytest.raises(verification.IdentityNotProven):
            verification.decide(below, by=each, reason="trust me", at=clock.now())
    with refused_by_the_database():
        by_sql(
            "UPDATE requests_app_consumerrequest SET status = 'planned', verified_at = now()"
            " WHERE id = %s",
            below.pk,
        )
    for each in (team.clerk, team.officer, team.approver, team.counsel, team.editor):
        with pytest.raises(NotAllowed):
            verification.decide(below, by=each, reason="x", at=clock.now())
        with pytest.raises(NotAllowed):
            verification.ask_again(below, by=each, reason="x", at=clock.now())
    assert fresh(below).status == Status.CHECKING


@pytest.mark.django_db
def test_a_decision_has_its_person_its_moment_and_its_step(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    at = clock.now()
    verification.decide(consumer_request, by=team.verifier, reason="both agree", at=at)
    decided = fresh(consumer_request)
    assert (decided.verified_by_id, decided.verified_at) == (team.verifier.id, at)
    assert decided.work.filter(kind="plan", ordinal=1).count() == 1
    assert lines(decided.number)[-1] == "request.verified"
    with pytest.raises(MoveNotAllowed):
        verification.decide(decided, by=team.verifier, reason="twice", at=clock.now())


@pytest.mark.django_db
def test_the_machine_verifies_only_where_the_office_wants_it(mailbox, team, learners, settings):
    settings.AUTO_VERIFY = True
    below = checked(mailbox, ORLA, **WRONG)
    assert (below.status, below.verified_by_id) == (Status.CHECKING, None)
    enough = checked(mailbox, builders.KOFI)
    tasks.drain_plan()
    enough = fresh(enough)
    assert (enough.status, enough.verified_by_id) == (Status.PLANNED, None)
    assert lines(enough.number)[-3:] == [
        "request.checking", "request.verified", "request.planned",
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_new_verification_after_a_released_stop_builds_a_new_plan(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    verification.decide(consumer_request, by=team.verifier, reason="a", at=clock.now())
    drain()
    casework.stop_by_link(_link(consumer_request, LinkPurpose.STOP), at=clock.now())
    casework.release_stop(
        fresh(consumer_request), reason="we telephoned", by=team.approver, at=clock.now()
    )
    verification.decide(fresh(consumer_request), by=team.verifier, reason="b", at=clock.now())
    tasks.drain_plan()
    plans = consumer_request.plans.order_by("pk")
    assert [plan.state for plan in plans] == ["stopped", "frozen"]
    assert fresh(consumer_request).status == Status.PLANNED


@pytest.mark.django_db
def test_a_change_of_kind_is_refused_by_the_database(mailbox, team, learners):
    consumer_request = checked(mailbox, ORLA)
    with refused_by_the_database():
        by_sql(
            "UPDATE requests_app_consumerrequest SET kind = 'know-specific' WHERE id = %s",
            consumer_request.pk,
        )


@pytest.mark.django_db
def test_the_letters_ask_for_as_many_points_as_the_map_names(mailbox, team, learners):
    _waiting()
    assert len(datamap.verification_points()) == 3
    assert set(learner(learners, 4)) == {"email", "phone", "postal_code"}
    assert "confirm" in correspondence.LETTERS
    confirm(mailbox, ORLA)


def names_lead(team):
    """A map by which a name leads to people, as their address does."""
    plain = "          - name: full_name\n            data_categories: [user.name]\n"
    text = MAP.read_text("utf-8")
    assert plain in text
    text = text.replace(plain, f"{plain}            fides_meta: {{identity: name}}\n").replace(
        "ccpa_meta: {mark: name}", "ccpa_meta: {mark: name, compare: name}", 1
    )
    version = datamap.load(text, system_key="learners", by=team.editor, at=clock.now())
    datamap.approve(version, digest=version.digest, by=team.chief, at=clock.now())


def test_a_stranger_does_not_learn_from_the_end_whether_a_name_is_a_customers(
    mailbox, team, learners
):
    names_lead(team)
    known = ask("nobody@example.org", name=builders.NAMES[ORLA])
    unknown = ask("noone@example.org", name="Una Nowhere")
    drain()
    for each in (known, unknown):
        verification.follow(each.links.get(purpose=LinkPurpose.FOLLOW), at=clock.now())
    assert (fresh(known).on_file, fresh(unknown).on_file) == (True, False)
    assert silence.end(at=days_after(known.received_at, 40)) == 2
    ends = [fresh(known), fresh(unknown)]
    assert [each.status for each in ends] == [Status.NOT_CONFIRMED, Status.COMPLETED]
    assert standing_of(ends[0]) == standing_of(ends[1])
    letters = [each.letters.get(letter="nothing_found") for each in ends]
    read = [
        correspondence.words_of(letter).text.replace(each.public_number, "NUMBER")
        for letter, each in zip(letters, ends, strict=True)
    ]
    assert read[0] == read[1]


def test_who_only_has_the_same_name_is_nobody_who_asked(mailbox, team, learners):
    """Father and son: where the typed address leads to somebody, a name leads to nobody else."""
    names_lead(team)
    query(learners, "UPDATE accounts SET full_name = (SELECT full_name FROM accounts"
          " WHERE email = %s), email = 'son@example.org',"
          " email_changed_at = now() - interval '2 years' WHERE id = 30", ORLA)  # fmt: skip
    request = ask(ORLA)
    drain()
    assert people_of(fresh(request)) == {"learners": [4]}
    assert request.identifiers.filter(is_contact=True, source="on-file").count() == 1
    nobody = ask("nobody@example.org", name=builders.NAMES[ORLA])
    drain()
    assert (people_of(fresh(nobody)), fresh(nobody).hold) == ({}, "no-contact")
