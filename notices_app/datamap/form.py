"""The form of a map file: fideslang's dataset, with our own facts in ``ccpa_meta``."""

from typing import Any

from notices_app.datamap.form_fides import (
    FIDES_COLLECTION,
    FIDES_DATASET,
    FIDES_FIELD,
    KEY,
    LABELS,
    LABELS_SAY,
    NAME,
    TEXT,
    may_say_nothing,
)
from notices_app.datamap.form_own import CCPA_COLLECTION, CCPA_DATASET, CCPA_FIELD
from notices_app.datamap.shapes import Again, Anything, Keys, Listed, Optional

OLD_NAMES = {"fidesops_meta": "fides_meta"}
META_SAYS = {
    "fides_meta": "fideslang's own facts; `fidesops_meta` is the old name",
    "ccpa_meta": "our facts",
}

INNER = Again("field")
FIELD = Keys(
    {
        "name": NAME,
        **may_say_nothing(LABELS),
        "fides_meta": Optional(FIDES_FIELD),
        "ccpa_meta": CCPA_FIELD,
        "fields": Optional(Listed(INNER, most=400)),
    },
    required=("name",),
    known_elsewhere={
        **dict.fromkeys(FIDES_FIELD.keys, "under fides_meta"),
        **dict.fromkeys(CCPA_FIELD.keys, "under ccpa_meta"),
    },
    aliases=OLD_NAMES,
    says={
        "name": "as the store spells it",
        **LABELS_SAY,
        **META_SAYS,
        "fields": "what stands within a field of the type `object`",
    },
)
INNER.of = FIELD
COLLECTION = Keys(
    {
        "name": NAME,
        **may_say_nothing(LABELS),
        "fields": Listed(INNER, least=1, most=400),
        "fides_meta": Optional(FIDES_COLLECTION),
        "ccpa_meta": CCPA_COLLECTION,
    },
    required=("name", "fields"),
    known_elsewhere={
        **dict.fromkeys(FIDES_COLLECTION.keys, "under fides_meta"),
        **dict.fromkeys(CCPA_COLLECTION.keys, "under ccpa_meta"),
    },
    aliases=OLD_NAMES,
    says={
        "name": "the table, as the store spells it",
        "fields": "its columns",
        **LABELS_SAY,
        **META_SAYS,
    },
)
DATASET = Keys(
    {
        "fides_key": KEY,
        **may_say_nothing({
            "organization_fides_key": KEY,
            "name": TEXT,
            "tags": Listed(TEXT, most=100),
            "meta": Anything(mapping=True),
            "joint_controller": Anything(mapping=True),
            "third_country_transfers": Listed(TEXT, most=300),
            **LABELS,
            "fides_meta": FIDES_DATASET,
        }),
        "ccpa_meta": CCPA_DATASET,
        "collections": Listed(COLLECTION, least=1, most=2_000),
    },
    required=("fides_key", "collections"),
    known_elsewhere=dict.fromkeys(CCPA_DATASET.keys, "under ccpa_meta"),
    aliases={"fidesctl_meta": "fides_meta", **OLD_NAMES},
    says={
        "fides_key": "the dataset's key, by which references name it",
        "organization_fides_key": "allowed, not read",
        "name": "for people",
        "tags": "allowed, not read",
        "meta": "allowed, not read",
        "joint_controller": "allowed, not read (2.x)",
        "third_country_transfers": "allowed, not read (2.x)",
        **LABELS_SAY,
        **META_SAYS,
        "collections": "the tables",
    },
)  # fmt: skip
MAP = Keys(
    {"dataset": Listed(DATASET, least=1, most=1)},
    required=("dataset",),
    says={"dataset": "one dataset: a file is the map of one store"},
)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a map file; the published file is made of it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CCPA Office data map",
        **MAP.schema(),
        "$defs": {"field": FIELD.schema()},
    }
