"""Sends one request to every service at once, and separates responses from failures."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from services.console.client import TRACES, Client, Peer
from services.console.failures import (
    CallFailedError,
    ConsoleError,
    ExitCode,
    SettingMissingError,
)
from services.console.settings import Credential
from services.console.waterfall import Gap

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from waybill.trace.v1.trace_service_pb2_grpc import TraceServiceAsyncStub

Request = TypeVar("Request")
Response = TypeVar("Response")

if TYPE_CHECKING:
    TraceMethod = Callable[
        [TraceServiceAsyncStub], grpc.aio.UnaryUnaryMultiCallable[Request, Response]
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replies(Generic[Response]):
    """Responses by service, in the order in which a lead meets them; a gap for each that failed."""

    responses: Mapping[str, Response]
    gaps: tuple[Gap, ...]


async def fan_out(
    client: Client,
    method: "TraceMethod[Request, Response]",
    requests: Mapping[str, Request],
    credential: Credential,
) -> Replies[Response]:
    """The responses of the TraceServices of the services named in `requests`.

    Raises where none answered and either one refused (a malformed phone or a bad token is the same
    everywhere) or nothing of the environment is set.
    """

    async def ask(peer: "Peer[TraceServiceAsyncStub]") -> Response | ConsoleError:
        try:
            return await client.call(peer, method, requests[peer.service], credential=credential)
        except ConsoleError as error:
            return error

    asked = [peer for peer in TRACES if peer.service in requests]
    replies = await asyncio.gather(*(ask(peer) for peer in asked))
    responses: dict[str, Response] = {}
    errors: dict[str, ConsoleError] = {}
    for peer, each in zip(asked, replies, strict=True):
        if isinstance(each, ConsoleError):
            errors[peer.service] = each
        else:
            responses[peer.service] = each
    if not responses:
        _raise_refusal(errors)
    return Replies(responses=responses, gaps=tuple(gap(*pair) for pair in errors.items()))


def gap(service: str, error: ConsoleError) -> Gap:
    """The service's part as missing, and why."""
    is_outage = error.exit_code is ExitCode.UNREACHABLE
    return Gap(service=service, problem=error.lines[0], is_outage=is_outage)


def _raise_refusal(errors: Mapping[str, ConsoleError]) -> None:
    refusals = [error for error in errors.values() if is_refusal(error)]
    if refusals:
        raise refusals[0]
    if all(isinstance(error, SettingMissingError) for error in errors.values()):
        raise next(iter(errors.values()))


def is_refusal(error: ConsoleError) -> bool:
    """Whether a service was reached and replies no."""
    return isinstance(error, CallFailedError) and not error.is_outage
