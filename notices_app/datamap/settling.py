"""What a map that fideslang alone wrote leaves open, and what is taken for it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from notices_app.datamap.facts import Collection, Field, Map, Reference

Keys = Mapping[str, tuple[str, ...]]
"""The primary keys of tables."""


def settle(map_: Map, keys: Keys) -> Map:
    """Return the map with its person, its keys and its ways by value; goods and places apart.

    ``keys`` of the store count for collections of which the map says none.
    """
    named = tuple(replace(each, stores_key=keys.get(each.name, ())) for each in map_.collections)
    person = map_.person or _most_referred_to(named)
    things = {each.name for each in named if each.name != person and _is_of_things(each)}
    others = {each.name for each in named if each.name != person and _is_of_others(each)}
    served = tuple(
        _led_to(_without(each, things), others) for each in named if each.name not in things
    )
    return replace(
        map_,
        person=person,
        person_taken=map_.person is None,
        collections=_named_alike(served, person),
        things=tuple(each for each in named if each.name in things),
    )


def _most_referred_to(collections: tuple[Collection, ...]) -> str | None:
    """Return the only collection with an identity, or the one of them that most others name."""
    names = [each.name for each in collections if any(field.identity for field in each.every())]
    if len(names) < 2:
        return names[0] if names else None
    named = Counter(
        name
        for each in collections
        for name in {one.collection for field in each.every() for one in field.references}
        if name in names and name != each.name
    )
    first, second = [*named.most_common(2), ("", 0), ("", 0)][:2]
    return first[0] if first[1] > second[1] else None


def _is_of_things(collection: Collection) -> bool:
    """Say whether rows are goods, places, kinds: nothing personal, no way out, nothing said."""
    said = collection.says_on_delete or collection.term or collection.holds or collection.keep_code
    fields = list(collection.every())
    categories = {field.category for field in fields if not field.is_key}
    ways = any(field.references or field.identity for field in fields)
    return not (said or ways) and categories == {"none"}


def _is_of_others(collection: Collection) -> bool:
    """Say whether rows have an identity of their own, and the map says no more of them.

    Such a row is the person's by that identity alone: whom an order, a ticket or a house names
    besides is somebody else.
    """
    return not collection.says_on_delete and any(field.identity for field in collection.every())


def _led_to(collection: Collection, others: set[str]) -> Collection:
    """Return a collection whose references lead from it to these, never to them from it."""

    def led(reference: Reference) -> Reference:
        is_own = reference.collection not in others
        return reference if is_own else replace(reference, direction="from")

    def cut(field: Field) -> Field:
        kept = tuple(
            led(each)
            for each in field.references
            if each.collection not in others or each.direction != "to"
        )
        return replace(field, references=kept, fields=tuple(map(cut, field.fields)))

    return replace(collection, fields=tuple(map(cut, collection.fields))) if others else collection


def _without(collection: Collection, things: set[str]) -> Collection:
    def cut(field: Field) -> Field:
        kept = tuple(each for each in field.references if each.collection not in things)
        return replace(field, references=kept, fields=tuple(map(cut, field.fields)))

    return replace(collection, fields=tuple(map(cut, collection.fields))) if things else collection


def _named_alike(collections: tuple[Collection, ...], person: str | None) -> tuple[Collection, ...]:
    """Let an identity that refers to nothing refer to the person's of the same kind, by value."""
    of_person = next((each for each in collections if each.name == person), None)
    ends = {field.identity: field for field in of_person.every()} if of_person else {}

    def led(field: Field) -> Field:
        end = ends.get(field.identity) if field.identity and not field.references else None
        led_to = (Reference(str(person), end.label, "from", field.place),) if end else ()
        return replace(
            field, references=field.references or led_to, fields=tuple(map(led, field.fields))
        )

    return tuple(
        each if each is of_person else replace(each, fields=tuple(map(led, each.fields)))
        for each in collections
    )
