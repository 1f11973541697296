"""`waybill sync …` as a process, against a sync service with prepared answers."""

import asyncio
import json
import os
import pty
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2_grpc

from services.chassis.errors import DomainError
from services.chassis.rpc.gate import abort
from tests.unit.console.fake_traces import Services
from tests.unit.console.test_cli import waybill
from waybill.sync.v1 import sync_service_pb2 as pb
from waybill.sync.v1 import sync_service_pb2_grpc

PAGE, META_PAGE = "01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f", "153125381133"
SESSION, NEXT = "01931f6e-9d3c-7d11-8e4e-0f6a1c2d3e4f", "01931f6e-9d3c-7d11-8e4e-0f6a1c2d3e50"
COUNTS = pb.SyncCounts(calls=7, conversations_seen=120, messages_seen=900)


def an_answer(resume: str = "", **changes: Any) -> pb.SyncConversationsResponse:
    """A run that ended; with more to read where it says how to resume."""
    fields: dict[str, Any] = {
        "has_more": bool(resume),
        "resume_session": resume,
        "session_id": SESSION,
        "counts": COUNTS,
        "ended_by": "time" if resume else "finished",
        "completeness": "" if resume else "full",
    }
    return pb.SyncConversationsResponse(**fields | changes)


def a_sync(**changes: Any) -> pb.Sync:
    """A session under way."""
    fields: dict[str, Any] = {
        "session_id": SESSION,
        "page_id": PAGE,
        "mode": "manual",
        "status": "running",
        "phase": "messages",
        "counts": COUNTS,
    }
    return pb.Sync(**fields | changes)


class FakeSync(sync_service_pb2_grpc.SyncServiceServicer):
    """Answers pulls one after the other, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: list[pb.SyncConversationsResponse | DomainError] = []
        self.syncs: list[pb.Sync] = [a_sync()]
        self.locks: list[pb.SyncLock] = []
        self.pulled: list[pb.SyncConversationsRequest] = []
        self.seconds: list[float] = []
        self.shown: asyncio.Event | None = None
        self.refuses_to_list = False

    async def SyncConversations(
        self, request: pb.SyncConversationsRequest, context: Any
    ) -> pb.SyncConversationsResponse:
        asked = pb.SyncConversationsRequest()
        asked.CopyFrom(request)
        self.pulled.append(asked)
        self.seconds.append(context.time_remaining())
        if self.shown is not None:
            await self.shown.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, DomainError):
            await abort(context, answer)
            raise AssertionError
        return answer

    async def ListActiveSyncs(
        self, _: pb.ListActiveSyncsRequest, context: Any
    ) -> pb.ListActiveSyncsResponse:
        if self.refuses_to_list and self.shown is not None:
            self.shown.set()
            await abort(context, DomainError("INVALID_REQUEST", "Not now."))
        return pb.ListActiveSyncsResponse(syncs=self.syncs)

    async def GetSync(self, request: pb.GetSyncRequest, context: Any) -> pb.GetSyncResponse:
        for each in self.syncs:
            if each.session_id == request.session_id:
                return pb.GetSyncResponse(sync=each)
        error = DomainError("SYNC_SESSION_NOT_FOUND", "There is no such session in this org.")
        await abort(context, error)
        raise AssertionError

    async def ListSyncLocks(
        self, _: pb.ListSyncLocksRequest, context: Any
    ) -> pb.ListSyncLocksResponse:
        return pb.ListSyncLocksResponse(locks=self.locks)


@pytest.fixture
def sync() -> FakeSync:
    """The service, whose answers tests prepare."""
    # Of sync's methods the commands call four.
    return FakeSync()  # type: ignore[abstract]


@pytest.fixture
async def services(sync: FakeSync) -> AsyncIterator[Services]:
    """Only sync listens."""
    server = grpc.aio.server()
    sync_service_pb2_grpc.add_SyncServiceServicer_to_server(sync, server)
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield Services({"sync": f"127.0.0.1:{port}"})
    await server.stop(None)


async def test_start_pulls_one_session_and_says_how_to_go_on(
    sync: FakeSync, services: Services
) -> None:
    sync.answers = [an_answer(resume=SESSION)]
    said = await waybill(services, "sync", "start", PAGE, META_PAGE)
    assert (said.code, said.err) == (0, "")
    assert sync.pulled == [pb.SyncConversationsRequest(page_id=PAGE, facebook_page_id=META_PAGE)]
    lines = {tuple(line.split()) for line in said.out.splitlines()}
    assert {
        ("resume_session", SESSION),
        ("conversations_seen", "120"),
        ("ended_by", "time"),
    } <= lines


async def test_start_to_the_end_goes_on_session_after_session(
    sync: FakeSync, services: Services
) -> None:
    sync.answers = [an_answer(resume=SESSION), an_answer(resume=NEXT), an_answer()]
    said = await waybill(
        services, "sync", "start", PAGE, META_PAGE, "--to-the-end", "--timeout", "9", "--json"
    )
    assert said.code == 0
    assert [each.resume_session for each in sync.pulled] == ["", SESSION, NEXT]
    # The default is a minute.
    assert all(seconds < 20 for seconds in sync.seconds)
    answer = json.loads(said.out)
    assert (answer["has_more"], answer["completeness"]) == (False, "full")
    assert answer["counts"]["messages_seen"] == 900


async def test_to_the_end_stops_where_limits_say_when_to_go_on(
    sync: FakeSync, services: Services
) -> None:
    limited = an_answer(resume=SESSION, ended_by="limited")
    limited.retry_time.seconds = 1_790_000_000
    sync.answers = [limited, an_answer()]
    said = await waybill(services, "sync", "start", PAGE, META_PAGE, "--to-the-end", "--json")
    assert said.code == 0
    assert len(sync.pulled) == 1
    assert json.loads(said.out)["retry_time"] == "2026-09-21T14:13:20Z"


async def test_resume_goes_on_with_its_session(sync: FakeSync, services: Services) -> None:
    sync.answers = [an_answer()]
    said = await waybill(services, "sync", "resume", PAGE, META_PAGE, SESSION)
    assert said.code == 0
    (asked,) = sync.pulled
    assert (asked.page_id, asked.resume_session) == (PAGE, SESSION)


@pytest.mark.parametrize(
    "arguments",
    [("start", PAGE, META_PAGE), ("resume", PAGE, META_PAGE, SESSION)],
    ids=["start", "resume"],
)
async def test_a_pull_that_is_refused_exits_1_with_what_is_known(
    sync: FakeSync, services: Services, arguments: Sequence[str]
) -> None:
    sync.answers = [
        DomainError(
            "SYNC_IN_PROGRESS",
            "Sync already in progress for this page. Please wait for it to complete.",
            metadata={"session_id": NEXT},
            retry_after_seconds=30,
        )
    ]
    said = await waybill(services, "sync", *arguments)
    assert (said.code, said.out) == (1, "")
    assert "Sync already in progress for this page" in said.err
    assert "try again after 30 s" in said.err


async def test_status_lists_sessions_and_shows_one(sync: FakeSync, services: Services) -> None:
    sync.syncs = [a_sync(), a_sync(session_id=NEXT, status="paused", error="limited")]
    said = await waybill(services, "sync", "status")
    assert said.code == 0
    assert SESSION in said.out
    assert NEXT in said.out
    assert "limited" in said.out
    one = json.loads((await waybill(services, "sync", "status", NEXT, "--json")).out)
    assert (one["sync"]["session_id"], one["sync"]["status"]) == (NEXT, "paused")
    sync.syncs = []
    assert (await waybill(services, "sync", "status")).out == "none\n"
    gone = await waybill(services, "sync", "status", NEXT)
    assert gone.code == 1
    assert "There is no such session in this org." in gone.err


async def test_locks_say_who_holds_which_page(sync: FakeSync, services: Services) -> None:
    sync.locks = [pb.SyncLock(page_id=PAGE, locked_by="host:4711", session_id=SESSION)]
    said = await waybill(services, "sync", "locks")
    assert said.code == 0
    assert "host:4711" in said.out
    listed = json.loads((await waybill(services, "sync", "locks", "--json")).out)
    assert [each["session_id"] for each in listed["locks"]] == [SESSION]


async def test_a_terminal_is_shown_how_far_the_session_came_while_it_runs(
    sync: FakeSync, services: Services
) -> None:
    sync.answers, sync.shown = [an_answer()], asyncio.Event()
    sync.syncs = [a_sync(page_id=NEXT, phase="another page's"), a_sync()]
    ours, theirs = pty.openpty()
    seen = b""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("WAYBILL_")}
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.console", "sync", "start", PAGE, META_PAGE),
            env=environ | services.environment() | {"TERM": "xterm", "COLUMNS": "120"},
            stdout=asyncio.subprocess.PIPE,
            stderr=theirs,
        )
        async with asyncio.timeout(60):
            while b"120 conversations" not in seen:
                seen += await asyncio.to_thread(os.read, ours, 65_536)
            sync.shown.set()
            out, _ = await process.communicate()
    finally:
        os.close(theirs)
        os.close(ours)
    assert process.returncode == 0
    assert b"messages: 120 conversations, 900 messages, 7 calls" in seen
    assert b"another page's" not in seen
    assert b"pulling conversations" not in seen
    assert b"conversations" not in out.replace(b"conversations_", b"")


async def test_a_pull_goes_on_where_its_progress_cannot_be_read(
    sync: FakeSync, services: Services
) -> None:
    sync.answers, sync.shown = [an_answer()], asyncio.Event()
    sync.refuses_to_list = True
    said = await waybill(services, "sync", "start", PAGE, META_PAGE, "--json")
    assert said.code == 0
    assert json.loads(said.out)["completeness"] == "full"
    assert "Traceback" not in said.err
    assert "never retrieved" not in said.err
