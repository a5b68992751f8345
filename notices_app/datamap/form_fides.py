"""What fideslang's own keys may hold, in the releases 2.x and 3.x."""

from collections.abc import Mapping
from dataclasses import dataclass

from notices_app.datamap.reading import Leaf, Report, Tree, shown
from notices_app.datamap.shapes import (
    Anything,
    Choice,
    Either,
    Flag,
    Keys,
    Listed,
    Number,
    Optional,
    Shape,
    Value,
    Word,
)
from notices_app.datamap.taxonomy import USUAL

NAME = Word(r"[A-Za-z_][A-Za-z0-9_]{0,62}", "a name of letters, digits and underscores")
KEY = Word(r"[A-Za-z0-9_][A-Za-z0-9_.<>-]{0,99}", "a key of letters, digits and . _ - < >")
TEXT = Word(r"[^\x00]{0,2000}", "a text")
KIND = Word(r"[a-z][a-z0-9_]{0,39}", "a kind in small letters")
REFERENCE = Word(r"[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62}){1,8}",
                 "a field such as accounts.id")  # fmt: skip
OTHER_COLLECTION = Word(
    r"[A-Za-z0-9_][A-Za-z0-9_.<>-]{0,99}\.[A-Za-z_][A-Za-z0-9_]{0,62}",
    "a collection such as shop.orders",
)
TYPES = ("string", "integer", "float", "boolean", "object_id", "object")
STRATEGIES = ("null_rewrite", "string_rewrite", "random_string_rewrite", "hash", "hmac",
              "aes_encrypt", "preserve")  # fmt: skip
ALGORITHMS = ("SHA-256", "SHA-512")


@dataclass(frozen=True)
class DataCategory(Word):
    """A data category; one that fideslang does not ship with is a warning."""

    def read(self, tree: Tree, report: Report) -> str | None:
        text = super().read(tree, report)
        if text is not None and text not in USUAL and isinstance(tree, Leaf):
            said = f"fideslang ships with no data category {shown(text.replace('.', '_'))}"
            report.warning(tree.place, "unknown-data-category", said)
        return text


TAXON = DataCategory(
    r"[A-Za-z0-9_][A-Za-z0-9_<>-]*(\.[A-Za-z0-9_<>-]+){0,8}",
    "a data category such as user.contact.email",
)


def may_say_nothing(keys: Mapping[str, Shape]) -> dict[str, Shape]:
    """Return shapes that may also be null, as fideslang writes keys that say nothing."""
    return {key: Optional(shape) for key, shape in keys.items()}


LABELS: dict[str, Shape] = {
    "description": TEXT,
    "data_categories": Listed(TAXON, most=100),
    "data_uses": Listed(KEY, most=100),
    "data_purposes": Listed(KEY, most=100),
    "data_subjects": Listed(KEY, most=100),
    "data_qualifier": KEY,
    "retention": TEXT,
}
LABELS_SAY = {
    "description": "for people",
    "data_categories": "fideslang's categories; where `ccpa_meta` says no `category`, the "
    "usual one of the first that has one counts, with a warning",
    "data_uses": "allowed, not read (3.x)",
    "data_purposes": "allowed, not read (3.x, the old name of `data_uses`)",
    "data_subjects": "allowed, not read (3.x)",
    "data_qualifier": "allowed, not read (2.x)",
    "retention": "allowed, not read (2.x)",
}

SUFFIX = Keys({"suffix": TEXT}, required=("suffix",), says={"suffix": "put behind the value"})
CONFIGURATION = Keys(
    may_say_nothing({
        "rewrite_value": Value(),
        "length": Number(1, 512),
        "algorithm": Choice(ALGORITHMS),
        "mode": Choice(("GCM",)),
        "format_preservation": SUFFIX,
    }),
    says={
        "rewrite_value": "of `string_rewrite`: the new text",
        "length": "of `random_string_rewrite`: how many characters",
        "algorithm": "of `hash` and `hmac`",
        "mode": "of `aes_encrypt`",
        "format_preservation": "a `suffix` behind the new value, such as `@masked.example`",
    },
)  # fmt: skip
STRATEGY = Keys(
    {"strategy": Choice(STRATEGIES, "strategy"), "configuration": Optional(CONFIGURATION)},
    required=("strategy",),
    says={
        "strategy": "fideslang's strategies; the page below says what each becomes",
        "configuration": "what the strategy needs",
    },
)
COLLECTION_STRATEGY = Keys(
    {"strategy": Choice(("delete",), "strategy")},
    required=("strategy",),
    says={"strategy": "rows are deleted, whatever the fields say"},
)
REFERENCES = Keys(
    {"dataset": KEY, "field": REFERENCE, "direction": Optional(Choice(("from", "to")))},
    required=("dataset", "field"),
    says={
        "dataset": "the `fides_key` of this dataset; references to another dataset are refused",
        "field": "`collection.field`",
        "direction": "`from` when this row is found from that one (a child row), `to` when that "
        "row is found from this one (an address that a person's row names); without it, both",
    },
)
REDACT = Choice(("name",))

FIDES_FIELD = Keys(
    may_say_nothing({
        "primary_key": Flag(),
        "identity": KIND,
        "references": Listed(REFERENCES, most=8),
        "data_type": Word(f"({'|'.join(TYPES)})(\\[\\])?", "a type such as string or string[]"),
        "length": Number(1, 999_999_999),
        "return_all_elements": Flag(),
        "read_only": Flag(),
        "custom_request_field": TEXT,
        "masking_strategy_override": STRATEGY,
        "redact": REDACT,
    }),
    says={
        "primary_key": "part of the key; any number of fields; integers, UUIDs, texts, dates",
        "identity": "a verified identifier of this kind (`email`, `phone_number`, ...) names the "
        "person",
        "references": "fields elsewhere that hold the same value",
        "data_type": "fideslang's type; `[]` behind it is an array; `object` has `fields`",
        "length": "the longest value; nothing longer is written there",
        "return_all_elements": "only for arrays",
        "read_only": "the field cannot be changed: a mask that would is an error",
        "custom_request_field": "allowed, not read",
        "masking_strategy_override": "what deletion does to the field, in fideslang's words",
        "redact": "allowed, not read",
    },
)  # fmt: skip
FIDES_COLLECTION = Keys(
    may_say_nothing({
        "after": Listed(OTHER_COLLECTION, most=200),
        "erase_after": Listed(OTHER_COLLECTION, most=200),
        "skip_processing": Flag(),
        "masking_strategy_override": COLLECTION_STRATEGY,
        "partitioning": Either(Listed(Anything(mapping=True), most=200), Anything(mapping=True)),
        "redact": REDACT,
    }),
    says={
        "after": "allowed; the names must exist",
        "erase_after": "rows here are changed after those of the collections named",
        "skip_processing": "the collection is left out; an error if a field of it has a category",
        "masking_strategy_override": "`delete`: rows are deleted",
        "partitioning": "allowed, not read: a partitioned table is served as one table",
        "redact": "allowed, not read",
    },
)  # fmt: skip
FIDES_DATASET = Keys(
    may_say_nothing({
        "resource_id": TEXT,
        "after": Listed(KEY, most=100),
        "namespace": Anything(mapping=True),
        "redact": REDACT,
    }),
    says={
        "resource_id": "allowed, not read",
        "after": "allowed, not read: systems are served each by itself",
        "namespace": "allowed, not read: the schema stands at the system",
        "redact": "allowed, not read",
    },
)  # fmt: skip
