"""The relay: moves a topic of the outbox to the service that takes the next step.

While the receiver cannot be reached nothing is known about any item: the batch keeps its place in
the queue and the relay waits, so that the backlog is handed over in order of age afterwards. A
batch that the receiver fails on is split, so that an item that poisons it fails by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import grpc
import msgspec

from services.chassis.batching import run_in_halves
from services.chassis.ids import new_id
from services.chassis.loops import Stopping, Wake, loop
from services.chassis.outbox.store import (
    DEFERRED,
    REFUSED,
    RETRY,
    RETURNED,
    SENT,
    OutboxItem,
    OutboxStore,
    Settlement,
)
from services.chassis.rpc.client import MESSAGE_BYTES_MAX
from services.chassis.rpc.too_large import is_too_large
from services.chassis.telemetry import Work, log, work
from services.chassis.trace import Start
from services.chassis.watermark import Watermark

RETRY_SECONDS_MIN: Final = 0.5
RETRY_SECONDS_MAX: Final = 60.0
# A quarter of what one message may hold: rows are a little smaller than what is made of them.
PAYLOAD_BYTES_MAX: Final = MESSAGE_BYTES_MAX // 4
_OUTAGES: Final = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNIMPLEMENTED,
)
_TOO_LARGE: Final = "TOO_LARGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffResult:
    """The receiver's result for one item: accepted, or refused for a reason."""

    accepted: bool
    reason: str = ""


Send = Callable[[Sequence[OutboxItem]], Awaitable[Mapping[UUID, HandoffResult]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayPolicy:
    """Bounds: items per batch, and the lease in seconds (longer than the call's deadline).

    A relay that lingers goes on at once only after a full batch: what is not urgent leaves in few
    large batches, a poll apart, instead of many small ones that compete for commits.
    """

    batch_items_max: int = 200
    lease_seconds: float = 30
    lingers: bool = False


class Relay:
    """Claims items of one topic, sends them in one RPC, settles each by its result."""

    def __init__(
        self, topic: str, store: OutboxStore, send: Send, policy: RelayPolicy | None = None
    ) -> None:
        self.topic = topic
        self.wake = Wake()
        self._store = store
        self._send = send
        self._policy = policy or RelayPolicy()
        self._watermark = Watermark(margin_seconds=5, sweep_every_seconds=2)

    async def run(self, stopping: Stopping, *, poll_seconds: float) -> None:
        """Relays until the process stops."""
        step = self._lingering_step if self._policy.lingers else self.step
        await loop(step, self.wake, stopping, poll_seconds=poll_seconds)

    async def _lingering_step(self) -> int:
        claimed = await self.step()
        return claimed if claimed >= self._policy.batch_items_max else 0

    async def step(self) -> int:
        """Sends one batch; returns how many items it claimed, 0 in an outage of the receiver."""
        token = new_id()
        with work("batch", f"relay {self.topic}", start=Start(parent=None)) as unit:
            items = await self._claim(token)
            unit.silent = not items
            if items:
                settlements = await self._send_all(items, token)
                settled = await self._store.settle_outbox(token, settlements)
                _record(unit, self.topic, items, settlements, settled)
                if any(settlement.outcome == DEFERRED for settlement in settlements):
                    return 0
        return len(items)

    async def _claim(self, token: UUID) -> list[OutboxItem]:
        now = datetime.now(UTC)
        items = await self._store.claim_outbox(
            topic=self.topic,
            token=token,
            limit=self._policy.batch_items_max,
            lease_seconds=self._policy.lease_seconds,
            due_from=self._watermark.lower_bound(now),
        )
        self._watermark.observe(min((item.due_at for item in items), default=None), now)
        return items

    async def _send_all(self, items: list[OutboxItem], token: UUID) -> list[Settlement]:
        settlements: list[Settlement] = []

        async def send(part: Sequence[OutboxItem]) -> None:
            settlements.extend(await self._send_part(part))

        def failed(item: OutboxItem, error: Exception) -> None:
            settlements.append(_retry(item, _fault(error)))

        try:
            for part in parts_of(items, PAYLOAD_BYTES_MAX):
                await run_in_halves(part, send, failed=failed)
        except asyncio.CancelledError:
            await asyncio.shield(self._return(items, token))
            raise
        return settlements

    async def _send_part(self, items: Sequence[OutboxItem]) -> list[Settlement]:
        try:
            results = await self._send(items)
        except grpc.aio.AioRpcError as error:
            if _is_outage(error):
                return [_deferred(item, error.code().name) for item in items]
            if is_too_large(error):
                # A fault of ours: the receiver's answers and our batches are bounded.
                log.error(
                    "too large for gRPC",
                    topic=self.topic,
                    items=len(items),
                    details=error.details(),
                )
            raise
        except Exception:
            log.error("a batch cannot be sent", topic=self.topic, items=len(items), exc_info=True)
            raise
        return [_settlement(item, results.get(item.subject_id)) for item in items]

    async def _return(self, items: list[OutboxItem], token: UUID) -> None:
        """Returns interrupted items to the queue, their attempt unspent."""
        returned = [Settlement(item=item, outcome=RETURNED) for item in items]
        await self._store.settle_outbox(token, returned)


def _is_outage(error: grpc.aio.AioRpcError) -> bool:
    """Whether the call failed whatever it held."""
    return error.code() in _OUTAGES and not is_too_large(error)


def _fault(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return _TOO_LARGE if is_too_large(error) else error.code().name
    return type(error).__name__


def parts_of(items: Sequence[OutboxItem], bytes_max: int) -> list[list[OutboxItem]]:
    """The items in order, in parts whose payloads fit one message; at least one item a part."""
    parts: list[list[OutboxItem]] = []
    left = 0
    for item in items:
        size = len(msgspec.json.encode(item.payload))
        if not parts or size > left:
            parts.append([])
            left = bytes_max
        parts[-1].append(item)
        left -= size
    return parts


def _settlement(item: OutboxItem, result: HandoffResult | None) -> Settlement:
    if result is None:
        return _retry(item, "the receiver did not answer for it")
    if result.accepted:
        return Settlement(item=item, outcome=SENT)
    return Settlement(item=item, outcome=REFUSED, error=result.reason)


def _deferred(item: OutboxItem, error: str) -> Settlement:
    return Settlement(item=item, outcome=DEFERRED, error=error)


def _retry(item: OutboxItem, error: str) -> Settlement:
    seconds = backoff_seconds(item.attempts)
    return Settlement(item=item, outcome=RETRY, error=error, retry_after_seconds=seconds)


def backoff_seconds(attempts: int) -> float:
    """Seconds until the next try after so many: doubling from 0.5, at most 60, never giving up."""
    return float(min(RETRY_SECONDS_MAX, RETRY_SECONDS_MIN * 2 ** min(attempts - 1, 10)))


def _record(
    unit: Work,
    topic: str,
    items: list[OutboxItem],
    settlements: list[Settlement],
    settled: int,
) -> None:
    unit.note(topic=topic, items=len(items), settled=settled)
    for settlement in settlements:
        unit.count(f"relay {topic}", settlement.outcome)
