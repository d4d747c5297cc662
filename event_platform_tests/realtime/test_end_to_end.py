"""From a POST to the windows, through the real broker, while everything is killed: what was acknowledged is in trusted once and counted once."""

from __future__ import annotations

import logging
import math
import random
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from ephemeral_port_reserve import reserve

import infra
from event_platform import environment, sources, tables
from event_platform.aggregate.agreement import compare
from event_platform.engines.duckdb import connect
from event_platform.lake.catalog import Lake
from event_platform.landing.landed_offsets import next_offsets
from event_platform.realtime.kafka import client, registry, topics
from event_platform.realtime.windows import checkpoint
from event_platform.realtime.windows.query import checkpoint_of
from event_platform.runs import has_pending_work
from event_platform_tests import patience
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.realtime.clients import Clients
from event_platform_tests.realtime.services import Service, services
from infra.process import LOOPBACK, ports

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.java, pytest.mark.server]

CLICKSTREAM = sources.get("clickstream")
DELAY_SECONDS = 60
"""Of the stream: a client that could not post for so long is late."""

eventually = partial(patience.eventually, seconds=math.inf)
"""What is killed may take its time; pytest ends what takes too long."""


@pytest.fixture
def folder(tmp_path: Path, home: Path, registry: infra.Registry, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the broker keeps its data, whose address is known before it is there, and all else says what it does."""
    folder = tmp_path / "services"
    monkeypatch.setenv("EVENT_PLATFORM_KAFKA", f"127.0.0.1:{ports(folder / 'broker', 'broker')['broker']}")
    monkeypatch.setenv("EVENT_PLATFORM_SCHEMA_REGISTRY", registry.url)
    monkeypatch.setenv("EVENT_PLATFORM_SPARK_JARS", str(infra.jars("spark")))
    monkeypatch.setenv("EVENT_PLATFORM_STREAM_DELAY_SECONDS", str(DELAY_SECONDS))
    home.mkdir(parents=True)
    (home / "collector.toml").write_text('sink = "kafka"\n', encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("events", "per_second", "rounds"),
    [
        pytest.param(20_000, 400, 1, marks=pytest.mark.timeout(1800)),
        pytest.param(1_000_000, 5_000, 4, marks=[pytest.mark.long, pytest.mark.timeout(7200)]),
    ],
)
def test_what_was_acknowledged_is_there_once_whatever_is_killed(folder: Path, tmp_path: Path, events: int, per_second: int, rounds: int) -> None:
    registry.Registry(environment.read()).register(CLICKSTREAM)
    port = reserve(LOOPBACK)
    with services(folder, port) as running:
        eventually(lambda: running["collect"].is_at_work)
        began = time.monotonic()
        clients = Clients(f"http://127.0.0.1:{port}/event/clickstream", tmp_path / "acknowledged", 4, per_second)
        try:
            kill_one_after_another(list(running.values()) * rounds, clients, events)
        finally:
            clients.stop()
        posted = time.monotonic()
        eventually(is_drained, look_every_seconds=2)
        figures = told(clients, running, posted - began, time.monotonic() - posted)
    pipeline = Pipeline(CLICKSTREAM)
    expect_each_once(tmp_path / "acknowledged", clients.acknowledged)
    windows, late = expect_windows_of_the_batch(pipeline, clients.acknowledged)
    assert pipeline.status().balanced
    assert pipeline.sql("SELECT count(*) FROM quarantine.clickstream") == [(0,)]
    logging.getLogger(__name__).info("%s; %s windows, %s events late for them", figures, windows, late)


def kill_one_after_another(victims: list[Service], clients: Clients, events: int) -> None:
    """For each an equal share of the events: it begins when the victim is at work, and at a random moment of it the victim is killed.

    A slow machine has fewer events a second that way, not more of them between two kills.
    """
    drawn = random.Random(events)
    drawn.shuffle(victims)
    share = events / len(victims)
    for number, victim in enumerate(victims):
        clients.go_on_until((number + UNTIL_AT_WORK) * share)  # a stream is at work once it has counted something
        eventually(lambda victim=victim: victim.is_at_work)  # type: ignore[misc]
        moment = number + drawn.uniform(UNTIL_AT_WORK, 1)
        clients.go_on_until((number + 1) * share)
        eventually(lambda moment=moment: clients.acknowledged >= moment * share)  # type: ignore[misc]
        victim.kill()
    eventually(lambda: clients.acknowledged >= events)


UNTIL_AT_WORK = 0.2
"""Of a share: what comes while its victim gets ready."""


def is_drained() -> bool:
    """Whether all that is in the topic is in the lake, in each table, and in the windows of the stream."""
    here = environment.read()
    lake, ends = Lake(here), ends_of_topic()
    landed = {partition: offset for (_, partition), offset in next_offsets(lake, CLICKSTREAM).items()}
    batch = checkpoint.batch(checkpoint_of(here), checkpoint.last_done(checkpoint_of(here)), CLICKSTREAM.name)
    return landed == ends == batch.ends and not has_pending_work(lake, CLICKSTREAM)


def ends_of_topic() -> dict[int, int]:
    """Of each partition, the offset after its last message; of those that have one."""
    ends = topics.extents(client.admin(environment.read()), CLICKSTREAM.name, seconds=30)
    return {partition: end for partition, (_, end) in ends.items()}


def expect_each_once(acknowledged: Path, count: int) -> None:
    """Trusted holds what was acknowledged, value by value, and nothing else."""
    here = environment.read()
    trusted = Lake(here).open(tables.trusted(CLICKSTREAM)).select()
    with connect(here) as duck:
        duck.execute(f"CREATE VIEW acknowledged AS SELECT {EVENT} FROM read_json('{acknowledged}/*.json', columns = {WRITTEN})")
        duck.execute(f"CREATE VIEW trusted AS SELECT {EVENT.replace('event_time', 'epoch(event_time)::BIGINT AS event_time')} FROM ({trusted})")
        lost, strange = (
            duck.execute(f"SELECT event_id FROM (FROM {one} EXCEPT ALL FROM {other}) LIMIT 5").fetchall()
            for one, other in (("acknowledged", "trusted"), ("trusted", "acknowledged"))
        )
        assert (lost, strange) == ([], [])
        assert duck.execute("SELECT count(*) FROM trusted").fetchall() == [(count,)]


EVENT = "event_id, username, page, event_name, event_time"
WRITTEN = "{event_id: 'VARCHAR', username: 'VARCHAR', page: 'VARCHAR', event_name: 'VARCHAR', event_time: 'BIGINT'}"


def expect_windows_of_the_batch(pipeline: Pipeline, count: int) -> tuple[int, int]:
    """Each window of the stream has the events of the batch's, but for those known to have been late; how many windows, and how many late."""
    (found,) = pipeline.sql(WINDOW_BY_WINDOW)
    windows, in_batch, in_live, late, unexplained = (int(str(each)) for each in found)
    assert unexplained == 0
    assert (in_batch, in_live) == (count, count - late)
    here = environment.read()
    with connect(here) as duck:
        agreement = compare(pipeline.lake, duck, here.stream.delay)
    assert agreement.until is not None
    assert agreement.faults == {}
    return windows, late


WINDOW_BY_WINDOW = """
    WITH untimely AS (
        SELECT event_date, start_time, event_name, page, username, count(DISTINCT event_key) AS late FROM aggregate.clickstream_untimely GROUP BY ALL
    ), windows AS (
        SELECT coalesce(batch.events, 0) AS in_batch, coalesce(live.events, 0) AS in_live, coalesce(late, 0) AS late
        FROM aggregate.clickstream_windows AS batch
        FULL JOIN aggregate.clickstream_windows_live AS live USING (event_date, start_time, event_name, page, username)
        LEFT JOIN untimely USING (event_date, start_time, event_name, page, username)
    )
    SELECT count(*), sum(in_batch), sum(in_live), sum(in_batch - in_live), count_if(in_batch - in_live NOT BETWEEN 0 AND late) FROM windows"""


def told(clients: Clients, running: dict[str, Service], posting: float, draining: float) -> str:
    """The figures, for whoever runs this with --log-cli-level=INFO."""
    kills = ", ".join(f"{name} {service.kills}" for name, service in running.items())
    return (
        f"{clients.acknowledged:,} events acknowledged in {posting:.0f} s ({clients.acknowledged / posting:,.0f}/s), "
        f"{clients.repeated:,} requests sent again; all in the tables {draining:.0f} s later; killed: {kills}"
    )
