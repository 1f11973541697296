"""The first bytes of a peer's answer, fit to be kept: capped, and without what looks personal."""

import re
from typing import Final

EXCERPT_BYTES_MAX: Final = 512
# Enough to fill an excerpt, little enough to be searched in no time.
_READ_BYTES_MAX: Final = 4 * EXCERPT_BYTES_MAX
# No e-mail or phone that was cut through at the end of what is read is longer.
_CUT_CHARACTERS_MAX: Final = 80

_EMAIL: Final = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)*", re.UNICODE)
# Seven digits or more, however they are grouped, are as likely a phone as anything.
_DIGITS: Final = re.compile(r"[+(]{0,2}\d(?:[\s().\-/]{0,3}\d){6,}", re.UNICODE)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")


def excerpt(body: bytes) -> str:
    """At most 512 bytes of UTF-8 of the answer, e-mails and phone-like digits blotted out."""
    text = _CONTROL.sub(" ", body[:_READ_BYTES_MAX].decode(errors="replace"))
    text = _DIGITS.sub("[digits]", _EMAIL.sub("[email]", text))
    if len(body) > _READ_BYTES_MAX:
        text = text[:-_CUT_CHARACTERS_MAX]
    return text.encode()[:EXCERPT_BYTES_MAX].decode(errors="ignore")
