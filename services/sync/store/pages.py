"""Pages, their health and what Meta's limits leave of calls, in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.chassis.database import Database, Record
from services.chassis.rpc.request_ids import RequestId
from services.sync.clock import Clock, RealClock
from services.sync.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast calls may follow each other, and how long one waits for its turn."""

    interval_seconds: float = 0.5
    slow_percent: int = 75
    stop_percent: int = 90
    slow_factor: float = 4
    wait_seconds_max: float = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """In how many seconds to make the call; or None, and for how long and why there is no turn."""

    wait_seconds: float | None
    blocked_seconds: float | None
    blocked_for: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageToCheck:
    """A page whose health is to be looked at."""

    org_id: UUID
    page_id: UUID
    platform: str
    facebook_page_id: str
    external_app_id: str
    access_token_ciphertext: bytes | None
    last_webhook_at: datetime | None


class PageStore:
    """Pages of sync's schema."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock or RealClock()

    async def connect_page(
        self,
        *,
        org_id: UUID,
        page_id: UUID,
        platform: str,
        facebook_page_id: str,
        name: str,
        external_app_id: str,
        access_token_ciphertext: bytes,
        request: RequestId,
        traceparent: str,
    ) -> UUID:
        """Connects it, or gives it another token; answers its id. REQUEST_ID_REUSED."""
        connected: UUID = await self._database.value(
            "connect_page",
            p_org_id=org_id,
            p_page_id=page_id,
            p_platform=platform,
            p_facebook_page_id=facebook_page_id,
            p_name=name,
            p_external_app_id=external_app_id,
            p_access_token_ciphertext=access_token_ciphertext,
            p_request_id=request.value,
            p_request_hash=request.content_hash,
            p_traceparent=traceparent,
            **self._clock.argument(),
        )
        return connected

    async def list_pages(
        self, org_id: UUID, limit: int, after: UUID | None = None, *, page_id: UUID | None = None
    ) -> Sequence[Record]:
        """The org's pages after that one, by id; or the one named."""
        return await self._database.rows(
            "list_pages", p_org_id=org_id, p_page_id=page_id, p_limit=limit, p_after=after
        )

    async def reserve_call(self, page_key: str, app_key: str, pace: Pace) -> Slot:
        """A turn for the next call of the page, or for how long there is none."""
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
        return Slot(**row)

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
        """Keeps what an answer said of limits."""
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
        """Pages whose health is to be looked at."""
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
        """Keeps what was found; whether a session was started to read what was missed."""
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
