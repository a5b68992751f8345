"""The form of a map file: fideslang's dataset, with our own facts in ``ccpa_meta``."""

from typing import Any

from ccpa_office.law.grounds import DeletionException, GeneralException
from ccpa_office.law.vocabulary import Category, NeverDisclosed, Sensitive
from notices_app.datamap.shapes import (
    Anything,
    Choice,
    Either,
    Flag,
    Keys,
    Listed,
    Number,
    Value,
    Word,
)

NAME = Word(r"[A-Za-z_][A-Za-z0-9_]{0,62}", "a name of letters, digits and underscores")
CODE = Word(r"[a-z0-9][a-z0-9_.-]{0,62}", "a code of small letters, digits, hyphens and dots")
KIND = Word(r"[a-z][a-z0-9_]{0,39}", "a kind in small letters")
TAXON = Word(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+){0,8}", "a data category such as user.contact.email")
TEXT = Word(r"[^\x00]{0,2000}", "a text")
REFERENCE = Word(
    r"[A-Za-z_][A-Za-z0-9_]{0,62}\.[A-Za-z_][A-Za-z0-9_]{0,62}", "a field such as accounts.id"
)

EXCEPTIONS = (*DeletionException.values, *GeneralException.values)
NORMALISE = ("exact", "casefold", "phone", "name", "postal", "digits")
COMPARE = ("exact", "casefold")

FIDES_FIELD = Keys(
    {
        "primary_key": Flag(),
        "identity": KIND,
        "references": Listed(
            Keys(
                {"dataset": CODE, "field": REFERENCE, "direction": Choice(("from", "to"))},
                required=("dataset", "field"),
            ),
            most=8,
        ),
        "data_type": TEXT,
        "length": Number(0, 999_999_999),
        "return_all_elements": Flag(),
        "read_only": Flag(),
        "custom_request_field": TEXT,
        "masking_strategy_override": Anything(),
        "redact": Anything(),
    }
)
LABEL = Keys({"en": TEXT, "ja": TEXT, "es": TEXT}, required=("en",))
ON_DELETE_FIELD = Either(
    Choice(("null", "keep", "pseudonym", "strip_text")),
    Keys(
        {
            "constant": Value(),
            "pseudonym": Choice(("plain", "email")),
            "truncate_date": Choice(("month", "year", "decade")),
        }
    ),
)
AT_COLLECTION = "at a collection"
AT_FIELD = "at a field"
AT_DATASET = "at the dataset"

CCPA_FIELD = Keys(
    {
        "category": Choice((*Category.values, "none")),
        "source": CODE,
        "collected_from_consumer": Flag(),
        "never_disclosed": Choice(tuple(NeverDisclosed.values)),
        "sensitive": Choice(tuple(Sensitive.values)),
        "on_delete": ON_DELETE_FIELD,
        "on_shared": ON_DELETE_FIELD,
        "contact": Keys({"kind": Choice(("email", "phone")), "since": NAME}, required=("kind",)),
        "verification": Keys(
            {"point": KIND, "group": KIND, "normalise": Choice(NORMALISE), "label": LABEL},
            required=("point", "group", "normalise", "label"),
        ),
        "identifier": KIND,
        "compare": Choice(COMPARE),
        "mark": KIND,
        "search_text": Flag(),
    },
    known_elsewhere={"exception": AT_COLLECTION, "hold": AT_COLLECTION, "person": AT_DATASET},
)
CCPA_COLLECTION = Keys(
    {
        "on_delete": Choice(("delete", "mask", "keep")),
        "exception": Keys(
            {"code": Choice(EXCEPTIONS), "starts": NAME, "years": Number(1, 100)},
            required=("code",),
        ),
        "hold": Keys({"field": NAME, "equals": Value()}, required=("field", "equals")),
        "category": Choice((*Category.values, "none")),
        "source": CODE,
        "collected_from_consumer": Flag(),
    },
    known_elsewhere={
        **dict.fromkeys(
            ("on_shared", "contact", "verification", "identifier", "compare", "mark", "search_text",
             "never_disclosed", "sensitive"), AT_FIELD,
        ),
        "person": AT_DATASET,
    },
)  # fmt: skip
CCPA_DATASET = Keys(
    {
        "person": NAME,
        "category": Choice((*Category.values, "none")),
        "source": CODE,
        "collected_from_consumer": Flag(),
    },
    known_elsewhere={"exception": AT_COLLECTION, "hold": AT_COLLECTION, "on_delete": AT_COLLECTION},
)
OLD_NAMES = {"fidesops_meta": "fides_meta"}
FIELD = Keys(
    {
        "name": NAME,
        "description": TEXT,
        "data_categories": Listed(TAXON, most=40),
        "fides_meta": FIDES_FIELD,
        "ccpa_meta": CCPA_FIELD,
    },
    required=("name",),
    known_elsewhere={
        "fields": "nowhere yet: nested fields are not read",
        **dict.fromkeys(FIDES_FIELD.keys, "under fides_meta"),
        **dict.fromkeys(CCPA_FIELD.keys, "under ccpa_meta"),
    },
    aliases=OLD_NAMES,
)
COLLECTION = Keys(
    {
        "name": NAME,
        "description": TEXT,
        "data_categories": Listed(TAXON, most=40),
        "fields": Listed(FIELD, least=1, most=400),
        "fides_meta": Keys(
            {
                "after": Listed(TEXT, most=200),
                "erase_after": Listed(TEXT, most=200),
                "skip_processing": Flag(),
                "partitioning": Anything(),
                "masking_strategy_override": Anything(),
            }
        ),
        "ccpa_meta": CCPA_COLLECTION,
    },
    required=("name", "fields"),
    known_elsewhere=dict.fromkeys(CCPA_COLLECTION.keys, "under ccpa_meta"),
    aliases=OLD_NAMES,
)
DATASET = Keys(
    {
        "fides_key": CODE,
        "organization_fides_key": CODE,
        "name": TEXT,
        "description": TEXT,
        "tags": Listed(TEXT, most=100),
        "meta": Anything(),
        "data_categories": Listed(TAXON, most=100),
        "fides_meta": Keys(
            {"resource_id": TEXT, "after": Listed(TEXT, most=100), "namespace": Anything()}
        ),
        "ccpa_meta": CCPA_DATASET,
        "collections": Listed(COLLECTION, least=1, most=2_000),
    },
    required=("fides_key", "collections"),
    known_elsewhere={"person": "under ccpa_meta"},
    aliases={"fidesctl_meta": "fides_meta", **OLD_NAMES},
)
MAP = Keys({"dataset": Listed(DATASET, least=1, most=1)}, required=("dataset",))


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a map file; the reference prints it and a test compares the two."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CCPA Office data map",
        **MAP.schema(),
    }
