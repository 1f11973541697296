"""Looks at pages' health: does the page still send to us, has it fallen silent, is its token good.

Meta unsubscribes an app whose webhooks fail for an hour, and says nothing. So the subscription is
asked for and mended; and after a gap, or a silence that is too long for a page that had events,
a session reads what was missed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.chassis.ids import new_id
from services.chassis.loops import Stopping, Wake, loop
from services.chassis.outbound.client import OutboundError
from services.chassis.sealing import KeyRing, SealBroken
from services.chassis.telemetry import Work, work
from services.chassis.trace import Start
from services.sync.clock import Clock
from services.sync.graph import Graph, GraphAnswer, Target
from services.sync.graph_errors import GraphError, error_of
from services.sync.page_tokens_at_rest import unseal_token
from services.sync.store.pages import Pace, PageStore, PageToCheck
from services.sync.subscriptions import FIELDS, MESSAGES, fields_of

_BATCH_PAGES_MAX: Final = 20
_LEASE_SECONDS: Final = 300.0
_SOON_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a look at a page found; None: nothing was learned of it."""

    subscription_status: str | None = None
    token_status: str | None = None
    error: str | None = None
    gap: bool = False
    again_seconds: float | None = None


class HealthCheck:
    """The loop that looks at pages."""

    def __init__(
        self,
        pages: PageStore,
        graph: Graph,
        ring: KeyRing,
        clock: Clock,
        *,
        every_seconds: float,
        silence_seconds: float,
        pace: Pace,
        started: Callable[[], None],
    ) -> None:
        self.wake = Wake()
        self._pages = pages
        self._graph = graph
        self._ring = ring
        self._clock = clock
        self._every_seconds = every_seconds
        self._silence = timedelta(seconds=silence_seconds)
        self._pace = pace
        self._started = started

    async def run(self, stopping: Stopping, *, poll_seconds: float) -> None:
        """Looks until the process stops."""
        await loop(self.step, self.wake, stopping, poll_seconds=poll_seconds)

    async def step(self) -> int:
        """Looks at the pages that are due; answers how many."""
        pages = await self._pages.claim_pages_to_check(_BATCH_PAGES_MAX, _LEASE_SECONDS)
        for page in pages:
            with work("tick", "check page", start=Start(parent=None)) as unit:
                await self._check(page, unit)
        return len(pages)

    async def _check(self, page: PageToCheck, unit: Work) -> None:
        finding = await self._look(page)
        silent = is_silent(page.last_webhook_at, self._clock.now(), self._silence)
        seconds = finding.again_seconds or self._every_seconds
        started = await self._pages.save_page_check(
            page,
            subscription_status=finding.subscription_status,
            error=finding.error,
            token_status=finding.token_status,
            gap=finding.gap or (silent and finding.token_status in (None, "good")),
            due_at=self._clock.now() + timedelta(seconds=seconds),
            session_id=new_id(),
            traceparent=unit.trace.traceparent,
        )
        unit.outcome = finding.subscription_status or "unknown"
        unit.note(page_id=str(page.page_id), silent=silent, gap=finding.gap, error=finding.error)
        if started:
            self._started()

    async def _look(self, page: PageToCheck) -> Finding:
        target = self._target(page)
        if target is None:
            return Finding(token_status="dead", error="token unreadable")
        try:
            if blocked_for := await self._turn(page):
                return Finding(error=blocked_for, again_seconds=_SOON_SECONDS)
            answer = await self._graph.subscriptions(target)
            if answer.status != 200:
                return await self._refused(page, answer)
            wanted = FIELDS[page.platform]
            sent = fields_of(answer.body, page.external_app_id)
            if sent >= wanted:
                return Finding(subscription_status="subscribed", token_status="good")
            if blocked_for := await self._turn(page):
                return Finding(token_status="good", error=blocked_for, again_seconds=_SOON_SECONDS)
            # Subscribing replaces: what our app is sent besides is asked for again.
            others = sent if page.external_app_id else frozenset()
            answer = await self._graph.subscribe(target, wanted | others)
            if answer.status != 200:
                return await self._refused(page, answer)
        except OutboundError as error:
            return Finding(error=type(error).__name__, again_seconds=_SOON_SECONDS)
        # What was said while nobody was told is read now.
        return Finding(
            subscription_status="repaired", token_status="good", gap=MESSAGES not in sent
        )

    async def _turn(self, page: PageToCheck) -> str | None:
        """Waits for the call's turn; says why there is none."""
        slot = await self._pages.reserve_call(
            page.facebook_page_id, page.external_app_id, self._pace
        )
        if slot.wait_seconds is None:
            return slot.blocked_for or "blocked"
        if slot.wait_seconds > 0:
            await self._clock.sleep(slot.wait_seconds)
        return None

    def _target(self, page: PageToCheck) -> Target | None:
        if page.access_token_ciphertext is None:
            return None
        try:
            token = unseal_token(
                self._ring,
                page.access_token_ciphertext,
                org_id=page.org_id,
                platform=page.platform,
                facebook_page_id=page.facebook_page_id,
            )
        except SealBroken:
            return None
        return Target(platform=page.platform, facebook_page_id=page.facebook_page_id, token=token)

    async def _refused(self, page: PageToCheck, answer: GraphAnswer) -> Finding:
        error = error_of(answer.status, answer.body, sent_cursor=False)
        seconds = max(error.seconds, answer.usage.regain_seconds)
        await self._pages.report_usage(
            page.facebook_page_id,
            page.external_app_id,
            answer.usage,
            page_block_seconds=seconds if error.action == "pause_page" else 0,
            app_block_seconds=seconds if error.action == "pause_app" else 0,
            blocked_for=error.reason,
        )
        return finding_of(error)


def finding_of(error: GraphError) -> Finding:
    """What a refused call says of the page."""
    match error.action:
        case "reauth":
            return Finding(token_status="dead", error=error.reason)
        case "forbidden" | "fail":
            # Only this capability is missing: conversations may still be pulled.
            return Finding(subscription_status="failed", error=error.reason)
        case _:
            return Finding(error=error.reason, again_seconds=_SOON_SECONDS)


def is_silent(last_webhook_at: datetime | None, now: datetime, silence: timedelta) -> bool:
    """Whether a page that had events has had none for too long."""
    return last_webhook_at is not None and now - last_webhook_at > silence
