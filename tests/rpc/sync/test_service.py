"""SyncService over real channels: what each RPC promises, and how it refuses."""

import asyncio
import json
from typing import Any, cast
from uuid import UUID, uuid4

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from sandbox.meta_conversations import Behaviour
from sandbox.meta_pages import PageOrder
from services.chassis.ids import new_id
from services.chassis.trace import new_root
from tests.rpc.routing.callers import refused
from tests.rpc.sync.conftest import Served
from tests.schema.sync.builders import Admin
from waybill.sync.v1 import sync_service_pb2 as pb
from waybill.trace.v1.trace_service_pb2 import FindTracesRequest, GetTraceRequest


def pull(page: pb.Page, resume: str = "") -> pb.SyncConversationsRequest:
    return pb.SyncConversationsRequest(
        page_id=page.page_id, facebook_page_id=page.facebook_page_id, resume_session=resume
    )


def an_event(org_id: UUID, page_id: str, event: dict[str, Any], **changes: Any) -> pb.TimelineEvent:
    fields = {
        "org_id": str(org_id),
        "event_id": str(new_id()),
        "platform": "messenger",
        "facebook_page_id": page_id,
        "payload_json": json.dumps(event),
        "traceparent": new_root().traceparent,
        **changes,
    }
    return pb.TimelineEvent(**fields)


def said(contact: str, page_id: str, mid: str, text: str = "hello") -> dict[str, Any]:
    return {
        "sender": {"id": contact},
        "recipient": {"id": page_id},
        "timestamp": 1_790_000_000_123,
        "message": {"mid": mid, "text": text},
    }


async def test_a_page_is_pulled_in_two_sessions_with_a_resume_between(
    served: Served, org_id: UUID
) -> None:
    tenant = served.tenant(org_id)
    page, made = await served.page(org_id, PageOrder(conversations=15, messages_min=2))
    made.behaviour = Behaviour(limit_max=5)
    first = await tenant.SyncConversations(pull(page))
    assert (first.has_more, first.ended_by, first.counts.calls) == (True, "calls", 2)
    assert first.resume_session == first.session_id
    last = first
    while last.has_more:
        last = await tenant.SyncConversations(pull(page, last.resume_session))
    assert (last.resume_session, last.completeness) == ("", "full")
    assert last.counts.conversations_new == 15
    listed = await tenant.ListConversations(pb.ListConversationsRequest(page_size=10))
    assert len(listed.conversations) == 10
    rest = await tenant.ListConversations(
        pb.ListConversationsRequest(page_size=10, page_token=listed.next_page_token)
    )
    assert (len(rest.conversations), rest.next_page_token) == (5, "")
    assert {each.completeness for each in listed.conversations} == {"full"}
    async with refused() as refusal:
        await tenant.SyncConversations(pull(page, first.resume_session))
    assert refusal.reason == "SYNC_SESSION_FINISHED"


async def test_of_20_starts_at_once_19_hear_when_to_try_again(served: Served, org_id: UUID) -> None:
    page, _ = await served.page(org_id, PageOrder(conversations=40))
    tenant = served.tenant(org_id)
    results = await asyncio.gather(
        *(tenant.SyncConversations(pull(page)) for _ in range(20)), return_exceptions=True
    )
    errors = [each for each in results if isinstance(each, grpc.aio.AioRpcError)]
    assert (len(results) - len(errors), len(errors)) == (1, 19)
    for error in errors:
        assert error.code() == grpc.StatusCode.ABORTED
        assert error.details() == (
            "Sync already in progress for this page. Please wait for it to complete."
        )
        status = rpc_status.from_call(cast(Any, error))
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        assert any(detail.Unpack(info) for detail in status.details)
        assert {"since", "expires_at", "phase", "messages_seen", "retry_at"} <= set(info.metadata)
        assert any(detail.Unpack(retry) for detail in status.details)
        assert 0 < retry.retry_delay.seconds <= 60


async def test_what_is_malformed_or_foreign_is_refused_with_its_reason(
    served: Served, org_id: UUID
) -> None:
    page, _ = await served.page(org_id)
    tenant = served.tenant(org_id)
    mismatch = pb.SyncConversationsRequest(page_id=page.page_id, facebook_page_id="1")
    for caller, request, reason in (
        (tenant, mismatch, "PAGE_MISMATCH"),
        (tenant, pull(page, "nonsense"), "INVALID_REQUEST"),
        (tenant, pull(page, str(uuid4())), "SYNC_SESSION_NOT_FOUND"),
        (served.tenant(uuid4()), pull(page), "PAGE_NOT_FOUND"),
        (served.tenant(org_id, uuid4()), pull(page), "METHOD_NOT_ALLOWED"),
        (served.service("ingest"), pull(page), "METHOD_NOT_ALLOWED"),
    ):
        async with refused() as refusal:
            await caller.SyncConversations(request)
        assert refusal.reason == reason


async def test_no_answer_shows_a_tenant_the_page_token(served: Served, org_id: UUID) -> None:
    page, made = await served.page(org_id, PageOrder(conversations=6, messages_min=2, broken=2))
    made.behaviour = Behaviour(nested_max=1)
    tenant, resume = served.tenant(org_id), ""
    while True:
        pulled = await tenant.SyncConversations(pull(page, resume))
        if not pulled.has_more:
            break
        resume = pulled.resume_session
    rejects = (await tenant.ListSyncRejects(pb.ListSyncRejectsRequest())).rejects
    assert [each.kind for each in rejects] == ["participant", "participant"]
    assert not [each for each in rejects if "token" in each.raw_json or made.token in each.raw_json]


async def test_a_page_says_why_its_subscription_failed(
    served: Served, admin: Admin, org_id: UUID
) -> None:
    page, _ = await served.page(org_id)
    assert page.subscription_error == ""
    await admin.execute(
        "update sync.pages set subscription_status = 'failed', subscription_error = 'graph 400'"
    )
    (listed,) = (await served.tenant(org_id).ListPages(pb.ListPagesRequest())).pages
    assert (listed.subscription_status, listed.subscription_error) == ("failed", "graph 400")


async def test_a_dead_token_is_said_and_another_one_goes_on(served: Served, org_id: UUID) -> None:
    page, made = await served.page(org_id)
    tenant = served.tenant(org_id)
    made.token = "another"
    async with refused() as refusal:
        await tenant.SyncConversations(pull(page))
    assert refusal.reason == "PAGE_TOKEN_DEAD"
    assert refusal.metadata is not None
    (listed,) = (await tenant.ListPages(pb.ListPagesRequest())).pages
    assert (listed.token_status, listed.token_error) == ("dead", "graph 400 (190/460)")
    # Webhooks are kept all the same.
    event = an_event(org_id, page.facebook_page_id, said("c", page.facebook_page_id, "m_1"))
    recorded = await served.service("ingest").RecordEvents(pb.RecordEventsRequest(events=[event]))
    assert recorded.results[0].outcome == "accepted"
    await tenant.ConnectPage(
        pb.ConnectPageRequest(
            platform="messenger", facebook_page_id=page.facebook_page_id, access_token="another"
        )
    )
    resumed = await tenant.SyncConversations(pull(page, refusal.metadata["session_id"]))
    assert resumed.counts.conversations_new == 15


async def test_a_token_is_never_shown_and_never_stored_as_it_is(
    served: Served, org_id: UUID, admin: Admin
) -> None:
    page, made = await served.page(org_id)
    assert made.token not in str(page)
    sealed = await admin.fetchval("select access_token_ciphertext from sync.pages")
    assert made.token.encode() not in sealed
    await served.tenant(org_id).SyncConversations(pull(page))
    for table in ("sync_state", "contact_interaction_events"):
        rows = await admin.fetch(f"select t::text from sync.{table} t")
        assert not any(made.token in row[0] for row in rows)


async def test_webhook_events_are_recorded_once_merged_and_found(
    served: Served, org_id: UUID, admin: Admin
) -> None:
    page, made = await served.page(org_id)
    tenant, ingest = served.tenant(org_id), served.service("ingest")
    thread, page_id = made.threads[0], made.id
    told = an_event(
        org_id, page_id, said(thread.contact_id, page_id, thread.messages[0].id, "kiwi")
    )
    for _ in range(2):
        answer = await ingest.RecordEvents(pb.RecordEventsRequest(events=[told, told]))
        assert {each.outcome for each in answer.results} == {"accepted"}
    await tenant.SyncConversations(pull(page))
    (statistics,) = (await tenant.ListSyncStatistics(pb.ListSyncStatisticsRequest())).statistics
    assert (statistics.webhook_received, statistics.webhook_stored) == (1, 1)
    found = await tenant.SearchConversations(pb.SearchConversationsRequest(query=thread.contact_id))
    (conversation,) = found.conversations
    assert conversation.stored_message_count == len(thread.messages)
    shown = await tenant.GetConversation(
        pb.GetConversationRequest(conversation_id=conversation.conversation_id, page_size=1)
    )
    assert len(shown.events) == 1
    assert shown.next_page_token
    first = await admin.fetchrow(
        "select seen_by_webhook, seen_by_pull from sync.contact_interaction_events"
        " where message_id = $1",
        thread.messages[0].id,
    )
    assert first is not None
    assert tuple(first.values()) == (True, True)
    trace = await served.tracing(org_id).GetTrace(GetTraceRequest(trace_id=told.traceparent[3:35]))
    assert [entry.name for entry in trace.entries] == ["event message"]


async def test_a_message_that_was_edited_or_taken_back_shows_it(
    served: Served, org_id: UUID
) -> None:
    page, _ = await served.page(org_id, PageOrder())
    page_id = page.facebook_page_id
    base = {"sender": {"id": "c"}, "recipient": {"id": page_id}}
    # The edit and the delete come before what they are about.
    events = [
        {**base, "timestamp": 1_790_000_100_000, "message_edit": {"mid": "m_1", "text": "better"}},
        {**base, "timestamp": 1_790_000_200_000, "message": {"mid": "m_2", "is_deleted": True}},
        said("c", page_id, "m_1", "worse"),
        said("c", page_id, "m_2", "regretted"),
    ]
    ingest, tenant = served.service("ingest"), served.tenant(org_id)
    for event in events:
        await ingest.RecordEvents(pb.RecordEventsRequest(events=[an_event(org_id, page_id, event)]))
    (conversation,) = (await tenant.ListConversations(pb.ListConversationsRequest())).conversations
    shown = await tenant.GetConversation(
        pb.GetConversationRequest(conversation_id=conversation.conversation_id)
    )
    texts = {each.message_id: (each.text, each.deleted) for each in shown.events if each.message_id}
    assert texts == {"m_1": ("better", False), "m_2": ("", True)}


async def test_events_that_cannot_be_read_are_kept_and_shown_and_stop_nothing(
    served: Served, org_id: UUID
) -> None:
    page, _ = await served.page(org_id, PageOrder())
    page_id = page.facebook_page_id
    nul = said("c", page_id, "m_1", "a\0b\ud800")
    events = [
        an_event(org_id, page_id, {}, payload_json="no json"),
        an_event(org_id, page_id, {"sender": {"id": page_id}, "message": {"mid": "m_9"}}),
        an_event(org_id, page_id, nul),
        an_event(org_id, "", said("c", page_id, "m_2")),
    ]
    answer = await served.service("ingest").RecordEvents(pb.RecordEventsRequest(events=events))
    assert [each.outcome for each in answer.results] == ["accepted"] * 3 + ["refused"]
    assert answer.results[3].reason == "INVALID_REQUEST"
    tenant = served.tenant(org_id)
    rejects = (await tenant.ListSyncRejects(pb.ListSyncRejectsRequest())).rejects
    assert {each.reason for each in rejects} == {"not JSON", "it names only the page"}
    (conversation,) = (await tenant.ListConversations(pb.ListConversationsRequest())).conversations
    assert conversation.stored_message_count == 1


@pytest.mark.parametrize(
    "poison",
    [
        {
            "payload_json": json.dumps(
                {"message": {"mid": "m", "x": json.loads("[" * 700 + "]" * 700)}}
            )
        },
        {"payload_json": '{"sender": {"id": "c"}, "n": NaN, "message": {"mid": "m"}}'},
        {"payload_json": '{"sender": {"id": "c"}, "timestamp": 1e999, "message": {"mid": "m"}}'},
        {"payload_json": '{"sender": {"id": "c"}, "n": ' + "9" * 5000 + "}"},
    ],
    ids=["deep", "no number", "infinite", "long"],
)
async def test_an_event_that_cannot_be_stored_is_kept_and_the_others_with_it_are_stored(
    served: Served, org_id: UUID, poison: dict[str, str]
) -> None:
    page, _ = await served.page(org_id, PageOrder())
    page_id = page.facebook_page_id
    events = [
        an_event(org_id, page_id, said("c", page_id, "m_1")),
        an_event(org_id, page_id, {}, **poison),
        an_event(org_id, page_id, said("c", page_id, "m_2")),
    ]
    answer = await served.service("ingest").RecordEvents(pb.RecordEventsRequest(events=events))
    assert [each.outcome for each in answer.results] == ["accepted"] * 3
    tenant = served.tenant(org_id)
    (conversation,) = (await tenant.ListConversations(pb.ListConversationsRequest())).conversations
    assert conversation.stored_message_count == 2
    (reject,) = (await tenant.ListSyncRejects(pb.ListSyncRejectsRequest())).rejects
    assert json.loads(reject.raw_json) == poison["payload_json"]


@pytest.mark.parametrize("details", ["[1]", '{"a": NaN}', '{"a": ' + "[" * 700 + "]" * 700 + "}"])
async def test_details_that_cannot_be_stored_refuse_their_event_alone(
    served: Served, org_id: UUID, details: str
) -> None:
    events = [
        pb.TimelineEvent(
            org_id=str(org_id),
            event_id=str(new_id()),
            type="offer_made",
            details_json=each,
            traceparent=new_root().traceparent,
        )
        for each in (details, "{}")
    ]
    answer = await served.service("delivery").RecordEvents(pb.RecordEventsRequest(events=events))
    assert [(each.outcome, each.reason) for each in answer.results] == [
        ("refused", "INVALID_REQUEST"),
        ("accepted", ""),
    ]


async def test_what_was_edited_or_taken_back_is_not_found_by_what_it_said(
    served: Served, org_id: UUID
) -> None:
    page, _ = await served.page(org_id, PageOrder())
    page_id = page.facebook_page_id
    base = {"sender": {"id": "c"}, "recipient": {"id": page_id}}
    told = [
        said("c", page_id, "m_1", "first wording"),
        {**base, "timestamp": 1_790_000_100_000, "message_edit": {"mid": "m_1", "text": "second"}},
        {**base, "timestamp": 1_790_000_200_000, "message_edit": {"mid": "m_1", "text": "third"}},
        said("c", page_id, "m_2", "regretted"),
        {**base, "timestamp": 1_790_000_100_000, "message_edit": {"mid": "m_2", "text": "hidden"}},
        {**base, "timestamp": 1_790_000_200_000, "message": {"mid": "m_2", "is_deleted": True}},
        said("c", page_id, "m_3", "stands"),
    ]
    events = [an_event(org_id, page_id, event) for event in told]
    await served.service("ingest").RecordEvents(pb.RecordEventsRequest(events=events))
    tenant = served.tenant(org_id)

    async def is_found(query: str) -> bool:
        request = pb.SearchConversationsRequest(query=query)
        return bool((await tenant.SearchConversations(request)).conversations)

    queries = ("first wording", "second", "third", "regretted", "hidden", "stands")
    assert [query for query in queries if await is_found(query)] == ["third", "stands"]


async def test_other_services_tell_events_each_once(served: Served, org_id: UUID) -> None:
    lead_id, trace = new_id(), new_root()
    event = pb.TimelineEvent(
        org_id=str(org_id),
        event_id=str(new_id()),
        type="appointment_booked",
        lead_id=str(lead_id),
        subject_id=str(uuid4()),
        details_json='{"calendar": "a"}',
        traceparent=trace.traceparent,
    )
    for _ in range(2):
        answer = await served.service("scheduling").RecordEvents(
            pb.RecordEventsRequest(events=[event])
        )
        assert answer.results[0].outcome == "accepted"
    found = await served.tracing(org_id).FindTraces(FindTracesRequest(lead_id=str(lead_id)))
    assert [each.trace_id for each in found.traces] == [trace.trace_id]


async def test_a_conversation_is_changed_by_whoever_read_it_last(
    served: Served, org_id: UUID
) -> None:
    page, _ = await served.page(org_id)
    tenant = served.tenant(org_id)
    await tenant.SyncConversations(pull(page))
    conversation = (await tenant.ListConversations(pb.ListConversationsRequest())).conversations[0]
    change = pb.UpdateConversationRequest(
        conversation_id=conversation.conversation_id, version=conversation.version, status="closed"
    )
    changed = (await tenant.UpdateConversation(change)).conversation
    assert (changed.status, changed.version) == ("closed", conversation.version + 1)
    async with refused() as refusal:
        await tenant.UpdateConversation(change)
    assert (refusal.reason, refusal.status) == ("ETAG_MISMATCH", grpc.StatusCode.ABORTED)
    assert refusal.metadata == {"etag": str(changed.version)}
    async with refused() as refusal:
        await served.tenant(uuid4()).UpdateConversation(change)
    assert refusal.reason == "CONVERSATION_NOT_FOUND"


async def test_a_background_session_is_made_once_and_listed(served: Served, org_id: UUID) -> None:
    page, _ = await served.page(org_id)
    tenant = served.tenant(org_id)
    started = await tenant.StartSync(pb.StartSyncRequest(page_id=page.page_id, mode="full"))
    assert started.sync.status == "paused"
    async with refused() as refusal:
        await tenant.StartSync(pb.StartSyncRequest(page_id=page.page_id, mode="incremental"))
    assert refusal.reason == "SYNC_IN_PROGRESS"
    (listed,) = (await tenant.ListActiveSyncs(pb.ListActiveSyncsRequest())).syncs
    assert listed == started.sync
    assert not (await served.tenant(uuid4()).ListActiveSyncs(pb.ListActiveSyncsRequest())).syncs


async def test_a_session_and_its_runs_are_told_as_a_trace(served: Served, org_id: UUID) -> None:
    page, _ = await served.page(org_id, PageOrder(conversations=25))
    tenant = served.tenant(org_id)
    first = await tenant.SyncConversations(pull(page))
    await tenant.SyncConversations(pull(page, first.resume_session))
    session = await tenant.GetSync(pb.GetSyncRequest(session_id=first.session_id))
    tracing = served.tracing(org_id)
    found = await tracing.FindTraces(FindTracesRequest(external_id=page.facebook_page_id))
    assert session.sync.trace_id in [each.trace_id for each in found.traces]
    operator = served.tracing_service("operator")
    by_page = FindTracesRequest(external_id=page.facebook_page_id)
    assert (await operator.FindTraces(by_page)).traces == found.traces
    trace = await tracing.GetTrace(GetTraceRequest(trace_id=session.sync.trace_id))
    names = [entry.name for entry in trace.entries]
    assert names.count("pull") == 2
    assert names.count("wait to go on") >= 1
    assert "sync manual" in names


@pytest.mark.parametrize("name", ["ingest", "scheduling", "delivery"])
async def test_reporters_may_record_and_tenants_may_not(
    served: Served, org_id: UUID, name: str
) -> None:
    event = pb.TimelineEvent(
        org_id=str(org_id),
        event_id=str(new_id()),
        type="appointment_booked",
        traceparent=new_root().traceparent,
    )
    request = pb.RecordEventsRequest(events=[event])
    answer = await served.service(name).RecordEvents(request)
    assert answer.results[0].outcome == "accepted"
    async with refused() as refusal:
        await served.tenant(org_id).RecordEvents(request)
    assert refusal.reason == "METHOD_NOT_ALLOWED"
