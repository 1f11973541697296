"""What is wrong with a request by its descriptors: too much of something, a field missing."""

import importlib
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor
from google.protobuf.struct_pb2 import Struct

from services.chassis.rpc.request_bounds import missing_fields, too_much
from tools.protos import proto_files
from waybill.bounds.v1 import bounds_pb2
from waybill.routing.v1.routing_service_pb2 import EnqueueLeadsRequest, LeadAnswer, LeadToRoute
from waybill.scheduling.v1.scheduling_service_pb2 import (
    BookAppointmentRequest,
    CreateCalendarRequest,
    OpenHours,
    WeeklyHours,
)


def descriptor_of(proto_file: str) -> FileDescriptor:
    name = proto_file.removesuffix(".proto").replace("/", ".")
    descriptor: FileDescriptor = importlib.import_module(f"{name}_pb2").DESCRIPTOR
    return descriptor


def fields_below(message: Descriptor, seen: set[str]) -> Iterator[FieldDescriptor]:
    """Every field that a message of this type can hold, messages of Google's not looked into."""
    if message.full_name in seen or not message.full_name.startswith("waybill."):
        return
    seen.add(message.full_name)
    for field in message.fields:
        yield field
        if field.message_type is not None:
            yield from fields_below(field.message_type, seen)


def fields_of_requests() -> list[FieldDescriptor]:
    rpcs = [
        rpc
        for file in proto_files()
        for service in descriptor_of(file).services_by_name.values()
        for rpc in service.methods
    ]
    assert len(rpcs) > 50
    seen: set[str] = set()
    return [field for rpc in rpcs for field in fields_below(rpc.input_type, seen)]


def holds_lists(message: Descriptor, seen: tuple[str, ...] = ()) -> bool:
    """Whether a message of Google's can hold any number of things, as a Struct can."""
    return message.full_name not in seen and any(
        field.is_repeated
        or (
            field.message_type is not None
            and holds_lists(field.message_type, (*seen, message.full_name))
        )
        for field in message.fields
    )


def test_every_list_and_map_that_a_request_can_hold_has_a_bound() -> None:
    lists = [field for field in fields_of_requests() if field.is_repeated]
    assert "waybill.routing.v1.LeadToRoute.consents" in [field.full_name for field in lists]
    unbounded = [
        field.full_name
        for field in lists
        if field.GetOptions().Extensions[bounds_pb2.items_max] < 1
    ]
    assert not unbounded, f"{unbounded} need (waybill.bounds.v1.items_max) in their protos"


def test_every_struct_that_a_request_can_hold_has_a_bound() -> None:
    structs = [
        field
        for field in fields_of_requests()
        if field.message_type is not None
        and field.message_type.full_name.startswith("google.")
        and holds_lists(field.message_type)
    ]
    assert structs
    unbounded = [
        field.full_name
        for field in structs
        if field.GetOptions().Extensions[bounds_pb2.bytes_max] < 1
    ]
    assert not unbounded, f"{unbounded} need (waybill.bounds.v1.bytes_max) in their protos"


def test_maps_hold_no_messages_of_ours() -> None:
    """They would be neither bounded nor checked for what is required."""
    maps = [
        field.message_type
        for field in fields_of_requests()
        if field.message_type is not None and field.message_type.GetOptions().map_entry
    ]
    assert maps
    assert not [each for each in maps if each.fields_by_name["value"].message_type is not None]


def calendar_of(hours: int) -> CreateCalendarRequest:
    return CreateCalendarRequest(name="x", weekly_hours=WeeklyHours(hours=[OpenHours()] * hours))


def refused(request: Any) -> dict[str, str]:
    return {each.field: each.description for each in too_much(request)}


def test_a_list_may_be_as_long_as_its_bound() -> None:
    assert refused(calendar_of(100)) == {}
    assert refused(calendar_of(101)) == {"weekly_hours.hours": "has more than 100 elements"}


def test_lists_and_maps_in_elements_are_bounded_and_named_by_their_place() -> None:
    good = LeadToRoute(answers=[LeadAnswer(values=["a"] * 1000)])
    long = LeadToRoute(answers=[LeadAnswer(), LeadAnswer(values=["a"] * 1001)])
    many = LeadToRoute(consents={str(number): True for number in range(1001)})
    assert refused(EnqueueLeadsRequest(leads=[good, long, many])) == {
        "leads[1].answers[1].values": "has more than 1000 elements",
        "leads[2].consents": "has more than 1000 elements",
    }


def test_a_struct_is_bounded_by_its_bytes() -> None:
    metadata = Struct()
    metadata["note"] = "a" * 98_280
    assert refused(BookAppointmentRequest(metadata=metadata)) == {}
    metadata["more"] = [0] * 10
    expected = {"metadata": "has more than 98304 bytes"}
    assert refused(BookAppointmentRequest(metadata=metadata)) == expected


@pytest.mark.parametrize("count", [501, 100_000])
def test_elements_of_a_list_that_is_too_long_are_not_looked_at(count: int) -> None:
    def steps(request: EnqueueLeadsRequest) -> int:
        found = 0

        def step(frame: FrameType, event: str, _: Any) -> None:
            nonlocal found
            found += event in ("call", "c_call")

        sys.setprofile(step)
        try:
            too_much(request)
        finally:
            sys.setprofile(None)
        return found

    too_much(EnqueueLeadsRequest())
    assert steps(EnqueueLeadsRequest(leads=[LeadToRoute()] * count)) < 20


def test_a_whole_request_misses_nothing() -> None:
    lead = LeadToRoute(org_id="a", lead_id="b", source_id="c", traceparent="d")
    assert missing_fields(EnqueueLeadsRequest(leads=[lead])) == []


def test_what_is_missing_is_named_by_its_place() -> None:
    lead = LeadToRoute(org_id="a", lead_id="b", source_id="c", traceparent="d")
    bad = LeadToRoute(lead_id="b", source_id="c")
    found = missing_fields(EnqueueLeadsRequest(leads=[lead, bad]))
    assert [each.field for each in found] == ["leads[1].org_id", "leads[1].traceparent"]
    assert [each.field for each in missing_fields(EnqueueLeadsRequest())] == ["leads"]
