"""Whether rows stay with their org, as the roles of the service see and write them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from services.chassis.migrate import Schema
from tools.schema_guards.guard import Connection
from tools.schema_guards.rows import Table
from tools.schema_guards.transactions import undone


async def attacked_policy(connection: Connection, target: Table, name: str) -> str:
    """'' where the policy lets through its own rows and no others. The table refuses nothing."""
    if name == "system":
        return await _attacked_as_system(connection, target)
    return await _attacked_as_service(connection, target)


async def attacked_row_security(connection: Connection, target: Table) -> str:
    """'' where not even the table's owner passes its policies."""
    async with _one_row_as(connection, target, Schema(name=target.schema).owner):
        if await _seen(connection, target):
            return "the owner sees rows of no org that was entered"
    return ""


async def _attacked_as_system(connection: Connection, target: Table) -> str:
    async with _one_row_as(connection, target, Schema(name=target.schema).system):
        if not await _seen(connection, target):
            return "the system role does not see every row"
        if not await _writes(connection, target.insert(target.row(1))):
            return "the system role does not write every row"
    async with _one_row_as(connection, target, Schema(name=target.schema).login):
        if await _seen(connection, target):
            return "the service sees rows of no org that was entered"
    return ""


async def _attacked_as_service(connection: Connection, target: Table) -> str:
    own, other = target.row(), target.row(1)
    workspace = own.get("workspace_id", "null")
    # What is entered, and whether the row is then seen and may be written.
    cases = [
        ("", "null", False),
        (other["org_id"], "null", False),
        (own["org_id"], "null", True),
        (own["org_id"], workspace, True),
    ]
    if "workspace_id" in own:
        cases.append((own["org_id"], other["workspace_id"], False))
    async with _one_row_as(connection, target, Schema(name=target.schema).login):
        for org, of_workspace, is_own in cases:
            async with undone(connection):
                await _enter(connection, target, org, of_workspace)
                case = f"with org {org or 'none'} and workspace {of_workspace} entered"
                if await _seen(connection, target) is not is_own:
                    return f"{case} the row is {'not ' if is_own else ''}seen"
                if await _writes(connection, target.insert(own)) is not is_own:
                    return f"{case} the row is {'not ' if is_own else ''}written"
        await _enter(connection, target, own["org_id"], workspace)
        for column in ("org_id", "workspace_id"):
            if column in own and await _writes(
                connection, f"update {target} set {column} = {other[column]}"
            ):
                return f"an own row is given to another {column}"
    return ""


@asynccontextmanager
async def _one_row_as(connection: Connection, target: Table, role: str) -> AsyncIterator[None]:
    """The table holds one row, and statements are the role's; grants do not matter here."""
    async with undone(connection):
        await connection.execute(target.insert(target.row()))
        await connection.execute(f"grant select, insert, update on {target} to {role}")
        await connection.execute(f"set local role {role}")
        yield


async def _enter(connection: Connection, target: Table, org: str, workspace: str) -> None:
    if org:
        await connection.execute(f"select {target.schema}.set_tenant(array[{org}], {workspace})")


async def _seen(connection: Connection, target: Table) -> bool:
    return bool(await connection.fetchval(f"select count(*) from {target}"))


async def _writes(connection: Connection, sql: str) -> bool:
    """Whether the statement writes a row; it is undone."""
    try:
        async with undone(connection):
            return await connection.execute(sql) != "UPDATE 0"
    except asyncpg.InsufficientPrivilegeError:
        return False
