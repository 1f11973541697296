"""A mutation: one guard less, and the tests that must notice."""

import re
from dataclasses import dataclass
from typing import Final

import asyncpg

from tools.schema_guards.guard import Connection

# A fence: a line of a function that holds one condition (or one step) and ends in this mark.
MARK: Final = re.compile(r"-- fence: (?P<name>[a-z][a-z ]*)$")
_FORMS: Final = (
    (re.compile(r"(?:and|or) [^;]*"), ""),
    (re.compile(r"(?:and|or) [^;]*;"), ";"),
    (re.compile(r"(where|on) [^;]*"), r"\1 true"),
    (re.compile(r"(where|on) [^;]*;"), r"\1 true;"),
    (re.compile(r"(if|elsif|when) .* then"), r"\1 false then"),
    (re.compile(r"(if|elsif|when) .*"), r"\1 false"),
    (re.compile(r"order by .*"), "order by random()"),
    (re.compile(r"(?:perform|delete) .*;"), "null;"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """What is taken away from the tests' database; `tests` are pytest's node ids.

    `sql` is run as superuser; `function` names a stored function (schema and name) that loses the
    line marked `-- fence: <fence>`. One of the two is given.
    """

    name: str
    tests: tuple[str, ...]
    sql: str = ""
    function: str = ""
    fence: str = ""


class MutationImpossibleError(Exception):
    """What was to be taken away is not there: the list is behind the schema."""


def without_fence(function: str, fence: str, *tests: str) -> Mutation:
    """A function without one of its fences."""
    return Mutation(
        name=f"{function} without its fence: {fence}", function=function, fence=fence, tests=tests
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
    try:
        rewritten = without_marked_line(definition, mutation.fence)
    except ValueError as error:
        raise MutationImpossibleError(f"{mutation.name}: {error}") from None
    await connection.execute(rewritten)


def without_marked_line(definition: str, fence: str) -> str:
    """The function as if the marked line let everything through.

    `and …` and `or …` go; `where …` and `on …` become true; `if …` and `when …` become false;
    `order by …` becomes random; a step (`perform …;`) goes. Raises ValueError where no line, more
    than one, or a line of another form bears the mark.
    """
    lines = definition.split("\n")
    marked = [n for n, line in enumerate(lines) if (m := MARK.search(line)) and m["name"] == fence]
    if len(marked) != 1:
        raise ValueError(f"{len(marked)} lines bear the mark `-- fence: {fence}`, not 1")
    condition = MARK.sub("", lines[marked[0]]).strip()
    for form, without in _FORMS:
        if form.fullmatch(condition):
            lines[marked[0]] = form.sub(without, condition)
            return "\n".join(lines)
    raise ValueError(f"cannot take away {condition!r}: one condition or step to a line")
