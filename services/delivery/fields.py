"""Fields with what delivery knows of payloads."""

from typing import Final

import msgspec

from services.chassis.fields import Fields

PAYLOAD_CHARACTERS_MAX: Final = 262_144


class DeliveryFields(Fields):
    """Parses fields one by one and keeps what is wrong with them."""

    def json_object(self, field: str, text: str) -> str:
        """A JSON object, as it was written: a buyer gets these very bytes at every attempt."""
        try:
            if not isinstance(msgspec.json.decode(text), dict):
                self.refuse(field, "is not a JSON object")
        except (msgspec.DecodeError, RecursionError):
            self.refuse(field, "is not JSON")
        self.text(field, text, PAYLOAD_CHARACTERS_MAX)
        return text
