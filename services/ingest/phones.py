"""Phone numbers: E.164 by `phonenumbers`, national spellings read in a default region."""

import phonenumbers


def to_e164(text: str, default_region: str) -> str | None:
    """The number in E.164, or None where it is not a valid one."""
    try:
        number = phonenumbers.parse(text, default_region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_region(text: str) -> bool:
    """Whether the text is an ISO 3166 code of a region that has phone numbers."""
    return text in phonenumbers.SUPPORTED_REGIONS
