"""A map as facts: collections and fields with everything said of them, defaults filled in."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ccpa_office.connectors.base import Hold, Term
from ccpa_office.connectors.ways import EACH, Inside
from notices_app.datamap import masks
from notices_app.datamap.form_fides import NAME
from notices_app.datamap.form_own import HOLDING
from notices_app.datamap.masks import Said
from notices_app.datamap.reading import Place, Report, shown
from notices_app.datamap.shapes import place
from notices_app.datamap.taxonomy import USUALLY_NEVER, USUALLY_SENSITIVE, usual

SERVED_NAME = re.compile(NAME.pattern)
"""Names of tables and columns that a map can hold."""


@dataclass(frozen=True)
class Reference:
    """A field of ours that names a field elsewhere; which of the two is found from the other."""

    collection: str
    field: str
    direction: str | None
    place: Place


@dataclass(frozen=True)
class Field:
    """One field and what the map says of it; ``path`` leads to a field within an object."""

    name: str
    path: tuple[str, ...]
    inside: Inside  # the same with a step into every array on the way; of a list: each element
    place: Place
    is_key: bool
    identity: str | None
    references: tuple[Reference, ...]
    data_type: str
    length: int | None
    read_only: bool
    category: str | None
    source: str | None
    collected_from_consumer: bool
    never_disclosed: str | None
    sensitive: str | None
    deleted: Said | None  # what the mask does
    shared: Said | None  # the same, for a shared row of a collection that is deleted
    kept: Said | None  # the same, at once, for a row that stays for its term
    contact: str | None
    since: str
    point: Mapping[str, Any] | None
    identifier: str | None
    compare: str
    mark: str | None
    search_text: bool
    by_data_category: bool = False  # the map says no category: the usual one is taken
    taken: tuple[str, ...] = ()  # kinds that its data category says, and no word of ours
    fields: tuple["Field", ...] = ()

    @property
    def label(self) -> str:
        return ".".join((self.name, *self.path))

    @property
    def is_array(self) -> bool:
        return self.data_type.endswith("[]")

    @property
    def is_classified(self) -> bool:
        return self.category not in {None, "none"}

    def within(self) -> Iterator["Field"]:
        """Yield every field within this one."""
        for field in self.fields:
            yield field
            yield from field.within()

    def told(self) -> Iterator["Field"]:
        """Yield this field and those within it that have a category."""
        return (each for each in (self, *self.within()) if each.is_classified)


@dataclass(frozen=True)
class Collection:
    """One collection and what the map says of it."""

    name: str
    place: Place
    fields: tuple[Field, ...]
    on_delete: str
    says_on_delete: bool
    term: Term | None
    holds: tuple[Hold, ...]
    keep_code: str
    dated: str
    skips: bool
    after: tuple[tuple[str, Place], ...]  # rows here are changed after those of these
    named: tuple[str, ...]  # collections that must exist
    stores_key: tuple[str, ...] = ()  # where the map says none: what the store's catalogue says

    @property
    def key(self) -> tuple[str, ...]:
        said = tuple(field.name for field in self.fields if field.is_key)
        return said or self.stores_key

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)

    def every(self) -> Iterator[Field]:
        """Yield every field, and after it those within it."""
        for field in self.fields:
            yield field
            yield from field.within()

    def at(self, label: str) -> Field | None:
        """Return a field by its name, or by the way to it: ``payload.user.id``."""
        return next((field for field in self.every() if field.label == label), None)


@dataclass(frozen=True)
class LeftOut:
    """A table, or a column of it, that the map leaves out on purpose."""

    table: str
    column: str
    place: Place


@dataclass(frozen=True)
class Map:
    """A whole map."""

    key: str
    place: Place
    person: str | None
    recipient: str | None
    collections: tuple[Collection, ...]  # without those that are skipped
    skipped: tuple[Collection, ...]
    left_out: tuple[LeftOut, ...]
    things: tuple[Collection, ...] = ()  # others refer to them, and nothing personal is said
    person_taken: bool = False  # the map does not say who the person is

    def collection(self, name: str) -> Collection | None:
        return next((each for each in self.collections if each.name == name), None)


Values = Mapping[str, Any]


def facts(document: Values, report: Report) -> Map:
    """Turn a document of the right form into facts; findings where names clash."""
    dataset = document["dataset"][0]
    meta = dataset.get("ccpa_meta") or {}
    above = meta | {"data_categories": dataset.get("data_categories")}
    found = tuple(_collection(values, above, dataset["fides_key"], report)
                  for values in dataset["collections"])  # fmt: skip
    _once(((each.name, each.place) for each in found), report)
    for collection in found:
        _once(((each.name, each.place) for each in collection.fields), report)
        for field in collection.fields:
            _once(((each.label, each.place) for each in field.within()), report)
    return Map(
        key=dataset["fides_key"],
        place=place(dataset),
        person=meta.get("person"),
        recipient=meta.get("recipient"),
        collections=tuple(each for each in found if not each.skips),
        skipped=tuple(each for each in found if each.skips),
        left_out=tuple(
            LeftOut(each["table"], each.get("column", ""), place(each))
            for each in meta.get("leaves_out") or ()
        ),
    )


def _once(names: Iterable[tuple[str, Place]], report: Report) -> None:
    seen: set[str] = set()
    for name, where in names:
        if name in seen:
            message = f"the name {shown(name.rpartition('.')[2])} stands here twice"
            report.error(where, "twice", message)
        seen.add(name)


# --- a collection ---------------------------------------------------------------------------------


def _collection(values: Values, above: Values, dataset: str, report: Report) -> Collection:
    own = values.get("ccpa_meta") or {}
    fides = values.get("fides_meta") or {}
    meta = {**_inherited(above), **_told(values), **own}
    fields = tuple(_field(each, meta, dataset, report) for each in values["fields"])
    exception = meta.get("exception")
    term = _term(exception, report) if exception else None
    after = tuple(_names(fides, "erase_after", dataset, report))
    on_delete = _on_delete(own, fides, fields, report)
    return Collection(
        name=values["name"],
        place=place(values),
        fields=fields,
        on_delete=on_delete or "delete",
        says_on_delete=on_delete is not None,
        term=term,
        holds=tuple(_holds(meta.get("hold"))),
        keep_code=exception["code"] if exception and not term else "",
        dated=meta.get("dated") or "",
        skips=bool(fides.get("skip_processing")),
        after=after,
        named=tuple(name for name, _ in (*_names(fides, "after", dataset, report), *after)),
    )


def _on_delete(own: Values, fides: Values, fields: tuple[Field, ...], report: Report) -> str | None:
    """What the collection says, in our words, in fideslang's, or by what its fields say."""
    said: str | None = own.get("on_delete")
    override = fides.get("masking_strategy_override")
    if override and said not in {None, "delete"}:
        where = place(fides, "masking_strategy_override")
        report.error(where, "contradiction", "fideslang's part says delete, ours something else")
    if said or override:
        return said or "delete"
    return "mask" if any(field.deleted for field in fields) else None


def _names(fides: Values, key: str, dataset: str, report: Report) -> Iterator[tuple[str, Place]]:
    where = place(fides, key) if fides else Place(1, 1)
    for written in fides.get(key) or ():
        other, _, name = written.rpartition(".")
        if other != dataset:
            report.error(where, "other-dataset", f"{key} names another dataset")
        else:
            yield name, where


def _term(exception: Values, report: Report) -> Term | None:
    lengths = [key for key in ("years", "length") if exception.get(key) is not None]
    if len(lengths) > 1:
        report.error(place(exception), "one-of", "say 'years' or 'length', not both")
    if ("starts" in exception) != bool(lengths):
        report.error(place(exception), "missing", "a term needs 'starts' and its length")
    if "starts" not in exception or len(lengths) != 1:
        return None
    (key,) = lengths
    length = f"P{exception['years']}Y" if key == "years" else exception["length"]
    return Term(exception["code"], exception["starts"], length)


OPS = {"equals": "eq", "not_equals": "ne", "one_of": "in", "less_than": "lt", "more_than": "gt"}


def _holds(said: Any) -> Iterator[Hold]:
    for each in said if isinstance(said, list) else [said] if said else []:
        way = next(key for key in HOLDING if key in each)
        more = {"code": each["code"]} if each.get("code") else {}
        if way == "empty":
            yield Hold(each["field"], "null" if each[way] else "not_null", (), **more)
        else:
            values = tuple(each[way]) if way == "one_of" else (each[way],)
            yield Hold(each["field"], OPS[way], values, **more)


def _inherited(meta: Values) -> dict[str, Any]:
    return {key: meta[key]
            for key in ("category", "source", "collected_from_consumer", "data_categories")
            if key in meta}  # fmt: skip


def _told(values: Values) -> dict[str, Any]:
    """The data categories that something says of itself, in fideslang's words."""
    said = values.get("data_categories")
    return {"data_categories": said} if said else {}


class Usual(NamedTuple):
    """What data categories usually are."""

    category: str | None
    never: str | None
    sensitive: str | None


def _usually(values: Values) -> Usual:
    said = values.get("data_categories") or []
    never = next((USUALLY_NEVER[each] for each in said if each in USUALLY_NEVER), None)
    sensitive = next((USUALLY_SENSITIVE[each] for each in said if each in USUALLY_SENSITIVE), None)
    return Usual(usual(said), never, sensitive)


def _stricter(said: str | None, usual: str | None) -> str | None:
    """What the map says of a kind, or what its data category usually is; ``none`` says no."""
    return None if said == "none" else said or usual


def _taken(own: Values, usual: Usual) -> Iterator[str]:
    """The kinds that no word of ours says, and that a data category says all the same."""
    for key, kind in (("never_disclosed", usual.never), ("sensitive", usual.sensitive)):
        if kind and not own.get(key):
            yield f"{key}: {kind}"


def _kinds(meta: Values, values: Values, own: Values) -> dict[str, Any]:
    """What a field is: as the map says, or as its data categories usually are."""
    by_data_category = meta.get("category") is None and bool(meta.get("data_categories"))
    usual = _usually(meta if by_data_category else values)
    return {
        "category": meta.get("category") or (usual.category if by_data_category else None),
        "by_data_category": by_data_category and usual.category is not None,
        "taken": () if by_data_category else tuple(_taken(own, usual)),
        "never_disclosed": _stricter(own.get("never_disclosed"), usual.never),
        "sensitive": _stricter(own.get("sensitive"), usual.sensitive),
    }


# --- a field --------------------------------------------------------------------------------------


def _field(
    values: Values,
    above: Values,
    dataset: str,
    report: Report,
    path: tuple[str, ...] = (),
    inside: Inside = (),
) -> Field:
    fides = values.get("fides_meta") or {}
    own = values.get("ccpa_meta") or {}
    meta = {**_inherited(above), **_told(values), **own}
    here = (*path, values["name"])
    contact = own.get("contact") or {}
    within = (*inside, values["name"]) if path else ()
    within += (EACH,) if (fides.get("data_type") or "").endswith(EACH) else ()
    _types(values, fides, report)
    return Field(
        name=here[0],
        path=here[1:],
        inside=within,
        place=place(values),
        is_key=bool(fides.get("primary_key")),
        identity=fides.get("identity"),
        references=tuple(_references(fides.get("references") or [], dataset, report)),
        data_type=fides.get("data_type") or "",
        length=fides.get("length"),
        read_only=bool(fides.get("read_only")),
        **_kinds(meta, values, own),
        source=meta.get("source"),
        collected_from_consumer=bool(meta.get("collected_from_consumer")),
        deleted=_deleted(own, fides, report),
        shared=masks.said(own.get("on_shared")),
        kept=masks.said(own.get("on_kept")),
        contact=contact.get("kind"),
        since=contact.get("since", ""),
        point=own.get("verification"),
        identifier=own.get("identifier"),
        compare=own.get("compare", "exact"),
        mark=own.get("mark"),
        search_text=bool(own.get("search_text")),
        fields=tuple(
            _field(each, meta, dataset, report, here, within) for each in values.get("fields") or ()
        ),
    )


def _deleted(own: Values, fides: Values, report: Report) -> Said | None:
    said = masks.said(own.get("on_delete"))
    override = fides.get("masking_strategy_override")
    other = masks.strategy(override, report) if override else None
    if said and other and said != other:
        where = place(fides, "masking_strategy_override")
        report.error(where, "contradiction", "on_delete and masking_strategy_override differ")
    return said or other


def _types(values: Values, fides: Values, report: Report) -> None:
    """Fideslang's own two rules of arrays and objects."""
    kind = fides.get("data_type") or ""
    if values.get("fields") and kind and kind.removesuffix("[]") != "object":
        report.error(place(fides, "data_type"), "not-object", "only an object has fields within")
    if fides.get("return_all_elements") is not None and not kind.endswith("[]"):
        where = place(fides, "return_all_elements")
        report.error(where, "not-array", "return_all_elements is for arrays")


def _references(references: Iterable[Values], dataset: str, report: Report) -> Iterable[Reference]:
    for values in references:
        if values["dataset"] != dataset:
            report.error(place(values), "other-dataset", "a reference to another dataset")
            continue
        collection, _, name = values["field"].partition(".")
        yield Reference(collection, name, values.get("direction"), place(values))
