"""What functions refuse by themselves: leases, tokens, versions, contents; one file a service.

A fence is a line of a stored function that ends in `-- fence: <name>`. Taking it away means:
`mutation.without_fence` rewrites the function as if the line's condition always let through.
"""

from typing import Final

from tools.mutations.fences import chassis, delivery, ingest, routing, scheduling, sync

FENCES: Final = (
    *chassis.FENCES,
    *ingest.FENCES,
    *routing.FENCES,
    *delivery.FENCES,
    *scheduling.FENCES,
    *sync.FENCES,
)
