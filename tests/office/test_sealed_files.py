"""Files at rest: any length, whole or not at all."""

import pytest

from ccpa_office import sealed_files, sealing
from ccpa_office.sealed_files import MARK, PIECE, SALT, TAG, Writer

HEAD = len(MARK) + SALT

pytestmark = pytest.mark.django_db


@pytest.fixture
def box():
    return sealing.Box(sealing.new_key())


def _written(path, box, text):
    with Writer(path, box, context="a.file") as file:
        for start in range(0, len(text), 1000):
            file.write(text[start : start + 1000])
    assert file.size == len(text)
    return path


@pytest.mark.parametrize("length", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 200_001])
def test_what_was_written_is_read(tmp_path, box, length):
    text = bytes(range(256)) * (length // 256 + 1)
    path = _written(tmp_path / "f", box, text[:length])
    assert b"".join(sealed_files.read(path, box, context="a.file")) == text[:length]
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_text_does_not_stand_in_the_file(tmp_path, box):
    path = _written(tmp_path / "f", box, b"Orla Dunmarrow " * 10_000)
    assert b"Orla" not in path.read_bytes()


def _cut_the_end(data):
    return data[: HEAD + PIECE + TAG]


def _swap_two(data):
    first, second = HEAD + PIECE + TAG, HEAD + 2 * (PIECE + TAG)
    return data[:HEAD] + data[first:second] + data[HEAD:first] + data[second:]


def _turn_a_bit(data):
    return data[:-1] + bytes([data[-1] ^ 1])


def _only_the_head(data):
    return data[:HEAD]


@pytest.mark.parametrize(
    "harm", [_cut_the_end, _swap_two, _turn_a_bit, _only_the_head, lambda data: b"no" + data]
)
def test_a_file_that_is_not_what_was_written_is_not_read_to_its_end(tmp_path, box, harm):
    path = _written(tmp_path / "f", box, b"x" * (3 * PIECE))
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(sealing.Unreadable):
        list(sealed_files.read(path, box, context="a.file"))


def test_another_key_another_place_or_no_file_reads_nothing(tmp_path, box):
    path = _written(tmp_path / "f", box, b"text")
    for key, context, where in [
        (sealing.Box(sealing.new_key()), "a.file", path),
        (box, "another", path),
        (box, "a.file", tmp_path / "absent"),
    ]:
        with pytest.raises(sealing.Unreadable):
            list(sealed_files.read(where, key, context=context))


def test_a_file_that_was_given_up_is_not_read(tmp_path, box):
    file = Writer(tmp_path / "f", box, context="a.file")
    file.write(b"x" * 200_000)
    file.give_up()
    with pytest.raises(sealing.Unreadable):
        list(sealed_files.read(tmp_path / "f", box, context="a.file"))
