"""Fields of payloads."""

from typing import Final

import msgspec

from services.chassis.fields import Fields

PAYLOAD_CHARACTERS_MAX: Final = 262_144
_NOT_AN_OBJECT: Final = 'is not a JSON object, for example {"customer": {"name": "Ada"}}'


class DeliveryFields(Fields):
    """Field parsers of the chassis, and one for payloads."""

    def json_object(self, field: str, text: str) -> str:
        """A JSON object, as it was written: a buyer gets exactly these bytes at every attempt."""
        try:
            if not isinstance(msgspec.json.decode(text), dict):
                self.refuse(field, _NOT_AN_OBJECT)
        except (msgspec.DecodeError, RecursionError):
            self.refuse(field, _NOT_AN_OBJECT)
        self.text(field, text, PAYLOAD_CHARACTERS_MAX)
        return text
