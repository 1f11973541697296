"""TLS: a peer is verified for its name."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.chassis.outbound.client import (
    ConnectFailed,
    OutboundClient,
    OutboundTimedOut,
)
from tests.unit.chassis.outbound.peers import (
    Names,
    Peer,
    Reader,
    Writer,
    a_policy,
    an_answer,
    answering,
    serving,
)


def a_certificate(folder: Path, host: str) -> Path:
    """A self-signed certificate and its key for the host, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{host}.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return pem


def server_tls(pem: Path, seen: list[str | None]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.sni_callback = lambda _, name, __: seen.append(name)
    return context


async def test_tls_is_verified_for_the_name_and_not_the_address(tmp_path: Path) -> None:
    pem = a_certificate(tmp_path, "buyer.test")
    seen: list[str | None] = []
    async with (
        serving(answering(an_answer()), server_tls(pem, seen)) as peer,
        OutboundClient(
            a_policy(),
            lookup=Names(["127.0.0.1"]),
            tls=ssl.create_default_context(cafile=str(pem)),
        ) as client,
    ):
        url = f"https://buyer.test:{peer.port}/"
        assert (await client.request("POST", url, {}, b"")).status == 200
    assert seen == ["buyer.test"]


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_wrong_or_untrusted_certificate_ends_the_call_before_the_request(
    tmp_path: Path, trusted: bool
) -> None:
    pem = a_certificate(tmp_path, "other.test" if trusted else "buyer.test")
    tls = ssl.create_default_context(cafile=str(pem) if trusted else None)
    async with (
        serving(answering(an_answer()), server_tls(pem, [])) as peer,
        OutboundClient(a_policy(), lookup=Names(["127.0.0.1"]), tls=tls) as client,
    ):
        with pytest.raises(ConnectFailed, match="certificate of buyer") as failed:
            await client.request("POST", f"https://buyer.test:{peer.port}/", {}, b"")
    assert failed.value.reached is False
    assert peer.requests == []


async def test_a_peer_that_never_finishes_its_tls_handshake_is_not_waited_for() -> None:
    async def handle(reader: Reader, _: Writer) -> None:
        await reader.read()

    async with (
        serving(Peer(handle)) as peer,
        OutboundClient(a_policy(connect_seconds_max=0.2), lookup=Names(["127.0.0.1"])) as client,
    ):
        with pytest.raises(OutboundTimedOut) as failed:
            await client.request("POST", f"https://buyer.test:{peer.port}/", {}, b"")
    assert failed.value.reached is False
