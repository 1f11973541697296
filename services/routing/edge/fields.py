"""Field parsers of routing's own."""

from services.chassis.fields import Fields


class RoutingFields(Fields):
    """Parses fields as `Fields` does, and text that stays exactly as sent."""

    def verbatim(self, field: str, text: str) -> str:
        """Text that the database can hold, untouched: positions in it count, or it is a lead's."""
        if "\0" in text:
            self.refuse(field, "contains a NUL character")
        return text
