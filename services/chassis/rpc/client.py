"""Channels to peers: deadlines, retries for UNAVAILABLE, our token, our trace."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import grpc

from services.chassis.config import ServiceConfig
from services.chassis.rpc.auth import TokenFile
from services.chassis.rpc.gate import time_left
from services.chassis.rpc.interceptors import ClientTelemetry

# A 3 MB webhook body and its envelope must fit.
MESSAGE_BYTES_MAX: Final = 8 * 1024 * 1024
SERVICE_CONFIG: Final = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        # A server that is about to stop says so here first, and is asked no more.
        "healthCheckConfig": {"serviceName": ""},
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "2s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)
CHANNEL_OPTIONS: Final = [
    ("grpc.service_config", SERVICE_CONFIG),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]

Stub = TypeVar("Stub")


@asynccontextmanager
async def connected(
    target: str, stub: Callable[[grpc.aio.Channel], Stub], config: ServiceConfig
) -> AsyncIterator[Stub]:
    """A stub of a peer, given as host:port or `dns:///host:port`."""
    interceptor = ClientTelemetry(TokenFile(config.token_file), time_left)
    async with channel(target, config, [interceptor]) as open_channel:
        yield stub(open_channel)


def channel(
    target: str, config: ServiceConfig, interceptors: list[Any] | None = None
) -> grpc.aio.Channel:
    """A channel with our options; mTLS where the config names files for it."""
    if "://" not in target:
        target = f"dns:///{target}"
    credentials = channel_credentials(config)
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS, interceptors=interceptors)
    return grpc.aio.secure_channel(
        target, credentials, options=CHANNEL_OPTIONS, interceptors=interceptors
    )


def channel_credentials(config: ServiceConfig) -> grpc.ChannelCredentials | None:
    """mTLS credentials, or None where no files are named."""
    if config.tls_authority_file is None:
        return None
    return grpc.ssl_channel_credentials(
        config.tls_authority_file.read_bytes(),
        _read(config.tls_key_file),
        _read(config.tls_certificate_file),
    )


def _read(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()
