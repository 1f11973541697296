"""The judge: evaluates conditions in a process of its own, which one that overruns ends.

The engine cannot be interrupted, so the kernel ends the process where a lead's rules use up their
CPU time, and an exception where they want more memory than there is. Whoever asked starts another,
and knows from the `Place` which rule it was. The judge ends with its standard input.
"""

import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from mmap import mmap
from typing import Final

import msgspec

from services.routing.conditions import (
    Condition,
    ConditionRefused,
    activation,
    compile_condition,
    evaluate_all,
    judge,
)
from services.routing.hearings import (
    LENGTH,
    OVERRAN,
    PLACE_BYTES,
    Answer,
    Case,
    Hearing,
    Judged,
    JudgeLimits,
    Place,
    Refusal,
    Request,
    Trial,
    Verdict,
)

# What is judged leaves after so long: more is not lost with the process.
_HOLD_BACK_SECONDS: Final = 0.02

Send = Callable[[Answer], None]


def serve(limits: JudgeLimits, place: Place, send: Send) -> None:
    """Answers one request after the other until there are no more."""
    decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
    while length := sys.stdin.buffer.read(LENGTH.size):
        request = decoder.decode(sys.stdin.buffer.read(LENGTH.unpack(length)[0]))
        if isinstance(request, Trial):
            send(tried(request, limits, place))
        else:
            hear(request, limits, place, send)


def tried(trial: Trial, limits: JudgeLimits, place: Place) -> Answer:
    """Evaluates all of a new condition; why it is refused, where it is."""
    place.enter(0, 0)
    _allow(limits.trial_cpu_seconds)
    try:
        evaluate_all(compile_condition(trial.condition), activation(trial.facts))
    except ConditionRefused as refused:
        refusal = Refusal(problem=refused.problem, line=refused.line, column=refused.column)
        return Answer(refusal=refusal)
    finally:
        _allow(0)
    return Answer()


def hear(hearing: Hearing, limits: JudgeLimits, place: Place, send: Send) -> None:
    """Judges leads, each org's within its share of the time."""
    judged: list[Judged] = []
    sent_at = time.monotonic()
    end = sent_at + hearing.seconds_max
    is_first = True
    for number, docket in enumerate(hearing.dockets):
        if time.monotonic() > end and not is_first:
            break
        conditions = _compiled(docket.conditions, docket.cases[0], limits, place)
        now = time.monotonic()
        # What one org leaves of its share is shared by those that come after it.
        share_end = now + (end - now) / (len(hearing.dockets) - number)
        for case in docket.cases:
            if (now := time.monotonic()) > share_end and not is_first:
                break
            is_first = False
            if now - sent_at > _HOLD_BACK_SECONDS:
                send(Answer(judged=judged, is_last=False))
                judged, sent_at = [], now
            _allow(limits.lead_cpu_seconds)
            verdicts = _verdicts(case, conditions, place)
            judged.append(Judged(number=case.number, verdicts=verdicts))
    _allow(0)
    send(Answer(judged=judged))


def _compiled(
    texts: Sequence[str], case: Case, limits: JudgeLimits, place: Place
) -> list[Condition | Verdict]:
    """The conditions, from the second lead on out of a cache; or why one compiles no more."""
    conditions: list[Condition | Verdict] = []
    for rule, text in enumerate(texts):
        place.enter(case.number, rule)
        _allow(limits.lead_cpu_seconds)
        try:
            conditions.append(compile_condition(text))
        except ConditionRefused as refused:
            # It was good when it was written; another version of the engine may see it otherwise.
            conditions.append(
                Verdict(matched=False, failing_predicate=str(refused), error="REFUSED")
            )
    return conditions


def _verdicts(case: Case, conditions: Sequence[Condition | Verdict], place: Place) -> list[Verdict]:
    facts = activation(case.facts)
    verdicts: list[Verdict] = []
    for rule, condition in enumerate(conditions):
        if rule in case.overran:
            verdicts.append(OVERRAN)
        elif isinstance(condition, Verdict):
            verdicts.append(condition)
        else:
            place.enter(case.number, rule)
            verdicts.append(judge(condition, facts))
            if verdicts[-1].matched:
                break
    return verdicts


def _allow(cpu_seconds: float) -> None:
    """Ends the process (SIGPROF) after so much CPU time from now on; 0: never."""
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)


def _send(answer: Answer) -> None:
    message = msgspec.msgpack.encode(answer)
    sys.stdout.buffer.write(LENGTH.pack(len(message)) + message)
    sys.stdout.buffer.flush()


def main() -> None:
    """`python -m services.routing.judge PLACE_FD LIMITS`, the limits as JSON."""
    # It is the service's to stop: what it holds is still to be judged.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    limits = msgspec.json.decode(sys.argv[2], type=JudgeLimits)
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    # A core file would hold leads.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        serve(limits, Place(mmap(int(sys.argv[1]), PLACE_BYTES)), _send)
    except (ConnectionError, MemoryError) as error:
        # Nobody hears it any more, or there is no memory for a traceback.
        os._exit(0 if isinstance(error, ConnectionError) else 1)


if __name__ == "__main__":
    main()
