"""Errors that the edge itself makes, in the shape of the services' errors."""

import base64
from dataclasses import dataclass

from deploy.edge.messages import Json, typed
from deploy.edge.routes import HEALTH_PATH, ORIGINAL_PATH
from services.chassis.errors import STATUS_DETAILS_KEY, DomainError, to_status

_OWN_WORDS = "%LOCAL_REPLY_BODY%"
_TOKEN_WANTED = (
    "Send `authorization: Bearer <token>` with a token that has not expired, of the issuer and for "
    "the audience that Waybill trusts."
)
_TOO_LARGE = "The headers are too large or too many."
_LATER = "try again later."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """What a status of the edge's own says: google.rpc.Code and text as JSON, a reason by gRPC.

    The edge's own words name what is wrong, but a gRPC status is one with its details, which
    cannot be made for each request: there the text is fixed.
    """

    code: int
    text: str
    reason: str
    grpc_text: str = ""


_REPLIES = {
    400: _Reply(
        code=3,
        text=_OWN_WORDS,
        reason="INVALID_REQUEST",
        grpc_text="The edge cannot read the request: its headers are malformed.",
    ),
    401: _Reply(
        code=16,
        text=f"{_OWN_WORDS}. {_TOKEN_WANTED}",
        reason="TOKEN_REFUSED",
        grpc_text=_TOKEN_WANTED,
    ),
    404: _Reply(
        code=5,
        text="Nothing is served at this path with this method.",
        reason="METHOD_UNKNOWN",
        grpc_text="The edge serves no such method.",
    ),
    408: _Reply(code=4, text="The request did not come in in time.", reason="DEADLINE_EXCEEDED"),
    413: _Reply(code=3, text="The body is too large.", reason="INVALID_REQUEST"),
    415: _Reply(code=3, text=_OWN_WORDS, reason="INVALID_REQUEST", grpc_text="No gRPC call."),
    426: _Reply(code=3, text=_OWN_WORDS, reason="INVALID_REQUEST", grpc_text="No gRPC call."),
    429: _Reply(code=8, text=f"Too many requests at this moment: {_LATER}", reason="OVERLOADED"),
    431: _Reply(code=3, text=_TOO_LARGE, reason="INVALID_REQUEST"),
    500: _Reply(code=13, text="Internal error.", reason="INTERNAL"),
    502: _Reply(code=14, text=f"The service gave no proper answer: {_LATER}", reason="UNAVAILABLE"),
    503: _Reply(
        code=14,
        text=f"The service cannot be reached at this moment: {_LATER}",
        reason="UNAVAILABLE",
    ),
    504: _Reply(code=4, text="The service did not answer in time.", reason="DEADLINE_EXCEEDED"),
}
# The edge answers 403 only for a token of another audience; for us it is not a token.
_AUDIENCE = (403, 401)
_RETRY_SECONDS = 1.0
_RETRIED = ("OVERLOADED", "UNAVAILABLE")
_UNKNOWN = 2


def local_replies() -> Json:
    """Envoy's LocalReplyConfig: JSON `{"code", "message", "details"}`, or gRPC with ErrorInfo."""
    refused, as_status = _AUDIENCE
    return {
        "mappers": [
            *_health_mappers(),
            _grpc_mapper(refused, _REPLIES[as_status]),
            *(_grpc_mapper(status, reply) for status, reply in _REPLIES.items()),
            _detail_mapper(
                "path_normalization_failed",
                "The path has an escaped slash, backslash or zero character (%2F, %5C, %00).",
            ),
            _detail_mapper("missing_host_header", "The request has no Host header."),
            {**_mapper(refused, _REPLIES[as_status]), "status_code": as_status},
            *(_mapper(status, reply) for status, reply in _REPLIES.items()),
        ],
        "body_format": _body(_UNKNOWN, _OWN_WORDS),
    }


def _body(code: int, message: str) -> Json:
    return {
        "json_format": {"code": code, "message": message, "details": []},
        "content_type": "application/json",
    }


def _mapper(status: int, reply: _Reply) -> Json:
    return {"filter": _status(status), "body_format_override": _body(reply.code, reply.text)}


def _grpc_mapper(status: int, reply: _Reply) -> Json:
    """The status that `error_reason.proto` gives the reason, with its details."""
    error = DomainError(
        reply.reason,
        reply.grpc_text or reply.text,
        retry_after_seconds=_RETRY_SECONDS if reply.reason in _RETRIED else None,
    )
    details = base64.b64encode(to_status(error).SerializeToString()).decode().rstrip("=")
    return {
        "filter": _all_of(_status(status), *_GRPC),
        "headers_to_add": [
            _header("grpc-status", str(error.status.value[0])),
            _header(STATUS_DETAILS_KEY, details),
        ],
        "body_format_override": {"text_format_source": {"inline_string": error.message}},
    }


def _header(key: str, value: str) -> Json:
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _detail_mapper(detail: str, text: str) -> Json:
    """For what Envoy refuses without a word; `detail` is its own name of the cause."""
    filter_type = "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    return {
        "filter": {
            "extension_filter": {
                "name": "envoy.access_loggers.extension_filters.cel",
                "typed_config": typed(
                    filter_type, expression=f'response.code_details == "{detail}"'
                ),
            }
        },
        # A format's own signs: %% stands for one percent sign.
        "body_format_override": _body(3, text.replace("%", "%%")),
    }


def _health_mappers() -> list[Json]:
    ready = {"json_format": {"status": "ready"}, "content_type": "application/json"}
    not_ready = _body(14, "Not every service is ready.")
    health = _request({"name": ":path", "string_match": {"exact": HEALTH_PATH}})
    return [
        {"filter": _all_of(_status(200), health), "body_format_override": ready},
        {"filter": _all_of(_status(503), health), "body_format_override": not_ready},
    ]


def _all_of(*filters: Json) -> Json:
    return {"and_filter": {"filters": list(filters)}}


def _request(header: Json) -> Json:
    return {"header_filter": {"header": header}}


# What came as gRPC; what was transcoded looks so too by now, and is answered as JSON.
_GRPC = (
    _request(
        {
            "name": "content-type",
            "string_match": {"safe_regex": {"regex": r"application/grpc(\+.*)?"}},
        }
    ),
    _request({"name": ORIGINAL_PATH, "present_match": False}),
)


def _status(status: int) -> Json:
    value = {"default_value": status, "runtime_key": f"edge.local_reply_{status}"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}
