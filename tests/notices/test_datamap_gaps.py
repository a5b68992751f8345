# ruff: noqa: E501
"""Notice and practice: no new category without notice, and every difference named."""

import json

import pytest
from django.core.management import CommandError, call_command

from notices_app import datamap, vocabulary
from notices_app.datamap import differences as gaps
from notices_app.datamap.compiling import examine
from notices_app.models import DataMapVersion, NoticeLine, Recipient
from tests.connectors import stores
from tests.notices.conftest import NOON, TODAY
from tests.notices.test_datamap_book import founder
from tests.vendor.description import BASE

pytestmark = pytest.mark.django_db

MAP = stores.LEARNERS.map


@pytest.fixture(scope="module")
def learners():
    with stores.store(stores.LEARNERS) as made:
        yield made


@pytest.fixture
def loader(editor):
    return editor


@pytest.fixture
def approver(db):
    return founder("april", "approver")


@pytest.fixture
def system(learners, loader):
    return datamap.add_system("learners", name="L", url=learners.url, by=loader, at=NOON)


def load(text, loader, key="learners"):
    return datamap.load(text, system_key=key, by=loader, at=NOON)


def sound(text):
    map_ = examine(text)[0]
    assert map_ is not None
    return map_


def line_of(finding, text):
    return text.splitlines()[finding.line - 1].strip()


def test_a_category_that_the_notice_does_not_tell_keeps_a_map_out(loaded, system, loader):
    text = MAP.replace("{name: employer, ccpa_meta: {category: PI_I}}",
                       "{name: employer, ccpa_meta: {category: PI_E}}")  # fmt: skip
    with pytest.raises(datamap.MapNotSound) as refusal:
        load(text, loader)
    (error,) = [each for each in refusal.value.findings if each.level == "error"]
    assert (error.code, line_of(error, text)[:16]) == ("not-in-notice", "- {name: employe")
    assert DataMapVersion.objects.count() == 0


def test_a_sensitive_kind_that_the_notice_does_not_tell_keeps_a_map_out(loaded, system, loader):
    text = MAP.replace("{name: birth_year, ccpa_meta: {category: PI_C}}",
                       "{name: birth_year, ccpa_meta: {category: PI_C, sensitive: SPI_1D}}")  # fmt: skip
    with pytest.raises(datamap.MapNotSound) as refusal:
        load(text, loader)
    assert [each.code for each in refusal.value.findings if each.level == "error"] == [
        "sensitive-not-in-notice"
    ]


def test_a_map_that_the_notice_tells_is_loaded_and_approved(loaded, system, loader, approver):
    version = load(MAP, loader)
    assert datamap.approve(version, digest=version.digest, by=approver, at=NOON).active


def test_a_notice_that_tells_less_by_now_keeps_the_map_from_counting(
    loaded, system, loader, approver
):
    version = load(MAP, loader)
    found = gaps.told("main", on=TODAY)
    assert "PI_I" in found
    text = version.document
    map_ = sound(text)
    less = {name: said for name, said in found.items() if name != "PI_I"}
    assert [g.code for g in gaps.compared(gaps.held_by([map_]), less, covered=frozenset())
            if g.category == "PI_I"] == ["not-in-notice"]  # fmt: skip


def test_approval_looks_at_the_notice_again(loaded, system, loader, approver, monkeypatch):
    version = load(MAP, loader)
    told = gaps.told
    monkeypatch.setattr(
        gaps, "told",
        lambda slug, *, on: {k: v for k, v in told(slug, on=on).items() if k != "PI_I"},
    )  # fmt: skip
    with pytest.raises(datamap.NotTold) as refusal:
        datamap.approve(version, digest=version.digest, by=approver, at=NOON)
    assert "PI_I" in str(refusal.value)
    assert not DataMapVersion.objects.get().active


def test_a_rehearsal_copy_holds_nothing_new(loaded, learners, loader):
    datamap.add_system("copy", name="", url=learners.url, by=loader, at=NOON, rehearsal=True)
    text = MAP.replace("category: PI_I", "category: PI_E")
    assert load(text, loader, "copy").number == 1


def test_an_office_whose_notice_stands_elsewhere_is_served_all_the_same(system, loader):
    assert load(MAP, loader).number == 1


def test_a_vendor_of_whom_nobody_knows_is_refused(loaded, system, loader):
    text = MAP.replace("{person: accounts,", "{person: accounts, recipient: nobody-known,")
    with pytest.raises(datamap.MapNotSound) as refusal:
        load(text, loader)
    assert "unknown-recipient" in {each.code for each in refusal.value.findings}


def test_a_provider_that_can_be_neither_told_nor_served_is_a_gap(loaded, system, loader, approver):
    version = load(MAP, loader)
    datamap.approve(version, digest=version.digest, by=approver, at=NOON)
    before = {(g.code, g.detail) for g in datamap.gaps(on=TODAY)}
    served = {recipient.code for recipient in Recipient.objects.instructed()}
    named = set(NoticeLine.objects.filter(version__number=2)
                .values_list("recipients__recipient__code", flat=True))  # fmt: skip
    code = sorted(served & named)[0]
    assert ("recipient-not-covered", code) not in before
    Recipient.objects.filter(code=code).update(instruction_email=None)
    assert ("recipient-not-covered", code) in {(g.code, g.detail) for g in datamap.gaps(on=TODAY)}


def test_a_system_that_stands_with_a_vendor_covers_it(loaded, learners, loader, approver):
    Recipient.objects.filter(code="analytics").update(instruction_email=None)
    assert "analytics" not in gaps.covered()
    datamap.add_system("far", name="", url=learners.url, by=loader, at=NOON)
    version = load(MAP.replace("{person: accounts,", "{person: accounts, recipient: analytics,"),
                   loader, "far")  # fmt: skip
    datamap.approve(version, digest=version.digest, by=approver, at=NOON)
    assert "analytics" in gaps.covered()


def test_a_vendor_to_whom_the_notice_discloses_nothing_of_it_is_a_gap(loaded):
    map_ = sound(MAP.replace("{person: accounts,", "{person: accounts, recipient: mail-delivery,"))
    found = {(g.code, g.category) for g in datamap.gaps_of(map_, on=TODAY)}
    told = gaps.told("main", on=TODAY)
    expected = {
        category for category, said in told.items() if "mail-delivery" not in said.recipients
    }
    assert {category for code, category in found if code == "recipient-not-in-notice"} == (
        expected & gaps.held_by([map_]).keys()
    )


def test_fields_without_a_source_are_a_gap(loaded):
    map_ = sound(MAP.replace(", source: consumer,", ","))
    found = [g for g in datamap.gaps_of(map_, on=TODAY) if g.code == "source-not-named"]
    assert {g.category for g in found} >= {"PI_A", "PI_B"}
    assert "accounts" in found[0].tables


def test_gaps_of_a_file_are_told_before_it_is_loaded(loaded, tmp_path, capsys):
    path = tmp_path / "map.yml"
    path.write_text(MAP.replace("category: PI_I", "category: PI_E"))
    call_command("datamap", "gaps", str(path), "--json")
    found = json.loads(capsys.readouterr().out)
    assert {"code": "not-in-notice", "category": "PI_E", "detail": "",
            "tables": ["profiles"]} in found  # fmt: skip
    path.write_text("dataset: []")
    with pytest.raises(CommandError):
        call_command("datamap", "gaps", str(path))


def test_a_new_word_of_the_vocabulary_covers_nobody_by_itself(loaded, editor):
    entry = vocabulary.Entry(code="new-one", names={"en": "x", "ja": "x", "es": "x"},
                             category="platforms", legal_role="service-provider")  # fmt: skip
    vocabulary.enter("recipient", entry, by=editor, at=NOON)
    assert "new-one" not in gaps.covered()


def test_a_vendor_whose_own_interface_is_served_is_covered(loaded, loader, settings):
    """Who is asked by the office itself needs no address for letters."""
    settings.OUTBOUND_ALLOWED_HOSTS = ["mail.example"]
    Recipient.objects.filter(code="analytics").update(instruction_email=None)
    text = BASE.replace("[PI_A, PI_B]", "[PI_A]\n  recipient: analytics")
    datamap.add_system("far", name="", url="https://mail.example", kind="http", by=loader, at=NOON)
    datamap.give_secret("far", name="api_token", value="x", by=loader, at=NOON)
    with pytest.raises(datamap.MapNotSound) as refusal:
        load(text.replace("analytics", "nobody-known"), loader, "far")
    assert [each.code for each in refusal.value.findings] == ["unknown-recipient"]
    assert "analytics" not in gaps.covered()
    version = load(text, loader, "far")
    datamap.approve(version, digest=version.digest, by=founder("april", "approver"), at=NOON)
    assert "analytics" in gaps.covered()
