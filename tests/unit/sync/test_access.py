"""Every method has its callers."""

from services.sync.access import ACCESS
from waybill.sync.v1 import sync_service_pb2


def test_every_method_is_in_the_table() -> None:
    described = sync_service_pb2.DESCRIPTOR.services_by_name["SyncService"]
    methods = {f"/{described.full_name}/{method.name}" for method in described.methods}
    assert methods <= set(ACCESS)


def test_no_workspace_token_reads_what_was_said_to_pages() -> None:
    ours = [access for path, access in ACCESS.items() if ".sync." in path]
    assert not any(access.workspace_tokens for access in ours)
