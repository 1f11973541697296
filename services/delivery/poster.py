"""One attempt: sign, post, and say what the answer means."""

from datetime import UTC, datetime
from typing import Final

from opentelemetry.trace import SpanKind

from services.chassis.outbound.client import (
    OutboundClient,
    OutboundError,
    OutboundResponse,
    parse_retry_after,
)
from services.chassis.sealing import KeyRing, SealBroken
from services.chassis.telemetry import work
from services.chassis.trace import Start
from services.chassis.webhook_signatures import sign
from services.delivery.excerpts import excerpt
from services.delivery.outcomes import (
    ACCEPTED,
    RETRY,
    Outcome,
    outcome_of_fault,
    outcome_of_status,
)
from services.delivery.secrets_at_rest import unseal_secrets
from services.delivery.sending import Claim, Result, Target

_JSON: Final = {"content-type": "application/json"}


class Poster:
    """Posts deliveries to endpoints, signed after Standard Webhooks."""

    def __init__(self, client: OutboundClient, ring: KeyRing) -> None:
        self._client = client
        self._ring = ring

    async def post(self, claim: Claim, target: Target) -> Result:
        """Posts the delivery to one endpoint; the webhook-id is that of every other attempt."""
        with work(
            "attempt", "deliver", start=start_of(claim, target), span_kind=SpanKind.CLIENT
        ) as unit:
            result = await self._result(claim, target)
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

    async def _result(self, claim: Claim, target: Target) -> Result:
        body = claim.payload.encode()
        try:
            secrets = unseal_secrets(self._ring, target.secrets, org_id=claim.org_id)
        except SealBroken:
            # The operator's to mend; the lead waits for it as for any other fault.
            return Result(
                attempt_id=target.attempt_id, outcome=RETRY, error="its secret does not open"
            )
        headers = sign(str(claim.delivery_id), datetime.now(UTC), body, secrets)
        try:
            answer = await self._client.request("POST", target.url, headers | _JSON, body)
        except OutboundError as fault:
            return result_of_fault(target, fault)
        return result_of_answer(target, answer, datetime.now(UTC))


def start_of(claim: Claim, target: Target) -> Start:
    """The attempt's span stands below the one its row stands for.

    A later try has a trace of its own, linked to the lead's and to the try before.
    """
    if target.trace.trace_id == claim.trace.trace_id:
        return Start(parent=target.trace)
    links = (claim.trace,) if target.previous is None else (claim.trace, target.previous)
    return Start(parent=target.trace, links=links)


def result_of_answer(target: Target, answer: OutboundResponse, now: datetime) -> Result:
    """What a whole answer means; the first bytes of any but an acceptance are kept."""
    outcome = outcome_of_status(answer.status)
    accepted = outcome == ACCEPTED
    return Result(
        attempt_id=target.attempt_id,
        outcome=outcome,
        status_code=answer.status,
        error=None if accepted else f"HTTP {answer.status}",
        answer_excerpt=None if accepted else excerpt(answer.body_excerpt),
        asked_seconds=parse_retry_after(answer.headers.get("retry-after"), now),
    )


def result_of_fault(target: Target, fault: OutboundError) -> Result:
    """What it means that no whole answer came. A refusal is one even when its text broke off."""
    return Result(
        attempt_id=target.attempt_id,
        outcome=_outcome_of(fault),
        status_code=fault.status,
        error=str(fault)[:200],
    )


def _outcome_of(fault: OutboundError) -> Outcome:
    if fault.status is not None and fault.status // 100 != 2:
        return outcome_of_status(fault.status)
    return outcome_of_fault(reached=fault.reached)
