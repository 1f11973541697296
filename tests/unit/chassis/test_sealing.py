"""Secrets at rest open for their own row only, and no error tells what they were."""

import base64
import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.sealing import (
    KeyRing,
    KeyRingInvalid,
    SealBroken,
    SealedColumn,
    key_version,
    load_key_ring,
    needs_resealing,
    seal,
    unseal,
)

ORG = UUID("0190b5a0-0000-7000-8000-000000000001")
OTHER_ORG = UUID("0190b5a0-0000-7000-8000-000000000002")
ROW: dict[str, Any] = {"table": "delivery.endpoints", "key": "secret/17", "org_id": ORG}
KEY_1, KEY_2 = b"1" * 32, b"2" * 32
SECRET = b"whsec_a-very-well-known-secret"


def a_ring(current: int = 1, **keys: bytes) -> KeyRing:
    versions = {int(name.removeprefix("v")): key for name, key in keys.items()} or {1: KEY_1}
    return KeyRing(current=current, keys=versions)


def a_file(folder: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "keys.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def ring_text(current: object = 2, **changed: object) -> str:
    keys: dict[str, object] = {
        "1": base64.b64encode(KEY_1).decode(),
        "2": base64.b64encode(KEY_2).decode(),
    }
    return json.dumps({"current": current, "keys": keys} | changed)


@given(st.binary(max_size=300), st.text(), st.text(), st.none() | st.uuids())
def test_what_was_sealed_opens_again(
    plaintext: bytes, table: str, key: str, org_id: UUID | None
) -> None:
    sealed = seal(a_ring(), plaintext, table=table, key=key, org_id=org_id)
    assert unseal(a_ring(), sealed, table=table, key=key, org_id=org_id) == plaintext


def test_the_same_secret_never_looks_the_same_twice() -> None:
    assert seal(a_ring(), SECRET, **ROW) != seal(a_ring(), SECRET, **ROW)


def test_the_secret_is_not_in_the_sealed_value() -> None:
    assert SECRET not in seal(a_ring(), SECRET, **ROW)


@pytest.mark.parametrize(
    "other",
    [
        {"table": "ingest.apps"},
        {"key": "secret/18"},
        {"org_id": OTHER_ORG},
        {"org_id": None},
        {"table": "delivery.endpointss", "key": "ecret/17"},
    ],
)
def test_a_value_moved_to_another_row_does_not_open(other: dict[str, Any]) -> None:
    sealed = seal(a_ring(), SECRET, **ROW)
    with pytest.raises(SealBroken, match="does not open") as refused:
        unseal(a_ring(), sealed, **(ROW | other))
    assert "whsec" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_another_key_under_the_same_version_does_not_open_it() -> None:
    sealed = seal(a_ring(v1=KEY_1), SECRET, **ROW)
    with pytest.raises(SealBroken, match="another key of version 1"):
        unseal(a_ring(v1=KEY_2), sealed, **ROW)


def test_a_missing_key_version_is_named() -> None:
    sealed = seal(a_ring(current=2, v2=KEY_2), SECRET, **ROW)
    with pytest.raises(SealBroken, match="key version 2, which the key ring does not hold"):
        unseal(a_ring(), sealed, **ROW)


def test_old_values_open_after_a_rotation_and_are_found_for_resealing() -> None:
    old = seal(a_ring(v1=KEY_1), SECRET, **ROW)
    ring = a_ring(current=2, v1=KEY_1, v2=KEY_2)
    assert unseal(ring, old, **ROW) == SECRET
    assert needs_resealing(ring, old)
    new = seal(ring, unseal(ring, old, **ROW), **ROW)
    assert key_version(new) == 2
    assert not needs_resealing(ring, new)


def test_no_changed_byte_goes_unnoticed() -> None:
    sealed = seal(a_ring(v1=KEY_1, v2=KEY_1), b"a", **ROW)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(SealBroken):
            unseal(a_ring(v1=KEY_1, v2=KEY_1), bytes(changed), **ROW)


def test_the_key_version_is_protected_even_when_two_versions_share_a_key() -> None:
    sealed = seal(a_ring(v1=KEY_1), SECRET, **ROW)
    relabelled = sealed[:4] + b"\x02" + sealed[5:]
    assert key_version(relabelled) == 2
    with pytest.raises(SealBroken, match="does not open"):
        unseal(a_ring(v1=KEY_1, v2=KEY_1), relabelled, **ROW)


@given(st.binary(max_size=80))
def test_foreign_bytes_are_refused_and_never_an_unknown_error(noise: bytes) -> None:
    with pytest.raises(SealBroken):
        unseal(a_ring(), noise, **ROW)


def test_a_ring_never_shows_its_keys() -> None:
    shown = repr(a_ring()) + str(a_ring())
    assert "1111" not in shown
    assert "31" * 4 not in shown


def test_a_ring_is_read_from_its_file(tmp_path: Path) -> None:
    ring = load_key_ring(a_file(tmp_path, ring_text()))
    assert ring.current == 2
    assert ring.keys == {1: KEY_1, 2: KEY_2}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_ring_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyRingInvalid, match=f"mode is {mode:04o}"):
        load_key_ring(a_file(tmp_path, ring_text(), mode))


def test_a_read_only_ring_is_accepted(tmp_path: Path) -> None:
    assert load_key_ring(a_file(tmp_path, ring_text(), 0o400)).current == 2


@pytest.mark.parametrize(
    "content",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"current": 1}',
        b"\xff\xfe",
        "[" * 100_000,
        ring_text(current=3),
        ring_text(current="2"),
        ring_text(current=True),
        ring_text(current=[1]),
        ring_text(keys={}),
        ring_text(keys={"2": "not base64!"}),
        ring_text(keys={"2": 17}),
        ring_text(keys={"2": None}),
        ring_text(keys={"2": base64.b64encode(b"2" * 16).decode()}),
        ring_text(keys={"0": base64.b64encode(KEY_1).decode()}),
        ring_text(keys={"-2": base64.b64encode(KEY_1).decode()}),
        ring_text(keys={"٢": base64.b64encode(KEY_1).decode()}),
        ring_text(current=2**32, keys={str(2**32): base64.b64encode(KEY_1).decode()}),
    ],
)
def test_a_file_that_holds_no_ring_is_refused_without_quoting_it(
    tmp_path: Path, content: str | bytes
) -> None:
    with pytest.raises(KeyRingInvalid) as refused:
        load_key_ring(a_file(tmp_path, content))
    assert base64.b64encode(KEY_1).decode() not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyRingInvalid, match=r"none\.json cannot be read: No such file"):
        load_key_ring(tmp_path / "none.json")


def test_a_ring_behind_a_link_is_judged_by_the_file_itself(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    os.symlink(a_file(tmp_path, ring_text(), 0o644), link)
    with pytest.raises(KeyRingInvalid, match="mode is 0644"):
        load_key_ring(link)


@given(st.text(), st.uuids() | st.text(), st.none() | st.uuids())
def test_a_columns_text_opens_in_its_row(text: str, key: object, org_id: UUID | None) -> None:
    column = SealedColumn(a_ring(), table="imports", column="url_ciphertext")
    sealed = column.seal(org_id, key, text)
    assert column.open(org_id, key, sealed) == text
    # As the functions seal it, so that rows from before columns were named still open.
    assert unseal(a_ring(), sealed, table="imports", key=str(key), org_id=org_id) == text.encode()


@pytest.mark.parametrize(("org_id", "key"), [(OTHER_ORG, "1"), (None, "1"), (ORG, "2")])
def test_a_columns_text_opens_in_no_other_row_and_the_error_names_the_column(
    org_id: UUID | None, key: str
) -> None:
    column = SealedColumn(a_ring(), table="imports", column="url_ciphertext")
    with pytest.raises(SealBroken, match=r"^imports\.url_ciphertext: ") as broken:
        column.open(org_id, key, column.seal(ORG, "1", "https://secret.example"))
    assert "secret.example" not in str(broken.value)
