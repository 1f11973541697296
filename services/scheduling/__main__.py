"""The scheduling service: what it is made of."""

from services.chassis.config import load
from services.chassis.database import pooled
from services.chassis.lifetime import looping, run
from services.chassis.loops import Stopping
from services.chassis.outbound.client import OutboundClient
from services.chassis.outbox.relay import Relay, RelayPolicy
from services.chassis.outbox.store import OutboxStore
from services.chassis.periodic import all_periodically
from services.chassis.rpc.client import connected
from services.chassis.rpc.server import serving
from services.chassis.sealing import load_key_ring
from services.chassis.sweeps import chassis_sweeps
from services.chassis.telemetry import telemetry
from services.chassis.trace_service import trace_served
from services.scheduling import timeline_handoff
from services.scheduling.access import ACCESS
from services.scheduling.config import SchedulingConfig
from services.scheduling.edge.parts import Parts
from services.scheduling.http import serving_http
from services.scheduling.importer import Importer, outbound_policy
from services.scheduling.service import SchedulingService, scheduling_served
from services.scheduling.store.appointments import AppointmentStore
from services.scheduling.store.calendars import CalendarStore
from services.scheduling.store.holds import HoldStore
from services.scheduling.store.imports import ImportStore
from services.scheduling.sweeps import sweeps
from waybill.sync.v1.sync_service_pb2_grpc import SyncServiceStub


async def main(stopping: Stopping) -> None:
    """Runs scheduling until it is asked to stop."""
    config = load(SchedulingConfig)
    ring, outbound = load_key_ring(config.sealing_keys_file), outbound_policy(config)
    with telemetry("scheduling", config):
        async with (
            pooled("scheduling", config) as database,
            connected(config.sync_target, SyncServiceStub, config) as sync,
            OutboundClient(outbound) as client,
        ):
            calendars, appointments = CalendarStore(database), AppointmentStore(database)
            holds, imports = HoldStore(database), ImportStore(database)
            events = Relay(
                timeline_handoff.TOPIC,
                OutboxStore(database),
                timeline_handoff.sender(sync, config.call_timeout_seconds),
                RelayPolicy(lingers=True),
            )
            importer = Importer(imports, client, ring, config)
            service = SchedulingService(
                Parts(
                    calendars=calendars,
                    appointments=appointments,
                    holds=holds,
                    imports=imports,
                    outbound=outbound,
                    ring=ring,
                    due=importer.wake,
                )
            )
            served = [scheduling_served(service), trace_served(database, "scheduling")]
            async with (
                looping(stopping, drain_seconds=config.drain_seconds) as loops,
                serving(config, ACCESS, served),
                serving_http(calendars, appointments, config),
            ):
                loops.start(importer.run(stopping, poll_seconds=config.poll_seconds))
                loops.start(events.run(stopping, poll_seconds=config.poll_seconds))
                loops.start(all_periodically(sweeps(holds, appointments, config), stopping))
                loops.start(all_periodically(chassis_sweeps(database, config), stopping))
                await stopping.wait()


if __name__ == "__main__":
    run(main)
