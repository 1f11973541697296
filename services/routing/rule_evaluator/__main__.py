"""The evaluator's process: `python -m services.routing.rule_evaluator PROGRESS_FD LIMITS`.

LIMITS is an `EvaluatorLimits` as JSON. Requests come on standard input, responses go to standard
output, and the process ends when its standard input does. The engine cannot be interrupted, so the
kernel ends the process where a lead's rules use up their CPU time, and an exception does where they
want more memory than there is. The client starts another one then.
"""

import os
import resource
import signal
import sys
from mmap import mmap

import msgspec

from services.routing.rule_evaluator.evaluation import dry_run, evaluate_leads
from services.routing.rule_evaluator.protocol import (
    LENGTH,
    PROGRESS_BYTES,
    DryRunRequest,
    EvaluatorLimits,
    Progress,
    Request,
    ResponsePart,
)


def main() -> None:
    """Limits this process, then serves requests until there are no more."""
    # Only the service stops it: leads that it has begun are still evaluated.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    limits = msgspec.json.decode(sys.argv[2], type=EvaluatorLimits)
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    # A core file would hold leads.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        serve(limits, Progress(mmap(int(sys.argv[1]), PROGRESS_BYTES)))
    except (ConnectionError, MemoryError) as error:
        # The service has gone, or there is no memory left for a traceback.
        os._exit(0 if isinstance(error, ConnectionError) else 1)


def serve(limits: EvaluatorLimits, progress: Progress) -> None:
    """Answers one request after the other until there are no more."""
    decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
    while length := sys.stdin.buffer.read(LENGTH.size):
        request = decoder.decode(sys.stdin.buffer.read(LENGTH.unpack(length)[0]))
        if isinstance(request, DryRunRequest):
            _send(dry_run(request, limits, progress))
        else:
            evaluate_leads(request, limits, progress, _send)


def _send(part: ResponsePart) -> None:
    message = msgspec.msgpack.encode(part)
    sys.stdout.buffer.write(LENGTH.pack(len(message)) + message)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
