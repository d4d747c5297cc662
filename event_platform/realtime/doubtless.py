"""Seeing in a moment that events are sound: what is sound beyond doubt by the contract is taken as such, all else is for the lake's own judgement.

The decoder is made from the contract once a day (the latest time an event may have is part of it). It is stricter than the contract wherever
being exact would be dear: a doubt costs time, a wrong yes would send an acknowledged event to quarantine.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from event_platform.errors import UsageError
from event_platform.stage.judge import MAX_KIND_BYTES, MAX_KIND_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from event_platform.sources.contract import Column, Source

_YEAR_DAY = r"[12][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
_TIME = rf"^{_YEAR_DAY}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,6}})?Z?\Z"
_NOT_EMPTY = r"^[^\x00-\x20]"
_DOUBTFUL_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""NUL, and halves of characters."""
_MOST_BRACKETS = 900
"""Fewer than the levels that stage allows."""


class Doubtless:
    """The sound events of a source, seen by its contract on one day (UTC). Raises UsageError for a contract of which nothing can be said so."""

    def __init__(self, source: Source, today: date) -> None:
        """Make the decoders."""
        if not _can_be_seen(source):
            raise UsageError(f"Events of {source.name} are judged by SQL alone.")
        self._names = {column.path[0] for column in source.read_columns}
        columns = list(source.read_columns)
        fields = [(f"_{number}", *_type_and_default(source, column, today)) for number, column in enumerate(columns)]
        renamed = {f"_{number}": column.path[0] for number, column in enumerate(columns)}
        strict, loose = (
            msgspec.defstruct("Event", cast("Any", fields), rename=renamed, kw_only=True, gc=False, forbid_unknown_fields=forbids)
            for forbids in (True, False)
        )
        self._all, self._one = msgspec.json.Decoder(list[strict]), msgspec.json.Decoder(loose)  # type: ignore[valid-type]
        optional = [number for number, column in enumerate(columns) if not source.must_hold(column) or column.type == "json"]
        self._optional = [(f"_{number}", columns[number].type == "json") for number in optional]
        certain = [column for number, column in enumerate(columns) if number not in optional]
        self._quotes = sum(4 if _is_text(column) else 2 for column in certain)
        self._time = next((f"_{number}" for number, column in enumerate(columns) if column.name == source.timestamp and _is_text(column)), None)
        self._days = source.first_date.isoformat(), _last_day(source, today).isoformat()

    def are_all(self, array: bytes) -> bool:
        """Whether a JSON array holds sound events alone, each with the contract's fields and no others."""
        if b"\\" in array:
            return False
        try:
            if not array.isascii():
                array.decode()  # the decoder looks at the texts it gives, not at those it leaves raw
            events = self._all.decode(array)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        quotes = self._quotes * len(events) + sum(map(self._optional_quotes, events)) if self._optional else self._quotes * len(events)
        return array.count(b'"') == quotes and (self._time is None or all(map(self._is_in_time, events)))

    def is_one(self, line: bytes) -> bool:
        """Whether a JSON text is a sound event, which may have other fields too."""
        if line.count(b"[") + line.count(b"{") > _MOST_BRACKETS or _DOUBTFUL_ESCAPE.search(line):
            return False
        try:
            event = self._one.decode(line)
            keys: list[str] = json.loads(line.decode(), object_pairs_hook=_keys, parse_int=str, parse_float=_plain_number)
        except (ValueError, RecursionError):
            return False
        known = [key for key in keys if key in self._names]
        return len(known) == len(set(known)) and (self._time is None or self._is_in_time(event))

    def _optional_quotes(self, event: Any) -> int:  # noqa: ANN401 - a struct made at run time
        """Quotes that the optional fields of a decoded event take; a field given twice takes more."""
        quotes = 0
        for name, is_raw in self._optional:
            value = getattr(event, name)
            if value is not UNSET:
                quotes += 2 + (bytes(value).count(b'"') if is_raw else 2 * isinstance(value, str))
        return quotes

    def _is_in_time(self, event: Any) -> bool:  # noqa: ANN401
        value = getattr(event, self._time or "")
        return isinstance(value, str) and self._days[0] <= value[:10] <= self._days[1]


def _can_be_seen(source: Source) -> bool:
    """Whether the contract says nothing that only SQL can judge, or that is too seldom said to be seen to here."""
    kinds, columns = [source.column(name) for name in source.kind], source.read_columns
    return (
        not source.rules
        and not source.computed_columns
        and all(len(column.path) == 1 and column.written != "text" for column in columns)
        and all(column.type == "string" or not column.accepted for column in columns)
        and all(column.type == "string" and source.must_hold(column) for column in kinds)
        and all(word and word.isascii() and len(word) <= _kind_letters(source) for column in kinds for word in column.accepted)
        and not any(column.type == "json" and source.must_hold(column) for column in columns)
    )


def _kind_letters(source: Source) -> int:
    """How long each column of the kind may be in ASCII, so that all together are not too long."""
    return min(MAX_KIND_CHARACTERS, MAX_KIND_BYTES // 3) // len(source.kind) - 1


def _keys(pairs: Sequence[tuple[str, object]]) -> list[str]:
    return [key for key, _ in pairs]


def _plain_number(text: str) -> str:
    """Numbers with an exponent may be out of range, so they are in doubt."""
    if "e" in text or "E" in text:
        raise ValueError
    return text


def _is_text(column: Column) -> bool:
    return column.type == "string" or (column.type in ("date", "timestamp") and column.written == "typed")


def _last_day(source: Source, today: date) -> date:
    return today + timedelta(days=source.days_early_allowed)


def _type_and_default(source: Source, column: Column, today: date) -> tuple[object, ...]:
    kind = _type(source, column, today)
    if source.must_hold(column):
        return (kind,)
    return (kind | UnsetType if kind is Raw else kind | None | UnsetType, UNSET)  # type: ignore[operator]


def _type(source: Source, column: Column, today: date) -> object:
    if column.type == "string":
        return _string(source, column)
    if column.type == "timestamp" and column.written != "typed":
        first, last = _epochs(source, column, today)
        return Annotated[int, Meta(ge=first, le=last)]
    return {
        "long": Annotated[int, Meta(ge=-(10**15), le=10**15)],
        "double": Annotated[float, Meta(ge=-1e300, le=1e300)],
        "boolean": bool,
        "date": Annotated[str, Meta(pattern=rf"^{_YEAR_DAY}\Z")],
        "timestamp": Annotated[str, Meta(pattern=_TIME)],
        "json": Raw,
    }[column.type]


def _string(source: Source, column: Column) -> object:
    if column.accepted:
        return Literal[column.accepted]
    if column.name in source.kind:
        more = _kind_letters(source) - 1
        return Annotated[str, Meta(pattern=rf"^(?:[!-~][ -~]{{0,{more}}}|[^\x00-\x20][^\x00]{{0,{more // 4 - 1}}})\Z")]
    return Annotated[str, Meta(pattern=_NOT_EMPTY)] if column.name == source.event_id else str


def _epochs(source: Source, column: Column, today: date) -> tuple[int, int]:
    """The least and greatest number that a time may be written as."""
    unit = 1 if column.written == "epoch_seconds" else 1_000
    if column.name != source.timestamp:
        return 0, 10**10 * unit
    first, after = (int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) for day in (source.first_date, _last_day(source, today)))
    return first * unit, (after + 86_400) * unit - 1
