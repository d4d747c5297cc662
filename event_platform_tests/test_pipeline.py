"""From files to tables: what the whole pipeline promises."""

import itertools
import multiprocessing
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from event_platform import environment, partitions, retention, sources, tables, upkeep
from event_platform.engines.duckdb import connect
from event_platform.instance import open_instance
from event_platform.lake.maintenance import remove_orphans
from event_platform.lake.table import Change
from event_platform.lake.write import write
from event_platform.runs import asset_of, run_dates
from event_platform.serving.sql import session
from event_platform.sources.retention import Retention
from event_platform_tests.pipeline import Pipeline, line

REAL_PAYMENTS = environment.CHECKOUT.parent / "shared" / "data" / "payments"


@pytest.mark.skipif(not REAL_PAYMENTS.is_dir(), reason="the real payment files are not beside the checkout")
def test_the_real_files_give_the_known_counts(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    for path in REAL_PAYMENTS.glob("*.json"):
        pipeline.drop(path.name, path.read_bytes())
    pipeline.run_well()
    total = pipeline.status().total
    assert (total.staged, total.trusted, total.quarantined) == (23_960, 19_197, 0)
    kinds = pipeline.sql("SELECT domain_event_type, count(*) FROM trusted.payments GROUP BY ALL ORDER BY 2")
    assert kinds == [("account-status-change", 4_227), ("account-creation", 4_663), ("transaction-creation", 10_307)]
    assert pipeline.sql("SELECT count(DISTINCT event_date) FROM trusted.payments") == [(15,)]


def test_twice_is_once(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a"), line("b")])
    pipeline.run_well()
    assert pipeline.run() == []


def test_any_iceberg_reader_sees_the_tables(home: Path) -> None:
    from pyiceberg.catalog.sql import SqlCatalog

    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a"), line("a", "2026-03-02T00:00:00"), line("b", event_type="closure")])
    pipeline.run_well()
    catalog = SqlCatalog("lake", uri=f"sqlite:///{home / 'lake' / 'catalog.db'}")
    trusted = catalog.load_table("trusted.payments")
    assert sorted(trusted.scan().to_arrow().column("event_id").to_pylist()) == ["a", "b"]
    assert {tuple(row["partition"].values()) for row in trusted.inspect.partitions().to_pylist()} == {
        ("account-creation", 2026, 3, 2),
        ("account-closure", 2026, 3, 1),
    }
    assert {"stage.payments", "quarantine.payments", "landing.payments", "aggregate.payments_daily"} <= {
        ".".join(name) for layer in catalog.list_namespaces() for name in catalog.list_tables(layer)
    }


def test_a_backfill_in_one_run_equals_the_days_one_by_one(home: Path) -> None:  # noqa: ARG001 - sets the home
    pipeline = Pipeline()
    pipeline.drop("a.json", [line(f"{number}", f"2026-03-{1 + number % 4:02}T12:00:00") for number in range(40)])
    pipeline.run_well()
    rows = pipeline.sql("SELECT * FROM trusted.payments ORDER BY ALL")
    answers = pipeline.sql("SELECT * FROM aggregate.payments_daily ORDER BY ALL")
    with open_instance() as instance:
        assert run_dates(asset_of("trusted.payments"), date(2026, 2, 1), date(2026, 3, 31), instance, print).ok
        for day in partitions.days_between(date(2026, 3, 1), date(2026, 3, 4)):
            assert run_dates(asset_of("aggregate.payments_daily"), day, day, instance, print).ok
    assert pipeline.sql("SELECT * FROM trusted.payments ORDER BY ALL") == rows
    assert pipeline.sql("SELECT * FROM aggregate.payments_daily ORDER BY ALL") == answers


def test_partitions_and_verdicts_are_recorded_per_date(home: Path) -> None:  # noqa: ARG001 - sets the home
    import dagster as dg

    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a", "2026-03-01T12:00:00"), line("b", "2026-03-03T12:00:00")])
    pipeline.run_well()
    days = {"2026-03-01", "2026-03-03"}
    with open_instance() as instance:
        for key in (["stage", "payments_event_dates"], ["trusted", "payments"], ["aggregate", "payments_daily"]):
            assert set(instance.get_materialized_partitions(dg.AssetKey(key))) == days
        history = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey(["trusted", "payments"]), "unique_across_dates"), limit=10
        )
    assert {record.event.dagster_event.asset_check_evaluation_data.partition for record in history if record.event} == {None, *days}


def test_reprocessing_after_the_contract_changed_brings_older_versions_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    from dataclasses import replace

    from event_platform.sources.contract import Rule

    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a", "2026-03-01T12:00:00"), line("a", "2026-03-02T12:00:00", data={"cursed": True}), line("b")])
    pipeline.run_well()
    assert pipeline.sql("SELECT event_date FROM trusted.payments WHERE event_id = 'a'") == [(date(2026, 3, 2),)]
    stricter = replace(pipeline.source, rules=(Rule("cursed", "contains(data, 'cursed')"),))
    reparse_with(pipeline, stricter)
    assert pipeline.sql("SELECT event_date FROM trusted.payments WHERE event_id = 'a'") == [(date(2026, 3, 1),)]
    assert pipeline.status().balanced
    assert pipeline.reasons() == {"a.json": [(2, "cursed")]}
    reparse_with(pipeline, pipeline.source)
    assert pipeline.sql("SELECT event_date FROM trusted.payments WHERE event_id = 'a'") == [(date(2026, 3, 2),)]
    assert pipeline.status().balanced


def reparse_with(pipeline: Pipeline, source: sources.Source) -> None:
    from event_platform.aggregate import all_aggregates
    from event_platform.aggregate.daily import aggregate_pending
    from event_platform.stage.staging import reparse
    from event_platform.trusted.merge import merge_pending

    with connect(environment.read()) as duck:
        reparse(pipeline.lake, source, duck, "reparse", [partitions.today()])
        merge_pending(pipeline.lake, source, duck, "reparse")
        for aggregate in all_aggregates():
            aggregate_pending(pipeline.lake, aggregate, duck, "reparse")


def test_erasing_old_stage_loses_no_trusted_row_and_the_accounting_still_closes(home: Path) -> None:  # noqa: ARG001 - sets the home
    from dataclasses import replace

    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a"), line("a", "2026-03-01T13:00:00"), line("b"), "torn"])
    pipeline.run_well()
    before = pipeline.status()
    tomorrow = partitions.today() + timedelta(days=1)
    with connect(environment.read()) as duck:
        (expired,) = retention.expire(pipeline.lake, replace(pipeline.source, retention=Retention(stage_days=0)), duck, tomorrow)
    assert (expired.dates, expired.rows) == ({partitions.today()}, 3)
    assert pipeline.sql("SELECT count(*) FROM stage.payments") == [(0,)]
    with open_instance() as instance:
        assert run_dates(asset_of("trusted.payments"), date(2026, 3, 1), date(2026, 3, 1), instance, print).ok
    assert pipeline.sql("SELECT event_id FROM trusted.payments ORDER BY 1") == [("a",), ("b",)]
    assert pipeline.status() == before


def test_maintenance_keeps_rows_and_removes_what_nothing_names(home: Path) -> None:
    pipeline = Pipeline()
    for number in range(5):
        pipeline.drop(f"{number}.json", [line(f"{number}")])
        pipeline.run_well()
    orphan = home / "lake" / "trusted" / "payments" / "data" / "dead-attempt.parquet"
    orphan.write_bytes(b"half a file")
    rows = pipeline.sql("SELECT * FROM trusted.payments ORDER BY ALL")
    archive = {path: path.read_bytes() for path in (home / "lake" / "landing" / "payments" / "processed").rglob("*.json")}
    with connect(environment.read()) as duck:
        done = {each.table: each for each in upkeep.maintain_source(pipeline.lake, pipeline.source, duck, timedelta(0))}
    assert done["trusted.payments"].compacted_files == 5
    assert done["trusted.payments"].expired_snapshots > 0
    assert not orphan.exists()
    assert len(archive) == 5
    assert {path: path.read_bytes() for path in archive} == archive
    assert pipeline.sql("SELECT * FROM trusted.payments ORDER BY ALL") == rows
    assert remove_orphans(pipeline.lake.open(tables.trusted(pipeline.source))) == (0, 0)
    assert pipeline.run() == []
    pipeline.drop("more.json", [line("3", "2026-03-09T00:00:00")])
    pipeline.run_well()
    assert pipeline.status().balanced


def test_a_reader_sees_the_old_or_the_new_partition_never_both(at_hand) -> None:
    from event_platform.trusted.merge import merge_pending
    from event_platform_tests.conftest import Event

    at_hand.stage([Event(f"{number}", "2026-03-01T12:00:00") for number in range(100)])
    merge_pending(at_hand.lake, at_hand.source, at_hand.duck, "one")
    with session(environment.read()) as reader:
        reader.refresh("SELECT * FROM trusted.payments")
        at_hand.stage([Event(f"{number}", "2026-03-01T13:00:00") for number in range(100)])
        merge_pending(at_hand.lake, at_hand.source, at_hand.duck, "two")
        assert reader.duck.execute("SELECT count(*), max(file_id) FROM trusted.payments").fetchall() == [(100, 1)]
        assert reader.query("SELECT count(*), min(file_id) FROM trusted.payments")[1] == [(100, 2)]


def test_a_second_feed_is_one_file(tmp_path: Path, home: Path) -> None:  # noqa: ARG001 - sets the home
    """In a process of its own, since contracts are read once."""
    folder = tmp_path / "contracts"
    folder.mkdir()
    (folder / "sensors.py").write_text(
        "from event_platform.sources.contract import Column, Source\n"
        "SOURCE = Source(name='readings', title='Sensor readings', owner='team:lab', event_id='id', timestamp='read_at', kind=('sensor',),\n"
        "    columns=(Column('id', 'string', 'Reading', nullable=False), Column('read_at', 'timestamp', 'When', nullable=False),\n"
        "        Column('sensor', 'string', 'Which', nullable=False), Column('celsius', 'double', 'Degrees')))\n"
    )
    child = multiprocessing.get_context("spawn").Process(target=_run_readings, args=(str(folder), os.environ["EVENT_PLATFORM_HOME"]))
    child.start()
    child.join()
    assert child.exitcode == 0


def _run_readings(folder: str, home: str) -> None:
    os.environ |= {"EVENT_PLATFORM_SOURCES": folder, "EVENT_PLATFORM_HOME": home, "EVENT_PLATFORM_SETTLE_SECONDS": "0"}
    pipeline = Pipeline(sources.get("readings"))
    pipeline.drop(
        "a.json",
        ['{"id":"1","read_at":"2026-03-01T00:00:00Z","sensor":"s1","celsius":1.5}', '{"id":"2","read_at":"2026-03-01","sensor":"s1","celsius":"x"}'],
    )
    pipeline.run_well()
    assert pipeline.sql("SELECT id, celsius, domain_event_type FROM trusted.readings") == [("1", 1.5, "s1")]
    assert pipeline.status().total.quarantined == 1


def _work(home: str) -> None:
    os.environ |= {"EVENT_PLATFORM_HOME": home, "EVENT_PLATFORM_SETTLE_SECONDS": "0"}
    Pipeline().run_well()


def test_two_runs_and_a_watch_at_once_repeat_and_lose_nothing(home: Path) -> None:
    pipeline = Pipeline()
    for number in range(12):
        pipeline.drop(f"{number}.json", [line(f"{number}"), line("shared", f"2026-03-{number + 1:02}T00:00:00"), f"torn {number}"])
    watch = subprocess.Popen([sys.executable, "-m", "event_platform.cli", "watch", "payments"], stderr=subprocess.PIPE, text=True)
    assert watch.stderr
    assert "watching payments" in watch.stderr.readline()
    workers = [multiprocessing.get_context("spawn").Process(target=_work, args=(str(home),)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    pipeline.run_well()
    watch.send_signal(signal.SIGINT)
    _, told = watch.communicate(timeout=60)
    assert ([worker.exitcode for worker in workers], "failed" in told) == ([0, 0], False)
    total = pipeline.status().total
    assert pipeline.status().balanced
    assert (total.landed, total.quarantined, total.trusted, total.superseded) == (36, 12, 13, 11)


EVENTS = st.builds(
    lambda name, minutes, kind, amount: line(
        name,
        (datetime(2026, 3, 1, 22, tzinfo=UTC) + timedelta(minutes=minutes)).replace(tzinfo=None).isoformat(),
        event_type=kind,
        data={"id": 1, "amount": amount},
    ),
    st.sampled_from("abcde"),
    st.integers(0, 240),
    st.sampled_from(["creation", "closure"]),
    st.sampled_from(["1.00", "2.50"]),
)


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EVENTS, min_size=1, max_size=12, unique=True), st.randoms(use_true_random=False))
def test_order_split_and_redelivery_do_not_matter(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, events: list[str], dice: random.Random
) -> None:
    outcomes = []
    for delivery in (events, dice.sample(events + events, 2 * len(events))):
        monkeypatch.setenv("EVENT_PLATFORM_HOME", str(tmp_path_factory.mktemp("any")))
        monkeypatch.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
        pipeline = Pipeline()
        cuts = sorted(dice.sample(range(len(delivery) + 1), min(2, len(delivery))))
        for number, (start, stop) in enumerate(itertools.pairwise([0, *cuts, len(delivery)])):
            pipeline.drop(f"{number}.json", delivery[start:stop])
            if dice.random() < 0.5:
                pipeline.run_well()
        pipeline.run_well()
        assert pipeline.status().balanced
        outcomes.append(pipeline.sql("SELECT event_id, timestamp::VARCHAR FROM trusted.payments ORDER BY ALL"))
        counted = pipeline.sql("SELECT event_date, domain_event_type, count(*) FROM trusted.payments GROUP BY ALL ORDER BY ALL")
        assert (
            pipeline.sql("SELECT event_date, domain_event_type, sum(events)::BIGINT FROM aggregate.payments_daily GROUP BY ALL ORDER BY ALL")
            == counted
        )
    assert outcomes[0] == outcomes[1]


def test_a_failing_check_blocks_what_lies_downstream(home: Path) -> None:  # noqa: ARG001 - sets the home
    """A staged row vanishes behind the platform's back: the next run says so and aggregates nothing of it."""
    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a")])
    pipeline.run_well()
    stage = pipeline.lake.open(tables.stage(pipeline.source))
    stage.commit(Change("upkeep"), "vandal", removed=stage.files())
    pipeline.drop("b.json", [line("b", "2026-03-05T00:00:00")])
    for _ in range(2):  # the next run does not let through what this one stopped
        (outcome,) = pipeline.run()
        assert any("landed_is_staged_or_quarantined" in failure for failure in outcome.failures)
    assert pipeline.sql("SELECT count(*) FROM aggregate.payments_daily WHERE event_date = DATE '2026-03-05'") == [(0,)]


def test_a_failing_data_test_blocks_the_next_run_too(home: Path) -> None:  # noqa: ARG001 - sets the home
    """A trusted row that lacks what it must have is aggregated neither by this run nor by the next, neither of which wrote it."""
    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a")])
    pipeline.run_well()
    trusted = pipeline.lake.open(tables.trusted(pipeline.source))
    with connect(environment.read()) as duck:
        spoilt = write(duck, trusted, f"SELECT * REPLACE ('b' AS event_id, NULL AS landing_file) FROM ({trusted.select()})")
    trusted.commit(Change("arrival", dates=frozenset({date(2026, 3, 1)})), "vandal", added=spoilt)
    for _ in range(2):
        (outcome,) = pipeline.run()
        assert any("check not_null on trusted/payments failed" in failure for failure in outcome.failures)
    assert pipeline.sql("SELECT sum(events)::BIGINT FROM aggregate.payments_daily") == [(1,)]


def test_a_replay_passes_on_only_the_dates_whose_rows_came_out_otherwise(home: Path) -> None:  # noqa: ARG001 - sets the home
    from dataclasses import replace

    from event_platform.sources.contract import Rule
    from event_platform.stage.staging import reparse

    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a", "2026-03-01T12:00:00"), line("b", "2026-03-02T12:00:00", data={"cursed": True})])
    pipeline.run_well()
    stricter = replace(pipeline.source, rules=(Rule("cursed", "contains(data, 'cursed')"),))
    with connect(environment.read()) as duck:
        assert reparse(pipeline.lake, stricter, duck, "replay", [partitions.today()], only_changes=True).event_dates == {date(2026, 3, 2)}
        assert reparse(pipeline.lake, stricter, duck, "replay", [partitions.today()], only_changes=True).event_dates == frozenset()
        assert reparse(pipeline.lake, stricter, duck, "reprocess", [partitions.today()]).event_dates == {date(2026, 3, 1)}
