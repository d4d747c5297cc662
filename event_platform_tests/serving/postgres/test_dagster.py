"""Configured loads are assets and sensors; nothing configured is nothing scheduled."""

import re
from pathlib import Path

import dagster as dg
import pytest

from event_platform.definitions import definitions, defs
from event_platform.instance import open_instance
from event_platform_tests.serving.postgres.conftest import Database, events

pytestmark = pytest.mark.server

LOADS = """
[[load]]
table = "payments"

[[load]]
table = "payments"
mode = "chunks"
as = "trusted.payments_chunks"
records = 3
"""


@pytest.fixture
def configured(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    (tmp_path / "loads.toml").write_text(LOADS)
    monkeypatch.setenv("EVENT_PLATFORM_LOADS", str(tmp_path / "loads.toml"))
    monkeypatch.setenv("EVENT_PLATFORM_POSTGRES", database.url)
    return definitions()


def sensor(configured: dg.Definitions, name: str) -> dg.SensorDefinition:
    """The sensor of a load, by the name without its hash."""
    (found,) = (each for each in configured.sensors or [] if re.fullmatch(f"{name}_[0-9a-f]{{8}}", each.name))
    assert isinstance(found, dg.SensorDefinition)
    return found


def tick(configured: dg.Definitions, name: str, instance: dg.DagsterInstance) -> dg.SensorResult:
    found = sensor(configured, name)._raw_fn(dg.build_sensor_context(instance=instance))
    assert isinstance(found, dg.SensorResult)
    return found


def test_nothing_configured_is_nothing_scheduled() -> None:
    assert not [key for key in defs.resolve_asset_graph().get_all_asset_keys() if key.path[0] == "serving"]


def test_a_load_lies_downstream_of_its_table_and_ticks_each_ten_seconds(configured: dg.Definitions) -> None:
    graph = configured.resolve_asset_graph()
    for name in ("payments", "payments_chunks"):
        assert graph.get(dg.AssetKey(["serving", "trusted", name])).parent_keys == {dg.AssetKey(["trusted", "payments"])}
    assert sensor(configured, "load_trusted_payments_chunks").minimum_interval_seconds == 10
    assert sensor(configured, "load_trusted_payments").minimum_interval_seconds == 30


def test_the_sensor_of_chunks_loads_one_a_tick_and_says_so(configured: dg.Definitions, database: Database) -> None:
    database.land(*events(range(5)))
    with open_instance() as instance:
        (event,) = tick(configured, "load_trusted_payments_chunks", instance).asset_events
        assert event.metadata["rows"].value == 3
        assert tick(configured, "load_trusted_payments_chunks", instance).asset_events == []  # too soon
        database.query("UPDATE event_platform.loads SET loaded_at = loaded_at - interval '10 seconds'")
        (event,) = tick(configured, "load_trusted_payments_chunks", instance).asset_events
        assert event.metadata["rows"].value == 2
    assert database.in_target(table="trusted.payments_chunks") == database.in_lake()


def test_the_sensor_of_a_whole_table_asks_for_a_run_when_the_table_changed(configured: dg.Definitions, database: Database) -> None:
    with open_instance() as instance:
        for landed in (range(5), range(5, 7)):
            database.land(*events(landed))
            (request,) = tick(configured, "load_trusted_payments", instance).run_requests or []
            job = configured.resolve_implicit_global_asset_job_def().get_subset(asset_selection={dg.AssetKey(["serving", "trusted", "payments"])})
            assert job.execute_in_process(instance=instance, tags=request.tags).success
            assert tick(configured, "load_trusted_payments", instance).skip_reason
    assert database.in_target() == database.in_lake()
