"""A mutation: one line of defence less, and the tests that must notice."""

from dataclasses import dataclass

import asyncpg

from tests.defences.defence import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """What is taken away from the tests' database; `tests` are pytest's node ids.

    `sql` is run as superuser; `function` names a stored function (schema and name) in whose text
    `old` becomes `new`. One of the two is given.
    """

    name: str
    tests: tuple[str, ...]
    sql: str = ""
    function: str = ""
    old: str = ""
    new: str = ""


class MutationImpossibleError(Exception):
    """What was to be taken away is not there: the list is behind the schema."""


def without_text(function: str, old: str, *tests: str, new: str = "") -> Mutation:
    """A function without one of its conditions."""
    return Mutation(
        name=f"{function} without {' '.join(old.split())!r}",
        function=function,
        old=old,
        new=new,
        tests=tests,
    )


async def apply(mutation: Mutation, connection: Connection) -> None:
    """Takes it away. Raises MutationImpossibleError where it is not there."""
    try:
        if mutation.function:
            await _rewrite(connection, mutation)
        else:
            await connection.execute(mutation.sql)
    except (asyncpg.UndefinedObjectError, asyncpg.UndefinedFunctionError) as error:
        raise MutationImpossibleError(f"{mutation.name}: {error}") from error


async def _rewrite(connection: Connection, mutation: Mutation) -> None:
    definition = await connection.fetchval(
        "select pg_get_functiondef($1::text::regproc)", mutation.function
    )
    if definition.count(mutation.old) != 1:
        raise MutationImpossibleError(
            f"{mutation.name}: {mutation.function} does not say {mutation.old!r} once"
        )
    await connection.execute(definition.replace(mutation.old, mutation.new))
