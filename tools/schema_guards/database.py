"""A database of our own with every service's schema, for work outside of pytest."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local.postgres import EmbeddedPostgres
from services.chassis.migrate import schemas, up


@asynccontextmanager
async def migrated() -> AsyncIterator[str]:
    """Its URL, as superuser; it is gone after the block."""
    settings = {"fsync": "off", "full_page_writes": "off"}
    with tempfile.TemporaryDirectory(prefix="waybill") as state:
        async with EmbeddedPostgres(Path(state), settings=settings) as postgres:
            for schema in schemas():
                await up(schema, postgres.url)
            yield postgres.url
