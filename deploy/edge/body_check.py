"""Refuses JSON bodies of which Envoy's transcoder would drop or change a part in silence.

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
_REPEATED = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
# Types of google.protobuf have a shape of their own in JSON: these are objects or lists, the others
# a string, number or boolean.
_WELL_KNOWN = ".google.protobuf."
_VALUE = "value"
_WELL_KNOWN_KINDS = {
    f"{_WELL_KNOWN}Struct": "struct",
    f"{_WELL_KNOWN}Any": "struct",
    f"{_WELL_KNOWN}Empty": "struct",
    f"{_WELL_KNOWN}Value": "any",
    f"{_WELL_KNOWN}ListValue": "values",
}
_Messages = dict[str, descriptor_pb2.DescriptorProto]


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyRoute:
    """A method and path (as a Lua pattern) whose body is of `kind`: see `body_check.lua`."""

    method: str
    pattern: str
    variable_count: int
    kind: str


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
    messages: _Messages,
) -> Iterator[BodyRoute]:
    for file in files.file:
        for service in file.service:
            if f"{file.package}.{service.name}" not in services:
                continue
            for method in service.method:
                rule = method.options.Extensions[annotations_pb2.http]
                for each in (rule, *rule.additional_bindings):
                    if each.body:
                        yield _route(each, method.input_type, messages)


def _route(rule: http_pb2.HttpRule, type_name: str, messages: _Messages) -> BodyRoute:
    verb = rule.WhichOneof("pattern") or ""
    custom = verb == "custom"
    template = rule.custom.path if custom else getattr(rule, verb)
    if rule.body != "*":
        fields = messages[type_name].field
        type_name = next(field.type_name for field in fields if field.name == rule.body)
    variables = _VARIABLE.findall(template)
    literals = _VARIABLE.split(template)
    if any(sign in literal for literal in literals for sign in "{}*"):
        raise ValueError(f"{template}: only plain variables such as {{lead_id}} are understood")
    pattern = "[^/]+".join(re.sub(r"(\W)", r"%\1", literal) for literal in literals)
    return BodyRoute(
        method=rule.custom.kind if custom else verb.upper(),
        pattern=f"^{pattern}$",
        variable_count=len(variables),
        kind=_WELL_KNOWN_KINDS.get(type_name, type_name),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """A field as `body_check.lua` knows it."""

    name: str
    form: str
    kind: str


def _fields(message: descriptor_pb2.DescriptorProto, messages: _Messages) -> dict[str, _Field]:
    """The fields by each name that they may have in JSON."""
    return {
        name: _field(field, messages)
        for field in message.field
        for name in (field.name, field.json_name)
    }


def _field(field: descriptor_pb2.FieldDescriptorProto, messages: _Messages) -> _Field:
    entry = messages.get(field.type_name)
    if entry is not None and entry.options.map_entry:
        return _Field(name=field.name, form="map", kind=_kind(entry.field[1], messages))
    form = "list" if field.label == _REPEATED else "one"
    return _Field(name=field.name, form=form, kind=_kind(field, messages))


def _kind(field: descriptor_pb2.FieldDescriptorProto, messages: _Messages) -> str:
    if field.type != _MESSAGE:
        return _VALUE
    if field.type_name.startswith(_WELL_KNOWN):
        return _WELL_KNOWN_KINDS.get(field.type_name, _VALUE)
    if field.type_name not in messages:
        raise ValueError(f"{field.type_name} is not in the descriptor set")
    return field.type_name


def _lua_routes(routes: Iterable[BodyRoute]) -> str:
    rows = [
        f"  {{{_lua(route.method)}, {_lua(route.pattern)}, {_lua(route.kind)}}},"
        for route in routes
    ]
    return "\n".join(["local ROUTES = {", *rows, "}"])


def _lua_types(routes: Iterable[BodyRoute], messages: _Messages) -> str:
    wanted = [route.kind for route in routes]
    rows: dict[str, str] = {}
    while wanted:
        name = wanted.pop()
        if name in rows or name not in messages:
            continue
        fields = _fields(messages[name], messages)
        wanted += [field.kind for field in fields.values()]
        pairs = ", ".join(
            f"[{_lua(spelled)}] = {{{_lua(field.name)}, {_lua(field.form)}, {_lua(field.kind)}}}"
            for spelled, field in fields.items()
        )
        rows[name] = f"  [{_lua(name)}] = {{{pairs}}},"
    return "\n".join(["local TYPES = {", *(rows[name] for name in sorted(rows)), "}"])


def _lua(text: str) -> str:
    """A Lua string; names and patterns are ASCII without control characters, as in JSON."""
    return json.dumps(text)
