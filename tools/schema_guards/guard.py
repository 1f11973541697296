"""A guard: something of a schema that refuses rows or roles, so that no code need be trusted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, get_args

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Kind = Literal[
    "key",  # primary and unique keys, unique indexes, exclusion constraints
    "foreign key",
    "check",
    "not null",  # one a table, for all of its columns
    "domain",  # a domain's check
    "policy",
    "row security",
    "trigger",
    "grant",  # one a table and role: what it may do with rows, where that is anything
    "schema",  # one a schema, as the next: who comes in
    "functions",  # who may call them
]
KINDS: tuple[Kind, ...] = get_args(Kind)
# What a whole schema's guard is listed under, where a table's has its table.
EVERYTHING: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaGuard:
    """What refuses, as the catalogue says it; `values` (SQL by column) lead to the refusal.

    For a check those are values that it refuses, for a key those that its predicate asks for.
    """

    schema: str
    table: str
    kind: Kind
    name: str
    definition: str
    values: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def relation(self) -> str:
        """The table (or domain) with its schema."""
        return f"{self.schema}.{self.table}"

    @property
    def id(self) -> tuple[str, str, str, str]:
        """What there is only one of."""
        return (self.schema, self.table, self.kind, self.name)

    def __str__(self) -> str:
        return f"{self.kind} {self.name} of {self.relation}"
