"""Which topics a source is read from, and where in them reading begins.

A topic that is deleted and made anew counts its offsets from 0 again; Kafka gives it another id, and so what landed is known by that.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from event_platform.errors import PermanentError, TransientError
from event_platform.realtime.kafka import client, schemas
from event_platform.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confluent_kafka import Consumer, TopicPartition
    from confluent_kafka.admin import AdminClient

    from event_platform.environment import Environment
    from event_platform.sources.contract import Source


_AS_KAFKA_SPELLS = str.maketrans("+/", "-_")
"""Ids are base64 for addresses, which can stand in names of files; the client gives them in the other alphabet."""


class Topics:
    """The topic of a source and that of its dead letters; `ids` are theirs, by name, as they were looked up last."""

    def __init__(self, environment: Environment, source: Source) -> None:
        """Ask nothing yet. Raises ConfigurationError for options that do not fit."""
        topic = schemas.topic_of(source)
        self.names, self.ids = [topic, schemas.dead_letters_of(topic)], dict[str, str]()
        self._admin = client.admin(environment)

    def look(self) -> None:
        """Look the ids up. Raises PlatformError."""
        self.ids = self._ask()

    def require_same(self) -> None:
        """Raise TransientError when a topic is not the one any more that it was."""
        for topic, topic_id in self._ask().items():
            if topic_id != self.ids[topic]:
                raise made_anew(topic)

    def _ask(self) -> dict[str, str]:
        from confluent_kafka import TopicCollection

        with _explained():
            asked = self._admin.describe_topics(TopicCollection(self.names), request_timeout=client.ANSWER_SECONDS)
            found = {topic: told.result(2 * client.ANSWER_SECONDS) for topic, told in asked.items()}
        return {topic: str(each.topic_id).translate(_AS_KAFKA_SPELLS) for topic, each in found.items()}


def extents(asked: AdminClient, topic: str, seconds: float) -> dict[int, tuple[int, int]]:
    """Of each partition, the offset of its first message and the one after its last committed one; nothing for a topic that is not there.

    `seconds` is how long each answer may take. Raises KafkaException and TimeoutError.
    """
    from confluent_kafka import IsolationLevel, TopicPartition
    from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined] # its stubs lag behind

    partitions = [TopicPartition(topic, number) for number in asked.list_topics(topic, timeout=seconds).topics[topic].partitions]
    if not partitions:
        return {}
    answers = [
        asked.list_offsets(dict.fromkeys(partitions, spec), isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=seconds)
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest())  # type: ignore[no-untyped-call]
    ]
    return {place.partition: (answers[0][place].result(2 * seconds).offset, answers[1][place].result(2 * seconds).offset) for place in partitions}


def begin(consumer: Consumer, place: TopicPartition, landed: int | None, tell: Callable[[str], None]) -> int:
    """The offset at which to begin a partition: after what has `landed`, or at its beginning; what Kafka has deleted unread is told.

    Raises PermanentError when the partition ends before what has landed, TransientError when Kafka does not answer.
    """
    with _explained():
        first, end = consumer.get_watermark_offsets(place, timeout=client.ANSWER_SECONDS)
    if landed is None:
        return int(first)
    where = f"{place.topic}, partition {place.partition}"
    if landed > end:
        raise PermanentError(
            f"{where} ends at offset {end:,} and had {landed:,} when it landed: the cluster has lost messages that are in the lake, and gives "
            "their offsets to new ones. Move what the topic holds to one that is made anew under the same name."
        )
    if landed < first:
        tell(f"{counted(first - landed, 'offset')} of {where} were deleted by Kafka before anybody read them ({landed:,} to {first - 1:,})")
    return max(landed, int(first))


@contextmanager
def _explained() -> Iterator[None]:
    """As `client.explained`; a topic that is not there may be made anew."""
    from confluent_kafka import KafkaException

    with client.explained("Kafka"):
        try:
            yield
        except KafkaException as error:
            if error.args[0].name() in client.UNKNOWN_TOPIC:
                raise TransientError("A topic is not there any more.") from error
            raise


def made_anew(topic: str) -> TransientError:
    """What is told, and ends a membership, so that the next begins at the new beginning."""
    return TransientError(f"The topic {topic} was made anew; it is read from its beginning.")
