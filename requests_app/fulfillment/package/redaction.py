"""Never-disclosed kinds inside texts (11 CCR 7024(d)): found by shape, taken out, named by type."""

import re
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from requests_app.fulfillment.package.naming import words_of

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
AFTER = re.compile(
    r"\s*(?:[(\[（「]|(?:is|was|are|es|era|son|for|de)\b|=|は|が)\s*"
    r"(?:(?:my|the|your|his|her|our|their|a|an|mi|su|tu|el|la)\b\s*|(?:私|彼|彼女)の)?",
    re.IGNORECASE,
)
"""What leads from a shape to a word of context behind it: 123456789 *is my* SSN."""
NEXT = re.compile(r"[\w']+\s+")


@dataclass(frozen=True)
class Near:
    """Words of context. ``signs``, in small letters: a text with none of them has none of these."""

    words: re.Pattern[str]
    signs: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Shape:
    """One shape of one kind: its pattern, words that must stand near, and a sum that must be right.

    ``group`` is the part that is taken out; the words around it stay. ``signs``, in small letters:
    a text without one of them is not looked at; a shape without signs needs six digits. ``ends``
    says how many signs of what was found belong to it, where words that follow look like more.
    """

    kind: str
    pattern: re.Pattern[str]
    near: Near | None = None
    check: Check | None = None
    group: int = 0
    signs: tuple[str, ...] = ()
    ends: Callable[[str], int] | None = None


def _near(signs: str, *words: str) -> Near:
    return Near(re.compile("|".join(words), re.IGNORECASE), tuple(signs.split("|")))


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


IBANS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD", 19: "MK SI", 20: "AT AZ BA EE KZ LT LU TL XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR",
        27: "FR GR IT MC MR SM", 28: "AL BY CY DO GT HU LB NI PL SV", 29: "BR EG PS QA UA",
        30: "JO KW MU", 31: "MT SC", 32: "LC",
    }.items()
    for country in countries.split()
}  # fmt: skip
"""How long an account number of each country is."""


def iban_end(text: str) -> int:
    """How many signs of a text are an account number of ISO 13616 (sum modulo 97 is 1), or 0."""
    places = [place for place, sign in enumerate(text) if sign.isalnum()]
    length = IBANS.get(text[:2].upper(), len(places))
    if not 15 <= length <= min(34, len(places)):
        return 0
    plain = "".join(text[place] for place in places[:length]).upper()
    turned = plain[4:] + plain[:4]
    whole = int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1
    return places[length - 1] + 1 if whole else 0


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
SSN = r"(?!000|666|9\d\d)\d{3}[ .-]{1,3}(?!00)\d{2}[ .-]{1,3}(?!0000)\d{4}"
CARD_GAP = r"(?:&nbsp;|[^0-9A-Za-z]{1,3})"
CARD = rf"(?:\d{{4}}{CARD_GAP}){{3}}\d{{4}}|\d{{4}}{CARD_GAP}\d{{6}}{CARD_GAP}\d{{4,5}}|\d{{13,19}}"
"""A card's number as it is printed: what stands beside it, a date or a code, is no part of it."""
CARD_EDGE = rf"(?=\d{{4}})(?:{EDGE}|(?<=card)|(?<=visa)|(?<=amex)|(?<=no)|(?<=cc))"
NO_ZIP = r"(?!\d{5}-\d{4}(?!\d))"
DAY = re.compile(
    r"(?:(?:19|20)\d\d([-.])\d\d?\1\d\d?|\d\d?([-.])\d\d?\2(?:19|20)\d\d)(?:[ T]\d{1,2})?"
)
"""A day, and the hour behind it: a word of context beside it does not make it a number."""


def _shape(kind: str, pattern: str, *, flags: int = 0, **more: object) -> Shape:
    return Shape(kind, re.compile(pattern, flags), **more)  # type: ignore[arg-type]


_SSN_WORDS = _near(
    "ssn|soc|ss#|ss #|社会保障|tax|tin",
    r"ssn(?![a-z])", r"ssn.?n(?:o|um)", r"\bsoc(?:ial)?\.? ?sec", r"\bmy social\b(?! media)",
    r"\bsocial(?: num| no\b| ?#| is\b|:)", r"\bss ?#", "seguro social", "社会保障", "tax.?id",
    r"\btin\b",
)  # fmt: skip
_TAX_WORDS = _near("tin|tax", r"itin(?![a-z])", "tax.?id", r"\btin\b", "taxpayer")
_LICENSE_WORDS = _near(
    "licen|免許|dmv|dl|identi|id card|real id|state id|nia id|gov|身分証",
    "licen[cs]e", "licencia", "免許", r"\bdmv\b", r"\bc?dl(?:\b|[ _]?n(?:o|um))",
    "identification card", "identity card", r"\bid card", r"\b(?:state|real|california) id\b",
    "gov(?:ernment|t)?[ ._-]?id", "身分証",
)  # fmt: skip
_PASSPORT_WORDS = _near(
    "passp|pasap|旅券|パスポート|alien|a-num|anum|green|uscis|在留|militar|dod|tribal|consular",
    "passport", "pasaporte", "旅券", "パスポート", r"\balien\b", r"\ba-?number\b", "green.?card",
    "uscis", "在留カード", "military.?id", r"\bdod.?id", "tribal.?id", r"matr[ií]cula consular",
)  # fmt: skip
_ACCOUNT_WORDS = _near(
    "account|acct|bank|routing|checking|savings|cuenta|口座|銀行|預金|iban|clabe|sort",
    "account", r"\bacct", "bank", "routing", "checking", "savings", "cuenta", "口座", "銀行",
    "預金", "iban", "clabe", r"\bsort.?code",
)  # fmt: skip
_HEALTH_WORDS = _near(
    "medic|médic|medi-cal|health|insur|member|policy|mrn|保険|診察券",
    "medicare", "medicaid", "medi-cal", "health.?plan", "insurance", "member.?id", "policy",
    r"\bmrn\b", "medical record", "seguro m[eé]dico", "健康保険", "被保険者", "診察券",
)  # fmt: skip
_MY_NUMBER_WORDS = _near("番号|ナンバー|number", "マイナンバー", "個人番号", "my.?number")
_DNI_WORDS = _near("dni|nie|nif|identidad", r"\bdni\b", r"\bnie\b", r"\bnif\b", "identidad")
_ROUTING_WORDS = _near("routing|aba", "routing", r"\baba\b")
_BIOMETRIC_WORDS = _near(
    "print|iris|retina|biometric|minutiae|template|huella|指紋|顔|生体",
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
    _shape("ND_5", r"://[^\s/:@?#]{1,200}:([^\s/@?#]{3,200})@", group=1, signs=("://",)),
    _shape(
        "ND_5",
        r"(?i)(?:pass(?:word|wd|phrase)(?:[ _]?(?:hash|\d))?"
        r"|(?<![^\W_])(?:passcode|pwd|contrase[nñ]a|clave)\b|パスワード|暗証番号|合言葉)"
        r"[\"'”’」』)\]]{0,2}\s*(?:(?:(?:is|was|es|era)\b|[はが:=>]|->|;s:\d{1,4}:)\s*)+[「『\"'“]?"
        r"([^\s\"'」』、。,;]{3,})",
        group=1, signs=("pass", "pwd", "clave", "contrase", "パスワード", "暗証", "合言葉"),
    ),
    _shape(
        "ND_5",
        r"(?i)(?:pass(?:word|wd|phrase)[\s-]{1,3}|(?<![^\W_])(?:pw|pass)\s*[:=]\s*)"
        r"(?=[^\s,;。、]*[A-Za-z])(?=[^\s,;。、]*[\d!#$%^*])([^\s,;。、]{5,})",
        group=1, signs=("pass", "pw"),
    ),
    _shape("ND_5", r"(?i)\bpin(?: ?(?:number|no\.?|#))?\s*(?:is|was|es|:|=)\s*(\d{4,8})(?!\d)",
           group=1, signs=("pin",)),
    _shape(
        "ND_6",
        r"(?i)(?:(?:security|secret)[ _-]?(?:question|answer)"
        r"|mother'?s?[ _-]?maiden[ _-]?name|pregunta[ _-](?:de[ _-]seguridad|secreta)"
        r"|respuesta[ _-](?:de[ _-]seguridad|secreta)|秘密の(?:質問|答え?)|母親の旧姓)"
        r"[^\n:=はが]{0,40}(?:\bis\b|\bwas\b|\bes\b|:|=|は|が)\s*([^\n。]{2,160})",
        group=1, signs=("secur", "secre", "segur", "maiden", "秘密", "旧姓"),
    ),
    _shape(
        "ND_7", r"(?<![A-Za-z0-9+/=_-])(?:[A-Za-z0-9+/_-]{40,}={0,2})", near=_BIOMETRIC_WORDS,
        signs=("print", "iris", "retina", "biometric", "minutiae", "template", "huella", "指紋",
               "顔", "生体"),
    ),
    _shape("ND_3", rf"{EDGE}(?:\d{GAP}){{12,18}}\d{END}", check=is_card),
    _shape("ND_3", rf"{EDGE}(?=([A-Za-z]{{2}}\d{{2}}(?:[ -]?[A-Za-z0-9]{{2,4}}){{3,8}}){END})",
           ends=iban_end, group=1),
    _shape("ND_3", rf"{CARD_EDGE}(?=({CARD}){END})", flags=re.IGNORECASE, check=is_card, group=1),
    _shape("ND_4", rf"{EDGE}[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[ -]?"
           rf"[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[ -]?[AC-HJKMNP-RT-Y]{{2}}\d{{2}}{END}",
           signs=tuple("123456789")),
    _shape("ND_1", EDGE + SSN + r"(?![0-9A-Za-z]|-\d)"),
    _shape("ND_2", rf"{EDGE}9\d\d-[5-9]\d-\d{{4}}{END}"),
    _shape("ND_2", rf"{EDGE}{NO_ZIP}9\d\d{GAP}[5-9]\d{GAP}\d{{4}}{END}", near=_TAX_WORDS),
    _shape("ND_1", rf"(?:{EDGE}|(?<=ssn)){NO_ZIP}\d(?:{GAP}\d){{8}}{END}", flags=re.IGNORECASE,
           near=_SSN_WORDS),
    _shape("ND_2", rf"{EDGE}[A-Z]{{4}}\d{{6}}[HMX][A-Z]{{5}}[A-Z0-9]\d{END}", flags=re.IGNORECASE),
    _shape("ND_2", rf"{EDGE}(?:[A-Za-z]{{0,2}}\d{{7,10}}[A-Za-z]{{0,2}}"
           rf"|A[ -]?\d{{3}}-?\d{{3}}-?\d{{2,3}}){END}",
           near=_PASSPORT_WORDS),
    _shape("ND_2", rf"{EDGE}[A-Za-z]{{0,2}}\d{GAP}(?:\d{GAP}){{4,12}}\d{END}",
           near=_LICENSE_WORDS),
    _shape("ND_2", rf"{EDGE}(?:\d{{4}}[ -]?){{3}}{END}", near=_MY_NUMBER_WORDS, check=is_my_number),
    _shape("ND_2", rf"{EDGE}(?:[XYZ]-?\d{{7}}|\d{{8}})-?[A-Z]{END}", flags=re.IGNORECASE,
           near=_DNI_WORDS, check=is_dni),
    _shape("ND_4", rf"{EDGE}[A-Za-z]{{0,4}}-?\d(?:[A-Za-z]|[ -]?\d|-(?![0-9])){{4,18}}{END}",
           near=_HEALTH_WORDS, check=_is_long),
    _shape("ND_3", rf"{EDGE}\d{{9}}{END}", near=_ROUTING_WORDS, check=is_routed),
    _shape("ND_3", rf"{EDGE}\d(?:{GAP}\d){{5,33}}{END}", near=_ACCOUNT_WORDS),
)  # fmt: skip
"""In order of precision: what one shape took is not looked at by the next."""
FEWEST = 9
"""A number of fewer digits is something only by the name of its field."""


@lru_cache(maxsize=4096)
def _meant(hint: str) -> frozenset[Shape]:
    """The shapes to which the name of a field gives a meaning."""
    told = words_of(hint)
    return frozenset(shape for shape in SHAPES if shape.near and shape.near.words.search(told))


def find(text: str, *, hint: str = "") -> list[tuple[int, int, str]]:
    """The places (from, to, kind) of never-disclosed values in a text, in order, none twice.

    ``hint`` names the field: a column called *ssn* needs no word of context in its values.
    """
    if HARMLESS.fullmatch(text):
        return []
    plain = text if text.isascii() else text.translate(WIDE)
    meant = _meant(hint)
    if len(plain) < FEWEST and plain.isdigit() and not meant:
        return []
    lower = plain.lower()
    digits = SIX_DIGITS.search(plain) is not None
    taken: list[tuple[int, int, str]] = []
    for shape in SHAPES:
        if not (any(sign in lower for sign in shape.signs) if shape.signs else digits):
            continue
        near = None if shape in meant else shape.near
        if near and not any(sign in lower for sign in near.signs):
            continue
        for start, end in _places(shape, plain, near):
            at = bisect(taken, (start, end))
            if (not at or taken[at - 1][1] <= start) and (at == len(taken) or end <= taken[at][0]):
                taken.insert(at, (start, end, shape.kind))
    return taken


SIX_DIGITS = re.compile(r"\d(?:[^\d]{0,6}\d){5}")
HARMLESS = re.compile(
    r"[^\W\d_]{0,40}|[-+]?\d{1,5}(?:\.\d{1,6})?"
    r"|\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d[\d:.]{0,13}(?:[+-]\d\d(?::?\d\d)?|Z)?)?"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
"""Words, short numbers, days, moments and UUIDs as a store spells them: never looked at."""


def _places(shape: Shape, text: str, near: Near | None) -> Iterator[tuple[int, int]]:
    """Where a shape stands; ``near``, if any, are words of context that must stand beside it."""
    if near and not near.words.search(text):
        return
    for found in shape.pattern.finditer(text):
        start, end = found.span(shape.group)
        if near and not _is_near(near.words, text, start, end):
            continue
        if shape.near and DAY.fullmatch(text, start, end):
            continue
        if shape.ends:
            end = start + shape.ends(found.group(shape.group))
        if end > start and (shape.check is None or shape.check(found.group(shape.group))):
            yield start, end


def _is_near(words: re.Pattern[str], text: str, start: int, end: int) -> bool:
    """Whether a word of context stands before a shape, or is what the text says that it is."""
    if words.search(text[max(0, start - NEAR) : start]):
        return True
    says = AFTER.match(text, end)
    if not says:
        return False
    following = NEXT.match(text, says.end())
    return bool(words.match(text, says.end()) or (following and words.match(text, following.end())))


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
