"""A map as facts: collections and fields with everything said of them, defaults filled in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ccpa_office.connectors.base import Hold, Term
from notices_app.datamap.reading import Place, Report, shown
from notices_app.datamap.shapes import PLACES, place


@dataclass(frozen=True)
class Reference:
    """A field of ours that names a field elsewhere; which of the two is found from the other."""

    collection: str
    field: str
    direction: str | None
    place: Place


@dataclass(frozen=True)
class Field:
    """One field and what the map says of it."""

    name: str
    place: Place
    is_key: bool
    identity: str | None
    references: tuple[Reference, ...]
    category: str | None
    source: str | None
    collected_from_consumer: bool
    never_disclosed: str | None
    sensitive: str | None
    how: str | None  # null, keep, pseudonym, strip_text, constant, truncate_date
    argument: str
    shared_how: str | None  # the same, for a shared row of a collection that is deleted
    shared_argument: str
    contact: str | None
    since: str
    point: Mapping[str, Any] | None
    identifier: str | None
    compare: str
    mark: str | None
    search_text: bool


@dataclass(frozen=True)
class Collection:
    """One collection and what the map says of it."""

    name: str
    place: Place
    fields: tuple[Field, ...]
    on_delete: str
    says_on_delete: bool
    term: Term | None
    hold: Hold | None
    keep_code: str

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields if field.is_key)

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True)
class Map:
    """A whole map."""

    key: str
    place: Place
    person: str | None
    collections: tuple[Collection, ...]

    def collection(self, name: str) -> Collection | None:
        return next((each for each in self.collections if each.name == name), None)


Values = Mapping[str, Any]


def facts(document: Values, report: Report) -> Map | None:
    """Turn a sound document into facts; nothing and findings where names clash."""
    dataset = document["dataset"][0]
    meta = dataset.get("ccpa_meta") or {}
    collections = tuple(_collection(values, meta, dataset["fides_key"], report)
                        for values in dataset["collections"])  # fmt: skip
    _once(((each.name, each.place) for each in collections), report)
    for collection in collections:
        _once(((each.name, each.place) for each in collection.fields), report)
    person = meta.get("person") or _only_identity(collections)
    return Map(dataset["fides_key"], place(dataset), person, collections)


def _only_identity(collections: Iterable[Collection]) -> str | None:
    names = [each.name for each in collections if any(field.identity for field in each.fields)]
    return names[0] if len(names) == 1 else None


def _once(names: Iterable[tuple[str, Place]], report: Report) -> None:
    seen: set[str] = set()
    for name, where in names:
        if name in seen:
            report.error(where, "twice", f"the name {shown(name)} stands here twice")
        seen.add(name)


def _collection(values: Values, above: Values, dataset: str, report: Report) -> Collection:
    meta = {**_inherited(above), **(values.get("ccpa_meta") or {})}
    exception, hold = meta.get("exception"), meta.get("hold")
    fields = tuple(_field(each, meta, dataset, report) for each in values["fields"])
    term = _term(exception, report) if exception else None
    on_delete = meta.get("on_delete")
    return Collection(
        name=values["name"],
        place=place(values),
        fields=fields,
        on_delete=on_delete or "delete",
        says_on_delete=bool(on_delete),
        term=term,
        hold=Hold(hold["field"], "eq", (hold["equals"],)) if hold else None,
        keep_code=exception["code"] if exception and not term else "",
    )


def _term(exception: Values, report: Report) -> Term | None:
    if ("starts" in exception) != ("years" in exception):
        report.error(place(exception), "missing", "a term needs both 'starts' and 'years'")
        return None
    if "starts" not in exception:
        return None
    return Term(exception["code"], exception["starts"], f"P{exception['years']}Y")


def _inherited(meta: Values) -> dict[str, Any]:
    return {key: meta[key] for key in ("category", "source", "collected_from_consumer")
            if key in meta}  # fmt: skip


def _field(values: Values, above: Values, dataset: str, report: Report) -> Field:
    fides = values.get("fides_meta") or {}
    own = values.get("ccpa_meta") or {}
    meta = {**_inherited(above), **own}
    how, argument = _how("on_delete", own, report)
    shared_how, shared_argument = _how("on_shared", own, report)
    contact = own.get("contact") or {}
    return Field(
        name=values["name"],
        place=place(values),
        is_key=bool(fides.get("primary_key")),
        identity=fides.get("identity"),
        references=tuple(_references(fides.get("references") or [], dataset, report)),
        category=meta.get("category"),
        source=meta.get("source"),
        collected_from_consumer=bool(meta.get("collected_from_consumer")),
        never_disclosed=meta.get("never_disclosed"),
        sensitive=meta.get("sensitive"),
        how=how,
        argument=argument,
        shared_how=shared_how,
        shared_argument=shared_argument,
        contact=contact.get("kind"),
        since=contact.get("since", ""),
        point=own.get("verification"),
        identifier=own.get("identifier"),
        compare=own.get("compare", "exact"),
        mark=own.get("mark"),
        search_text=bool(own.get("search_text")),
    )


def _how(key: str, meta: Values, report: Report) -> tuple[str | None, str]:
    said = meta.get(key)
    if not isinstance(said, dict):
        return (str(said) if said is not None else None), ""
    ways = [way for way in said if way != PLACES]
    if len(ways) != 1:
        report.error(place(meta, key), "shape", "say one thing of what deletion does")
        return None, ""
    way = ways[0]
    return way, "" if said[way] == "plain" else str(said[way])


def _references(references: Iterable[Values], dataset: str, report: Report) -> Iterable[Reference]:
    for values in references:
        if values["dataset"] != dataset:
            report.error(place(values), "other-dataset", "a reference to another dataset")
            continue
        collection, _, name = values["field"].partition(".")
        yield Reference(collection, name, values.get("direction"), place(values))
