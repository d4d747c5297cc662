"""What lands of a message: the event as it was sent, or the reason why there is none."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_platform import sources
from event_platform.realtime.kafka import schemas, wire
from event_platform.realtime.kafka.decoding import Decoder
from event_platform.realtime.kafka.schemas import Schema
from event_platform.records.lines import NO_EVENT
from event_platform_tests.realtime.conftest import CLICK

CLICKS, PAYMENTS = sources.get("clickstream"), sources.get("payments")
FOREIGN = {
    "type": "record",
    "name": "Foreign",
    "fields": [
        {"name": "username", "type": "string"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "share", "type": ["null", "double"], "default": None},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
    ],
}
KNOWN: dict[int, Schema] = {
    1: schemas.schema_of(CLICKS),
    2: schemas.schema_of(PAYMENTS),
    3: FOREIGN,
    4: {"type": "string", "fields": []},
    5: {"type": "record", "name": "x", "fields": [{"name": "a", "type": "no such type"}]},
    6: {"type": "record", "name": "y", "fields": [{"name": "a", "type": {"type": "array", "items": {"type": "map", "values": "double"}}}]},
    7: {"type": "record", "name": "z", "fields": [{"name": "a", "type": {"type": "float"}}]},
}


def message(value: bytes | None, topic: str = "clickstream", headers: list[tuple[str, bytes]] | None = None) -> Any:
    from confluent_kafka import Message

    return Message(topic=topic, value=value, key=b"k", headers=headers or [])


def line_of(value: bytes | None, topic: str = "clickstream", headers: list[tuple[str, bytes]] | None = None) -> bytes:
    return Decoder(KNOWN.get).line(message(value, topic, headers))


def reason_of(value: bytes | None, **more: object) -> str:
    mark, reason, said = line_of(value, **more).decode().split(NO_EVENT)  # type: ignore[arg-type]
    assert (mark, json.loads(said)["key"]) == ("", "k")
    return reason


def written(schema_id: int, record: object) -> bytes:
    from io import BytesIO

    from fastavro import schemaless_writer

    message = BytesIO()
    message.write(wire.HEADER.pack(wire.MAGIC, schema_id))
    known = KNOWN[schema_id]
    schemaless_writer(message, known if known["fields"] else known["type"], record)
    return message.getvalue()


@pytest.mark.parametrize(
    "event",
    [
        CLICK,
        CLICK | {"event_id": "given"},
        CLICK | {"campaign": {"name": "spring\nsale", "price": 1.10}, "ü": [None, True]},
        CLICK | {"username": 'A "quoted"\\ \u2028 name\n', "page": ""},
    ],
)
def test_an_event_comes_out_as_it_went_in(event: dict[str, object]) -> None:
    line = line_of(wire.Encoder(CLICKS, 1).encode(json.dumps(event).encode())[1])
    assert json.loads(line) == event
    assert b"\n" not in line


def test_json_within_events_keeps_its_spelling() -> None:
    known = b'"event_id":"a","timestamp":"2026-03-01T12:00:00","domain":"account","event_type":"creation"'
    event = b"{" + known + b',"data":{"a": 1.10,\n "b":[1,2]},"more":{"x":1e2}}'
    line = line_of(wire.Encoder(PAYMENTS, 2).encode(event)[1])
    assert b'"data":{"a": 1.10,  "b":[1,2]}' in line
    assert b'"more":{"x":1e2}' in line
    assert json.loads(line) == json.loads(event)


def test_what_others_write_is_told_as_json() -> None:
    record = {"username": "ada", "at": 1_767_225_600_000, "share": 0.5, "tags": ["a", "b"]}
    assert json.loads(line_of(written(3, record))) == record | {"at": "2026-01-01T00:00:00Z"}
    assert line_of(written(4, "a text")) == b'"a text"'


SOUND = wire.Encoder(CLICKS, 1).encode(json.dumps(CLICK).encode())[1]
HEADER = SOUND[: wire.HEADER.size]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "a tombstone: the message has no value"),
        (b"", "the message is empty"),
        (b"\x00\x00", "shorter than the header of a message"),
        (b'{"username": "ada"}', "not in the wire format of the registry: the first byte is not zero"),
        (wire.HEADER.pack(0, 77) + b"x", "the registry has no Avro schema with the number 77"),
        (wire.HEADER.pack(0, 5) + b"x", "its schema, number 5, is no Avro schema that can be read"),
        (SOUND[:-3], "not what its schema, number 1, describes"),
        (HEADER + b"\xff" * 40, "not what its schema, number 1, describes"),
        (SOUND + b"x", "longer than its schema, number 1, describes"),
        (written(3, {"username": "ada", "at": 0, "share": float("nan"), "tags": []}), "`share` is no number that JSON can write"),
        (written(6, {"a": [{}, {"b": 1.5, "c": float("inf")}]}), "`a` is no number that JSON can write"),
        (written(7, {"a": float("nan")}), "`a` is no number that JSON can write"),
        (written(2, dict.fromkeys(PAYMENTS.column_names, '1, "x": 2')), "holds a text that should be JSON and is not"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_told_with_the_reason_and_kept(value: bytes | None, reason: str) -> None:
    assert reason_of(value) == reason
    kept = json.loads(line_of(value).decode().split(NO_EVENT)[2])
    if value:
        text = kept["value"]
        assert (msgspec.json.decode(json.dumps(text["base64"]), type=bytes) if isinstance(text, dict) else text.encode()) == value


def test_a_dead_letter_is_none_whatever_it_holds() -> None:
    headers = [("reason", b"`event_time` cannot\nbe \x06 written"), ("content-type", b"application/json")]
    assert reason_of(SOUND, topic="clickstream.dead", headers=headers) == "dead letter: `event_time` cannot be   written"
    assert reason_of(None, topic="clickstream.dead") == "dead letter: no reason is given"
    said = json.loads(line_of(b'{"page": "/"}', "clickstream.dead", headers).decode().split(NO_EVENT)[2])
    assert (said["value"], said["headers"]["content-type"]) == ('{"page": "/"}', "application/json")


@given(st.data())
def test_no_bytes_make_an_error_or_a_second_line(data: st.DataObject) -> None:
    """A sound message with bytes changed, cut or added; and any bytes at all."""
    broken = bytearray(SOUND)
    for _ in range(data.draw(st.integers(0, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    value = data.draw(st.sampled_from([bytes(broken), bytes(broken[: data.draw(st.integers(0, len(broken)))]), HEADER + data.draw(st.binary())]))
    line = line_of(value)
    assert b"\n" not in line
    assert b"\r" not in line
    assert line.startswith(NO_EVENT.encode()) or isinstance(json.loads(line), dict)


def test_a_registry_that_is_away_is_no_reason() -> None:
    from event_platform.errors import TransientError

    def away(_: int) -> Schema | None:
        raise TransientError("away")

    with pytest.raises(TransientError):
        Decoder(away).line(message(SOUND))


def test_a_schema_is_asked_for_once() -> None:
    asked = []
    decoder = Decoder(lambda number: asked.append(number) or KNOWN.get(number))  # type: ignore[func-returns-value]
    for value in (SOUND, SOUND, wire.HEADER.pack(0, 77), wire.HEADER.pack(0, 77)):
        decoder.line(message(value))
    assert asked == [1, 77]
