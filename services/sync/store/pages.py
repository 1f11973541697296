"""Pages, their health and what Meta's limits leave of calls, in the database."""

from datetime import datetime
from uuid import UUID

from services.chassis.database import Database
from services.chassis.rpc.request_ids import RequestId
from services.sync.clock import Clock, RealClock
from services.sync.records.pages import FacebookPage, PageToCheck
from services.sync.records.pulls import CallPace, CallSlot
from services.sync.usage import Usage


class PageStore:
    """Pages of sync's schema."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or RealClock()

    async def connect_page(
        self,
        org_id: UUID,
        *,
        page_id: UUID,
        platform: str,
        facebook_page_id: str,
        name: str,
        external_app_id: str,
        access_token_ciphertext: bytes,
        request_id: RequestId,
        traceparent: str,
    ) -> UUID:
        """Connects it, or gives it another token; returns its id. Raises REQUEST_ID_REUSED."""
        connected: UUID = await self._database.value(
            "connect_page",
            p_org_id=org_id,
            p_page_id=page_id,
            p_platform=platform,
            p_facebook_page_id=facebook_page_id,
            p_name=name,
            p_external_app_id=external_app_id,
            p_access_token_ciphertext=access_token_ciphertext,
            p_request_id=request_id.value,
            p_request_hash=request_id.content_hash,
            p_traceparent=traceparent,
            **self._clock.argument(),
        )
        return connected

    async def list_pages(
        self, org_id: UUID, limit: int, after: UUID | None = None, *, page_id: UUID | None = None
    ) -> list[FacebookPage]:
        """The org's pages after that one, by id; or the one of `page_id`."""
        rows = await self._database.rows(
            "list_pages", p_org_id=org_id, p_page_id=page_id, p_limit=limit, p_after=after
        )
        return [FacebookPage(**row) for row in rows]

    async def reserve_call(self, page_key: str, app_key: str, pace: CallPace) -> CallSlot:
        """A slot for the next call of the page, or for how long calls are blocked."""
        row = await self._database.row(
            "reserve_call",
            p_page_key=page_key,
            p_app_key=app_key,
            p_interval_seconds=pace.interval_seconds,
            p_slow_percent=pace.slow_percent,
            p_slow_factor=pace.slow_factor,
            p_wait_seconds_max=pace.wait_seconds_max,
            **self._clock.argument(),
        )
        assert row is not None
        return CallSlot(**row)

    async def report_usage(
        self,
        page_key: str,
        app_key: str,
        usage: Usage,
        *,
        page_block_seconds: float = 0,
        app_block_seconds: float = 0,
        blocked_for: str | None = None,
    ) -> None:
        """Stores what a response said of limits."""
        await self._database.rows(
            "report_usage",
            p_page_key=page_key,
            p_app_key=app_key,
            p_page_percent=usage.page_percent,
            p_app_percent=usage.app_percent,
            p_page_block_seconds=page_block_seconds,
            p_app_block_seconds=app_block_seconds,
            p_blocked_for=blocked_for,
            **self._clock.argument(),
        )

    async def claim_pages_to_check(self, limit: int, lease_seconds: float) -> list[PageToCheck]:
        """Pages whose health is due to be checked."""
        rows = await self._database.rows(
            "claim_pages_to_check",
            p_limit=limit,
            p_lease_seconds=lease_seconds,
            **self._clock.argument(),
        )
        return [PageToCheck(**row) for row in rows]

    async def save_page_check(
        self,
        page: PageToCheck,
        *,
        subscription_status: str | None,
        error: str | None,
        token_status: str | None,
        gap: bool,
        due_at: datetime,
        session_id: UUID,
        traceparent: str,
    ) -> bool:
        """Stores what was found; whether a session was started to read what was missed."""
        started: bool = await self._database.value(
            "save_page_check",
            p_org_id=page.org_id,
            p_page_id=page.page_id,
            p_subscription_status=subscription_status,
            p_subscription_error=error,
            p_token_status=token_status,
            p_gap=gap,
            p_due_at=due_at,
            p_session_id=session_id,
            p_traceparent=traceparent,
            **self._clock.argument(),
        )
        return started
