"""Kafka's client: settings that do not fit are named without their values, and promises are no settings."""

from dataclasses import replace
from pathlib import Path

import pytest

import infra
from event_platform import sources
from event_platform.environment import Environment, Kafka
from event_platform.errors import ConfigurationError, TransientError
from event_platform.realtime.kafka import client, schemas, topics
from event_platform.sources.contract import Source
from event_platform_tests.realtime.kafka.topics import make_topic, messages_in


def somewhere(**options: str) -> Environment:
    return Environment(Path("home"), kafka=Kafka("127.0.0.1:9", options={name.replace("_", "."): value for name, value in options.items()}))


def test_who_says_nothing_of_kafka_is_told_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match="set EVENT_PLATFORM_KAFKA"):
        client.producer(Environment(Path("home")))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"no_such": "hidden"}, "no.such"),
        ({"security_protocol": "hidden"}, "security.protocol"),
        ({"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_password": "hidden"}, "sasl.username"),
    ],
)
def test_an_option_that_does_not_fit_is_named_without_its_value(options: dict[str, str], named: str) -> None:
    for make in (client.producer, client.admin, lambda environment: client.consumer(environment, "any")):
        with pytest.raises(ConfigurationError, match="EVENT_PLATFORM_KAFKA_SET_") as told:
            make(somewhere(**options))
        assert named in str(told.value)
        assert "hidden" not in str(told.value)


def test_nobody_can_switch_off_that_acknowledged_is_durable() -> None:
    client.producer(somewhere(acks="0")).flush(0)  # the client itself refuses what contradicts it


def test_a_cluster_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.5)
    with pytest.raises(TransientError, match=r"Kafka does not do its work.*Nothing is lost"):
        client.ensure_topics(somewhere(), [sources.get("clickstream")])


@pytest.mark.java
def test_a_cluster_asks_for_a_password(kafka: infra.Kafka) -> None:
    def known_as(user: str, password: str) -> Environment:
        options = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": user, "sasl.password": password}
        return Environment(Path("home"), kafka=Kafka(kafka.protected_servers, options=options))

    assert isinstance(client.topics_of(known_as(kafka.user, kafka.password)), set)
    with pytest.raises(ConfigurationError, match="Invalid username or password") as told:
        client.topics_of(known_as(kafka.user, "hidden"))
    assert "hidden" not in str(told.value)


@pytest.mark.java
def test_topics_are_made_once_with_those_for_dead_letters(streaming: Environment, clicks: Source) -> None:
    client.ensure_topics(streaming, [clicks])
    client.ensure_topics(streaming, [clicks])
    both = [schemas.topic_of(clicks), schemas.dead_letters_of(schemas.topic_of(clicks))]
    assert [messages_in(streaming, topic) for topic in both] == [[], []]
    assert client.largest_message_bytes(streaming, both) == client.LARGEST_MESSAGE_BYTES
    make_topic(streaming, f"{clicks.name}.small", max_message_bytes="5000")
    assert client.largest_message_bytes(streaming, [*both, f"{clicks.name}.small"]) == 5000


@pytest.mark.java
def test_topics_can_be_used_as_soon_as_they_are_made(streaming: Environment, clicks: Source) -> None:
    """The controller says that they are made before the broker knows them (half of the cases, if asked at once), and leads them (one in ten)."""
    admin = client.admin(streaming)
    for number in range(10):
        one = replace(clicks, name=f"{clicks.name}_{number}")
        client.ensure_topics(streaming, [one])
        assert client.settings_of(streaming, [one.name]).keys() == {one.name}
        assert set(topics.extents(admin, one.name, client.ANSWER_SECONDS).values()) == {(0, 0)}


@pytest.mark.java
def test_a_topic_that_is_not_there_is_told(streaming: Environment, clicks: Source) -> None:
    with pytest.raises(ConfigurationError, match="the topic is not there"):
        client.largest_message_bytes(streaming, [clicks.name])
