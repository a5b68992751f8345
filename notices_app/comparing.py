"""What changed between two versions, and whether it calls for a new notice first."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from notices_app.models import Dealing
from notices_app.reading import Line, Reading


class ChangeKind(TextChoices):
    """The ways in which a version may differ from the one before."""

    CATEGORY_ADDED = "category-added", _("New category")
    CATEGORY_DROPPED = "category-dropped", _("Category no longer collected")
    PURPOSES = "purposes", _("Purposes")
    BUSINESS_PURPOSES = "business-purposes", _("Business purposes of disclosure")
    SOURCES = "sources", _("Sources")
    DISCLOSED_TO = "disclosed-to", _("Disclosed to")
    SOLD_TO = "sold-to", _("Sold to")
    SHARED_TO = "shared-to", _("Shared with")
    SENSITIVE = "sensitive", _("Sensitive kinds")
    DEALINGS = "dealings", _("Sold, shared or disclosed")
    RETENTION = "retention", _("How long it is kept")
    EXAMPLES = "examples", _("Examples")
    STATEMENTS = "statements", _("What the notice says")
    TEXT_ADDED = "text-added", _("New section")
    TEXT_DROPPED = "text-dropped", _("Section removed")
    TEXT = "text", _("Section in new words")
    LANGUAGE_ADDED = "language-added", _("New language")
    LANGUAGE_DROPPED = "language-dropped", _("Language removed")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change. ``subject`` is a category or section, empty for the whole notice."""

    kind: ChangeKind
    subject: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def changes(old: Reading, new: Reading) -> list[Change]:
    """All differences, the categories first, in the order of the statute and of the page."""
    return [
        *_categories(old, new),
        *_general(old, new),
        *_sections(old, new),
        *_languages(old, new),
    ]


def new_categories(old: Reading, new: Reading) -> list[str]:
    """Categories that ``old`` does not name."""
    return sorted(set(new.lines) - set(old.lines))


def new_purposes(old: Reading, new: Reading) -> dict[str, tuple[str, ...]]:
    """Purposes that ``old`` names neither for the category nor for the whole notice."""
    found = {
        code: tuple(sorted(set(line.purposes) - set(old.lines[code].purposes) - set(old.purposes)))
        for code, line in sorted(new.lines.items())
        if code in old.lines
    }
    found[""] = tuple(sorted(set(new.purposes) - _all_purposes(old)))
    return {code: purposes for code, purposes in found.items() if purposes}


def is_new_category_or_purpose(old: Reading, new: Reading) -> bool:
    """Whether collecting under ``new`` needs a new notice first (Civ. 1798.100(a)(1)-(2))."""
    return bool(new_categories(old, new) or new_purposes(old, new))


def _all_purposes(reading: Reading) -> set[str]:
    return set(reading.purposes).union(*(line.purposes for line in reading.lines.values()))


def _categories(old: Reading, new: Reading) -> Iterable[Change]:
    for code in sorted({*old.lines, *new.lines}):
        before, after = old.lines.get(code), new.lines.get(code)
        if before is None:
            yield Change(kind=ChangeKind.CATEGORY_ADDED, subject=code)
        elif after is None:
            yield Change(kind=ChangeKind.CATEGORY_DROPPED, subject=code)
        else:
            yield from _line(code, before, after)


def _line(code: str, old: Line, new: Line) -> Iterable[Change]:
    pairs: list[tuple[ChangeKind, Iterable[str], Iterable[str]]] = [
        (ChangeKind.PURPOSES, old.purposes, new.purposes),
        (ChangeKind.BUSINESS_PURPOSES, old.business_purposes, new.business_purposes),
        (ChangeKind.SOURCES, old.sources, new.sources),
        (ChangeKind.DISCLOSED_TO, old.to(Dealing.DISCLOSED), new.to(Dealing.DISCLOSED)),
        (ChangeKind.SOLD_TO, old.to(Dealing.SOLD), new.to(Dealing.SOLD)),
        (ChangeKind.SHARED_TO, old.to(Dealing.SHARED), new.to(Dealing.SHARED)),
        (ChangeKind.SENSITIVE, old.sensitive, new.sensitive),
        (ChangeKind.DEALINGS, _dealings(old), _dealings(new)),
        (ChangeKind.RETENTION, _retention(old), _retention(new)),
        (ChangeKind.EXAMPLES, _examples(old, new), _examples(new, old)),
    ]
    for kind, before, after in pairs:
        yield from _differing(kind, code, before, after)


def _differing(
    kind: ChangeKind, subject: str, before: Iterable[str], after: Iterable[str]
) -> Iterable[Change]:
    old, new = set(before), set(after)
    if old != new:
        yield Change(
            kind=kind,
            subject=subject,
            added=tuple(sorted(new - old)),
            removed=tuple(sorted(old - new)),
        )


def _dealings(line: Line) -> list[str]:
    said = {True: "yes", False: "no", None: "unsaid"}
    return [f"{way}:{said[line.deals(way)]}" for way in Dealing.values]


def _retention(line: Line) -> list[str]:
    months = [] if line.retention_months is None else [f"months:{line.retention_months}"]
    words = [f"{lang}:{words.retention}" for lang, words in line.words.items() if words.retention]
    return months + words


def _examples(line: Line, other: Line) -> list[str]:
    """The examples in the languages that both speak: a new language is not a new example."""
    both = line.words.keys() & other.words.keys()
    return [f"{lang}:{line.words[lang].examples}" for lang in both]


def _general(old: Reading, new: Reading) -> Iterable[Change]:
    yield from _differing(ChangeKind.PURPOSES, "", old.purposes, new.purposes)
    yield from _differing(
        ChangeKind.BUSINESS_PURPOSES, "", old.business_purposes, new.business_purposes
    )
    yield from _differing(ChangeKind.DISCLOSED_TO, "", old.recipients, new.recipients)
    said = [{_statement(r, code) for code in r.statements} for r in (old, new)]
    yield from _differing(ChangeKind.STATEMENTS, "", said[0], said[1])


def _statement(reading: Reading, code: str) -> str:
    facts = sorted(reading.statements[code].items())
    return ":".join([code, *(f"{name}={value}" for name, value in facts)])


def _sections(old: Reading, new: Reading) -> Iterable[Change]:
    for section in dict.fromkeys([*new.sections, *old.sections]):
        if section not in old.sections:
            yield Change(kind=ChangeKind.TEXT_ADDED, subject=section)
        elif section not in new.sections:
            yield Change(kind=ChangeKind.TEXT_DROPPED, subject=section)
        elif _reworded(old, new, section):
            yield Change(kind=ChangeKind.TEXT, subject=section)


def _reworded(old: Reading, new: Reading, section: str) -> bool:
    languages = {lang for code, lang in old.texts.keys() & new.texts.keys() if code == section}
    return any(
        (old.texts[section, lang].title, old.texts[section, lang].body)
        != (new.texts[section, lang].title, new.texts[section, lang].body)
        for lang in languages
    )


def _languages(old: Reading, new: Reading) -> Iterable[Change]:
    for code in sorted(set(new.languages) - set(old.languages)):
        yield Change(kind=ChangeKind.LANGUAGE_ADDED, added=(code,))
    for code in sorted(set(old.languages) - set(new.languages)):
        yield Change(kind=ChangeKind.LANGUAGE_DROPPED, removed=(code,))
