"""Errors that the edge itself makes, in the shape of the services' errors."""

from deploy.edge.messages import Json, typed
from deploy.edge.routes import HEALTH_PATH

_OWN_WORDS = "%LOCAL_REPLY_BODY%"
_TOKEN_REFUSED = (
    f"{_OWN_WORDS}. Send `authorization: Bearer <token>` with a token that has not expired, of the "
    "issuer and for the audience that Waybill trusts."
)
# HTTP status to google.rpc.Code and text; the edge's own words name what is wrong.
_REPLIES: dict[int, tuple[int, str]] = {
    400: (3, _OWN_WORDS),
    401: (16, _TOKEN_REFUSED),
    404: (5, "Nothing is served at this path with this method."),
    408: (4, "The request did not come in in time."),
    413: (3, "The body is too large."),
    415: (3, _OWN_WORDS),
    426: (3, _OWN_WORDS),
    429: (8, "Too many requests at this moment: try again later."),
    431: (3, "The headers are too large or too many."),
    500: (13, "Internal error."),
    502: (14, "The service gave no proper answer: try again later."),
    503: (14, "The service cannot be reached at this moment: try again later."),
    504: (4, "The service did not answer in time."),
}
_UNKNOWN = 2


def local_replies() -> Json:
    """Envoy's LocalReplyConfig: JSON `{"code", "message", "details"}` for each status."""
    mappers = [_mapper(status, code, text) for status, (code, text) in _REPLIES.items()]
    return {
        "mappers": [*_health_mappers(), _odd_path_mapper(), _audience_mapper(), *mappers],
        "body_format": _body(_UNKNOWN, _OWN_WORDS),
    }


def _body(code: int, message: str) -> Json:
    return {
        "json_format": {"code": code, "message": message, "details": []},
        "content_type": "application/json",
    }


def _mapper(status: int, code: int, text: str) -> Json:
    return {"filter": _status(status), "body_format_override": _body(code, text)}


def _odd_path_mapper() -> Json:
    """For an escaped slash or zero in a path, which Envoy refuses without a word."""
    text = "The path has an escaped slash, backslash or zero character (%2F, %5C, %00)."
    expression = 'response.code_details == "path_normalization_failed"'
    filter_type = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    odd_path = {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": typed(filter_type, expression=expression),
        }
    }
    return {
        "filter": odd_path,
        # A format's own signs: %% stands for one percent sign.
        "body_format_override": _body(3, text.replace("%", "%%")),
    }


def _audience_mapper() -> Json:
    """The edge answers 403 only for a token of another audience; for us it is not a token."""
    return {
        "filter": _status(403),
        "status_code": 401,
        "body_format_override": _body(16, _TOKEN_REFUSED),
    }


def _health_mappers() -> list[Json]:
    ready = {"json_format": {"status": "ready"}, "content_type": "application/json"}
    not_ready = _body(14, "Not every service is ready.")
    return [
        {"filter": _both(200), "body_format_override": ready},
        {"filter": _both(503), "body_format_override": not_ready},
    ]


def _both(status: int) -> Json:
    health = {"name": ":path", "string_match": {"exact": HEALTH_PATH}}
    return {"and_filter": {"filters": [_status(status), {"header_filter": {"header": health}}]}}


def _status(status: int) -> Json:
    value = {"default_value": status, "runtime_key": f"edge.local_reply_{status}"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}
