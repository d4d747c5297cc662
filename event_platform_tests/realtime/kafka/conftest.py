"""Settings that name the real broker and registry, and sources whose topics no other test uses."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

import infra
from event_platform import environment, sources
from event_platform.environment import Environment
from event_platform.sources.contract import Source
from event_platform_tests.realtime.kafka.streams import Stream

_numbers = count(1)


@pytest.fixture
def streaming(home: Path, kafka: infra.Kafka, registry: infra.Registry, monkeypatch: pytest.MonkeyPatch) -> Environment:  # noqa: ARG001
    """A home that streams."""
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA", kafka.bootstrap_servers)
    monkeypatch.setenv("EVENT_PLATFORM_SCHEMA_REGISTRY", registry.url)
    return environment.read()


@pytest.fixture
def clicks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    """The clickstream's contract under a name of its own, so with a topic of its own, which commands find too."""
    name = f"clicks_{next(_numbers)}"
    folder = tmp_path / "sources"
    folder.mkdir()
    contract = "from dataclasses import replace\n\nfrom event_platform.sources.clickstream import SOURCE as CLICKSTREAM\n\n"
    (folder / f"{name}.py").write_text(f'"""Clicks."""\n\n{contract}SOURCE = replace(CLICKSTREAM, name="{name}")\n', encoding="utf-8")
    monkeypatch.setenv("EVENT_PLATFORM_SOURCES", str(folder))
    remembered = sources.all_sources
    remembered.cache_clear()
    yield sources.get(name)
    remembered.cache_clear()


@pytest.fixture
def stream(streaming: Environment, clicks: Source, monkeypatch: pytest.MonkeyPatch) -> Stream:  # noqa: ARG001 - the process is told where
    """A dead member is missed after six seconds, the least that brokers allow."""
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA_SET_SESSION_TIMEOUT_MS", "6000")
    return Stream(clicks)
