"""A topic is not searched for a person: the receipt says so, and how long the topic keeps its messages."""

import pytest

from event_platform.environment import Environment
from event_platform.erasure.topics import not_searched
from event_platform.realtime.kafka import client, schemas
from event_platform.sources.contract import Source

pytestmark = pytest.mark.java


def test_the_topics_of_a_source_and_how_long_they_keep_messages(streaming: Environment, clicks: Source) -> None:
    assert not_searched(streaming, [clicks]) == []
    client.ensure_topics(streaming, [clicks])
    topic = schemas.topic_of(clicks)
    found = not_searched(streaming, [clicks])
    assert [each["place"] for each in found] == [f"topic {topic} of Kafka", f"topic {schemas.dead_letters_of(topic)} of Kafka"]
    assert {each["kept"] for each in found} == {"7 days"}
