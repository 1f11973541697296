"""The relay: moves a topic of the outbox to the service that takes the next step."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import grpc

from services.chassis.ids import new_id
from services.chassis.loops import Stopping, Wake, loop
from services.chassis.outbox import (
    REFUSED,
    RETRY,
    RETURNED,
    SENT,
    OutboxItem,
    OutboxStore,
    Settlement,
)
from services.chassis.telemetry import Work, work
from services.chassis.trace import Start
from services.chassis.watermark import Watermark

_ABOUT_CONTENT: Final = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
)
# gRPC's own words for a message above the limit; a server that sheds load says something else.
_TOO_LARGE: Final = "larger than max"
RETRY_SECONDS_MIN: Final = 0.5
RETRY_SECONDS_MAX: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the receiver said of one item: taken over, or refused for a reason."""

    accepted: bool
    reason: str = ""


Send = Callable[[Sequence[OutboxItem]], Awaitable[Mapping[UUID, Answer]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayPolicy:
    """Bounds: items per batch, and the lease in seconds (longer than the call's deadline)."""

    batch_items_max: int = 200
    lease_seconds: float = 30


class Relay:
    """Claims items of one topic, sends them in one RPC, settles each by its answer."""

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
        await loop(self.step, self.wake, stopping, poll_seconds=poll_seconds)

    async def step(self) -> int:
        """One batch; answers how many items it claimed."""
        token = new_id()
        with work("batch", f"relay {self.topic}", start=Start(parent=None)) as unit:
            items = await self._claim(token)
            unit.silent = not items
            if items:
                settlements = await self._deliver(items, token)
                settled = await self._store.settle_outbox(token, settlements)
                _record(unit, self.topic, items, settlements, settled)
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
        self._watermark.saw(min((item.due_at for item in items), default=None), now)
        return items

    async def _deliver(self, items: list[OutboxItem], token: UUID) -> list[Settlement]:
        try:
            return await self._settlements(items)
        except asyncio.CancelledError:
            await asyncio.shield(self._return(items, token))
            raise

    async def _settlements(self, items: list[OutboxItem]) -> list[Settlement]:
        """What the receiver said of each; a batch that it cannot take is halved, so that an item
        which breaks the call waits alone."""
        try:
            answers = await self._send(items)
        except grpc.aio.AioRpcError as error:
            if len(items) == 1 or not _is_about_content(error):
                return [_retry(item, error.code().name) for item in items]
            middle = len(items) // 2
            return [
                *await self._settlements(items[:middle]),
                *await self._settlements(items[middle:]),
            ]
        return [_settlement(item, answers.get(item.subject_id)) for item in items]

    async def _return(self, items: list[OutboxItem], token: UUID) -> None:
        """Gives interrupted work back with the attempt unspent."""
        returned = [Settlement(item=item, outcome=RETURNED) for item in items]
        await self._store.settle_outbox(token, returned)


def _is_about_content(error: grpc.aio.AioRpcError) -> bool:
    """Whether the call failed for what was in it, so that fewer items may fare better."""
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return _TOO_LARGE in (error.details() or "")
    return error.code() in _ABOUT_CONTENT


def _settlement(item: OutboxItem, answer: Answer | None) -> Settlement:
    if answer is None:
        return _retry(item, "the receiver did not answer for it")
    if answer.accepted:
        return Settlement(item=item, outcome=SENT)
    return Settlement(item=item, outcome=REFUSED, error=answer.reason)


def _retry(item: OutboxItem, error: str) -> Settlement:
    seconds = retry_seconds(item.attempts)
    return Settlement(item=item, outcome=RETRY, error=error, retry_after_seconds=seconds)


def retry_seconds(attempts: int) -> float:
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
