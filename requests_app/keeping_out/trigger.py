"""The SQL that makes a host's PostgreSQL refuse, or flag, whoever was deleted."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from requests_app.keeping_out.spellings import EXTENSION, NATIONAL, SHORTEST, SPACES

BLOCK = 64
"""Bytes that SHA-256 takes at a time (RFC 2104 pads a key to them)."""
LONGEST_NAME = 63


class NameNotFit(Exception):
    """A schema, a table or a column cannot be called that."""


@dataclass(frozen=True)
class Guarded:
    """A table of the host: which of its columns say who a row is about, and what to do.

    Without a ``flag`` a deleted person's row is refused; with one, that column becomes true.
    """

    schema: str
    table: str
    columns: Sequence[tuple[str, str]]
    flag: str = ""

    def __post_init__(self) -> None:
        names = [self.schema, self.table, *(name for _, name in self.columns)]
        for name in [*names, self.flag or "-"]:
            if not name or "\x00" in name or len(name.encode()) > LONGEST_NAME:
                raise NameNotFit


SAME_FOR_EVERY_TABLE = r"""
CREATE SCHEMA IF NOT EXISTS ccpa_office;
REVOKE ALL ON SCHEMA ccpa_office FROM PUBLIC;
CREATE TABLE IF NOT EXISTS ccpa_office.suppressed (
    kind text NOT NULL, digest bytea NOT NULL, PRIMARY KEY (digest, kind));
CREATE TABLE IF NOT EXISTS ccpa_office.secret (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    inner_pad bytea NOT NULL, outer_pad bytea NOT NULL);

-- Nobody but the owner reads them, whatever default privileges gave away.
DO $ccpa$
DECLARE
    mine oid := (SELECT oid FROM pg_roles WHERE rolname = current_user);
    granted record;
BEGIN
    IF EXISTS (SELECT FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid
               WHERE n.nspname = 'ccpa_office'
                 AND (n.nspowner <> mine OR c.relowner <> mine)) THEN
        RAISE EXCEPTION 'the schema ccpa_office is somebody else''s: run this as its owner';
    END IF;
    FOR granted IN
        SELECT DISTINCT what, CASE whom WHEN 0 THEN 'PUBLIC' ELSE whom::regrole::text END AS whom
          FROM (SELECT 'SCHEMA ccpa_office' AS what, a.grantee AS whom
                  FROM pg_namespace, aclexplode(nspacl) a WHERE nspname = 'ccpa_office'
                 UNION SELECT c.oid::regclass::text, a.grantee
                  FROM pg_class c, aclexplode(c.relacl) a
                 WHERE c.relnamespace = 'ccpa_office'::regnamespace AND c.relkind = 'r') AS given
         WHERE whom <> mine
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', granted.what, granted.whom);
    END LOOP;
END $ccpa$;
{key}
DO $ccpa$
BEGIN
    IF NOT EXISTS (SELECT FROM ccpa_office.secret) THEN
        RAISE EXCEPTION 'no key stands here yet: print this with --key-again';
    END IF;
END $ccpa$;

CREATE OR REPLACE FUNCTION ccpa_office.folded(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $ccpa$
    SELECT btrim(normalize(lower(translate(normalize(value, NFKC) COLLATE "default",
        'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')), NFKC), {spaces})
$ccpa$;

CREATE OR REPLACE FUNCTION ccpa_office.email(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $ccpa$
DECLARE found text := rtrim(ccpa_office.folded(value), '.');
BEGIN
    RETURN CASE WHEN found ~ '.@[^@]+$' THEN found END;
END $ccpa$;

CREATE OR REPLACE FUNCTION ccpa_office.phone_number(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $ccpa$
DECLARE
    typed text := regexp_replace(ccpa_office.folded(value), {extension}, '');
    digits text := regexp_replace(typed, '[^0-9]', '', 'g');
BEGIN
    RETURN CASE WHEN length(digits) < {shortest} THEN NULL
                WHEN length(digits) = {national} AND position('+' IN typed) = 0 THEN '1' || digits
                ELSE digits END;
END $ccpa$;

CREATE OR REPLACE FUNCTION ccpa_office.is_suppressed(asked text, reading text) RETURNS boolean
LANGUAGE plpgsql STABLE AS $ccpa$
DECLARE mac bytea;
BEGIN
    IF reading IS NULL THEN
        RETURN false;
    END IF;
    SELECT sha256(outer_pad || sha256(inner_pad || convert_to(asked, 'UTF8') || decode('00', 'hex')
        || convert_to(reading, 'UTF8'))) INTO mac FROM ccpa_office.secret;
    RETURN EXISTS (SELECT FROM ccpa_office.suppressed WHERE digest = mac AND kind = asked);
END $ccpa$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ccpa_office FROM PUBLIC;
"""

KEY = """
INSERT INTO ccpa_office.secret (inner_pad, outer_pad)
VALUES (decode({inner}, 'hex'), decode({outer}, 'hex')) ON CONFLICT (one) DO NOTHING;
DO $ccpa$
BEGIN
    IF EXISTS (SELECT FROM ccpa_office.secret WHERE inner_pad <> decode({inner}, 'hex')) THEN
        RAISE EXCEPTION 'another key stands here: this is another system''s database';
    END IF;
END $ccpa$;
"""

FITS = """
BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE EXCEPTION 'only a database in UTF-8 can read values as the office does';
    END IF;
    IF (SELECT count(*) FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
         WHERE a.attrelid = to_regclass({table}) AND a.attname::text = ANY ({columns})
           AND a.attnum > 0 AND a.attgenerated = '' AND t.typcategory IN ('S', 'N'))
       <> {count} THEN
        RAISE EXCEPTION 'the table has no such columns of text (a generated one cannot be asked)';
    END IF;
    IF {flag} <> '' AND NOT EXISTS (
        SELECT FROM pg_attribute WHERE attrelid = to_regclass({table}) AND attname = {flag}
           AND atttypid = 'boolean'::regtype AND attgenerated = '') THEN
        RAISE EXCEPTION 'the table has no such column to flag: it must be boolean';
    END IF;
END """

BODY = """
BEGIN
    IF current_setting('ccpa.came_back', true) = 'on' THEN
        RETURN NEW;
    END IF;
    IF {found} THEN
        {then}
    END IF;
    RETURN NEW;
END """
ASKED = """(TG_OP = 'INSERT' OR NEW.{column} IS DISTINCT FROM OLD.{column})
        AND ccpa_office.is_suppressed({kind}, {reading}(NEW.{column}::text))"""
REFUSE = sql.SQL("""RAISE EXCEPTION USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ccpa_keep_out', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
            MESSAGE = 'this person was deleted at their own request and is kept out',
            HINT = 'Filter the import. Who signs up anew: see ccpa.came_back in the manual.';""")
FLAG = sql.SQL("NEW.{flag} := true;")

TRIGGER = """
CREATE OR REPLACE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS {body};
REVOKE ALL ON FUNCTION {function}() FROM PUBLIC;
DROP TRIGGER IF EXISTS zz_ccpa_keep_out ON {table};
CREATE TRIGGER zz_ccpa_keep_out BEFORE INSERT OR UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {function}();
"""


def script(guarded: Guarded, *, key: bytes | None) -> str:
    """The whole of it, one transaction; with the key where the host has not got it yet."""
    parts = [
        sql.SQL("BEGIN;\nDO {};").format(_quoted(_fits(guarded))),
        sql.SQL(SAME_FOR_EVERY_TABLE).format(
            key=_key(key) if key else sql.SQL(""),
            spaces=sql.SQL("E'{}'").format(sql.SQL(_escaped(SPACES))),
            extension=sql.Literal(EXTENSION),
            shortest=sql.SQL(str(SHORTEST)),
            national=sql.SQL(str(NATIONAL)),
        ),
        _trigger(guarded),
        sql.SQL("COMMIT;\n"),
    ]
    return sql.SQL("").join(parts).as_string(None)


def _key(key: bytes) -> sql.Composable:
    padded = key.ljust(BLOCK, b"\x00")
    return sql.SQL(KEY).format(
        inner=sql.Literal(bytes(byte ^ 0x36 for byte in padded).hex()),
        outer=sql.Literal(bytes(byte ^ 0x5C for byte in padded).hex()),
    )


def _fits(guarded: Guarded) -> sql.Composable:
    columns = sorted({name for _, name in guarded.columns})
    return sql.SQL(FITS).format(
        table=sql.Literal(_table(guarded).as_string(None)),
        columns=sql.SQL("ARRAY[{}]").format(sql.SQL(", ").join(map(sql.Literal, columns))),
        count=sql.SQL(str(len(columns))),
        flag=sql.Literal(guarded.flag),
    )


def _trigger(guarded: Guarded) -> sql.Composable:
    found = [
        sql.SQL(ASKED).format(
            column=sql.Identifier(name),
            kind=sql.Literal(kind),
            reading=sql.Identifier("ccpa_office", kind),
        )
        for kind, name in guarded.columns
    ]
    then = FLAG.format(flag=sql.Identifier(guarded.flag)) if guarded.flag else REFUSE
    name = hashlib.sha256(_table(guarded).as_string(None).encode()).hexdigest()[:16]
    return sql.SQL(TRIGGER).format(
        function=sql.Identifier("ccpa_office", f"keep_out_{name}"),
        table=_table(guarded),
        body=_quoted(sql.SQL(BODY).format(found=sql.SQL("\n     OR ").join(found), then=then)),
    )


def _table(guarded: Guarded) -> sql.Identifier:
    return sql.Identifier(guarded.schema, guarded.table)


def _quoted(body: sql.Composable) -> sql.Composable:
    """A body between dollar signs that no name in it can close."""
    text, tag, number = body.as_string(None), "$ccpa$", 0
    while tag in text:
        number += 1
        tag = f"$ccpa{number}$"
    return sql.SQL(f"{tag}{text}{tag}")


def _escaped(characters: str) -> str:
    return "".join(f"\\u{ord(each):04x}" for each in characters)
