"""`waybill.trace.v1.TraceService` over any service's schema.

The schema's own functions say what it knows (`get_trace`, `find_traces`, `verify_books`, …); this
parses, calls and answers, the same for all five.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import phonenumbers

from services.chassis.database import Database, Record
from services.chassis.errors import Violation, invalid
from services.chassis.fields import parse_uuid
from services.chassis.rpc.auth import Access, caller
from services.chassis.rpc.pagination import parse_page_from
from services.chassis.rpc.server import Registration
from services.chassis.timestamps import to_optional_timestamp, to_timestamp
from services.chassis.trace import is_trace_id
from waybill.trace.v1 import trace_service_pb2
from waybill.trace.v1.trace_service_pb2 import (
    Equation,
    FindTracesRequest,
    FindTracesResponse,
    GetTraceRequest,
    GetTraceResponse,
    TimelineEntry,
    TraceSummary,
    VerifyBooksRequest,
    VerifyBooksResponse,
)

_SERVICE: Final = "/waybill.trace.v1.TraceService/"
TRACE_ACCESS: Final[Mapping[str, Access]] = {
    f"{_SERVICE}GetTrace": Access(
        tenants=True, workspace_tokens=True, services=frozenset({"operator"})
    ),
    f"{_SERVICE}FindTraces": Access(
        tenants=True, workspace_tokens=True, services=frozenset({"operator"})
    ),
    f"{_SERVICE}VerifyBooks": Access(services=frozenset({"operator"})),
}
# What a service_role caller may search by without naming an org: ids of things, not of persons.
_FOUND_WITHOUT_ORG: Final = ("lead_id", "webhook_id", "external_id")
_UUIDS: Final = ("lead_id", "webhook_id", "workspace_id")


def trace_registration(database: Database, service: str) -> Registration:
    """TraceService over the schema of that service."""
    return Registration(
        descriptor=trace_service_pb2.DESCRIPTOR.services_by_name["TraceService"],
        handlers=(TraceHandlers(TraceStore(database), service),),
        needs=(database.reachable,),
    )


class TraceStore:
    """The trace functions of one schema."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_trace(
        self, org_ids: Sequence[UUID], workspace_id: UUID | None, trace_id: str
    ) -> list[Record]:
        """Every row of the trace as a bar, oldest first."""
        return await self._database.rows(
            "get_trace", p_org_ids=org_ids, p_workspace_id=workspace_id, p_trace_id=trace_id
        )

    async def find_trace_orgs(self, trace_id: str) -> list[UUID]:
        """The orgs that have rows of the trace."""
        rows = await self._database.rows("find_trace_orgs", p_trace_id=trace_id)
        return [row["org_id"] for row in rows]

    async def find_attempt_traces(self, trace_id: str) -> list[Record]:
        """{org_id, trace_id} of the attempts whose own trace this is."""
        return await self._database.rows("find_attempt_traces", p_trace_id=trace_id)

    async def find_orgs_of(self, kind: str, value: str) -> list[UUID]:
        """The orgs that have the lead, webhook or external id."""
        rows = await self._database.rows("find_orgs_of", p_kind=kind, p_value=value)
        return [row["org_id"] for row in rows]

    async def find_traces(
        self,
        org_ids: Sequence[UUID],
        workspace_id: UUID | None,
        kind: str,
        value: str,
        limit: int,
        before: tuple[datetime, UUID] | None,
    ) -> list[Record]:
        """Traces by what callers know, newest first, after `before`: the last row of a page."""
        started_at, key = before or (None, None)
        return await self._database.rows(
            "find_traces",
            p_org_ids=org_ids,
            p_workspace_id=workspace_id,
            p_kind=kind,
            p_value=value,
            p_limit=limit,
            p_before=started_at,
            p_before_key=key,
        )

    async def verify_books(self) -> list[Record]:
        """Each equation, with the rows that break it."""
        return await self._database.rows("verify_books")

    async def book_totals(self) -> dict[str, int]:
        """Totals that another service's must equal."""
        rows = await self._database.rows("book_totals")
        return {row["name"]: row["total"] for row in rows}

    async def count_in_flight(self) -> dict[str, int]:
        """Rows that may have been taken over although they are not settled, by topic."""
        rows = await self._database.rows("count_in_flight")
        return {row["topic"]: row["row_count"] for row in rows}


class TraceHandlers:
    """Parses, calls, answers."""

    def __init__(self, store: TraceStore, service: str) -> None:
        self._store = store
        self._service = service

    async def GetTrace(self, request: GetTraceRequest, context: Any) -> GetTraceResponse:
        if not is_trace_id(request.trace_id):
            raise invalid(
                Violation(field="trace_id", description="must be 32 lower-case hex digits")
            )
        who, trace_id = caller(), request.trace_id
        orgs = [who.org_id] if who.org_id else await self._store.find_trace_orgs(trace_id)
        rows = await self._store.get_trace(orgs, who.workspace_id, trace_id)
        if not rows and (attempt := await self._attempt(trace_id, who.org_id)):
            trace_id = attempt["trace_id"]
            rows = await self._store.get_trace([attempt["org_id"]], who.workspace_id, trace_id)
        return GetTraceResponse(
            service=self._service,
            entries=[to_entry(row) for row in rows],
            trace_id=trace_id if rows else "",
        )

    async def _attempt(self, trace_id: str, org_id: UUID | None) -> Record | None:
        """The attempt whose own trace it is, within the tenant's org where one is given."""
        attempts = await self._store.find_attempt_traces(trace_id)
        own = (each for each in attempts if org_id in (None, each["org_id"]))
        return next(own, None)

    async def FindTraces(self, request: FindTracesRequest, context: Any) -> FindTracesResponse:
        who = caller()
        kind, value = parse_search(request)
        orgs = [who.org_id] if who.org_id else await self._orgs_of(kind, value)
        digest = hashlib.sha256(value.encode()).hexdigest()
        page = parse_page_from(request, _before, "traces", kind, digest)
        rows = await self._store.find_traces(
            orgs, who.workspace_id, kind, value, page.rows_to_read, page.start
        )
        found, next_page_token = page.split(
            rows, lambda row: (row["started_at"].isoformat(), str(row["key"]))
        )
        return FindTracesResponse(
            service=self._service,
            traces=[to_summary(row) for row in found],
            next_page_token=next_page_token,
        )

    async def _orgs_of(self, kind: str, value: str) -> list[UUID]:
        if kind not in _FOUND_WITHOUT_ORG:
            text = (
                "must come with a tenant's token; a service may search by lead_id, webhook_id or"
                " external_id"
            )
            raise invalid(Violation(field=kind, description=text))
        return await self._store.find_orgs_of(kind, value)

    async def VerifyBooks(self, request: VerifyBooksRequest, context: Any) -> VerifyBooksResponse:
        equations = await self._store.verify_books()
        return VerifyBooksResponse(
            service=self._service,
            equations=[to_equation(row) for row in equations],
            totals=await self._store.book_totals(),
            in_flight=await self._store.count_in_flight(),
        )


def parse_search(request: FindTracesRequest) -> tuple[str, str]:
    """What to search by, and its value as the rows hold it."""
    kind = request.WhichOneof("by")
    if kind is None:
        raise invalid(Violation(field="by", description="has none of the fields to search by"))
    value: str = getattr(request, kind).strip()
    if kind in _UUIDS:
        return kind, str(parse_uuid(value, kind))
    if kind == "phone":
        return kind, parse_phone(value)
    return kind, value.lower() if kind == "email" else value


def parse_phone(text: str) -> str:
    """The phone in E.164."""
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        wrong = "is not a phone number with its country code, for example +4915123456789"
        raise invalid(Violation(field="phone", description=wrong)) from None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _before(keys: tuple[str, ...]) -> tuple[datetime, UUID]:
    # All items of a webhook and all offers of a batch began at one time: the key tells them apart.
    started_at, key = keys
    return datetime.fromisoformat(started_at), UUID(key)


def to_entry(row: Record) -> TimelineEntry:
    """One bar of the waterfall."""
    return TimelineEntry(
        span_id=span_id_of(row["source_table"], str(row["key"]), row["attempt"], row["name"]),
        table=row["source_table"],
        key=str(row["key"]),
        attempt=row["attempt"],
        name=row["name"],
        start_time=to_timestamp(row["started_at"]),
        end_time=to_optional_timestamp(row["ended_at"]),
        waiting=row["waiting"],
        outcome=row["outcome"] or "",
        ids={name: str(value) for name, value in (row["ids"] or {}).items() if value is not None},
        details_json=msgspec.json.encode(row["details"] or {}).decode(),
        attempt_trace_id=row["attempt_trace_id"] or "",
        linked_trace_ids=row["linked_trace_ids"] or [],
    )


def span_id_of(table: str, key: str, attempt: int, name: str) -> str:
    """A row's deterministic span id, so that exporting it twice adds nothing."""
    return hashlib.sha256(f"{table}\0{key}\0{attempt}\0{name}".encode()).hexdigest()[:16]


def to_summary(row: Record) -> TraceSummary:
    """One trace that was found."""
    return TraceSummary(
        trace_id=row["trace_id"],
        start_time=to_timestamp(row["started_at"]),
        kind=row["kind"],
        key=str(row["key"]),
    )


def to_equation(row: Record) -> Equation:
    """One equation of the books."""
    return Equation(
        name=row["equation"],
        holds=row["violation_count"] == 0,
        violation_count=row["violation_count"],
        violations=row["violations"] or [],
    )
