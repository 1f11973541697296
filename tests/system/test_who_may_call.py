"""Every RPC of every service refuses who must not call it, over real channels."""

import pytest
from google.protobuf.descriptor import MethodDescriptor

from deploy.local.sample_customer import Customer
from deploy.local.stack import Stack
from services.chassis.rpc.auth import Access
from tests.system.calling import METHODS, call

IDS = [f"{service}-{method.name}" for service, method, _ in METHODS]
each_method = pytest.mark.parametrize(("service", "method", "access"), METHODS, ids=IDS)


async def status(stack: Stack, service: str, method: MethodDescriptor, token: str | None) -> str:
    """The status name that the call with an empty request ends with."""
    return (await call(stack, service, method, token)).status


@each_method
async def test_no_token_is_refused(
    stack: Stack, service: str, method: MethodDescriptor, access: Access
) -> None:
    assert await status(stack, service, method, None) == "UNAUTHENTICATED"


@each_method
async def test_an_unknown_caller_is_refused(
    stack: Stack, service: str, method: MethodDescriptor, access: Access
) -> None:
    unknown_caller = stack.keys.service_token("unknown_caller")
    assert await status(stack, service, method, unknown_caller) == "PERMISSION_DENIED"


@each_method
async def test_the_wrong_role_is_refused(
    stack: Stack, customer: Customer, service: str, method: MethodDescriptor, access: Access
) -> None:
    tenant = await status(stack, service, method, customer.api.token)
    assert (tenant == "PERMISSION_DENIED") == (not access.tenants)
    for name in ("ingest", "routing", "delivery", "scheduling", "sync", "operator"):
        answered = await status(stack, service, method, stack.keys.service_token(name))
        assert (answered == "PERMISSION_DENIED") == (name not in access.services), name
