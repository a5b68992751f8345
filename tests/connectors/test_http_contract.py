"""Every mode of the fake vendor against the HTTP connector; the vendor's own log is the oracle."""

import datetime
import ipaddress
import ssl
from datetime import UTC

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ccpa_office.connectors.base import MapDoesNotFit, Repeat
from ccpa_office.connectors.http import HTTP, AnswerOfAnother, Means
from ccpa_office.outbound import Outbound
from tests.ports import free_port
from tests.vendor.description import BASE, BY_PHONE_TOO, TOKENS, by_address, of_effect
from tests.vendor.making import HERE, connected, described, vendor_in
from tests.vendor.modes import HANGS, LIARS, Mode
from tests.vendor.server import TOKEN

AT = datetime.datetime(2026, 11, 25, tzinfo=UTC)
ORLA, KOFI = "orla@example.org", "kofi@example.org"

EXPECTED = {
    Mode.HONEST: (Means.DONE, "", 1),
    Mode.HANGS_BEFORE_HEADERS: (Means.UNKNOWN, "slow", 0),
    Mode.HANGS_IN_BODY: (Means.UNKNOWN, "slow", 0),
    Mode.DRIPS: (Means.UNKNOWN, "slow", 0),
    Mode.CLOSES_IN_BODY: (Means.UNKNOWN, "cut", 0),
    Mode.OK_WITH_ERROR_BODY: (Means.UNKNOWN, "not-described", 0),
    Mode.OK_EMPTY: (Means.UNKNOWN, "empty", 0),
    Mode.OK_HTML: (Means.UNKNOWN, "not-json", 0),
    Mode.ACCEPTED_THEN_NEVER: (Means.PENDING, "", 0),
    Mode.ACCEPTED_THEN_DONE: (Means.PENDING, "", 0),
    Mode.NO_CONTENT: (Means.DONE, "", 1),
    Mode.MOVED: (Means.REFUSED, "redirect", 0),
    Mode.UNAUTHORIZED: (Means.REFUSED, "unauthorized", 0),
    Mode.UNAUTHORIZED_ONCE: (Means.REFUSED, "unauthorized", 0),
    Mode.FORBIDDEN: (Means.REFUSED, "forbidden", 0),
    Mode.NOT_FOUND: (Means.NOTHING, "", 0),
    Mode.CONFLICT: (Means.REFUSED, "", 0),
    Mode.TOO_BIG: (Means.REFUSED, "too-big", 0),
    Mode.BUSY: (Means.LATER, "busy", 0),
    Mode.BUSY_SECONDS: (Means.LATER, "busy", 0),
    Mode.BUSY_DATE: (Means.LATER, "busy", 0),
    Mode.FAILING: (Means.UNKNOWN, "failed", 0),
    Mode.EXECUTES_AND_TIMES_OUT: (Means.UNKNOWN, "slow", 1),
    Mode.LIES: (Means.DONE, "", 0),
    Mode.DELETES_ANOTHER: (Means.DONE, "", 1),
    Mode.DELETES_LATE: (Means.DONE, "", 0),
    Mode.RESTORES_AFTER_A_DAY: (Means.DONE, "", 1),
    Mode.HUGE: (Means.UNKNOWN, "too-large", 0),
    Mode.PACKED: (Means.UNKNOWN, "packed", 0),
    Mode.DEEP: (Means.UNKNOWN, "too-deep", 0),
}
"""Mode: what the connector makes of the answer, why, and what the vendor really deleted."""
APART = {
    Mode.REFUSES_CONNECTION, Mode.NAME_GONE, Mode.TLS_WRONG_NAME, Mode.ANSWERS_FOR_ANOTHER,
}  # fmt: skip
"""Modes with a test of their own below."""


@pytest.fixture
def vendor(tmp_path):
    with vendor_in(tmp_path) as made:
        made.add(ORLA)
        made.add(KOFI)
        yield made


@pytest.fixture(params=sorted(Repeat))
def connector(request, vendor):
    with connected(vendor.url, of_effect(request.param)) as made:
        yield made


def test_every_mode_has_its_expectation():
    assert set(EXPECTED) | APART == set(Mode)


@pytest.mark.parametrize("mode", sorted(EXPECTED))
def test_each_mode_means_what_it_is(vendor, connector, mode):
    (found,) = vendor.of(ORLA)
    vendor.mode = mode
    answer = connector.delete({"id": found}, key="step-1", at=AT)
    assert mode not in HANGS or vendor.hung.wait(120)
    means, code, deleted = EXPECTED[mode]
    assert (answer.means, answer.code) == (means, code)
    assert len(vendor.log("deleted")) == deleted
    assert sum(line["what"] == "delete" for line in vendor.log("asked")) == 1


@pytest.mark.parametrize("mode", sorted(EXPECTED))
def test_a_correction_is_told_in_every_mode_as_a_deletion_is(vendor, mode):
    (found,), (kofi,) = vendor.of(ORLA), vendor.of(KOFI)
    vendor.mode = mode
    asked = {"id": found, "field": "name", "value": "Orla Vale"}
    with connected(vendor.url, of_effect("keyed")) as connector:
        answer = connector.correct(asked, key="step-1", at=AT)
    assert mode not in HANGS or vendor.hung.wait(120)
    means, code, changed = EXPECTED[mode]
    assert (answer.means, answer.code) == (means, code)
    assert [line["id"] for line in vendor.log("corrected")] == (
        [kofi if mode == Mode.DELETES_ANOTHER else found] * changed
    )
    assert vendor.log("deleted") == []
    (line,) = [line for line in vendor.log("asked") if line["what"] == "correct"]
    assert (line["path"], line["key"]) == (f"/people/{found}", "step-1")


@pytest.mark.parametrize("mode", LIARS)
def test_a_second_look_finds_whoever_lies_of_a_correction(vendor, mode):
    (found,) = vendor.of(ORLA)
    vendor.mode = mode
    seen = []
    with connected(vendor.url) as connector:
        asked = {"id": found, "field": "name", "value": "Orla Vale"}
        assert connector.correct(asked, key="k", at=AT).means == Means.DONE
        for _look in range(2):
            (record,) = connector.find({"email": ORLA}, at=AT, whole=True).records
            seen.append(record.content["name"])
            vendor.pass_time(datetime.timedelta(days=1))
    wrong, right = "somebody", "Orla Vale"
    expected = {Mode.DELETES_LATE: [wrong, right], Mode.RESTORES_AFTER_A_DAY: [right, wrong]}
    assert seen == expected.get(mode, [wrong, wrong])


def test_a_correction_is_asked_after_and_executes_once(vendor):
    (found,) = vendor.of(ORLA)
    asked = {"id": found, "field": "email", "value": KOFI}
    with connected(vendor.url) as connector:
        vendor.mode = Mode.EXECUTES_AND_TIMES_OUT
        told = [connector.correct(asked, key="k", at=AT).means for _ in range(2)]
        vendor.mode = Mode.ACCEPTED_THEN_DONE
        ticket = connector.correct({**asked, "value": ORLA}, key="l", at=AT).ticket
        told += [connector.status(ticket, at=AT).means for _ in range(2)]
        with pytest.raises(MapDoesNotFit):
            connector.correct({**asked, "field": "phone_number"}, key="m", at=AT)
        vendor.mode = Mode.ANSWERS_FOR_ANOTHER
        with pytest.raises(AnswerOfAnother):
            connector.correct(asked, key="n", at=AT)
    assert told == [Means.UNKNOWN, Means.DONE, Means.PENDING, Means.DONE]
    assert len(vendor.log("corrected")) == 2
    assert vendor.of(ORLA) == [found]


@pytest.mark.parametrize(("mode", "pause"), [(Mode.BUSY, None), (Mode.BUSY_SECONDS, 90.0),
                                             (Mode.BUSY_DATE, 90.0)])  # fmt: skip
def test_what_the_vendor_says_of_when_to_come_again_is_heard(vendor, connector, mode, pause):
    vendor.mode = mode
    assert connector.delete({"id": "p1"}, key="k", at=AT).pause == pause


def test_where_nobody_listens_nothing_was_sent():
    with connected(f"http://127.0.0.1:{free_port()}") as connector:
        answer = connector.delete({"id": "p1"}, key="k", at=AT)
    assert (answer.means, answer.code) == (Means.LATER, "unreachable")


def test_where_the_name_is_gone_nothing_was_sent():
    listed = Outbound.of(["gone.invalid"])
    with connected("https://gone.invalid", outbound=listed) as connector:
        answer = connector.delete({"id": "p1"}, key="k", at=AT)
    assert (answer.means, answer.code) == (Means.LATER, "unreachable")


def test_a_certificate_of_another_name_is_nobody(tmp_path):
    server, client = _certificate(tmp_path, x509.DNSName("another.example"))
    with vendor_in(tmp_path, context=server) as vendor:
        with connected(vendor.url.replace("http", "https"), context=client) as connector:
            answer = connector.delete({"id": "p1"}, key="k", at=AT)
        assert vendor.log() == []
    assert (answer.means, answer.code) == (Means.LATER, "unreachable")


def test_a_certificate_of_the_right_name_is_spoken_to(tmp_path):
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    server, client = _certificate(tmp_path, here)
    with (
        vendor_in(tmp_path, context=server) as vendor,
        connected(vendor.url.replace("http", "https"), context=client) as connector,
    ):
        answer = connector.delete({"id": "p1"}, key="k", at=AT)
    assert answer.means == Means.NOTHING


@pytest.mark.parametrize("effect", sorted(Repeat))
def test_an_answer_for_another_account_stops(vendor, effect):
    (found,) = vendor.of(ORLA)
    vendor.mode, vendor.on = Mode.ANSWERS_FOR_ANOTHER, {"find"}
    text = of_effect(effect).replace(
        "    path: /people/{id}\n", "    path: /people/{id}\n    echo: $.id\n"
    )
    with connected(vendor.url, text) as connector:
        with pytest.raises(AnswerOfAnother):
            connector.find({"email": ORLA}, at=AT)
        with pytest.raises(AnswerOfAnother):
            connector.delete({"id": found}, key="k", at=AT)
    assert vendor.log("deleted") == []


@pytest.mark.parametrize("mode", LIARS)
def test_a_second_look_finds_every_liar(vendor, connector, mode):
    (found,) = vendor.of(ORLA)
    vendor.mode = mode
    assert connector.delete({"id": found}, key="k", at=AT).means == Means.DONE
    at_once = connector.find({"email": ORLA}, at=AT).means
    vendor.pass_time(datetime.timedelta(days=1))
    after_a_day = connector.find({"email": ORLA}, at=AT).means
    seen = {Mode.DELETES_LATE: (Means.DONE, Means.NOTHING),
            Mode.RESTORES_AFTER_A_DAY: (Means.NOTHING, Means.DONE)}  # fmt: skip
    assert (at_once, after_a_day) == seen.get(mode, (Means.DONE, Means.DONE))


def test_pages_are_read_to_the_end_and_spelling_is_no_other_person(vendor, connector):
    vendor.add("ORLA@Example.org", count=4)
    answer = connector.find({"email": ORLA}, at=AT)
    assert sorted(record.id for record in answer.records) == vendor.of(ORLA)
    assert len(answer.records) == 5


def test_a_page_that_is_gone_does_not_forget_the_pages_before(vendor, monkeypatch):
    vendor.add(ORLA, count=4)
    honest = vendor.find
    gone = (404, {"status": "absent"})
    monkeypatch.setattr(vendor, "find", lambda email, at: gone if at else honest(email, at))
    with connected(vendor.url) as connector:
        answer = connector.find({"email": ORLA}, at=AT)
    assert (answer.means, answer.code, list(answer.records)) == (Means.UNKNOWN, "page-lost", [])


def test_of_several_identifiers_one_is_sent_at_a_time(vendor):
    with connected(vendor.url, BY_PHONE_TOO) as connector:
        find = connector.description.endpoints["find"]
        asked = [{"email": ORLA}, {"phone_number": "+1 415"}]
        urls = [connector._question(find, each, {}).url.partition("?")[2] for each in asked]
        assert urls == ["email=orla%40example.org", "phone=%2B1+415"]
        with pytest.raises(MapDoesNotFit):
            connector._question(find, {"name": "Orla"}, {})


def test_a_deletion_by_address_names_the_address_back(vendor):
    vendor.people = {ORLA: {"id": ORLA, "email": ORLA, "name": "somebody"}}
    with connected(vendor.url, by_address(BASE)) as connector:
        assert connector.delete({"email": ORLA}, key="k", at=AT).means == Means.DONE
        vendor.people = {ORLA: {"id": ORLA, "email": ORLA, "name": "somebody"}}
        vendor.mode = Mode.ANSWERS_FOR_ANOTHER
        with pytest.raises(AnswerOfAnother):
            connector.delete({"email": ORLA}, key="l", at=AT)


def test_nothing_held_is_an_answer(connector):
    assert connector.find({"email": "nobody@example.org"}, at=AT).means == Means.NOTHING


def test_what_was_accepted_is_asked_after_until_it_is_done(vendor, connector):
    (found,) = vendor.of(ORLA)
    vendor.mode = Mode.ACCEPTED_THEN_DONE
    ticket = connector.delete({"id": found}, key="k", at=AT).ticket
    told = [connector.status(ticket, at=AT).means for _ in range(2)]
    assert told == [Means.PENDING, Means.DONE]
    assert vendor.of(ORLA) == []


def test_the_same_key_executes_once(vendor):
    (found,) = vendor.of(ORLA)
    vendor.mode = Mode.EXECUTES_AND_TIMES_OUT
    with connected(vendor.url, of_effect("keyed")) as connector:
        first = connector.delete({"id": found}, key="step-7", at=AT)
        again = connector.delete({"id": found}, key="step-7", at=AT)
    assert (first.means, again.means) == (Means.UNKNOWN, Means.DONE)
    assert len(vendor.log("deleted")) == 1
    keys = [line["key"] for line in vendor.log("asked") if line["what"] == "delete"]
    assert keys == ["step-7", "step-7"]


def test_a_token_that_ran_out_is_renewed_once(vendor):
    (found,) = vendor.of(ORLA)
    vendor.mode = Mode.UNAUTHORIZED_ONCE
    with connected(vendor.url, TOKENS) as connector:
        assert connector.delete({"id": found}, key="k", at=AT).means == Means.DONE
    asked = [(line["what"], line["auth"]) for line in vendor.log("asked")]
    assert asked == [("token", ""), ("delete", f"Bearer {TOKEN}"), ("token", ""),
                     ("delete", "Bearer a-new-token")]  # fmt: skip


@pytest.mark.parametrize(
    ("hosts", "loopback"),
    [([], False), (["vendor.example"], False), (["localhost"], False), (["10.0.0.0/8"], False)],
)
def test_a_host_that_is_not_listed_is_never_called(vendor, hosts, loopback):
    unlisted = Outbound.of(hosts, loopback=loopback)
    for url in (vendor.url, vendor.url.replace("127.0.0.1", "localhost")):
        with connected(url, outbound=unlisted) as connector:
            answer = connector.delete({"id": "p1"}, key="k", at=AT)
        assert (answer.means, answer.code) == (Means.REFUSED, "host-not-allowed")
    assert vendor.log() == []


def test_a_listed_private_address_is_called(vendor):
    listed = Outbound.of(["127.0.0.0/8"])
    with connected(vendor.url, outbound=listed) as connector:
        assert connector.find({"email": ORLA}, at=AT).means == Means.DONE


def test_an_id_can_lead_nowhere_else(vendor, connector):
    for strange in ("../jobs/t1", "a/b?x=1", "a#b", "%2e%2e", "é ü"):
        connector.delete({"id": strange}, key="k", at=AT)
    paths = [line["path"] for line in vendor.log("asked")]
    assert all(path.startswith("/people/") and path.count("/") == 2 for path in paths)


def test_a_connector_without_a_declared_class_does_not_load(vendor):
    class Undeclared:
        repeat = "sometimes"

    with pytest.raises(MapDoesNotFit):
        HTTP(Undeclared(), None)  # type: ignore[arg-type]


def test_no_secret_shows(vendor):
    with connected(vendor.url) as connector:
        assert TOKEN not in repr(vars(connector))
        assert TOKEN not in repr(connector._access)
    assert described().auth.secrets == ("api_token",)


def _certificate(folder, name):
    """A server's context with a certificate for ``name``, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    title = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vendor")])
    day = datetime.timedelta(days=1)
    now = datetime.datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder().subject_name(title).issuer_name(title).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + 36500 * day)
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "vendor.pem"
    file.write_bytes(private + made.public_bytes(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    client = ssl.create_default_context(cadata=made.public_bytes(pem).decode())
    return server, client


def test_here_is_here():
    assert HERE.may_reach("127.0.0.1")
    refused = [
        "10.1.2.3", "169.254.169.254", "::ffff:10.0.0.1", "fd00::1", "224.0.0.1",
        "64:ff9b::a9fe:a9fe", "64:ff9b::10.0.0.1", "2002:7f00:1::1",
    ]  # fmt: skip
    assert [each for each in refused if Outbound.of([]).may_reach(each)] == []
    assert Outbound.of([]).may_reach("64:ff9b::808:808")
