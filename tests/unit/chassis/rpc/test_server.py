"""A registration: each RPC of a service in exactly one handler."""

from typing import Any

import pytest

from services.chassis.rpc.server import Registration
from waybill.trace.v1 import trace_service_pb2

TRACE_SERVICE = trace_service_pb2.DESCRIPTOR.services_by_name["TraceService"]


class TraceHandlers:
    """Two of the service's three RPCs."""

    async def GetTrace(self, request: Any, context: Any) -> None:
        """Handles nothing."""

    async def FindTraces(self, request: Any, context: Any) -> None:
        """Handles nothing."""


class BooksHandlers:
    """The third."""

    async def VerifyBooks(self, request: Any, context: Any) -> None:
        """Handles nothing."""


class BooksHandlersToo(BooksHandlers):
    """The third again."""


def test_a_service_is_put_together_from_several_handlers() -> None:
    handlers = (TraceHandlers(), BooksHandlers())
    assert Registration(descriptor=TRACE_SERVICE, handlers=handlers).handlers == handlers


def test_an_rpc_that_no_handler_has_is_named() -> None:
    with pytest.raises(ValueError, match=r"TraceService: no handler has VerifyBooks$"):
        Registration(descriptor=TRACE_SERVICE, handlers=(TraceHandlers(),))


def test_an_rpc_that_two_handlers_have_is_named_with_both() -> None:
    handlers = (TraceHandlers(), BooksHandlers(), BooksHandlersToo())
    text = r"TraceService: VerifyBooks is in BooksHandlers and BooksHandlersToo$"
    with pytest.raises(ValueError, match=text):
        Registration(descriptor=TRACE_SERVICE, handlers=handlers)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    handlers = (TraceHandlers(), TraceHandlers())
    with pytest.raises(ValueError, match=r"GetTrace is in .*; .*; no handler has VerifyBooks"):
        Registration(descriptor=TRACE_SERVICE, handlers=handlers)
