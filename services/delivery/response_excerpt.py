"""The first bytes of a peer's response, fit to be stored: capped and redacted."""

import re
from typing import Final

EXCERPT_BYTES_MAX: Final = 512
# Enough to fill an excerpt, little enough to be searched in no time.
_READ_BYTES_MAX: Final = 4 * EXCERPT_BYTES_MAX
# An e-mail or phone that was cut at the end of what is read is not longer.
_CUT_CHARACTERS_MAX: Final = 80

_EMAIL: Final = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)*", re.UNICODE)
# Seven digits or more, however they are grouped, may be a phone.
_DIGITS: Final = re.compile(r"[+(]{0,2}\d(?:[\s().\-/]{0,3}\d){6,}", re.UNICODE)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")


def redacted_excerpt(body: bytes) -> str:
    """At most 512 bytes of UTF-8 of the body, e-mails and phone-like digits redacted."""
    text = _CONTROL.sub(" ", body[:_READ_BYTES_MAX].decode(errors="replace"))
    text = _DIGITS.sub("[digits]", _EMAIL.sub("[email]", text))
    if len(body) > _READ_BYTES_MAX:
        text = text[:-_CUT_CHARACTERS_MAX]
    return text.encode()[:EXCERPT_BYTES_MAX].decode(errors="ignore")
