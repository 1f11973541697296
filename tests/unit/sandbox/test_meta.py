"""The Graph API emulator answers as the real one does, faults included."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from deploy.local.ports import free_port
from sandbox.meta import DEFAULT_TOKEN, MetaPlatform
from sandbox.serving import serving

LEAD = {
    "form_id": "42",
    "page_id": "77",
    "created_time": 1790000000,
    "field_data": [
        {"name": "full_name", "values": ["Änne Öl/Gas"]},
        {"name": "rooms", "values": ["2", "3"]},
        {"name": "phone_number", "values": []},
    ],
    "custom_disclaimer_responses": [{"checkbox_key": "newsletter", "is_checked": "1"}],
    "ad_id": "9",
    "campaign_name": "Spring",
}


@dataclass(slots=True)
class Graph:
    """A caller of the emulator."""

    base_url: str
    session: aiohttp.ClientSession

    async def control(self, method: str, path: str, body: object = None) -> Any:
        async with self.session.request(
            method, f"{self.base_url}/_control/{path}", json=body
        ) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def get(
        self, path: str = "v25.0/1001", *, token: str | None = DEFAULT_TOKEN, **query: str
    ) -> tuple[int, Any, Any]:
        tokens = {} if token is None else {"access_token": token}
        async with self.session.get(
            f"{self.base_url}/{path}", params={**query, **tokens}
        ) as answer:
            return answer.status, await answer.json(), answer.headers


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    async with (
        serving(MetaPlatform().application()) as base_url,
        aiohttp.ClientSession() as session,
    ):
        graph = Graph(base_url, session)
        await graph.control("PUT", "leads/1001", LEAD)
        yield graph


async def test_by_default_a_lead_has_five_fields_and_no_consent(graph: Graph) -> None:
    status, body, headers = await graph.get()
    assert status == 200
    assert body == {
        "created_time": "2026-09-21T14:13:20+0000",
        "id": "1001",
        "ad_id": "9",
        "form_id": "42",
        "field_data": LEAD["field_data"],
    }
    assert headers["facebook-api-version"] == "v25.0"
    assert headers["Content-Type"] == "application/json; charset=UTF-8"


async def test_consent_comes_when_it_is_asked_for(graph: Graph) -> None:
    _, body, _ = await graph.get(fields="custom_disclaimer_responses,campaign_name,platform")
    assert body == {
        "id": "1001",
        "custom_disclaimer_responses": [{"checkbox_key": "newsletter", "is_checked": "1"}],
        "campaign_name": "Spring",
    }


async def test_the_wire_is_escaped_as_metas_is(graph: Graph) -> None:
    url = f"{graph.base_url}/v25.0/1001?access_token={DEFAULT_TOKEN}"
    async with graph.session.get(url) as answer:
        assert rb'"\u00c4nne \u00d6l\/Gas"' in await answer.read()


async def test_usage_headers_are_percentages_of_the_page(graph: Graph) -> None:
    _, _, headers = await graph.get()
    app, business = (
        json.loads(headers[name]) for name in ("X-App-Usage", "X-Business-Use-Case-Usage")
    )
    assert set(app) == {"call_count", "total_cputime", "total_time"}
    (entry,) = business["77"]
    assert entry["type"] == "leadgen"
    assert entry["estimated_time_to_regain_access"] == 0


@pytest.mark.parametrize(("token", "code"), [("wrong", 190), (None, 104)], ids=["wrong", "missing"])
async def test_a_token_that_is_no_good(graph: Graph, token: str | None, code: int) -> None:
    status, body, headers = await graph.get(token=token)
    assert status == 400
    assert body["error"]["code"] == code
    assert body["error"]["type"] == "OAuthException"
    assert body["error"]["fbtrace_id"]
    assert "invalid_token" in headers["WWW-Authenticate"]


async def test_the_token_may_stand_in_a_header_and_may_change(graph: Graph) -> None:
    await graph.control("PUT", "tokens", {"tokens": ["new"]})
    assert (await graph.get())[1]["error"]["code"] == 190
    url = f"{graph.base_url}/v25.0/1001"
    async with graph.session.get(url, headers={"Authorization": "Bearer new"}) as answer:
        assert answer.status == 200


async def test_an_unknown_lead_is_100_33(graph: Graph) -> None:
    status, body, _ = await graph.get("v25.0/555")
    assert status == 400
    assert (body["error"]["code"], body["error"]["error_subcode"]) == (100, 33)
    assert body["error"]["type"] == "GraphMethodException"


async def test_a_deleted_lead_is_unknown(graph: Graph) -> None:
    await graph.control("DELETE", "leads/1001")
    assert (await graph.get())[1]["error"]["error_subcode"] == 33


async def test_an_unknown_field_is_an_error(graph: Graph) -> None:
    status, body, _ = await graph.get(fields="id,shoe_size")
    assert (status, body["error"]["code"]) == (400, 100)
    assert "shoe_size" in body["error"]["message"]


@pytest.mark.parametrize(
    ("asked", "used"),
    [("v25.0/1001", "v25.0"), ("1001", "v26.0"), ("v12.0/1001", "v21.0")],
    ids=["living", "none", "expired"],
)
async def test_the_answer_says_which_version_was_used(graph: Graph, asked: str, used: str) -> None:
    status, _, headers = await graph.get(asked)
    assert (status, headers["facebook-api-version"]) == (200, used)


async def test_a_version_that_does_not_exist_yet_is_refused(graph: Graph) -> None:
    assert (await graph.get("v99.0/1001"))[1]["error"]["code"] == 2500


async def test_a_fault_holds_for_so_many_calls_of_that_lead(graph: Graph) -> None:
    await graph.control("PUT", "leads/1002", LEAD)
    fault = {"fault": "error", "status": 503, "code": 2, "subcode": 99, "transient": True}
    await graph.control("PUT", "faults", {"id": "1001", "times": 2, "is": fault})
    statuses = [(await graph.get(f"v25.0/{lead}"))[0] for lead in (1001, 1002, 1001, 1001)]
    assert statuses == [503, 200, 503, 200]


async def test_an_error_fault_has_code_subcode_and_transience(graph: Graph) -> None:
    fault = {"fault": "error", "status": 400, "code": 4, "subcode": 99, "transient": True}
    await graph.control("PUT", "faults", {"is": fault})
    _, body, _ = await graph.get()
    error = body["error"]
    assert (error["code"], error["error_subcode"], error["is_transient"]) == (4, 99, True)


async def test_a_rate_limit_says_when_access_comes_back(graph: Graph) -> None:
    await graph.control("PUT", "faults", {"is": {"fault": "rate_limit", "minutes": 7}})
    status, body, headers = await graph.get()
    assert (status, body["error"]["code"]) == (400, 80005)
    (entry,) = json.loads(headers["X-Business-Use-Case-Usage"])["77"]
    assert (entry["call_count"], entry["estimated_time_to_regain_access"]) == (100, 7)


async def test_a_reset_ends_the_connection_without_an_answer(graph: Graph) -> None:
    # Twice, because aiohttp's client repeats a GET once by itself.
    await graph.control("PUT", "faults", {"times": 2, "is": {"fault": "reset"}})
    with pytest.raises(aiohttp.ClientOSError):
        await graph.get()
    calls = (await graph.control("GET", "calls"))["calls"]
    assert [(call["status"], call["fault"]) for call in calls] == [(0, "reset")] * 2


async def test_a_delayed_call_is_answered_when_it_is_released(graph: Graph) -> None:
    await graph.control("PUT", "faults", {"is": {"fault": "delay"}})
    asked = asyncio.create_task(graph.get())
    done, _ = await asyncio.wait({asked}, timeout=0.05)
    assert not done
    await graph.control("POST", "release")
    assert (await asked)[0] == 200


async def test_calls_are_kept_without_tokens(graph: Graph) -> None:
    await graph.get(fields="id,form_id")
    seen = await graph.control("GET", "calls?at_least=1&id=1001")
    (call,) = seen["calls"]
    assert (call["version"], call["fields"], call["status"]) == ("v25.0", ["id", "form_id"], 200)
    assert DEFAULT_TOKEN not in str(seen)
    await graph.control("DELETE", "calls")
    assert (await graph.control("GET", "calls"))["calls"] == []


async def test_a_reader_of_the_calls_is_woken_by_the_next_one(graph: Graph) -> None:
    reading = asyncio.create_task(graph.control("GET", "calls?at_least=1&seconds=30"))
    await graph.get()
    assert len((await reading)["calls"]) == 1


async def test_a_control_body_with_a_typing_error_is_refused(graph: Graph) -> None:
    url = f"{graph.base_url}/_control/faults"
    async with graph.session.put(url, json={"is": {"fault": "erorr"}}) as answer:
        assert answer.status == 400
        assert "erorr" in await answer.text()


async def test_it_runs_as_a_process_of_its_own() -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sandbox.meta",
        "--port",
        str(port),
        cwd=Path(__file__).parents[3],
    )
    try:
        async with asyncio.timeout(20), aiohttp.ClientSession() as session:
            assert await first_answer(session, f"http://127.0.0.1:{port}/_control/health") == 200
    finally:
        process.terminate()
        assert await process.wait() == 0


async def first_answer(session: aiohttp.ClientSession, url: str) -> int:
    """The status of the first answer, once something listens."""
    while True:
        try:
            async with session.get(url) as answer:
                return answer.status
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0)
