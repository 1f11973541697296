"""What every call passes, and how it is refused, over a real channel and the real server."""

import base64
import json
import time
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import grpc
import jwt
import pytest

from services.chassis.database import Database
from services.chassis.errors import (
    INTERNAL_TEXT,
    DomainError,
    Violation,
    invalid,
    not_found,
    unavailable,
)
from services.chassis.fields import Fields
from services.chassis.rpc.auth import caller
from services.chassis.rpc.edge import EDGE_MARK, FROM_GRPC, FROM_JSON
from services.chassis.rpc.interceptors import MALFORMED_TEXT, MALFORMED_TEXTS
from tests.rpc.callers import Signer, bearing
from tests.rpc.chassis.recording import recording
from tests.rpc.chassis.served import SERVICE, Door, RefusedCall, door
from waybill.routing.v1.routing_service_pb2 import (
    CreateRuleRequest,
    CreateRuleResponse,
    EnqueueLeadsRequest,
    EnqueueLeadsResponse,
    GetRoutingRequest,
    LeadToRoute,
    ListRulesRequest,
    ListRulesResponse,
    UpdateRuleRequest,
)

SECRET = "ada.lovelace@example.com"
RULES = ListRulesRequest()


def a_lead(**more: Any) -> LeadToRoute:
    ids = {name: str(uuid4()) for name in ("org_id", "lead_id", "source_id")}
    return LeadToRoute(**{**ids, "traceparent": "00-" + "1" * 32 + "-" + "1" * 16 + "-00", **more})


async def test_a_good_token_is_let_through_and_the_handler_knows_the_caller(
    tmp_path: Path,
) -> None:
    seen = []

    async def answer(request: Any, context: Any) -> ListRulesResponse:
        seen.append(caller())
        return ListRulesResponse()

    async with door(tmp_path, answer) as opened:
        await opened.call()
        assert [each.org for each in seen] == [opened.org_id]
        assert seen[0].service is None


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1_600_000_000},
        {"exp": None},
        {"exp": "soon"},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": 4_000_000_000},
        {"iat": "now"},
        {"iat": 4_000_000_000},
        {"iss": "somebody-else"},
        {"iss": None},
        {"aud": "another-audience"},
        {"aud": None},
        {"sub": None},
        {"role": None},
        {"role": "admin"},
        {"role": ["authenticated"]},
        {"org_id": None},
        {"org_id": "not-a-uuid"},
        {"org_id": 5},
        {"workspace_id": "not-a-uuid"},
        {"workspace_id": ""},
        {"nbf": 4_000_000_000},
    ],
    ids=str,
)
async def test_a_token_with_wrong_claims_is_refused(tmp_path: Path, claims: dict[str, Any]) -> None:
    async with door(tmp_path) as opened:
        good = {"role": "authenticated", "org_id": str(opened.org_id)}
        token = opened.signer.token(**{**good, **claims})
        refusal = await opened.refusal("ListRules", RULES, token)
        assert (refusal.code, refusal.reason) == ("UNAUTHENTICATED", "TOKEN_REFUSED")
        assert refusal.info is not None
        assert refusal.info.metadata["cause"]


async def test_a_token_of_a_clock_that_is_a_little_ahead_is_good(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        ahead = int(time.time()) + 25
        org_id = str(opened.org_id)
        token = opened.signer.token(role="authenticated", org_id=org_id, iat=ahead, nbf=ahead)
        await opened.stub.ListRules(RULES, timeout=5, metadata=bearing(token))


@pytest.mark.parametrize(("hours", "admitted"), [(23, True), (25, False), (48, False)])
async def test_a_tenants_token_lives_a_day_at_most_unless_the_setting_says_more(
    tmp_path: Path, hours: int, admitted: bool
) -> None:
    def token(opened: Door) -> str:
        exp = int(time.time()) + hours * 3600
        return opened.signer.token(role="authenticated", org_id=str(opened.org_id), exp=exp)

    async with door(tmp_path) as opened:
        if admitted:
            await opened.stub.ListRules(RULES, timeout=5, metadata=bearing(token(opened)))
        else:
            refusal = await opened.refusal("ListRules", RULES, token(opened))
            assert refusal.info is not None
            assert refusal.info.metadata["cause"] == "it lives longer than 24 hours"
    async with door(tmp_path, tenant_token_hours_max=49) as opened:
        await opened.stub.ListRules(RULES, timeout=5, metadata=bearing(token(opened)))


@pytest.mark.parametrize("sub", ["ingest", "Service:ingest", "services:ingest", "tenant:local", ""])
async def test_a_services_token_must_name_it_as_a_service(tmp_path: Path, sub: str) -> None:
    async with door(tmp_path) as opened:
        token = opened.signer.token(role="service_role", sub=sub)
        refusal = await opened.refusal("EnqueueLeads", EnqueueLeadsRequest(), token)
        assert (refusal.code, refusal.reason) == ("UNAUTHENTICATED", "TOKEN_REFUSED")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
async def test_the_scheme_of_a_token_may_be_written_in_any_case(
    tmp_path: Path, scheme: str
) -> None:
    async with door(tmp_path) as opened:
        metadata = (("authorization", f"{scheme} {opened.tenant}"),)
        await opened.stub.ListRules(RULES, timeout=5, metadata=metadata)


async def test_a_call_without_a_token_is_refused(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        refusal = await opened.refusal("ListRules", RULES, None)
        assert (refusal.code, refusal.reason) == ("UNAUTHENTICATED", "TOKEN_REFUSED")


@pytest.mark.parametrize("text", ["", " ", "abc", "a.b.c", "e30.e30.", "x" * 4000])
async def test_what_is_no_token_is_refused(tmp_path: Path, text: str) -> None:
    async with door(tmp_path) as opened:
        refusal = await opened.refusal("ListRules", RULES, text)
        assert (refusal.code, refusal.reason) == ("UNAUTHENTICATED", "TOKEN_REFUSED")


async def test_another_key_under_our_key_id_is_refused(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        forged = Signer(key_id=opened.signer.key_id).tenant(opened.org_id)
        refusal = await opened.refusal("ListRules", RULES, forged)
        assert refusal.reason == "TOKEN_REFUSED"


async def test_a_key_id_that_we_do_not_have_is_refused(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        unknown = Signer(key_id="another").tenant(opened.org_id)
        assert (await opened.refusal("ListRules", RULES, unknown)).reason == "TOKEN_REFUSED"


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a_token_that_chooses_a_weaker_algorithm_is_refused(
    tmp_path: Path, algorithm: str
) -> None:
    async with door(tmp_path) as opened:
        claims = jwt.decode(opened.tenant, options={"verify_signature": False})
        header = {"kid": opened.signer.key_id, "alg": algorithm}
        parts = [
            base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
            for part in (header, claims)
        ]
        token = ".".join([*parts, "" if algorithm == "none" else "AAAA"])
        assert (await opened.refusal("ListRules", RULES, token)).reason == "TOKEN_REFUSED"


async def test_a_key_added_to_the_jwks_file_is_known_without_a_restart(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        # Verified while its key was known: that must not outlive the key.
        await opened.call()
        successor = Signer(key_id="successor")
        token = successor.tenant(opened.org_id)
        assert (await opened.refusal("ListRules", RULES, token)).reason == "TOKEN_REFUSED"
        successor.write_jwks(opened.config.jwks_file)
        await opened.stub.ListRules(
            RULES, timeout=5, metadata=(("authorization", f"Bearer {token}"),)
        )
        assert (await opened.refusal("ListRules", RULES, opened.tenant)).reason == "TOKEN_REFUSED"


async def test_a_jwks_file_caught_half_written_changes_nothing(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        opened.config.jwks_file.write_text('{"keys": [')
        await opened.call()
        opened.config.jwks_file.unlink()
        await opened.call()


async def test_a_tenant_may_not_call_what_services_call(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        request = EnqueueLeadsRequest(leads=[a_lead()])
        refusal = await opened.refusal("EnqueueLeads", request, opened.tenant)
        assert (refusal.code, refusal.reason) == ("PERMISSION_DENIED", "METHOD_NOT_ALLOWED")
        assert refusal.info is not None
        assert refusal.info.metadata == {"method": f"{SERVICE}EnqueueLeads"}


async def test_a_service_that_is_not_on_the_list_is_refused(tmp_path: Path) -> None:
    async def answer(request: Any, context: Any) -> EnqueueLeadsResponse:
        return EnqueueLeadsResponse()

    async with door(tmp_path, answer) as opened:
        request = EnqueueLeadsRequest(leads=[a_lead()])
        for name in ("delivery", "operator", ""):
            refusal = await opened.refusal("EnqueueLeads", request, opened.signer.service(name))
            assert refusal.reason == "METHOD_NOT_ALLOWED"
        metadata = (("authorization", f"Bearer {opened.signer.service('ingest')}"),)
        await opened.stub.EnqueueLeads(request, timeout=5, metadata=metadata)


async def test_a_service_may_not_call_what_only_tenants_call(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        refusal = await opened.refusal("ListRules", RULES, opened.signer.service("ingest"))
        assert refusal.reason == "METHOD_NOT_ALLOWED"


async def test_a_workspace_token_is_refused_where_it_is_not_named(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        token = opened.signer.tenant(opened.org_id, uuid4())
        assert (await opened.refusal("ListRules", RULES, token)).reason == "METHOD_NOT_ALLOWED"
        lead = GetRoutingRequest(lead_id=str(uuid4()))
        metadata = (("authorization", f"Bearer {token}"),)
        await opened.stub.GetRouting(lead, timeout=5, metadata=metadata)


async def test_a_method_that_is_in_no_table_is_refused(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        request = UpdateRuleRequest(rule_id="r", etag="1")
        for token in (opened.tenant, opened.signer.service("operator")):
            refusal = await opened.refusal("UpdateRule", request, token)
            assert refusal.reason == "METHOD_NOT_ALLOWED"


async def test_a_call_without_a_deadline_is_refused(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        refusal = await opened.refusal("ListRules", RULES, opened.tenant, seconds=None)
        assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "DEADLINE_MISSING")


async def test_all_missing_fields_are_named_together(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        refusal = await opened.refusal("CreateRule", CreateRuleRequest(), opened.tenant)
        assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
        assert refusal.violations == ("workspace_id", "name", "condition")
        assert refusal.info is not None
        assert refusal.info.metadata == {"fields": "workspace_id,name,condition"}


async def test_missing_fields_of_nested_messages_are_named_by_their_place(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        request = EnqueueLeadsRequest(leads=[a_lead(), a_lead(org_id="", traceparent="")])
        refusal = await opened.refusal("EnqueueLeads", request, opened.signer.service("ingest"))
        assert refusal.violations == ("leads[1].org_id", "leads[1].traceparent")


async def test_what_is_missing_hides_nothing_that_the_handler_finds(tmp_path: Path) -> None:
    async def parse(request: CreateRuleRequest, context: Any) -> CreateRuleResponse:
        fields = Fields()
        fields.uuid("workspace_id", request.workspace_id)
        fields.number("priority", request.priority, 0, 10)
        fields.done()
        raise AssertionError("not refused")

    async with door(tmp_path, parse) as opened:
        request = CreateRuleRequest(name="Berlin", priority=11)
        refusal = await opened.refusal("CreateRule", request, opened.tenant)
        assert refusal.violations == ("workspace_id", "condition", "priority")
        assert refusal.text == (
            "workspace_id: is required; condition: is required; priority: must be from 0 to 10"
        )


@pytest.mark.parametrize("outcome", [CreateRuleResponse(), not_found("rule", 1), ValueError("x")])
async def test_a_request_that_misses_something_is_refused_whatever_its_handler_does(
    tmp_path: Path, outcome: CreateRuleResponse | Exception
) -> None:
    async def behave(request: Any, context: Any) -> CreateRuleResponse:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async with door(tmp_path, behave) as opened:
        request = CreateRuleRequest(workspace_id="x", name="Berlin")
        refusal = await opened.refusal("CreateRule", request, opened.tenant)
        assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
        assert refusal.violations == ("condition",)


async def test_a_bad_request_id_or_page_size_is_told_with_the_rest(tmp_path: Path) -> None:
    async def parse(request: Any, context: Any) -> ListRulesResponse:
        raise invalid(Violation(field="priority", description="must be from 0 to 10"))

    async with door(tmp_path, parse) as opened:
        create = CreateRuleRequest(request_id="x" * 129)
        refusal = await opened.refusal("CreateRule", create, opened.tenant)
        assert refusal.violations == (
            "workspace_id",
            "name",
            "condition",
            "request_id",
            "priority",
        )
        page = ListRulesRequest(page_size=-1)
        refusal = await opened.refusal("ListRules", page, opened.tenant)
        assert refusal.violations == ("page_size", "priority")


async def test_nothing_is_written_for_a_request_that_misses_something(tmp_path: Path) -> None:
    written = []

    async def write(request: Any, context: Any) -> CreateRuleResponse:
        # No database: a call that was let through would fail in another way.
        database = Database(cast(Any, None), "routing")
        await database.rows("create_rule", p_traceparent="00-…")
        written.append(request)
        return CreateRuleResponse()

    async with door(tmp_path, write) as opened:
        with recording() as said:
            refusal = await opened.refusal("CreateRule", CreateRuleRequest(), opened.tenant)
        assert refusal.violations == ("workspace_id", "name", "condition")
        assert "uncaught" not in [line["event"] for line in said.lines]
        assert not written


async def test_a_list_that_is_too_long_is_refused_before_anything_else(tmp_path: Path) -> None:
    handled = []

    async def handle(request: Any, context: Any) -> EnqueueLeadsResponse:
        handled.append(request)
        return EnqueueLeadsResponse()

    async with door(tmp_path, handle) as opened:
        request = EnqueueLeadsRequest(leads=[LeadToRoute()] * 100_000)
        refusal = await opened.refusal("EnqueueLeads", request, opened.signer.service("ingest"))
        assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
        assert refusal.text == "leads: has more than 500 elements"
        assert not handled


async def test_twenty_violations_are_named_and_the_others_counted(tmp_path: Path) -> None:
    async with door(tmp_path) as opened:
        request = EnqueueLeadsRequest(leads=[LeadToRoute()] * 500)
        refusal = await opened.refusal("EnqueueLeads", request, opened.signer.service("ingest"))
        assert refusal.code == "INVALID_ARGUMENT"
        assert len(refusal.violations) == 20
        assert refusal.text.endswith("; leads[4].traceparent: is required; and 1980 more")
        assert refusal.info is not None
        assert refusal.info.metadata["omitted"] == "1980"


async def test_a_refusal_carries_reason_metadata_and_violations(tmp_path: Path) -> None:
    async def refuse(request: Any, context: Any) -> ListRulesResponse:
        raise invalid(
            Violation(field="phone", description="is not a phone number"),
            Violation(field="type", description="is not one of ours"),
        )

    async with door(tmp_path, refuse) as opened:
        refusal = await opened.refusal("ListRules", RULES, opened.tenant)
        assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
        assert refusal.violations == ("phone", "type")
        assert refusal.retry_seconds is None


@pytest.mark.parametrize(
    ("mark", "token", "size"),
    [
        ((), "page_token", "page_size"),
        (((EDGE_MARK, FROM_GRPC),), "page_token", "page_size"),
        (((EDGE_MARK, FROM_JSON),), "pageToken", "pageSize"),
    ],
    ids=["a service", "a gRPC caller", "a JSON caller"],
)
async def test_fields_are_named_as_the_caller_named_them(
    tmp_path: Path, mark: tuple[tuple[str, str], ...], token: str, size: str
) -> None:
    async def refuse(request: Any, context: Any) -> ListRulesResponse:
        raise invalid(Violation(field="page_token", description="must come without page_size"))

    async with door(tmp_path, refuse) as opened:
        refusal = await opened.refusal("ListRules", RULES, opened.tenant, mark=mark)
        assert refusal.violations == (token,)
        assert refusal.text == f"{token}: must come without {size}"
        missing = await opened.refusal("CreateRule", CreateRuleRequest(), opened.tenant, mark=mark)
        assert missing.violations[0] == ("workspaceId" if token == "pageToken" else "workspace_id")


async def test_a_refusal_that_passes_says_when_to_come_back(tmp_path: Path) -> None:
    async def refuse(request: Any, context: Any) -> ListRulesResponse:
        raise unavailable("The database cannot be reached.", retry_after_seconds=1.5)

    async with door(tmp_path, refuse) as opened:
        refusal = await opened.refusal("ListRules", RULES, opened.tenant)
        assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "UNAVAILABLE")
        assert refusal.retry_seconds == 1.5


async def test_a_refusal_keeps_its_metadata(tmp_path: Path) -> None:
    async def refuse(request: Any, context: Any) -> ListRulesResponse:
        raise DomainError("LEAD_NOT_FOUND", "There is none.", metadata={"lead_id": "7"})

    async with door(tmp_path, refuse) as opened:
        refusal = await opened.refusal("ListRules", RULES, opened.tenant)
        assert (refusal.code, refusal.reason) == ("NOT_FOUND", "LEAD_NOT_FOUND")
        assert refusal.text == "There is none."
        assert refusal.info is not None
        assert refusal.info.metadata == {"lead_id": "7"}


async def test_an_uncaught_error_leaves_as_internal_and_says_nothing(tmp_path: Path) -> None:
    async def fail(request: Any, context: Any) -> ListRulesResponse:
        raise ValueError(SECRET)

    with recording() as said:
        async with door(tmp_path, fail) as opened:
            refusal = await opened.refusal("ListRules", RULES, opened.tenant)
        assert (refusal.code, refusal.reason) == ("INTERNAL", "INTERNAL")
        assert refusal.text == INTERNAL_TEXT
        line = said.line("rpc")
        assert line["outcome"] == "INTERNAL"
        assert refusal.info is not None
        assert refusal.info.metadata == {"trace_id": line["trace_id"]}
        uncaught = [each for each in said.lines if each["event"] == "uncaught"]
        assert [each["error"] for each in uncaught] == ["ValueError"]
        assert [each["trace_id"] for each in uncaught] == [line["trace_id"]]
        assert SECRET not in said.everything()


@pytest.mark.parametrize(
    ("error", "token", "reason"),
    [
        (None, False, "TOKEN_REFUSED"),
        (invalid(Violation(field="name", description="is required")), True, "INVALID_REQUEST"),
        (unavailable("Away."), True, "UNAVAILABLE"),
        (ValueError(SECRET), True, "INTERNAL"),
    ],
    ids=["token", "request", "outage", "fault"],
)
async def test_the_line_of_a_refused_call_has_its_reason(
    tmp_path: Path, error: Exception | None, token: bool, reason: str
) -> None:
    async def fail(request: Any, context: Any) -> ListRulesResponse:
        assert error is not None
        raise error

    with recording() as said:
        async with door(tmp_path, fail) as opened:
            refusal = await opened.refusal("ListRules", RULES, opened.tenant if token else None)
        assert refusal.reason == reason
        assert said.line("rpc")["reason"] == reason


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x0a\x01\xff", MALFORMED_TEXTS["UTF-8"]),
        (b"\xff", MALFORMED_TEXT),
    ],
    ids=["not UTF-8", "no message"],
)
async def test_a_request_that_cannot_be_read_is_invalid_and_told(
    tmp_path: Path, data: bytes, text: str
) -> None:
    with recording() as said:
        async with (
            door(tmp_path) as opened,
            grpc.aio.insecure_channel(opened.target) as channel,
        ):
            call: Any = channel.unary_unary(f"{SERVICE}GetRouting")
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(data, timeout=5, metadata=bearing(opened.tenant))
            refusal = RefusedCall.of(refused.value)
        assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
        assert refusal.text == text
        assert said.line("rpc")["outcome"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("peer", "code", "reason"),
    [
        (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE", "UNAVAILABLE"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "UNAVAILABLE", "UNAVAILABLE"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "UNAVAILABLE", "UNAVAILABLE"),
        (grpc.StatusCode.INVALID_ARGUMENT, "INTERNAL", "INTERNAL"),
        (grpc.StatusCode.UNAUTHENTICATED, "INTERNAL", "INTERNAL"),
    ],
)
async def test_a_peers_failure_is_an_outage_or_a_bug_and_its_text_stays_inside(
    tmp_path: Path, peer: grpc.StatusCode, code: str, reason: str
) -> None:
    async def fail(request: Any, context: Any) -> ListRulesResponse:
        raise grpc.aio.AioRpcError(peer, grpc.aio.Metadata(), grpc.aio.Metadata(), details=SECRET)

    async with door(tmp_path, fail) as opened:
        refusal = await opened.refusal("ListRules", RULES, opened.tenant)
        assert (refusal.code, refusal.reason) == (code, reason)
        assert SECRET not in refusal.text


async def test_a_peers_answer_that_is_too_large_is_a_bug_of_ours(tmp_path: Path) -> None:
    async def fail(request: Any, context: Any) -> ListRulesResponse:
        text = "received metadata size exceeds hard limit (value length 20000 vs. 16384)"
        code = grpc.StatusCode.RESOURCE_EXHAUSTED
        raise grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=text)

    async with door(tmp_path, fail) as opened:
        refusal = await opened.refusal("ListRules", RULES, opened.tenant)
        assert (refusal.code, refusal.reason) == ("INTERNAL", "INTERNAL")


@pytest.mark.parametrize("method", ["ListRules", "GetRouting", "CreateRule", "EnqueueLeads"])
async def test_every_method_refuses_a_call_without_token(tmp_path: Path, method: str) -> None:
    async with door(tmp_path) as opened:
        refusal = await opened.refusal(method, _empty(method), None)
        assert refusal.reason == "TOKEN_REFUSED"


def _empty(method: str) -> Any:
    requests = {
        "ListRules": ListRulesRequest,
        "GetRouting": GetRoutingRequest,
        "CreateRule": CreateRuleRequest,
        "EnqueueLeads": EnqueueLeadsRequest,
    }
    return requests[method]()
