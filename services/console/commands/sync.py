"""`waybill sync`: pulling pages' conversations."""

import asyncio
from contextlib import suppress
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from services.console.calls import ask, with_client
from services.console.client import SYNC, Client
from services.console.command_groups import command, group
from services.console.failures import ConsoleError
from services.console.options import AsJson, Timeout
from services.console.output import err, show, show_list
from waybill.sync.v1.sync_service_pb2 import (
    GetSyncRequest,
    ListActiveSyncsRequest,
    ListSyncLocksRequest,
    Sync,
    SyncConversationsRequest,
    SyncConversationsResponse,
)

# One call pulls for as long as its deadline lets it.
_PULL_SECONDS: Final = 60.0
_WATCH_SECONDS: Final = 1.0
_LOCKS: Final = ("page_id", "locked_by", "lock_time", "expire_time", "session_id")
_SYNCS: Final = ("session_id", "page_id", "mode", "status", "phase", "error", "start_time")

syncs = group("sync", "Pulling pages' conversations.")

PageId = Annotated[str, typer.Argument(help="The page: a UUID.")]
FacebookPageId = Annotated[str, typer.Argument(help="The page's id at Meta.")]
ToTheEnd = Annotated[
    bool,
    typer.Option("--to-the-end", help="Resume, session after session, until everything is read."),
]


@command(
    syncs,
    "start",
    "waybill sync start 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f 153125381133 --to-the-end",
)
def start(
    page_id: PageId,
    facebook_page_id: FacebookPageId,
    to_the_end: ToTheEnd = False,
    timeout: Timeout = _PULL_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Pull a page's conversations in a new session, with its progress while it lasts."""
    request = SyncConversationsRequest(page_id=page_id, facebook_page_id=facebook_page_id)
    show(_pull(request, to_the_end=to_the_end, timeout=timeout), as_json=as_json)


@command(
    syncs,
    "resume",
    "waybill sync resume 01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f 153125381133"
    " 01931f6e-9d3c-7d11-8e4e-0f6a1c2d3e4f",
)
def resume(
    page_id: PageId,
    facebook_page_id: FacebookPageId,
    session_id: Annotated[str, typer.Argument(help="The session to resume: a UUID.")],
    to_the_end: ToTheEnd = False,
    timeout: Timeout = _PULL_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Resume a session where it stopped."""
    request = SyncConversationsRequest(
        page_id=page_id, facebook_page_id=facebook_page_id, resume_session=session_id
    )
    show(_pull(request, to_the_end=to_the_end, timeout=timeout), as_json=as_json)


@command(
    syncs,
    "status",
    "waybill sync status",
    "waybill sync status 01931f6e-9d3c-7d11-8e4e-0f6a1c2d3e4f",
)
def status(
    session_id: Annotated[str, typer.Argument(help="One session: a UUID. Default: all.")] = "",
    timeout: Timeout = 10.0,
    as_json: AsJson = False,
) -> None:
    """Show sessions that have not ended, or one session."""
    if session_id:
        one = GetSyncRequest(session_id=session_id)
        show(ask(SYNC, lambda sync: sync.GetSync, one, timeout_seconds=timeout), as_json=as_json)
        return
    answer = ask(
        SYNC, lambda sync: sync.ListActiveSyncs, ListActiveSyncsRequest(), timeout_seconds=timeout
    )
    show_list(answer, answer.syncs, _SYNCS, as_json=as_json)


@command(syncs, "locks", "waybill sync locks", "waybill sync locks --json")
def locks(timeout: Timeout = 10.0, as_json: AsJson = False) -> None:
    """Show which process holds the lock of which page."""
    answer = ask(
        SYNC, lambda sync: sync.ListSyncLocks, ListSyncLocksRequest(), timeout_seconds=timeout
    )
    show_list(answer, answer.locks, _LOCKS, as_json=as_json)


def _pull(
    request: SyncConversationsRequest, *, to_the_end: bool, timeout: float
) -> SyncConversationsResponse:
    """The last session's answer; a bar on standard error says meanwhile how far it came."""

    async def pull(client: Client) -> SyncConversationsResponse:
        bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=err(),
            transient=True,
            disable=not err().is_terminal,
        )
        with bar:
            task = bar.add_task("pulling", total=None)
            watching = asyncio.create_task(_watch(client, request.page_id, bar, task))
            try:
                return await _sessions(client, request, to_the_end=to_the_end)
            finally:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching

    # Where the bar is shown, a second line that says we wait would write over it.
    what = None if err().is_terminal else "pulling conversations"
    return with_client(pull, timeout_seconds=timeout, what=what)


async def _sessions(
    client: Client, request: SyncConversationsRequest, *, to_the_end: bool
) -> SyncConversationsResponse:
    while True:
        answer = await client.call(SYNC, lambda sync: sync.SyncConversations, request)
        limited = answer.HasField("retry_time")
        if not (to_the_end and answer.has_more) or limited:
            return answer
        request.resume_session = answer.resume_session


async def _watch(client: Client, page_id: str, bar: Progress, task: TaskID) -> None:
    """Says how far the page's session came, once a second."""
    while True:
        await asyncio.sleep(_WATCH_SECONDS)
        # Whatever is wrong, the pull itself says so.
        with suppress(ConsoleError):
            answer = await client.call(
                SYNC, lambda sync: sync.ListActiveSyncs, ListActiveSyncsRequest()
            )
            for each in answer.syncs:
                if each.page_id == page_id:
                    bar.update(
                        task,
                        completed=each.counts.conversations_seen,
                        description=described(each),
                    )


def described(sync: Sync) -> str:
    """How far a session came, in one line."""
    counts = sync.counts
    return (
        f"{sync.phase}: {counts.conversations_seen} conversations,"
        f" {counts.messages_seen} messages, {counts.calls} calls"
    )
