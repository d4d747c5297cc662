"""The storefront from files to the funnel: typed values, bad lines, arrival runs that carry through aggregates made from aggregates."""

import json
import re
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from event_platform import environment, sources, tables, upkeep
from event_platform.aggregate import storefront_funnel, storefront_sessions
from event_platform.aggregate.daily import aggregate_pending
from event_platform.definitions import defs
from event_platform.engines.duckdb import connect
from event_platform.instance import open_instance
from event_platform.lake.table import Change
from event_platform.runs import asset_of, has_pending_work, run_dates
from event_platform.samples.storefront import write_sample
from event_platform_tests.pipeline import Pipeline

FIRST, SECOND = date(2026, 3, 1), date(2026, 3, 2)


def view(event_id: str, at: str = "2026-03-01 12:00:00.000000", **fields: object) -> str:
    """One page view as the shop's tracker writes it, without the newline."""
    told: dict[str, object] = {
        "event_id": event_id,
        "event_timestamp": at,
        "event_type": "pageview",
        "page_url_path": "/home",
        "user_domain_id": "c",
        "user_custom_id": "jane@example.com",
        "utm_source": "google",
        "geo_latitude": "35.64889",
        "geo_longitude": "-117.5",
        "referer_url_port": "80",
        "ip_address": "126.230.35.177",
        "device_type": "Mobile",
        "device_is_mobile": True,
    }
    return json.dumps(told | fields)


@pytest.fixture
def pipeline(home: Path) -> Pipeline:  # noqa: ARG001 - sets the home
    return Pipeline(sources.get("storefront"))


BAD = {
    "geo_latitude": ({"geo_latitude": "north"}, "geo_latitude"),
    "off_earth": ({"geo_longitude": "180.5"}, "Earth"),
    "port": ({"referer_url_port": "http"}, "referer_url_port"),
    "mobile": ({"device_is_mobile": "perhaps"}, "device_is_mobile"),
    "device": ({"device_type": "Toaster"}, "device_type"),
    "type": ({"event_type": "purchase"}, "event_type"),
    "cookie": ({"user_domain_id": None}, "cookie_id"),
    "path": ({"page_url_path": None}, "page_url_path"),
    "time": ({"event_timestamp": "yesterday"}, "event_timestamp"),
}


def test_values_are_typed_and_each_bad_one_is_quarantined_alone_and_named(pipeline: Pipeline) -> None:
    for name, (wrong, _) in BAD.items():
        pipeline.drop(f"{name}.json", [view(f"bad-{name}", **wrong), view(f"good-{name}")])
    pipeline.drop("typed.json", [view("typed", "2026-03-01 23:59:59.123456")])
    pipeline.run_well()
    columns = "cookie_id, event_timestamp::VARCHAR, event_date, geo_latitude, geo_longitude, referer_url_port, device_is_mobile, extra"
    typed = ("c", "2026-03-01 23:59:59.123456+00", FIRST, 35.64889, -117.5, 80, True, None)
    assert pipeline.sql(f"SELECT {columns} FROM trusted.storefront WHERE event_id = 'typed'") == [typed]
    found = pipeline.sql("SELECT original_name, line_number, reason FROM quarantine.storefront JOIN landing.storefront USING (file_id)")
    assert sorted((name, number) for name, number, _ in found) == sorted((f"{name}.json", 1) for name in BAD)
    assert [(name, reason) for name, _, reason in found if BAD[str(name).removesuffix(".json")][1] not in str(reason)] == []
    assert pipeline.sql("SELECT event_id FROM trusted.storefront WHERE starts_with(event_id, 'good') ORDER BY 1") == sorted(
        (f"good-{name}",) for name in BAD
    )
    assert pipeline.status().balanced


def test_the_documented_query_gives_the_documented_answer(pipeline: Pipeline, tmp_path: Path) -> None:
    pytest.importorskip("fake_web_events")
    for path in write_sample(tmp_path):
        pipeline.drop(path.name, path.read_bytes())
    pipeline.run_well()
    page = (environment.CHECKOUT / "docs" / "feeds" / "storefront.md").read_text()
    (statement,) = re.findall(r'event-platform sql "(.*?)" --format csv', page)
    shown = re.findall(r"```\n(utm_source,.*?)```", page, re.DOTALL)[0].splitlines()[1:]
    assert [",".join(map(str, row)) for row in pipeline.sql(statement)] == shown
    assert pipeline.sql("SELECT count(*), count(*) FILTER (WHERE ended_at::DATE > event_date) FROM aggregate.storefront_sessions") == [(1094, 53)]


def test_one_arrival_run_carries_through_to_the_funnel(pipeline: Pipeline) -> None:
    pipeline.drop("a.json", [view("a", "2026-03-01 23:50:00"), view("b", "2026-03-02 00:15:00")])
    (outcome,) = pipeline.run()
    assert outcome.failures == ()
    both = {"2026-03-01", "2026-03-02"}
    with open_instance() as instance:
        for table in ("storefront_sessions", "storefront_funnel"):
            key = dg.AssetKey(["aggregate", table])
            assert set(instance.get_materialized_partitions(key)) == both
            history = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(key, "not_null"), limit=10)
            verdicts = [record.event.dagster_event.asset_check_evaluation_data for record in history if record.event]
            assert {verdict.partition for verdict in verdicts} == {None, *both}
            assert all(verdict.passed for verdict in verdicts)
    assert pipeline.sql("SELECT event_date, pages FROM aggregate.storefront_sessions") == [(FIRST, 2)]
    assert pipeline.sql("SELECT event_date, sessions FROM aggregate.storefront_funnel") == [(FIRST, 1)]
    pipeline.drop("late.json", [view("c", "2026-03-02 00:30:00", page_url_path="/confirmation")])
    (outcome,) = pipeline.run()
    assert outcome.failures == ()
    assert pipeline.sql("SELECT event_date, sessions, confirmation_sessions, conversion_rate FROM aggregate.storefront_funnel") == [
        (FIRST, 1, 1, 1.0)
    ]
    assert pipeline.run() == []


def test_a_funnel_left_behind_is_pending_work(pipeline: Pipeline) -> None:
    pipeline.drop("a.json", [view("a")])
    pipeline.run_well()
    assert not has_pending_work(pipeline.lake, pipeline.source)
    sessions = pipeline.lake.open(storefront_sessions.TABLE)
    sessions.commit(Change("replacement", dates=frozenset({FIRST})), "by hand", removed=sessions.files())
    assert has_pending_work(pipeline.lake, pipeline.source)
    with connect(environment.read()) as duck:
        assert aggregate_pending(pipeline.lake, storefront_funnel.AGGREGATE, duck, "by hand") == {FIRST}
    assert not has_pending_work(pipeline.lake, pipeline.source)


def test_a_failing_data_test_blocks_the_funnel(pipeline: Pipeline) -> None:
    """A page view vanishes from sessions behind the platform's back: the next run says so."""
    pipeline.drop("a.json", [view("a")])
    pipeline.run_well()
    sessions = pipeline.lake.open(storefront_sessions.TABLE)
    sessions.commit(Change("upkeep"), "vandal", removed=sessions.files())
    pipeline.drop("b.json", [view("b", "2026-03-05 12:00:00")])
    (outcome,) = pipeline.run()
    assert any("counts_every_event" in failure for failure in outcome.failures)
    assert pipeline.sql("SELECT count(*) FROM aggregate.storefront_funnel WHERE event_date = DATE '2026-03-05'") == [(0,)]


def test_lineage_goes_from_trusted_through_sessions_to_the_funnel() -> None:
    graph = defs.resolve_asset_graph()
    sessions, funnel = (dg.AssetKey(["aggregate", name]) for name in ("storefront_sessions", "storefront_funnel"))
    assert graph.get(funnel).parent_keys == {sessions}
    assert graph.get(sessions).parent_keys == {dg.AssetKey(["trusted", "storefront"])}


def test_backfills_change_no_answer(pipeline: Pipeline) -> None:
    pipeline.drop("a.json", [view(f"{number}", f"2026-03-0{1 + number // 20} {number % 20 + 4:02}:10:00") for number in range(60)])
    pipeline.drop("night.json", [view("x", "2026-03-01 23:50:00"), view("y", "2026-03-02 00:20:00")])
    pipeline.run_well()
    before = [pipeline.sql(f"SELECT * FROM aggregate.{table} ORDER BY ALL") for table in ("storefront_sessions", "storefront_funnel")]
    with open_instance() as instance:
        for table in ("trusted.storefront", "aggregate.storefront_sessions", "aggregate.storefront_funnel"):
            assert run_dates(asset_of(table), SECOND, SECOND + timedelta(days=9), instance, print).ok
    pipeline.run_well()
    assert [pipeline.sql(f"SELECT * FROM aggregate.{table} ORDER BY ALL") for table in ("storefront_sessions", "storefront_funnel")] == before


def test_maintenance_expires_snapshots_that_the_tables_made_from_a_table_have_taken_in(pipeline: Pipeline) -> None:
    for number in range(2):
        pipeline.drop(f"{number}.json", [view(f"{number}")])
        pipeline.run_well()
    with connect(environment.read()) as duck:
        done = {each.table: each for each in upkeep.maintain_source(pipeline.lake, pipeline.source, duck, timedelta(0))}
    assert min(done[name].expired_snapshots for name in ("trusted.storefront", "aggregate.storefront_sessions")) > 0
    assert pipeline.run() == []
    assert pipeline.lake.open(tables.trusted(pipeline.source)).rows == 2
