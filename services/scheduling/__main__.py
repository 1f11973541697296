"""The scheduling service: what it is made of."""

from services.chassis.config import load
from services.chassis.database import pooled
from services.chassis.lifetime import looping, run
from services.chassis.loops import Stopping
from services.chassis.outbound.client import OutboundClient
from services.chassis.outbox.relay import Relay
from services.chassis.outbox.store import OutboxStore
from services.chassis.outbox.timeline import timeline_sender
from services.chassis.periodic import all_periodically
from services.chassis.rpc.client import connected
from services.chassis.rpc.server import serving
from services.chassis.sealing import SealedColumn, load_key_ring
from services.chassis.sweeps import chassis_sweeps
from services.chassis.telemetry import telemetry
from services.chassis.trace_service import trace_registration
from services.scheduling.access import ACCESS
from services.scheduling.config import SchedulingConfig
from services.scheduling.edge.handoffs import APPOINTMENT_EVENTS
from services.scheduling.edge.registration import Dependencies, registration
from services.scheduling.http import serving_http
from services.scheduling.importer import Importer
from services.scheduling.policies import (
    import_outbound_policy,
    importer_policy,
    timeline_relay_policy,
)
from services.scheduling.store.appointments import AppointmentStore
from services.scheduling.store.availability import AvailabilityStore
from services.scheduling.store.calendars import CalendarStore
from services.scheduling.store.holds import HoldStore
from services.scheduling.store.imports import ImportStore
from services.scheduling.store.series import SeriesStore
from services.scheduling.store.services import ServiceStore
from services.scheduling.store.waitlist import WaitlistStore
from services.scheduling.sweeps import sweeps
from waybill.sync.v1.sync_service_pb2_grpc import SyncServiceStub


async def main(stopping: Stopping) -> None:
    """Runs scheduling until it is told to stop."""
    config = load(SchedulingConfig)
    outbound = import_outbound_policy(config)
    ring = load_key_ring(config.sealing_keys_file)
    import_urls = SealedColumn(ring, table="imports", column="ciphertext")
    with telemetry("scheduling", config):
        async with (
            pooled("scheduling", config) as database,
            connected(config.sync_target, SyncServiceStub, config) as sync,
            OutboundClient(outbound) as client,
        ):
            calendars, services = CalendarStore(database), ServiceStore(database)
            availability = AvailabilityStore(database)
            appointments, series = AppointmentStore(database), SeriesStore(database)
            holds, waitlist = HoldStore(database), WaitlistStore(database)
            imports = ImportStore(database)
            importer = Importer(imports, client, import_urls, importer_policy(config))
            events = Relay(
                APPOINTMENT_EVENTS,
                OutboxStore(database),
                timeline_sender(sync, config.call_timeout_seconds),
                timeline_relay_policy(),
            )
            dependencies = Dependencies(
                calendars=calendars,
                services=services,
                availability=availability,
                appointments=appointments,
                series=series,
                holds=holds,
                waitlist=waitlist,
                imports=imports,
                import_urls=import_urls,
                outbound=outbound,
                import_due=importer.wake,
            )
            registrations = [registration(dependencies), trace_registration(database, "scheduling")]
            async with (
                looping(stopping, drain_seconds=config.drain_seconds) as loops,
                serving(config, ACCESS, registrations),
                serving_http(calendars, availability, appointments, config),
            ):
                loops.start(importer.run(stopping, poll_seconds=config.poll_seconds))
                loops.start(events.run(stopping, poll_seconds=config.poll_seconds))
                loops.start(
                    all_periodically(sweeps(holds, waitlist, appointments, config), stopping)
                )
                loops.start(all_periodically(chassis_sweeps(database, config), stopping))
                await stopping.wait()


if __name__ == "__main__":
    run(main)
