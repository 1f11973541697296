"""Transactions whose work is undone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tools.schema_guards.guard import Connection


@asynccontextmanager
async def undone(connection: Connection) -> AsyncIterator[None]:
    """Whatever the block does is rolled back; blocks may stand in each other."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()
