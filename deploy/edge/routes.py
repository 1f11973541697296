"""Which request goes where."""

from dataclasses import dataclass

from deploy.edge.clusters import INGEST_HTTP, REFLECTION, SCHEDULING_HTTP
from deploy.edge.config import EdgeConfig
from deploy.edge.messages import Json, seconds, typed
from services.chassis.rpc.edge import EDGE_MARK, FROM_GRPC, FROM_JSON
from services.chassis.rpc.reflection import REFLECTED_KEY, REFLECTION_PREFIXES

HEALTH_PATH = "/api/health"
# Of gRPC's health service, which watchers ask without a token. Nothing is served there: to be told
# so has a client take the edge as healthy, to be told "no token" would have it call nothing else.
GRPC_HEALTH_PREFIX = "/grpc.health.v1.Health/"
WEBHOOKS_PREFIX = "/webhooks/"
# Feeds for calendar programs, which send no token: their address is the secret.
FEEDS_PREFIX = "/calendars/"
# Where Meta was set to send before there was /webhooks/meta.
OLD_WEBHOOK_PATHS = ("/api/webhook", "/api/webhooks/whatsapp")
# Where services answer HTTP themselves.
HTTP_PREFIXES = (WEBHOOKS_PREFIX, FEEDS_PREFIX, *OLD_WEBHOOK_PATHS)
# Set by the transcoder, removed from what comes in: it marks transcoded calls among gRPC ones.
ORIGINAL_PATH = "x-envoy-original-path"


def routes(config: EdgeConfig) -> list[Json]:
    """All routes, the first match wins.

    A JSON call is looked up twice: with its own path (only a body limit may be found then) and,
    transcoded, with the gRPC method as its path.
    """
    bounds = _bounds(config)
    transcoded = [_transcoded(each) for each in bounds]
    passed_through = [_passed_through(each) for each in bounds]
    exempt = [_exempt(config, prefix) for prefix in config.body_limit_exempt_prefixes]
    return [
        *_webhooks(config),
        *_feeds(config),
        *transcoded,
        *passed_through,
        *_reflection(config),
        _unknown_grpc(),
        *exempt,
    ]


def _webhooks(config: EdgeConfig) -> list[Json]:
    route = {
        "cluster": INGEST_HTTP,
        "timeout": seconds(config.request_seconds_max),
        # Nothing was sent yet when connecting fails, so even a POST can be tried again.
        "retry_policy": _retry("connect-failure"),
    }
    old = [
        {"match": {"path": path}, "route": {**route, "prefix_rewrite": "/webhooks/meta"}}
        for path in OLD_WEBHOOK_PATHS
    ]
    return [{"match": {"prefix": WEBHOOKS_PREFIX}, "route": route}, *old]


def _feeds(config: EdgeConfig) -> list[Json]:
    if config.scheduling_http is None:
        return []
    route = {
        "cluster": SCHEDULING_HTTP,
        "timeout": seconds(config.request_seconds_max),
        "retry_policy": _retry("connect-failure"),
    }
    return [{"match": {"prefix": FEEDS_PREFIX}, "route": route}]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    """How long calls of a service may take; `match` says which."""

    service: str
    match: Json
    request_seconds_max: float
    deadline_seconds: int


def _bounds(config: EdgeConfig) -> list[_Bounds]:
    """Single methods first, as the first match wins."""
    long = [
        _Bounds(
            service=service,
            match={"path": method},
            request_seconds_max=config.long_request_seconds_max,
            deadline_seconds=config.long_deadline_seconds,
        )
        for service in config.services
        for method in config.long_calls
        if method.startswith(_prefix(service))
    ]
    return long + [
        _Bounds(
            service=service,
            match={"prefix": _prefix(service)},
            request_seconds_max=config.request_seconds_max,
            deadline_seconds=config.deadline_seconds,
        )
        for service in config.services
    ]


def _prefix(service: str) -> str:
    return f"/waybill.{service}."


def _transcoded(bounds: _Bounds) -> Json:
    deadline = {"key": "grpc-timeout", "value": f"{bounds.deadline_seconds}S"}
    return {
        "match": {
            **bounds.match,
            "grpc": {},
            "headers": [{"name": ORIGINAL_PATH, "present_match": True}],
        },
        "route": {
            "cluster": bounds.service,
            "timeout": seconds(bounds.request_seconds_max),
            # A call that reaches a server while it stops ends as cancelled, before its handler.
            "retry_policy": _retry("connect-failure,refused-stream,cancelled"),
        },
        # The services refuse calls without a deadline; JSON callers seldom know of it.
        "request_headers_to_add": [
            {"header": deadline, "append_action": "ADD_IF_ABSENT"},
            _mark(FROM_JSON),
        ],
    }


def _passed_through(bounds: _Bounds) -> Json:
    return {
        "match": {**bounds.match, "grpc": {}},
        "route": {
            "cluster": bounds.service,
            "timeout": seconds(bounds.request_seconds_max),
            "max_stream_duration": {
                "grpc_timeout_header_max": seconds(bounds.request_seconds_max),
            },
            "retry_policy": _retry("connect-failure,refused-stream"),
        },
        "request_headers_to_add": [_mark(FROM_GRPC)],
        # Buffering would hold back streams; gRPC servers have a message limit of their own.
        **_buffer(disabled=True),
    }


def _reflection(config: EdgeConfig) -> list[Json]:
    """Any service that is up tells of all that the edge serves (`chassis.rpc.reflection`)."""
    route = {
        "cluster": REFLECTION,
        # A client may keep its stream open: it ends when it has been silent for long.
        "timeout": seconds(0),
        "retry_policy": _retry("connect-failure,refused-stream"),
    }
    reflected = {"key": REFLECTED_KEY, "value": ",".join(config.transcoded)}
    return [
        {
            "match": {"prefix": prefix, "grpc": {}},
            "route": route,
            "request_headers_to_add": [
                {"header": reflected, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"},
                _mark(FROM_GRPC),
            ],
            **_buffer(disabled=True),
        }
        for prefix in REFLECTION_PREFIXES
    ]


def _unknown_grpc() -> Json:
    """Answered at once: whoever keeps the stream open would else wait for the buffer filter, as
    that filter waits for the stream's end."""
    return {
        "match": {"prefix": "/", "grpc": {}},
        "direct_response": {"status": 404},
        **_buffer(disabled=True),
    }


def _mark(form: str) -> Json:
    """Tells a service that the call is one from outside, whatever it says itself, and its form."""
    header = {"key": EDGE_MARK, "value": form}
    return {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _exempt(config: EdgeConfig, prefix: str) -> Json:
    """Only carries the wider limit: a call that is not transcoded afterwards is unknown."""
    wider = {"buffer": {"max_request_bytes": config.exempt_body_bytes_max}}
    return {
        "match": {"prefix": prefix},
        "direct_response": {"status": 404},
        **_buffer(**wider),
    }


def _buffer(**fields: object) -> Json:
    message = typed("envoy.extensions.filters.http.buffer.v3.BufferPerRoute", **fields)
    return {"typed_per_filter_config": {"envoy.filters.http.buffer": message}}


def _retry(conditions: str) -> Json:
    return {
        "retry_on": conditions,
        "num_retries": 2,
        "retry_back_off": {"base_interval": "0.025s", "max_interval": "0.25s"},
    }
