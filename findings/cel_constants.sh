#!/usr/bin/env bash
# cel-expr-python 0.1.3: a constant that can never be evaluated compiles; it fails with each evaluation.
#
# A rule engine compiles a condition when it is written and takes "it compiles, and it is a bool" for
# "it works". Checked here, all with literals only:
#   - a regular expression that is not one      "x".matches("[")                      compiles
#   - a timestamp without a time of day         timestamp("2026-12-01") > now         compiles
#   - a time zone that does not exist           now.getHours("Europe/berlin") >= 9    compiles
#   - an integer division by zero               1 / 0 == 1                            compiles
# Evaluated, each answers a value of type ERROR. It is not raised, so `bool(value)` style checks of the
# caller see an ordinary return. Behind `||` the failing part vanishes: `true || 1 / 0 == 1` is true.
# A division of doubles is no error at all: 1.0 / 0.0 > 1.0 is true.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet "cel-expr-python==0.1.3"
"$work/venv/bin/python" - <<'PY'
from datetime import datetime, timezone
from importlib.metadata import version

from cel_expr_python import cel

print("cel-expr-python", version("cel-expr-python"))
env = cel.NewEnv(variables={"now": cel.Type.TIMESTAMP})
now = env.Activation({"now": datetime(2026, 12, 1, tzinfo=timezone.utc)})
expected = {
    '"x".matches("[")': "ERROR",
    'timestamp("2026-12-01") > now': "ERROR",
    'now.getHours("Europe/berlin") >= 9': "ERROR",
    "1 / 0 == 1": "ERROR",
    "true || 1 / 0 == 1": True,
    "1.0 / 0.0 > 1.0": True,
}
for text, wanted in expected.items():
    value = env.compile(text).eval(now)
    seen = "ERROR" if value.type() == cel.Type.ERROR else value.value()
    print(f"{text:40} {seen!r:8} {value.value() if seen == 'ERROR' else ''}")
    assert seen == wanted, (text, seen)
PY
