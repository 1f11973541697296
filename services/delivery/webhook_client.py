"""One attempt: sign, post, and classify the response."""

from datetime import UTC, datetime
from typing import Final

from opentelemetry.trace import SpanKind

from services.chassis.outbound.client import (
    OutboundClient,
    OutboundError,
    OutboundResponse,
    parse_retry_after,
)
from services.chassis.sealing import SealBroken
from services.chassis.telemetry import work
from services.chassis.trace import Start
from services.chassis.webhook_signatures import sign
from services.delivery.endpoint_secrets import EndpointSecrets
from services.delivery.records import AttemptOutcome, AttemptResult, AttemptTarget, Claim
from services.delivery.response_classification import (
    ACCEPTED,
    RETRY,
    classify_fault,
    classify_status,
)
from services.delivery.response_excerpt import redacted_excerpt

_JSON: Final = {"content-type": "application/json"}


class WebhookClient:
    """Posts deliveries to endpoints, signed according to Standard Webhooks."""

    def __init__(self, client: OutboundClient, secrets: EndpointSecrets) -> None:
        self._client = client
        self._secrets = secrets

    async def post(self, claim: Claim, target: AttemptTarget) -> AttemptResult:
        """Posts the delivery to one endpoint; every attempt has the same webhook-id."""
        with work(
            "attempt", "deliver", start=start_of(claim, target), span_kind=SpanKind.CLIENT
        ) as unit:
            result = await self._post(claim, target)
            unit.outcome = result.outcome
            unit.note(
                org_id=claim.org_id,
                lead_id=claim.lead_id,
                delivery_id=claim.delivery_id,
                endpoint_id=target.endpoint_id,
                attempt_id=target.attempt_id,
                attempt_count=claim.attempt_count,
                status_code=result.status_code,
                lead_trace_id=claim.trace.trace_id,
            )
        return result

    async def _post(self, claim: Claim, target: AttemptTarget) -> AttemptResult:
        body = claim.payload.encode()
        try:
            secrets = self._secrets.open_all(claim.org_id, target.secrets)
        except SealBroken:
            # For the operator to mend; the lead waits for it as for any other fault.
            return AttemptResult(
                attempt_id=target.attempt_id, outcome=RETRY, error="its secret does not open"
            )
        headers = sign(str(claim.delivery_id), datetime.now(UTC), body, secrets)
        try:
            response = await self._client.request("POST", target.url, headers | _JSON, body)
        except OutboundError as fault:
            return result_of_fault(target, fault)
        return result_of_response(target, response, datetime.now(UTC))


def start_of(claim: Claim, target: AttemptTarget) -> Start:
    """The attempt's span is a child of the one that its row stands for.

    A later attempt has a trace of its own, linked to the lead's and to the attempt before.
    """
    if target.trace.trace_id == claim.trace.trace_id:
        return Start(parent=target.trace)
    links = (claim.trace,) if target.previous is None else (claim.trace, target.previous)
    return Start(parent=target.trace, links=links)


def result_of_response(
    target: AttemptTarget, response: OutboundResponse, now: datetime
) -> AttemptResult:
    """What a whole response means; the first bytes of any but an acceptance are stored."""
    outcome = classify_status(response.status)
    accepted = outcome == ACCEPTED
    return AttemptResult(
        attempt_id=target.attempt_id,
        outcome=outcome,
        status_code=response.status,
        error=None if accepted else f"HTTP {response.status}",
        answer_excerpt=None if accepted else redacted_excerpt(response.body_excerpt),
        retry_after_seconds=parse_retry_after(response.headers.get("retry-after"), now),
    )


def result_of_fault(target: AttemptTarget, fault: OutboundError) -> AttemptResult:
    """What a missing or incomplete response means; a refusal counts even when it was cut."""
    return AttemptResult(
        attempt_id=target.attempt_id,
        outcome=_classify(fault),
        status_code=fault.status,
        error=str(fault)[:200],
    )


def _classify(fault: OutboundError) -> AttemptOutcome:
    if fault.status is not None and fault.status // 100 != 2:
        return classify_status(fault.status)
    return classify_fault(reached=fault.reached)
