"""What the UI is told of the stream's windows; when Dagster's database is away, the stream goes on and tells it later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.instance import open_instance
from event_platform.lake.catalog import Lake
from event_platform.realtime.windows import batches
from event_platform.realtime.windows.heartbeat import Heartbeat
from event_platform.realtime.windows.report import KEY, Reporter
from event_platform_tests.realtime.windows.test_batches import batch, windows
from event_platform_tests.serving.postgres.conftest import Server, server  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.server


def test_rows_are_told_when_the_database_of_dagster_is_back(
    home: Path,
    server: Server,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with server.connect(autocommit=True) as connection:
        connection.execute("CREATE DATABASE dagster")
    url = server.url("dagster").replace("postgresql://", "postgresql+psycopg2://")
    (tmp_path / "dagster.yaml").write_text(f"storage: {{postgres: {{postgres_url: {json.dumps(url)}}}}}\ntelemetry: {{enabled: false}}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    lake, told = Lake(Environment(home)), list[str]()
    reporter = Reporter(0, told.append)
    with connect(lake.environment) as duck:
        batches.commit(lake, duck, batch(0), windows((0, "ada", 1)), -1)
        reporter.tell(lake, Heartbeat.begun())
        batches.commit(lake, duck, batch(1), windows((5, "ada", 1)), -1)
        server.crash()
        reporter.tell(lake, Heartbeat.begun())
        reporter.tell(lake, Heartbeat.begun(), at_end=True)  # not tried again: whoever ends the stream would wait for it
        server.start()
        assert ["Dagster's database is away" in message for message in told] == [True]
        reporter.tell(lake, Heartbeat.begun())
        reporter.tell(lake, Heartbeat.begun())
    with open_instance() as instance:
        records = instance.fetch_materializations(dg.AssetKey(KEY), limit=10).records
    rows = [record.asset_materialization.metadata["dagster/partition_row_count"].value for record in records if record.asset_materialization]
    assert rows == [2, 1]
