"""What goes wrong with a query, in the platform's words. Spark quotes values in some of its sentences, so of most only the condition is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from event_platform.errors import ConfigurationError, PermanentError, PlatformError, TransientError
from event_platform.realtime.kafka import schemas
from event_platform.realtime.windows.messages import UNKNOWN_SCHEMA
from event_platform.sources.clickstream import SOURCE

if TYPE_CHECKING:
    from event_platform.realtime.windows.query import Windows

_GONE = ("Partition offset", "KAFKA_DATA_LOSS", "OffsetOutOfRange", "data may have been lost", "data loss", "UnknownTopicOrPartition")
_AWAY = ("TimeoutException", "DisconnectException", "Failed to construct kafka", "Py4JNetworkError", "ConnectException", "TimeoutError")
_REFUSED = ("SaslAuthenticationException", "SslAuthenticationException", "AuthorizationException")


class UnknownSchemaError(Exception):
    """A message has a schema that the query was not given, and must be given now; `number` is the registry's. Nobody else is told."""

    def __init__(self, number: int) -> None:
        """Take the number."""
        super().__init__(number)
        self.number = number


@contextmanager
def explained(windows: Windows) -> Iterator[None]:
    """Raise what ends a query in words: the platform's own errors as they are, UnknownSchemaError, or what Spark's sentence means."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        if unknown := re.search(rf"{re.escape(UNKNOWN_SCHEMA)}(\d+)", str(error)):
            raise UnknownSchemaError(int(unknown[1])) from error
        if isinstance(windows.failure, PlatformError):
            raise windows.failure from error
        raise _in_words(str(error)) from error


def _in_words(said: str) -> PlatformError:
    if any(word in said for word in _GONE):
        return PermanentError(
            "Messages that the stream has not read are gone from the topic, or the topic was made again. What it has counted stays. "
            "`event-platform stream clickstream --anew` counts what the topic holds now."
        )
    if any(word in said for word in _REFUSED):
        return ConfigurationError("Kafka refuses the stream. See EVENT_PLATFORM_KAFKA_SET_….")
    if any(word in said for word in _AWAY):
        return TransientError("Kafka does not answer the stream. Nothing is lost; it goes on where it stopped.")
    conditions = re.findall(r"\[([A-Z_.]+)\]", said)
    return PermanentError(f"The stream's query failed ({', '.join(dict.fromkeys(conditions)) or 'Java has ended'}); --debug shows where.")


def is_readable(schema: dict[str, object]) -> bool:
    """Whether who knows the contract's schema can read what was written with this one."""
    return not schemas.unreadable(schema, schemas.schema_of(SOURCE))
