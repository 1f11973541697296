#!/usr/bin/env bash
# grpcio 1.85.1: a refusal with much detail reaches some of its callers, by chance, as another refusal.
#
# A server ends a call with INVALID_ARGUMENT and a google.rpc.Status in `grpc-status-details-bin`
# (gRPC's richer error model: field violations, say). No limit is set on either side. What clients get:
#   - details of 6 KB     INVALID_ARGUMENT, always
#   - details of 9 KB     about 1 of 10 gets RESOURCE_EXHAUSTED, with the same bytes on each call: from a
#                         soft limit of 8 KiB of metadata on, the client refuses at random
#   - details of 14 KB    about 7 of 10 get RESOURCE_EXHAUSTED
#   - details of 17 KB    RESOURCE_EXHAUSTED, always (the hard limit is 16 KiB)
# RESOURCE_EXHAUSTED is also what a server that sheds load answers, so a client that tries such calls
# again does so with a request that can never succeed; the server's own status is lost.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet "grpcio==1.85.1"
"$work/venv/bin/python" - <<'PY'
import asyncio
import collections

import grpc

CALLS = 400


async def main() -> None:
    async def refuse(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        details = (("grpc-status-details-bin", b"\1" * int(request)),)
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "many violations", details)

    server = grpc.aio.server()
    handlers = {"Refuse": grpc.unary_unary_rpc_method_handler(refuse)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.B", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    seen: dict[int, collections.Counter[str]] = {}
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary("/a.B/Refuse")
        for size in (6_000, 9_000, 14_000, 17_000):
            seen[size] = collections.Counter()
            for _ in range(CALLS):
                try:
                    await call(str(size).encode(), timeout=10)
                except grpc.aio.AioRpcError as error:
                    seen[size][error.code().name] += 1
            print(size, dict(seen[size]))
    await server.stop(None)
    assert set(seen[6_000]) == {"INVALID_ARGUMENT"}
    both = {"INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}
    assert set(seen[9_000]) == both
    assert set(seen[14_000]) == both
    assert seen[9_000]["RESOURCE_EXHAUSTED"] < seen[14_000]["RESOURCE_EXHAUSTED"]
    assert set(seen[17_000]) == {"RESOURCE_EXHAUSTED"}


print("grpcio", grpc.__version__)
asyncio.run(main())
PY
