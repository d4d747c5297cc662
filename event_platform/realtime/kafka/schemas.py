"""The Avro schema of a source's messages, made from its contract: a field for each that the contract names, as it stands in a record.

| in a record | in Avro |
|---|---|
| text, ISO 8601 time or date, anything that may be spelled as text | `string` |
| number of seconds or milliseconds since 1970, whole number | `long` |
| number, true or false | `double`, `boolean` |
| JSON, and an object in which columns are found | `string` with the attribute `content: application/json`: its text as it came |
| fields that the contract does not name | together in `_extra`, the text of one JSON object, null when there are none |

What may be missing is a union with `null`, null by default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from event_platform.errors import ConfigurationError
from event_platform.sources.formats import JsonLines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from event_platform.sources.contract import Column, Source

Schema = dict[str, Any]

NAMESPACE = "event_platform"
EXTRA = "_extra"
JSON_TEXT = {"type": "string", "content": "application/json"}
EXTRA_FIELD = {
    "name": EXTRA,
    "type": ["null", JSON_TEXT],
    "default": None,
    "doc": "Fields the contract does not name, as one JSON object",
}


def topic_of(source: Source) -> str:
    """The topic that holds the source's events."""
    return source.name


def dead_letters_of(topic: str) -> str:
    """The topic for what cannot be a message of that topic."""
    return f"{topic}.dead"


def is_dead_letters(topic: str) -> bool:
    """Whether the topic is one for dead letters."""
    return topic.endswith(".dead")


def subject_of(source: Source) -> str:
    """Under which name the registry keeps the schemas of the topic's values."""
    return f"{topic_of(source)}-value"


def is_streamable(source: Source) -> bool:
    """Whether events of the source may come one by one: its files are JSON lines, and their names say nothing."""
    return isinstance(source.format, JsonLines) and not source.reads_file_names


def schema_of(source: Source) -> Schema:
    """The schema of the source's messages. Raises ConfigurationError for a field whose name Avro cannot have."""
    fields = [*(_field(source, name, columns) for name, columns in fields_of(source).items()), EXTRA_FIELD]
    return {"type": "record", "name": source.name, "namespace": NAMESPACE, "doc": source.title, "fields": fields}


def fields_of(source: Source) -> Mapping[str, Sequence[Column]]:
    """The fields of a record that the contract names, each with the columns that are read from it."""
    fields: dict[str, list[Column]] = {}
    for column in source.read_columns:
        fields.setdefault(column.path[0], []).append(column)
    return fields


def holds_json(columns: Sequence[Column]) -> bool:
    """Whether the field of these columns is kept as JSON text."""
    return len(columns[0].path) > 1 or columns[0].type == "json"


def _field(source: Source, name: str, columns: Sequence[Column]) -> Schema:
    if name == EXTRA or not (name.isascii() and name.isidentifier()):
        raise ConfigurationError(
            f"Events of {source.name} cannot be Avro: a field is named `{name}`, and Avro has names of letters, digits and _ alone "
            f"({EXTRA} is taken). Have the feed rename it, or use the collector without Kafka."
        )
    kind = JSON_TEXT if holds_json(columns) else kind_of(columns[0])
    doc = "; ".join(column.meaning for column in columns)
    if any(map(source.must_hold, columns)):
        return {"name": name, "type": kind, "doc": doc}
    return {"name": name, "type": ["null", kind], "default": None, "doc": doc}


def kind_of(column: Column) -> str:
    """The Avro type of a column that is no JSON."""
    if column.written == "text":
        return "string"
    if column.type == "timestamp" and column.written != "typed":
        return "long"
    return {"date": "string", "timestamp": "string"}.get(column.type, column.type)


# Change.


def is_same(one: Schema, other: Schema) -> bool:
    """Whether both say the same of messages, whatever they say to people."""
    return bool(_undocumented(one) == _undocumented(other))


def unreadable(older: Schema, newer: Schema) -> list[str]:
    """Why who knows the newer schema could not read messages of the older one: the field, and the way out. Empty: backward compatible."""
    known = {field["name"]: _parted(field["type"]) for field in older.get("fields", ())}
    return [why for field in newer["fields"] for why in _unreadable(known.get(field["name"]), field)]


def _unreadable(before: tuple[str, bool] | None, field: Schema) -> Iterator[str]:
    name, (kind, is_optional) = field["name"], _parted(field["type"])
    if before is None:
        if not is_optional:
            yield f"`{name}` is new and may not be missing, and older messages lack it: let it be null (nullable=True)"
        return
    if before[0] != kind:
        yield f"`{name}` was {before[0]} and is {kind} now: leave it as it was, and give what is new a field of another name"
    if before[1] and not is_optional:
        yield f"`{name}` may be null in older messages and may not any more: let it be null (nullable=True)"


def _parted(kind: Any) -> tuple[str, bool]:  # noqa: ANN401 - a name, a union or an object
    """A type's name, and whether it may be null."""
    union = kind if isinstance(kind, list) else [kind]
    kinds = [each for each in union if each != "null"]
    return " or ".join(map(_name, kinds)), len(kinds) < len(union)


def _name(kind: Any) -> str:  # noqa: ANN401
    if not isinstance(kind, dict):
        return str(kind)
    detail = kind.get("content") or kind.get("logicalType") or kind.get("name")
    return f"{kind['type']} ({detail})" if detail else str(kind["type"])


def _undocumented(part: Any) -> Any:  # noqa: ANN401
    if isinstance(part, dict):
        return {name: _undocumented(inner) for name, inner in part.items() if name != "doc"}
    return [_undocumented(each) for each in part] if isinstance(part, list) else part
