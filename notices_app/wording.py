"""One version in one language, as a page shows it: rows of the table, passages, changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from ccpa_office.law.vocabulary import BusinessPurpose, Category, Sensitive
from notices_app.comparing import Change, ChangeKind
from notices_app.models import Dealing, Section
from notices_app.reading import Line, Reading, Term, TermKey, TermKind

BEFORE_THE_TABLE = (Section.SUMMARY, Section.ABOUT)
TERMS: dict[ChangeKind, TermKind] = {
    ChangeKind.PURPOSES: "purpose",
    ChangeKind.SOURCES: "source",
    ChangeKind.DISCLOSED_TO: "recipient",
    ChangeKind.SOLD_TO: "recipient",
    ChangeKind.SHARED_TO: "recipient",
}
UNTOLD = (ChangeKind.STATEMENTS, ChangeKind.LANGUAGE_ADDED, ChangeKind.LANGUAGE_DROPPED)
"""Changes that the sections and the list of languages tell better."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One category of the table."""

    code: str
    category: str
    examples: str
    sensitive: list[str]
    sources: list[str]
    purposes: list[str]
    recipients: list[str]
    business_purposes: list[str]
    dealings: list[str]
    retention: str
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A paragraph, or a list when ``is_list``."""

    lines: list[str]
    is_list: bool


@dataclass(frozen=True, kw_only=True)
class Passage:
    """One section in words."""

    code: str
    title: str
    blocks: list[Block]
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The changes of one category, section or of the whole, in words."""

    subject: str
    details: list[tuple[str, list[str], list[str]]]
    """What, what came, what went."""

    @property
    def is_short(self) -> bool:
        """Whether there is nothing to unfold."""
        return not any(came or went for _what, came, went in self.details)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A version in ``language``; a column that no row fills is not shown."""

    language: str
    opening: list[Passage]
    rows: list[Row]
    closing: list[Passage]
    differences: list[Difference]

    @property
    def tells(self) -> dict[str, bool]:
        """Which columns the version fills."""
        columns = ("purposes", "recipients", "dealings", "retention")
        return {name: any(getattr(row, name) for row in self.rows) for name in columns}


def language_name(code: str) -> str:
    """A language as it stands inside a sentence of the present language."""
    names = {
        "en": pgettext("language inside a sentence", "English"),
        "ja": pgettext("language inside a sentence", "Japanese"),
        "es": pgettext("language inside a sentence", "Spanish"),
    }
    return names[code]


def language_for(reading: Reading, wanted: str) -> str:
    """The language to read a version in: the wanted one, else the original, else any whole one."""
    spoken = reading.languages
    return next((code for code in (wanted, reading.original) if code in spoken), reading.original)


def page(reading: Reading, *, language: str, before: Reading | None, told: list[Change]) -> Page:
    """The version in words; ``told`` are its changes since the version ``before``."""
    marks = _marks(told)
    with translation.override(language):
        passages = [_passage(reading, code, language, marks) for code in reading.sections]
        return Page(
            language=language,
            opening=[passage for passage in passages if passage.code in BEFORE_THE_TABLE],
            rows=[_row(reading, line, language, marks) for _code, line in _ordered(reading)],
            closing=[passage for passage in passages if passage.code not in BEFORE_THE_TABLE],
            differences=_differences(reading, before, told, language),
        )


def blocks(body: str) -> list[Block]:
    """Cut a text at its blank lines; lines that begin with ``- `` are a list."""
    found: list[Block] = []
    for filled, group in groupby(body.splitlines(), key=lambda line: bool(line.strip())):
        if filled:
            found += _cut(list(group))
    return found


def _cut(lines: list[str]) -> Iterable[Block]:
    for is_list, group in groupby(lines, key=lambda line: line.startswith("- ")):
        texts = [line.removeprefix("- ").strip() for line in group]
        yield Block(lines=texts if is_list else [" ".join(texts)], is_list=is_list)


def _ordered(reading: Reading) -> list[tuple[str, Line]]:
    return sorted(reading.lines.items())


def _marks(told: Iterable[Change]) -> dict[str, str]:
    """``new`` or ``changed`` by category and section."""
    new = (ChangeKind.CATEGORY_ADDED, ChangeKind.TEXT_ADDED)
    changes = [change for change in told if change.subject]
    return {change.subject: "new" if change.kind in new else "changed" for change in changes}


def _passage(reading: Reading, code: str, language: str, marks: Mapping[str, str]) -> Passage:
    text = reading.texts[code, language]
    return Passage(code=code, title=text.title, blocks=blocks(text.body), mark=marks.get(code, ""))


def _row(reading: Reading, line: Line, language: str, marks: Mapping[str, str]) -> Row:
    words = line.words[language]
    recipients = [code for way in Dealing.values for code in line.to(way)]
    return Row(
        code=line.category,
        category=str(Category(line.category).label),
        examples=words.examples,
        sensitive=[str(Sensitive(code).label) for code in line.sensitive],
        sources=_called(reading, "source", line.sources, language),
        purposes=_called(reading, "purpose", line.purposes, language),
        recipients=_called(reading, "recipient", dict.fromkeys(recipients), language),
        business_purposes=[str(BusinessPurpose(code).label) for code in line.business_purposes],
        dealings=_dealings(line),
        retention=words.retention,
        mark=marks.get(line.category, ""),
    )


def _called(reading: Reading, kind: TermKind, codes: Iterable[str], language: str) -> list[str]:
    return [reading.terms[kind, code].name_in(language) for code in codes]


def _dealings(line: Line) -> list[str]:
    """Sold or not, shared or not, in words; what the version leaves open is left out."""
    words = {
        (Dealing.SOLD.value, True): _("Sold"),
        (Dealing.SOLD.value, False): _("Not sold"),
        (Dealing.SHARED.value, True): _("Shared"),
        (Dealing.SHARED.value, False): _("Not shared"),
        (Dealing.DISCLOSED.value, True): _("Disclosed for business purposes"),
        (Dealing.DISCLOSED.value, False): _("Not disclosed"),
    }
    ways = (Dealing.SOLD.value, Dealing.SHARED.value, Dealing.DISCLOSED.value)
    return [words[way, answer] for way in ways if (answer := line.deals(way)) is not None]


def _names(
    reading: Reading, before: Reading | None, kind: ChangeKind, language: str
) -> dict[str, str]:
    """What the codes of one kind of change are called."""
    if kind in TERMS:
        terms: dict[TermKey, Term] = {**(before.terms if before else {}), **reading.terms}
        return {
            code: term.name_in(language) for (of, code), term in terms.items() if of == TERMS[kind]
        }
    if kind == ChangeKind.DEALINGS:
        words = {"sold": _("sold"), "shared": _("shared"), "disclosed": _("disclosed")}
        said = {f"{way}:yes": word for way, word in words.items()}
        return said | {f"{way}:no": _("not %s") % word for way, word in words.items()}
    choices = Sensitive if kind == ChangeKind.SENSITIVE else BusinessPurpose
    return {code: str(label) for code, label in choices.choices}


SUBJECTS = {code: label for choices in (Category, Section) for code, label in choices.choices}


def _differences(
    reading: Reading, before: Reading | None, told: list[Change], language: str
) -> list[Difference]:
    shown = [change for change in told if change.kind not in UNTOLD]
    found = []
    for subject, group in groupby(shown, key=lambda change: change.subject):
        changes = list(group)
        details = [
            _detail(change, _names(reading, before, change.kind, language), language)
            for change in changes
        ]
        if before and changes[0].kind in {ChangeKind.TEXT, ChangeKind.TEXT_DROPPED}:
            what = str(changes[0].kind.label)
            details = [(what, *_reworded(reading, before, subject, language))]
        title = str(SUBJECTS.get(subject) or _("The notice as a whole"))
        found.append(Difference(subject=title, details=details))
    return found


def _detail(
    change: Change, names: Mapping[str, str], language: str
) -> tuple[str, list[str], list[str]]:
    came, went = (_said(codes, names, language) for codes in (change.added, change.removed))
    return (str(change.kind.label), came, went)


def _reworded(
    reading: Reading, before: Reading, section: str, language: str
) -> tuple[list[str], list[str]]:
    """The lines of a section that came and that went, where both versions speak the language."""
    old, new = (_lines_of(source, section, language) for source in (before, reading))
    if not old:
        return ([], [])
    return ([line for line in new if line not in old], [line for line in old if line not in new])


def _lines_of(reading: Reading, section: str, language: str) -> list[str]:
    text = reading.texts.get((section, language))
    return [line for block in blocks(text.body) for line in block.lines] if text else []


def _said(codes: Iterable[str], names: Mapping[str, str], language: str) -> list[str]:
    """Names, and words of the page's own language; what has neither is left out."""
    own = f"{language}:"
    known = [names[code] for code in codes if code in names]
    return known + [code.removeprefix(own) for code in codes if code.startswith(own)]
