"""One JSON line for each request: no query string, no token, no body."""

from pathlib import Path

from deploy.edge.filters import TRACE_NAMESPACE
from deploy.edge.messages import Json, typed
from deploy.edge.routes import FEEDS_PREFIX
from services.chassis.rpc.interceptors import TRACE_ID_KEY

# Names as in the services' canonical lines. A field without a value is null.
_LINE: Json = {
    "time": "%START_TIME%",
    "event": "edge_request",
    "method": "%REQ(X-ENVOY-ORIGINAL-METHOD?:METHOD)%",
    # NQ: without the query string; ORIG: as the caller wrote it, not the gRPC method.
    "path": "%PATH(NQ:ORIG_OR_PATH)%",
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
    """The log at `path`; without health checks, and without feeds, whose path is a secret."""
    return {
        "name": "envoy.access_loggers.file",
        "filter": {
            "and_filter": {
                "filters": [
                    {"not_health_check_filter": {}},
                    {
                        "header_filter": {
                            "header": {
                                "name": ":path",
                                "string_match": {"prefix": FEEDS_PREFIX},
                                "invert_match": True,
                            }
                        }
                    },
                ]
            }
        },
        "typed_config": typed(
            "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            path=str(path),
            log_format={"json_format": _LINE},
        ),
    }
