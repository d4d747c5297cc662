"""What goes wrong with a query, in the platform's words. Spark quotes values in some of its sentences, so of most only the condition is told."""

from __future__ import annotations

import re

from event_platform.errors import ConfigurationError, PermanentError, TransientError
from event_platform.realtime.kafka import schemas
from event_platform.realtime.windows.messages import UNKNOWN_SCHEMA
from event_platform.sources.clickstream import SOURCE

_GONE = ("Partition offset", "KAFKA_DATA_LOSS", "OffsetOutOfRange", "data may have been lost", "data loss", "UnknownTopicOrPartition")
_AWAY = ("TimeoutException", "DisconnectException", "Failed to construct kafka", "Py4JNetworkError", "ConnectException", "TimeoutError")
_REFUSED = ("SaslAuthenticationException", "SslAuthenticationException", "AuthorizationException")


class UnknownSchemaError(Exception):
    """A message has a schema that the query was not given, and must be given now; `number` is the registry's. Nobody else is told."""

    def __init__(self, number: int) -> None:
        """Take the number."""
        super().__init__(number)
        self.number = number


def explained(failed: Exception, in_the_lake: Exception | None) -> Exception:
    """The error to raise for what ended a query; `in_the_lake` is what its commits failed with, if they did."""
    said = str(failed)
    if unknown := re.search(rf"{re.escape(UNKNOWN_SCHEMA)}(\d+)", said):
        return UnknownSchemaError(int(unknown[1]))
    if in_the_lake is not None:
        return in_the_lake
    if any(word in said for word in _GONE):
        return PermanentError(
            "Messages that the stream has not read are gone from the topic, or the topic was made again. What it has counted stays. "
            "`event-platform stream clickstream --anew` counts what the topic holds now."
        )
    if any(word in said for word in _REFUSED):
        return ConfigurationError("Kafka refuses the stream. See EVENT_PLATFORM_KAFKA_SET_….")
    if any(word in said for word in _AWAY):
        return TransientError("Kafka does not answer the stream. Nothing is lost; it goes on where it stopped.")
    condition = re.search(r"\[([A-Z_.]+)\]", said)
    return PermanentError(f"The stream's query failed ({condition[1] if condition else type(failed).__name__}); --debug shows where.")


def is_readable(schema: dict[str, object]) -> bool:
    """Whether who knows the contract's schema can read what was written with this one."""
    return not schemas.unreadable(schema, schemas.schema_of(SOURCE))
