"""The checked-in list of guards: a file for each schema, written by `make schema-guards`."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypeAlias, TypedDict

from tools.schema_guards.guard import KINDS, Kind, SchemaGuard


class WithValues(TypedDict):
    """How a guard with values is written; one without is only its definition."""

    definition: str
    values: dict[str, str]


Written: TypeAlias = str | WithValues
FOLDER: Final = Path(__file__).parent / "listed"


def listed() -> list[SchemaGuard]:
    """What the list says."""
    return [
        _read(path.stem, table, kind, name, written)
        for path in sorted(FOLDER.glob("*.json"))
        for table, kinds in json.loads(path.read_text()).items()
        for kind, names in kinds.items()
        for name, written in names.items()
    ]


def _read(schema: str, table: str, kind: Kind, name: str, written: Written) -> SchemaGuard:
    if isinstance(written, str):
        written = {"definition": written, "values": {}}
    return SchemaGuard(schema=schema, table=table, kind=kind, name=name, **written)


def write(guards: Iterable[SchemaGuard]) -> None:
    """Writes the list."""
    schemas: dict[str, dict[str, dict[str, dict[str, Written]]]] = {}
    for each in sorted(guards, key=lambda each: (each.table, KINDS.index(each.kind), each.name)):
        kinds = schemas.setdefault(each.schema, {}).setdefault(each.table, {})
        kinds.setdefault(each.kind, {})[each.name] = (
            {"definition": each.definition, "values": dict(each.values)}
            if each.values
            else each.definition
        )
    for stale in FOLDER.glob("*.json"):
        stale.unlink()
    for schema, tables in schemas.items():
        (FOLDER / f"{schema}.json").write_text(json.dumps(tables, indent=1) + "\n")
