"""A circle whose keys lie within columns: in JSON, in JSON that is a text, in lists."""
# ruff: noqa: E501, ISC004 (rows of a table, and a map)

import json
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ccpa_office import connectors
from notices_app.datamap import compile_map
from tests import engines
from tests.builders import administer
from tests.builders import url as url_of
from tests.connectors import stores
from tests.connectors.contract import Shop
from tests.connectors.contract_engines import Engine

UUID = "6f1d2c3b-aaaa-4bbb-8ccc-0123456789ab"
TABLES = (
    "CREATE TABLE song (id BIGINT PRIMARY KEY, title {text})",
    "CREATE TABLE member (id BIGINT PRIMARY KEY, handle VARCHAR(40) NOT NULL UNIQUE, code {uuid} NOT NULL UNIQUE, profile {json})",
    "CREATE TABLE event (id BIGINT PRIMARY KEY, payload {json})",
    "CREATE TABLE room (id BIGINT PRIMARY KEY, people {json})",
    "CREATE TABLE note (id BIGINT PRIMARY KEY, raw {text})",
    "CREATE TABLE ticket (id BIGINT PRIMARY KEY, body {json})",
    "CREATE TABLE label (id BIGINT PRIMARY KEY, members {list})",
)
TYPES = {
    "postgresql": {"json": "JSONB", "text": "TEXT", "uuid": "UUID", "list": "BIGINT[]"},
    "sqlite": {"json": "JSON", "text": "TEXT", "uuid": "CHAR(36)", "list": "JSON"},
    "mariadb": {"json": "JSON", "text": "LONGTEXT", "uuid": "CHAR(36)", "list": "JSON"},
}
MAP = """
dataset:
  - fides_key: circle
    ccpa_meta: {person: member, category: PI_A, source: consumer}
    collections:
      - name: member
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true, data_type: integer}}
          - {name: handle, fides_meta: {identity: username}}
          - {name: code}
          - name: profile
            fides_meta: {data_type: object}
            fields:
              - name: emails
                fides_meta: {data_type: "string[]", identity: email}
                ccpa_meta: {compare: casefold, contact: {kind: email}}
              - name: home
                fides_meta: {data_type: object}
                fields:
                  - name: zip
                    ccpa_meta:
                      mark: zip
                      verification: {point: zip, group: home, normalise: postal, label: {en: ZIP}}
              - name: favorites
                fides_meta:
                  data_type: "integer[]"
                  references: [{dataset: circle, field: song.id, direction: to}]
      - name: song
        ccpa_meta: {on_delete: delete}
        fields: [{name: id, fides_meta: {primary_key: true}}, {name: title}]
      - name: event
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: payload
            fields:
              - name: meta
                fields:
                  - name: user
                    fields:
                      - name: id
                        fides_meta: {references: [{dataset: circle, field: member.id, direction: from}]}
      - name: room
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: people
            fides_meta: {data_type: object}
            fields:
              - name: participants
                fides_meta: {data_type: "object[]"}
                fields:
                  - name: id
                    fides_meta: {references: [{dataset: circle, field: member.id, direction: from}]}
                  - {name: nick}
      - name: note
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: raw
            fides_meta: {data_type: object}
            fields:
              - name: author
                fides_meta: {data_type: object}
                fields:
                  - name: handle
                    fides_meta: {references: [{dataset: circle, field: member.handle, direction: from}]}
                    ccpa_meta: {identifier: username}
      - name: ticket
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: body
            fides_meta: {data_type: "object[]"}
            fields:
              - name: by
                fides_meta: {references: [{dataset: circle, field: member.code, direction: from}]}
      - name: label
        ccpa_meta: {on_delete: delete}
        fields:
          - {name: id, fides_meta: {primary_key: true}}
          - name: members
            fides_meta:
              data_type: "integer[]"
              references: [{dataset: circle, field: member.id, direction: from}]
"""


def _user(value: Any) -> dict[str, Any]:
    return {"meta": {"user": {"id": value}}}


def _people(*ids: Any) -> dict[str, Any]:
    return {"participants": [{"id": each, "nick": f"n{each}"} for each in ids]}


WITHIN = (
    (
        "- name: event\n        ccpa_meta: {on_delete: delete}",
        "- name: event\n        ccpa_meta: {on_delete: mask}",
    ),
    (
        "            fields:\n              - name: meta\n",
        "            fields:\n              - {name: ip, ccpa_meta: {on_delete: {constant: gone}}}\n"
        "              - {name: agent, ccpa_meta: {on_delete: null}}\n              - {name: said, ccpa_meta: {on_delete: strip_text}}\n              - name: meta\n",
    ),
    (
        "                        fides_meta: {references: [{dataset: circle, field: member.id, direction: from}]}\n",
        "                        fides_meta: {references: [{dataset: circle, field: member.id, direction: from}]}\n"
        "                        ccpa_meta: {on_delete: null}\n",
    ),
    (
        "                    fides_meta: {references: [{dataset: circle, field: member.id, direction: from}]}\n                  - {name: nick}",
        "                    fides_meta: {references: [{dataset: circle, field: member.id, direction: from}]}\n"
        "                    ccpa_meta: {on_shared: remove}\n                  - {name: nick}",
    ),
    (
        '              data_type: "integer[]"\n              references: [{dataset: circle, field: member.id, direction: from}]\n',
        '              data_type: "integer[]"\n              references: [{dataset: circle, field: member.id, direction: from}]\n'
        "            ccpa_meta: {on_shared: remove}\n",
    ),
)
"""What makes of the map one that changes values within columns."""


def acting() -> str:
    """Return the map that changes values within columns."""
    text = MAP
    for old, new in WITHIN:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


BROKEN: tuple[Any, ...] = (None, [], {}, "", "%", "_", True, False, 0.5, "042", " 42", "42 ", "+42",
                           "4_2", 42.5, "42.0", [42], {"id": 42}, 10**30, "9" * 40, "1e1", "")  # fmt: skip
"""What stands where a key should be and is none; as a document, as a part, as an element."""

ROWS: dict[str, list[tuple[Any, ...]]] = {
    "song": [(1, "one"), (2, "two"), (3, "three"), (42, "forty-two")],
    "member": [
        (42, "ann", UUID, {"emails": ["Ann@Example.org", "a.t@example.net"], "home": {"zip": "94110"},
                           "favorites": [1, "2", 2]}),
        (7, "joann", UUID.replace("6f", "7f"), {"emails": ["joann@example.org"], "favorites": [2, 3]}),
        (8, "", UUID.replace("6f", "8f"), {"emails": "ann@example.org", "favorites": 1}),
        (9, "%", UUID.replace("6f", "9f"), None),
        (10, "true", UUID.replace("6f", "af"), []),
    ],
    "event": [(1, _user(42)), (2, _user("42")), (3, _user(7)), (4, _user([42])), (5, {"meta": [42]}),
              (6, {"meta": {"user": 42}}), (7, {"meta": [{"user": {"id": 42}}]}), (8, None)]
             + [(100 + n, _user(each)) for n, each in enumerate(BROKEN)]
             + [(200 + n, each) for n, each in enumerate(BROKEN)],
    "room": [(1, _people(42)), (2, _people("42", 7)), (3, _people(7)), (4, _people(42, 42)),
             (5, {"participants": {"id": 42}}), (6, {"participants": [[{"id": 42}], 42, None]})]
            + [(100 + n, _people(each)) for n, each in enumerate(BROKEN)]
            + [(200 + n, {"participants": each}) for n, each in enumerate(BROKEN)],
    "note": [(1, '{"author": {"handle": "ann"}}'), (2, '{"author": {"handle": "Ann"}}'),
             (3, '{"author": {"handle": "joann"}}'), (4, '{"author": {"handle": ""}}'),
             (5, '{"author": {"handle": "\\u0061nn"}}'), (6, '{"author": {"handle": true}}'),
             (7, '{"author": {"handle": "an'), (8, "ann"), (9, ""), (10, None), (11, "{}}"),
             (12, '{"author": {"handle": "ann\\u0000"}}'), (13, '"ann"')],
    "ticket": [(1, [{"by": UUID}]), (2, [{"by": UUID.upper()}]), (3, [{"by": UUID[:-1] + "c"}]),
               (4, [{"by": UUID.replace("-", "")}, {"by": 5}, 5, None]), (5, {"by": UUID}), (6, None)],
    "label": [(1, [42]), (2, [7, 42]), (3, [7]), (4, []), (5, None)],
}  # fmt: skip


def _document(engine: str, table: str, value: Any) -> Any:
    is_list = table == "label" and engine == "postgresql"
    return value if value is None or is_list or table in {"song", "note"} else json.dumps(value)


def fill(engine: str, connection: sa.Connection) -> None:
    """Make the tables and their rows."""
    for line in TABLES:
        connection.exec_driver_sql(line.format(**TYPES[engine]))
    for table, rows in ROWS.items():
        for key, *values in rows:
            said = [value if number < len(values) - 1 else _document(engine, table, value)
                    for number, value in enumerate(values)]  # fmt: skip
            names = [f"v{number}" for number in range(len(said) + 1)]
            marks = ", ".join(f":{name}" for name in names)
            if engine == "postgresql":
                marks = _cast(table, marks)
            connection.execute(
                sa.text(f"INSERT INTO {table} VALUES ({marks})"),  # noqa: S608
                dict(zip(names, [key, *said], strict=True)),
            )


def _cast(table: str, marks: str) -> str:
    kinds = {"member": [(":v2", "uuid"), (":v3", "jsonb")], "event": [(":v1", "jsonb")],
             "room": [(":v1", "jsonb")], "ticket": [(":v1", "jsonb")], "label": [(":v1", "bigint[]")]}  # fmt: skip
    for mark, kind in kinds.get(table, []):
        marks = marks.replace(mark, f"CAST({mark} AS {kind})")
    return marks


@contextmanager
def _empty(engine: Engine) -> Iterator[str]:
    """Yield the address of a database with nothing in it."""
    name = f"circle_{uuid.uuid4().hex[:12]}"
    if engine.name == "sqlite":
        with tempfile.TemporaryDirectory(prefix="ccpa-circle-") as folder:
            (Path(folder) / "store.db").touch()
            yield f"sqlite:///{folder}/store.db"
        return
    if engine.name == "mariadb":
        server = engine.fresh.__self__  # type: ignore[attr-defined]  # a method of the server
        server.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        try:
            yield server.url(name)
        finally:
            server.run(f"DROP DATABASE {name}")
        return
    engines.start()
    administer("CREATE DATABASE {}", name)
    try:
        yield url_of(name)
    finally:
        administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@contextmanager
def circle(engine: Engine, text: str = MAP) -> Iterator[Shop]:
    """Yield a fresh circle on an engine."""
    kind = stores.Kind("circle", "public", text, 42, 7, "ann@example.org", {}, 5)
    with _empty(engine) as url:
        program = compile_map(text, system="circle", schema="public")
        made = Shop(engine, kind, url, program, None)
        with made.sql.begin() as connection:
            fill(engine.name, connection)
        scheme = url.partition("://")[0].partition("+")[0]
        made.connector = connectors.ENGINES[scheme](url, program)
        try:
            yield made
        finally:
            for each in [made.connector, *made.others]:
                each.close()
            made.sql.dispose()


def write(shop: Shop, table: str, column: str, key: int, value: Any) -> None:
    """Put another document into a row."""
    mark = "CAST(:v AS jsonb)" if shop.engine.name == "postgresql" else ":v"
    shop.run(f"UPDATE {table} SET {column} = {mark} WHERE id = :k", v=json.dumps(value), k=key)  # noqa: S608
