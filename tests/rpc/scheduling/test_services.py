"""Services over a real process."""

from tests.rpc.scheduling.callers import Tenant, refusal
from waybill.scheduling.v1 import scheduling_service_pb2 as pb


async def test_a_service_is_changed_with_the_etag_that_was_read(tenant: Tenant) -> None:
    rooms = [await tenant.a_calendar() for _ in range(2)]
    made = await tenant.CreateService(
        pb.CreateServiceRequest(name="Viewing", durations_minutes=[60], calendar_ids=rooms[:1])
    )
    update = pb.UpdateServiceRequest(
        service_id=made.service.id, etag=made.service.etag, durations_minutes=[30, 45],
        calendar_ids=rooms, price_credits=3,
    )  # fmt: skip
    changed = (await tenant.UpdateService(update)).service
    assert (changed.name, list(changed.durations_minutes)) == ("Viewing", [30, 45])
    assert (set(changed.calendar_ids), changed.price_credits) == (set(rooms), 3)
    assert (await refusal(tenant.UpdateService(update))).reason == "ETAG_MISMATCH"
    wrong = pb.UpdateServiceRequest(service_id="x", etag="x", durations_minutes=[5000])
    refused = await refusal(tenant.UpdateService(wrong))
    assert set(refused.metadata["fields"].split(",")) == {
        "service_id", "etag", "durations_minutes",
    }  # fmt: skip
