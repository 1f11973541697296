#!/usr/bin/env bash
# grpcio 1.85.1: a target of several addresses sends all of them, comma and all, as its :authority.
#
# `ipv4:127.0.0.1:PORT,127.0.0.1:PORT` is gRPC's documented way to name several backends without DNS.
# Each call, and each client-side health check, then carries the whole list as the HTTP/2 :authority,
# which is no host of RFC 9110. A proxy that takes a comma in Host for two joined Host headers, or that
# routes by virtual host, refuses these calls, while a target of one address works.
# The option grpc.default_authority gives the channel a name that fits.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet "grpcio==1.85.1"
"$work/venv/bin/python" - <<'PY'
from concurrent import futures

import grpc

seen: list[str] = []



def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
    return context._rpc_event.call_details.host  # what the server read as :authority


server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
handlers = {"Get": grpc.unary_unary_rpc_method_handler(answer)}
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.B", handlers),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
address = f"127.0.0.1:{port}"


def authority(target: str, *options: tuple[str, str]) -> str:
    with grpc.insecure_channel(target, options=options) as channel:
        host: bytes = channel.unary_unary("/a.B/Get")(b"", timeout=10)
    text = host.decode().replace(str(port), "PORT")
    print(f"{target.replace(str(port), 'PORT'):40} {text}")
    return text


print("grpcio", grpc.__version__)
assert authority(f"ipv4:{address}") == "127.0.0.1:PORT"
several = authority(f"ipv4:{address},{address}")
assert "," in several, several
assert authority(f"ipv4:{address},{address}", ("grpc.default_authority", "edge")) == "edge"
server.stop(None)
PY
