"""The collector before the real broker: what it acknowledges is in the topic, whatever is killed."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from tenacity import retry, stop_after_delay, wait_fixed

import infra
from event_platform import environment
from event_platform.environment import Environment
from event_platform.realtime.kafka import client, registry, schemas
from event_platform.realtime.kafka.sink import KafkaSink
from event_platform.sources.contract import Source
from event_platform_tests.patience import eventually
from event_platform_tests.realtime.conftest import CLICK, Running
from event_platform_tests.realtime.kafka.topics import events_in, make_topic, messages_in
from event_platform_tests.realtime.test_kills import Clients

pytestmark = pytest.mark.java


def configured(source: Source) -> str:
    return f'sink = "kafka"\ntopics = ["{source.name}"]\nsegment_topic = "{source.name}"\n'


def path(source: Source) -> str:
    return f"/event/{source.name}"


def test_what_is_acknowledged_is_in_the_topic_as_avro(streaming: Environment, clicks: Source, collect: Callable[..., Running]) -> None:
    registered = registry.Registry(streaming).register(clicks)
    collector = collect("--workers", "2", configuration=configured(clicks))
    more = CLICK | {"event_id": "given", "campaign": {"name": "spring"}}
    answer = collector.post([CLICK, more, {"page": "/"}], path(clicks))
    assert (answer.status_code, answer.json()["accepted"]) == (422, 2)
    assert collector.stop() == b""
    found = events_in(streaming, clicks)
    assert {schema_id for schema_id, _ in found} == {registered.schema_id}
    events = {event["event_id"]: event for _, event in found}
    assert events[None] == {**CLICK, "event_id": None, "_extra": None}
    assert json.loads(events["given"].pop("_extra")) == {"campaign": more["campaign"]}
    assert messages_in(streaming, schemas.dead_letters_of(clicks.name)) == []


def test_versions_of_an_event_are_in_one_partition_in_their_order(streaming: Environment, clicks: Source, collect: Callable[..., Running]) -> None:
    registry.Registry(streaming).register(clicks)
    collector = collect(configuration=configured(clicks))
    for version in range(5):
        assert collector.post([CLICK | {"event_id": f"id-{number}", "page": f"/{version}"} for number in range(20)], path(clicks)).ok
    messages = messages_in(streaming, clicks.name)
    partitions = {message.key(): set() for message in messages}
    for message in messages:
        partitions[message.key()].add(message.partition())
    assert len(messages) == 100
    assert len(partitions) == 20
    assert all(len(each) == 1 for each in partitions.values())
    assert len({partition for each in partitions.values() for partition in each}) > 1
    pages: dict[str, list[str]] = {}
    for _, event in events_in(streaming, clicks):
        pages.setdefault(event["event_id"], []).append(event["page"])
    assert set(map(tuple, pages.values())) == {("/0", "/1", "/2", "/3", "/4")}


def test_a_time_with_a_fraction_is_refused_as_it_is_without_kafka(streaming: Environment, clicks: Source, collect: Callable[..., Running]) -> None:
    registry.Registry(streaming).register(clicks)
    collector = collect(configuration=configured(clicks))
    answer = collector.post([CLICK | {"event_time": 1_767_225_600.0}, CLICK | {"event_time": 1_767_225_600.5}], path(clicks))
    told = {"index": 1, "reason": "`event_time` is not a whole number of seconds since 1970"}
    assert (answer.status_code, answer.json()["accepted"], answer.json()["rejected"]) == (422, 1, [told])
    assert [event["event_time"] for _, event in events_in(streaming, clicks)] == [1_767_225_600]
    assert messages_in(streaming, schemas.dead_letters_of(clicks.name)) == []


def test_an_event_that_avro_cannot_hold_is_a_dead_letter_with_its_reason(streaming: Environment, clicks: Source) -> None:
    """The judge before the sink lets none through; should they ever differ, nothing is lost."""
    registry.Registry(streaming).register(clicks)
    client.ensure_topics(streaming, [clicks])

    async def send(*events: dict[str, Any]) -> None:
        sink = KafkaSink(streaming, [clicks], 1 << 20)
        await sink.append(clicks, b"".join(json.dumps(event).encode() + b"\n" for event in events))
        await sink.close()

    asyncio.run(send(CLICK, CLICK | {"event_time": 1_767_225_600.5}))
    assert len(events_in(streaming, clicks)) == 1
    (dead,) = messages_in(streaming, schemas.dead_letters_of(clicks.name))
    assert b"1767225600.5" in dead.value()
    assert dict(dead.headers()) == {"reason": b"`event_time` cannot be written as Avro", "content-type": b"application/json"}


def test_an_event_larger_than_the_topic_takes_is_refused_for_good(streaming: Environment, clicks: Source, collect: Callable[..., Running]) -> None:
    registry.Registry(streaming).register(clicks)
    make_topic(streaming, clicks.name, max_message_bytes="100000")
    collector = collect(configuration=configured(clicks))
    answer = collector.post(CLICK | {"note": "x" * 200_000}, path(clicks))
    assert (answer.status_code, "larger than the topic takes" in answer.json()["error"]) == (400, True)
    assert collector.post(CLICK, path(clicks)).status_code == 200
    assert len(events_in(streaming, clicks)) == 1


@pytest.mark.parametrize("away", ["registered", "kafka", "registry"])
def test_it_does_not_start_without_what_it_needs(
    streaming: Environment, clicks: Source, home: Path, monkeypatch: pytest.MonkeyPatch, away: str
) -> None:
    from typer.testing import CliRunner

    from event_platform import cli

    if away != "registered":
        registry.Registry(streaming).register(clicks)
        monkeypatch.setenv(
            *{"kafka": ("EVENT_PLATFORM_KAFKA", "127.0.0.1:9"), "registry": ("EVENT_PLATFORM_SCHEMA_REGISTRY", "http://127.0.0.1:9")}[away]
        )
    if away == "kafka":
        monkeypatch.setattr(client, "ANSWER_SECONDS", 1.0)
    home.mkdir(parents=True)
    (home / "collector.toml").write_text(configured(clicks), encoding="utf-8")
    told = str(CliRunner().invoke(cli.app, ["collect", "--port", "1"]).exception)
    expected = {"registered": f"event-platform schema register {clicks.name}", "kafka": "Kafka does not do its work", "registry": "does not answer"}
    assert expected[away] in told


@retry(wait=wait_fixed(0.1), stop=stop_after_delay(60), reraise=True)
def taken(collector: Running, event: dict[str, Any], path: str) -> None:
    """Sent again until it is, as clients do."""
    assert collector.post(event, path).status_code == 200


def test_a_broker_that_is_killed_loses_nothing_that_was_acknowledged(
    streaming: Environment, clicks: Source, collect: Callable[..., Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once under load, while clients go on; once for longer than a message may take, while /health tells them to stay away."""
    registry.Registry(streaming).register(clicks)
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA_SET_DELIVERY_TIMEOUT_MS", "3000")
    folder = tmp_path / "broker"
    with infra.kafka(folder) as broker:
        monkeypatch.setenv("EVENT_PLATFORM_KAFKA", broker.bootstrap_servers)
        collector = collect(configuration=configured(clicks))
        clients = Clients(collector, 4, path(clicks))
        assert clients.begun.wait(60)
        broker.process.kill()
    with infra.kafka(folder) as broker:
        eventually(collector.is_well)  # nobody posts meanwhile
        taken(collector, CLICK | {"event_id": "again"}, path(clicks))
        clients.stop()
        ids = {event["event_id"] for _, event in events_in(environment.read(), clicks)}
        broker.process.kill()
        answer = collector.post(CLICK, path(clicks))
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
        assert requests.get(f"{collector.url}/health", timeout=30).status_code == 503
    assert clients.acknowledged | {"again"} <= ids
