"""Imports over a real process and a web server."""

import json
from datetime import UTC, datetime, timedelta

from aiohttp import web

from tests.rpc.scheduling.callers import Tenant, outcome, refusal
from tests.schema.scheduling.builders import Admin
from tests.system.waiting import until
from waybill.scheduling.v1 import scheduling_service_pb2 as pb

HOUR = timedelta(hours=1)
URLS_REFUSED = [
    ("http://calendar.example.com/secret.ics", "scheme"),
    ("ftp://calendar.example.com/secret.ics", "scheme"),
    ("https://ada:secret@calendar.example.com/busy.ics", "userinfo"),
    ("https://169.254.169.254/secret", "address"),
    ("https://10.0.0.1/secret.ics", "address"),
    ("https://[::1]/secret.ics", "address"),
    ("file:///etc/secret", "scheme"),
]


def in_hours(hours: float) -> datetime:
    """A whole hour from now on."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + hours * HOUR


async def until_imported(admin: Admin, times: int) -> None:
    """Waits until an import was read that many times, counted by its times of reading."""
    seen = set()

    async def is_read() -> bool:
        at = await admin.fetchval(
            "select imported_at from scheduling.imports where claim_token is null"
        )
        seen.update([at] if at else [])
        return len(seen) == times

    assert await until(is_read)


async def test_an_import_from_a_refused_address_is_refused(tenant: Tenant) -> None:
    calendar_id = await tenant.a_calendar()
    for url, cause in URLS_REFUSED:
        request = pb.CreateImportRequest(calendar_id=calendar_id, url=url)
        refused = await refusal(tenant.CreateImport(request))
        assert (refused.reason, refused.status) == ("URL_REFUSED", "INVALID_ARGUMENT"), url
        assert refused.metadata["cause"] == cause, url
        assert "secret" not in str(refused)
    listed = await tenant.ListImports(pb.ListImportsRequest(calendar_id=calendar_id))
    assert not listed.imports


async def test_an_import_that_redirects_to_a_refused_address_keeps_failing_and_closes_nothing(
    tenant: Tenant, admin: Admin
) -> None:
    async def lead_away(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/busy.ics"})

    application = web.Application()
    application.router.add_get("/busy.ics", lead_away)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        calendar_id = await tenant.a_calendar()
        port = runner.addresses[0][1]
        for url in (f"http://127.0.0.1:{port}/busy.ics", "https://localhost.invalid/busy.ics"):
            await tenant.CreateImport(pb.CreateImportRequest(calendar_id=calendar_id, url=url))

        async def both_failed() -> bool:
            count = await admin.fetchval(
                "select count(*) from scheduling.imports where last_error is not null"
            )
            return bool(count == 2)

        assert await until(both_failed)
    finally:
        await runner.cleanup()
    listed = await tenant.ListImports(pb.ListImportsRequest(calendar_id=calendar_id))
    errors = [(each.last_error, each.HasField("import_time")) for each in listed.imports]
    assert errors[0] == ("status 302", False)
    assert not errors[1][1]
    assert await outcome(tenant.book(calendar_id, in_hours(30))) == "booked"


async def test_busy_times_of_an_external_calendar_close_ours_until_it_is_removed(
    tenant: Tenant, admin: Admin
) -> None:
    start = in_hours(30)
    event = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\nUID:1\r\n"
        f"DTSTAMP:{start:%Y%m%dT%H%M%SZ}\r\nDTSTART:{start:%Y%m%dT%H%M%SZ}\r\nDURATION:PT1H\r\n"
        "SUMMARY:Dentist\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    etags: list[str] = []

    async def serve(request: web.Request) -> web.Response:
        etags.append(request.headers.get("If-None-Match", ""))
        if etags[-1] == '"v1"':
            return web.Response(status=304)
        return web.Response(text=event, headers={"ETag": '"v1"'})

    application = web.Application()
    application.router.add_get("/busy.ics", serve)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/busy.ics"
    try:
        calendar_id = await tenant.a_calendar()
        created = await tenant.CreateImport(
            pb.CreateImportRequest(calendar_id=calendar_id, url=url)
        )
        await until_imported(admin, 1)
        refused = await refusal(tenant.book(calendar_id, start))
        assert (refused.reason, refused.metadata["cause"]) == ("SLOT_CLOSED", "hours")
        assert start.isoformat() not in json.loads(refused.metadata["next_slots"])
        await admin.execute("update scheduling.imports set due_at = now()")
        await until_imported(admin, 2)
        assert etags == ["", '"v1"']
        await tenant.RemoveImport(pb.RemoveImportRequest(import_id=created.import_state.id))
        assert await outcome(tenant.book(calendar_id, start)) == "booked"
    finally:
        await runner.cleanup()
    sealed = await admin.fetchval("select ciphertext from scheduling.imports")
    assert b"busy.ics" not in sealed
