"""Events as messages: all that a line says is in its message, and an event has one key whatever else it says."""

import json
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from fastavro import schemaless_reader
from hypothesis import given
from hypothesis import strategies as st

from event_platform import sources
from event_platform.errors import PermanentError
from event_platform.realtime.kafka import schemas, wire
from event_platform.sources.contract import Column, Source

CLICKS = sources.get("clickstream")
CLICK = {"username": "ada", "page": "/", "event_name": "click", "event_time": 1_767_225_600}
TYPES = replace(
    CLICKS,
    columns=(
        *CLICKS.columns,
        Column("price", "double", "x"),
        Column("is_new", "boolean", "x"),
        Column("count", "long", "x"),
        Column("port", "long", "x", written="text"),
        Column("seen_at", "timestamp", "x"),
        Column("body", "json", "x"),
        Column("city", "string", "x", field="place.city"),
    ),
)


def datum(source: Source, message: bytes) -> Any:
    schema_id, avro = wire.parted(message)
    assert schema_id == 258
    return schemaless_reader(BytesIO(avro), schemas.schema_of(source), None)


def encoded(source: Source, event: dict[str, Any] | bytes) -> Any:
    line = event if isinstance(event, bytes) else json.dumps(event).encode()
    return datum(source, wire.Encoder(source, 258).encode(line)[1])


def test_a_message_begins_with_a_zero_and_the_number_of_the_schema() -> None:
    message = wire.Encoder(CLICKS, 258).encode(json.dumps(CLICK).encode())[1]
    assert message[:5] == b"\x00\x00\x00\x01\x02"
    assert datum(CLICKS, message) == {**CLICK, "event_id": None, "_extra": None}


def test_values_stand_in_avro_as_the_contract_says() -> None:
    event = CLICK | {"price": 1, "is_new": True, "count": 3, "port": 80, "seen_at": "2026-03-01", "body": {"a": [1, None]}, "place": {"city": "Oslo"}}
    assert encoded(TYPES, event) == event | {
        "event_id": None,
        "port": "80",
        "body": '{"a": [1, null]}',
        "place": '{"city": "Oslo"}',
        "_extra": None,
    }
    spelled = {"port": "80", "body": "text", "place": None}
    assert {name: encoded(TYPES, CLICK | spelled)[name] for name in spelled} == {"port": "80", "body": '"text"', "place": None}


def test_whole_numbers_may_be_written_with_a_point() -> None:
    line = json.dumps(CLICK).replace("1767225600", "1767225600.0").encode()
    assert encoded(CLICKS, line)["event_time"] == 1_767_225_600


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(TEXTS, st.integers() | TEXTS | st.none()))
def test_fields_the_contract_does_not_name_are_kept_as_they_came(more: dict[str, Any]) -> None:
    extra = {name: value for name, value in more.items() if name not in CLICK and name != "event_id"}
    kept = encoded(CLICKS, {**extra, **CLICK})["_extra"]
    assert (json.loads(kept) if kept else {}) == extra


def test_numbers_of_other_fields_keep_their_digits() -> None:
    line = json.dumps(CLICK).encode()[:-1] + b', "exact": 1.10, "large": 123456789012345678901234567890}'
    assert encoded(CLICKS, line)["_extra"] == '{"exact":1.10,"large":123456789012345678901234567890}'


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (json.dumps(CLICK | {"event_time": 1_767_225_600.5}), "`event_time` cannot be written as Avro"),
        (json.dumps(CLICK | {"event_time": 10**30}), "a value is missing, or larger than Avro can hold"),
        (json.dumps(CLICK | {"username": "secret"}).replace("secret", "\\ud800secret"), "the event cannot be written as Avro"),
        ("{}", "a value is missing, or larger than Avro can hold"),
    ],
)
def test_what_avro_cannot_hold_is_told_without_its_value(line: str, why: str) -> None:
    with pytest.raises(PermanentError) as told:
        wire.Encoder(CLICKS, 258).encode(line.encode())
    assert why in str(told.value)
    assert "secret" not in str(told.value)


def test_a_key_is_the_same_for_versions_of_an_event_alone() -> None:
    def key(**changed: object) -> bytes | None:
        return wire.Encoder(CLICKS, 258).encode(json.dumps(CLICK | changed).encode())[0]

    assert key(event_id="a", page="/") == key(event_id="a", page="/other")
    assert key() == key(event_id=None, note="more")
    assert len({key(), key(event_id="a"), key(event_id="b"), key(page="/other"), key(event_time=1)}) == 5
    assert b"ada" not in (key() or b"")


def test_a_key_is_found_within_objects_and_is_none_where_ids_are_computed() -> None:
    found = tuple(replace(column, field="meta.ids.own") if column.name == "event_id" else column for column in CLICKS.columns)
    nested = wire.Encoder(replace(CLICKS, columns=found), 258)
    one, other = (nested.encode(json.dumps(CLICK | {"meta": {"ids": {"own": "a"}, "try": number}}).encode())[0] for number in (1, 2))
    assert one == other == wire.Encoder(CLICKS, 258).encode(json.dumps(CLICK | {"event_id": "a"}).encode())[0]
    sql = tuple(replace(column, sql="md5(page)") if column.name == "event_id" else column for column in CLICKS.columns)
    computed = replace(CLICKS, columns=sql, id_from=(), id_may_be_given=False)
    assert wire.Encoder(computed, 258).encode(json.dumps(CLICK).encode())[0] is None


@pytest.mark.parametrize("message", [b"", b"\x00\x00\x00\x00", b"\x01\x00\x00\x00\x01data"])
def test_what_is_no_message_is_told(message: bytes) -> None:
    with pytest.raises(PermanentError):
        wire.parted(message)
