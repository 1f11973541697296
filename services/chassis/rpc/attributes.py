"""Names of span attributes, as OpenTelemetry's semantic conventions have them now."""

from typing import Final

RPC_SYSTEM: Final = "rpc.system.name"
RPC_METHOD: Final = "rpc.method"
RPC_STATUS: Final = "rpc.response.status_code"
GRPC: Final = "grpc"
