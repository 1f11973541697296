"""Canaries: what is personal or secret, sent by the outside world, which keeps its refusals."""

from dataclasses import dataclass, field
from typing import Any, Final

from deploy.local.sample_customer import Customer
from deploy.local.stack import Stack
from sandbox.meta_json import sign

NAME: Final = "Kanarienvogelina"
MAIL: Final = "kanarienvogelina@canary-mail.example"
TEXT: Final = "canarytext wants two rooms"
FORGED: Final = "canaryforgedtoken"
# Whoever knows the address of an external calendar reads it.
ADDRESS: Final = "canarysecretaddress"
# What all phones end with; eight digits are not hit by chance, as those of a microsecond are.
PHONE: Final = "77719284"
MOBILE: Final = (
    "151",
    "152",
    "155",
    "156",
    "157",
    "159",
    "160",
    "162",
    "163",
    *map(str, range(170, 180)),
)
# How a secret that signs webhooks to buyers begins.
SIGNING_SECRET: Final = "whsec_"


def a_phone(number: int) -> str:
    """A canary's phone."""
    return f"0{MOBILE[number]}{PHONE}"


@dataclass(slots=True)
class Nest:
    """What must not be seen, and every answer that the outside world got for a failed call."""

    canaries: set[str]
    refusals: list[str] = field(default_factory=list)


class Outside:
    """The outside world: posts leads and webhooks, and keeps what it is refused with."""

    def __init__(self, stack: Stack, customer: Customer, nest: Nest) -> None:
        self._stack = stack
        self._customer = customer
        self._nest = nest

    async def post(self, path: str, **content: Any) -> int:
        """One POST; the status."""
        session = self._customer.api.session
        async with session.post(self._stack.edge_url + path, **content) as answer:
            if answer.status != 200:
                self._nest.refusals.append(await answer.text())
            return answer.status

    async def refused(self, method: str, path: str, status: int, **content: Any) -> None:
        """A call of the tenant's that is answered with this status."""
        headers = {"Authorization": f"Bearer {self._customer.api.token}"}
        url, session = self._stack.edge_url + path, self._customer.api.session
        async with session.request(method, url, headers=headers, **content) as answer:
            refusal = await answer.text()
            assert answer.status == status, refusal
            self._nest.refusals.append(refusal)

    async def lead(self, phone: str, *, token: str | None = None, **changes: Any) -> int:
        """POST /api/leads; the status."""
        body = {
            "customer_phone": phone,
            "customer_name": NAME,
            "type": "order",
            "details": f"{TEXT}, mail {MAIL}",
        }
        headers = {"Authorization": f"Bearer {token or self._customer.api.token}"}
        return await self.post("/api/leads", json=body | changes, headers=headers)

    async def webhook(self, body: bytes, *, secret: str | None = None) -> int:
        """POST of a webhook; the status."""
        headers = {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": sign(secret or self._customer.app_secret, body),
        }
        return await self.post("/webhooks/meta", data=body, headers=headers)

    async def handshake(self, token: str) -> int:
        """Meta's check of the subscription; the status."""
        query = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "1"}
        session = self._customer.api.session
        url = f"{self._stack.edge_url}/webhooks/meta"
        async with session.get(url, params=query) as answer:
            return answer.status

    async def meta(self, path: str, body: Any, *, method: str = "PUT") -> None:
        """Tells Meta's sandbox something."""
        url = f"{self._stack.meta_url}/_control/{path}"
        async with self._customer.api.session.request(method, url, json=body) as answer:
            answer.raise_for_status()

    async def buyer(self, workspace: str, fault: dict[str, Any], times: int) -> None:
        """Tells a buyer's sandbox how to answer."""
        name = f"{self._customer.org.name}-{workspace}"
        url = f"{self._stack.buyers_url}/_control/buyers/{name}/faults"
        order = {"times": times, "is": fault}
        async with self._customer.api.session.put(url, json=order) as answer:
            answer.raise_for_status()
