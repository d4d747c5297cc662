"""The collector's sink that sends events to Kafka: one message each, acknowledged when all replicas in step have it.

What requests bring while a round is under way makes up the next round, which is sent together and waited for together. A message that is not
acknowledged in time may be there or not: its request is answered as failed, the client sends it again, and the event's id makes it one.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_platform.errors import PermanentError, PlatformError, TransientError
from event_platform.realtime import metrics
from event_platform.realtime.kafka import client, schemas
from event_platform.realtime.kafka.registry import Registry
from event_platform.realtime.kafka.wire import Encoder
from event_platform.realtime.together import Together

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from confluent_kafka import KafkaError, Message, Producer

    from event_platform.environment import Environment
    from event_platform.sources.contract import Source

ROUND_SECONDS = client.DELIVERY_SECONDS + 5
"""Longer than a message may take, so that the fate of each is told."""
LOOK_EVERY_SECONDS = 1.0
"""How often the cluster is looked for while it is away: nobody posts meanwhile."""
PROBE_SECONDS = 2.0

_log = logging.getLogger(__name__)


def prepare(environment: Environment, sources: Iterable[Source]) -> None:
    """See that events of the sources can be sent: topics are made, schemas must be registered.

    Raises ConfigurationError when they are not, TransientError when Kafka or the registry is away.
    """
    chosen = list(sources)
    client.ensure_topics(environment, chosen)
    registry = Registry(environment)
    for source in chosen:
        registry.number_for_writing(source)


@dataclass
class _Request:
    """Lines of one source, and what became of the messages made of them."""

    source: Source
    lines: bytes
    sent: int = 0
    acknowledged: int = 0
    error: PlatformError | None = None

    def told(self, error: KafkaError | None, _: Message) -> None:
        """A message's fate, as the client tells it."""
        if error is None:
            self.acknowledged += 1
        else:
            self.error = client.in_words("Kafka", error)

    def failure(self) -> PlatformError | None:
        if self.error is None and self.acknowledged < self.sent:
            return TransientError("Kafka has not told what became of events. Send them again.")
        return self.error


class KafkaSink:
    """Topics of several sources; `most_bytes` bounds what waits to be acknowledged."""

    def __init__(self, environment: Environment, sources: Iterable[Source], most_bytes: int) -> None:
        """Speak to nobody yet."""
        self._environment, self._sources, self._most_bytes, self._waiting_bytes = environment, list(sources), most_bytes, 0
        self._producer: Producer | None = None
        self._encoders: dict[str, Encoder] = {}
        self._largest_bytes = 0
        self._trouble: str | None = None
        self._looking: asyncio.Task[None] | None = None
        self._rounds: Together[_Request, PlatformError | None] = Together(self._send)

    async def append(self, source: Source, lines: bytes) -> None:
        """See `Sink`. Raises PermanentError for an event that is larger than the topic takes."""
        if self._waiting_bytes + len(lines) > self._most_bytes:
            raise TransientError("More waits for Kafka than may; send it again a little later.")
        if self._trouble:
            self._see_that_somebody_looks()
            raise TransientError(self._trouble)
        self._waiting_bytes += len(lines)
        try:
            failure = await self._rounds.ask(_Request(source, lines))
        finally:
            self._waiting_bytes -= len(lines)
        if self.trouble():
            self._see_that_somebody_looks()
        if failure:
            raise failure if isinstance(failure, PermanentError) else TransientError(str(failure))

    def _see_that_somebody_looks(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_until_well())

    def trouble(self) -> str | None:
        """See `Sink`."""
        return self._trouble

    async def close(self) -> None:
        """See `Sink`."""
        if self._looking:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        await self._rounds.close()

    # What follows happens in the one thread of `_rounds`.

    def _send(self, requests: Sequence[_Request]) -> Sequence[PlatformError | None]:
        """Send a round and wait for it; for each request why it failed, if it did."""
        if self._trouble:  # they came before the round that met it was over
            return [TransientError(self._trouble)] * len(requests)
        try:
            producer = self._open()
            for request in requests:
                self._produce(producer, request)
            left = producer.flush(ROUND_SECONDS)
        except PlatformError as error:
            self._note(error)
            return [error] * len(requests)
        failures = [request.failure() for request in requests]
        for failure in failures:
            if failure and not isinstance(failure, PermanentError):
                self._note(failure)
        if left or self._trouble:
            self._give_up(producer)
        return failures

    def _produce(self, producer: Producer, request: _Request) -> None:
        """Hand the request's events to the client; what is no message goes to the dead letters, with the reason."""
        from confluent_kafka import KafkaException

        topic, encoder = schemas.topic_of(request.source), self._encoders[request.source.name]
        try:
            for line in request.lines.rstrip(b"\n").split(b"\n"):
                try:
                    key, value = encoder.encode(line)
                except PermanentError as error:
                    headers: list[tuple[str, str | bytes | None]] = [("reason", str(error)), ("content-type", "application/json")]
                    producer.produce(schemas.dead_letters_of(topic), line, headers=headers, on_delivery=request.told)
                    metrics.EVENTS.labels(topic, "dead_letter").inc()
                else:
                    producer.produce(topic, value, key, on_delivery=request.told)
                request.sent += 1
        except BufferError:
            request.error = TransientError("More waits for Kafka than may; send it again a little later.")
        except KafkaException as error:
            request.error = client.in_words("Kafka", error.args[0])

    def _open(self) -> Producer:
        """The producer, and what each source's events are encoded with, once both can be had."""
        if not self._encoders:
            registry = Registry(self._environment)
            topics = [schemas.topic_of(source) for source in self._sources]
            self._largest_bytes = client.largest_message_bytes(self._environment, [*topics, *map(schemas.dead_letters_of, topics)])
            self._encoders = {source.name: Encoder(source, registry.number_for_writing(source)) for source in self._sources}
        if self._producer is None:
            self._producer = client.producer(self._environment, message_max_bytes=self._largest_bytes)
        return self._producer

    def _note(self, failure: PlatformError) -> None:
        if self._trouble is None:
            _log.error("%s", failure)
        self._trouble = str(failure)

    def _give_up(self, producer: Producer) -> None:
        """Begin anew with another producer: what this one still holds was told to have failed, and some errors are its last."""
        producer.purge()
        producer.flush(0)
        self._producer = None

    def _look(self) -> None:
        try:
            with client.explained("Kafka"):
                self._open().list_topics(timeout=PROBE_SECONDS)
        except PlatformError as error:
            self._trouble = str(error)
        else:
            self._trouble = None

    async def _look_until_well(self) -> None:
        while self._trouble:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            await self._rounds.between_rounds(self._look)
        _log.info("Kafka takes events again")
