"""A page is connected once; a repeat answers alike."""

import pytest

from services.chassis.database import Database
from services.chassis.errors import DomainError
from services.chassis.ids import new_id
from services.chassis.rpc.request_ids import RequestId
from services.chassis.trace import new_root
from services.sync.store.pages import PageStore
from tests.schema.sync.builders import (
    ORG,
    Admin,
)


async def test_a_repeat_connects_nothing_and_a_new_request_replaces_the_token(
    sync_db: Database, admin: Admin
) -> None:
    pages, same = PageStore(sync_db), RequestId(value="r_1", content_hash="a")

    async def connect(request_id: RequestId, ciphertext: bytes) -> object:
        return await pages.connect_page(
            ORG,
            page_id=new_id(),
            platform="messenger",
            facebook_page_id="1",
            name="A page",
            external_app_id="",
            access_token_ciphertext=ciphertext,
            request_id=request_id,
            traceparent=new_root().traceparent,
        )

    first = await connect(same, b"one")
    assert await connect(same, b"two") == first
    token = "select access_token_ciphertext from sync.pages"
    assert await admin.fetchval(token) == b"one"
    assert await connect(RequestId(), b"three") == first
    assert await admin.fetchval(token) == b"three"
    with pytest.raises(DomainError, match="REQUEST_ID_REUSED"):
        await connect(RequestId(value="r_1", content_hash="b"), b"four")
