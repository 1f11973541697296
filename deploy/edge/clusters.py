"""Where the edge sends requests: a cluster for each service, and HTTP ports of two."""

import ipaddress

from deploy.edge.config import Address, EdgeConfig
from deploy.edge.messages import Json, seconds, typed

INGEST_HTTP = "ingest_http"
SCHEDULING_HTTP = "scheduling_http"
REFLECTION = "reflection"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def clusters(config: EdgeConfig) -> list[Json]:
    """All upstream clusters."""
    return [
        *(
            _cluster(config, name, address, {"http_protocol_options": {}}, _HTTP_CHECK)
            for name, address in _http_ports(config).items()
        ),
        *(
            _cluster(config, name, address, _HTTP2, {"grpc_health_check": {}})
            for name, address in config.services.items()
        ),
        _reflection(config),
    ]


def cluster_names(config: EdgeConfig) -> list[str]:
    """The names of all upstream clusters whose health counts."""
    return [*_http_ports(config), *config.services]


def _reflection(config: EdgeConfig) -> Json:
    """The first service that is healthy."""
    return {
        "name": REFLECTION,
        "connect_timeout": seconds(config.connect_seconds_max),
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {
            "name": "envoy.clusters.aggregate",
            "typed_config": typed(
                "envoy.extensions.clusters.aggregate.v3.ClusterConfig",
                clusters=list(config.services),
            ),
        },
    }


def _http_ports(config: EdgeConfig) -> dict[str, Address]:
    ports = {INGEST_HTTP: config.ingest_http}
    if config.scheduling_http is not None:
        ports[SCHEDULING_HTTP] = config.scheduling_http
    return ports


_HTTP_CHECK: Json = {"http_health_check": {"path": "/healthz"}}
_HTTP2: Json = {
    "http2_protocol_options": {
        # Finds a peer that has gone without a word. The chassis lets its servers be pinged as
        # often as each 10 s; a gRPC server as it comes would end such connections.
        "connection_keepalive": {"interval": seconds(30), "timeout": seconds(5)},
    }
}


def _cluster(
    config: EdgeConfig, name: str, address: Address, protocol: Json, health_check: Json
) -> Json:
    return {
        "name": name,
        "type": "STRICT_DNS",
        "lb_policy": "ROUND_ROBIN",
        "connect_timeout": seconds(config.connect_seconds_max),
        "dns_lookup_family": "V4_PREFERRED",
        "per_connection_buffer_limit_bytes": config.answer_bytes_max,
        "common_lb_config": {
            # Below 50 % healthy hosts Envoy would use the unhealthy ones too; better an honest 503.
            "healthy_panic_threshold": {"value": 0},
            # By default workers learn of health a second after the health path shows it.
            "update_merge_window": "0s",
        },
        "ignore_health_on_host_removal": True,
        "health_checks": [
            {
                **health_check,
                "interval": seconds(config.health_interval_seconds),
                "no_traffic_interval": seconds(config.health_interval_seconds),
                "timeout": seconds(1),
                "healthy_threshold": 1,
                "unhealthy_threshold": 2,
            }
        ],
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": config.requests_per_service_max,
                    "max_pending_requests": config.requests_per_service_max,
                    "max_requests": config.requests_per_service_max,
                    "max_retries": 16,
                }
            ]
        },
        "typed_extension_protocol_options": {
            _HTTP_OPTIONS: typed(
                _HTTP_OPTIONS,
                explicit_http_config=protocol,
            )
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address.as_json()}}]}],
        },
        **_transport(config, address, "h2" if protocol is _HTTP2 else "http/1.1"),
    }


def _transport(config: EdgeConfig, address: Address, alpn: str) -> Json:
    """TLS with the edge's own certificate; the service's must name the host that was dialled."""
    files = config.upstream_tls
    if files is None:
        return {}
    certificate = {
        "certificate_chain": {"filename": str(files.certificate)},
        "private_key": {"filename": str(files.private_key)},
    }
    kind = "IP_ADDRESS" if _is_ip(address.host) else "DNS"
    context = typed(
        "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        common_tls_context={
            "tls_certificates": [certificate],
            # gRPC servers end connections that do not name their protocol.
            "alpn_protocols": [alpn],
            "validation_context": {
                "trusted_ca": {"filename": str(files.authorities)},
                "match_typed_subject_alt_names": [
                    {"san_type": kind, "matcher": {"exact": address.host}}
                ],
            },
        },
        **({} if kind == "IP_ADDRESS" else {"sni": address.host}),
    )
    return {
        "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": context},
    }


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
