"""What counts as an answer to callers, where others call the same process."""

import json
from pathlib import Path
from typing import Final

from tests.chaos.callers import METHODS, calls_in

OFFER_LEADS: Final = "/waybill.delivery.v1.DeliveryService/OfferLeads"


def line(kind: str, method: str, outcome: str) -> str:
    """How a service's log line of a call begins."""
    return json.dumps({"service": "it", "kind": kind, "name": method, "outcome": outcome}) + "\n"


def test_only_answered_calls_of_the_method_count(tmp_path: Path) -> None:
    log, method = tmp_path / "delivery.log", METHODS["delivery"]
    assert calls_in(log, method) == 0
    log.write_text(
        line("rpc", method, "OK") * 2
        + line("rpc", OFFER_LEADS, "OK")
        + line("call", method, "OK")
        + line("rpc", method, "UNAVAILABLE")
    )
    assert calls_in(log, method) == 2
