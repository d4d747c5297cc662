"""Clicks put into the real topic, as the collector does it, and read out of the lake."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from event_platform import sources
from event_platform.realtime.kafka import client, registry, schemas
from event_platform.realtime.kafka.wire import Encoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from event_platform.environment import Environment

CLICKSTREAM = sources.get("clickstream")
TOPIC = schemas.topic_of(CLICKSTREAM)
START = 1_767_225_600
"""2026-01-01 00:00 UTC."""


def click(second: float, event_id: str | None = None, **fields: object) -> dict[str, Any]:
    """A click so many seconds after START."""
    event = {"username": "ada", "page": "/", "event_name": "click", "event_time": START + int(second)}
    return event | ({"event_id": event_id} if event_id else {}) | fields


def clicks(number: int, seconds: int, seed: int = 0, begin: int = 0) -> list[dict[str, Any]]:
    """So many clicks of few users in so many seconds, nearly in order, each twentieth sent twice."""
    drawn = random.Random(seed)
    made = []
    for n in range(number):
        second = max(begin, begin + n * seconds // number - drawn.randrange(4))
        event = click(second, f"{seed}-{n}" if n % 2 else None, username=f"user-{drawn.randrange(20)}", page=drawn.choice(["/", "/docs", "/cart"]))
        made += [event] * (2 if n % 20 == 0 else 1)
    return made


def prepare(environment: Environment) -> None:
    """The topic and the schema."""
    client.ensure_topics(environment, [CLICKSTREAM])
    registry.Registry(environment).register(CLICKSTREAM)


def send(environment: Environment, events: Iterable[Mapping[str, Any]], partition: int | None = None, stamp: int | None = None) -> None:
    """Put events into the topic; they are there when this returns. `stamp` is Kafka's time of them in milliseconds."""
    encoder = Encoder(CLICKSTREAM, registry.Registry(environment).number_for_writing(CLICKSTREAM))
    raw(environment, (encoder.encode(json.dumps(event).encode()) for event in events), partition, stamp)


def raw(environment: Environment, messages: Iterable[tuple[bytes, bytes]], partition: int | None = None, stamp: int | None = None) -> None:
    """Put keys and values into the topic."""
    refused: list[object] = []
    producer = client.producer(environment, delivery_timeout_ms=60_000)
    told = {"on_delivery": lambda error, _: refused.append(error) if error else None}
    where = {} if partition is None else {"partition": partition}
    for key, value in messages:
        producer.produce(TOPIC, value, key, **where, **told, **({} if stamp is None else {"timestamp": stamp}))
        producer.poll(0)
    assert (producer.flush(90), refused) == (0, [])
