"""The contract, last part: a deletion list finds in every store whom Python would, nobody else."""

from dataclasses import replace
from hashlib import sha256

import psycopg
import pytest
import sqlalchemy as sa

from ccpa_office.connectors import matching, standardizing
from ccpa_office.connectors.postgresql import matching as in_postgresql
from ccpa_office.connectors.postgresql.binding import walks
from ccpa_office.connectors.ways import Named, Point

NASTY = [
    "Plain@Example.ORG",
    " a b\tc\n@x.org ",
    "tab\x0bform\x0c\r@x.org",
    "nbsp\u00a0em\u2003@x.org",
    "nel\x85ogham\u1680@x.org",
    "wide\u3000line\u2028@x.org",
    "zero\u200bwidth\ufeff@x.org",
    "unit\x1fsep\x1c@x.org",
    "ÄÖÜẞ@X.de",
    "İI@x.tr",
    "ΣΑΣ@x.gr",
    "ﬃ@x.org",
    "ＡＢＣ@x.org",
    "𝔄𐐀@x.org",
    "森川@例え.jp",
    "e\u0301@x.org",
    "back\\slash'quote\"%s%@x.org",
    "{}()[]^$.*|@x.org",
    "\x7f@x.org",
]
DIGITS = [
    "+1 (415) 555-0142", "415.555.0142 x9", "٤١٥٥٥٥٠١٤٢", "４155550142", "no number", "0", "-5",
    "1\u00a0415\u2007555 0142", "4155550142\x00"[:10], "tel:+81-3-1234-5678;ext=9",
]  # fmt: skip
SIGNS = [
    "6D92078A-8246-4BA4-AE5B-76104861E7DC",
    "{6d92078a82464ba4ae5b76104861e7dc}",
    "6d92078a",
    "ABCDEFGH",
    "abc-def-gh",
    "ａbcdefgh1",
    "abcdefg",
    "a" * 33,
    "é6d92078a824641a4ae5b76104861e7dc",
    "K\u212aabcdefgh",
    "6d92078a82464ba4ae5b76104861e7dc0",
]


def named(shop, column, kind):
    """The clubhouse, where members are known by one column of a kind."""
    person = shop.program.person
    tables = [
        replace(table, identities=(Named(column, kind),) if table.name == person else (),
                contacts=(), marks=(), points=(), identifiers=())
        for table in shop.program.tables
    ]  # fmt: skip
    return shop.refitted(replace(shop.program, tables=tuple(tables)))


def sought(digests):
    """A list of these, with others between, and what an empty value would be."""
    noise = [sha256(b"%d" % number).digest() for number in range(len(digests) + 1)]
    found = [each for pair in zip(noise, digests, strict=False) for each in pair]
    return b"".join([*found, matching.NOTHING, *found[-2:]])


def expected(kind, field, held, text):
    """Which places of the list mean whom, by Python alone."""
    pairs = set()
    for key, value in held:
        standard = standardizing.FIELDS[field](value)
        if standard:
            digest = standardizing.digest(kind, [standard])
            pairs |= {(n, key) for n in range(len(text) // 32) if text[n * 32 :][:32] == digest}
    return pairs


CASES = [
    ("Email", "email", "mail", NASTY), ("Phone", "phone_number", "full", DIGITS),
    ("MAID", "advertising_id", "full", SIGNS), ("CTVID", "tv_id", "full", SIGNS),
]  # fmt: skip


def filled(shop, column, values):
    """Give members these values; what each holds then, read by another connection."""
    table, name = shop.q("member"), shop.c(column)
    update = sa.text(f"UPDATE {table} SET {name} = :v WHERE ref = :k")  # noqa: S608
    with shop.sql.begin() as connection:
        for key, value in zip(shop.everybody(), values, strict=False):
            connection.execute(update, {"v": value, "k": key})
    rows = shop.run(f"SELECT ref, {name} FROM {table} WHERE {name} IS NOT NULL")  # noqa: S608
    return [(str(key), value) for key, value in rows]


def test_every_store_finds_whom_python_finds(clubhouse):
    for kind, word, column, values in CASES:
        (field,) = standardizing.LISTS[kind]
        empty = ["", " ", None] if column == "full" else [""]
        held = filled(clubhouse, column, [*values, *empty])
        made = {key: standardizing.FIELDS[field](value) for key, value in held}
        text = sought([standardizing.digest(kind, [each]) for each in made.values() if each])
        wanted = expected(kind, field, held, text)
        shop, before = named(clubhouse, column, word), clubhouse.rows()
        assert (kind, shop.connector.matched(kind, text).pairs) == (kind, wanted)
        assert {key for _, key in wanted} == {key for key, each in made.items() if each}
        assert shop.rows() == before
        with pytest.raises(matching.NotHeld):
            shop.connector.matched("NDZ", text)


def test_names_births_and_codes_of_several_tables_are_put_together(clubhouse):
    """A birth day in a visit, a code in an order: each combination of one member, of no two."""
    places: dict[str, dict[str, object]] = {
        "member": {"identities": (Named("full", "first_name"), Named("mail", "last_name"))},
        "visit": {"marks": (Named("day", "date_of_birth"),)},
        "order": {"points": (Point("postal_code", "address", "postal", "select"),)},
    }
    bare: dict[str, object] = {
        "identities": (),
        "contacts": (),
        "marks": (),
        "points": (),
        "identifiers": (),
    }
    tables = [
        replace(table, **{**bare, **places.get(table.name, {})})
        for table in clubhouse.program.tables
    ]
    clubhouse.run(f"UPDATE {clubhouse.q('order')} SET {clubhouse.c('select')} = '02139'")  # noqa: S608
    key = clubhouse.everybody()[4]
    row = f"SELECT {clubhouse.c('full')}, mail FROM {clubhouse.q('member')} WHERE ref = :k"  # noqa: S608
    first, last = clubhouse.run(row, k=key)[0]
    parts = [standardizing.name(first), standardizing.name(last), "20260103", "2139"]
    other = [*parts[:2], "20251231", "2139"]
    text = b"".join(standardizing.digest("NDZ", each) for each in (other, parts))
    shop = clubhouse.refitted(replace(clubhouse.program, tables=tuple(tables)))
    found = shop.connector.matched("NDZ", text)
    assert (found.pairs, found.unsure, found.beyond) == ({(1, key)}, 0, 0)


def test_postgresql_shares_the_work_between_workers_and_writes_nothing(fresh_club):
    """Read by a role that may only read, and planned in parallel, however small the table."""
    binding = fresh_club.connector._binding
    place = matching.places(fresh_club.program, "Email")[0]
    walk = next(walks(binding, place.table))
    text = sha256(b"x").digest() * 1000
    query = in_postgresql.by_digest(binding, place, walk, text)
    connection = fresh_club.connector._connection
    with connection.transaction():
        for setting in in_postgresql.SETTINGS:
            connection.execute(setting)
        connection.execute("SET LOCAL parallel_leader_participation = off")
        plan = connection.execute(
            b"EXPLAIN (ANALYZE, COSTS OFF) " + query.as_bytes(connection), {"sought": text}
        ).fetchall()
    lines = [line.strip() for (line,) in plan]
    assert [line for line in lines if line.startswith("Workers Launched")] != []
    assert any("Hash Join" in line for line in lines)
    assert not [line for line in lines if "Merge Join" in line or "Nested Loop" in line]


def test_postgresql_decides_plain_values_alone_and_may_not_write(fresh_club):
    connection = fresh_club.connector._connection
    for value in [*NASTY, *DIGITS, ""]:
        made = [
            connection.execute(f"SELECT {form.format('%(v)s::text')}", {"v": value}).fetchone()[0]
            for form in (in_postgresql.ASCII, in_postgresql.PLAIN["Email"])
        ]
        is_plain = value.isascii() and not set(value) & set(map(chr, range(33)))
        assert (value, made) == (value, [value.isascii(), is_plain])
    with connection.transaction(force_rollback=True):
        connection.execute(in_postgresql.SETTINGS[0])
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("DELETE FROM club.visit")
