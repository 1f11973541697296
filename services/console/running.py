"""Runs what a command asks for, with progress while it lasts."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from services.console.client import Client, Peer
from services.console.output import err
from services.console.progress import progress
from services.console.settings import Identity, from_environment

Stub = TypeVar("Stub")
Request = TypeVar("Request")
Answer = TypeVar("Answer", bound=Message)
Result = TypeVar("Result")


class PagedRequest(Protocol):
    """A request for a page of a list."""

    page_token: str


PagedAnswer = TypeVar("PagedAnswer", bound=Message)
PagedAsk = TypeVar("PagedAsk", bound=PagedRequest)


def run(work: Coroutine[Any, Any, Result], what: str) -> Result:
    """The work's result; `what` is shown once it takes longer than a second."""

    async def watched() -> Result:
        async with progress(what, err()):
            return await work

    return asyncio.run(watched())


def with_client(
    work: Callable[[Client], Coroutine[Any, Any, Result]], *, timeout_seconds: float, what: str
) -> Result:
    """The result of work that makes calls; each has `timeout_seconds`."""

    async def connected() -> Result:
        settings = from_environment(os.environ)
        async with Client(settings, timeout_seconds=timeout_seconds) as client:
            return await work(client)

    return run(connected(), what)


def ask(
    peer: Peer[Stub],
    method: "Callable[[Stub], grpc.aio.UnaryUnaryMultiCallable[Request, Answer]]",
    request: Request,
    *,
    timeout_seconds: float,
    identity: Identity = Identity.TENANT,
) -> Answer:
    """The answer to one call."""

    async def call(client: Client) -> Answer:
        return await client.call(peer, method, request, identity=identity)

    return with_client(call, timeout_seconds=timeout_seconds, what=f"waiting for {peer.service}")


def ask_pages(
    peer: Peer[Stub],
    method: "Callable[[Stub], grpc.aio.UnaryUnaryMultiCallable[PagedAsk, PagedAnswer]]",
    request: PagedAsk,
    *,
    timeout_seconds: float,
    all_pages: bool,
    identity: Identity = Identity.TENANT,
) -> PagedAnswer:
    """One page, or all pages from there on as one answer."""

    async def read(client: Client) -> PagedAnswer:
        answer = await client.call(peer, method, request, identity=identity)
        while all_pages and (token := next_page_token(answer)):
            request.page_token = token
            page = await client.call(peer, method, request, identity=identity)
            answer.ClearField("next_page_token")
            answer.MergeFrom(page)
        return answer

    return with_client(read, timeout_seconds=timeout_seconds, what=f"reading from {peer.service}")


def next_page_token(answer: Message) -> str:
    """Where the next page starts; empty on the last one."""
    token: str = getattr(answer, "next_page_token", "")
    return token
