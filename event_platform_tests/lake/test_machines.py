"""Several machines work on one lake through a catalogue in PostgreSQL: each has a home of its own, and together they do everything once."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

import infra
from event_platform import environment
from event_platform.engines.duckdb import connect
from event_platform.landing.claiming import claim_pending
from event_platform_tests.pipeline import Pipeline, line

pytestmark = pytest.mark.server

MACHINES = 4

MACHINE = """
import sys
from contextlib import nullcontext
from pathlib import Path

from event_platform import environment, sources
from event_platform.aggregate import aggregates_of
from event_platform.aggregate.daily import aggregate_pending
from event_platform.engines.duckdb import connect
from event_platform.lake import locks
from event_platform.lake.catalog import Lake
from event_platform.stage.staging import stage_pending
from event_platform.trusted.merge import merge_pending

if sys.argv[1] == "free":
    locks.of_postgres = lambda url, name: nullcontext()
source, lake = sources.get("payments"), Lake(environment.read())
lake.catalog
with connect(lake.environment) as duck:
    print("ready", flush=True)
    sys.stdin.readline()
    stage_pending(lake, source, duck, sys.argv[2])
    merge_pending(lake, source, duck, sys.argv[2])
    for aggregate in aggregates_of(source):
        aggregate_pending(lake, aggregate, duck, sys.argv[2])
"""


@pytest.fixture
def pipeline(home: Path, monkeypatch: pytest.MonkeyPatch, postgres: infra.Postgres) -> Pipeline:
    """A pipeline whose catalogue is a new database."""
    import psycopg

    database = f"lake_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{database}"')
    monkeypatch.setenv("EVENT_PLATFORM_CATALOG", postgres.url(database))
    monkeypatch.setenv("EVENT_PLATFORM_LAKE", str(home / "lake"))
    return Pipeline()


def drop_and_claim(pipeline: Pipeline) -> None:
    """Three files in as many claims: new events, repeats of some a day later, and lines that are no events."""
    files = {
        "first.json": [line(f"{number}") for number in range(300)],
        "later.json": [line(f"{number}", timestamp="2026-03-02T12:00:00") for number in range(100)],
        "torn.json": [line(f"{number}") for number in range(300, 350)] + ["{"] * 7,
    }
    with connect(environment.read()) as duck:
        for name, lines in files.items():
            pipeline.drop(name, lines)
            claim_pending(pipeline.lake, pipeline.source, duck, name)


def assert_everything_is_there_once(pipeline: Pipeline) -> None:
    status = pipeline.status()
    assert (status.total.landed, status.total.staged, status.total.quarantined, status.total.trusted) == (457, 450, 7, 350)
    assert status.balanced
    assert pipeline.sql("SELECT event_date::VARCHAR, sum(events)::BIGINT FROM aggregate.payments_daily GROUP BY 1 ORDER BY 1") == [
        ("2026-03-01", 250),
        ("2026-03-02", 100),
    ]


def test_the_whole_pipeline_on_one_machine(pipeline: Pipeline) -> None:
    drop_and_claim(pipeline)
    pipeline.run_well()
    assert_everything_is_there_once(pipeline)
    pipeline.drop("more.json", [line("0", timestamp="2026-03-03T12:00:00")])
    pipeline.run_well()
    assert pipeline.sql("SELECT count(*) FROM trusted.payments WHERE event_id = '0' AND event_date = DATE '2026-03-03'") == [(1,)]
    assert (pipeline.status().total.trusted, pipeline.status().balanced) == (350, True)


@pytest.mark.parametrize("lock", ["locked", "free"])
def test_machines_at_once_do_everything_once(pipeline: Pipeline, tmp_path: Path, lock: str) -> None:
    """`free`: with no lock between them, so that only the commits keep them apart."""
    drop_and_claim(pipeline)
    started = [
        subprocess.Popen(
            [sys.executable, "-c", MACHINE, lock, f"machine {number}"],
            env={**os.environ, "EVENT_PLATFORM_HOME": str(tmp_path / f"home{number}")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(MACHINES)
    ]
    assert [each.stdout.readline() for each in started if each.stdout] == ["ready\n"] * MACHINES
    for each in started:
        assert each.stdin
        each.stdin.write("go\n")
        each.stdin.flush()
    errors = [each.communicate(timeout=240)[1] for each in started]
    assert [each.returncode for each in started] == [0] * MACHINES, errors
    assert_everything_is_there_once(pipeline)
