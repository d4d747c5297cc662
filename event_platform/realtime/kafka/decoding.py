"""What lands of a message: its event as a line of JSON; of one that is no event, the reason and all that it said.

Messages are read one by one, each by the schema it was written with, in C (fastavro, msgspec), about 10 µs each. As a block of an Avro file they
could be read at once four times as fast, but then a datum that is longer or shorter than its schema says would shift all that follow it.
"""

from __future__ import annotations

import time
from io import BytesIO
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

import msgspec

from event_platform.errors import PermanentError
from event_platform.realtime.asking import on_one_line
from event_platform.realtime.kafka import schemas, wire
from event_platform.records.lines import NO_EVENT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from confluent_kafka import Message

    from event_platform.realtime.kafka.schemas import Schema

REASON_CHARACTERS = 300
"""What is kept of the reason that a dead letter gives."""
REASON_HEADER = "reason"
ASK_AGAIN_SECONDS = 10.0
"""For a schema that the registry does not have."""

_WITHOUT_DECIMALS = ("null", "boolean", "int", "long", "bytes", "string")

_encode = msgspec.json.Encoder().encode
_any_json = msgspec.json.Decoder(msgspec.Raw).decode
_json_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Decoder:
    """Makes lines of messages; schemas are asked for once."""

    def __init__(self, schema: Callable[[int], Schema | None]) -> None:
        """`schema` gives the schema of a number, None when there is none, and may raise TransientError."""
        self._schema = schema
        self._readers: dict[int, _Reader] = {}
        self._unfit: dict[int, float] = {}

    def line(self, message: Message) -> bytes:
        """The line, without its end. Raises TransientError when a schema cannot be had at present; no message is an error."""
        if schemas.is_dead_letters(message.topic() or ""):
            return _no_event(f"dead letter: {_reason_of(message)}", message)
        value = message.value()
        try:
            if not value:
                raise PermanentError("a tombstone: the message has no value" if value is None else "the message is empty")
            schema_id, datum = wire.parted(value)
            return (self._readers.get(schema_id) or self._reader(schema_id)).line(datum)
        except PermanentError as error:
            return _no_event(str(error), message)

    def _reader(self, schema_id: int) -> _Reader:
        if time.monotonic() < self._unfit.get(schema_id, 0):
            raise _unknown(schema_id)
        try:
            schema = self._schema(schema_id)
        except ValueError:  # a schema in another language
            schema = None
        if schema is None:
            now = time.monotonic()
            self._unfit = {number: again for number, again in self._unfit.items() if again > now} | {schema_id: now + ASK_AGAIN_SECONDS}
            raise _unknown(schema_id)
        self._readers[schema_id] = _Reader(schema, schema_id)
        return self._readers[schema_id]


class _Reader:
    """Reads data that were written with one schema."""

    def __init__(self, schema: Schema, schema_id: int) -> None:
        from fastavro import parse_schema, schemaless_reader

        self._number, self._read = schema_id, schemaless_reader
        fields = schema.get("fields", [])
        self._texts = [field["name"] for field in fields if field["name"] != schemas.EXTRA and _has(field["type"], schemas.JSON_TEXT)]
        self._decimals = [field["name"] for field in fields if _may_hold_decimals(field["type"])]
        try:
            self._schema: Any = parse_schema(schema if fields else schema["type"])
        except Exception as error:
            raise PermanentError(f"its schema, number {schema_id}, is no Avro schema that can be read") from error

    def line(self, datum: bytes) -> bytes:
        """The datum as a line of JSON. Raises PermanentError, without any value, for one that its schema does not describe."""
        stream = BytesIO(datum)
        try:
            record = self._read(stream, self._schema, None)
        except Exception as error:
            raise PermanentError(f"not what its schema, number {self._number}, describes") from error
        if stream.tell() != len(datum):
            raise PermanentError(f"longer than its schema, number {self._number}, describes")
        return _encode(self._as_sent(record) if isinstance(record, dict) else record)

    def _as_sent(self, record: dict[str, Any]) -> dict[str, Any]:
        """The fields that have a value, those of `_extra` among them, and JSON texts as the JSON they are."""
        known = {name: value for name, value in record.items() if value is not None}
        for name in self._decimals:
            if name in known and not _is_finite(known[name]):
                raise PermanentError(f"`{name}` is no number that JSON can write")
        try:
            for name in self._texts:
                if name in known:
                    known[name] = _on_one_line(known[name])
            extra = known.pop(schemas.EXTRA, None)
            return {**_json_object(on_one_line(extra.encode())), **known} if extra else known
        except (msgspec.MsgspecError, RecursionError, TypeError, AttributeError) as error:
            raise PermanentError("holds a text that should be JSON and is not") from error


def _unknown(schema_id: int) -> PermanentError:
    return PermanentError(f"the registry has no Avro schema with the number {schema_id}")


def _has(kind: Any, wanted: Any) -> bool:  # noqa: ANN401 - a name, a union or an object
    return any(each == wanted for each in (kind if isinstance(kind, list) else [kind]))


def _may_hold_decimals(kind: Any) -> bool:  # noqa: ANN401 - a name, a union or an object
    plain = [*_WITHOUT_DECIMALS, schemas.JSON_TEXT]
    return any(each not in plain for each in (kind if isinstance(kind, list) else [kind]))


def _is_finite(value: Any) -> bool:  # noqa: ANN401 - what Avro holds
    """Whether every number in a value is one; JSON would make null of another."""
    if isinstance(value, float):
        return isfinite(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(_is_finite, inner))


def _on_one_line(text: str) -> msgspec.Raw:
    _any_json(text)
    return msgspec.Raw(on_one_line(text.encode()))


def _no_event(reason: str, message: Message) -> bytes:
    headers = {name: _shown(value) for name, value in _headers_of(message)}
    said = {"key": _shown(message.key()), "headers": headers, "value": _shown(message.value())}
    mark = NO_EVENT.encode()
    return mark + reason.encode() + mark + _encode({name: each for name, each in said.items() if each})


def _headers_of(message: Message) -> Sequence[tuple[str, bytes | str | None]]:
    return cast("Sequence[tuple[str, bytes | str | None]]", message.headers() or ())


def _shown(said: str | bytes | None) -> Any:  # noqa: ANN401 - for JSON
    """A text as such, other bytes as base64."""
    if said is None or isinstance(said, str):
        return said
    try:
        return said.decode()
    except UnicodeDecodeError:
        return {"base64": said}


def _reason_of(message: Message) -> str:
    given = dict(_headers_of(message)).get(REASON_HEADER)
    text = given.decode(errors="replace") if isinstance(given, bytes) else given or "no reason is given"
    return "".join(each if each.isprintable() else " " for each in text[:REASON_CHARACTERS])
