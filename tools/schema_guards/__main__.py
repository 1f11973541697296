"""Writes the list of guards from a freshly migrated database: `make schema-guards`.

    python -m tools.schema_guards

The values of a check or key that are listed stay while they still serve; for new ones values are
looked for. Where none are found, write them into the list by hand (SQL by column) and run it
again; it ends with 1 until then.
"""

import argparse
import asyncio
import sys
from dataclasses import replace

import asyncpg

from tools.schema_guards.catalogue import schema_guards
from tools.schema_guards.database import migrated
from tools.schema_guards.guard import Connection, SchemaGuard
from tools.schema_guards.listed import listed, write
from tools.schema_guards.search import with_values


async def main() -> int:
    """Writes it; the exit code."""
    before = {guard.id: guard for guard in listed()}
    async with migrated() as url:
        connection = await asyncpg.connect(url)
        try:
            found = [
                await _tried(connection, each, before) for each in await schema_guards(connection)
            ]
        finally:
            await connection.close()
    write(guard for guard, _ in found)
    after = {guard.id for guard, _ in found}
    sys.stdout.write(
        f"{len(after)} guards: {len(after - before.keys())} new, {len(before.keys() - after)}"
        f" gone, {sum(before.get(d.id, d).definition != d.definition for d, _ in found)} changed\n"
    )
    missing = [guard for guard, holds in found if not holds]
    for guard in missing:
        sys.stdout.write(f"no values found, write them by hand: {guard}\n")
    return int(bool(missing))


async def _tried(
    connection: Connection, guard: SchemaGuard, before: dict[tuple[str, str, str, str], SchemaGuard]
) -> tuple[SchemaGuard, bool]:
    """The guard with its values, and whether it holds with them."""
    if guard.id in before:
        guard = replace(guard, values=before[guard.id].values)
    if guard.kind == "trigger":
        return guard, True
    found = await with_values(connection, guard)
    return found or guard, found is not None


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    sys.exit(asyncio.run(main()))
