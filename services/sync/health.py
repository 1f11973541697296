"""Checks pages' health: does the page still send to us, has it fallen silent, is its token good.

Meta unsubscribes an app whose webhooks fail for an hour, without a notice. So the subscription is
checked and repaired; and after a gap, or a silence that is too long for a page that had events,
a session reads what was missed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.chassis.ids import new_id
from services.chassis.loops import Stopping, Wake, loop
from services.chassis.outbound.client import OutboundError
from services.chassis.sealing import SealBroken
from services.chassis.telemetry import Work, work
from services.chassis.trace import Start
from services.sync.clock import Clock
from services.sync.graph import Graph, GraphResponse
from services.sync.graph_errors import GraphError, error_of
from services.sync.page_tokens import PageTokens
from services.sync.records.pages import PageToCheck
from services.sync.records.pulls import CallPace
from services.sync.store.pages import PageStore
from services.sync.subscriptions import FIELDS, MESSAGES, fields_of

_BATCH_PAGES_MAX: Final = 20
_LEASE_SECONDS: Final = 300.0
_SOON_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a check of a page found; None: nothing was learned of it."""

    subscription_status: str | None = None
    token_status: str | None = None
    error: str | None = None
    gap: bool = False
    recheck_seconds: float | None = None


class HealthCheck:
    """The loop that checks pages."""

    def __init__(
        self,
        pages: PageStore,
        graph: Graph,
        tokens: PageTokens,
        clock: Clock,
        *,
        every_seconds: float,
        silence_seconds: float,
        pace: CallPace,
        session_started: Callable[[], None],
    ) -> None:
        self.wake = Wake()
        self._pages = pages
        self._graph = graph
        self._tokens = tokens
        self._clock = clock
        self._every_seconds = every_seconds
        self._silence = timedelta(seconds=silence_seconds)
        self._pace = pace
        self._session_started = session_started

    async def run(self, stopping: Stopping, *, poll_seconds: float) -> None:
        """Checks until the process stops."""
        await loop(self.step, self.wake, stopping, poll_seconds=poll_seconds)

    async def step(self) -> int:
        """Checks the pages that are due; returns how many."""
        pages = await self._pages.claim_pages_to_check(_BATCH_PAGES_MAX, _LEASE_SECONDS)
        for page in pages:
            with work("tick", "check page", start=Start(parent=None)) as unit:
                await self._check(page, unit)
        return len(pages)

    async def _check(self, page: PageToCheck, unit: Work) -> None:
        finding = await self._inspect(page)
        silent = is_silent(page.last_webhook_at, self._clock.now(), self._silence)
        seconds = finding.recheck_seconds or self._every_seconds
        has_started = await self._pages.save_page_check(
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
        if has_started:
            self._session_started()

    async def _inspect(self, page: PageToCheck) -> Finding:
        try:
            credentials = self._tokens.credentials(page)
            if blocked_for := await self._acquire_call_slot(page):
                return Finding(error=blocked_for, recheck_seconds=_SOON_SECONDS)
            response = await self._graph.subscriptions(credentials)
            if response.status != 200:
                return await self._refused(page, response)
            wanted = FIELDS[page.platform]
            sent = fields_of(response.body, page.external_app_id)
            if sent >= wanted:
                return Finding(subscription_status="subscribed", token_status="good")
            if blocked_for := await self._acquire_call_slot(page):
                return Finding(
                    token_status="good", error=blocked_for, recheck_seconds=_SOON_SECONDS
                )
            # Subscribing replaces: other fields that our app receives are requested again.
            others = sent if page.external_app_id else frozenset()
            response = await self._graph.subscribe(credentials, wanted | others)
            if response.status != 200:
                return await self._refused(page, response)
        except SealBroken:
            return Finding(token_status="dead", error="token unreadable")
        except OutboundError as error:
            return Finding(error=type(error).__name__, recheck_seconds=_SOON_SECONDS)
        # What was said while the page did not send to us is read now.
        return Finding(
            subscription_status="repaired", token_status="good", gap=MESSAGES not in sent
        )

    async def _acquire_call_slot(self, page: PageToCheck) -> str | None:
        """Waits for the next call's slot; returns why calls are blocked, or None."""
        slot = await self._pages.reserve_call(
            page.facebook_page_id, page.external_app_id, self._pace
        )
        if slot.wait_seconds is None:
            return slot.blocked_for or "blocked"
        if slot.wait_seconds > 0:
            await self._clock.sleep(slot.wait_seconds)
        return None

    async def _refused(self, page: PageToCheck, response: GraphResponse) -> Finding:
        error = error_of(response.status, response.body, sent_cursor=False)
        seconds = max(error.seconds, response.usage.regain_seconds)
        await self._pages.report_usage(
            page.facebook_page_id,
            page.external_app_id,
            response.usage,
            page_block_seconds=seconds if error.action == "pause_page" else 0,
            app_block_seconds=seconds if error.action == "pause_app" else 0,
            blocked_for=error.reason,
        )
        return finding_of(error)


def finding_of(error: GraphError) -> Finding:
    """What a refused call means for the page."""
    match error.action:
        case "reauth":
            return Finding(token_status="dead", error=error.reason)
        case "forbidden" | "fail":
            # Only this capability is missing: conversations may still be pulled.
            return Finding(subscription_status="failed", error=error.reason)
        case _:
            return Finding(error=error.reason, recheck_seconds=_SOON_SECONDS)


def is_silent(last_webhook_at: datetime | None, now: datetime, silence: timedelta) -> bool:
    """Whether a page that had events has had none for too long."""
    return last_webhook_at is not None and now - last_webhook_at > silence
