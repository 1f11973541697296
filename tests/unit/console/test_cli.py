"""`waybill` as a process of its own, against real servers."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from services.chassis.errors import DomainError
from services.console.settings import SERVICES
from tests.unit.console.builders import TRACE_ID
from tests.unit.console.fake_traces import FakeTraces, Services, Serving
from tests.unit.console.test_consistency_check import some_scheduling, some_sync, totals
from tests.unit.console.test_trace_queries import a_page, a_row
from waybill.trace.v1.trace_service_pb2 import Equation

LEAD_ID = "01931f6e-2c3b-7c11-9e4e-0f6a1c2d3e4f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the process said and how it ended."""

    code: int | None
    out: str
    err: str


async def waybill(
    services: Services,
    *arguments: str,
    into: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Said:
    """Runs the command; what it says goes `into` a file descriptor where one is given."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("WAYBILL_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.console", *arguments),
        env=environ | services.environment() | dict(environment or {}),
        stdout=asyncio.subprocess.PIPE if into is None else into,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Said(code=process.returncode, out=(out or b"").decode(), err=err.decode())


async def test_a_trace_is_drawn_and_what_is_missing_is_said(serving: Serving) -> None:
    services = await serving(
        ingest=FakeTraces(entries=[a_row("lead created", 0, 10, outcome="created")]),
        routing=FakeTraces(entries=[a_row("routing queue", 10, 30, waiting=True)]),
    )
    said = await waybill(services, "trace", TRACE_ID)
    assert said.code == 0
    assert f"trace {TRACE_ID}" in said.out
    assert "lead created" in said.out
    assert "█" in said.out
    assert "░" in said.out
    assert "the part of delivery is missing: delivery could not be reached at" in said.out
    assert said.err == ""


async def test_a_trace_that_nobody_knows_exits_1_and_says_what_was_searched(
    serving: Serving,
) -> None:
    services = await serving(ingest=FakeTraces(), routing=FakeTraces(), delivery=FakeTraces())
    said = await waybill(services, "trace", "--lead", LEAD_ID)
    assert said.code == 1
    assert f"Nothing was found for lead {LEAD_ID}." in said.err
    assert "Every service was asked." in said.err


async def test_a_trace_that_one_who_gave_no_answer_may_know_exits_3(serving: Serving) -> None:
    services = await serving(ingest=FakeTraces(), routing=FakeTraces())
    said = await waybill(services, "trace", "--lead", LEAD_ID)
    assert said.code == 3
    assert f"Nothing was found for lead {LEAD_ID}." in said.err
    assert "delivery could not be asked" in said.err


async def test_of_several_traces_the_newest_is_drawn_below_the_list(serving: Serving) -> None:
    ingest = FakeTraces(
        pages={"": a_page(("a" * 32, 10), ("b" * 32, 20))}, entries=[a_row("store", 0, 1)]
    )
    services = await serving(ingest=ingest, routing=FakeTraces(), delivery=FakeTraces())
    said = await waybill(services, "trace", "--phone", "+4915112345678")
    assert said.code == 0
    assert said.out.index("b" * 32) < said.out.index("a" * 32)
    assert f"trace {'b' * 32}" in said.out
    assert f"trace {'a' * 32}" not in said.out
    everything = await waybill(services, "trace", "--phone", "+4915112345678", "--all", "--json")
    found = json.loads(everything.out)
    assert [each["trace_id"][0] for each in found["waterfalls"]] == ["b", "a"]
    assert [each["trace_id"][0] for each in found["found"]] == ["b", "a"]
    assert found["missing"] == []


async def test_verify_exits_1_and_names_the_rows(serving: Serving) -> None:
    broken = totals(leads_taken_over=5, offers_handed_over=4)
    broken.equations.append(
        Equation(
            name="no lead without a trace",
            holds=False,
            violation_count=1,
            violations=["leads 0193: its trace is malformed"],
        )
    )
    ingest = FakeTraces(consistency=[totals(leads_handed_over=5)])
    delivery = FakeTraces(consistency=[totals(offers_taken_over=4)])
    services = await serving(
        ingest=ingest, routing=FakeTraces(consistency=[broken]), delivery=delivery
    )
    said = await waybill(services, "verify")
    assert said.code == 1
    assert "✗ no lead without a trace" in said.out
    assert "leads 0193: its trace is malformed" in said.out
    assert not json.loads((await waybill(services, "verify", "--json")).out)["holds"]


async def test_verify_exits_0_when_all_books_add_up(serving: Serving) -> None:
    services = await serving(
        ingest=FakeTraces(consistency=[totals(leads_handed_over=5, events_handed_over=3)]),
        routing=FakeTraces(consistency=[totals(leads_taken_over=5, offers_handed_over=4)]),
        delivery=FakeTraces(
            consistency=[totals(offers_taken_over=4, delivery_events_handed_over=8)]
        ),
        scheduling=some_scheduling(),
        sync=some_sync(),
    )
    said = await waybill(services, "verify")
    assert said.code == 0
    assert "Everything is consistent." in said.out


async def test_verify_exits_0_where_rows_in_flight_explain_a_difference(serving: Serving) -> None:
    ingest = totals(leads_handed_over=5, events_handed_over=3)
    ingest.in_flight["routing.enqueue_leads"] = 1
    services = await serving(
        ingest=FakeTraces(consistency=[ingest]),
        routing=FakeTraces(consistency=[totals(leads_taken_over=6, offers_handed_over=4)]),
        delivery=FakeTraces(
            consistency=[totals(offers_taken_over=4, delivery_events_handed_over=8)]
        ),
        scheduling=some_scheduling(),
        sync=some_sync(),
    )
    said = await waybill(services, "verify")
    assert said.code == 0
    assert "5 and 6, 1 in flight, read again" in said.out


async def test_verify_exits_3_where_a_service_gave_no_answer_and_the_others_hold(
    serving: Serving,
) -> None:
    reports = {
        "ingest": totals(leads_handed_over=5, events_handed_over=3),
        "routing": totals(leads_taken_over=5, offers_handed_over=4),
    }
    traces = {name: FakeTraces(consistency=[each]) for name, each in reports.items()}
    services = await serving(**traces, scheduling=some_scheduling(), sync=some_sync())
    said = await waybill(services, "verify")
    assert said.code == 3
    assert "✗ delivery: delivery could not be reached" in said.out
    reports["routing"].equations[0].holds = False
    assert (await waybill(services, "verify")).code == 1


async def test_output_that_cannot_be_written_is_one_line(serving: Serving) -> None:
    services = await serving(ingest=FakeTraces(entries=[a_row("lead created", 0, 10)]))
    for arguments in (["--help"], ["trace", TRACE_ID], ["trace", TRACE_ID, "--json"]):
        full = os.open("/dev/full", os.O_WRONLY)
        try:
            said = await waybill(services, *arguments, into=full)
        finally:
            os.close(full)
        assert said.code == 1, arguments
        assert said.err == "error: the output cannot be written: No space left on device\n"


async def test_a_closed_output_is_no_crash(serving: Serving) -> None:
    services = await serving()
    closed = ("-c", 'exec "$0" -m services.console "$@" >&-', sys.executable, "--version")
    process = await asyncio.create_subprocess_exec(
        "sh",
        *closed,
        env=os.environ | services.environment(),
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")


async def test_a_shell_completes_commands_and_options(serving: Serving) -> None:
    services = await serving()
    for typed, completed in (
        ("waybill cred", "credits"),
        ("waybill delivery list --work", "--workspace"),
    ):
        words = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
        said = await waybill(services, environment={"_WAYBILL_COMPLETE": "complete_bash", **words})
        assert said.out.split() == [completed]


async def test_a_service_that_is_not_there_exits_3_with_its_address(serving: Serving) -> None:
    said = await waybill(await serving(), "lead", "list")
    assert said.code == 3
    assert "ingest could not be reached at 127.0.0.1:1" in said.err
    assert said.out == ""


async def test_a_refusal_exits_1_with_its_reason(serving: Serving) -> None:
    refused = DomainError(
        "TOKEN_REFUSED",
        "The token is refused: ExpiredSignatureError.",
        metadata={"cause": "expired", "accepted": '["a", "b"]'},
    )
    services = await serving(**{name: FakeTraces(refusal=refused) for name in SERVICES})
    said = await waybill(services, "trace", TRACE_ID)
    assert said.code == 1
    assert "error: The token is refused" in said.err
    assert "reason: TOKEN_REFUSED (UNAUTHENTICATED" in said.err
    assert "  cause: expired\n" in said.err
    assert [line.strip() for line in said.err.splitlines()][-3:] == ["accepted:", "a", "b"]
    assert "tenant-token" not in said.err
