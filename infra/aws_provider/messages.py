"""The few messages of Terraform's plugin protocol, version 6, that tell a schema. Fields that the stand-in never fills are left out.

Source: docs/plugin-protocol/tfplugin6.proto in Terraform's repository.
"""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FIELDS: dict[str, list[tuple[str, int, str]]] = {
    "Attribute": [
        ("name", 1, "string"),
        ("type", 2, "bytes"),
        ("required", 4, "bool"),
        ("optional", 5, "bool"),
        ("computed", 6, "bool"),
        ("nested_type", 10, "Object"),
    ],
    "Object": [("attributes", 1, "Attribute[]"), ("nesting", 3, "int32")],
    "Block": [("version", 1, "int64"), ("attributes", 2, "Attribute[]"), ("block_types", 3, "NestedBlock[]")],
    "NestedBlock": [("type_name", 1, "string"), ("block", 2, "Block"), ("nesting", 3, "int32"), ("min_items", 4, "int64"), ("max_items", 5, "int64")],
    "Schema": [("version", 1, "int64"), ("block", 2, "Block")],
    "Named": [("key", 1, "string"), ("value", 2, "Schema")],  # an entry of a map is a message of this form
    "Schemas": [("provider", 1, "Schema"), ("resource_schemas", 2, "Named[]"), ("data_source_schemas", 3, "Named[]")],
}
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="schema.proto", package="told", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, fields in FIELDS.items():
        made = file.message_type.add(name=message)
        for name, number, written in fields:
            kind = written.removesuffix("[]")
            field = made.field.add(name=name, number=number, label=kinds.LABEL_REPEATED if written.endswith("[]") else kinds.LABEL_OPTIONAL)
            if kind in FIELDS:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".told.{kind}"
            else:
                field.type = kinds.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"told.{name}")) for name in FIELDS}


OF = _classes()


def schemas(told: dict[str, Any]) -> bytes:
    """The answer to GetProviderSchema: the provider's own schema and those of its types, as `infra.aws_provider.bindings` gives them."""
    kinds: dict[bool, list[Any]] = {True: [], False: []}
    for name, schema in told["types"].items():
        kinds[name.startswith("data.")].append(OF["Named"](key=name.removeprefix("data."), value=_schema(schema)))
    made = OF["Schemas"](provider=_schema(told["provider"]), resource_schemas=kinds[False], data_source_schemas=kinds[True])
    return bytes(made.SerializeToString())


def _schema(told: dict[str, Any]) -> Any:  # noqa: ANN401 - the classes are made as the program runs
    return OF["Schema"](block=_block(told))


def _block(told: dict[str, Any]) -> Any:  # noqa: ANN401 - as above
    blocks = [
        OF["NestedBlock"](
            type_name=name, block=_block(block), nesting=NESTING[block["nesting"]], min_items=block["least"], max_items=block["most"] or 0
        )
        for name, block in told["blocks"].items()
    ]
    return OF["Block"](attributes=[_attribute(name, attribute) for name, attribute in told["attributes"].items()], block_types=blocks)


def _attribute(name: str, told: dict[str, Any]) -> Any:  # noqa: ANN401 - as above
    flags = {flag: told[flag] for flag in ("required", "optional", "computed")}
    if "type" in told:
        return OF["Attribute"](name=name, type=json.dumps(told["type"]).encode(), **flags)
    inner = [_attribute(*each) for each in told["attributes"].items()]
    return OF["Attribute"](name=name, nested_type=OF["Object"](attributes=inner, nesting=NESTING[told["nesting"]]), **flags)
