"""Asks every service the same, at once, and keeps apart who answered and who could not."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from services.console.client import TRACES, Client, Peer
from services.console.failures import CallFailedError, ConsoleError, SettingMissingError
from services.console.settings import Identity
from services.console.waterfall import Gap

if TYPE_CHECKING:
    import grpc

    from waybill.trace.v1.trace_service_pb2_grpc import TraceServiceAsyncStub

Request = TypeVar("Request")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey(Generic[Answer]):
    """Answers by service, in the order in which a lead meets them; a gap for each that failed."""

    answers: Mapping[str, Answer]
    gaps: tuple[Gap, ...]


async def survey(
    client: Client,
    method: "Callable[[TraceServiceAsyncStub], grpc.aio.UnaryUnaryMultiCallable[Request, Answer]]",
    requests: Mapping[str, Request],
    identity: Identity,
) -> Survey[Answer]:
    """The answers of the TraceServices of the services named in `requests`.

    Raises where none answered and either one refused (a malformed phone or a bad token is the same
    everywhere) or nothing of the environment is set.
    """

    async def ask(peer: "Peer[TraceServiceAsyncStub]") -> Answer | ConsoleError:
        try:
            return await client.call(peer, method, requests[peer.service], identity=identity)
        except ConsoleError as error:
            return error

    asked = [peer for peer in TRACES if peer.service in requests]
    said = await asyncio.gather(*(ask(peer) for peer in asked))
    answers: dict[str, Answer] = {}
    errors: dict[str, ConsoleError] = {}
    for peer, each in zip(asked, said, strict=True):
        if isinstance(each, ConsoleError):
            errors[peer.service] = each
        else:
            answers[peer.service] = each
    if not answers:
        _raise_refusal(errors)
    return Survey(answers=answers, gaps=tuple(gap(*pair) for pair in errors.items()))


def gap(service: str, error: ConsoleError) -> Gap:
    """The service's part as missing, and why."""
    return Gap(service=service, problem=error.lines[0])


def _raise_refusal(errors: Mapping[str, ConsoleError]) -> None:
    refusals = [error for error in errors.values() if is_refusal(error)]
    if refusals:
        raise refusals[0]
    if all(isinstance(error, SettingMissingError) for error in errors.values()):
        raise next(iter(errors.values()))


def is_refusal(error: ConsoleError) -> bool:
    """Whether a service was reached and said no."""
    return isinstance(error, CallFailedError) and not error.is_outage
