"""Works through webhook items of one kind: claim, read each, write them together, settle.

Each kind has a loop of its own, so that a slow Graph API keeps no message waiting. What is read is
written through the same group commit as the leads that callers send: a poison item fails alone.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from services.chassis.batching import GroupCommit
from services.chassis.database import is_outage
from services.chassis.ids import new_id
from services.chassis.loops import Stopping, Wake, loop
from services.chassis.telemetry import Work, log, work
from services.chassis.trace import Start, continue_from
from services.chassis.watermark import Watermark
from services.ingest.backoff import retry_seconds
from services.ingest.config import IngestConfig
from services.ingest.leads import NewLead
from services.ingest.store import IngestStore
from services.ingest.store.leads import LeadToStore, StoredLead
from services.ingest.store.webhooks import ClaimedItem, ItemSettlement


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why an item could not be read; `permanent` where no repeat can help."""

    reason: str
    permanent: bool = False
    wait_seconds: float = 0


class Reader(Protocol):
    """Turns a claimed item into what is to be stored."""

    async def duplicates(self, items: Sequence[ClaimedItem]) -> set[UUID]:
        """Items known to be duplicates before they are read."""

    async def read(self, item: ClaimedItem) -> NewLead | Fault:
        """The lead that the item brings, or why it cannot be read."""


class ItemsWorker:
    """The loop of one kind of item; `concurrent_max` items are read at a time."""

    def __init__(
        self,
        kind: str,
        reader: Reader,
        *,
        store: IngestStore,
        writer: GroupCommit[LeadToStore, StoredLead],
        config: IngestConfig,
        concurrent_max: int,
    ) -> None:
        self.wake = Wake()
        self._kind = kind
        self._reader = reader
        self._store = store
        self._writer = writer
        self._config = config
        self._slots = asyncio.Semaphore(concurrent_max)
        self._watermark = Watermark(margin_seconds=5, sweep_every_seconds=2)

    async def run(self, stopping: Stopping) -> None:
        """Works until the process stops."""
        await loop(self.step, self.wake, stopping, poll_seconds=self._config.poll_seconds)

    async def step(self) -> int:
        """One batch; answers how many items it claimed."""
        token = new_id()
        with work("batch", f"items {self._kind}", start=Start(parent=None)) as unit:
            items = await self._claim(token)
            unit.silent = not items
            if items:
                await self._work_through(items, token, unit)
        return len(items)

    async def _claim(self, token: UUID) -> list[ClaimedItem]:
        now = datetime.now(UTC)
        items = await self._store.claim_webhook_items(
            kind=self._kind,
            token=token,
            limit=self._config.item_batch_max,
            lease_seconds=self._config.item_lease_seconds,
            due_from=self._watermark.lower_bound(now),
        )
        self._watermark.saw(min((item.due_at for item in items), default=None), now)
        return items

    async def _work_through(self, items: list[ClaimedItem], token: UUID, unit: Work) -> None:
        try:
            known = await self._reader.duplicates(items)
            handled = [self._handle(item, token, item.item_id in known) for item in items]
            settlements = [each for each in await asyncio.gather(*handled) if each is not None]
        except asyncio.CancelledError:
            await asyncio.shield(self._return(items, token))
            raise
        if settlements:
            await self._store.settle_webhook_items(token, settlements)
        unit.note(items=len(items), stored=len(items) - len(settlements))
        for settlement in settlements:
            unit.count(f"items {self._kind}", settlement.outcome)

    async def _handle(
        self, item: ClaimedItem, token: UUID, is_duplicate: bool
    ) -> ItemSettlement | None:
        """One try of one item; None where the writer has settled it with its lead."""
        waited = datetime.now(UTC) - item.received_at
        start = continue_from(item.trace, attempt=item.attempts, waited=waited)
        async with self._slots:
            with work("attempt", f"process {item.kind}", start=start) as unit:
                unit.note(item_id=str(item.item_id), attempt=item.attempts)
                trace_id = unit.trace.trace_id
                result = await self._try(item, token, trace_id, is_duplicate=is_duplicate)
                if isinstance(result, ItemSettlement):
                    unit.outcome = result.outcome
                    unit.note(reason=result.reason)
                    return result
                unit.outcome = result.outcome
                return None

    async def _try(
        self, item: ClaimedItem, token: UUID, trace_id: str, *, is_duplicate: bool
    ) -> StoredLead | ItemSettlement:
        if is_duplicate:
            return _settled(item, trace_id, "duplicate", "known")
        try:
            lead = await self._reader.read(item)
            if isinstance(lead, Fault):
                return _after_fault(item, trace_id, lead)
            return await self._writer.submit(
                lead.lead_id,
                LeadToStore(
                    org_id=item.org_id,
                    lead=lead,
                    trace=item.trace,
                    item_id=item.item_id,
                    token=token,
                    attempt_trace_id=trace_id,
                ),
            )
        except Exception as error:
            if is_outage(error):
                raise
            # Only this item fails: what came with it is read and stored without it.
            log.error("item cannot be processed", error=type(error).__name__, exc_info=True)
            return _after_fault(item, trace_id, Fault(reason=type(error).__name__))

    async def _return(self, items: list[ClaimedItem], token: UUID) -> None:
        """Gives interrupted work back with the attempt unspent."""
        returned = [ItemSettlement(item=item, outcome="returned") for item in items]
        await self._store.settle_webhook_items(token, returned)


def _after_fault(item: ClaimedItem, trace_id: str, fault: Fault) -> ItemSettlement:
    seconds = None if fault.permanent else retry_seconds(item.attempts, fault.wait_seconds)
    if seconds is None:
        return _settled(item, trace_id, "dead_letter", fault.reason)
    return _settled(item, trace_id, "retry", fault.reason, seconds)


def _settled(
    item: ClaimedItem, trace_id: str, outcome: str, reason: str, seconds: float = 0
) -> ItemSettlement:
    return ItemSettlement(
        item=item,
        outcome=outcome,
        reason=reason,
        retry_after_seconds=seconds,
        attempt_trace_id=trace_id,
    )
