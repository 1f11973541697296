"""A system whose processes reach their database and each other by proxies that show faults."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from deploy.local.ports import free_port
from deploy.local.sample_customer import Customer, SampleOrg, set_up
from deploy.local.stack import HOST, Options, Stack, running_stack
from deploy.local.state import State
from sandbox.fault_proxy import CutAfter, Fault, FaultProxy, HalfOpen, Latency, Reset
from sandbox.postgres_fault_injection import FaultInjection
from tests.chaos.conftest import CREDITS, SETTINGS
from tests.chaos.customer_rows import waybill
from tests.system.conftest import discard
from tests.system.waiting import until

# By the name of each line what is at its end: a port of the state's, fixed or not.
ENDS: Final = {
    "postgres": "",
    "routing": "routing",
    "delivery": "delivery",
    "sync": "sync",
    "meta": "meta",
    "buyers": "buyers",
    "delivery-routing": "routing",
    "delivery-sync": "sync",
    "scheduling-sync": "sync",
    "edge-ingest": "ingest",
    "edge-ingest-http": "ingest-http",
}
_FIXED: Final = ("meta", "buyers")
_SETTINGS: Final = {
    **SETTINGS,
    "WAYBILL_DELIVERY_CALL_TIMEOUT_SECONDS": "3",
    "WAYBILL_SCHEDULING_CALL_TIMEOUT_SECONDS": "3",
}
# Each way; the shortest of the deadlines on these lines, a buyer's, is a second.
LATENCY: Final = Latency(seconds=0.2)
# Connections that are open pass on the requests; of the answer nothing comes back.
CUT: Final = CutAfter(to_client_bytes=0)
FAULTS: Final = {"reset": Reset(), "half-open": HalfOpen(), "cut": CUT}
broken = pytest.mark.parametrize("fault", list(FAULTS.values()), ids=list(FAULTS))
_ids_at_meta = itertools.count(3 * 10**14, 10**6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What a service says in its log when it meets a fault."""

    service: str
    words: Sequence[str]


def of_call(service: str, method: str) -> Signs:
    """The signs of a call to another service that fails."""
    ends = ("UNAVAILABLE", "DEADLINE")
    return Signs(service=service, words=[f'{method}", "outcome": "{end}' for end in ends])


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The lines between the processes, each with a proxy on it, and the running system."""

    lines: dict[str, FaultProxy]
    fault_injection: FaultInjection
    stack: Stack

    async def show(self, line: str, fault: Fault, signs: Signs) -> None:
        """Shows the fault on the line until the service has met it."""
        before = self._times_met(signs)

        async def is_met() -> bool:
            return self._times_met(signs) > before

        self.lines[line].fault = fault
        try:
            await until(is_met, seconds_max=30)
        finally:
            self.lines[line].fault = None

    async def strike(self, function: str, fault: Fault) -> None:
        """Shows the fault at an answer of the function, until the service has given it up."""
        postgres = self.lines["postgres"]
        self.fault_injection.arm(function, lambda: setattr(postgres, "fault", fault))
        try:
            async with asyncio.timeout(60):
                await self.fault_injection.triggered.wait()
                await self.fault_injection.given_up.wait()
        finally:
            self.fault_injection.disarm()
            postgres.fault = None

    def _times_met(self, signs: Signs) -> int:
        log = (self.stack.state.logs / f"{signs.service}.log").read_text()
        return sum(log.count(words) for words in signs.words)

    async def customer(self, session: aiohttp.ClientSession) -> Customer:
        """A fresh customer whose buyers are reached by their proxy."""
        number = next(_ids_at_meta)
        org = SampleOrg(
            name=f"faults-{number}", page_id=str(number), phone_number_id=str(number + 1)
        )

        async def made() -> Customer:
            return await set_up(
                session,
                edge_url=self.stack.edge_url,
                buyers_url=f"http://{HOST}:{self.lines['buyers'].port}",
                keys=self.stack.keys,
                run="only",
                org=org,
                credits=CREDITS,
            )

        # A service may still be on its way back from the fault before; set-up is safe to repeat.
        return await until(made)

    async def waterfall(self, customer: Customer, trace_id: str) -> Any:
        """The one waterfall that `waybill trace` prints of a trace."""
        code, printed = await waybill(self.stack, customer, "trace", trace_id, "--json")
        assert code == 0, printed
        (waterfall,) = json.loads(printed)["waterfalls"]
        return waterfall


@asynccontextmanager
async def networked(folder: Path) -> AsyncIterator[Network]:
    """The system with a proxy on every line."""
    state, fault_injection = State.open(folder), FaultInjection()
    ports = {"postgres": free_port()}
    for line, end in ENDS.items():
        if end:
            ports[line] = state.port(end, fixed=end in _FIXED)
    async with AsyncExitStack() as proxies:
        lines = {
            line: await proxies.enter_async_context(
                FaultProxy(HOST, port, watch=fault_injection.watch)
                if line == "postgres"
                else FaultProxy(HOST, port)
            )
            for line, port in ports.items()
        }
        targets = {name: f"{HOST}:{proxy.port}" for name, proxy in lines.items()}
        options = Options(
            edge_port=free_port(),
            postgres_port=ports["postgres"],
            service_env=_SETTINGS,
            targets=targets | {"meta": f"http://{targets['meta']}"},
        )
        async with running_stack(folder, options, discard) as started:
            yield Network(lines=lines, fault_injection=fault_injection, stack=started)
