"""What stands in a column after a mask, as an expression; and whether it stands there.

Whatever SQL can make is made where the row is. The rest (JSON, lists, ciphers) is made by
``masking`` from the rows just read, and comes back as ``m0``, ``m1``, ... beside the row's key.
"""

from collections.abc import Callable

from psycopg import sql

from ccpa_office.connectors.base import Change, Table
from ccpa_office.connectors.inside import parts_of
from ccpa_office.connectors.masking import (
    BIG,
    DOMAIN,
    LEAST,
    LEAST_UNIQUE,
    NAME,
    PREFIX,
    SIGNATURE,
    TOKENS,
    options,
    token_width,
)
from ccpa_office.connectors.postgresql import texts
from ccpa_office.connectors.postgresql.binding import Binding
from ccpa_office.connectors.postgresql.statements import bears_sign, literal, of_person

SQL = sql.SQL
TEXTUAL = frozenset({"text", "character varying", "character", "citext"})


# --- which are made outside -----------------------------------------------------------------------


def is_made(binding: Binding, table: Table, change: Change) -> bool:
    """Say whether a new value is made in Python, from the row as it was read."""
    if change.how in {"encrypt", "strip_json", "inside"}:
        return True
    if change.how in {"hash", "hmac"}:
        return options(change).algorithm == "SHA-512"
    return change.how == "strip_text" and binding.facts(table.name, change.column).array


def made(binding: Binding, table: Table, action: str) -> list[Change]:
    """Return the changes of a deed that are made in Python, in the order of ``m0``, ``m1``."""
    if action == "delete":
        return []
    return [change for change in table.mask(action) if is_made(binding, table, change)]


def shown(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """Return a column as the text of which a new value is made; a list as JSON."""
    column = sql.Identifier("t", change.column)
    if binding.facts(table.name, change.column).array:
        return SQL("to_jsonb({})::text").format(column)
    return SQL("{}::text").format(column)


def is_worth_reading(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """Return the condition that a new value may differ from the old one.

    ``json`` and JSON in a text keep escapes as they were written, so that no sign need show.
    """
    column = sql.Identifier("t", change.column)
    kind = binding.catalogue.type(table.name, change.column)
    if change.how in {"strip_json", "strip_text"} and kind not in {"json", "json[]"}:
        text = SQL("{}::text").format(column)
        bears = bears_sign(text, of_person("signs"))
        if change.how == "strip_text" or binding.facts(table.name, change.column).kind == "json":
            return bears
        return SQL("({} OR strpos({}, {}) > 0)").format(bears, text, literal("\\"))
    return SQL("{} IS NOT NULL").format(column)


# --- new values -----------------------------------------------------------------------------------


def masked(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """Return the value that a column has after the mask; what is empty stays empty."""
    column = sql.Identifier("t", change.column)
    if change.how in {"null", "strip_text"}:
        return MASKS[change.how](binding, table, change)
    empty = SQL("{} IS NULL").format(column)
    if binding.catalogue.type(table.name, change.column) in TEXTUAL:
        empty = SQL("coalesce({}::text, '') = ''").format(column)
    return SQL("CASE WHEN {} THEN {} ELSE {} END").format(
        empty, column, MASKS[change.how](binding, table, change)
    )


def _null(binding: Binding, table: Table, change: Change) -> sql.Composed:
    return SQL("NULL::{}").format(binding.type(table.name, change.column))


def _constant(binding: Binding, table: Table, change: Change) -> sql.Composed:
    kind = binding.type(table.name, change.column)
    return SQL("{}::{}").format(literal(change.argument), kind)


def _truncated(binding: Binding, table: Table, change: Change) -> sql.Composed:
    kind = binding.type(table.name, change.column)
    column = sql.Identifier("t", change.column)
    return SQL("date_trunc({}, {})::{}").format(literal(change.argument), column, kind)


def _zero(binding: Binding, table: Table, change: Change) -> sql.Composed:
    return SQL("0::{}").format(binding.type(table.name, change.column))


def _bucket(binding: Binding, table: Table, change: Change) -> sql.Composed:
    width = SQL(str(int(change.argument)))
    return SQL("(floor({}::numeric / {width}) * {width})::{}").format(
        sql.Identifier("t", change.column), binding.type(table.name, change.column), width=width
    )


def _kept_last(_binding: Binding, _table: Table, change: Change) -> sql.Composed:
    keep = SQL(str(int(change.argument or 4)))
    return SQL(
        "CASE WHEN char_length({text}) < 2 * {keep} THEN repeat('*', char_length({text}))"
        " ELSE repeat('*', char_length({text}) - {keep}) || right({text}, {keep}) END"
    ).format(text=SQL("{}::text").format(sql.Identifier("t", change.column)), keep=keep)


# --- keyed values ---------------------------------------------------------------------------------

GIVEN = SQL("%(inner)s::bytea"), SQL("%(outer)s::bytea")
EACH = SQL("s.i"), SQL("s.o")
Pads = tuple[sql.SQL, sql.SQL]


def hmac(message: sql.Composable, pads: Pads) -> sql.Composed:
    """Return HMAC-SHA-256 (RFC 2104) of bytes, by the built-in ``sha256`` alone."""
    inner, outer = pads
    return SQL("sha256({} || sha256({} || {}))").format(outer, inner, message)


def _bytes(text: sql.Composable) -> sql.Composed:
    return SQL("convert_to({}, 'UTF8')").format(text)


def _pseudonym(binding: Binding, table: Table, change: Change, pads: Pads = GIVEN) -> sql.Composed:
    """Name the row by its table and key, and make of it what the column can hold."""
    row = SQL("jsonb_build_array({}, {})::text || {}").format(
        literal(table.name), binding.shown("t", table), literal(f"\x1f{change.column}")
    )
    name = SQL("encode({}, 'hex')").format(hmac(_bytes(row), pads))
    kind = binding.catalogue.type(table.name, change.column)
    if kind == "uuid":
        return SQL(
            "(SELECT (left(h, 12) || '8' || substr(h, 14, 3) || '8' || substr(h, 18, 15))::uuid"
            " FROM (SELECT {} AS h OFFSET 0) AS x)"
        ).format(name)
    if kind == "bigint":
        return SQL("({} + ('x' || left({}, 15))::bit(60)::bigint)").format(SQL(str(BIG)), name)
    facts = binding.facts(table.name, change.column)
    domain = DOMAIN if change.argument == "email" else ""
    room = (facts.length or 10_000) - len(domain)
    least = LEAST_UNIQUE if facts.unique else LEAST
    prefix = PREFIX if room >= len(PREFIX) + least else ""
    return SQL("({} || left({}, {}) || {})").format(
        literal(prefix), name, SQL(str(min(NAME, room - len(prefix)))), literal(domain)
    )


def _token(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """Sign what is made, so that it is known again; what is known is left alone."""
    facts = binding.facts(table.name, change.column)
    width = token_width(change, facts) - SIGNATURE
    return SQL(
        "CASE WHEN {known} THEN {column}::text ELSE (SELECT b.b || {signature} || {suffix}"
        " FROM (SELECT left({body}, {width}) AS b OFFSET 0) AS b) END"
    ).format(
        known=is_token(change, GIVEN),
        column=sql.Identifier("t", change.column),
        signature=_signature(SQL("b.b"), GIVEN),
        suffix=literal(options(change).suffix),
        body=BODIES[change.how](sql.Identifier("t", change.column)),
        width=SQL(str(width)),
    )


def is_token(change: Change, pads: Pads) -> sql.Composed:
    """Return the condition that a column holds what hash, hmac, encrypt or random has made."""
    suffix = options(change).suffix
    column = sql.Identifier("t", change.column)
    return SQL(
        "(SELECT right(k.k, {size}) = {signature} AND char_length(k.k) >= {least}"
        " AND right({column}::text, {length}) = {suffix}"
        " FROM (SELECT left({column}::text, char_length({column}::text) - {length}) AS k"
        " OFFSET 0) AS k)"
    ).format(
        size=SQL(str(SIGNATURE)),
        signature=_signature(SQL(f"left(k.k, -{SIGNATURE})"), pads),
        least=SQL(str(LEAST + SIGNATURE)),
        column=column,
        suffix=literal(suffix),
        length=SQL(str(len(suffix))),
    )


def _signature(body: sql.Composable, pads: Pads) -> sql.Composed:
    message = SQL("{} || {}").format(literal("made\x1f"), body)
    return SQL("left(encode({}, 'hex'), {})").format(
        hmac(_bytes(message), pads), SQL(str(SIGNATURE))
    )


def _hashed(column: sql.Composable) -> sql.Composed:
    salt = hmac(SQL("'salt'::bytea"), GIVEN)
    value = _bytes(SQL("{}::text").format(column))
    return SQL("encode(sha256({} || {}), 'hex')").format(salt, value)


def _keyed(column: sql.Composable) -> sql.Composed:
    message = SQL("{} || {}::text").format(literal("value\x1f"), column)
    return SQL("encode({}, 'hex')").format(hmac(_bytes(message), GIVEN))


def _chance(_column: sql.Composable) -> sql.Composed:
    one = "replace(gen_random_uuid()::text, '-', '')"
    return SQL("({})").format(SQL(" || ").join([SQL(one)] * 17))


BODIES: dict[str, Callable[[sql.Composable], sql.Composed]] = {
    "hash": _hashed, "hmac": _keyed, "random": _chance,
}  # fmt: skip


# --- texts ----------------------------------------------------------------------------------------


def _stripped(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """Take the person out of a text.

    Where one person's values stand in it just as spelled, and apart from other words, they are
    cut out plainly. Whatever still bears a sign after that is left to the person's pattern.
    """
    shared = table.shareable
    given = SQL("SELECT {}::text AS text, {} AS signs, {} AS spellings OFFSET 0").format(
        sql.Identifier("t", change.column),
        SQL("u.signs") if shared else of_person("signs"),
        SQL("NULL::text") if shared else of_person("spellings"),
    )
    length = binding.facts(table.name, change.column).length
    whole = SQL(
        "(SELECT CASE WHEN NOT {bears} THEN m.text {plainly}"
        " WHEN octet_length(m.text) = char_length(m.text)"
        " THEN regexp_replace(m.text, {narrow}, {removed}, 'gi') ELSE"
        " (SELECT CASE WHEN w.w ~* {wide} THEN"
        " replace(regexp_replace(w.w, {wide}, {removed}, 'gi'), {seam}, '') ELSE m.text END"
        " FROM (SELECT {seamed} AS w OFFSET 0) AS w) END FROM"
        " (SELECT g.*, {marked} AS marked FROM ({given}) AS g OFFSET 0) AS m)"
    ).format(
        bears=bears_sign(SQL("m.text"), SQL("m.signs")),
        plainly=SQL("") if shared else _plainly(),
        narrow=SQL("u.narrow") if shared else of_person("narrow"),
        wide=SQL("u.pattern") if shared else of_person("patterns"),
        removed=literal(texts.REMOVED),
        seam=literal(texts.SEAM),
        seamed=seamed(SQL("m.text")),
        marked=SQL("NULL::text") if shared else _marked(),
        given=given,
    )
    kind = binding.type(table.name, change.column)
    if length is None:
        return SQL("{}::{}").format(whole, kind)
    return SQL("left({}, {})::{}").format(whole, SQL(str(length)), kind)


def seamed(text: sql.Composable) -> sql.Composed:
    """Return a text with letters of one width, and a seam where a word meets another script."""
    return SQL("regexp_replace(normalize({}, NFKC), {}, {}, 'g')").format(
        text, literal(texts.SEAMS), literal(texts.SEAM)
    )


def shows(text: sql.Composable) -> sql.Composed:
    """Return the condition that the person's pattern meets a text."""
    return SQL(
        "CASE WHEN octet_length({text}) = char_length({text}) THEN {text} ~* {} ELSE {} ~* {} END"
    ).format(of_person("narrow"), seamed(text), of_person("patterns"), text=text)


def _plainly() -> sql.Composed:
    """Return the case in which cutting the marks out is all that is to be done."""
    cut = SQL("replace(m.marked, {}, {})").format(literal(texts.MARK), literal(texts.REMOVED))
    return SQL("WHEN m.marked !~ {} AND NOT {} THEN {}").format(
        literal(texts.MARK_IN_A_WORD), bears_sign(cut, SQL("m.signs")), cut
    )


def _marked() -> sql.Composed:
    """Return the text with a mark for each spelling; a mark that was there before is doubled."""
    mark = literal(texts.MARK)
    marked = SQL("replace(g.text, {}, {} || {})").format(mark, mark, mark)
    for number in range(texts.MOST_SPELLINGS):
        marked = SQL("replace({}, split_part(g.spellings, {}, {}), {})").format(
            marked, literal(texts.PARTED), literal(number + 1), mark
        )
    return marked


MASKS: dict[str, Callable[[Binding, Table, Change], sql.Composed]] = {
    "null": _null, "constant": _constant, "truncate_date": _truncated, "strip_text": _stripped,
    "pseudonym": _pseudonym, "zero": _zero, "bucket": _bucket, "keep_last": _kept_last,
    "hash": _token, "hmac": _token, "random": _token,
}  # fmt: skip


# --- does it stand there? -------------------------------------------------------------------------


def is_unmasked(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """Return the condition that a column still holds what the mask should have removed.

    Texts and JSON are searched for the person elsewhere. What was made with the secret may have
    been made with an earlier one.
    """
    column = sql.Identifier("t", change.column)
    if change.how == "null":
        return SQL("{} IS NOT NULL").format(column)
    if change.how in {"strip_text", "strip_json", "inside"}:
        return _is_unchanged_within(binding, table, change)
    if change.how in TOKENS or change.how == "pseudonym":
        known = (
            SQL("{} = {}").format(column, _pseudonym(binding, table, change, EACH))
            if change.how == "pseudonym"
            else is_token(change, EACH)
        )
        return SQL(
            "(coalesce({column}::text, '') <> '' AND NOT EXISTS (SELECT 1 FROM"
            " unnest(%(inners)s::bytea[], %(outers)s::bytea[]) AS s(i, o) WHERE {known}))"
        ).format(column=column, known=known)
    as_text = "::text" if binding.catalogue.type(table.name, change.column) == "json" else ""
    return SQL(f"{{}}{as_text} IS DISTINCT FROM ({{}}){as_text}").format(
        column, masked(binding, table, change)
    )


def _is_unchanged_within(binding: Binding, table: Table, change: Change) -> sql.Composed:
    """Return the condition that a value still stands which was set, whoever the row names.

    Whom a row names is looked at by identifiers, what was stripped in texts.
    """
    found = [SQL("false").format()]
    for part in parts_of(change.argument) if change.how == "inside" else []:
        if part.kind or part.how not in {"null", "constant"}:
            continue
        value = binding.column(table.name, change.column, part.path).value("t", "m")
        said = literal(part.argument if part.how == "constant" else "")
        found.append(
            SQL("({text} IS NOT NULL AND {text} <> {said})").format(text=value.text, said=said)
        )
    return SQL("({})").format(SQL(" OR ").join(found))
