"""The cluster of Kafka that events go through, and how the stream counts them on the way."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from event_platform.environment.kinds import ADDRESS, COUNT, SECONDS, SWITCH
from event_platform.environment.setting import Kind, setting, values
from event_platform.errors import ConfigurationError


def _brokers(name: str, text: str) -> str:
    """What is at fault is not repeated in the error, for somebody may have written a password into it."""
    servers = re.sub(r"\s", "", text)
    if servers and not re.fullmatch(r"([\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}(,([\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5})*", servers):
        raise ConfigurationError(f"{name} lists no brokers; write host:port, or several with commas between them.")
    return servers


OPTIONS: Kind[Mapping[str, str]] = Kind("text", lambda _, given: {name.lower().replace("_", "."): value for name, value in given.items()})
"""Options as libraries of Kafka spell them: `…_SET_SASL_PASSWORD` is `sasl.password`."""


@dataclass(frozen=True)
class Kafka:
    """A cluster, and the registry with the Avro schemas of its messages; the options of either may hold secrets."""

    bootstrap_servers: str = setting("EVENT_PLATFORM_KAFKA", Kind("`host:port,host:port`", _brokers), "brokers of Kafka")
    registry: str | None = setting(
        "EVENT_PLATFORM_SCHEMA_REGISTRY",
        ADDRESS,
        "address of the schema registry; user and password may stand in it",
        default=None,
        secret=True,
    )
    options: Mapping[str, str] = setting(
        "EVENT_PLATFORM_KAFKA_SET_<OPTION>",
        OPTIONS,
        "an option of librdkafka: `…_SET_SECURITY_PROTOCOL` is `security.protocol`",
        default={},
        unset="none",
        secret=True,
    )
    registry_options: Mapping[str, str] = setting(
        "EVENT_PLATFORM_SCHEMA_REGISTRY_SET_<OPTION>",
        OPTIONS,
        "an option of Confluent's registry client: `…_SET_SSL_CA_LOCATION` is `ssl.ca.location`",
        default={},
        unset="none",
        secret=True,
    )


def read_kafka() -> Kafka | None:
    """The cluster that the environment names."""
    given = values(Kafka)
    return Kafka(**given) if given["bootstrap_servers"] else None


@dataclass(frozen=True)
class Stream:
    """How windows are counted while events pass, and whether Dagster's sensor starts a stream again that died."""

    delay: timedelta = setting(
        "EVENT_PLATFORM_STREAM_DELAY_SECONDS",
        SECONDS,
        "how much later than the latest event one may come and be counted by the stream, and how far ahead of its arrival its time may be",
        default=timedelta(seconds=10),
    )
    every: timedelta = setting("EVENT_PLATFORM_STREAM_EVERY_SECONDS", SECONDS, "how often the stream begins a batch", default=timedelta(seconds=1))
    most_messages: int = setting("EVENT_PLATFORM_STREAM_MOST_MESSAGES", COUNT, "how many messages a batch reads at most", default=1_000_000)
    restarts: bool = setting("EVENT_PLATFORM_STREAM_RESTARTS", SWITCH, "1: Dagster's sensor starts a stream again that has died", default=False)
