"""Fields that only ingest has: phones, regions, secrets."""

from typing import Final

from services.chassis.fields import Fields
from services.ingest.phones import is_region, to_e164

SECRET_CHARACTERS_MAX: Final = 2_000


class IngestFields(Fields):
    """Fields of ingest's requests."""

    def phone(self, field: str, text: str, default_region: str) -> str:
        """The phone in E.164; a national number is read in the default region."""
        phone = to_e164(text, default_region)
        if phone is None:
            self.refuse(field, "is not a valid phone number, for example +49 151 23456789")
        return phone or ""

    def region(self, field: str, text: str) -> str:
        """The ISO 3166 code of a country."""
        if not is_region(text):
            self.refuse(field, "is not an ISO 3166 country code, for example DE")
        return text

    def secret(self, field: str, text: str) -> str:
        """A secret: at least one character."""
        if not text.strip():
            self.refuse(field, "is blank")
        return self.text(field, text, SECRET_CHARACTERS_MAX)
