"""Requests that the parser cannot read."""

from typing import Any

import grpc
import pytest
from google.protobuf import struct_pb2

from services.chassis.rpc.interceptors import (
    MALFORMED_TEXT,
    MALFORMED_TEXTS,
    Malformed,
    wrap_unary,
)


async def answer(request: Any, context: Any) -> None:
    """Is never asked here."""


def parsed(data: bytes) -> Any:
    handler: Any = grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=struct_pb2.Struct.FromString
    )
    return wrap_unary(handler, answer).request_deserializer(data)


def nested(levels: int) -> bytes:
    """As many lists within one another, in a Struct."""
    value = struct_pb2.Value()
    for _ in range(levels):
        outer = struct_pb2.Value()
        outer.list_value.values.append(value)
        value = outer
    return struct_pb2.Struct(fields={"a": value}).SerializeToString()


def test_nesting_is_read_as_deep_as_the_edge_lets_it_pass_and_told_beyond() -> None:
    assert isinstance(parsed(nested(49)), struct_pb2.Struct)
    assert parsed(nested(50)) == Malformed(MALFORMED_TEXTS["MaxDepth"])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x0a\x03\x0a\x01\xff", MALFORMED_TEXTS["UTF-8"]),
        (b"\xff", MALFORMED_TEXT),
        (b"\x0a\x09", MALFORMED_TEXT),
    ],
)
def test_what_is_wrong_is_told_without_the_parsers_own_words(data: bytes, text: str) -> None:
    assert parsed(data) == Malformed(text)
