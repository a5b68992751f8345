"""A first map as text, every guess with how sure it is: it passes the check, it decides nothing."""

from collections.abc import Iterator

from ccpa_office.connectors.surveying import Survey
from notices_app.datamap.drafting import (
    SURE,
    Draft,
    Link,
    NothingToSuggest,
    columns,
    draft,
    identities,
    is_of_others,
    why_not,
)
from notices_app.datamap.facts import SERVED_NAME
from notices_app.datamap.looks import Look
from notices_app.datamap.reading import PLAIN, kind_of
from notices_app.datamap.taxonomy import USUAL, USUALLY_NEVER, USUALLY_SENSITIVE

__all__ = ["NothingToSuggest", "suggest"]


def suggest(address: str, store: Survey, *, key: str, with_values: bool = True) -> str:
    """Return a map file that ``check`` accepts; how sure each guess is stands in its comments.

    Raises ``NothingToSuggest``, ``StoreUnreachable``.
    """
    made = draft(address, store, key=key, with_values=with_values)
    return "\n".join([*_head(made), *_collections(made), *_rest(made)])


def _word(name: str) -> str:
    """Return a name as YAML reads it as text: ``no`` is one only in quotes."""
    return name if kind_of(name) == PLAIN else f'"{name}"'


def _head(made: Draft) -> Iterator[str]:
    yield "# Proposed from the live catalogue. Nothing of it is decided: read every line."
    yield "# The number behind a guess says how sure it is, of 100, and by what."
    yield "dataset:"
    yield f"  - fides_key: {_word(made.key)}"
    yield f"    ccpa_meta: {{person: {_word(made.person)}}}"
    yield "    collections:"


def _collections(made: Draft) -> Iterator[str]:
    for table, links in made.links.items():
        sheet = made.store.tables[table]
        yield f"      - name: {_word(table)}"
        yield f"        # {_why(made, table, links)}"
        if table in made.after:
            names = ", ".join(f"{made.key}.{each}" for each in made.after[table])
            yield f"        fides_meta: {{erase_after: [{names}]}}"
        yield "        ccpa_meta: {on_delete: delete}"
        yield "        fields:"
        for column in columns(sheet):
            yield from _field(made, table, column, links)


def _why(made: Draft, table: str, links: list[Link]) -> str:
    if table == made.person:
        return "the person: a table of people with identifiers"
    found = ", ".join(f"{link.column} -> {link.table}.{link.target} ({link.why})" for link in links)
    return found or "a row of the person refers to it"


def _field(made: Draft, table: str, column: str, links: list[Link]) -> Iterator[str]:
    guess = made.guesses.get((table, column))
    certain = guess if guess and guess.sure >= SURE else None
    yield f"          - name: {_word(column)}"
    if guess:
        yield f"            # {guess.data_category}: {guess.sure} of 100, by {guess.why}"
    if certain:
        yield f"            data_categories: [{certain.data_category}]"
    fides = list(_fides(made, table, column, links))
    yield from ["            fides_meta:", *fides] if fides else []
    own = list(_own(made, table, column, certain))
    yield from ["            ccpa_meta:", *own] if own else []


def _fides(made: Draft, table: str, column: str, links: list[Link]) -> Iterator[str]:
    sheet = made.store.tables[table]
    if column in sheet.key:
        yield "              primary_key: true"
    guess = made.guesses.get((table, column))
    if guess and table == made.person and column in identities(made):
        yield f"              identity: {guess.identity}"
    mine = [link for link in links if link.column == column]
    if mine:
        yield "              references:"
    for link in mine:
        where = f"dataset: {_word(made.key)}, field: {link.table}.{link.target}"
        yield f"                - {{{where}, direction: {link.direction}}}"


def _own(made: Draft, table: str, column: str, guess: Look | None) -> Iterator[str]:
    category = USUAL.get(guess.data_category) if guess else None
    if category:
        yield f"              category: {category.value}"
    if guess and guess.data_category in USUALLY_NEVER:
        yield f"              never_disclosed: {USUALLY_NEVER[guess.data_category].value}"
    if guess and guess.data_category in USUALLY_SENSITIVE:
        yield f"              sensitive: {USUALLY_SENSITIVE[guess.data_category].value}"
    if guess and guess.identity == "name" and table == made.person:
        yield "              mark: name"
    elif guess and guess.identity == "email" and table != made.person:
        yield "              identifier: email"
    if (guess and guess.identity == "email") and _is_folded(made, table, column):
        yield "              compare: casefold"
    if (table, column) in made.texts:
        yield "              search_text: true"


def _is_folded(made: Draft, table: str, column: str) -> bool:
    indexed = f"lower({column.lower()})" in made.store.tables[table].leading
    return indexed or (table, column) in made.cased


def _rest(made: Draft) -> Iterator[str]:
    """What is left out, as comments: a person sees what the proposal does not cover."""
    rest = sorted(made.store.tables.keys() - made.links.keys())
    if rest:
        yield "# Not proposed: no way leads from these tables to the person, unless said otherwise."
    for table in rest:
        signs = [column for (name, column), look in made.guesses.items()
                 if name == table and look.sure >= SURE]  # fmt: skip
        name = table if SERVED_NAME.fullmatch(table) else "(a name that no map can hold)"
        reason = why_not(made.store, table)
        reason = reason or ("it seems to hold other people" if is_of_others(made, table) else "")
        said = [f"looks personal by {', '.join(signs[:5])}"] if signs else []
        yield "; ".join([f"# - {name}", *([reason] if reason else []), *said])
    yield ""
