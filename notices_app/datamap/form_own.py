"""What our own keys may hold: ``ccpa_meta`` of a dataset, a collection and a field."""

from ccpa_office.law.grounds import DeletionException, GeneralException
from ccpa_office.law.vocabulary import Category, NeverDisclosed, Sensitive
from notices_app.datamap.form_fides import ALGORITHMS, KIND, NAME, TEXT
from notices_app.datamap.shapes import (
    Choice,
    Either,
    Flag,
    Keys,
    Listed,
    Number,
    Shape,
    Value,
    Word,
)

CODE = Word(r"[a-z0-9][a-z0-9_.-]{0,62}", "a code of small letters, digits, hyphens and dots")
DURATION = Word(r"P(?=[0-9])([1-9][0-9]{0,3}Y)?([1-9][0-9]{0,3}M)?([1-9][0-9]{0,4}D)?",
                "a length such as P7Y, P18M or P90D")  # fmt: skip
EXCEPTIONS = (*DeletionException.values, *GeneralException.values)
NORMALISE = ("exact", "casefold", "phone", "name", "postal", "digits")
COMPARE = ("exact", "casefold", "phone", "name")
ON_COLLECTION = ("delete", "mask", "keep")
BARE_WORDS = ("null", "keep", "zero", "pseudonym", "hash", "hmac", "encrypt", "keep_last",
              "strip_text", "strip_json", "remove")  # fmt: skip
PERIODS = ("day", "month", "year", "decade")
AT_COLLECTION = "at a collection"
AT_FIELD = "at a field"
AT_DATASET = "at the dataset"

LABEL = Keys({"en": TEXT, "ja": TEXT, "es": TEXT}, required=("en",))
RANDOM = Keys(
    {"length": Number(1, 512), "suffix": TEXT},
    required=("length",),
    says={"length": "how many characters", "suffix": "put behind them"},
)
WAYS: dict[str, Shape] = {
    "constant": Value(),
    "pseudonym": Choice(("plain", "email")),
    "truncate_date": Choice(PERIODS),
    "bucket": Number(2, 999_999_999),
    "keep_last": Number(1, 8),
    "hash": Choice(ALGORITHMS),
    "hmac": Choice(ALGORITHMS),
    "random": Either(Number(1, 512), RANDOM),
}
ON_DELETE = Either(Choice(BARE_WORDS, "action"), Keys(WAYS, one=tuple(WAYS)))
MASKS = {
    "`null`": "empties the field",
    "`zero`": "writes 0 into a number",
    "`{constant: former learner}`": "writes this value",
    "`pseudonym`, `{pseudonym: plain}`": "a value of its own for each row, the same each time, "
    "keyed by a secret of the plan; it fits the column's length",
    "`{pseudonym: email}`": "the same in the shape of an address under `erased.invalid`",
    "`{truncate_date: month}` (`day`, `year`, `decade`)": "the beginning of that day, month, year "
    "or decade",
    "`{bucket: 10}`": "the multiple of 10 at or below a number",
    "`keep_last`, `{keep_last: 4}`": "keeps the last characters, `*` for the others",
    "`hash`, `{hash: SHA-256}` (`SHA-512`)": "the digest of the value: it can be guessed back "
    "from a small set of values; prefer `hmac` or `pseudonym`",
    "`hmac`, `{hmac: SHA-256}` (`SHA-512`)": "the digest of the value under a secret of the plan",
    "`encrypt`": "the value under AES-GCM with a key that is thrown away",
    "`{random: 20}`, `{random: {length: 20, suffix: '@masked.example'}}`": "random characters",
    "`strip_text`": "replaces the person's values in a text by `[removed]`, whole words only",
    "`strip_json`": "the same in the texts within a JSON value, whose form stays",
    "`remove`": "in a list: takes out the element that names the person, at the field by which it "
    "does",
    "`keep`": "leaves it, and says so",
}
"""What each word of ``on_delete`` does."""

HOLDING = ("equals", "not_equals", "one_of", "less_than", "more_than", "empty")
HOLD = Keys(
    {
        "field": NAME,
        "equals": Value(),
        "not_equals": Value(),
        "one_of": Listed(Value(), least=1, most=100),
        "less_than": Value(),
        "more_than": Value(),
        "empty": Flag(),
        "code": Choice(EXCEPTIONS),
    },
    required=("field",),
    one=HOLDING,
    says={
        "field": "the field that is looked at",
        "equals": "rows are held while the field has this value",
        "not_equals": "while it has another value; an empty field is not held",
        "one_of": "while it has one of these values",
        "less_than": "while it is below this value, or before this day",
        "more_than": "while it is above this value, or after this day",
        "empty": "`true`: while it is empty; `false`: while it is not",
        "code": "the ground, if the letter is to name one",
    },
)
EXCEPTION = Keys(
    {"code": Choice(EXCEPTIONS, "exception"), "starts": NAME, "years": Number(1, 100),
     "length": DURATION},
    required=("code",),
    says={
        "code": "the ground: `DX_1` to `DX_8` (Civ. 1798.105(d)) or a general one, such as `GX_a1`",
        "starts": "the date field from which the term runs",
        "years": "the length in years",
        "length": "or the length in ISO 8601: `P7Y`, `P18M`, `P90D`",
    },
)  # fmt: skip
ORIGIN: dict[str, Shape] = {
    "category": Choice((*Category.values, "none"), "unknown-category"),
    "source": CODE,
    "collected_from_consumer": Flag(),
}
ORIGIN_SAYS = {
    "category": "the statutory category `PI_A` to `PI_L` (Civ. 1798.140(v)(1)), or `none`",
    "source": "the code of the source in the notice's vocabulary (Civ. 1798.110(c)(2))",
    "collected_from_consumer": "whether the consumer gave it: what others gave stays outside a "
    "deletion's duty (Civ. 1798.105(a)) and is erased all the same unless the map keeps it",
}
CONTACT = Keys(
    {"kind": Choice(("email", "phone")), "since": NAME},
    required=("kind",),
    says={"kind": "what it is", "since": "the field that says since when it is unchanged"},
)
VERIFICATION = Keys(
    {"point": KIND, "group": KIND, "normalise": Choice(NORMALISE), "label": LABEL},
    required=("point", "group", "normalise", "label"),
    says={
        "point": "its key, once in the map",
        "group": "points of one group count once: they are not independent",
        "normalise": "how both sides are made alike before they are compared",
        "label": "what the form asks, in `en`, `ja`, `es`",
    },
)

CCPA_FIELD = Keys(
    {
        **ORIGIN,
        "never_disclosed": Choice((*NeverDisclosed.values, "none")),
        "sensitive": Choice((*Sensitive.values, "none")),
        "on_delete": ON_DELETE,
        "on_shared": ON_DELETE,
        "on_kept": ON_DELETE,
        "contact": CONTACT,
        "verification": VERIFICATION,
        "identifier": KIND,
        "compare": Choice(COMPARE),
        "mark": KIND,
        "search_text": Flag(),
    },
    known_elsewhere={
        **dict.fromkeys(("exception", "hold", "dated"), AT_COLLECTION),
        **dict.fromkeys(("person", "recipient", "leaves_out"), AT_DATASET),
    },
    says={
        **ORIGIN_SAYS,
        "never_disclosed": "`ND_1` to `ND_7`: never in an answer to know (11 CCR 7024(d)); what a "
        "data category of the field usually is counts with a warning, unless `none` is said",
        "sensitive": "a kind of sensitive information (`SPI_1A`, ...); one of them makes the map "
        "sensitive, and verification reasonably high; by data category as above",
        "on_delete": "in a masked collection: what the mask does to the field",
        "on_shared": "in a deleted collection: what stripping does to the field of a row that "
        "others reach too; a field that is the way to the person changes only where it leads to "
        "this person",
        "on_kept": "what is done at once to the field of a row that stays for its term: what the "
        "ground does not need goes",
        "contact": "a contact on file",
        "verification": "a data point that proves identity",
        "identifier": "holds an identifier of this kind, perhaps of somebody else; the second look "
        "searches it",
        "compare": "how identifiers and references are compared; `phone` and `name` in normal form",
        "mark": "a value of the person's own (`name`, `phone_number`, ...) to be found and taken "
        "out of texts",
        "search_text": "the second look searches this text for the person's values",
    },
)
CCPA_COLLECTION = Keys(
    {
        "on_delete": Choice(ON_COLLECTION, "action"),
        "exception": EXCEPTION,
        "hold": Either(Listed(HOLD, least=1, most=20), HOLD),
        "dated": NAME,
        **ORIGIN,
    },
    known_elsewhere={
        **{key: AT_FIELD for key in CCPA_FIELD.keys if key not in {*ORIGIN, "on_delete"}},
        **dict.fromkeys(("person", "recipient", "leaves_out"), AT_DATASET),
    },
    says={
        "on_delete": "`delete` the row (default, with a warning), `mask` fields of it, `keep` it",
        "exception": "the ground on which rows stay: until a term ends, then a plan for them waits "
        "for approval; without a term only for `on_delete: keep`",
        "hold": "a condition, or a list of them: rows that nobody may change while it is true",
        "dated": "the date field by which an answer to know is cut to the period asked",
        **ORIGIN_SAYS,
    },
)
LEFT_OUT = Keys(
    {"table": NAME, "column": NAME, "because": Word(r"[^\x00]{3,500}", "a reason")},
    required=("table", "because"),
    says={
        "table": "a table of the store",
        "column": "one column of it; without, the whole table",
        "because": "why it holds no personal information",
    },
)
CCPA_DATASET = Keys(
    {"person": NAME, "recipient": CODE, "leaves_out": Listed(LEFT_OUT, most=2_000), **ORIGIN},
    known_elsewhere=dict.fromkeys(("exception", "hold", "on_delete", "dated"), AT_COLLECTION)
    | dict.fromkeys(("contact", "verification", "identifier", "mark"), AT_FIELD),
    says={
        "person": "the collection with one row for each person; its primary key is the person's",
        "recipient": "the store stands with this recipient of the notice's vocabulary (a vendor)",
        "leaves_out": "what the store holds besides and the map leaves out, with the reason",
        **ORIGIN_SAYS,
    },
)
