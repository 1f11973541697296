"""What is done with claimed leads whose holders were interrupted: one of them may be the cause."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.routing.policies import RouterPolicy
from services.routing.records import ClaimedLead


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPlan:
    """A claim: what is routed, batch by batch, what is returned, what was interrupted too often."""

    batches: list[list[ClaimedLead]]
    returned: list[ClaimedLead]
    interrupted: list[ClaimedLead]


def plan_claim(claims: Sequence[ClaimedLead], policy: RouterPolicy) -> ClaimPlan:
    """Of the leads that may interrupt, one is routed, last and by itself; the others go back."""
    together: list[ClaimedLead] = []
    isolated: list[ClaimedLead] = []
    interrupted: list[ClaimedLead] = []
    for claimed in claims:
        if claimed.interruptions >= policy.interruptions_max * claimed.attempt:
            interrupted.append(claimed)
        elif claimed.interruptions >= policy.interruptions_isolated_min:
            isolated.append(claimed)
        else:
            together.append(claimed)
    batches = [batch for batch in (together, isolated[:1]) if batch]
    return ClaimPlan(batches=batches, returned=isolated[1:], interrupted=interrupted)
