"""What messages are: made from the contract alone, telling every change that older messages would not survive."""

from dataclasses import replace

import pytest

from event_platform import sources
from event_platform.errors import ConfigurationError
from event_platform.realtime.kafka import registry, schemas
from event_platform.sources.contract import Column, Source

CLICKS = sources.get("clickstream")
SCHEMA = schemas.schema_of(CLICKS)


def with_columns(*columns: Column, without: str = "") -> Source:
    return replace(CLICKS, columns=(*(column for column in CLICKS.columns if column.name != without), *columns))


def test_the_clickstream_is_the_record_that_its_clients_know() -> None:
    types = {field["name"]: field["type"] for field in SCHEMA["fields"]}
    assert types == {
        "event_id": ["null", "string"],
        "username": "string",
        "page": "string",
        "event_name": "string",
        "event_time": "long",
        "_extra": ["null", {"type": "string", "content": "application/json"}],
    }
    assert [field["name"] for field in SCHEMA["fields"] if "default" in field] == ["event_id", "_extra"]


def test_every_source_of_lines_has_a_schema_that_avro_takes() -> None:
    from fastavro import parse_schema

    for source in filter(schemas.is_streamable, sources.all_sources().values()):
        fields = {field["name"] for field in schemas.schema_of(source)["fields"]}
        assert fields == {column.path[0] for column in source.read_columns} | {"_extra"}
        parse_schema(schemas.schema_of(source))


def test_objects_in_which_columns_are_found_are_kept_whole() -> None:
    nested = with_columns(Column("city", "string", "Where", field="place.city"), Column("code", "long", "Where", field="place.code", nullable=False))
    (place,) = (field for field in schemas.schema_of(nested)["fields"] if field["name"] == "place")
    assert place["type"] == schemas.JSON_TEXT


@pytest.mark.parametrize("field", ["user-agent", "größe", "_extra"])
def test_a_field_whose_name_avro_cannot_have_is_named(field: str) -> None:
    with pytest.raises(ConfigurationError, match=f"a field is named `{field}`"):
        schemas.schema_of(with_columns(Column("more", "string", "x", field=field)))


ONE = Column("one", "string", "x")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (with_columns(replace(ONE, nullable=False)), ["`one` is new and may not be missing"]),
        (with_columns(), []),
        (with_columns(ONE), []),
        (with_columns(replace(CLICKS.column("event_time"), written="typed"), without="event_time"), ["`event_time` was long and is string now"]),
        (with_columns(replace(CLICKS.column("page"), nullable=True), without="page"), []),
        (with_columns(replace(CLICKS.column("page"), type="json"), without="page"), ["`page` was string and is string (application/json) now"]),
        (replace(CLICKS, id_from=(), id_may_be_given=False), ["`event_id` may be null in older messages"]),
        (replace(CLICKS, title="Clicks"), []),
    ],
)
def test_what_older_messages_would_not_survive_is_told_by_field(changed: Source, told: list[str]) -> None:
    found = schemas.unreadable(SCHEMA, schemas.schema_of(changed))
    assert len(found) == len(told)
    assert all(start in why for start, why in zip(told, found, strict=True))
    known = {"clickstream-value": SCHEMA}
    if told:
        with pytest.raises(ConfigurationError, match="The contract of clickstream has changed"):
            registry.check_offline(changed, known)
    else:
        registry.check_offline(changed, known)


def test_what_is_said_to_people_makes_no_other_schema() -> None:
    assert schemas.is_same(SCHEMA, schemas.schema_of(replace(CLICKS, title="Clicks")))
    assert not schemas.is_same(SCHEMA, schemas.schema_of(with_columns(ONE)))
