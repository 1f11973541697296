"""Signatures: the genuine is accepted, everything else is refused, nothing raises."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from standardwebhooks import Webhook

from services.chassis.webhook_signatures import (
    SIGNATURES_MAX,
    SignatureFault,
    SigningSecret,
    hub_signature,
    sign,
    signature_fault,
    verify,
    verify_hub,
)

# The published vector of Standard Webhooks 1.0.0.
SECRET = SigningSecret.parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
NOW = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = SigningSecret.parse("whsec_" + base64.b64encode(b"o" * 32).decode())


def headers(**changed: str | None) -> dict[str, str]:
    given: dict[str, str | None] = {
        "webhook-id": MESSAGE_ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }
    given |= {f"webhook-{name}": value for name, value in changed.items()}
    return {name: value for name, value in given.items() if value is not None}


def refused(
    given: Mapping[str, str], body: bytes = BODY, now: datetime = NOW
) -> SignatureFault | None:
    return signature_fault(given, body, [SECRET], now)


def test_the_published_vector_is_accepted() -> None:
    assert verify(headers(), BODY, [SECRET], NOW)


def test_the_published_vector_is_made() -> None:
    assert sign(MESSAGE_ID, NOW, BODY, [SECRET]) == headers()


def test_the_package_accepts_what_is_signed_here() -> None:
    now = datetime.now(UTC)
    signed = sign("msg_1", now, '{"name":"Åsa"}'.encode(), [OTHER, SECRET])
    assert Webhook(SECRET.text).verify('{"name":"Åsa"}', signed) == {"name": "Åsa"}


def test_the_timestamp_is_the_moment_in_whatever_zone_it_is_given() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert sign(MESSAGE_ID, elsewhere, BODY, [SECRET]) == headers()


def test_during_a_rotation_both_the_old_and_the_new_secret_verify() -> None:
    signed = sign(MESSAGE_ID, NOW, BODY, [SECRET, OTHER])
    assert len(signed["webhook-signature"].split(" ")) == 2
    for active in ([SECRET], [OTHER], [OTHER, SECRET]):
        assert verify(signed, BODY, active, NOW)


def test_one_of_several_active_secrets_is_enough() -> None:
    assert verify(headers(), BODY, [OTHER, SECRET], NOW)


@pytest.mark.parametrize("active", [[], [OTHER]])
def test_without_the_right_secret_nothing_verifies(active: list[SigningSecret]) -> None:
    assert signature_fault(headers(), BODY, active, NOW) is SignatureFault.NO_MATCH


@pytest.mark.parametrize("name", ["id", "timestamp", "signature"])
@pytest.mark.parametrize("value", [None, ""])
def test_every_header_is_needed(name: str, value: str | None) -> None:
    assert refused(headers(**{name: value})) is SignatureFault.MISSING_HEADER


def test_header_names_may_be_in_any_case() -> None:
    assert refused({name.title(): value for name, value in headers().items()}) is None


def test_a_repeated_header_is_refused() -> None:
    repeated = CIMultiDict(headers())
    repeated.add("Webhook-Signature", "v1,AAAA")
    assert refused(repeated) is SignatureFault.REPEATED_HEADER


@pytest.mark.parametrize(
    "message_id", ["msg.1", "msg 1", "msg\t1", "msg\n1", "mşg", "\ud800", "m" * 257, "msg\x7f"]
)
def test_a_malformed_id_is_refused(message_id: str) -> None:
    assert refused(headers(id=message_id)) is SignatureFault.MALFORMED_ID


@pytest.mark.parametrize(
    "timestamp",
    [
        "1e9",
        " 1614265330",
        "1614265330 ",
        "1614265330\n",
        "1614265330.0",
        "1.5",
        "+1614265330",
        "-1614265330",
        "01614265330",
        "1_614_265_330",
        "0x6037bcf2",
        "١٦١٤٢٦٥٣٣٠",
        "nan",
        "inf",
        "9" * 12,
        "9" * 5000,
    ],
)
def test_a_malformed_timestamp_is_refused(timestamp: str) -> None:
    assert refused(headers(timestamp=timestamp)) is SignatureFault.MALFORMED_TIMESTAMP


@pytest.mark.parametrize(
    "signature",
    [
        SIGNATURE.replace(",", ""),
        SIGNATURE + ",",
        SIGNATURE.replace(",", ",,"),
        SIGNATURE.rstrip("="),
        SIGNATURE + "=",
        SIGNATURE + "==",
        SIGNATURE.replace("+", "-").replace("/", "_"),
        SIGNATURE + " ",
        " " + SIGNATURE,
        SIGNATURE + "  " + SIGNATURE,
        SIGNATURE + "\t" + SIGNATURE,
        SIGNATURE + "\n",
        SIGNATURE + "," + SIGNATURE,
        "v1,",
        ",",
        "v1",
        "V" + SIGNATURE[1:],
        "v1,é" + SIGNATURE[4:],
        "v1,\ud800",
        SIGNATURE + " v2",
        SIGNATURE + " nonsense",
        " ".join([SIGNATURE] * (SIGNATURES_MAX + 1)),
    ],
)
def test_a_malformed_signature_is_refused(signature: str) -> None:
    assert refused(headers(signature=signature)) is SignatureFault.MALFORMED_SIGNATURE


@pytest.mark.parametrize("signature", ["v1,AAAA", "v1a," + SIGNATURE[3:], "v2," + SIGNATURE[3:]])
def test_a_well_formed_signature_that_is_not_ours_is_no_match(signature: str) -> None:
    assert refused(headers(signature=signature)) is SignatureFault.NO_MATCH


def test_entries_of_other_versions_are_passed_over() -> None:
    assert refused(headers(signature="v1a,AAAA v2,AAAA " + SIGNATURE)) is None


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (300, None),
        (300.5, SignatureFault.TOO_OLD),
        (301, SignatureFault.TOO_OLD),
        (-300, None),
        (-301, SignatureFault.TOO_NEW),
    ],
)
def test_a_message_is_fresh_for_five_minutes_either_way(
    seconds: float, expected: SignatureFault | None
) -> None:
    assert refused(headers(), now=NOW + timedelta(seconds=seconds)) is expected


def test_a_timestamp_far_in_the_future_is_too_new_and_no_overflow() -> None:
    assert refused(headers(timestamp="9" * 11)) is SignatureFault.TOO_NEW


def test_a_body_that_is_not_utf8_is_refused() -> None:
    assert refused(headers(), b"\xff\xfe") is SignatureFault.BODY_NOT_UTF8


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({"id": "msg_other"}, BODY),
        ({"timestamp": "1614265331"}, BODY),
        ({}, BODY + b" "),
        ({}, b""),
    ],
)
def test_whatever_is_signed_cannot_be_changed(changed: dict[str, str], body: bytes) -> None:
    assert refused(headers(**changed), body) is SignatureFault.NO_MATCH


anything = st.text(max_size=40) | st.sampled_from([SIGNATURE, MESSAGE_ID, "1614265330", "v1,"])


@given(st.fixed_dictionaries(dict.fromkeys(headers(), anything)), st.binary(max_size=40))
def test_no_header_and_no_body_makes_the_verifier_raise(given: dict[str, str], body: bytes) -> None:
    assert not verify(given, body, [SECRET], NOW)


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_!!!", "whsec_é", "\ud800", "c2hvcnQ=", "QUFB" * 22]
)
def test_a_bad_secret_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="a signing secret") as refused_secret:
        SigningSecret.parse(text)
    assert refused_secret.value.__cause__ is None
    if len(text) > len("whsec_"):
        assert text not in str(refused_secret.value)


def test_a_generated_secret_is_read_back_and_does_not_show_itself() -> None:
    secret = SigningSecret.generate()
    assert SigningSecret.parse(secret.text) == secret
    assert secret != SigningSecret.generate()
    assert repr(secret) == "SigningSecret()"


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "é", "m" * 257])
def test_an_id_the_receiver_would_refuse_is_not_signed(message_id: str) -> None:
    with pytest.raises(ValueError, match="message id"):
        sign(message_id, NOW, BODY, [SECRET])


@pytest.mark.parametrize("count", [0, SIGNATURES_MAX + 1])
def test_the_number_of_secrets_to_sign_with_is_bounded(count: int) -> None:
    with pytest.raises(ValueError, match="secrets"):
        sign(MESSAGE_ID, NOW, BODY, [SECRET] * count)


def test_a_timestamp_without_zone_is_not_signed() -> None:
    with pytest.raises(ValueError, match="time zone"):
        sign(MESSAGE_ID, NOW.replace(tzinfo=None), BODY, [SECRET])


APP_SECRET = "test_app_secret"
PAGE_BODY = (
    rb'{"object":"page","entry":[{"id":"1","time":1459991487970,"messaging":[{"sender":'
    rb'{"id":"5678"},"recipient":{"id":"1"},"timestamp":1459991487970,"message":{"mid":"m_1",'
    rb'"text":"\u00e4\u00f6\u00e5 \ud83d\ude00 https:\/\/x.y\/z"}}]}]}'
)
HUB_VECTORS = [
    (
        b'{"object":"whatsapp_business_account","entry":[]}',
        "dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756",
    ),
    (
        b'{"object": "whatsapp_business_account", "entry": []}',
        "56cbbaf4961c6cfdae48b7f116c047e5eb513d2c931baae63a2bc1afd26f803a",
    ),
    (PAGE_BODY, "760f9fdf3d6a06543e4802f1da899eaafc138959a3602c3d6bbcb7c177cf47d0"),
]


@pytest.mark.parametrize(("body", "digest"), HUB_VECTORS)
def test_the_hub_signature_is_over_the_raw_bytes(body: bytes, digest: str) -> None:
    assert hub_signature(APP_SECRET, body) == f"sha256={digest}"
    assert verify_hub(f"sha256={digest}", body, [APP_SECRET])


@pytest.mark.parametrize(
    "digest",
    [
        "9a285fc4ba763801f66553bf68d75815198a64bd76507857dc7ce1f070419d9a",
        "79d06ff9547802e93c1def0c6d84cbebb042d25510e142a27be9f54c049dcda8",
    ],
    ids=["re-serialised as ASCII", "re-serialised as UTF-8"],
)
def test_the_signature_of_a_re_serialised_body_is_refused(digest: str) -> None:
    assert not verify_hub(f"sha256={digest}", PAGE_BODY, [APP_SECRET])


def test_any_of_several_app_secrets_verifies() -> None:
    body, digest = HUB_VECTORS[0]
    assert verify_hub(f"sha256={digest}", body, ["new_secret", APP_SECRET])
    assert not verify_hub(f"sha256={digest}", body, ["new_secret"])
    assert not verify_hub(f"sha256={digest}", body, [])


def test_an_empty_app_secret_never_verifies() -> None:
    assert not verify_hub(hub_signature("", b"{}"), b"{}", [""])


GOOD = hub_signature(APP_SECRET, b"{}")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        GOOD.removeprefix("sha256="),
        GOOD.upper(),
        "sha256=" + GOOD[7:].upper(),
        GOOD[:-1],
        GOOD + "0",
        GOOD + "\n",
        " " + GOOD,
        GOOD + ", " + GOOD,
        "sha256=" + "é" * 64,
        "sha256=" + "\u0660" * 64,
        "sha256=" + "\ud800" * 64,
        "sha1=" + hmac.new(APP_SECRET.encode(), b"{}", hashlib.sha1).hexdigest(),
        "sha256=" + hmac.new(APP_SECRET.encode(), b"{}", hashlib.sha1).hexdigest(),
        "sha1=" + GOOD[7:],
    ],
)
def test_a_malformed_or_weak_hub_signature_is_refused(header: str | None) -> None:
    assert verify_hub(GOOD, b"{}", [APP_SECRET])
    assert not verify_hub(header, b"{}", [APP_SECRET])
