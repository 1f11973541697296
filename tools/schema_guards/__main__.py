"""Writes the list of defences anew from a freshly migrated database: `make defences`.

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

from tools.schema_guards.catalogue import defences
from tools.schema_guards.database import migrated
from tools.schema_guards.defence import Connection, Defence
from tools.schema_guards.listed import listed, write
from tools.schema_guards.search import with_values


async def main() -> int:
    """Writes it; the exit code."""
    before = {defence.id: defence for defence in listed()}
    async with migrated() as url:
        connection = await asyncpg.connect(url)
        try:
            found = [await _told(connection, each, before) for each in await defences(connection)]
        finally:
            await connection.close()
    write(defence for defence, _ in found)
    after = {defence.id for defence, _ in found}
    sys.stdout.write(
        f"{len(after)} defences: {len(after - before.keys())} new, {len(before.keys() - after)}"
        f" gone, {sum(before.get(d.id, d).definition != d.definition for d, _ in found)} changed\n"
    )
    missing = [defence for defence, holds in found if not holds]
    for defence in missing:
        sys.stdout.write(f"no values found, write them by hand: {defence}\n")
    return int(bool(missing))


async def _told(
    connection: Connection, defence: Defence, before: dict[tuple[str, str, str, str], Defence]
) -> tuple[Defence, bool]:
    """The defence with its values, and whether it holds with them."""
    if defence.id in before:
        defence = replace(defence, values=before[defence.id].values)
    if defence.kind == "trigger":
        return defence, True
    told = await with_values(connection, defence)
    return told or defence, told is not None


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    sys.exit(asyncio.run(main()))
