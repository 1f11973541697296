"""The dispatcher: claims due deliveries, posts them, reports back. No transaction spans a post."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from uuid import UUID

from services.chassis.batching import GroupCommit
from services.chassis.database import is_outage
from services.chassis.ids import new_id
from services.chassis.loops import OUTAGE_BACKOFF_SECONDS, Stopping, Wake, loop, retry_outage
from services.chassis.telemetry import log, work
from services.chassis.trace import Start
from services.chassis.watermark import Watermark
from services.delivery.backoff import BackoffPolicy, throttle_seconds
from services.delivery.next_step import next_step
from services.delivery.records import AttemptResult, Claim, Report
from services.delivery.response_classification import THROTTLED
from services.delivery.store.claims import ClaimStore
from services.delivery.webhook_client import WebhookClient


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatcherPolicy:
    """Bounds: deliveries per claim and per report; the longest post."""

    batch_deliveries_max: int = 100
    report_batch_deliveries_max: int = 200
    post_seconds_max: float = 15
    backoff: BackoffPolicy = field(default_factory=BackoffPolicy)


class Dispatcher:
    """Keeps as many deliveries under way as the store's terms allow; open it with `async with`.

    Each delivery has a task of its own, so a slow buyer delays no other delivery. Leaving the
    block waits for all of them.
    """

    def __init__(
        self,
        store: ClaimStore,
        client: WebhookClient,
        stopping: Stopping,
        policy: DispatcherPolicy,
    ) -> None:
        self.wake = Wake()
        self._store = store
        self._client = client
        self._stopping = stopping
        self._policy = policy
        self._busy: Counter[UUID] = Counter()
        self._watermark = Watermark(margin_seconds=5, sweep_every_seconds=2)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._reports: GroupCommit[Report, str] = await self._stack.enter_async_context(
            GroupCommit(
                self._finish,
                batch_items_max=self._policy.report_batch_deliveries_max,
                waiting_items_max=self._store.terms.deliveries_max,
                is_outage=is_outage,
            )
        )
        self._sends = await self._stack.enter_async_context(asyncio.TaskGroup())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, traceback)

    async def run(self, *, poll_seconds: float) -> None:
        """Sends until the process stops."""
        await loop(self.step, self.wake, self._stopping, poll_seconds=poll_seconds)

    async def step(self) -> int:
        """Claims deliveries while there is room and starts to send them; returns how many."""
        room = self._store.terms.deliveries_max - self._busy.total()
        if room <= 0:
            return 0
        claimed_at = time.monotonic()
        with work("batch", "claim deliveries", start=Start(parent=None)) as unit:
            claims = await self._claim(min(room, self._policy.batch_deliveries_max))
            unit.silent = not claims
            unit.note(items=len(claims), in_flight=self._busy.total())
        for claim in claims:
            self._busy[claim.workspace_id] += 1
            self._sends.create_task(self._send(claim, claimed_at))
        return len(claims)

    async def _claim(self, limit: int) -> list[Claim]:
        # As of before the claim: some are answered while it runs.
        now, busy = datetime.now(UTC), self._busy.copy()
        claims = await self._store.claim_deliveries(
            token=new_id(), limit=limit, busy=busy, due_from=self._watermark.lower_bound(now)
        )
        under_way = busy + Counter(claim.workspace_id for claim in claims)
        oldest = min((claim.due_at for claim in claims), default=None)
        left_behind = len(claims) >= limit or self._is_scarce(under_way, *under_way.values())
        self._watermark.observe(oldest, now, left_behind=left_behind)
        return claims

    def _is_scarce(self, under_way: Counter[UUID], *of_workspaces: int) -> bool:
        """Whether with so many under way a claim may skip what is due to these workspaces."""
        terms = self._store.terms
        return (
            under_way.total() >= terms.deliveries_max - terms.spare_deliveries
            or max(of_workspaces, default=0) >= terms.workspace_deliveries_max
        )

    async def _send(self, claim: Claim, claimed_at: float) -> None:
        try:
            if self._stopping:
                await self._store.return_deliveries([claim])
            elif await self._has_time(claim, claimed_at):
                await self._report(claim, await self._post(claim))
        except Exception as error:
            if not is_outage(error):
                raise
            trace_id = claim.trace.trace_id
            log.warning(
                "delivery left to its lease", delivery_id=claim.delivery_id, trace_id=trace_id
            )
        finally:
            self._make_room(claim)

    def _make_room(self, claim: Claim) -> None:
        """Counts a delivery less; wakes the loop where a claim may have skipped others."""
        was_scarce = self._is_scarce(self._busy, self._busy[claim.workspace_id])
        self._busy[claim.workspace_id] -= 1
        if not self._busy[claim.workspace_id]:
            del self._busy[claim.workspace_id]
        if was_scarce:
            self.wake.set()

    async def _has_time(self, claim: Claim, claimed_at: float) -> bool:
        """Whether the lease outlives the longest post; lengthens it where it does not."""
        left = self._lease_left(claimed_at)
        if left > self._policy.post_seconds_max + OUTAGE_BACKOFF_SECONDS:
            return True
        return await self._store.extend_delivery_lease(claim)

    def _lease_left(self, claimed_at: float) -> float:
        return claimed_at + self._store.terms.lease_seconds - time.monotonic()

    async def _post(self, claim: Claim) -> list[AttemptResult]:
        async with asyncio.TaskGroup() as posts:
            tasks = [
                posts.create_task(self._client.post(claim, target)) for target in claim.targets
            ]
        return [task.result() for task in tasks]

    async def _report(self, claim: Claim, results: list[AttemptResult]) -> None:
        """Reports back, even through an outage: the buyer may have the lead already."""
        report = to_report(claim, results, self._policy.backoff, jitter=random.random())
        outcome = await retry_outage(
            lambda: self._reports.submit(claim.delivery_id, report),
            seconds_max=self._store.terms.lease_seconds,
        )
        if outcome != "finished":
            log.warning(
                "report without effect",
                delivery_id=claim.delivery_id,
                outcome=outcome,
                trace_id=claim.trace.trace_id,
            )

    async def _finish(self, reports: Mapping[UUID, Report]) -> dict[UUID, str]:
        with work("batch", "finish deliveries", start=Start(parent=None)) as unit:
            unit.note(items=len(reports))
            outcomes = await self._store.finish_deliveries(list(reports.values()))
            for report in reports.values():
                unit.count("finish deliveries", report.next_step.action)
        return outcomes


def to_report(
    claim: Claim, results: list[AttemptResult], policy: BackoffPolicy, *, jitter: float
) -> Report:
    """What is reported of a delivery: its results, the next step, each endpoint's throttle."""
    return Report(
        claim=claim,
        next_step=next_step(claim, results, policy, jitter=jitter),
        results=tuple(results),
        throttle_seconds=tuple(
            throttle_seconds(policy, result.retry_after_seconds)
            if result.outcome == THROTTLED
            else 0.0
            for result in results
        ),
    )
