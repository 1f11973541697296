"""The port that the world sees."""

from deploy.edge.access_log import access_log
from deploy.edge.config import EdgeConfig
from deploy.edge.filters import http_filters, stream_limits
from deploy.edge.local_replies import local_replies
from deploy.edge.messages import Json, seconds, typed
from deploy.edge.routes import ORIGINAL_PATH, routes

_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def listener(config: EdgeConfig) -> Json:
    """The listener with its one filter chain."""
    manager = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": _manager(config),
    }
    return {
        "name": "edge",
        "address": config.listen.as_json(),
        "per_connection_buffer_limit_bytes": 1024 * 1024,
        "filter_chains": [{"filters": [manager]}],
    }


def _manager(config: EdgeConfig) -> Json:
    return typed(
        _MANAGER,
        stat_prefix="edge",
        # Not tracing: a `traceparent` from outside passes on untouched and becomes a link.
        generate_request_id=True,
        always_set_request_id_in_response=True,
        use_remote_address=True,
        server_name="waybill",
        normalize_path=True,
        merge_slashes=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        strip_any_host_port=False,
        drain_timeout=seconds(5),
        early_header_mutation_extensions=[_without_forged_headers()],
        local_reply_config=local_replies(),
        access_log=[access_log(config.access_log)],
        route_config={
            "name": "edge",
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes(config)}],
        },
        http_filters=http_filters(config),
        **stream_limits(config),
    )


def _without_forged_headers() -> Json:
    """Removes what only the edge itself may say."""
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": typed(
            "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            mutations=[{"remove": ORIGINAL_PATH}, {"remove": "x-envoy-original-method"}],
        ),
    }
