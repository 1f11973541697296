"""Rows made from nothing but their columns' types, as SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import NAMESPACE_OID, uuid5

from tools.schema_guards.guard import Connection

_COLUMNS = """
  select a.attname as name, format_type(a.atttypid, null) as type
  from pg_attribute a
  where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped
    and a.attgenerated = '' and a.attidentity = ''
  order by a.attnum
"""


class TypeUnknownError(Exception):
    """A column has a type that no row was made of yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table, and the types of its columns."""

    schema: str
    name: str
    columns: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    def row(self, variant: int = 0) -> dict[str, str]:
        """SQL by column; rows of different variants differ in every column."""
        return {column: value(column, of, variant) for column, of in self.columns.items()}

    def insert(self, row: Mapping[str, str]) -> str:
        """The statement that writes the row."""
        return f"insert into {self} ({', '.join(row)}) values ({', '.join(row.values())})"


async def table(connection: Connection, schema: str, name: str) -> Table:
    """Looks a table up."""
    rows = await connection.fetch(_COLUMNS, f"{schema}.{name}")
    return Table(schema=schema, name=name, columns={row["name"]: row["type"] for row in rows})


def value(column: str, of_type: str, variant: int) -> str:
    """SQL for a column's value. Ids of two columns differ: no row refers to itself by chance."""
    if of_type.endswith("[]"):
        return f"array[{value(column, of_type.removesuffix('[]'), variant)}]"
    match of_type.rpartition(".")[2]:
        case "uuid":
            return f"'{uuid5(NAMESPACE_OID, f'{column} {variant}')}'::uuid"
        case "text":
            return f"'{column} {variant}'"
        case "integer" | "bigint" | "smallint" | "numeric" | "double precision" | "real":
            return str(variant + 1)
        case "boolean":
            return "false" if variant else "true"
        case "timestamp with time zone" | "timestamp without time zone" | "date":
            return f"'2026-01-{variant + 1:02}'"
        case "json" | "jsonb":
            return f"""'{{"variant": {variant}}}'"""
        case "bytea":
            return f"'\\x{variant:02}'"
        case "tstzrange":
            return f"'[2026-01-{variant + 1:02}, 2026-01-{variant + 2:02})'"
        case "trace_id":
            return f"'{variant:032}'"
        case "traceparent":
            return f"'00-{variant:032}-{variant:016}-01'"
        case "character varying":
            return f"'{column} {variant}'"
    raise TypeUnknownError(
        f"{column}: say in tools/schema_guards/rows.py what a {of_type} looks like"
    )
