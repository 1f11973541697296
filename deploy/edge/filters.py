"""What happens to a request on its way through the edge, in this order."""

from importlib import resources

from deploy.edge.body_check import body_check_source
from deploy.edge.clusters import cluster_names
from deploy.edge.config import EdgeConfig
from deploy.edge.messages import Json, seconds, typed
from deploy.edge.routes import (
    FEEDS_PREFIX,
    GRPC_HEALTH_PREFIX,
    HEALTH_PATH,
    HTTP_PREFIXES,
    OLD_WEBHOOK_PATHS,
    WEBHOOKS_PREFIX,
)

_FILTERS = "envoy.extensions.filters.http"
TRACE_NAMESPACE = "waybill"


def http_filters(config: EdgeConfig) -> list[Json]:
    """What comes first, health, trace id, tokens, body limit and check, JSON to gRPC, routing."""
    return [
        _filter("lua.arrival", _arrival(config)),
        _filter("health_check", _health(config)),
        _filter("header_to_metadata", _trace_id()),
        _filter("jwt_authn", _tokens(config)),
        _filter("buffer", _body_limit(config)),
        _filter("lua.body_check", _body_check(config)),
        _filter("grpc_json_transcoder", _transcoder(config)),
        _filter("router", typed(f"{_FILTERS}.router.v3.Router")),
    ]


def _filter(name: str, message: Json) -> Json:
    return {"name": f"envoy.filters.http.{name}", "typed_config": message}


def _arrival(config: EdgeConfig) -> Json:
    prefixes = ", ".join(f'"{prefix}"' for prefix in HTTP_PREFIXES)
    known = [
        f"local HTTP_PREFIXES = {{{prefixes}}}",
        f"local HEADERS_BYTES_MAX = {config.headers_bytes_max}",
        f"local HEADERS_COUNT_MAX = {config.headers_count_max}",
    ]
    program = resources.files("deploy.edge").joinpath("arrival.lua").read_text()
    return _lua("\n".join([*known, program]))


def _lua(source: str) -> Json:
    return typed(f"{_FILTERS}.lua.v3.Lua", default_source_code={"inline_string": source})


def _health(config: EdgeConfig) -> Json:
    """Answers by itself: 200 when every cluster is wholly healthy, 503 otherwise."""
    return typed(
        f"{_FILTERS}.health_check.v3.HealthCheck",
        pass_through_mode=False,
        headers=[{"name": ":path", "string_match": {"exact": HEALTH_PATH}}],
        cluster_min_healthy_percentages={name: {"value": 100} for name in cluster_names(config)},
    )


def _trace_id() -> Json:
    """Keeps the trace id of a well-formed `traceparent` for the access log; anything else: none."""
    return typed(
        f"{_FILTERS}.header_to_metadata.v3.Config",
        request_rules=[
            {
                "header": "traceparent",
                "on_header_present": {
                    "metadata_namespace": TRACE_NAMESPACE,
                    "key": "trace_id",
                    "type": "STRING",
                    "regex_value_rewrite": {
                        "pattern": {"regex": "^(?:..-([0-9a-f]{32})-.*|.*)$"},
                        "substitution": r"\1",
                    },
                },
                "remove": False,
            }
        ],
    )


def _tokens(config: EdgeConfig) -> Json:
    """A good token for all but webhooks (signed), feeds (their address is secret) and health."""
    provider = {
        "issuer": config.issuer,
        "audiences": list(config.audiences),
        "local_jwks": {"inline_string": config.jwks},
        # The services verify it again.
        "forward": True,
        "require_expiration": True,
        # Named, because by default a token in the query string would do as well.
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
    }
    open_paths = [{"path": path} for path in (HEALTH_PATH, *OLD_WEBHOOK_PATHS)]
    return typed(
        f"{_FILTERS}.jwt_authn.v3.JwtAuthentication",
        providers={"waybill": provider},
        rules=[
            {"match": {"prefix": WEBHOOKS_PREFIX}},
            {"match": {"prefix": FEEDS_PREFIX}},
            {"match": {"prefix": GRPC_HEALTH_PREFIX}},
            *({"match": match} for match in open_paths),
            {"match": {"prefix": "/"}, "requires": {"provider_name": "waybill"}},
        ],
    )


def _body_limit(config: EdgeConfig) -> Json:
    return typed(f"{_FILTERS}.buffer.v3.Buffer", max_request_bytes=config.body_bytes_max)


def _body_check(config: EdgeConfig) -> Json:
    return _lua(body_check_source(config.descriptor_set, config.transcoded))


def _transcoder(config: EdgeConfig) -> Json:
    exempt = config.body_limit_exempt_prefixes
    body_bytes_max = config.exempt_body_bytes_max if exempt else config.body_bytes_max
    return typed(
        f"{_FILTERS}.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        proto_descriptor=str(config.descriptor_set),
        services=list(config.transcoded),
        convert_grpc_status=True,
        max_request_body_size=body_bytes_max,
        max_response_body_size=config.answer_bytes_max,
        request_validation_options={
            "reject_unknown_query_parameters": True,
            "reject_binding_body_field_collisions": True,
        },
        print_options={"always_print_primitive_fields": True},
    )


def stream_limits(config: EdgeConfig) -> Json:
    """How long a request may take to come in, and a connection or stream may be silent."""
    return {
        "request_timeout": seconds(config.receive_seconds_max),
        "request_headers_timeout": seconds(10),
        "stream_idle_timeout": seconds(config.receive_seconds_max * 2),
        "common_http_protocol_options": {
            "idle_timeout": seconds(config.idle_seconds_max),
            "max_headers_count": config.headers_count_max * 2,
        },
        # Within these `arrival.lua` refuses, which it can do for HTTP/2 too.
        "max_request_headers_kb": config.headers_bytes_max * 4 // 1024,
        # Proxies as they come (nginx) and older health checkers speak HTTP/1.0.
        "http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "waybill"},
    }
