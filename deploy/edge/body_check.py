"""Refuses JSON bodies with unknown fields, which Envoy's transcoder would drop in silence.

The check is a Lua filter (`body_check.lua`); what it knows of the messages comes from here. Known
gap of Envoy, without an option as of 1.40: https://github.com/envoyproxy/envoy/issues/46623
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2

_VARIABLE = re.compile(r"\{[a-z0-9_.]+\}")
_MESSAGE = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
# Types of google.protobuf have a JSON shape of their own, which the transcoder checks by itself.
_WELL_KNOWN = ".google.protobuf."


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyRoute:
    """A method and path (as a Lua pattern) whose body is a message of type `type_name`."""

    method: str
    pattern: str
    variable_count: int
    type_name: str


def body_check_source(descriptor_set: Path, services: Iterable[str]) -> str:
    """The Lua program for these services. Raises OSError, and ValueError for an odd template."""
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptor_set.read_bytes())
    messages = dict(_messages(files))
    routes = sorted(
        _routes(files, frozenset(services), messages),
        # A literal wins over a variable, as it does in the transcoder.
        key=lambda route: (route.variable_count, route.pattern, route.method),
    )
    program = resources.files("deploy.edge").joinpath("body_check.lua").read_text()
    return f"{_lua_routes(routes)}\n{_lua_types(routes, messages)}\n{program}"


def _messages(
    files: descriptor_pb2.FileDescriptorSet,
) -> Iterator[tuple[str, descriptor_pb2.DescriptorProto]]:
    def nested(
        prefix: str, message: descriptor_pb2.DescriptorProto
    ) -> Iterator[tuple[str, descriptor_pb2.DescriptorProto]]:
        name = f"{prefix}.{message.name}"
        yield name, message
        for inner in message.nested_type:
            yield from nested(name, inner)

    for file in files.file:
        for message in file.message_type:
            yield from nested(f".{file.package}", message)


def _routes(
    files: descriptor_pb2.FileDescriptorSet,
    services: frozenset[str],
    messages: dict[str, descriptor_pb2.DescriptorProto],
) -> Iterator[BodyRoute]:
    for file in files.file:
        for service in file.service:
            if f"{file.package}.{service.name}" not in services:
                continue
            for method in service.method:
                rule = method.options.Extensions[annotations_pb2.http]
                for each in (rule, *rule.additional_bindings):
                    if each.body:
                        yield _route(each, messages[method.input_type], method.input_type)


def _route(
    rule: http_pb2.HttpRule, request: descriptor_pb2.DescriptorProto, type_name: str
) -> BodyRoute:
    verb = rule.WhichOneof("pattern") or ""
    custom = verb == "custom"
    template = rule.custom.path if custom else getattr(rule, verb)
    if rule.body != "*":
        type_name = next(field.type_name for field in request.field if field.name == rule.body)
    variables = _VARIABLE.findall(template)
    literals = _VARIABLE.split(template)
    if any(sign in literal for literal in literals for sign in "{}*"):
        raise ValueError(f"{template}: only plain variables such as {{lead_id}} are understood")
    pattern = "[^/]+".join(re.sub(r"(\W)", r"%\1", literal) for literal in literals)
    return BodyRoute(
        method=rule.custom.kind if custom else verb.upper(),
        pattern=f"^{pattern}$",
        variable_count=len(variables),
        type_name=type_name,
    )


def _fields(
    message: descriptor_pb2.DescriptorProto, messages: dict[str, descriptor_pb2.DescriptorProto]
) -> dict[str, str | None]:
    """Each name a field may have in JSON, with its type's name; None where anything may stand."""
    if message.options.map_entry:
        # In JSON a map is an object with names of the caller's choice.
        return {"*": _type_of(message.field[1], messages)}
    return {
        name: _type_of(field, messages)
        for field in message.field
        for name in (field.name, field.json_name)
    }


def _type_of(
    field: descriptor_pb2.FieldDescriptorProto,
    messages: dict[str, descriptor_pb2.DescriptorProto],
) -> str | None:
    is_known = field.type == _MESSAGE and field.type_name in messages
    if not is_known or field.type_name.startswith(_WELL_KNOWN):
        return None
    return field.type_name


def _lua_routes(routes: Iterable[BodyRoute]) -> str:
    rows = [
        f"  {{{_lua(route.method)}, {_lua(route.pattern)}, {_lua(route.type_name)}}},"
        for route in routes
    ]
    return "\n".join(["local ROUTES = {", *rows, "}"])


def _lua_types(
    routes: Iterable[BodyRoute], messages: dict[str, descriptor_pb2.DescriptorProto]
) -> str:
    wanted = [route.type_name for route in routes]
    rows: dict[str, str] = {}
    while wanted:
        name = wanted.pop()
        if name in rows or name not in messages or name.startswith(_WELL_KNOWN):
            continue
        fields = _fields(messages[name], messages)
        wanted += [type_name for type_name in fields.values() if type_name is not None]
        pairs = ", ".join(
            f"[{_lua(field)}] = {'false' if kind is None else _lua(kind)}"
            for field, kind in fields.items()
        )
        rows[name] = f"  [{_lua(name)}] = {{{pairs}}},"
    return "\n".join(["local TYPES = {", *(rows[name] for name in sorted(rows)), "}"])


def _lua(text: str) -> str:
    """A Lua string; names and patterns are ASCII without control characters, as in JSON."""
    return json.dumps(text)
