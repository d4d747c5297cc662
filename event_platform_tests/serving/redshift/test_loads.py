"""Loads follow the lake, snapshot by snapshot; what the two dialects share runs on a real PostgreSQL."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from event_platform import tables
from event_platform.aggregate import all_aggregates
from event_platform.aggregate.daily import aggregate_pending
from event_platform.errors import ConfigurationError, PermanentError, TransientError
from event_platform.lake.maintenance import compact, expire
from event_platform.serving.postgres.loads import loadable
from event_platform.serving.redshift import loads, statements
from event_platform.serving.redshift.data_api import DataApi
from event_platform.serving.redshift.staged import delta, stage
from event_platform.serving.redshift.statements import Relation
from event_platform.sources.contract import Column
from event_platform.trusted.merge import rebuild_dates
from event_platform_tests.conftest import Event
from event_platform_tests.serving.postgres.conftest import events
from event_platform_tests.serving.redshift.conftest import SETTINGS, Warehouse, copied, objects, s3

pytestmark = pytest.mark.server

SECOND = "2026-03-02T12:00:00"


def test_a_first_load_brings_all_rows_types_and_meanings(warehouse: Warehouse) -> None:
    warehouse.database.land(*events(range(5)), Event("odd", SECOND, '{"a": "it\'s, \\"so\\"\\n"}'), Event("none", SECOND, ""))
    loaded = warehouse.load()
    assert (loaded.rows, loaded.files, loaded.dates, loaded.changed) == (7, 2, None, True)
    warehouse.assert_same()
    meaning = "SELECT col_description('trusted.payments'::regclass, 1), obj_description('trusted.payments'::regclass)"
    assert warehouse.database.query(meaning) == [(warehouse.trusted.declared.columns[0].meaning, warehouse.trusted.declared.description)]


def test_an_unchanged_table_is_skipped(warehouse: Warehouse) -> None:
    warehouse.database.land(*events(range(5)))
    warehouse.load()
    before = objects()
    assert str(warehouse.load()) == "trusted.payments: Redshift has the current snapshot, nothing to do"
    assert objects() == before
    assert "COPY" not in str(warehouse.api.batches[-1])


def test_an_arrival_on_a_loaded_date_brings_its_own_file_and_touches_no_other_row(warehouse: Warehouse) -> None:
    warehouse.database.land(*events(range(5)))
    warehouse.load()
    before, untouched = objects(), warehouse.held("event_id, xmin::text")
    warehouse.database.land(*events(range(5, 8)))
    loaded = warehouse.load()
    assert (loaded.rows, loaded.files, loaded.dates, len(copied(before))) == (3, 1, 0, 1)
    assert set(untouched) < set(warehouse.held("event_id, xmin::text"))
    warehouse.assert_same()


def test_a_newer_version_across_midnight_leaves_the_event_there_once(warehouse: Warehouse) -> None:
    warehouse.database.land(*events(range(5)), *events(range(5, 7), "2026-03-05T12:00:00"))
    warehouse.load()
    before, elsewhere = objects(), warehouse.held("event_id, xmin::text")
    warehouse.database.land(Event("e00003", SECOND, '{"v": 2}'))
    loaded = warehouse.load()
    assert (loaded.rows, loaded.dates, len(copied(before))) == (5, 1, 2)
    assert [row[3] for row in warehouse.held() if row[0] == "e00003"] == ['{"v": 2}']
    assert {row for row in elsewhere if row[0] in {"e00005", "e00006"}} < set(warehouse.held("event_id, xmin::text"))
    warehouse.assert_same()


def test_dates_derived_anew_are_exchanged(warehouse: Warehouse) -> None:
    at_hand = warehouse.database.at_hand
    warehouse.database.land(*events(range(5)), *events(range(5, 7), SECOND))
    warehouse.load()
    rebuild_dates(at_hand.lake, at_hand.source, at_hand.duck, "run", [date(2026, 3, 1)])
    loaded = warehouse.load()
    assert (loaded.rows, loaded.dates) == (5, 1)
    warehouse.assert_same()


def test_upkeep_brings_no_rows_and_the_step_after_it_only_what_is_new(warehouse: Warehouse) -> None:
    for first in range(0, 8, 2):
        warehouse.database.land(*events(range(first, first + 2)))
    warehouse.load()
    before = objects()
    table = warehouse.trusted
    assert compact(table, warehouse.database.at_hand.duck, "maintain") == 4
    loaded = warehouse.load()
    assert (loaded.rows, loaded.files, loaded.dates, copied(before)) == (0, 0, 0, [])
    warehouse.database.land(*events(range(8, 9)))
    assert warehouse.load().rows == 1
    warehouse.assert_same()


def test_after_an_absence_longer_than_snapshots_are_kept_all_is_exchanged(warehouse: Warehouse) -> None:
    warehouse.database.land(*events(range(5)))
    warehouse.load()
    warehouse.database.land(*events(range(5, 7)))
    assert expire(warehouse.trusted, timedelta(0), 2**62) > 0
    loaded = warehouse.load()
    assert (loaded.rows, loaded.dates) == (7, None)
    warehouse.assert_same()


def test_a_load_that_fails_midway_leaves_the_old_content(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse.database.land(*events(range(5)))
    warehouse.load()
    before, old = objects(), warehouse.held()
    warehouse.database.land(Event("e00001", SECOND, '{"v": 2}'), *events(range(5, 7)))
    run = DataApi.run

    def lose_a_file(api: DataApi, batch: list[str]) -> None:
        if any(statement.startswith("COPY") for statement in batch):
            s3().delete_object(Bucket="staging", Key=copied(before)[0])
        run(api, batch)

    with monkeypatch.context() as during:
        during.setattr(DataApi, "run", lose_a_file)
        with pytest.raises(PermanentError, match="key does not exist"):
            warehouse.load()
    assert warehouse.held() == old
    assert warehouse.load().changed
    warehouse.assert_same()


def test_of_two_loads_of_the_same_step_one_is_told_that_it_was_overtaken(warehouse: Warehouse) -> None:
    warehouse.database.land(*events(range(5)))
    warehouse.load()
    held = warehouse.trusted.snapshot_id
    warehouse.database.land(*events(range(5, 7)))
    table, duck = warehouse.trusted, warehouse.database.at_hand.duck
    step = stage(table, duck, delta(table, held), held, str(SETTINGS.staging), warehouse.lake.environment.scratch)
    batch = statements.take(Relation(table.declared, "event_id"), step, None, datetime.now(UTC))
    DataApi(SETTINGS).run(batch)
    with pytest.raises(TransientError, match="loaded by another process"):
        DataApi(SETTINGS).run(batch)
    warehouse.assert_same()


def test_a_table_of_others_is_not_touched(warehouse: Warehouse) -> None:
    warehouse.database.query("CREATE SCHEMA trusted")
    warehouse.database.query("CREATE TABLE trusted.payments AS SELECT 1 AS theirs")
    warehouse.database.land(*events(range(5)))
    with pytest.raises(PermanentError, match="not made by event-platform"):
        warehouse.load()
    assert warehouse.database.query("SELECT * FROM trusted.payments") == [(1,)]


def test_a_table_that_was_dropped_is_loaded_whole(warehouse: Warehouse) -> None:
    warehouse.database.land(*events(range(5)))
    warehouse.load()
    warehouse.database.query("DROP TABLE trusted.payments")
    assert warehouse.load().rows == 5
    warehouse.assert_same()


def test_a_column_gained_in_the_middle_is_added_and_old_files_follow_by_position(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse.database.land(*events(range(5)))
    warehouse.load()
    source = warehouse.database.at_hand.source
    wider = replace(source, columns=(source.columns[0], Column("channel", "string", "Where it came in"), *source.columns[1:]))
    monkeypatch.setattr(loads, "find_table", lambda _: (tables.trusted(wider), "event_id"))
    assert warehouse.load().changed is False
    assert warehouse.database.query("SELECT count(*), count(channel) FROM trusted.payments") == [(5, 0)]
    warehouse.database.query("DROP TABLE trusted.payments")
    assert warehouse.load().rows == 5
    assert warehouse.database.query("SELECT event_id, channel, domain FROM trusted.payments ORDER BY 1 LIMIT 1") == [("e00000", None, "account")]
    assert any(key.endswith("-1.parquet") for key in objects())


def test_a_table_made_but_never_filled_gains_columns_too(warehouse: Warehouse) -> None:
    warehouse.database.land(*events(range(5)))
    declared = warehouse.trusted.declared
    loads._prepare(DataApi(SETTINGS), Relation(replace(declared, columns=declared.columns[1:]), "event_id"))
    assert warehouse.load().rows == 5
    warehouse.assert_same()


def test_a_value_too_long_is_told_before_anything_is_copied(warehouse: Warehouse) -> None:
    warehouse.database.land(Event("long", SECOND, "é" * 32_768))
    with pytest.raises(PermanentError, match="`data` has a value of 65,536 bytes"):
        warehouse.load()
    assert objects() == []


def test_an_aggregate_follows_its_dates(warehouse: Warehouse) -> None:
    at_hand = warehouse.database.at_hand
    (daily,) = (each for each in all_aggregates() if each.table.name == "aggregate.payments_daily")
    warehouse.database.land(*events(range(5)), *events(range(5, 7), SECOND))
    aggregate_pending(at_hand.lake, daily, at_hand.duck, "run")
    warehouse.load("payments_daily")
    warehouse.database.land(*events(range(7, 9), SECOND))
    aggregate_pending(at_hand.lake, daily, at_hand.duck, "run")
    loaded = warehouse.load("payments_daily")
    assert (loaded.rows, loaded.dates) == (1, 1)
    answers = "SELECT event_date, events FROM aggregate.payments_daily ORDER BY 1"
    assert warehouse.database.query(answers) == [(date(2026, 3, 1), 5), (date(2026, 3, 2), 4)]


def test_every_table_can_be_made(warehouse: Warehouse) -> None:
    api = DataApi(SETTINGS)
    for declared, event_id in loadable().values():
        assert loads._prepare(api, Relation(declared, event_id)) == 0
        columns = f"SELECT attname FROM pg_attribute WHERE attrelid = '{declared.name}'::regclass AND attnum > 0 ORDER BY attnum"
        assert [name for (name,) in warehouse.database.query(columns)] == list(declared.column_names)


def test_what_is_sent_to_the_service(warehouse: Warehouse) -> None:
    warehouse.database.land(*events(range(2)))
    warehouse.load()
    for operation, request in warehouse.api.requests:
        if operation in {"ExecuteStatement", "BatchExecuteStatement"}:
            assert (request["WorkgroupName"], request["Database"], "ClusterIdentifier" in request) == ("analytics", "dev", False)
    asked = [request["Parameters"] for _, request in warehouse.api.requests if "Parameters" in request]
    assert asked[0] == [{"name": "relation", "value": "trusted.payments"}]
    assert max(map(len, warehouse.api.batches)) <= 40


def test_what_the_service_refuses_is_told(warehouse: Warehouse) -> None:
    kinds = {
        "ValidationException": ConfigurationError,
        "AccessDeniedException": ConfigurationError,
        "ActiveStatementsExceededException": TransientError,
        "BatchExecuteStatementException": PermanentError,
    }
    for refusal, kind in kinds.items():
        warehouse.api.refusal = refusal
        with pytest.raises(kind, match=f"Redshift analytics/dev.*{refusal}"):
            warehouse.load()


def test_the_command_loads_and_says_what_it_did(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse.database.land(*events(range(5)))
    monkeypatch.setenv("EVENT_PLATFORM_REDSHIFT_WORKGROUP", "analytics")
    monkeypatch.setenv("EVENT_PLATFORM_REDSHIFT_STAGING", "s3://staging")
    ended = subprocess.run([sys.executable, "-m", "event_platform.cli", "redshift", "load", "payments"], capture_output=True, text=True, check=False)
    assert (ended.returncode, "5 rows of 1 file, the whole table exchanged" in ended.stderr) == (0, True), ended.stderr
    warehouse.assert_same()


def test_a_bucket_that_is_not_there_is_told(warehouse: Warehouse) -> None:
    s3().delete_bucket(Bucket="staging")
    warehouse.database.land(*events(range(2)))
    with pytest.raises(ConfigurationError, match=r"s3://staging/lake/trusted.payments.*NoSuchBucket"):
        warehouse.load()


def test_a_snapshot_of_another_lake_counts_as_none(warehouse: Warehouse) -> None:
    warehouse.database.land(*events(range(3)))
    warehouse.load()
    warehouse.database.query("UPDATE event_platform.loads SET snapshot_id = 12345")
    assert warehouse.load().dates is None
    warehouse.assert_same()
