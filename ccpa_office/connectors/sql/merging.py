"""MERGE, for the databases whose UPDATE takes no second table."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import ClauseElement, ColumnElement
from sqlalchemy.sql.selectable import FromClause


class Merge(Executable, ClauseElement):
    """Change the rows of a table that a source matches."""

    inherit_cache = False

    def __init__(
        self,
        target: sa.TableClause,
        source: FromClause,
        on: ColumnElement[bool],
        values: Iterable[tuple[str, ColumnElement[Any]]],
    ) -> None:
        self.target, self.source, self.on = target, source, on
        self.values = list(values)


@compiles(Merge)
def _merge(element: Merge, compiler: Any, **words: Any) -> str:
    quote = compiler.preparer.quote
    sets = ", ".join(
        f"{quote(column)} = {compiler.process(new, **words)}" for column, new in element.values
    )
    return (
        f"MERGE INTO {compiler.process(element.target, asfrom=True, **words)}"
        f" USING {compiler.process(element.source, asfrom=True, **words)}"
        f" ON ({compiler.process(element.on, **words)}) WHEN MATCHED THEN UPDATE SET {sets}"
    )
