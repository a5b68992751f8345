"""Never-disclosed kinds inside texts (11 CCR 7024(d)): found by shape, taken out, named by type."""

import re
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Check = Callable[[str], bool]

WIDE = {ord("０") + n: str(n) for n in range(10)} | {
    ord("Ａ") + n: chr(ord("A") + n) for n in range(26)
}
WIDE |= {ord("ａ") + n: chr(ord("a") + n) for n in range(26)}
WIDE |= {ord(c): "-" for c in "‐‑‒–—―−－"} | {ord(c): " " for c in "\u3000\u00a0\u2007\u202f"}
WIDE |= {ord("："): ":", ord("＝"): "=", ord("．"): ".", ord("／"): "/"}
"""Wide and typographic spellings, one sign for one sign, so that places in the text stay."""

GAP = "[ .ー\\-\u200b-\u200d\u2060\ufeff\u00ad]?"
"""What may stand between the digits of a number that somebody wrote in groups."""
NEAR = 48
"""Signs before a shape in which a word of context counts."""


@dataclass(frozen=True)
class Shape:
    """One shape of one kind: its pattern, words that must stand near, and a sum that must be right.

    ``group`` is the part that is taken out; the words around it stay. ``signs``, in small letters:
    a text without one of them is not looked at; a shape without signs needs six digits.
    """

    kind: str
    pattern: re.Pattern[str]
    near: re.Pattern[str] | None = None
    check: Check | None = None
    group: int = 0
    signs: tuple[str, ...] = ()


def _words(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words), re.IGNORECASE)


# --- sums ---------------------------------------------------------------------------------------


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def is_card(text: str) -> bool:
    """Whether digits are a payment card's: an issuer's beginning, its length, the Luhn sum."""
    number = _digits(text)
    return _is_issued(number) and _luhn(number)


def _is_issued(number: str) -> bool:
    length, four = len(number), int(number[:4])
    return (
        (number[0] == "4" and length in {13, 16, 19})
        or (51 <= four // 100 <= 55 and length == 16)
        or (2221 <= four <= 2720 and length == 16)
        or (four // 100 in {34, 37} and length == 15)
        or ((four == 6011 or 644 <= four // 10 <= 659) and length in {16, 19})
        or (3528 <= four <= 3589 and length == 16)
        or ((300 <= four // 10 <= 305 or four // 100 in {36, 38, 39}) and length == 14)
        or (four // 100 == 62 and 16 <= length <= 19)
    )


def _luhn(number: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_iban(text: str) -> bool:
    """Whether a text is an account number of ISO 13616: its sum modulo 97 is 1."""
    plain = re.sub(r"[^A-Z0-9]", "", text.upper())
    turned = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def is_routed(text: str) -> bool:
    """Whether nine digits are a routing number of an American bank."""
    numbers = [int(digit) for digit in _digits(text)]
    return sum(n * w for n, w in zip(numbers, (3, 7, 1) * 3, strict=True)) % 10 == 0


def is_dni(text: str) -> bool:
    """Whether a Spanish identity number ends with its letter."""
    plain = re.sub(r"[^A-Z0-9]", "", text.upper())
    first = {"X": "0", "Y": "1", "Z": "2"}.get(plain[0], plain[0])
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(first + plain[1:8]) % 23] == plain[8]


def is_my_number(text: str) -> bool:
    """Whether twelve digits end with the check digit of the Japanese individual number."""
    digits = [int(digit) for digit in _digits(text)]
    weights = [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]
    rest = sum(d * w for d, w in zip(digits[:11], weights, strict=True)) % 11
    return digits[11] == (0 if rest <= 1 else 11 - rest)


def _is_long(text: str) -> bool:
    return len(_digits(text)) >= 6


# --- shapes -------------------------------------------------------------------------------------

EDGE, END = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
SSN = r"(?!000|666|9\d\d)\d{3}{gap}(?!00)\d{2}{gap}(?!0000)\d{4}"
SAYS = r"\s*(?:is|was|are|es|は|が|:|=|->|#|no\.?|number|número|n\.º|番号)*[\s:=「『\"']*"


def _shape(kind: str, pattern: str, *, flags: int = 0, **more: object) -> Shape:
    return Shape(kind, re.compile(pattern, flags), **more)  # type: ignore[arg-type]


_SSN_WORDS = _words(
    r"\bssn\b", r"_ssn|ssn_", "social.?security", "seguro social", "社会保障", "tax.?id", r"\btin\b"
)
_LICENSE_WORDS = _words(
    "licen[cs]e", "licencia", "免許", r"\bdmv\b", r"\bdl\b", "identification card", "state id"
)
_PASSPORT_WORDS = _words("passport", "pasaporte", "旅券", "パスポート")
_ACCOUNT_WORDS = _words(
    "account", r"\bacct", "bank", "routing", "checking", "savings", "cuenta", "口座", "銀行", "iban"
)
_HEALTH_WORDS = _words(
    "medicare", "medicaid", "medi-cal", "health.?plan", "insurance", "member id", "policy",
    r"\bmrn\b", "medical record", "seguro m[eé]dico", "健康保険", "被保険者", "診察券",
)  # fmt: skip
_BIOMETRIC_WORDS = _words(
    "fingerprint", "face.?print", "voice.?print", "iris", "retina", "biometric", "minutiae",
    "face.?template", "huella", "指紋", "顔認証", "生体",
)  # fmt: skip

SHAPES: tuple[Shape, ...] = (
    _shape("ND_5", r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*KEY-----|\Z)",
           signs=("private key",)),
    _shape("ND_5", r"\$(?:2[abxy]|argon2(?:id|i|d)|5|6|y|scrypt)\$[./A-Za-z0-9$=,+_-]{20,}",
           signs=("$",)),
    _shape("ND_5", r"\b(?:pbkdf2_[a-z0-9]+|bcrypt(?:_sha256)?|argon2)\$[^\s\"']{20,}",
           signs=("$",)),
    _shape("ND_5", r"\beyJ[A-Za-z0-9_-]{8,1000}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
           signs=("eyj",)),
    _shape("ND_5", rf"{EDGE}(?:AKIA|ASIA)[A-Z0-9]{{16}}{END}", signs=("akia", "asia")),
    _shape("ND_5", rf"{EDGE}(?:sk|pk|rk|ghp|gho|glpat|xox[abp])[_-][A-Za-z0-9_-]{{16,}}",
           signs=("sk", "pk", "rk", "gh", "glpat", "xox")),
    _shape(
        "ND_5",
        r"(?i)(?:\b(?:password|passwd|passphrase|passcode|pwd|contrase[nñ]a|clave)\b"
        r"|パスワード|暗証番号|合言葉)\s*(?:(?:(?:is|was|es|era)\b|は|が|:|=|->)\s*)+[「『\"']?"
        r"([^\s\"'」』、。,;]{3,})",
        group=1, signs=("pass", "pwd", "clave", "contrase", "パスワード", "暗証", "合言葉"),
    ),
    _shape(
        "ND_6",
        r"(?i)(?:security (?:question|answer)|secret (?:question|answer)|mother'?s maiden name"
        r"|pregunta (?:de seguridad|secreta)|respuesta (?:de seguridad|secreta)"
        r"|秘密の(?:質問|答え?)|母親の旧姓)[^\n:=はが]{0,40}(?:\bis\b|\bwas\b|\bes\b|:|=|は|が)"
        r"\s*([^\n。]{2,160})",
        group=1, signs=("secur", "secre", "segur", "maiden", "秘密", "旧姓"),
    ),
    _shape(
        "ND_7", r"(?<![A-Za-z0-9+/=_-])(?:[A-Za-z0-9+/_-]{40,}={0,2})", near=_BIOMETRIC_WORDS,
        signs=("print", "iris", "retina", "biometric", "minutiae", "template", "huella", "指紋",
               "顔", "生体"),
    ),
    _shape("ND_3", rf"{EDGE}(?:\d{GAP}){{12,18}}\d{END}", check=is_card),
    _shape("ND_3", rf"{EDGE}[A-Za-z]{{2}}\d{{2}}(?:[ -]?[A-Za-z0-9]{{2,4}}){{3,8}}{END}",
           check=is_iban),
    _shape("ND_4", rf"{EDGE}[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[ -]?"
           rf"[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[ -]?[AC-HJKMNP-RT-Y]{{2}}\d{{2}}{END}",
           signs=tuple("123456789")),
    _shape("ND_1", EDGE + SSN.replace("{gap}", "[ .-]") + r"(?![0-9A-Za-z]|-\d)"),
    _shape("ND_1", EDGE + SSN.replace("{gap}", GAP) + END, near=_SSN_WORDS),
    _shape("ND_2", rf"{EDGE}9\d\d-[5-9]\d-\d{{4}}{END}"),
    _shape("ND_2", rf"{EDGE}[A-Za-z]{{0,2}}\d{{7,9}}{END}", near=_PASSPORT_WORDS),
    _shape("ND_2", rf"{EDGE}[A-Za-z]{{0,2}}\d{GAP}(?:\d{GAP}){{4,12}}\d{END}",
           near=_LICENSE_WORDS),
    _shape("ND_2", rf"{EDGE}(?:\d{{4}}[ -]?){{3}}{END}", near=_words("マイナンバー", "個人番号",
           "my.?number"), check=is_my_number),
    _shape("ND_2", rf"{EDGE}(?:[XYZ]-?\d{{7}}|\d{{8}})-?[A-Z]{END}", flags=re.IGNORECASE,
           near=_words(r"\bdni\b", r"\bnie\b", r"\bnif\b", "identidad"), check=is_dni),
    _shape("ND_4", rf"{EDGE}[A-Za-z]{{0,4}}-?\d(?:[\dA-Za-z-]{{4,16}}){END}", near=_HEALTH_WORDS,
           check=_is_long),
    _shape("ND_3", rf"{EDGE}\d{{9}}{END}", near=_words("routing", r"\baba\b"), check=is_routed),
    _shape("ND_3", rf"{EDGE}\d(?:{GAP}\d){{5,16}}{END}", near=_ACCOUNT_WORDS),
)  # fmt: skip
"""In order of precision: what one shape took is not looked at by the next."""


def find(text: str, *, hint: str = "") -> list[tuple[int, int, str]]:
    """The places (from, to, kind) of never-disclosed values in a text, in order, none twice.

    ``hint`` names the field: a column called *ssn* needs no word of context in its values.
    """
    if HARMLESS.fullmatch(text):
        return []
    plain = text if text.isascii() else text.translate(WIDE)
    lower = plain.lower()
    digits = SIX_DIGITS.search(plain) is not None
    told = hint.replace("_", " ").replace("-", " ")
    taken: list[tuple[int, int, str]] = []
    for shape in SHAPES:
        if not (any(sign in lower for sign in shape.signs) if shape.signs else digits):
            continue
        for start, end in _places(shape, plain, told):
            at = bisect(taken, (start, end))
            if (not at or taken[at - 1][1] <= start) and (at == len(taken) or end <= taken[at][0]):
                taken.insert(at, (start, end, shape.kind))
    return taken


SIX_DIGITS = re.compile(r"\d(?:[^\d]{0,2}\d){5}")
HARMLESS = re.compile(
    r"[^\W\d_]{0,40}|[-+]?\d{1,5}(?:\.\d{1,6})?"
    r"|\d{4}-\d\d-\d\d(?:[ T][\d:.]{5,15}(?:[+-]\d\d(?::?\d\d)?|Z)?)?"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
"""Words, short numbers, days, moments and UUIDs as a store spells them: never looked at."""


def _places(shape: Shape, text: str, hint: str) -> Iterator[tuple[int, int]]:
    hinted = shape.near is None or shape.near.search(hint) is not None
    if not hinted and shape.near and not shape.near.search(text):
        return
    for found in shape.pattern.finditer(text):
        start, end = found.span(shape.group)
        before = text[max(0, start - NEAR) : start]
        if not hinted and shape.near and not shape.near.search(before):
            continue
        if shape.check is None or shape.check(found.group(shape.group)):
            yield start, end


def replaced(
    text: str, places: Sequence[tuple[int, int, str]], word: Callable[[str], str]
) -> tuple[str, tuple[str, ...]]:
    """The text with each place replaced by what ``word`` says of its kind, and the kinds."""
    parts, at = [], 0
    for start, end, kind in places:
        parts += [text[at:start], word(kind)]
        at = end
    return "".join([*parts, text[at:]]), tuple(kind for _start, _end, kind in places)


def clean(text: str, *, hint: str = "", word: Callable[[str], str]) -> tuple[str, tuple[str, ...]]:
    """The text without never-disclosed values, and the kinds that were in it."""
    return replaced(text, find(text, hint=hint), word)
