"""Runs the calls of a command, with progress while they last."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from services.console.client import Client, Peer
from services.console.output import err
from services.console.progress import progress
from services.console.settings import Credential, from_environment

Stub = TypeVar("Stub")
Request = TypeVar("Request")
Response = TypeVar("Response", bound=Message)
Result = TypeVar("Result")


class ListRequest(Protocol):
    """A request for a part of a list."""

    page_token: str


Listed = TypeVar("Listed", bound=Message)
ListAsk = TypeVar("ListAsk", bound=ListRequest)


def run(work: Coroutine[Any, Any, Result], what: str | None) -> Result:
    """The work's result; `what` (None: nothing) is shown once it takes longer than a second."""

    async def watched() -> Result:
        async with nullcontext() if what is None else progress(what, err()):
            return await work

    return asyncio.run(watched())


def with_client(
    work: Callable[[Client], Coroutine[Any, Any, Result]],
    *,
    timeout_seconds: float,
    what: str | None,
) -> Result:
    """The result of work that makes calls; each has `timeout_seconds`."""

    async def connected() -> Result:
        settings = from_environment(os.environ)
        async with Client(settings, timeout_seconds=timeout_seconds) as client:
            return await work(client)

    return run(connected(), what)


def ask(
    peer: Peer[Stub],
    method: "Callable[[Stub], grpc.aio.UnaryUnaryMultiCallable[Request, Response]]",
    request: Request,
    *,
    timeout_seconds: float,
    credential: Credential = Credential.TENANT,
) -> Response:
    """The answer to one call."""

    async def call(client: Client) -> Response:
        return await client.call(peer, method, request, credential=credential)

    return with_client(call, timeout_seconds=timeout_seconds, what=f"waiting for {peer.service}")


def ask_list(
    peer: Peer[Stub],
    method: "Callable[[Stub], grpc.aio.UnaryUnaryMultiCallable[ListAsk, Listed]]",
    request: ListAsk,
    *,
    timeout_seconds: float,
    read_all: bool,
    credential: Credential = Credential.TENANT,
) -> Listed:
    """One part of a list, or all from there on as one answer."""

    async def read(client: Client) -> Listed:
        answer = await client.call(peer, method, request, credential=credential)
        while read_all and (token := next_page_token(answer)):
            request.page_token = token
            page = await client.call(peer, method, request, credential=credential)
            answer.ClearField("next_page_token")
            answer.MergeFrom(page)
        return answer

    return with_client(read, timeout_seconds=timeout_seconds, what=f"reading from {peer.service}")


def next_page_token(answer: Message) -> str:
    """Where the list goes on; empty at its end."""
    token: str = getattr(answer, "next_page_token", "")
    return token
