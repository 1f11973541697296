"""What one tenant asks of another tenant's things, for every RPC that tenants may call.

Each case is the request made of the owner's ids, and how it ends for another tenant: NOT_FOUND, or
OK with nothing of the owner's in it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Ids = Mapping[str, str]
Fields = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A request, and the status that another tenant's ends with."""

    fields: Callable[[Ids], Fields]
    status: str


def hidden(**fields: Any) -> Case:
    """Fields that name the owner's things by their names in braces: not found."""
    return Case(fields=lambda ids: _filled(fields, ids), status="NOT_FOUND")


def empty(**fields: Any) -> Case:
    """The same, but the answer is one with nothing of the owner's."""
    return Case(fields=lambda ids: _filled(fields, ids), status="OK")


def _filled(fields: Mapping[str, Any], ids: Ids) -> Fields:
    return {name: _fill(value, ids) for name, value in fields.items()}


def _fill(value: Any, ids: Ids) -> Any:
    if isinstance(value, str):
        return value.format(**ids)
    if isinstance(value, list):
        return [_fill(each, ids) for each in value]
    return value


_SLOT: Final = {"contact_id": "{contact}", "duration_minutes": 30, "scheduled_at": "{later}"}
_RANGE: Final = {"from_time": "{now}", "to_time": "{later}"}

CASES: Final[Mapping[str, Case]] = {
    # Every service's.
    "GetTrace": empty(trace_id="{trace}"),
    "FindTraces": empty(lead_id="{lead}"),
    "scheduling GetTrace": empty(trace_id="{booking_trace}"),
    "scheduling FindTraces": empty(external_id="{appointment}"),
    "sync GetTrace": empty(trace_id="{sync_trace}"),
    "sync FindTraces": empty(external_id="{facebook_page}"),
    # Ingest. A page's own token decides whose it is; that it is taken is not a secret.
    "CreateSource": Case(
        fields=lambda ids: {
            "kind": "meta_page",
            "external_id": ids["facebook_page"],
            "default_region": "DE",
        },
        status="ALREADY_EXISTS",
    ),
    "UpdateSource": hidden(source_id="{source}", name="taken over"),
    "ListSources": empty(),
    # The owner's request id is the other tenant's as well.
    "CreateLead": empty(customer_phone="+4915112345678", type="order", request_id="{request}"),
    "GetLead": hidden(lead_id="{lead}"),
    "ListLeads": empty(),
    "ListWebhookItems": empty(),
    "ReplayWebhookItem": hidden(item_id="{item}"),
    # Routing.
    "CreateWorkspace": empty(name="mine", request_id="{request}"),
    "GetWorkspace": hidden(workspace_id="{workspace}"),
    "ListWorkspaces": empty(),
    "CreateRule": hidden(workspace_id="{workspace}", name="mine", condition="true"),
    "UpdateRule": hidden(rule_id="{rule}", etag="1", name="taken over"),
    "ListRules": empty(),
    "GetRouting": hidden(lead_id="{lead}"),
    # Delivery.
    "GetOffer": hidden(offer_id="{offer}"),
    "ListOffers": empty(lead_id="{lead}"),
    "AdvanceOffer": hidden(offer_id="{offer}", to_status="STOPPED"),
    "CreateEndpoint": hidden(workspace_id="{workspace}", url="https://buyer.example/mine"),
    "ListEndpoints": empty(workspace_id="{workspace}"),
    "EnableEndpoint": hidden(endpoint_id="{endpoint}"),
    "DisableEndpoint": hidden(endpoint_id="{endpoint}"),
    "RotateEndpointSecret": hidden(endpoint_id="{endpoint}"),
    "GrantCredits": hidden(workspace_id="{workspace}", request_id="x", credits=1),
    "GetBalance": hidden(workspace_id="{workspace}"),
    "ListLedgerEntries": empty(workspace_id="{workspace}"),
    "GetDelivery": hidden(delivery_id="{delivery}"),
    "ListDeliveries": empty(workspace_id="{workspace}"),
    "RedeliverDelivery": hidden(delivery_id="{delivery}"),
    # Scheduling.
    "CreateCalendar": empty(name="mine", request_id="{request}"),
    "ListCalendars": empty(),
    "GetCalendar": hidden(calendar_id="{calendar}"),
    "UpdateCalendar": hidden(calendar_id="{calendar}", etag="1", name="taken over"),
    "RotateFeedSecret": hidden(calendar_id="{calendar}"),
    "AddException": hidden(calendar_id="{calendar}", day="{day}", kind="closed"),
    "ListExceptions": hidden(calendar_id="{calendar}"),
    "RemoveException": hidden(calendar_id="{calendar}", exception_id="{exception}"),
    "GetHolidays": empty(holiday_set="shared"),
    "SetHolidays": empty(holiday_set="shared"),
    "CreateService": hidden(name="mine", durations_minutes=[30], calendar_ids=["{calendar}"]),
    "ListServices": empty(),
    "GetService": hidden(service_id="{service}"),
    "UpdateService": hidden(service_id="{service}", etag="1", name="taken over"),
    "ArchiveService": hidden(service_id="{service}"),
    "SearchAvailability": hidden(calendar_id="{calendar}", duration_minutes=30, **_RANGE),
    "ListFreeTimes": hidden(calendar_ids=["{calendar}"], **_RANGE),
    "BookAppointment": hidden(calendar_id="{calendar}", **_SLOT),
    "GetAppointment": hidden(appointment_id="{appointment}"),
    "ListAppointments": empty(calendar_id="{calendar}"),
    "RescheduleAppointment": hidden(appointment_id="{appointment}", scheduled_at="{later}"),
    "CancelAppointment": hidden(appointment_id="{appointment}"),
    "ApproveAppointment": hidden(appointment_id="{appointment}"),
    "CompleteAppointment": hidden(appointment_id="{appointment}"),
    "MarkNoShow": hidden(appointment_id="{appointment}"),
    "DeleteAppointment": hidden(appointment_id="{appointment}"),
    "GetInvitation": hidden(
        appointment_id="{appointment}", organizer="a@example.com", attendee="b@example.com"
    ),
    "HoldSlot": hidden(calendar_id="{calendar}", **_SLOT),
    "GetHold": hidden(hold_id="{hold}"),
    "ListHolds": empty(),
    "ConfirmHold": hidden(hold_id="{hold}"),
    "ReleaseHold": hidden(hold_id="{hold}"),
    "JoinWaitlist": hidden(
        calendar_id="{calendar}",
        contact_id="{contact}",
        duration_minutes=30,
        earliest="{now}",
        latest="{later}",
    ),
    "LeaveWaitlist": hidden(entry_id="{entry}"),
    "ListWaitlist": empty(),
    "BookSeries": hidden(
        calendar_id="{calendar}",
        contact_id="{contact}",
        duration_minutes=30,
        local_start="{local}",
        rule="FREQ=DAILY;COUNT=2",
    ),
    "GetSeries": hidden(series_id="{series}"),
    "CancelSeries": hidden(series_id="{series}"),
    "CreateImport": hidden(calendar_id="{calendar}", url="https://example.com/busy.ics"),
    "ListImports": hidden(calendar_id="{calendar}"),
    "RemoveImport": hidden(import_id="{import_}"),
    # Sync. A page is each org's own.
    "ConnectPage": empty(
        platform="messenger", facebook_page_id="{facebook_page}", access_token="guessed"
    ),
    "ListPages": empty(),
    "SyncConversations": hidden(page_id="{page}", facebook_page_id="{facebook_page}"),
    "StartSync": hidden(page_id="{page}", mode="full"),
    "GetSync": hidden(session_id="{session}"),
    "ListActiveSyncs": empty(),
    "ListSyncLocks": empty(),
    "ListSyncStatistics": empty(),
    "ListSyncRejects": empty(),
    "ListConversations": empty(page_id="{page}"),
    "SearchConversations": empty(query="{contact_name}"),
    "GetConversation": hidden(conversation_id="{conversation}"),
    "UpdateConversation": hidden(conversation_id="{conversation}", version=1, status="closed"),
}


def case_of(service: str, method: str) -> Case:
    """The service's own case, or that of the RPC."""
    return CASES.get(f"{service} {method}") or CASES[method]
