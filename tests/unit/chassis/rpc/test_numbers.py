"""Numbers of a request that JSON does not have."""

import math
from typing import Any

import pytest
from google.protobuf import struct_pb2, wrappers_pb2
from google.protobuf.message import Message

from services.chassis.rpc.numbers import unwritable_numbers
from waybill.scheduling.v1 import scheduling_service_pb2


def places(message: Message) -> list[str]:
    return [violation.field for violation in unwritable_numbers(message)]


def struct_of(**fields: Any) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(fields)
    return struct


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_each_number_that_is_not_finite_is_named_by_its_place(number: float) -> None:
    request = scheduling_service_pb2.BookAppointmentRequest(
        metadata=struct_of(score=number, deep={"list": [1, number, {"last": number}]}, good=1e308)
    )
    assert sorted(places(request)) == [
        "metadata.deep.list[1]",
        "metadata.deep.list[2].last",
        "metadata.score",
    ]


def test_a_request_without_such_numbers_has_none() -> None:
    metadata = struct_of(a=0, b=-1.5, c="NaN", d=None, e=[True, {}])
    assert places(scheduling_service_pb2.BookAppointmentRequest(metadata=metadata)) == []
    assert places(scheduling_service_pb2.BookAppointmentRequest()) == []


def test_a_number_outside_of_a_struct_is_looked_at_too() -> None:
    assert places(wrappers_pb2.DoubleValue(value=math.nan)) == [""]
