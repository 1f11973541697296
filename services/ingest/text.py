"""Text as strangers send it, made fit to be stored."""


def clean(text: str, characters_max: int = 10_000) -> str:
    """Without what a text column cannot hold (NUL, halves of surrogate pairs), trimmed, bounded."""
    storable = text.encode("utf-8", "replace").decode().replace("\0", "")
    return storable.strip()[:characters_max]
