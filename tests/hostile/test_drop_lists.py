"""Lists that are none: each is refused with its lines, and nothing of it is kept."""

import io
import random
from base64 import b64encode
from hashlib import sha256

import pytest

from requests_app.channels.drop import names, reading
from tests.counting import THROWN

ID = b"aB3dE6gH9jK2"
HASH = b64encode(sha256(b"x").digest())
ROW = ID + b"," + HASH


def rows(*lines, end=b"\n", head=b"ID,Hash"):
    """A list of these lines."""
    return end.join([head, *lines]) + end


def read(raw):
    """Line and code of what is wrong, or how many items there are."""
    reader = reading.Reader(io.BytesIO(raw))
    try:
        found = [(bytes(some.ids), bytes(some.digests)) for some in reader.items(3)]
    except reading.FileRefused as refused:
        return [(each.line, each.code) for each in refused.wrong]
    assert reader.digest == sha256(raw).digest()
    ids, digests = (b"".join(part) for part in zip(*found, strict=True)) if found else (b"", b"")
    assert (len(ids) // 12, len(ids) % 12) == (len(digests) // 32, 0)
    return len(ids) // 12


def changed(place, sign):
    """The row with one character changed."""
    return ROW[:place] + sign + ROW[place + 1 :]


SOUND = {
    "plain": (rows(ROW), 1),
    "no end": (rows(ROW)[:-1], 1),
    "crlf": (rows(ROW, ROW, end=b"\r\n"), 2),
    "crlf, no end": (rows(ROW, end=b"\r\n")[:-2], 1),
    "mark": (b"\xef\xbb\xbf" + rows(ROW), 1),
    "head only": (rows(), 0),
    "head, no end": (b"ID,Hash", 0),
    "head crlf": (b"ID,Hash\r\n", 0),
    "many": (rows(*[ROW] * 7), 7),
}
HEADS = [
    b"",
    b"\n",
    b"Id,Status\n",
    b"id,hash\n",
    b"Hash,ID\n",
    b"ID,Hash,ListType\n",
    b"ID, Hash\n",
    b"ID;Hash\n",
    b"ID\tHash\n",
    b'"ID","Hash"\n',
    b"ID,Hash,\n",
    ROW + b"\n",
    b"ID,Hash\r" + ROW,
    "ID,Hash\n".encode("utf-16"),
    "\ufeffID,Hash\n".encode("utf-16-be"),
    b"\xef\xbb\xbf" * 2 + b"ID,Hash\n",
    b"PK\x03\x04ID,Hash\n",
    b"ID,Hash\x00\n",
    b"\xffID,Hash\n",
    b"x" * 200_000,
    b"ID,Hash \n",
]
LINES = {
    "empty": [b""],
    "columns": [ID, ROW + b",", ROW + b",x", b",,", ID + b";" + HASH, ID + b"\t" + HASH, b" "],
    "id": [
        b"," + HASH, ROW[1:], b"x" + ROW, b"123," + HASH, changed(0, b" "), changed(11, b"-"),
        changed(3, b"\xc3"), changed(5, b"="), changed(2, b"+"), changed(2, b"/"), b"=1+1,x",
        b"A" * 40_000 + b"," + HASH,
    ],
    "hash": [
        ID + b",", ROW[:-1], ROW + b"=", changed(20, b"-"), changed(20, b"_"), changed(20, b" "),
        changed(56, b"A"), changed(55, b"="), ID + b"," + b"0" * 44, ID + b"," + HASH[:-2] + b"B=",
        ID + b"," + sha256(b"x").hexdigest().encode(), ID + b",==" + HASH[2:], changed(30, b"\xe9"),
    ],
    "quotes": [b'"' + ID + b'",' + HASH, b'"' + ROW, ROW + b'"', b'"' + ID + b'","' + HASH + b'"'],
    "character": [changed(4, b"\x00"), ROW + b"\r", b"\r" + ROW, changed(12, b"\r"), b"\x00"],
}  # fmt: skip
NAMES = [
    "",
    ".csv",
    "Email.csv",
    "20260801_0042_Email",
    "20260801_0042_Email.CSV",
    "20260801_42_Email.csv",
    "20260801_0042_email.csv",
    "20260801_0042_Emails.csv",
    "20260231_0042_Email.csv",
    "x20260801_0042_Email.csv",
    "20260801_0042_Email_.csv",
    "20260801_0042_Email_12345678901.csv",
    "20260801_0042_Email_a-b.csv",
    "20260801_0042_Email.csv.csv",
    "20260801_0042_Email.csv\n",
    "../20260801_0042_Email.csv",
    "00000801_0042_Email.csv",
    "20260801_００４２_Email.csv",
    "2026080１_0042_Email.csv",
    "20260801-0042-Email.csv",
    "20260801_0042_Email .csv",
    "20260801_0042_Email\x00.csv",
    "20260801_0042_Ｅmail.csv",
    "20260801__Email.csv",
    "20260801_DROP.zip",
]


@pytest.mark.parametrize("name", sorted(SOUND))
def test_what_is_sound_is_read_whole(name):
    raw, count = SOUND[name]
    assert read(raw) == count


def test_a_wrong_first_line_refuses_the_file():
    THROWN["lists"] += len(HEADS)
    assert [[line for line, _code in read(raw + rows(ROW)[8:])] for raw in HEADS] == [[1]] * len(
        HEADS
    )


@pytest.mark.parametrize("code", sorted(LINES))
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_a_wrong_line_is_named_and_the_file_refused(code, end):
    THROWN["lists"] += 3 * len(LINES[code])
    for line in LINES[code]:
        for before in (0, 1, 4):
            raw = rows(*[ROW] * before, line, ROW, ROW, end=end)
            assert (line[:60], read(raw)) == (line[:60], [(before + 2, code)])


def test_lines_that_end_in_two_ways_are_named():
    assert read(rows(ROW, ROW + b"\r", ROW)) == [(3, "character")]
    assert read(rows(ROW, end=b"\r\n") + ROW + b"\n") == [(3, "line-end")]


def test_every_wrong_line_counts_and_a_hundred_are_named():
    raw = rows(*[b"x"] * 250, ROW)
    reader = reading.Reader(io.BytesIO(raw))
    with pytest.raises(reading.FileRefused) as refused:
        list(reader.items(10))
    assert (refused.value.count, len(refused.value.wrong)) == (250, 100)
    assert "x" not in str([each.message for each in refused.value.wrong]).replace("ex", "")


def test_a_line_without_an_end_is_not_held_in_memory():
    class Endless(io.BytesIO):
        asked = 0

        def read(self, size=-1, /):
            self.asked += size or 0
            return b"ID,Hash\n" if self.asked == size else b"x" * size

    source = Endless()
    with pytest.raises(reading.FileRefused) as refused:
        list(reading.Reader(source).items(10))
    assert [(each.line, each.code) for each in refused.value.wrong] == [(2, "long")]
    assert source.asked < 10_000_000


def test_one_changed_byte_is_never_taken_for_another_item():
    """Whatever byte changes, the file is refused, or is the sound list of another item."""
    chance = random.Random(7)  # noqa: S311  the same each time
    sound = rows(*[ROW] * 5)
    places = range(8, len(sound))
    for place in chance.sample(places, 120):
        raw = bytearray(sound)
        raw[place] = chance.randrange(256)
        found = read(bytes(raw))
        column = (place - 8) % (len(ROW) + 1)
        kept = raw[place] in (reading.BASE62 if column < 12 else reading.BASE64)
        assert found == 5 if raw == sound else isinstance(found, list) or (kept and found == 5)
    THROWN["lists"] += 120


def test_a_file_by_another_name_is_no_list():
    THROWN["lists"] += len(NAMES)
    for name in NAMES:
        with pytest.raises(names.NameRefused):
            names.read(name)
    found = names.read("20260801_0042_NDZ_part2.csv")
    assert (found.kind, found.broker, f"{found.day}") == ("NDZ", "0042", "2026-08-01")
