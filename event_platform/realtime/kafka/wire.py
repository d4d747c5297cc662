"""Confluent's wire format: a message is a zero byte, the schema's number in the registry (4 bytes, most significant first), then the Avro datum.

https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
"""

from __future__ import annotations

import hashlib
import struct
from io import BytesIO
from typing import TYPE_CHECKING, Any

import msgspec

from event_platform.errors import PermanentError
from event_platform.realtime.kafka import schemas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from event_platform.sources.contract import Column, Source

HEADER = struct.Struct(">bI")
"""Magic byte and number of the schema."""
MAGIC = 0


def parted(message: bytes) -> tuple[int, bytes]:
    """The number of the schema, and the Avro datum. Raises PermanentError for what is not in the wire format."""
    if len(message) < HEADER.size:
        raise PermanentError("shorter than the header of a message")
    magic, schema_id = HEADER.unpack_from(message)
    if magic != MAGIC:
        raise PermanentError("not in the wire format of the registry: the first byte is not zero")
    return schema_id, message[HEADER.size :]


class Encoder:
    """Makes messages of JSON lines of one source, under a schema that is registered."""

    def __init__(self, source: Source, schema_id: int) -> None:
        """`schema_id` is the registry's number of `schemas.schema_of(source)`."""
        from fastavro import parse_schema, schemaless_writer

        self._schema, self._write = parse_schema(schemas.schema_of(source)), schemaless_writer
        self._header = HEADER.pack(MAGIC, schema_id)
        self._values = {name: _reader(columns) for name, columns in schemas.fields_of(source).items()}
        self._fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
        self._id, self._id_from = (_read_paths(source, names) for names in ((source.event_id,), source.id_from))

    def encode(self, line: bytes) -> tuple[bytes | None, bytes]:
        """Key and message of an event that the contract finds sound. Raises PermanentError, without any value, for one that Avro cannot hold."""
        known = self._known(line)
        message = BytesIO()
        message.write(self._header)
        try:
            self._write(message, self._schema, known)
        except (ValueError, TypeError, OverflowError) as error:
            raise PermanentError("a value is missing, or larger than Avro can hold") from error
        return self._key(known), message.getvalue()

    def _known(self, line: bytes) -> dict[str, Any]:
        """The datum: what the contract names, and the rest as one text."""
        known: dict[str, Any] = {}
        name = ""
        try:
            fields = self._fields.decode(line)
            for name, read in self._values.items():
                raw = fields.pop(name, None)
                if raw is not None:
                    known[name] = read(raw)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise PermanentError(f"{f'`{name}`' if name else 'the event'} cannot be written as Avro") from error
        if fields:
            known[schemas.EXTRA] = msgspec.json.encode(fields).decode()
        return known

    def _key(self, known: Mapping[str, Any]) -> bytes | None:
        """The same for all versions of an event, so that they keep their order; nothing can be read from it. None: any partition will do."""
        given = [value for path in self._id if (value := _at(known, path)) is not None]
        said = given or [_at(known, path) for path in self._id_from]
        return hashlib.blake2b(msgspec.json.encode(said), digest_size=12).hexdigest().encode() if said else None


def _read_paths(source: Source, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Where a record holds these columns; those that are computed it does not hold."""
    return [column.path for column in source.read_columns if column.name in names]


def _at(known: Mapping[str, Any], path: Sequence[str]) -> Any:  # noqa: ANN401
    """The value at a path; an object at its beginning is JSON text."""
    value = known.get(path[0])
    if value is not None and len(path) > 1:
        value = msgspec.json.decode(value)
    for name in path[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _reader(columns: Sequence[Column]) -> Callable[[msgspec.Raw], Any]:
    """How a field's JSON text becomes what its Avro type takes; null is None."""
    if schemas.holds_json(columns):
        return _json_text
    (column,) = columns
    if column.written == "text":
        return _text
    kind = schemas.kind_of(column)
    return _whole_number if kind == "long" else msgspec.json.Decoder(_TYPES[kind] | None).decode


_TYPES: dict[str, Any] = {"string": str, "double": float, "boolean": bool}


def _whole_number(raw: msgspec.Raw) -> int | None:
    """A number that is whole, written with or without zeros after a point. Raises ValueError for any other."""
    whole, _, rest = bytes(raw).partition(b".")
    if rest.strip(b"0"):
        raise ValueError
    return None if whole == b"null" else int(whole)


def _json_text(raw: msgspec.Raw) -> str | None:
    text = bytes(raw).decode()
    return None if text == "null" else text


def _text(raw: msgspec.Raw) -> str | None:
    """A string's value; of any other value its JSON text, which says the same to the contract."""
    text = bytes(raw).decode()
    return msgspec.json.decode(raw, type=str) if text.startswith('"') else _json_text(raw)
