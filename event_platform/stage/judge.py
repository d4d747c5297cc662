"""Judging lines, as SQL: lines -> fields -> texts -> times -> typed -> computed -> dated -> reasoned -> judged, each a SELECT over the one before.

`_reason` is NULL for a line that belongs in stage; a value is never silently NULL because it had another type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from event_platform.engines.spelling import identifier, literal, literals
from event_platform.lake.schema import DUCKDB_TYPES
from event_platform.sources.formats import Csv
from event_platform.stage.csv_fields import CsvFields
from event_platform.stage.json_fields import JsonFields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from event_platform.sources.contract import Column, Source

MAX_KIND_CHARACTERS = 100
"""Longest `domain_event_type`: it becomes the name of a folder."""


MAX_KIND_BYTES = 200
"""Longest name of its folder, in which each byte that is no letter or digit takes three; file systems take 255 with what goes before it."""


class Fields(Protocol):
    """How a format gives fields; every method gives SQL over the columns that `selects` makes."""

    without_record: str

    def selects(self) -> list[str]:
        """CTEs from `lines` to `fields`."""

    def field(self, column: Column) -> str:
        """The field as it stands in the record; NULL when it is not there."""

    def text(self, column: Column) -> str:
        """Its value as text."""

    def is_text(self, column: Column) -> bool:
        """Whether values of any type may be spelled as texts."""

    def extra(self) -> str:
        """Fields without a column, as a JSON object."""

    def broken_lines(self) -> Iterator[tuple[str, str]]:
        """Conditions under which a line holds no sound record, and the reason for each."""


def fields_of(source: Source) -> Fields:
    """The fields of a source's records; documents come as JSON lines."""
    return CsvFields(source, source.format) if isinstance(source.format, Csv) else JsonFields(source)


def judged_sql(source: Source) -> str:
    """Give the CTEs from `lines` to `judged`."""
    fields = fields_of(source)
    read = source.read_columns
    times = [column for column in read if column.type == "timestamp"]
    ctes = [
        *fields.selects(),
        _more("texts", "fields", [(fields.text(column), _text(column)) for column in read]),
        _more("times", "texts", [(_utc(column), _time(column)) for column in times]),
        _more("typed", "times", [*((_value(column, fields.is_text(column)), column.name) for column in read), (fields.extra(), "extra")]),
        _more("computed", "typed", [(_computed(column), column.name) for column in source.computed_columns]),
        _more("dated", "computed", [(_event_date(source), "event_date"), (_kind(source), "domain_event_type")]),
        _more("reasoned", "dated", [(_first_reason(source, fields), "_reason")]),
        _judged(source),
    ]
    return ", ".join(ctes)


def refusals(source: Source) -> Iterator[str]:
    """Conditions under which an event is refused whose fields are there and of the contract's types, for those who do not read lines.

    They are over its columns, `event_date`, `landing_date` and `domain_event_type`.
    """
    yield from (_has_nul(column) for column in source.columns if column.type == "string")
    yield from (condition for condition, _ in (*_broken_columns(source), *_broken_events(source)))


def _more(name: str, before: str, added: list[tuple[str, str]]) -> str:
    """A CTE: the one before and more columns, each an expression and its name."""
    return f"{name} AS (SELECT *{''.join(f', {expression} AS {identifier(column)}' for expression, column in added)} FROM {before})"


def _text(column: Column) -> str:
    return f"_text_{column.name}"


def _time(column: Column) -> str:
    return f"_utc_{column.name}"


# Values.


def _value(column: Column, is_text: bool) -> str:
    """The column's typed value; NULL when there is none or it has another type."""
    text = identifier(_text(column))
    return {
        "string": text,
        "json": f"CASE WHEN json_valid({text}) THEN {text} END" if is_text else text,
        "long": f"CASE WHEN regexp_full_match({text}, '{_INTEGER}') THEN TRY_CAST({text} AS BIGINT) END",
        "double": f"CASE WHEN regexp_full_match({text}, '{_NUMBER}') AND isfinite(TRY_CAST({text} AS DOUBLE)) THEN TRY_CAST({text} AS DOUBLE) END",
        "boolean": f"CASE {f'lower({text})' if is_text else text} WHEN 'true' THEN true WHEN 'false' THEN false END",
        "date": f"CASE WHEN regexp_full_match({text}, '{_DAY}') AND {text} >= '0001' THEN TRY_CAST({text} AS DATE) END",
        "timestamp": f"CASE WHEN {identifier(_time(column))} BETWEEN {_FIRST_TIME} AND {_LAST_TIME}"
        f" THEN make_timestamptz(epoch_us({identifier(_time(column))})) END",
    }[column.type]


_FIRST_TIME, _LAST_TIME = "TIMESTAMP '0001-01-01'", "TIMESTAMP '9999-12-31 23:59:59.999999'"
"""What other readers of the tables can take, Python among them."""
_INTEGER = r"-?\d+(\.0)?"
_NUMBER = r"-?\d.*"
_DAY = r"\d{4}-\d\d-\d\d"
_CLOCK = rf"{_DAY}[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?"
_UTC_CLOCK = rf"{_CLOCK}Z?|{_DAY}"
_ZONE = r"[+-]([01]\d|2[0-3])(:?[0-5]\d)?"
_EPOCH = r"-?\d{1,15}(\.0+)?"
"""Whole, so that a time is the same on every way into the lake: messages of topics hold whole numbers (`realtime.kafka.schemas`)."""


def _utc(column: Column) -> str:
    """A time as TIMESTAMP in UTC, whatever the session's time zone: ISO 8601, or a count since 1970; NULL when the text is none."""
    text = identifier(_text(column))
    if column.written.startswith("epoch"):
        micros = 1_000_000 if column.written == "epoch_seconds" else 1_000
        return f"CASE WHEN regexp_full_match({text}, '{_EPOCH}') THEN make_timestamp(TRY_CAST({text}::DECIMAL(38, 9) * {micros} AS BIGINT)) END"
    return f"""
        CASE WHEN regexp_full_match({text}, '{_UTC_CLOCK}') THEN TRY_CAST({text} AS TIMESTAMP)
        WHEN regexp_full_match({text}, '{_CLOCK}{_ZONE}') THEN timezone('UTC', TRY_CAST({text} AS TIMESTAMPTZ)) END"""


def _computed(column: Column) -> str:
    return f"TRY(CAST(({column.sql}) AS {DUCKDB_TYPES[column.type]}))"


def _event_date(source: Source) -> str:
    column = source.column(source.timestamp)
    if column.sql is None:
        return f"{identifier(_time(column))}::DATE"
    return f"CAST({identifier(column.name)} AT TIME ZONE 'UTC' AS DATE)"


def _kind(source: Source) -> str:
    return f"concat_ws('-', {', '.join(map(identifier, source.kind))})"


def _judged(source: Source) -> str:
    """The last CTE: where records bring no id, one is made of the values that say which event it is."""
    if not source.id_from:
        return _more("judged", "reasoned", [])
    names = ", ".join(map(identifier, source.id_from))
    values = f"to_json([{', '.join(f'{identifier(name)}::VARCHAR' for name in source.id_from)}])"
    if source.id_may_be_given:
        given = identifier(source.event_id)
        return f"judged AS (SELECT * REPLACE (coalesce({given}, md5({values}::VARCHAR)) AS {given}) FROM reasoned)"
    before = f"row_number() OVER (PARTITION BY file_id, _reason IS NULL, {names} ORDER BY line_number)"
    return _more("judged", "reasoned", [(f"md5({values} || {before})", source.event_id)])


# Reasons.


def _first_reason(source: Source, fields: Fields) -> str:
    """The reason of the first condition that holds; no reason quotes a value."""
    broken = [
        *fields.broken_lines(),
        *((condition, literal(reason)) for column in source.read_columns for condition, reason in _broken_values(source, fields, column)),
        *((condition, literal(reason)) for condition, reason in _broken_columns(source)),
        *((condition, literal(reason)) for condition, reason in _broken_events(source)),
    ]
    return f"CASE {' '.join(f'WHEN {condition} THEN {reason}' for condition, reason in broken)} END"


def _broken_values(source: Source, fields: Fields, column: Column) -> Iterator[tuple[str, str]]:
    """A value that is missing though it must be there, or of another type than the contract's."""
    value, text, field = identifier(column.name), identifier(_text(column)), fields.field(column)
    is_text = fields.is_text(column)
    is_there = f"{text} IS NOT NULL" if is_text else f"{field} IS NOT NULL"
    if source.must_hold(column):
        yield f"NOT ({is_there})", f"`{column.name}` is missing"
    if column.type == "string":
        yield _has_nul(column), f"`{column.name}` holds a NUL character"
    if column.type != "json" or is_text:
        yield f"{is_there} AND {value} IS NULL", f"`{column.name}` is not {_EXPECTED.get(column.written) or _EXPECTED[column.type]}"


def _has_nul(column: Column) -> str:
    return f"contains({identifier(column.name)}, chr(0))"


def _broken_columns(source: Source) -> Iterator[tuple[str, str]]:
    for column in source.computed_columns:
        if not column.nullable:
            yield f"{identifier(column.name)} IS NULL", f"`{column.name}` cannot be computed"
    for column in source.columns:
        if column.accepted:
            yield f"{identifier(column.name)}::VARCHAR NOT IN ({literals(column.accepted)})", f"`{column.name}` is none of the accepted values"


def _broken_events(source: Source) -> Iterator[tuple[str, str]]:
    event_id, time = identifier(source.event_id), source.timestamp
    if not source.id_from or source.id_may_be_given:
        yield _is_empty(event_id), f"`{source.event_id}` is empty"
    yield f"event_date < DATE '{source.first_date}'", f"`{time}` is before {source.first_date}, the first date this source may have"
    yield (
        f"event_date > landing_date + {source.days_early_allowed}",
        f"`{time}` is more than {source.days_early_allowed} day(s) after the landing date",
    )
    for name in source.kind:
        yield (
            f"{identifier(name)} IS NULL OR {_is_empty(f'{identifier(name)}::VARCHAR')}",
            f"`{name}`, part of the kind of event, is missing or empty",
        )
    yield f"length(domain_event_type) > {MAX_KIND_CHARACTERS}", f"the kind of event is longer than {MAX_KIND_CHARACTERS} characters"
    too_long = f"strlen(domain_event_type) > {MAX_KIND_BYTES // 3} AND strlen(url_encode(domain_event_type)) > {MAX_KIND_BYTES}"
    yield too_long, f"the kind of event makes a folder name of more than {MAX_KIND_BYTES} bytes"
    yield from ((rule.is_broken, rule.reason) for rule in source.rules)


def _is_empty(text: str) -> str:
    """Whether a text is empty or white space; trimming is dear, so only what begins with white space is trimmed."""
    return f"({text} = '' OR ({text} < '!' AND trim({text}, ' \t\n\v\f\r') = ''))"


_EXPECTED = {
    "string": "a string",
    "long": "a whole number of 64 bits",
    "double": "a number",
    "boolean": "true or false",
    "json": "JSON",
    "date": "an ISO 8601 date",
    "timestamp": "an ISO 8601 time",
    "epoch_seconds": "a whole number of seconds since 1970",
    "epoch_milliseconds": "a whole number of milliseconds since 1970",
}
