"""Finds values that lead to a refusal: what a check refuses, or a key's predicate asks for."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product
from typing import Final

from tools.schema_guards.attacks import attacked
from tools.schema_guards.guard import Connection, Kind, SchemaGuard
from tools.schema_guards.rows import Table, table, value

# More columns at once than any check needs.
COLUMNS_MAX = 3
# No row has to do with these.
ROLES: Final[tuple[Kind, ...]] = ("grant", "schema", "functions")


async def with_values(connection: Connection, guard: SchemaGuard) -> SchemaGuard | None:
    """The guard with values that it holds with, the given ones if they do; None: none found."""
    # A check's are written down even where any row would do: they show what it is about.
    if (guard.values or guard.kind != "check") and not await attacked(connection, guard):
        return guard
    if guard.kind in ROLES:
        return None
    for values in await _tries(connection, guard):
        tried = replace(guard, values=values)
        if not await attacked(connection, tried):
            return tried
    return None


async def _tries(connection: Connection, guard: SchemaGuard) -> Iterator[dict[str, str]]:
    if guard.kind == "domain":
        return ({"value": tried} for tried in _candidates("value", "text", guard.definition))
    target = await table(connection, guard.schema, guard.table)
    return _combined(target, guard)


def _combined(target: Table, guard: SchemaGuard) -> Iterator[dict[str, str]]:
    """Values for one of the columns in question, then for two, then three."""
    condition = guard.definition
    if guard.kind == "key":
        condition = condition.partition(" WHERE ")[2]
    asked = [column for column in target.columns if re.search(rf"\b{column}\b", condition)]
    choices = {column: _candidates(column, target.columns[column], condition) for column in asked}
    for count in range(1, min(COLUMNS_MAX, len(asked)) + 1):
        for columns in combinations(asked, count):
            for values in product(*(choices[column] for column in columns)):
                yield dict(zip(columns, values, strict=True))


def _candidates(column: str, of_type: str, condition: str) -> list[str]:
    """Values at the borders of what the condition names."""
    numbers = sorted({int(number) for number in re.findall(r"(?<![\w'])-?\d+\b", condition)})
    match of_type.rpartition(".")[2]:
        case "text" | "character varying":
            words = sorted(set(re.findall(r"'([\w ]*)'::text", condition)))
            long = [f"repeat('x', {number + 1})" for number in numbers if number > 0]
            return ["'no such'", "''", *(f"'{word}'" for word in words), *long, "null"]
        case "integer" | "bigint" | "smallint" | "numeric":
            near = [near for number in numbers for near in (number - 1, number, number + 1)]
            return [*dict.fromkeys([*map(str, near), "-1", "0", "1"]), "null"]
        case "boolean":
            return ["true", "false", "null"]
        case "tstzrange":
            return ["'empty'", "null"]
        case array if array.endswith("[]"):
            return [f"'{{}}'::{array}", "null"]
    return ["null", *(value(column, of_type, variant) for variant in (1, 2))]
