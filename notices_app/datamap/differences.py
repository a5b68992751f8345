"""Notice and practice: where they differ, and what no map may hold before the notice tells it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from ccpa_office.connectors.base import Finding
from ccpa_office.connectors.http import Description
from notices_app import publishing
from notices_app.datamap.compiling import examine
from notices_app.datamap.describing import describe, is_description
from notices_app.datamap.facts import Field, Map
from notices_app.datamap.reading import START, Place, Report
from notices_app.models import DataMapVersion, NoticeLine, Recipient

MAIN = "main"


@dataclass(frozen=True)
class Gap:
    """A place where practice and notice differ; what each code means stands in ``codes.yml``."""

    code: str
    category: str
    detail: str
    tables: tuple[str, ...] = ()


@dataclass
class Held:
    """What the maps say of one category."""

    tables: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    sensitive: set[str] = field(default_factory=set)
    recipients: set[str] = field(default_factory=set)
    unsourced: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Told:
    """What the notice says of one category."""

    sources: frozenset[str] = frozenset()
    sensitive: frozenset[str] = frozenset()
    recipients: frozenset[str] = frozenset()


def gaps(slug: str = MAIN, *, on: date) -> list[Gap]:
    """Where the active maps and the notice in force on a day differ, both ways."""
    return list(compared(held(), told(slug, on=on), covered=covered()))


def gaps_of(map_: Map | Description, slug: str = MAIN, *, on: date) -> list[Gap]:
    """The same as if this map were the only one: what a file would bring about."""
    mine = held_by([map_])
    known = covered() | {map_.recipient or ""}
    found = compared(mine, told(slug, on=on), covered=known)
    return [gap for gap in found if gap.category in mine and gap.code != "recipient-not-covered"]


def told(slug: str, *, on: date) -> dict[str, Told]:
    """What the notice in force on a day says, by category; nothing when none is in force."""
    version = publishing.current_version(slug, on=on)
    lines = NoticeLine.objects.filter(version=version).prefetch_related(
        "sources", "recipients__recipient"
    )
    return {
        line.category: Told(
            frozenset(source.code for source in line.sources.all()),
            frozenset(line.sensitive),
            frozenset(each.recipient.code for each in line.recipients.all()),
        )
        for line in lines
    }


def covered() -> frozenset[str]:
    """Recipients that can be told of a deletion, or whose system is served."""
    reached = Recipient.objects.filter(instruction_email__isnull=False)
    mapped = {map_.recipient for map_ in active_maps() if map_.recipient}
    third = Recipient.objects.third_parties()
    return frozenset(
        {*reached.values_list("code", flat=True), *third.values_list("code", flat=True), *mapped}
    )


def held() -> dict[str, Held]:
    """What the maps that count say they hold, by category."""
    return held_by(active_maps())


def active_maps() -> list[Map | Description]:
    """What counts of systems that are served: maps and descriptions; each is read once."""
    served = DataMapVersion.objects.active().filter(system__served=True, system__rehearsal=False)
    found = (_read(pk, digest) for pk, digest in served.values_list("pk", "digest"))
    return [each for each in found if each is not None]


@lru_cache(maxsize=64)
def _read(version_id: int, _digest: str) -> Map | Description | None:
    document = DataMapVersion.objects.values_list("document", flat=True).get(pk=version_id)
    return understood(document)


def understood(document: str) -> Map | Description | None:
    """Return what a document says, whatever it describes; nothing if it is not sound."""
    return describe(document, Report("")) if is_description(document) else examine(document)[0]


def held_by(maps: Sequence[Map | Description]) -> dict[str, Held]:
    """What some maps say they hold, by category."""
    found: dict[str, Held] = {}
    for map_ in maps:
        if isinstance(map_, Description):
            for name in map_.categories:
                category = found.setdefault(name, Held())
                category.tables.add(map_.name)
                category.recipients |= {map_.recipient} if map_.recipient else set()
            continue
        for table, each in _told_fields(map_):
            category = found.setdefault(str(each.category), Held())
            category.tables.add(table)
            category.sources |= {each.source} if each.source else set()
            category.unsourced |= set() if each.source else {table}
            category.sensitive |= {each.sensitive} if each.sensitive else set()
            category.recipients |= {map_.recipient} if map_.recipient else set()
    return found


def _told_fields(map_: Map) -> Iterator[tuple[str, Field]]:
    for collection in map_.collections:
        for column in collection.fields:
            for each in column.told():
                yield collection.name, each


# --- comparing ------------------------------------------------------------------------------------


def compared(
    practice: dict[str, Held], notice: dict[str, Told], *, covered: frozenset[str]
) -> Iterator[Gap]:
    """Yield every difference, in the order of the categories."""
    for category in sorted(notice.keys() - practice.keys()):
        yield Gap("not-in-practice", category, "")
    for category in sorted(practice):
        yield from _of_category(category, practice[category], notice.get(category))
    for category in sorted(notice):
        for code in sorted(notice[category].recipients - covered):
            tables = tuple(sorted(practice[category].tables)) if category in practice else ()
            yield Gap("recipient-not-covered", category, code, tables)


def _of_category(category: str, mine: Held, said: Told | None) -> Iterator[Gap]:
    tables = tuple(sorted(mine.tables))
    if said is None:
        yield Gap("not-in-notice", category, "", tables)
        return
    if mine.unsourced:
        yield Gap("source-not-named", category, "", tuple(sorted(mine.unsourced)))
    more = {
        "source-not-in-notice": mine.sources - said.sources,
        "sensitive-not-in-notice": mine.sensitive - said.sensitive,
        "recipient-not-in-notice": mine.recipients - said.recipients,
    }
    for code, details in more.items():
        for detail in sorted(details):
            yield Gap(code, category, detail, tables)


# --- no new category without notice ---------------------------------------------------------------


def untold(map_: Map | Description, slug: str = MAIN, *, on: date) -> list[Finding]:
    """What the map would hold and the notice in force does not tell (Civ. 1798.100(a)).

    Each finding is an error at the first field of its kind: such a map is neither loaded nor
    approved until a version of the notice tells it. An office that publishes no notice here has
    nothing to compare: its notice stands elsewhere, and requests must be answered all the same.
    """
    report = Report("")
    if publishing.current_version(slug, on=on) is None:
        return report.findings
    said = told(slug, on=on)
    if isinstance(map_, Description):
        for name in sorted(set(map_.categories) - said.keys()):
            report.error(START, "not-in-notice", f"the notice in force does not tell {name}")
        _known(map_.recipient, START, report)
        return report.findings
    _untold(map_, report, lambda each: str(each.category) in said, "not-in-notice",
            "the notice in force does not tell {category}")  # fmt: skip
    _untold(map_, report, lambda each: not each.sensitive or each.sensitive in (
                said.get(str(each.category), Told()).sensitive), "sensitive-not-in-notice",
            "the notice in force does not tell {sensitive} of {category}")  # fmt: skip
    _known(map_.recipient, map_.place, report)
    return report.findings


def _known(recipient: str | None, where: Place, report: Report) -> None:
    if recipient and not Recipient.objects.filter(code=recipient).exists():
        report.error(where, "unknown-recipient", "the vocabulary has no recipient of that code")


def _untold(
    map_: Map, report: Report, is_told: Callable[[Field], bool], code: str, words: str
) -> None:
    seen: set[str] = set()
    for _, each in _told_fields(map_):
        message = words.format(category=each.category, sensitive=each.sensitive)
        if not is_told(each) and message not in seen:
            seen.add(message)
            report.error(each.place, code, message)
