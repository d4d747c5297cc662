"""The real broker and registry with an empty topic, and the stream as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

import infra
from event_platform import environment
from event_platform.environment import Environment
from event_platform.realtime.kafka import client
from event_platform.realtime.windows import heartbeat
from event_platform.realtime.windows.heartbeat import Heartbeat
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.realtime.windows.clicks import CLICKSTREAM, TOPIC, prepare

STARTS_IN_SECONDS = 240
"""Spark begins, on a busy machine."""


@pytest.fixture
def streaming(home: Path, kafka: infra.Kafka, registry: infra.Registry, monkeypatch: pytest.MonkeyPatch) -> Environment:  # noqa: ARG001
    """A home that streams, and a topic with nothing in it."""
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA", kafka.bootstrap_servers)
    monkeypatch.setenv("EVENT_PLATFORM_SCHEMA_REGISTRY", registry.url)
    monkeypatch.setenv("EVENT_PLATFORM_SPARK_JARS", str(infra.jars("spark")))
    here = environment.read()
    _remove_topic(here)
    prepare(here)
    return here


def _remove_topic(here: Environment) -> None:
    admin = client.admin(here)
    if TOPIC in admin.list_topics(timeout=30).topics:
        admin.delete_topics([TOPIC])[TOPIC].result(30)
        is_there = retry_if_result(bool)
        retry(retry=is_there, wait=wait_fixed(0.2), stop=stop_after_delay(60))(lambda: TOPIC in admin.list_topics(timeout=30).topics)()


@pytest.fixture
def clickstream(streaming: Environment) -> Pipeline:  # noqa: ARG001 - tells the process of a home
    return Pipeline(CLICKSTREAM)


@dataclass
class Streaming:
    """The command, running."""

    here: Environment
    process: subprocess.Popen[bytes]

    def await_beat(self, holds: Callable[[Heartbeat], bool]) -> Heartbeat:
        """Wait until the heartbeat says so."""

        def look() -> Heartbeat | None:
            assert self.process.poll() is None, self.process.stderr and self.process.stderr.read().decode()
            beat = heartbeat.read(self.here)
            return beat if beat and beat.pid == self.process.pid and holds(beat) else None

        found = retry(retry=retry_if_result(lambda beat: beat is None), wait=wait_fixed(0.2), stop=stop_after_delay(STARTS_IN_SECONDS))(look)()
        assert found
        return found

    def stop(self) -> str:
        """End it kindly; what it said."""
        self.process.terminate()
        return self.process.communicate(timeout=120)[1].decode()


@contextmanager
def started(here: Environment, *options: str) -> Iterator[Streaming]:
    """The stream of the home; it is gone at the end."""
    command = [sys.executable, "-m", "event_platform.cli", "stream", "clickstream", *options]
    process = subprocess.Popen(command, env=os.environ, stderr=subprocess.PIPE, start_new_session=True)
    try:
        yield Streaming(here, process)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def stream(streaming: Environment) -> Iterator[Callable[..., Streaming]]:
    """Start the stream of the home; it is gone at the end."""
    with ExitStack() as ending:
        yield lambda *options: ending.enter_context(started(streaming, *options))
