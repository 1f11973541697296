"""Violations in the names of the JSON that a caller sent."""

import pytest
from google.protobuf.message import Message

from services.chassis.errors import DomainError, Violation, invalid
from services.chassis.rpc.json_names import in_json_names
from waybill.ingest.v1.ingest_service_pb2 import CreateLeadRequest
from waybill.routing.v1.routing_service_pb2 import CreateRuleRequest, EnqueueLeadsRequest
from waybill.scheduling.v1.scheduling_service_pb2 import ListFreeTimesRequest


@pytest.mark.parametrize(
    ("request_type", "field", "named"),
    [
        (CreateRuleRequest, "name", "name"),
        (CreateRuleRequest, "workspace_id", "workspaceId"),
        # Names of their own, in camel case or not.
        (ListFreeTimesRequest, "from_time", "from"),
        (CreateLeadRequest, "customer_phone", "customer_phone"),
        # Parts of lists and of messages in them.
        (ListFreeTimesRequest, "calendar_ids[3]", "calendarIds[3]"),
        (EnqueueLeadsRequest, "leads[1].org_id", "leads[1].orgId"),
        (EnqueueLeadsRequest, "leads[1].answers[0].values[2]", "leads[1].answers[0].values[2]"),
        # What is not a field, and what a caller chose as a map's key.
        (EnqueueLeadsRequest, "body_size", "body_size"),
        (EnqueueLeadsRequest, "leads[0].consents[may_call].org_id", None),
        (EnqueueLeadsRequest, "leads[0].no_such.org_id", None),
        (EnqueueLeadsRequest, "", ""),
        (EnqueueLeadsRequest, "[0].org_id", None),
    ],
)
def test_a_field_is_named_as_its_descriptor_says(
    request_type: type[Message], field: str, named: str | None
) -> None:
    assert _named(field, "is wrong", request_type())[0] == (field if named is None else named)


@pytest.mark.parametrize(
    ("field", "description", "said"),
    [
        ("to_time", "must be after from_time", "must be after from"),
        ("to_time", "is required, or else calendar_ids", "is required, or else calendarIds"),
        # A word that is not a field of the same message stays, and so does a part of a longer one.
        ("to_time", "must be one of no_show, lead.page_token", None),
        ("page_size", "must be from 1 to 500, for example 50", None),
    ],
)
def test_other_fields_in_the_sentence_are_named_alike(
    field: str, description: str, said: str | None
) -> None:
    assert _named(field, description, ListFreeTimesRequest())[1] == (said or description)


def test_the_message_and_the_metadata_name_the_fields_alike() -> None:
    error = in_json_names(
        invalid(
            Violation(field="workspace_id", description="is not a UUID"),
            Violation(field="name", description="is blank"),
        ),
        CreateRuleRequest(),
    )
    assert error.message == "workspaceId: is not a UUID; name: is blank"
    assert error.metadata == {"fields": "workspaceId,name"}


def test_a_refusal_without_violations_stays_as_it_is() -> None:
    error = DomainError("LEAD_NOT_FOUND", "No lead_id.", metadata={"lead_id": "1"})
    assert in_json_names(error, CreateRuleRequest()) is error


def _named(field: str, description: str, request: Message) -> tuple[str, str]:
    error = in_json_names(invalid(Violation(field=field, description=description)), request)
    (violation,) = error.violations
    return violation.field, violation.description
