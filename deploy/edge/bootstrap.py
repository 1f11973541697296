"""The whole Envoy configuration."""

from deploy.edge.clusters import clusters
from deploy.edge.config import EdgeConfig
from deploy.edge.listener import listener
from deploy.edge.messages import Json, typed


def bootstrap(config: EdgeConfig) -> Json:
    """The configuration as a dict; `json.dumps` of it is a file for `envoy -c`.

    Reads the descriptor set. Raises OSError when it is away, ValueError when a path template in it
    is of a kind that the check of bodies does not understand.
    """
    return {
        "node": {"id": "edge", "cluster": "waybill"},
        "admin": {"address": {"pipe": {"path": str(config.admin_socket), "mode": 0o600}}},
        "static_resources": {"listeners": [listener(config)], "clusters": clusters(config)},
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": typed(
                        "envoy.extensions.resource_monitors.downstream_connections.v3."
                        "DownstreamConnectionsConfig",
                        max_active_downstream_connections=config.connections_max,
                    ),
                }
            ]
        },
    }
