"""What is away for a while ends neither a consumer nor a sink; no server is needed to see that."""

import asyncio
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest

from event_platform import environment, sources
from event_platform.errors import TransientError
from event_platform.realtime.kafka import client, consume
from event_platform.realtime.kafka.sink import KafkaSink

NOBODY = "127.0.0.1:9"


@pytest.fixture
def away(home: Path, monkeypatch: pytest.MonkeyPatch) -> environment.Environment:  # noqa: ARG001 - the process is told of it
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA", NOBODY)
    monkeypatch.setenv("EVENT_PLATFORM_SCHEMA_REGISTRY", f"http://{NOBODY}")
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.5)
    return environment.read()


@pytest.mark.timeout(60)
def test_a_consumer_waits_for_a_catalogue_that_is_away(away: environment.Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_CATALOG", f"postgresql://{NOBODY}/lake")
    monkeypatch.setattr(consume, "SHORTEST_PAUSE_SECONDS", 0.01)
    stop, told = Event(), list[str]()

    def tell(what: str) -> None:
        told.append(what)
        if len(told) == 3:
            stop.set()

    assert away.kafka
    consume.consume(environment.read(), [sources.get("clickstream")], stop, tell)
    assert all("Trying again." in each for each in told)


@pytest.mark.timeout(60)
def test_a_sink_looks_for_the_broker_though_the_request_that_met_the_trouble_was_given_up(away: environment.Environment) -> None:
    async def collect() -> bool:
        source = sources.get("clickstream")
        sink = KafkaSink(away, [source], 1_000)
        given_up = asyncio.create_task(sink.append(source, b"{}\n"))
        await asyncio.sleep(0)
        given_up.cancel()
        with suppress(asyncio.CancelledError):
            await given_up
        while sink.trouble() is None:
            await asyncio.sleep(0.01)
        with pytest.raises(TransientError):
            await sink.append(source, b"{}\n")
        looks = any("_look_until_well" in repr(task) for task in asyncio.all_tasks())
        await sink.close()
        return looks

    assert asyncio.run(collect())
