"""Works through webhook items of one kind: claims them, reads each, stores it, settles it.

Each kind has a loop of its own, so that a slow Graph API does not delay messages. What is read is
written through the same group commit as the leads that callers send: only a poison item fails.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from services.chassis.batching import GroupCommit
from services.chassis.database import is_outage
from services.chassis.ids import new_id
from services.chassis.loops import Stopping, Wake, loop, retry_outage
from services.chassis.telemetry import log, work
from services.chassis.trace import Start, continue_from
from services.chassis.watermark import Watermark
from services.ingest.backoff import retry_delay_seconds
from services.ingest.config import IngestConfig
from services.ingest.item_readers import ItemReader
from services.ingest.lead_writer import LeadWriter
from services.ingest.records.leads import LeadToStore, StoredLead
from services.ingest.records.webhooks import ClaimedItem, ItemSettlement, ReadFault
from services.ingest.store import IngestStore
from services.ingest.webhook_priority import WebhookPriority

# Longer than a failover's first refusals, shorter than the lease that frees an item after that.
_OUTAGE_SECONDS_MAX: Final = 5.0


class ItemWorker:
    """The loop of one kind of item; at most `concurrent_max` items are under way at a time.

    Each item has a task of its own, and a place that becomes free is filled at once, so that slow
    responses for one tenant delay no other. Items that need no call to a peer end together, with
    the commit that stores them: for these `claims_concurrent_max` bounds the open claims, so that
    the next claim takes all that came in during a commit instead of an item or two; and with
    `priority` webhooks that wait to be stored go first.
    """

    def __init__(
        self,
        kind: str,
        reader: ItemReader,
        *,
        store: IngestStore,
        writer: LeadWriter,
        config: IngestConfig,
        concurrent_max: int,
        claims_concurrent_max: int | None = None,
        priority: WebhookPriority | None = None,
    ) -> None:
        self.wake = Wake()
        self._kind = kind
        self._reader = reader
        self._store = store
        self._writer = writer
        self._config = config
        self._concurrent_max = concurrent_max
        # Reserved for tenants with less than their share under way.
        self._spare = concurrent_max // 4
        # Each attempt by item and token: past its lease an item may be claimed again during one.
        self._held: dict[tuple[UUID, UUID], ClaimedItem] = {}
        # How many of each open claim's items are held, by its token.
        self._claims: Counter[UUID] = Counter()
        self._claims_concurrent_max = claims_concurrent_max or concurrent_max
        self._priority = priority
        self._settlements: GroupCommit[ItemSettlement, None] = GroupCommit(
            self._settle,
            batch_items_max=concurrent_max,
            waiting_items_max=concurrent_max,
            is_outage=is_outage,
        )
        self._watermark = Watermark(margin_seconds=5, sweep_every_seconds=2)

    async def run(self, stopping: Stopping) -> None:
        """Works until the process stops and nothing is under way any more.

        When cancelled, it returns the items that it holds, the attempt unspent.
        """
        poll_seconds = self._config.poll_seconds
        try:
            async with asyncio.TaskGroup() as attempts:
                await loop(
                    lambda: self._claim_by_priority(attempts),
                    self.wake,
                    stopping,
                    poll_seconds=poll_seconds,
                )
        finally:
            if self._held:
                await asyncio.shield(self._return(list(self._held.values())))

    async def _claim_by_priority(self, attempts: asyncio.TaskGroup) -> int:
        """A step, unless webhooks go first; 0 where `wake` will announce whatever is left."""
        limit = self._limit()
        # The priority is asked only where there is room: each refusal counts as a deferral.
        if limit <= 0 or (self._priority and not self._priority.may_claim(self.wake)):
            return 0
        claimed = await self.step(attempts)
        return claimed if claimed >= limit else 0

    async def step(self, attempts: asyncio.TaskGroup) -> int:
        """Claims what there is room for and starts an attempt at each item; returns how many."""
        limit = self._limit()
        if limit <= 0:
            return 0
        with work("batch", f"claim items {self._kind}", start=Start(parent=None)) as unit:
            items = await self._claim(limit)
            unit.silent = not items
            unit.note(items=len(items), in_flight=len(self._held))
            duplicates = await self._hold(items) if items else set()
        for item in items:
            attempts.create_task(self._handle(item, item.item_id in duplicates))
        return len(items)

    def _limit(self) -> int:
        """How many items the next claim may take."""
        if len(self._claims) >= self._claims_concurrent_max:
            return 0
        return min(self._concurrent_max - len(self._held), self._config.item_batch_max)

    async def _claim(self, limit: int) -> list[ClaimedItem]:
        # As of the claim: some end while it runs.
        now, busy = datetime.now(UTC), Counter(item.org_id for item in self._held.values())
        items = await self._store.claim_webhook_items(
            kind=self._kind,
            token=new_id(),
            limit=limit,
            in_flight_max=self._concurrent_max,
            spare=self._spare,
            busy=busy,
            lease_seconds=self._config.item_lease_seconds,
            due_from=self._watermark.lower_bound(now),
        )
        oldest = min((item.due_at for item in items), default=None)
        left_behind = len(items) >= limit or self._is_scarce(busy.total() + len(items))
        self._watermark.observe(oldest, now, left_behind=left_behind)
        return items

    def _is_scarce(self, under_way: int) -> bool:
        """Whether with so many under way a claim may leave due items out."""
        return under_way >= self._concurrent_max - self._spare

    async def _hold(self, items: list[ClaimedItem]) -> set[UUID]:
        """Notes what was claimed; returns which items are known to be duplicates."""
        self._held.update({(item.item_id, item.token): item for item in items})
        self._claims.update(item.token for item in items)
        try:
            return await self._reader.duplicates(items)
        except Exception:
            for item in items:
                self._drop(item)
            raise

    async def _handle(self, item: ClaimedItem, is_duplicate: bool) -> None:
        try:
            settlement = await self._attempt(item, is_duplicate)
            if settlement is not None:
                await self._settlements.submit(item.item_id, settlement)
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning(
                "item is free when its lease ends",
                item_id=str(item.item_id),
                trace_id=item.trace.trace_id,
            )
        # Not reached when cancelled: then the item is held until `run` returns it.
        self._release(item)

    def _release(self, item: ClaimedItem) -> None:
        """Makes room for another item, and wakes the loop where room was scarce."""
        was_scarce = self._is_scarce(len(self._held))
        claims_before = len(self._claims)
        self._drop(item)
        if was_scarce or len(self._claims) < claims_before >= self._claims_concurrent_max:
            self.wake.set()

    def _drop(self, item: ClaimedItem) -> None:
        del self._held[item.item_id, item.token]
        self._claims[item.token] -= 1
        if not self._claims[item.token]:
            del self._claims[item.token]

    async def _attempt(self, item: ClaimedItem, is_duplicate: bool) -> ItemSettlement | None:
        """One attempt at one item; None where the writer has settled it with its lead."""
        waited = datetime.now(UTC) - item.received_at
        start = continue_from(item.trace, attempt=item.attempts, waited=waited)
        with work("attempt", f"process {item.kind}", start=start) as unit:
            unit.note(item_id=str(item.item_id), attempt=item.attempts)
            trace_id = unit.trace.trace_id
            result = await self._try(item, trace_id, is_duplicate=is_duplicate)
            unit.outcome = result.outcome
            if isinstance(result, StoredLead):
                unit.note(contact_is_new=result.contact_is_new)
                return None
            unit.note(reason=result.reason)
            return result

    async def _try(
        self, item: ClaimedItem, trace_id: str, *, is_duplicate: bool
    ) -> StoredLead | ItemSettlement:
        if is_duplicate:
            return _settled(item, trace_id, "duplicate", "known")
        try:
            lead = await self._reader.read(item)
            if isinstance(lead, ReadFault):
                return _after_fault(item, trace_id, lead)
            to_store = LeadToStore(
                org_id=item.org_id,
                lead=lead,
                traceparent=item.trace.traceparent,
                item_id=item.item_id,
                token=item.token,
                attempt_trace_id=trace_id,
            )
            return await retry_outage(
                lambda: self._writer.submit(to_store.lead.lead_id, to_store),
                seconds_max=_OUTAGE_SECONDS_MAX,
            )
        except Exception as error:
            if is_outage(error):
                raise
            # Only this item fails; those claimed with it are stored without it.
            log.error("item cannot be processed", error=type(error).__name__, exc_info=True)
            return _after_fault(item, trace_id, ReadFault(reason=type(error).__name__))

    async def _settle(self, settlements: Mapping[UUID, ItemSettlement]) -> Mapping[UUID, None]:
        with work("batch", f"settle items {self._kind}", start=Start(parent=None)) as unit:
            unit.note(items=len(settlements))
            await self._store.settle_webhook_items(list(settlements.values()))
            for settlement in settlements.values():
                unit.count(f"settle items {self._kind}", settlement.outcome)
        return dict.fromkeys(settlements)

    async def _return(self, items: list[ClaimedItem]) -> None:
        """Makes items due again, the attempt unspent."""
        returned = [ItemSettlement(item=item, outcome="returned") for item in items]
        await self._store.settle_webhook_items(returned)


def _after_fault(item: ClaimedItem, trace_id: str, fault: ReadFault) -> ItemSettlement:
    seconds = None if fault.permanent else retry_delay_seconds(item.attempts, fault.wait_seconds)
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
