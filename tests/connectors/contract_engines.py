"""The engines of the contract: PostgreSQL, SQLite and a private MariaDB, each with the same rows.
# ruff: noqa: S608 (names of tables, quoted as each engine quotes them)

What the demo's learners, the club and the ship hold in PostgreSQL is carried over, type by type.
"""
# ruff: noqa: S608 (names of tables, quoted as each engine quotes them)

import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import sqlalchemy as sa

from ccpa_office.connectors.postgresql import catalogue
from tests.connectors import stores
from tests.connectors.stores import Kind
from tests.ports import free_port

SERVERS = ("mariadbd", "/usr/sbin/mariadbd", "/usr/local/sbin/mariadbd")
INSTALLERS = ("mariadb-install-db", "/usr/bin/mariadb-install-db")


def program(names: tuple[str, ...]) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


# --- what is carried over -------------------------------------------------------------------------


@dataclass(frozen=True)
class Copied:
    """A table of PostgreSQL: its catalogue and its rows."""

    name: str
    relation: catalogue.Relation
    foreign: list[catalogue.ForeignKey]
    indexes: list[tuple[str, bool, list[str]]]
    rows: list[tuple[Any, ...]]


INDEXES = """
SELECT c.relname, i.indisunique, ARRAY(
    SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnkeyatts) k)
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %s AND NOT i.indisprimary ORDER BY i.indexrelid"""


@cache
def copied(name: str) -> list[Copied]:
    """Return every table of a kind of store, parents first."""
    kind = stores.KINDS[name]
    with stores.store(kind) as made, psycopg.connect(made.url) as connection:
        found = catalogue.read(connection, kind.schema)
        indexes = connection.execute(INDEXES, [kind.schema]).fetchall()
        tables = []
        for table, relation in found.tables.items():
            query = psycopg.sql.SQL("SELECT {} FROM {}").format(
                psycopg.sql.SQL(", ").join(
                    psycopg.sql.SQL("{}{}").format(
                        psycopg.sql.Identifier(column),
                        psycopg.sql.SQL(PLAIN.get(fact.type, "")),
                    )
                    for column, fact in relation.columns.items()
                ),
                psycopg.sql.Identifier(kind.schema, table),
            )
            rows = connection.execute(query).fetchall()
            foreign = [each for each in found.foreign if each.table == table]
            own = [each for each in indexes if each[0] == table]
            tables.append(Copied(table, relation, foreign, own, rows))
    return _ordered(tables)


PLAIN = {"uuid": "::text", "jsonb": "::text", "inet": "::text",
         "timestamp with time zone": " AT TIME ZONE 'UTC'"}  # fmt: skip


def _ordered(tables: list[Copied]) -> list[Copied]:
    done: list[Copied] = []
    while len(done) < len(tables):
        names = {each.name for each in done}
        done += [
            each
            for each in tables
            if each.name not in names
            and all(key.target in names or key.target == each.name for key in each.foreign)
        ]
    return done


LITE = {
    "bigint": "BIGINT",
    "integer": "INTEGER",
    "smallint": "SMALLINT",
    "text": "TEXT",
    "numeric": "NUMERIC(10, 2)",
    "timestamp with time zone": "DATETIME",
    "date": "DATE",
    "boolean": "BOOLEAN",
    "jsonb": "JSON",
    "uuid": "CHAR(36)",
    "inet": "VARCHAR(45)",
}

MARIA = {**LITE, "text": "LONGTEXT", "timestamp with time zone": "DATETIME(6)"}


def statements(table: Copied, types: dict[str, str], quote: str, *, folds: bool) -> list[str]:
    """Return what makes a table and its indexes."""

    def name(text: str) -> str:
        return f"{quote}{text}{quote}"

    short = {column for _, _, columns in table.indexes for column in map(_column, columns)}
    short |= {*table.relation.key, *[name for each in table.foreign for name in each.columns]}
    lines = []
    for column, fact in table.relation.columns.items():
        kind = types.get(fact.type, f"VARCHAR({fact.length})")
        if kind == "LONGTEXT" and column in short:
            kind = "VARCHAR(190)"
        lines.append(f"{name(column)} {kind}{'' if fact.nullable else ' NOT NULL'}")
    lines.append(f"PRIMARY KEY ({', '.join(map(name, table.relation.key))})")
    lines += [
        f"FOREIGN KEY ({', '.join(map(name, key.columns))}) REFERENCES {name(key.target)}"
        f" ({', '.join(map(name, key.targets))})"
        for key in table.foreign
    ]
    made = [f"CREATE TABLE {name(table.name)} ({', '.join(lines)})"]
    for number, (_, unique, columns) in enumerate(table.indexes):
        parts = ", ".join(
            f"lower({name(_column(each))})" if each.startswith("lower(") and not folds
            else name(_column(each)) for each in columns
        )  # fmt: skip
        made.append(
            f"CREATE {'UNIQUE ' if unique else ''}INDEX {name(f'{table.name}_i{number}')}"
            f" ON {name(table.name)} ({parts})"
        )
    return made


def _column(text: str) -> str:
    return text.removeprefix("lower(").removesuffix(")").strip('"')


# --- engines --------------------------------------------------------------------------------------


@dataclass
class Engine:
    """Makes fresh databases with the rows of a kind of store."""

    name: str
    quote: str
    fresh: Callable[[Kind], Any]  # a context manager that yields a URL


@contextmanager
def sqlite_file(kind: Kind) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="ccpa-sqlite-") as folder:
        path = Path(folder) / "store.db"
        shutil.copyfile(_lite(kind.name), path)
        yield f"sqlite:///{path}"


@cache
def _lite(name: str) -> Path:
    path = Path(tempfile.mkdtemp(prefix="ccpa-lite-")) / "template.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        for table in copied(name):
            for statement in statements(table, LITE, '"', folds=False):
                connection.exec_driver_sql(statement)
            marks = ", ".join("?" for _ in table.relation.columns)
            rows = [tuple(map(_lite_value, row)) for row in table.rows]
            if rows:
                connection.exec_driver_sql(f'INSERT INTO "{table.name}" VALUES ({marks})', rows)
    engine.dispose()
    return path


def _lite_value(value: Any) -> Any:
    if isinstance(value, bool | int | str | None):
        return value
    return value.isoformat(" ") if hasattr(value, "hour") else str(value)


@dataclass
class Maria:
    """A private MariaDB in a folder of its own, gone with the suite."""

    port: int
    stack: ExitStack = field(default_factory=ExitStack)

    def url(self, database: str = "") -> str:
        return f"mariadb+pymysql://root@127.0.0.1:{self.port}/{database}?charset=utf8mb4"

    def run(self, *lines: str, database: str = "") -> None:
        with pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            database=database or None,
            charset="utf8mb4",
        ) as connection:
            with connection.cursor() as cursor:
                for line in lines:
                    cursor.execute(line)
            connection.commit()

    @contextmanager
    def fresh(self, kind: Kind) -> Iterator[str]:
        name = f"store_{uuid.uuid4().hex[:12]}"
        self.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")
        try:
            self._fill(name, kind)
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name}")

    def _fill(self, name: str, kind: Kind) -> None:
        with pymysql.connect(host="127.0.0.1", port=self.port, user="root", database=name,
                             charset="utf8mb4") as connection:  # fmt: skip
            with connection.cursor() as cursor:
                for table in copied(kind.name):
                    for statement in statements(table, MARIA, "`", folds=True):
                        cursor.execute(statement)
                    marks = ", ".join("%s" for _ in table.relation.columns)
                    if table.rows:
                        cursor.executemany(
                            f"INSERT INTO `{table.name}` VALUES ({marks})", table.rows
                        )
            connection.commit()


@contextmanager
def maria() -> Iterator[Maria]:
    """Start a MariaDB as an ordinary system user, on a free port of this machine alone."""
    server, installer = program(SERVERS), program(INSTALLERS)
    assert server, installer
    memory = Path("/dev/shm")  # noqa: S108 (a folder in memory makes the suite three times as fast)
    inside = memory if os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="ccpa-maria-", dir=inside))
    user = _ordinary_user()
    if user:
        shutil.chown(folder, user)
    data, log = folder / "data", folder / "log"
    words = [f"--user={user}"] if user else []
    subprocess.run(
        [str(installer), "--no-defaults", f"--datadir={data}", *words, "--skip-test-db",
         "--auth-root-authentication-method=normal"],
        check=True, capture_output=True,
    )  # fmt: skip
    made = Maria(free_port())
    with log.open("wb") as output:
        process = subprocess.Popen(
            [server, "--no-defaults", *words, f"--datadir={data}", f"--socket={folder}/s",
             f"--port={made.port}", "--bind-address=127.0.0.1", f"--pid-file={folder}/pid",
             "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M",
             "--innodb-flush-method=nosync", "--innodb-doublewrite=0", "--sync-frm=0",
             "--innodb-fast-shutdown=2"],
            stdout=output, stderr=output,
        )  # fmt: skip
    try:
        _wait(made, process, log)
        yield made
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _ordinary_user() -> str | None:
    if os.geteuid():
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "mysql" if "mysql" in names else "nobody"


def _wait(made: Maria, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(1200):
        if process.poll() is not None:
            break
        try:
            made.run("SELECT 1")
        except pymysql.err.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"MariaDB did not start:\n{log.read_text(errors='replace')[-2000:]}")


@contextmanager
def postgres(kind: Kind) -> Iterator[str]:
    with stores.store(kind) as made:
        yield made.url
