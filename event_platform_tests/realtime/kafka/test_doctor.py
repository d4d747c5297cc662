"""`event-platform doctor` asks Kafka and the registry, and tells of those that are away without their passwords."""

from pathlib import Path

import pytest

from event_platform.diagnosis import diagnose
from event_platform.environment import Environment
from event_platform.realtime.kafka import client


def found(name: str) -> list[tuple[bool, str, str]]:
    return [(finding.ok, finding.what, finding.way_out) for finding in diagnose() if name in finding.what]


def test_nothing_is_said_of_a_kafka_that_nobody_named(home: Path) -> None:  # noqa: ARG001 - an empty home
    assert found("Kafka") == found("registry") == []


def test_those_that_are_away_are_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - an empty home
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.5)
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA", "127.0.0.1:9")
    monkeypatch.setenv("EVENT_PLATFORM_SCHEMA_REGISTRY", "http://user:hidden@127.0.0.1:9/api")
    ((kafka_is_well, kafka, start_kafka),) = found("Kafka")
    ((registry_is_well, registry, start_registry),) = found("registry")
    assert (kafka_is_well, kafka) == (False, "Kafka at 127.0.0.1:9 cannot be reached")
    assert (registry_is_well, registry) == (False, "the schema registry at http://127.0.0.1:9/api cannot be reached")
    assert "EVENT_PLATFORM_KAFKA" in start_kafka
    assert "EVENT_PLATFORM_SCHEMA_REGISTRY" in start_registry
    assert "hidden" not in kafka + start_kafka + registry + start_registry


def test_an_option_that_does_not_fit_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - an empty home
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA", "127.0.0.1:9")
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA_SET_SECURITY_PROTOCOL", "hidden")
    ((is_well, kafka, way_out),) = found("Kafka")
    assert (is_well, kafka) == (False, "Kafka at 127.0.0.1:9 cannot be used")
    assert "security.protocol" in way_out
    assert "hidden" not in way_out


@pytest.mark.java
def test_those_that_answer_are_well(streaming: Environment) -> None:
    assert streaming.kafka
    ((kafka_is_well, kafka, _),) = found("Kafka")
    ((registry_is_well, registry, _),) = found("registry")
    assert kafka_is_well
    assert kafka.startswith(f"Kafka at {streaming.kafka.bootstrap_servers} answers")
    assert registry_is_well
    assert registry.startswith(f"the schema registry at {streaming.kafka.registry} answers")
