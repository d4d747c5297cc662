"""Topics in tests: all that is in one now, in the order of each partition."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from fastavro import schemaless_reader

from event_platform.realtime.kafka import client, registry, schemas, wire

if TYPE_CHECKING:
    from confluent_kafka import Message

    from event_platform.environment import Environment
    from event_platform.sources.contract import Source


def make_topic(environment: Environment, name: str, **settings: str) -> None:
    """Settings with _ for the points. The topic can be used when this returns."""
    from confluent_kafka.admin import NewTopic

    admin = client.admin(environment)
    made = admin.create_topics([NewTopic(name, config={setting.replace("_", "."): value for setting, value in settings.items()})])
    made[name].result(30)
    client.await_leaders(admin, [name])


def messages_in(environment: Environment, topic: str) -> list[Message]:
    from confluent_kafka import TopicPartition

    reader = client.consumer(environment, f"test-{uuid4().hex}", enable_partition_eof=True)
    partitions = reader.list_topics(topic, timeout=30).topics[topic].partitions
    assert partitions, f"there is no topic {topic}"
    reader.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    found, ended = [], set()
    while len(ended) < len(partitions):
        message = reader.poll(30)
        assert message is not None, "no answer"
        if message.error():
            assert message.error().name() == "_PARTITION_EOF", message.error()
            ended.add(message.partition())
        else:
            found.append(message)
    reader.close()
    return found


def events_in(environment: Environment, source: Source) -> list[tuple[int, Any]]:
    """The number of the schema and the datum of each message of the source."""
    known = registry.Registry(environment)
    parted = [wire.parted(message.value() or b"") for message in messages_in(environment, schemas.topic_of(source))]
    written = {schema_id: known.schema(schema_id) for schema_id, _ in parted}
    return [(schema_id, schemaless_reader(BytesIO(datum), written[schema_id], None)) for schema_id, datum in parted]
