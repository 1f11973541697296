"""Imports of external calendars."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.chassis.trace import trace_of_row
from services.scheduling.records.calendars import (
    DueImport,
    Import,
    ImportReading,
)
from services.scheduling.store.decoding import decode


class ImportStore:
    """Stored functions of imports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_import(
        self,
        org_id: UUID,
        import_id: UUID,
        calendar_id: UUID,
        *,
        ciphertext: bytes,
        every_seconds: int,
        request_id: RequestId,
        traceparent: str,
    ) -> Import:
        """Creates an import; a repeat returns the first one."""
        answer = await self._database.value(
            "create_import",
            p_org_id=org_id,
            p_import_id=import_id,
            p_calendar_id=calendar_id,
            p_ciphertext=ciphertext,
            p_every_seconds=every_seconds,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
        )
        return decode(Import, answer)

    async def list_imports(
        self, org_id: UUID, calendar_id: UUID, *, limit: int, after: UUID | None
    ) -> list[Import]:
        """A page of a calendar's imports, oldest first."""
        rows = await self._database.rows(
            "list_imports",
            p_org_id=org_id,
            p_calendar_id=calendar_id,
            p_limit=limit,
            p_after=after,
        )
        return [decode(Import, row["import"]) for row in rows]

    async def remove_import(self, org_id: UUID, import_id: UUID, *, traceparent: str) -> None:
        """Stops an import and deletes its busy times."""
        await self._database.value(
            "remove_import", p_org_id=org_id, p_import_id=import_id, p_traceparent=traceparent
        )

    async def claim_imports(
        self, token: UUID, *, limit: int, lease_seconds: float
    ) -> list[DueImport]:
        """Claims imports that are due."""
        rows = await self._database.rows(
            "claim_imports", p_token=token, p_limit=limit, p_lease_seconds=lease_seconds
        )
        return [_due_import(row) for row in rows]

    async def finish_import(self, due: DueImport, token: UUID, reading: ImportReading) -> bool:
        """Saves a reading; False where the lease was lost."""
        busy = reading.busy
        finished: bool = await self._database.value(
            "finish_import",
            p_org_id=due.org_id,
            p_import_id=due.import_id,
            p_token=token,
            p_starts=None if busy is None else [start for start, _ in busy],
            p_ends=None if busy is None else [end for _, end in busy],
            p_etag=reading.etag,
            p_last_modified=reading.last_modified,
            p_content_hash=reading.content_hash,
            p_error=reading.error,
        )
        return finished

    async def return_imports(self, due: Sequence[DueImport], token: UUID) -> int:
        """Returns imports that were not read; the count is of those that the token still held."""
        returned: int = await self._database.value(
            "return_imports",
            p_org_ids=[each.org_id for each in due],
            p_import_ids=[each.import_id for each in due],
            p_token=token,
        )
        return returned


def _due_import(row: Mapping[str, Any]) -> DueImport:
    columns = {name: value for name, value in row.items() if name != "traceparent"}
    return DueImport(**columns, trace=trace_of_row(row))
