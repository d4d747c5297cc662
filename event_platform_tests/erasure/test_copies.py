"""A person is erased from what other systems keep: Redshift, Dagster's database, the stream's tables and state, and files of Kafka's topics."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from event_platform import environment, sources
from event_platform.aggregate.clickstream_live import UNTIMELY, WINDOWS
from event_platform.engines.duckdb import connect
from event_platform.erasure import dagster_postgres
from event_platform.errors import UsageError
from event_platform.instance import open_instance
from event_platform.lake.schema import MASK
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform.landing.landed_offsets import next_offsets
from event_platform.realtime.windows import batches
from event_platform.realtime.windows.checkpoint import Batch
from event_platform.realtime.windows.query import checkpoint_of
from event_platform.realtime.windows.running import alone
from event_platform.records.mentions import Mention
from event_platform.serving.redshift import data_api
from event_platform.serving.redshift.loads import load
from event_platform_tests.erasure.test_erase import ADA, BEN, click, erase, lines
from event_platform_tests.landing.test_topic_files import of
from event_platform_tests.pipeline import Pipeline, line
from event_platform_tests.serving.postgres.conftest import Server, server
from event_platform_tests.serving.redshift.stand_in import StandIn, serving

__all__ = ["server"]

SOON = datetime(2026, 2, 2, 2, 40, tzinfo=UTC)


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """An empty one; its name."""
    with server.connect(autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS copies WITH (FORCE)")
        connection.execute("CREATE DATABASE copies")
    yield "copies"
    with server.connect(autocommit=True) as connection:
        connection.execute("DROP DATABASE copies WITH (FORCE)")


@pytest.mark.usefixtures("home", "aws")
def test_tables_in_redshift_and_what_was_staged_for_them(server: Server, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    boto3.client("s3").create_bucket(Bucket="staging")
    monkeypatch.setattr(data_api, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setenv("EVENT_PLATFORM_REDSHIFT_WORKGROUP", "analytics")
    monkeypatch.setenv("EVENT_PLATFORM_REDSHIFT_STAGING", "s3://staging/lake")
    payments = Pipeline()
    payments.drop("a.json", [line("a", data={"account_id": "account-ada"}), line("b", data={"account_id": "account-ben"}), line("c")])
    payments.run_well()
    with serving(StandIn(server.url(database))) as url, connect(environment.read()) as duck:
        monkeypatch.setenv("AWS_ENDPOINT_URL_REDSHIFT_DATA", url)
        assert load("trusted.payments", payments.lake, duck).rows == 3
        receipt = erase("account_id=account-ada")
    assert receipt.clean
    assert receipt.loads == [{"server": "Redshift", "name": "trusted.payments", "rows_before": 1, "rows_after": 0}]
    with server.connect(database) as connection:
        assert connection.execute("SELECT event_id FROM trusted.payments ORDER BY 1").fetchall() == [("b",), ("c",)]
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket="staging")


@pytest.mark.usefixtures("home")
def test_records_of_dagster_in_postgresql(server: Server, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dagster as dg

    url = server.url(database).replace("postgresql://", "postgresql+psycopg2://")
    (tmp_path / "dagster.yaml").write_text(f"storage: {{postgres: {{postgres_url: {json.dumps(url)}}}}}\ntelemetry: {{enabled: false}}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    key, mention = dg.AssetKey(["trusted", "clickstream"]), Mention(ADA)
    with open_instance() as instance:
        instance.report_runless_asset_event(dg.AssetObservation(key, description=f"seen {ADA}, x{ADA}"))
        assert dagster_postgres.count(instance, mention) > 0
        told: list[str] = []
        done = dagster_postgres.clean(instance, mention, told.append)
        assert done["postgres_databases"] == 1
        assert done["postgres_cells"] > 0
        assert ADA not in told[0]
        assert dagster_postgres.count(instance, mention) == 0
        (record,) = instance.fetch_observations(key, limit=1).records
        assert record.asset_observation is not None
        assert record.asset_observation.description == f"seen {MASK}, x{ADA}"
        assert dagster_postgres.clean(instance, mention, told.append)["postgres_cells"] == 0


def counted(*users: str) -> pa.Table:
    rows = [{"start_time": SOON, "event_name": "click", "page": "/home", "username": user, "events": 1} for user in users]
    return pa.Table.from_pylist(rows).cast(
        pa.schema(
            [
                ("start_time", pa.timestamp("us", tz="UTC")),
                *((name, pa.string()) for name in ("event_name", "page", "username")),
                ("events", pa.int64()),
            ]
        )
    )


@pytest.mark.usefixtures("home")
def test_windows_of_the_stream_and_its_state() -> None:
    clicks = Pipeline(sources.get("clickstream"))
    clicks.drop("one.json", lines([click(BEN, 1), click(ADA, 2)]))
    clicks.run_well()
    here, batch = environment.read(), Batch("query", 0, SOON, {0: 1})
    with connect(here) as duck:
        batches.commit(clicks.lake, duck, batch, counted(ADA, BEN), -1)
        untimely = clicks.lake.open(UNTIMELY)
        late = f"""
            SELECT DATE '2026-02-02' AS event_date, 'late' AS why, 'k' AS event_key, 0 AS topic_partition, 0 AS topic_offset,
            unnest(['{ADA}', '{BEN}']) AS username, 'click' AS event_name,
            '/' AS page, now() AS start_time, now() AS arrived_at, now() AS watermark"""
        untimely.commit(Change("replacement"), "test", write(duck, untimely, late))
    (checkpoint_of(here) / "state").mkdir(parents=True)
    (checkpoint_of(here) / "state" / "1.delta").write_bytes(b"what Spark alone can read")

    with alone(here, "runs"), pytest.raises(UsageError, match="End it, erase"):
        erase(f"username={ADA}")
    assert clicks.status().total.erased == 0

    receipt = erase(f"username={ADA}")
    assert receipt.clean
    assert {each.table: (each.rows_before, each.rows_after) for each in receipt.tables if each.table in (WINDOWS.name, UNTIMELY.name)} == {
        WINDOWS.name: (1, 0),
        UNTIMELY.name: (1, 0),
    }
    assert not checkpoint_of(here).exists()
    with connect(here) as duck:
        batches.commit(clicks.lake, duck, replace(batch, query="another", watermark=SOON + timedelta(seconds=5)), counted(ADA, BEN), -1)
        assert duck.execute(f"SELECT username, events FROM ({clicks.lake.open(WINDOWS).select()})").fetchall() == [(BEN, 1)]


@pytest.mark.usefixtures("home")
def test_a_run_over_files_of_a_topic() -> None:
    from event_platform.landing.topic_files import name_of

    payments, person = Pipeline(), {"account_id": "account-ada"}
    messages = [line(f"m{number}", data=person if number in (1, 4) else {"account_id": "account-ben"}) for number in range(6)]
    payments.drop(name_of(of(0, 3)), messages[:4])
    payments.drop(name_of(of(2, 5)), messages[2:])
    payments.run_well()
    before = next_offsets(payments.lake, payments.source)

    assert erase("account_id=account-ada").clean
    found = payments.status()
    assert found.balanced
    assert (found.total.landed, found.total.staged, found.total.erased) == (6, 4, 2)
    offsets = "SELECT event_id, first_offset + line_number - 1 FROM stage.payments JOIN landing.payments USING (file_id) ORDER BY 2"
    assert payments.sql(offsets) == [("m0", 0), ("m2", 2), ("m3", 3), ("m5", 5)]
    assert next_offsets(payments.lake, payments.source) == before

    payments.drop(name_of(of(0, 6)), [*messages, line("m6", data=person)])
    payments.run_well()
    assert payments.sql(offsets) == [("m0", 0), ("m2", 2), ("m3", 3), ("m5", 5)]
    assert payments.status().balanced
    assert erase("account_id=account-ada").clean
