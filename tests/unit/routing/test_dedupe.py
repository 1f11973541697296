"""Keyed hashes: same person, same hash; without the secret none can be made or reversed."""

import hashlib
import hmac

import pytest

from services.chassis.sealing import KeyRing
from services.routing.dedupe import EMAIL, PHONE, dedupe_hashes, generate_dedupe_hash
from tests.unit.routing.builders import RING, a_lead

VALUE = "+4915112345678"


def test_a_hash_is_hmac_sha_256_with_its_version_and_kind() -> None:
    digest = hmac.new(b"2" * 32, b"phone:" + VALUE.encode(), hashlib.sha256).hexdigest()
    assert generate_dedupe_hash(RING, PHONE, VALUE) == f"v2:phone:{digest}"


def test_a_hash_depends_on_secret_and_kind() -> None:
    other = KeyRing(current=2, keys={2: b"x" * 32})
    hashes = {
        generate_dedupe_hash(RING, PHONE, VALUE).rpartition(":")[2],
        generate_dedupe_hash(RING, EMAIL, VALUE).rpartition(":")[2],
        generate_dedupe_hash(other, PHONE, VALUE).rpartition(":")[2],
        generate_dedupe_hash(RING, PHONE, VALUE, version=1).rpartition(":")[2],
    }
    assert len(hashes) == 4


def test_a_lead_has_a_hash_for_each_identity_and_version_current_first() -> None:
    hashes = dedupe_hashes(RING, a_lead())
    kinds = [text.rpartition(":")[0] for text in hashes]
    assert kinds == ["v2:phone", "v1:phone", "v2:email", "v1:email"]


@pytest.mark.parametrize(("phone", "email", "count"), [("", "", 0), (VALUE, "", 2), ("", "a@b", 2)])
def test_an_identity_that_a_lead_lacks_has_no_hash(phone: str, email: str, count: int) -> None:
    assert len(dedupe_hashes(RING, a_lead(phone=phone, email=email))) == count


def test_leads_from_before_and_after_a_rotation_meet() -> None:
    before = KeyRing(current=1, keys={1: b"1" * 32})
    assert set(dedupe_hashes(before, a_lead())) & set(dedupe_hashes(RING, a_lead()))
