"""Sealed texts, keyed digests, canonical forms, rotation."""

import base64
import io
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccpa_office import sealing
from ccpa_office.models import DataKey

NOON = datetime(2026, 3, 2, 20, tzinfo=UTC)
KEYS = [base64.b64encode(bytes([n]) * 31 + b"!").decode() for n in (1, 2, 3)]
TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)
quick = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def box(db):
    return sealing.Box(sealing.new_key())


class TestBox:
    @quick
    @given(text=TEXTS, context=TEXTS)
    def test_what_is_sealed_can_be_opened(self, box, text, context):
        assert box.open(box.seal(text, context=context), context=context) == text

    @quick
    @given(text=TEXTS, context=TEXTS, other=TEXTS)
    def test_not_in_another_place(self, box, text, context, other):
        blob = box.seal(text, context=context)
        if context != other:
            with pytest.raises(sealing.Unreadable):
                box.open(blob, context=other)

    @quick
    @given(text=TEXTS, flip=st.integers(0, 10_000), bit=st.integers(0, 7))
    def test_not_after_any_bit_of_it_changed(self, box, text, flip, bit):
        blob = bytearray(box.seal(text, context="a"))
        blob[flip % len(blob)] ^= 1 << bit
        with pytest.raises(sealing.Unreadable):
            box.open(bytes(blob), context="a")

    @quick
    @given(text=TEXTS, cut=st.integers(0, 28))
    def test_not_when_it_is_cut(self, box, text, cut):
        with pytest.raises(sealing.Unreadable):
            box.open(box.seal(text, context="a")[:cut], context="a")

    def test_not_with_another_key(self, box):
        with pytest.raises(sealing.Unreadable):
            sealing.Box(sealing.new_key()).open(box.seal("x", context="a"), context="a")

    def test_not_when_the_wrapped_key_was_copied_to_another_row(self, db):
        key = sealing.new_key()
        blob = sealing.Box(key).seal("x", context="a")
        copy = DataKey.objects.create(wrapped=bytes(key.wrapped), kek_id=key.kek_id)
        with pytest.raises(sealing.Unreadable):
            sealing.Box(copy).open(blob, context="a")

    def test_a_row_from_the_database_opens_what_the_new_one_sealed(self, db):
        key = sealing.new_key()
        blob = sealing.Box(key).seal("日本", context="a")
        stored = memoryview(blob)
        assert sealing.Box(DataKey.objects.get(pk=key.pk)).open(stored, context="a") == "日本"

    def test_the_same_text_is_never_sealed_the_same(self, box):
        assert box.seal("x", context="a") != box.seal("x", context="a")

    def test_a_box_shows_nothing_of_itself(self, box):
        assert repr(box) == "Box()"

    def test_a_destroyed_key_opens_nothing_and_stays_destroyed(self, db):
        key = sealing.new_key()
        sealing.destroy(key, NOON)
        sealing.destroy(key, NOON.replace(year=2027))
        stored = DataKey.objects.get()
        assert (bytes(stored.wrapped), stored.destroyed_at) == (b"", NOON)
        with pytest.raises(sealing.Unreadable):
            sealing.Box(stored)

    def test_the_database_keeps_no_destroyed_key(self, db):
        key = sealing.new_key()
        with pytest.raises(IntegrityError), transaction.atomic():
            DataKey.objects.filter(pk=key.pk).update(destroyed_at=NOON)

    @pytest.mark.parametrize("keys", [[], ["x"], ["AAAA"], [KEYS[0], "é"]])
    def test_without_proper_keys_nothing_is_sealed(self, db, settings, keys):
        settings.ENCRYPTION_KEYS = keys
        with pytest.raises(sealing.KeysMissing):
            sealing.new_key()


class TestRotation:
    @pytest.fixture
    def sealed(self, db, settings):
        settings.ENCRYPTION_KEYS = [KEYS[0]]
        keys = [sealing.new_key() for _ in range(5)]
        sealing.destroy(keys.pop(), NOON)
        return [(key.pk, sealing.Box(key).seal("x", context="a")) for key in keys]

    def opened(self, sealed):
        return [
            sealing.Box(DataKey.objects.get(pk=pk)).open(blob, context="a") for pk, blob in sealed
        ]

    def test_after_it_the_old_key_can_go(self, sealed, settings):
        settings.ENCRYPTION_KEYS = [KEYS[1], KEYS[0]]
        assert list(sealing.rotate(chunk=3)) == [3, 1]
        settings.ENCRYPTION_KEYS = [KEYS[1]]
        assert self.opened(sealed) == ["x"] * 4
        assert list(sealing.rotate()) == []

    def test_it_goes_on_where_it_was_stopped(self, sealed, settings):
        settings.ENCRYPTION_KEYS = [KEYS[1], KEYS[0]]
        assert next(sealing.rotate(chunk=2)) == 2
        assert self.opened(sealed) == ["x"] * 4
        assert list(sealing.rotate(chunk=1)) == [1, 1]

    def test_a_key_that_left_too_early_is_said(self, sealed, settings):
        settings.ENCRYPTION_KEYS = [KEYS[1]]
        with pytest.raises(CommandError, match="0 keys wrapped"):
            call_command("rotate_keys", skip_checks=True)
        settings.ENCRYPTION_KEYS = [KEYS[0]]
        assert self.opened(sealed) == ["x"] * 4

    def test_the_command_counts(self, sealed, settings, tmp_path):
        settings.ENCRYPTION_KEYS = [KEYS[1], KEYS[0]]
        settings.ERASURE_LEDGER_DIR = tmp_path
        out = io.StringIO()
        call_command("rotate_keys", "--json", stdout=out, skip_checks=True)
        call_command("rotate_keys", stdout=out, skip_checks=True)
        assert out.getvalue() == (
            '{"rotated": 4, "erasures": 0}\n0 keys wrapped, 0 erasures sealed anew.\n'
        )

    def test_a_chunk_is_the_same_statements_however_large(
        self, sealed, settings, django_assert_num_queries
    ):
        settings.ENCRYPTION_KEYS = [KEYS[1], KEYS[0]]
        for chunk in (1, 3):
            with django_assert_num_queries(4):  # two, and a savepoint of the test's transaction
                next(sealing.rotate(chunk=chunk))


class TestDigests:
    @pytest.fixture(autouse=True)
    def keys(self, settings):
        settings.DIGEST_KEYS = [f"2:{KEYS[1]}", f"1:{KEYS[0]}"]

    def test_they_carry_the_version_of_the_newest_key(self):
        digest = sealing.digest("email", "a@example.org")
        assert (digest[0], len(digest)) == (2, 33)

    def test_look_up_survives_a_rotation(self, settings):
        old = sealing.digest("email", "a@example.org")
        settings.DIGEST_KEYS = [f"3:{KEYS[2]}", *settings.DIGEST_KEYS]
        assert sealing.digest("email", "a@example.org") != old
        assert old in sealing.digests("email", "a@example.org")

    @given(TEXTS, TEXTS, TEXTS, TEXTS)
    def test_purpose_and_value_do_not_run_into_each_other(self, one, two, three, four):
        parts = [text.replace("\x00", "") for text in (one, two, three, four)]
        same = parts[:2] == parts[2:]
        assert (sealing.digest(*parts[:2]) == sealing.digest(*parts[2:])) is same

    @pytest.mark.parametrize(
        "keys", [[], [KEYS[0]], [f"0:{KEYS[0]}"], [f"256:{KEYS[0]}"], ["1:x"], ["x:" + KEYS[0]],
                 [f"1:{KEYS[0]}", f"1:{KEYS[1]}"]],
    )  # fmt: skip
    def test_without_proper_keys_there_is_none(self, settings, keys):
        settings.DIGEST_KEYS = keys
        with pytest.raises(sealing.KeysMissing):
            sealing.digest("email", "x")


@pytest.mark.parametrize(
    ("form", "values", "normal"),
    [
        ("email", ["An@Example.org", " an@example.ORG. ", "ａｎ@example.org"], "an@example.org"),
        ("email", ["a.b+c@bücher.example"], "a.b+c@xn--bcher-kva.example"),
        ("email", ["no address"], "no address"),
        ("email", ["a@" + "x" * 64 + ".example"], "a@" + "x" * 64 + ".example"),
        ("phone", ["(415) 555-2671", "+1 415 555 2671", "1-415-555-2671", "４１５.555.2671"],
         "+14155552671"),
        ("phone", ["+81 3-1234-5678"], "+81312345678"),
        ("phone", ["ext. 9"], "9"),
        ("name", ["José O’Brien", "O'BRIEN, JOSE", "jose  obrien"], "jose obrien"),
        ("name", ["山田 ガブリエル", "ガブリエル　山田"], "ガブリエル 山田"),
        ("name", ["Anne-Marie"], "anne marie"),
    ],
)  # fmt: skip
def test_one_thing_has_one_form(form, values, normal):
    canonical = getattr(sealing, f"normal_{form}")
    assert {canonical(value) for value in values} == {normal}
    assert canonical(normal) == normal


@given(TEXTS)
def test_a_canonical_form_is_its_own(text):
    for canonical in (sealing.normal_email, sealing.normal_name):
        assert canonical(canonical(text)) == canonical(text)
