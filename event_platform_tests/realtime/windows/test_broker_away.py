"""A broker that is away while the stream runs, or as it begins: it waits, says so, and goes on without losing or repeating anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import infra
from event_platform import environment
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.realtime.windows.clicks import CLICKSTREAM, click, prepare, send
from event_platform_tests.realtime.windows.conftest import started
from event_platform_tests.realtime.windows.test_stream import compared, land
from infra.process import ports

if TYPE_CHECKING:
    from pathlib import Path

    from event_platform.environment import Environment

pytestmark = [pytest.mark.java, pytest.mark.server, pytest.mark.timeout(1800)]


@pytest.fixture
def broker(tmp_path: Path) -> Path:
    """The folder of a broker of its own, which can be away."""
    return tmp_path / "broker"


@pytest.fixture
def here(home: Path, broker: Path, registry: infra.Registry, monkeypatch: pytest.MonkeyPatch) -> Environment:  # noqa: ARG001
    """A home that streams from that broker, and is not patient."""
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA", f"127.0.0.1:{ports(broker, 'broker')['broker']}")
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA_SET_SOCKET_TIMEOUT_MS", "10000")
    monkeypatch.setenv("EVENT_PLATFORM_SCHEMA_REGISTRY", registry.url)
    monkeypatch.setenv("EVENT_PLATFORM_SPARK_JARS", str(infra.jars("spark")))
    return environment.read()


def test_a_broker_that_is_away_is_waited_for(here: Environment, broker: Path) -> None:
    first, second = ([click(second, f"id-{second}") for second in range(begin, begin + 300)] for begin in (0, 300))
    with infra.kafka(broker):
        prepare(here)
        send(here, first)
    with started(here) as stream:
        beat = stream.await_beat(lambda beat: beat.state == "waiting")
        assert "Kafka does not" in beat.why
        with infra.kafka(broker) as running:
            stream.await_beat(lambda beat: beat.state == "running" and beat.messages == 300)
            running.process.kill()
            beat = stream.await_beat(lambda beat: beat.state == "waiting")
            assert ("Kafka does not" in beat.told, beat.is_dead) == (True, False)
        with infra.kafka(broker):
            send(here, second)
            stream.await_beat(lambda beat: beat.state == "running" and beat.messages == 600 and beat.watermark.startswith("2026-01-01T00:09:49"))
            said = stream.stop()
    assert "Traceback" not in said
    land(Pipeline(CLICKSTREAM), [*first, *second])
    found = compared(here)
    assert (found.windows > 100, found.differing) == (True, 0)
