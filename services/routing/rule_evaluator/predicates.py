"""The parts of a condition that are joined by `&&` at its top level.

They name the first reason why a lead did not match. CEL gives no positions of parsed parts to
Python, so this reads the text: strings, comments and brackets are skipped, and a condition with a
top-level `||` or `?` is one part, because those bind looser than `&&`.
"""

import re
from typing import Final

# Comments; raw strings; triple-quoted and plain strings, with escapes; then what matters.
TOKEN: Final = re.compile(
    r"""
    (?P<comment>//[^\n]*)
  | (?P<raw>\b(?:[bB]?[rR]|[rR][bB])(?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*'|"[^"\n]*"))
  | (?P<text>'''(?:\\.|.)*?'''|\"\"\"(?:\\.|.)*?\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")
  | (?P<open>[(\[{])
  | (?P<close>[)\]}])
  | (?P<and>&&)
  | (?P<looser>\|\||\?)
    """,
    re.VERBOSE | re.DOTALL,
)


def split_predicates(condition: str) -> tuple[str, ...]:
    """The condition's top-level conjuncts in order, stripped; the whole where it has but one."""
    parts: list[str] = []
    depth = begin = 0
    for token in TOKEN.finditer(condition):
        kind = token.lastgroup
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth -= 1
        elif depth == 0 and kind == "looser":
            return (condition.strip(),)
        elif depth == 0 and kind == "and":
            parts.append(condition[begin : token.start()])
            begin = token.end()
    parts.append(condition[begin:])
    return tuple(part.strip() for part in parts)
