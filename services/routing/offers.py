"""What a workspace receives of a lead that is offered to it."""

from typing import Any

from services.routing.facts import answers_by_name
from services.routing.records import Lead


def offer_payload(lead: Lead) -> dict[str, Any]:
    """The buyer's JSON object; times in ISO 8601."""
    return {
        "lead_id": str(lead.lead_id),
        "type": lead.type,
        "customer": {"name": lead.full_name, "phone": lead.phone, "email": lead.email},
        "details": lead.details,
        "answers": answers_by_name(lead),
        "consents": dict(lead.consents),
        "received_at": lead.received_at.isoformat(),
        "source_id": str(lead.source_id),
    }
