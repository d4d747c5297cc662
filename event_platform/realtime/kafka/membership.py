"""One membership in the group of consumers of a source: partitions come and go, their messages land, then their offsets are committed.

Where a partition begins is told by what has landed of it, never by the group, so whatever happens between landing and committing repeats nothing,
and a group that is reset changes nothing. What two members land of the same offsets, while they do not know of each other, the ledger sorts out.
An error ends the membership; what it has read and not landed, the next one reads again.
"""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING

from event_platform import tables
from event_platform.errors import PlatformError, TransientError
from event_platform.landing.landed_offsets import next_offsets
from event_platform.landing.segments import is_queue_empty
from event_platform.realtime.kafka import client
from event_platform.realtime.kafka.batch import Batch
from event_platform.realtime.kafka.topics import Topics, begin, made_anew
from event_platform.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from threading import Event
    from types import TracebackType

    from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

    from event_platform.lake.catalog import Lake
    from event_platform.realtime.kafka.decoding import Decoder
    from event_platform.sources.contract import Source

FILE_BYTES = 32 << 20
"""Of all partitions together; then they land."""
SHORTEST_SECONDS = 0.5
"""Until messages land while nothing waits in pending/: somebody works it off."""
LONGEST_SECONDS = 10.0
"""Until messages land at the latest, so that few files gather while nobody does."""
STORE_SECONDS = 2.0
"""The same where the lake is in a store of objects, which is not asked what waits there."""
SESSION_SECONDS = 10
"""After a member was killed, until others, and its own successor, are given its partitions."""
MESSAGES_AT_ONCE = 10_000
WAIT_SECONDS = 0.1
TELL_EVERY_SECONDS = 10.0


class Membership:
    """Reads the topic of a source and its dead letters; to be used as a context, in one thread."""

    def __init__(self, lake: Lake, source: Source, decoder: Decoder, tell: Callable[[str], None], landed: int = 0) -> None:
        """Join nothing yet; the members before this one have `landed` so many. Raises ConfigurationError for options that do not fit."""
        self._lake, self._source, self._decoder, self._tell = lake, source, decoder, tell
        self._topics = Topics(lake.environment, source)
        self._consumer = _consumer(lake, source, self._on_error)
        self._next: dict[tuple[str, int], int] = {}
        self._ended: set[tuple[str, int]] = set()
        self._assigned = self._moved = False
        self._batch = Batch()
        self._failure: PlatformError | None = None
        self._trouble: str | None = None
        self._told_at, self._untold = time.monotonic(), 0
        self.landed = landed

    def __enter__(self) -> Membership:
        """Join."""
        self._consumer.subscribe(self._topics.names, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Leave; what is not landed is left to whoever reads it next."""
        self._batch = Batch()
        self._consumer.close()

    def read(self, stop: Event, until_caught_up: bool) -> None:
        """Land messages until told to stop, or all that were there have landed. Raises PlatformError; nothing is lost then."""
        while not stop.is_set():
            self._take(self._consume())
            if self._is_due():
                self._land()
            if time.monotonic() - self._told_at >= TELL_EVERY_SECONDS:
                self._tell_progress()
            if until_caught_up and self._trouble:
                raise TransientError(self._trouble)
            if until_caught_up and self._has_caught_up():
                break
        self._land(waiting_for_commit=True)
        self._tell_landed(self.landed, " in all")

    # Messages.

    def _consume(self) -> Sequence[Message]:
        self._moved = False
        with client.explained("Kafka"):
            messages = self._consumer.consume(MESSAGES_AT_ONCE, WAIT_SECONDS)
        if self._failure:
            raise self._failure
        if self._moved and messages:  # which of them came before partitions were taken away and given cannot be known
            self._assign()
            return []
        return messages

    def _take(self, messages: Iterable[Message]) -> None:
        for place, run in groupby(messages, _place):
            if place not in self._next:
                continue  # no longer ours
            for message in run:
                offset = message.offset() or 0
                if error := message.error():
                    self._heed(error, place, offset)
                    continue
                if offset < self._next[place]:
                    raise made_anew(place[0])
                self._batch.add(place, self._topics.ids[place[0]], offset, self._decoder.line(message))
                self._next[place] = offset + 1
                self._ended.discard(place)
            self._trouble = None

    def _heed(self, error: KafkaError, place: tuple[str, int], offset: int) -> None:
        if error.name() == "_PARTITION_EOF":
            self._ended.add(place)
            self._next[place] = offset
        elif error.name() == "_AUTO_OFFSET_RESET":
            raise TransientError(f"Kafka has no longer what was to be read next of {place[0]}, partition {place[1]}.")
        elif error.name() in client.UNKNOWN_TOPIC:
            raise TransientError(f"The topic {place[0]} is not there.")
        else:
            raise client.in_words("Kafka", error)

    def _on_error(self, error: KafkaError) -> None:
        """What the client tells of connections and the like; it goes on trying by itself, unless the error is fatal or of settings."""
        said = client.in_words("Kafka", error)
        if error.fatal() or not isinstance(said, TransientError):
            self._failure = said
        elif error.name() == "_ALL_BROKERS_DOWN":
            if self._trouble is None:
                self._say(f"{said} Waiting for it.")
            self._trouble = str(said)

    # Landing.

    def _is_due(self) -> bool:
        if not self._batch.messages:
            return False
        age = time.monotonic() - self._batch.begun
        if self._batch.size >= FILE_BYTES or age >= (STORE_SECONDS if self._lake.environment.lake_url else LONGEST_SECONDS):
            return True
        return age >= SHORTEST_SECONDS and is_queue_empty(self._lake.environment, self._source)

    def _land(self, waiting_for_commit: bool = False) -> None:
        """Land what was read, then commit its offsets; that the commit fails costs nothing."""
        if not self._batch.messages:
            return
        self._topics.require_same()  # after reading and before landing
        batch, self._batch = self._batch, Batch()
        files = batch.land(self._lake.environment, self._source)
        self.landed += batch.messages
        self._untold += batch.messages
        self._commit({(each.topic, each.partition): each.last + 1 for each in files}, waiting_for_commit)

    def _commit(self, offsets: dict[tuple[str, int], int], waiting: bool) -> None:
        from confluent_kafka import KafkaException, TopicPartition

        with suppress(KafkaException):
            committed = [TopicPartition(*place, offset) for place, offset in offsets.items()]
            if waiting:
                self._consumer.commit(offsets=committed, asynchronous=False)
            else:
                self._consumer.commit(offsets=committed)

    # Partitions.

    def _assign(self) -> None:
        """Begin to read each partition at what is next of it."""
        from confluent_kafka import TopicPartition

        with client.explained("Kafka"):
            self._consumer.assign([TopicPartition(*place, offset) for place, offset in self._next.items()])

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Begin each partition where the landing ends. The client calls this while messages are asked for."""
        try:
            self._topics.look()
            landed = next_offsets(self._lake, self._source)
            for each in partitions:
                last = landed.get((self._topics.ids[each.topic], each.partition))
                self._next[each.topic, each.partition] = begin(consumer, each, last, self._say)
            self._assign()
        except PlatformError as error:
            self._failure = error
        self._assigned = self._moved = True

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """Land what was read while it is ours; whoever has the partitions next begins after it."""
        try:
            self._land(waiting_for_commit=True)
        except PlatformError as error:
            self._failure = error
        self._forget(partitions)

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        if self._trouble is None:  # else nobody knows what the group does
            self._say("the group went on without this consumer; it begins anew")
        self._forget(partitions)

    def _forget(self, partitions: Iterable[TopicPartition]) -> None:
        self._batch, self._assigned, self._moved = Batch(), False, True
        for each in partitions:
            self._next.pop((each.topic, each.partition), None)
            self._ended.discard((each.topic, each.partition))

    # Progress.

    def _say(self, what: str) -> None:
        self._tell(f"{self._source.name}: {what}")

    def _has_caught_up(self) -> bool:
        return self._assigned and self._ended >= self._next.keys()

    def _tell_progress(self) -> None:
        self._tell_landed(self._untold)
        self._told_at, self._untold = time.monotonic(), 0

    def _tell_landed(self, messages: int, which: str = "") -> None:
        behind = self._behind()
        if messages or behind:
            self._say(f"{counted(messages, 'message')} landed{which}, {behind:,} behind")

    def _behind(self) -> int:
        """How many offsets of its partitions are still to be read, as far as the client knows."""
        from confluent_kafka import KafkaException, TopicPartition

        ends = {}
        for place in self._next.keys() - self._ended:
            with suppress(KafkaException):
                ends[place] = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)[1]
        return sum(max(0, end - self._next[place]) for place, end in ends.items())


def _place(message: Message) -> tuple[str, int]:
    return message.topic() or "", message.partition() or 0


def _consumer(lake: Lake, source: Source, on_error: Callable[[KafkaError], None]) -> Consumer:
    """A member of the group that is the source's and the lake's: another lake reads the topic for itself."""
    ledger = lake.open(tables.ledger(source)).identity
    options = {
        "auto_offset_reset": "error",
        "enable_partition_eof": True,
        "queued_max_messages_kbytes": 32 << 10,
        "session_timeout_ms": SESSION_SECONDS * 1000,
    }
    return client.consumer(lake.environment, group_of(source, ledger), on_error, **options)


def group_of(source: Source, ledger_identity: str) -> str:
    """The group that lands the source's topic in the lake of that ledger."""
    return f"event-platform.{source.name}.{ledger_identity.partition('-')[0]}"
