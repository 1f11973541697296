"""Text as strangers send it, made fit for a text column."""


def clean_text(text: str, characters_max: int = 10_000) -> str:
    """Without what a text column cannot hold (NUL, halves of surrogate pairs), trimmed, bounded."""
    storable = text.encode("utf-8", "replace").decode().replace("\0", "")
    return storable.strip()[:characters_max]
