"""E-mail addresses: checked by `email-validator`, lower-cased, no DNS look-up."""

from email_validator import EmailNotValidError, validate_email


def to_address(text: str) -> str | None:
    """The address in lower case, or None where it is not a valid one."""
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return None
