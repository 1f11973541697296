"""One JSON line for each request: no query string, no token, no body."""

from pathlib import Path

from deploy.edge.filters import TRACE_NAMESPACE
from deploy.edge.messages import Json, typed
from services.chassis.rpc.interceptors import TRACE_ID_KEY

# Names as in the services' canonical lines. A field without a value is null.
_LINE: Json = {
    "time": "%START_TIME%",
    "event": "edge_request",
    # As they arrived, of the path what can be no secret (`arrival.lua`); of a request that Envoy's
    # own parser refuses, neither.
    "method": f"%DYNAMIC_METADATA({TRACE_NAMESPACE}:method)%",
    "path": f"%DYNAMIC_METADATA({TRACE_NAMESPACE}:path)%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "grpc_status": "%GRPC_STATUS_NUMBER%",
    "duration_ms": "%DURATION%",
    "response_flags": "%RESPONSE_FLAGS%",
    "request_bytes": "%BYTES_RECEIVED%",
    "response_bytes": "%BYTES_SENT%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    # Ours, as the service answered it; the caller's own one is only linked from there.
    "trace_id": f"%RESP({TRACE_ID_KEY})%",
    "caller_trace_id": f"%DYNAMIC_METADATA({TRACE_NAMESPACE}:trace_id)%",
    "upstream": "%UPSTREAM_CLUSTER%",
    "upstream_address": "%UPSTREAM_HOST%",
}


def access_log(path: Path) -> Json:
    """The log at `path`; without health checks."""
    return {
        "name": "envoy.access_loggers.file",
        "filter": {"not_health_check_filter": {}},
        "typed_config": typed(
            "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            path=str(path),
            log_format={"json_format": _LINE},
        ),
    }
