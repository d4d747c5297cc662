"""Events in the envelopes of others, made into records of a contract: Segment's messages, CloudEvents, and the query of an image's address."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from event_platform.errors import PermanentError
from event_platform.realtime.judging import Rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from event_platform.sources.contract import Source

NO_CLOUD_EVENT = "not a CloudEvent whose data is an object"
NO_MESSAGE = "not a message: an object with a `type`"


@dataclass
class Opened:
    """Records, with their places in the request, and what was no envelope."""

    records: list[dict[str, Any]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        """The records as a JSON array."""
        return msgspec.json.encode(self.records)

    def told(self, rejected: Iterable[Rejected]) -> list[Rejected]:
        """All that is rejected, by its place in the request."""
        return sorted([*self.rejected, *(Rejected(self.places[each.index], each.reason) for each in rejected)], key=lambda each: each.index)


def decoded(body: bytes) -> Any:  # noqa: ANN401 - whatever the client sent
    """The body's JSON. Raises PermanentError when it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PermanentError("The body is not JSON.") from error


def _opened(records: Iterable[dict[str, Any] | None], why_not: str) -> Opened:
    opened = Opened()
    for place, record in enumerate(records):
        if record is None:
            opened.rejected.append(Rejected(place, why_not))
        else:
            opened.records.append(record)
            opened.places.append(place)
    return opened


# Segment.


def segment(messages: Iterable[Any]) -> Opened:
    """Messages of Segment's HTTP API as clicks: `messageId` identifies them, the rest of a message is kept beside the contract's columns."""
    return _opened(map(_click, messages), NO_MESSAGE)


def _click(message: Any) -> dict[str, Any] | None:  # noqa: ANN401
    if not isinstance(message, dict) or not isinstance(kind := message.get("type"), str):
        return None
    rest = {name: message[name] for name in ("type", "properties", "traits", "context", "anonymousId", "groupId") if message.get(name) is not None}
    return {
        "event_id": message.get("messageId"),
        "username": message.get("userId") or message.get("anonymousId"),
        "page": _page(message),
        "event_name": message.get("event") if kind == "track" else kind,
        "event_time": _epoch(message.get("timestamp") or message.get("sentAt")),
        **rest,
    }


def _page(message: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Where it was done: the properties' path or address, the context's, the page's own name; empty when it was on none."""
    properties, context = (found if isinstance(found := message.get(name), dict) else {} for name in ("properties", "context"))
    page = context.get("page")
    page = page if isinstance(page, dict) else {}
    return properties.get("path") or page.get("path") or properties.get("url") or page.get("url") or message.get("name") or ""


def _epoch(when: Any) -> Any:  # noqa: ANN401
    """ISO 8601 as seconds since 1970, now for nothing; anything else as it is, for the contract to refuse."""
    if when is None:
        return int(time.time())
    try:
        moment = datetime.fromisoformat(when)
    except (TypeError, ValueError):
        return when
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() // 1)


# CloudEvents.


def cloud_events(source: Source, body: bytes, is_batch: bool) -> Opened:
    """CloudEvents in JSON: their data is the record. What it lacks of the event's id and time comes from the envelope's."""
    if not is_batch:
        return _opened([_cloud_event(source, body)], NO_CLOUD_EVENT)
    found = decoded(body)
    if not isinstance(found, list):
        raise PermanentError("A batch of CloudEvents is a JSON array.")
    return _opened((_cloud_event(source, msgspec.json.encode(each)) for each in found), NO_CLOUD_EVENT)


def _cloud_event(source: Source, text: bytes) -> dict[str, Any] | None:
    from cloudevents.core.exceptions import BaseCloudEventException
    from cloudevents.core.formats.json import JSONFormat

    try:
        event = JSONFormat().read(None, text)
        data = event.get_data()
    except (BaseCloudEventException, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    own: dict[str, int | str] = {}
    if not source.id_from or source.id_may_be_given:
        own[".".join(source.column(source.event_id).path)] = f"{event.get_source()}#{event.get_id()}"
    column = source.column(source.timestamp)
    if column.sql is None and (moment := event.get_time()):
        own[".".join(column.path)] = _written(column.written, moment)
    return own | data


def _written(written: str, moment: datetime) -> int | str:
    if written == "epoch_seconds":
        return int(moment.timestamp() // 1)
    return int(moment.timestamp() * 1_000 // 1) if written == "epoch_milliseconds" else moment.isoformat()


# Images.


def query(source: Source, values: Mapping[str, str]) -> Opened:
    """The values of an address's query as one record: numbers where the contract has numbers; without a time, now."""
    record: dict[str, Any] = {name: value for name, value in values.items() if name != "key"}
    for column in source.read_columns:
        name = ".".join(column.path)
        if name in record and (column.type not in ("string", "date") and (column.type != "timestamp" or column.written != "typed")):
            record[name] = _number_or_text(record[name])
    time_column = source.column(source.timestamp)
    if time_column.sql is None:
        record.setdefault(".".join(time_column.path), _written(time_column.written, datetime.now(UTC)))
    return _opened([record], "")


def _number_or_text(text: str) -> Any:  # noqa: ANN401
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text
