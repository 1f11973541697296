"""Where a lead's phone is read: from what was typed to E.164, by `phonenumbers`.

Callers: `edge/parsing.py` for leads that come by an RPC, `meta_leads.py` for answers of a Lead Ads
form, `meta_messages.py` for WhatsApp senders. A national number is read in the default region of
its source.
"""

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
