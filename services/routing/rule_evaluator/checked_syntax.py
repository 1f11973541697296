"""A compiled condition as the tree that CEL's engine makes of it (`cel.expr.CheckedExpr`).

Of the engine's messages only what is needed to walk the tree is described here (cel-spec,
checked.proto and syntax.proto); all else is kept as it came.
"""

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool
from google.protobuf.message_factory import GetMessageClass

_PACKAGE: Final = "waybill.cel"
_MESSAGE: Final = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
_TYPES: Final = {
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
}
# Message, then each field as number, name, type; a type with a star is repeated.
_SHAPES: Final = {
    "Constant": ((6, "string_value", "string"),),
    "Ident": ((1, "name", "string"),),
    "Select": ((1, "operand", "Expr"),),
    "Call": ((1, "target", "Expr"), (2, "function", "string"), (3, "args", "Expr*")),
    "List": ((1, "elements", "Expr*"),),
    "Entry": ((3, "map_key", "Expr"), (4, "value", "Expr")),
    "Struct": ((2, "entries", "Entry*"),),
    "Comprehension": (
        *((2, "iter_range", "Expr"), (4, "accu_init", "Expr"), (5, "loop_condition", "Expr")),
        *((6, "loop_step", "Expr"), (7, "result", "Expr")),
    ),
    "Expr": (
        *((2, "id", "int64"), (3, "constant", "Constant"), (4, "ident", "Ident")),
        *((5, "select", "Select"), (6, "call", "Call"), (7, "list", "List")),
        *((8, "struct", "Struct"), (9, "comprehension", "Comprehension")),
    ),
    "Position": ((1, "key", "int64"), (2, "value", "int32")),
    "SourceInfo": ((4, "positions", "Position*"),),
    "Checked": ((4, "expr", "Expr"), (5, "source_info", "SourceInfo")),
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="waybill/cel/checked.proto", package=_PACKAGE, syntax="proto2"
    )
    for name, fields in _SHAPES.items():
        message = file.message_type.add(name=name)
        for number, field_name, kind in fields:
            single = kind.removesuffix("*")
            field = message.field.add(name=field_name, number=number)
            field.label = field.LABEL_OPTIONAL if single == kind else field.LABEL_REPEATED
            field.type = _TYPES.get(single, _MESSAGE)
            if single not in _TYPES:
                field.type_name = f".{_PACKAGE}.{single}"
    return file


_POOL: Final = descriptor_pool.DescriptorPool()
_POOL.AddSerializedFile(_file().SerializeToString())
_Checked: Final[Any] = GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.Checked"))


class CheckedSyntax:
    """The tree of one compiled condition, from the bytes of its `serialize()`."""

    def __init__(self, serialized: bytes) -> None:
        self._any = any_pb2.Any.FromString(serialized)
        self._checked = _Checked.FromString(self._any.value)

    @property
    def root(self) -> Any:
        """The whole condition."""
        return self._checked.expr

    def position(self, node: Any) -> int:
        """Where in the text the node stands, in characters from 0."""
        positions = {each.key: each.value for each in self._checked.source_info.positions}
        return int(positions.get(node.id, 0))

    def serialized(self, node: Any) -> bytes:
        """The node as a condition of its own."""
        piece = _Checked()
        piece.CopyFrom(self._checked)
        piece.expr.CopyFrom(node)
        return any_pb2.Any(
            type_url=self._any.type_url, value=piece.SerializeToString()
        ).SerializeToString()


def children(node: Any) -> Iterator[Any]:
    """The nodes right below one."""
    for field, value in node.ListFields():
        if field.name in ("id", "constant", "ident"):
            continue
        yield from _expressions(value)


def _expressions(message: Any) -> Iterator[Any]:
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for each in value if field.is_repeated else (value,):
            if field.message_type.name == "Expr":
                yield each
            else:
                yield from _expressions(each)
