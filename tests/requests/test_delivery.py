"""What the mail server says, and what is known afterwards: each phase with a real socket."""

import smtplib
import socket
import threading
from contextlib import suppress
from typing import ClassVar

import pytest

from ccpa_office import clock, work
from ccpa_office.models import LedgerLine
from requests_app import correspondence, tasks
from requests_app.correspondence import delivery
from requests_app.correspondence.delivery import Answer, Server
from requests_app.models import Delivery, Message
from tests.builders import Mailbox, ask
from tests.steps import Killed, by_sql, killed_at, lease_ends, lines

DOT = b"\r\n.\r\n"
GREETED = {"greeting": "220 ready", "EHLO": "250 here", "MAIL": "250 ok", "RCPT": "250 ok",
           "DATA": "354 go", "dot": "250 taken", "RSET": "250 ok", "QUIT": "221 bye"}  # fmt: skip
DROP, HANG = "drop", "hang"


class Script:
    """An SMTP server that says at each step what it is told; counts the messages it got whole."""

    def __init__(self, **answers):
        self.answers = GREETED | answers
        self.whole = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def close(self):
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for a caller
        self.listener.close()
        self.thread.join(120)
        assert not self.thread.is_alive()

    def _serve(self):
        while True:
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            with client:
                client.settimeout(120)
                try:
                    self._talk(client)
                except OSError:
                    continue

    def _talk(self, client):
        if not self._say(client, "greeting"):
            return
        stream = client.makefile("rb")
        verb = ""
        while verb != "QUIT" and (line := stream.readline()):
            verb = line[:4].decode(errors="replace").upper().strip()
            if not self._say(client, verb):
                return
            if verb == "DATA" and self.answers["DATA"].startswith("354"):
                self._read(stream)
                if not self._say(client, "dot"):
                    return

    def _read(self, stream):
        got = b""
        while not got.endswith(DOT):
            byte = stream.readline()
            if not byte:
                return
            got += byte
        self.whole.append(got)

    def _say(self, client, step):
        answer = self.answers.get(step, DROP)
        if answer == DROP:
            return False
        if answer == HANG:
            client.recv(1)  # until the caller gives up
            return False
        client.sendall(f"{answer}\r\n".encode())
        return True


@pytest.fixture
def script(settings, monkeypatch):
    """Make a scripted server the office's mail server."""
    made = []

    def make(**answers):
        patience = 2 if HANG in answers.values() else 60  # a busy machine is no silent server
        monkeypatch.setattr(delivery, "TIMEOUT", patience)
        made.append(Script(**answers))
        settings.EMAIL_URL = made[-1].url
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def letter(db):
    """A receipt that waits to be sent."""
    ask("somebody@example.org")
    return Message.objects.get()


def _pass():
    """One pass of a worker over what is due."""
    by_sql("UPDATE requests_app_message SET not_before = now() - interval '1 minute'"
           " WHERE state = 'ready'")  # fmt: skip
    rows = work.claim(Message, lane="mail", n=50, owner="a worker")
    correspondence.deliver(rows, at=clock.now())
    return Message.objects.get()


def _known(letter):
    return letter.delivery, letter.state, letter.error_code


SAFE = ("waiting", "ready", "try-later")
AWAY = ("waiting", "ready", "mail-server-away")
REFUSED = ("refused", "parked", "refused")


@pytest.mark.parametrize(
    ("answers", "known"),
    [
        ({}, ("handed", "done", "")),
        ({"greeting": DROP}, AWAY),
        ({"greeting": HANG}, AWAY),
        ({"greeting": "421 busy"}, AWAY),
        ({"EHLO": DROP}, SAFE),
        ({"EHLO": HANG}, SAFE),
        ({"MAIL": "451 later"}, SAFE),
        ({"MAIL": "550 no"}, SAFE),
        ({"MAIL": DROP}, SAFE),
        ({"RCPT": "450 greylisted"}, SAFE),
        ({"RCPT": "550 unknown"}, REFUSED),
        ({"RCPT": DROP}, SAFE),
        ({"RCPT": HANG}, SAFE),
        ({"DATA": "451 later"}, SAFE),
        ({"DATA": "554 no"}, REFUSED),
        ({"DATA": DROP}, SAFE),
        ({"dot": "451 later"}, SAFE),
        ({"dot": "452 full"}, SAFE),
        ({"dot": "550 spam"}, REFUSED),
        ({"dot": "554 no"}, REFUSED),
    ],
)
def test_what_is_known_after_each_answer(answers, known, script, letter):
    server = script(**answers)
    found = _pass()
    assert _known(found) == known
    told = lines(letter.consumer_request.number)[1:]
    expected = {"handed": ["letter.handed"], "refused": ["letter.refused"]}.get(known[0], [])
    assert told == expected
    assert len(server.whole) == int(not answers or "dot" in answers)
    assert (found.handed_at is None) == (known[0] != "handed")


@pytest.mark.parametrize("fault", [DROP, HANG])
def test_an_unknown_fate_is_repeated_once_with_the_same_message_id_and_then_a_persons(
    fault, script, letter
):
    server = script(dot=fault)
    first = _pass()
    assert (first.state, first.error_code) == ("ready", "fate-unknown")
    for _again in range(4):
        _pass()
    parked = Message.objects.get()
    assert (parked.delivery, parked.state, parked.error_code) == (
        Delivery.UNKNOWN, "parked", "fate-unknown",
    )  # fmt: skip
    assert len(server.whole) == 2
    ids = {line for whole in server.whole for line in whole.split(b"\r\n")
           if line.lower().startswith(b"message-id:")}  # fmt: skip
    assert ids == {f"Message-ID: {letter.message_id}".encode()}
    assert lines(letter.consumer_request.number)[1:] == ["letter.unknown"] * 2


def test_an_unknown_fate_may_still_be_known_after_the_repeat(script, letter):
    script(dot=DROP)
    _pass()
    script()
    assert _known(_pass()) == ("handed", "done", "")
    assert lines(letter.consumer_request.number)[1:] == ["letter.unknown", "letter.handed"]


@pytest.mark.parametrize(
    ("seam", "copies"),
    [("mail.before-effect", 1), ("mail.after-effect", 2), ("mail.before-commit", 2),
     ("mail.after-commit", 1)],
)  # fmt: skip
def test_a_postman_that_dies_sends_nothing_twice_without_saying_so(
    seam, copies, script, letter, monkeypatch
):
    server = script()
    with killed_at(monkeypatch, seam), pytest.raises(Killed):
        _pass()
    lease_ends()
    found = _pass()
    assert _known(found) == ("handed", "done", "")
    assert len(server.whole) == copies
    told = lines(letter.consumer_request.number)[1:]
    assert told.count("letter.handed") == 1
    assert told.count("letter.unknown") == int(seam != "mail.after-commit")


def test_a_letter_that_somebody_else_holds_now_is_not_sent(script, letter):
    server = script()
    rows = work.claim(Message, lane="mail", n=1, owner="slow")
    by_sql("UPDATE requests_app_message SET fence = fence + 1")
    correspondence.deliver(rows, at=clock.now())
    assert server.whole == []


def test_one_refused_letter_holds_no_other_up(script, db, settings):
    server = script()
    box = Mailbox()
    box.controller.start()
    settings.EMAIL_URL = box.url
    for number in range(5):
        ask(f"n{number}@example.org")
    by_sql("UPDATE requests_app_message SET recipient = '\\x00' WHERE id ="
           " (SELECT min(id) FROM requests_app_message)")  # fmt: skip
    tasks.drain_mail()
    box.controller.stop()
    assert server.whole == []
    states = sorted(Message.objects.values_list("delivery", flat=True))
    assert states == ["handed"] * 4 + ["waiting"]
    assert Message.objects.get(delivery="waiting").state == "parked"


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        (b"one\ntwo", b"one\r\ntwo"),
        (b"one\r\n.two\r\n", b"one\r\n..two\r\n"),
        (b".", b".."),
        (b"..a\n.\nb", b"...a\r\n..\r\nb"),
        (b"a.b\r\n", b"a.b\r\n"),
    ],
)
def test_dots_are_doubled_and_lines_end_as_mail_wants_it(content, sent):
    assert delivery._dotted(content) == sent


def test_the_body_and_its_last_dot_go_apart():
    class Client(smtplib.SMTP):
        sent: ClassVar[list[bytes]] = []

        def send(self, what):
            self.sent.append(what)

        def getreply(self):
            return 250, b"ok"

    assert delivery._finish(Client(), b"text") is Answer.TAKEN
    assert Client.sent == [b"text\r\n", b".\r\n"]


def test_a_line_that_breaks_in_the_body_is_safe_to_repeat():
    class Client(smtplib.SMTP):
        def send(self, what):
            raise OSError

    assert delivery._finish(Client(), b"text") is Answer.LATER


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", Server("smtp", "mail.example", 25, "", "", None)),
        ("smtp+tls://u%40x:p%3A@mail.example", Server("smtp+tls", "mail.example", 587, "u@x",
                                                      "p:", None)),
        ("smtp+ssl://mail.example:4650?cafile=/etc/ca.pem",
         Server("smtp+ssl", "mail.example", 4650, "", "", "/etc/ca.pem")),
    ],
)  # fmt: skip
def test_a_server_is_read_from_its_url(url, server):
    assert Server.of(url) == server


@pytest.mark.parametrize("greeting", ["220 ready", DROP, "500 no"])
@pytest.mark.parametrize("scheme", ["smtp+tls", "smtp+ssl"])
def test_tls_never_falls_back_to_plain(scheme, greeting, script, letter, settings):
    server = script(greeting=greeting, STAR="454 no")
    settings.EMAIL_URL = server.url.replace("smtp:", f"{scheme}:")
    assert _known(_pass()) == AWAY
    assert server.whole == []


def test_a_letter_is_plain_bytes_to_one_recipient(mailbox, letter):
    tasks.drain_mail()
    (mail,) = mailbox.messages
    assert mail["To"] == "somebody@example.org"
    assert mail["Message-ID"] == letter.message_id
    assert mail["Auto-Submitted"] == "auto-generated"
    assert (mail["Cc"], mail["Bcc"], mail["Reply-To"]) == (None, None, None)
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_no_personal_information_stands_outside_the_letter(mailbox, capsys, db):
    ask("hana.marker@example.org", name="Hana Marker")
    tasks.drain_verify()
    tasks.drain_mail()
    letter = Message.objects.get()
    outside = [letter.subject, letter.message_id, str(letter), letter.error_code, letter.owner]
    told = list(LedgerLine.objects.values_list("body", flat=True))
    text = "\n".join([*outside, *told])
    assert "marker" not in text.lower()
    logged = "".join(capsys.readouterr())
    ours = [line for line in logged.splitlines() if "mail.log" not in line]
    assert "marker" not in "\n".join(ours).lower()
    sealed = bytes(letter.text) + bytes(letter.html) + bytes(letter.recipient)
    assert b"marker" not in sealed.lower()
