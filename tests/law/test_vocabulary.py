"""The fixed words: how many, which, and what makes a request sensitive."""

import pytest
from django.db.models.enums import ChoicesType
from django.utils.functional import Promise

from ccpa_office.law import certainty, grounds, kinds, vocabulary
from ccpa_office.law.kinds import RequestKind

LISTS = {
    vocabulary.Category: [f"PI_{letter}" for letter in "ABCDEFGHIJKL"],
    vocabulary.Sensitive: [
        *("SPI_1A", "SPI_1B", "SPI_1C", "SPI_1D", "SPI_1E", "SPI_1F", "SPI_1G"),
        *("SPI_2A", "SPI_2B", "SPI_2C", "SPI_REG_U16"),
    ],
    vocabulary.BusinessPurpose: [f"BP_{n}" for n in range(1, 9)],
    vocabulary.LimitExempt: [f"LM_{n}" for n in range(1, 9)],
    vocabulary.NeverDisclosed: [f"ND_{n}" for n in range(1, 8)],
    vocabulary.LegalRole: ["service-provider", "contractor", "third-party"],
}


@pytest.mark.parametrize("words", LISTS, ids=lambda words: words.__name__)
def test_a_list_holds_exactly_the_codes_of_the_law(words):
    assert words.values == LISTS[words]


def test_sources_and_recipients_share_their_words():
    sources = dict(vocabulary.SourceCategory.choices)
    recipients = dict(vocabulary.RecipientCategory.choices)
    assert len(sources) == 15
    assert set(sources) - set(recipients) == {"consumer", "devices", "public-records"}
    assert set(recipients) - set(sources) == {
        *("recruiters", "resellers", "event-partners", "successors", "law-enforcement"),
    }
    assert {key for key in sources.keys() & recipients if sources[key] != recipients[key]} == set()


def enumerations():
    rooms = (kinds, certainty, grounds, vocabulary)
    things = [thing for room in rooms for thing in vars(room).values()]
    found = {thing for thing in things if isinstance(thing, ChoicesType) and thing.values}
    return sorted(found, key=lambda words: words.__name__)


@pytest.mark.parametrize("words", enumerations(), ids=lambda words: words.__name__)
def test_every_word_has_a_label_of_its_own_that_can_be_translated(words):
    lazy = [member._label_ for member in words]
    assert [label for label in lazy if not isinstance(label, Promise)] == []
    assert len({str(label) for label in lazy}) == len(lazy)


@pytest.mark.parametrize(
    ("codes", "deleting", "correcting"),
    [
        (set(), False, False),
        ({"PI_A", "PI_F", "PI_H", "PI_J"}, False, False),
        ({"PI_A", "PI_E"}, True, True),
        ({"PI_L"}, True, True),
        ({"SPI_1B"}, False, True),
        ({"SPI_2B"}, True, True),
        ({"SPI_REG_U16"}, True, True),
    ],
)
def test_sensitive_information_calls_for_the_higher_certainty(codes, deleting, correcting):
    found = [vocabulary.is_sensitive(k, codes) for k in (RequestKind.DELETE, RequestKind.CORRECT)]
    assert found == [deleting, correcting]


def test_sensitivity_is_weighed_for_the_kinds_whose_level_it_can_raise():
    assert set(vocabulary.SENSITIVE_FOR) == certainty.WEIGHED_BY_SENSITIVITY
    assert vocabulary.is_sensitive(RequestKind.OPT_OUT, {"SPI_2B"}) is False
