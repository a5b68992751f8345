"""What the name of a field says of what stands in it, whatever that looks like."""

import re
from functools import lru_cache
from typing import Any


def _words(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE)


HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
MERE = re.compile(
    r"\baccounts? (?:ids?|uuid|guid|key|email|phone|status|type|name|role|manager|balance|total"
    r"|tier|plan|since|created|updated|opened|closed)\b"
    r"|\b(?:privacy|cookie|refund|return|cancellation) policy\b"
    r"|\blicen[cs]e (?:ids?|key|type|status|plan|count)\b",
    re.IGNORECASE,
)
"""Names of the business's own numbers: the id of an account is no number of a bank account."""
_BEFORE = r"(?:^|(?<!\bhas)(?<!\bis)(?<!\bno)(?<!reset)(?<!forgot)(?<!change) )"
_MORE = (
    r"(?: (?:hash|hashed|digest|salt|plain|text|clear|encrypted|old|new|current"
    r"|confirm|confirmation|value|\d+))*$"
)
PIN = "pin"
NAMED = (
    ("ND_5", _words(
        rf"{_BEFORE}\w*(?:pass ?word|passwd|pass ?phrase|contrase[nñ]a|パスワード|暗証番号){_MORE}",
        rf"{_BEFORE}(?:pass ?code|pwd){_MORE}", r"\bclave(?: de)? (?:acceso|secreta|ingreso)$",
    )),
    ("ND_6", _words(
        r"(?:security|secret|recovery|challenge) (?:question|answer)s?"
        rf"(?: answer| question)?{_MORE}",
        r"mother ?'?s? maiden name\W*$", r"(?:pregunta|respuesta) (?:de seguridad|secreta)\W*$",
        r"秘密の(?:質問|答え?)\W*$", r"母親の旧姓\W*$",
    )),
    (PIN, _words(r"(?:^| )pin(?: hash| number)?$")),
)  # fmt: skip
"""What a field holds by its very name, whatever its values look like."""


@lru_cache(maxsize=4096)
def words_of(name: str) -> str:
    """A field's name as words: what names the business's own numbers is left out of it."""
    return MERE.sub(" ", HUMPS.sub(" ", name).replace("_", " ").replace("-", " "))


@lru_cache(maxsize=4096)
def _named(hint: str) -> str:
    told = words_of(hint)
    return next((kind for kind, words in NAMED if words.search(told)), "")


def whole(hint: str, value: object) -> str:
    """The kind of a value that is withheld for the name of its field alone, or nothing."""
    kind = _named(hint)
    if not kind or isinstance(value, bool | dict | list) or not str(value).strip():
        return ""
    if kind == PIN:
        return "ND_5" if re.fullmatch(r"\d{4,8}", str(value)) else ""
    return kind


# --- names that stand elsewhere -----------------------------------------------------------------

LABELS = frozenset({"key", "name", "field", "label", "attribute", "property", "question"})
VALUES = frozenset({"value", "val", "answer", "response"})
LABEL = 80
"""So many signs of a text that says what another field holds."""
TELLS = re.compile(
    "bank|passport|licen[cs]e|insurance|medicare|ssn|social.?sec|口座|旅券|免許", re.IGNORECASE
)
"""A table whose name says what the numbers in it are."""
BARE = frozenset({"number", "no", "num", "nr", "code", "value", "番号"})


@lru_cache(maxsize=4096)
def labeled(names: tuple[str, ...]) -> tuple[str, frozenset[str]]:
    """Which of some fields says in words what others hold, and these (*meta_key*, *meta_value*)."""
    last = {name: words_of(str(name)).lower().split()[-1:] for name in names}
    label = next((name for name in names if {*last[name]} & LABELS), "")
    values = frozenset(name for name in names if {*last[name]} & VALUES)
    return (label, values) if label and values else ("", frozenset())


def told_by(label: Any) -> str:
    """What a field says of another one, to be read behind that one's name."""
    return f" {label}" if isinstance(label, str) and len(label) <= LABEL else ""


def hint_of(table: str, column: str) -> str:
    """A column's name; where it is a mere *number*, the name of its table, too."""
    bare = column.lower().split("_")[-1] in BARE
    return f"{table} {column}" if bare and TELLS.search(table) else column
