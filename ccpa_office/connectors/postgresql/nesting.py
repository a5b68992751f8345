"""Values within a column: out of JSON and arrays, compared as what they refer to.

What is empty, of another kind or no JSON at all is no value, and never an error. A number counts
where it is whole, and a text where it spells its key as the store does: ``42`` and ``"42"`` are
the integer 42, ``"042"`` and ``42.5`` are nobody.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from psycopg import sql

from ccpa_office.connectors.base import ColumnFacts
from ccpa_office.connectors.postgresql.catalogue import Catalogue, bare
from ccpa_office.connectors.ways import EACH, Inside, Named

SQL = sql.SQL
SERVED = frozenset({"integer", "text", "uuid"})
"""Kinds of column that a value within another column can refer to."""

HOLDS = frozenset({"json", "text"})
WHOLE = "^(0|-?[1-9][0-9]*)$"
LOWER_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
UUID = f"^({LOWER_UUID}|{LOWER_UUID.replace('a-f', 'A-F')})$"

Near = Callable[[sql.Composable], list[sql.Composable]]
"""Conditions, besides the exact ones, by which an index finds the rows with a value."""


def _literal(value: str) -> sql.SQL:
    return SQL(sql.Literal(value).as_string().replace("%", "%%"))


@dataclass(frozen=True)
class Column:
    """A column that holds values, and where they stand in it."""

    catalogue: Catalogue
    table: str
    name: str
    path: Inside

    @property
    def facts(self) -> ColumnFacts:
        return self.catalogue.facts(self.table, self.name)

    @property
    def is_jsonb(self) -> bool:
        return self.catalogue.type(self.table, self.name) == "jsonb"

    def trouble(self) -> str:
        """Return the code of what forbids to look within the column, or nothing."""
        facts = self.facts
        if facts.array:
            served = self.path == (EACH,) and facts.kind in SERVED
            return "" if served else "nested-type"
        if facts.kind not in HOLDS:
            return "nested-type"
        return "" if self.is_jsonb or self.catalogue.tries else "nested-version"

    def is_indexed(self, compare: str, of: ColumnFacts) -> bool:
        """Say whether an index finds the rows with a value."""
        return bool(self._indexed(compare)) or self.is_in_gin(compare, of)

    def is_in_gin(self, compare: str, of: ColumnFacts) -> bool:
        """Say whether an index of all values within the column finds the rows with one."""
        known = self.name in self.catalogue.tables[self.table].gin and compare == "exact"
        return known and (self.is_jsonb or (self.facts.array and self.facts.kind == of.kind))

    def _forms(self) -> list[str]:
        """Return the two ways to spell one value of an object of which an index may be made."""
        if EACH in self.path or not self.is_jsonb:
            return []
        *outer, last = self.path
        arrows = "".join(f"->'{name}'" for name in outer)
        return [f"#>>'{{{','.join(self.path)}}}'", f"{arrows}->>'{last}'"]

    def _indexed(self, compare: str) -> str:
        """Return the form of which there is an index, or nothing."""
        leading = self.catalogue.tables[self.table].leading
        for form in self._forms():
            cast = "::text[]" if form[0] == "#" else ""
            said = f"{self.name}{form}{cast}"
            if bare(said if compare == "exact" else f"lower({said})") in leading:
                return form
        return ""

    # --- reading ----------------------------------------------------------------------------------

    def value(self, row: str, name: str, compare: str = "exact") -> "Value":
        """Lay what leads from the column of ``row`` to its values; ``name`` begins their names."""
        here = sql.Identifier(row, self.name)
        if self.facts.array:
            element = sql.Identifier(f"{name}e", "v")
            joins = [SQL("unnest({}) AS {}(v)").format(here, sql.Identifier(f"{name}e"))]
            return Value(self, here, joins, SQL("{}::text").format(element), None)
        joins, steps, at = [], list[str](), self.document(here)
        for step in self.path:
            if step != EACH:
                steps.append(step)
                continue
            alias = f"{name}e{len(joins)}"
            joins.append(
                SQL(
                    "jsonb_array_elements(CASE WHEN jsonb_typeof({held}) = 'array' THEN {held}"
                    " ELSE '[]' END) AS {alias}(v)"
                ).format(held=_at(at, steps, "#>"), alias=sql.Identifier(alias))
            )
            at, steps = sql.Identifier(alias, "v"), []
        form = self._indexed(compare)
        text = SQL("({}{})").format(here, SQL(form)) if form else _at(at, steps, "#>>")
        return Value(self, here, joins, text, _at(at, steps, "#>"), found_by=bool(form))

    def document(self, here: sql.Composable) -> sql.Composable:
        """Return the column as JSON; nothing where it holds none."""
        if self.is_jsonb:
            return here
        return SQL("CASE WHEN pg_input_is_valid({0}::text, 'jsonb') THEN {0}::text::jsonb END"
                   ).format(here)  # fmt: skip


def _at(document: sql.Composable, steps: Sequence[str], arrow: str) -> sql.Composed:
    path = _literal(f"{{{','.join(steps)}}}")
    return SQL("(({}) {} {})").format(document, SQL(arrow), path)


@dataclass(frozen=True)
class Value:
    """A value within a column: what must be joined to see it, and its text."""

    column: Column
    here: sql.Composable
    joins: list[sql.Composed]
    text: sql.Composable
    node: sql.Composable | None  # the same as JSON; nothing in an array of the store's own
    found_by: bool = False  # an index is made of the text

    def conditions(self) -> list[sql.Composable]:
        """Return the conditions that it is a value: a text, or a whole number; not empty."""
        filled = SQL("{} <> ''").format(self.text)
        if self.node is None:
            return [filled]
        kind = SQL(
            "(jsonb_typeof({node}) = 'string'"
            " OR (jsonb_typeof({node}) = 'number' AND {text} ~ {whole}))"
        ).format(node=self.node, text=self.text, whole=_literal(WHOLE))
        return [filled, kind]

    def typed(self, kind: str, facts: ColumnFacts) -> sql.Composable:
        """Return the value as what a column of the store holds, NULL where it is none."""
        if facts.kind == "integer":
            return SQL(
                "CASE WHEN {text} ~ {whole} THEN CASE WHEN char_length({text}) < 21"
                " AND {text}::numeric BETWEEN {low} AND {high} THEN {text}::{kind} END END"
            ).format(
                text=self.text,
                whole=_literal(WHOLE),
                low=SQL(str(facts.low)),
                high=SQL(str(facts.high)),
                kind=SQL(kind),
            )
        if facts.kind == "uuid":
            return SQL("CASE WHEN {text} ~ {form} THEN {text}::uuid END").format(
                text=self.text, form=_literal(UUID)
            )
        return self.text

    def near(self, of: ColumnFacts, compare: str = "exact") -> Near:
        """Return what makes, of a key, the conditions by which an index finds the value."""

        def conditions(key: sql.Composable) -> list[sql.Composable]:
            found: list[sql.Composable] = []
            if compare == "exact" and self.found_by and of.kind != "text":
                found.append(SQL("{} IN ({})").format(self.text, _spelled(key, of)))
            if self.column.is_in_gin(compare, of):
                found.append(self.contains(key, of))
            return found

        return conditions

    def contains(self, key: sql.Composable, of: ColumnFacts) -> sql.Composed:
        """Return the condition that the column holds a key, as an index of all values knows it."""
        if self.node is None:
            kind = self.column.catalogue.type(self.column.table, self.column.name)
            return SQL("{} @> ARRAY[{}]::{}").format(self.here, key, SQL(kind))
        shapes = [_shape(self.column.path, each) for each in _as_json(key, of)]
        return SQL("({})").format(
            SQL(" OR ").join(SQL("{} @> {}").format(self.here, shape) for shape in shapes)
        )


def _spelled(key: sql.Composable, of: ColumnFacts) -> sql.Composed:
    if of.kind == "uuid":
        return SQL("{0}::text, upper({0}::text)").format(key)
    return SQL("{}::text").format(key)


def _as_json(key: sql.Composable, of: ColumnFacts) -> list[sql.Composed]:
    """Return the ways in which JSON may spell a key."""
    found = [SQL("to_jsonb({}::text)").format(key)]
    if of.kind == "uuid":
        found.append(SQL("to_jsonb(upper({}::text))").format(key))
    elif of.kind == "integer":
        found.append(SQL("to_jsonb({})").format(key))
    else:
        found.append(
            SQL("CASE WHEN {0} ~ {1} THEN to_jsonb({0}::text::numeric) END").format(
                key, _literal(WHOLE)
            )
        )
    return found


def _shape(path: Inside, inner: sql.Composable) -> sql.Composable:
    """Return a document that every document with this value contains."""
    for step in reversed(path):
        if step == EACH:
            inner = SQL("jsonb_build_array({})").format(inner)
        else:
            inner = SQL("jsonb_build_object({}, {})").format(_literal(step), inner)
    return inner


# --- the second look -----------------------------------------------------------------------------


def holding(column: Column, named: Named, source: sql.Composable, texts: sql.Composable,
            normal: Callable[[str, sql.Composable], sql.Composed]) -> sql.Composed:  # fmt: skip
    """Return FROM and WHERE of the rows in which a value stands, by other means than the ways.

    ``texts`` is a query of texts. An index is asked where there is one; else each document is
    read by a path of JSON, or each array as a whole.
    """
    facts = ColumnFacts("text")
    value = column.value("t", "f", named.compare)
    if column.is_jsonb and column.is_in_gin(named.compare, facts):
        contains = value.contains(SQL("v.v"), facts)
        return SQL("({}) AS v(v), {} AS t WHERE {}").format(texts, source, contains)
    said = normal(named.compare, SQL("w.v"))
    wanted = SQL("(SELECT {0} FROM ({1}) AS w(v) WHERE {0} <> '')").format(said, texts)
    if value.found_by:
        held = normal(named.compare, value.text)
        return SQL("{} AS t WHERE {} = ANY(ARRAY{})").format(source, held, wanted)
    if column.facts.array and named.compare == "exact":
        return SQL("{} AS t WHERE {}::text[] && ARRAY{}").format(source, value.here, wanted)
    elements, text = SQL("unnest({}::text[])").format(value.here), SQL("q.v")
    if not column.facts.array:
        document = column.document(value.here)
        elements = SQL("jsonb_path_query({}, {}, silent => true)").format(
            document, _literal(_json_path(column))
        )
        text = SQL("CASE WHEN jsonb_typeof(q.v) IN ('string', 'number') THEN q.v #>> '{{}}' END")
    return SQL("{} AS t WHERE EXISTS (SELECT 1 FROM {} AS q(v) WHERE {} IN {})").format(
        source, elements, normal(named.compare, text), wanted
    )


def _json_path(column: Column) -> str:
    """Return the path in JSON's own language; what has another shape on the way is passed by."""
    said, segment = "strict $", ""
    for step in column.path:
        segment += "[*]" if step == EACH else f'."{step}"'
        if step == EACH:
            said, segment = f"{said} ? (exists(@{segment})){segment}", ""
    return f"{said} ? (exists(@{segment})){segment}" if segment else said
