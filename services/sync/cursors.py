"""Where Meta's pagination leads, without the token that its addresses hold.

A cursor is `after`, as `cursors` or the address of the next response has it. Older edges paginate
by time (`until` and `__paging_token`), which is stored as `?until=…`. Nothing else of an address
is stored.
"""

from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from services.sync.meta_values import UnreadableError

_TIME_PARAMETERS: Final = ("until", "__paging_token")
_CHARACTERS_MAX: Final = 2_000


def next_cursor(holder: Any) -> str | None:
    """The cursor of the next response, None on the last one.

    Raises UnreadableError where there is a next response and no cursor leads to it.
    """
    paging = holder.get("paging") if isinstance(holder, dict) else None
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    if _is_cursor(after):
        return str(after)
    if cursor := _of_address(paging["next"]):
        return cursor
    raise UnreadableError("there is a next response and no cursor of it")


def cursor_query(cursor: str | None) -> dict[str, str]:
    """The parameters of a call that continues there."""
    if cursor is None:
        return {}
    if cursor.startswith("?"):
        return dict(parse_qsl(cursor[1:]))
    return {"after": cursor}


def _of_address(address: Any) -> str | None:
    if not isinstance(address, str):
        return None
    try:
        query = dict(parse_qsl(urlsplit(address).query))
    except ValueError:
        return None
    if _is_cursor(query.get("after")):
        return query["after"]
    times = {name: query[name] for name in _TIME_PARAMETERS if _is_cursor(query.get(name))}
    return f"?{urlencode(times)}" if times else None


def _is_cursor(value: Any) -> bool:
    """Printable ASCII of bounded length, which rows and addresses can hold as it is."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= _CHARACTERS_MAX
        and value.isascii()
        and value.isprintable()
        and not value.startswith("?")
    )
