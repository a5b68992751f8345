"""What a rehearsal answers besides its plan: what each person loses, and what the map covers."""

from typing import Any

from ccpa_office.connectors.surveying import Survey
from notices_app import datamap
from notices_app.models import DataMapVersion
from requests_app.fulfillment.loading import Load

LOST = {"delete": "loses", "keep": "keeps", "mask": "changes", "trim": "trims"}


def people(loaded: Load) -> list[dict[str, Any]]:
    """For each person, how many rows of which table are lost, changed, trimmed, kept or shared.

    A row that others reach too and that nobody decided counts as shared alone.
    """
    found: list[dict[str, Any]] = [
        {"key": key, "loses": {}, "changes": {}, "trims": {}, "keeps": {}, "shared": {}}
        for key in loaded.people
    ]
    for part in loaded.parts:
        what = "shared" if part.shared and not part.decision else LOST[part.action]
        for person in part.persons:
            rows = found[person][what]
            rows[part.table] = rows.get(part.table, 0) + 1
    return found


def coverage(loaded: Load) -> dict[str, Any] | None:
    """Each table of the store: the columns that the map names, or that it leaves the table out.

    ``None`` where the store is no database. Raises the connector's refusals and ``datamap``'s.
    """
    version = DataMapVersion.objects.select_related("system__data_key").get(
        pk=loaded.target.version_id
    )
    map_, _findings = datamap.examine(version.document)
    if map_ is None or loaded.target.program.outside:
        return None
    store = datamap.look_at(version.system)
    out = {(each.table, each.column) for each in map_.left_out}
    named = {
        each.name: {field.name for field in each.fields}
        | {column for table, column in out if table == each.name}
        for each in map_.collections
    }
    tables = [_table(store, name, named.get(name), out) for name in sorted(store.tables)]
    counted = [each for each in tables if each["state"] == "mapped"]
    return {
        "tables": tables,
        "mapped": len(counted),
        "left_out": sum(each["state"] == "left out" for each in tables),
        "unknown": sum(each["state"] == "not in the map" for each in tables),
        "columns": sum(each["columns"] for each in counted),
        "named": sum(each["columns"] - len(each["unnamed"]) for each in counted),
    }


def _table(
    store: Survey, name: str, named: set[str] | None, out: set[tuple[str, str]]
) -> dict[str, Any]:
    columns = store.tables[name].columns
    state = "mapped" if named is not None else "left out" if (name, "") in out else "not in the map"
    unnamed = [each for each in columns if named is not None and each not in named]
    return {"table": name, "state": state, "columns": len(columns), "unnamed": unnamed}
