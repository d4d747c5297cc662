"""A person is erased from tables that were loaded into PostgreSQL, and from a lake in a store of objects."""

from pathlib import Path

import pytest

from event_platform import environment, sources
from event_platform.engines.duckdb import connect
from event_platform.lake.objects import object_store
from event_platform.serving.postgres.loads import make_load, perform
from event_platform_tests.erasure.test_erase import ADA, BEN, click, erase, lines
from event_platform_tests.pipeline import Pipeline
from event_platform_tests.serving.postgres.conftest import Server, server

__all__ = ["server"]


def test_loaded_tables_are_loaded_again_without_the_person(
    home: Path,  # noqa: ARG001 - the process is told of it
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with server.connect(autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS erasure")
        connection.execute("CREATE DATABASE erasure")
    monkeypatch.setenv("EVENT_PLATFORM_POSTGRES", server.url("erasure"))
    clicks = Pipeline(sources.get("clickstream"))
    clicks.drop("one.json", lines([click(BEN, 1), click(ADA, 2), click(BEN, 90_000), click(ADA, 3)]))
    clicks.run_well()
    loads = [
        make_load("trusted.clickstream"),
        make_load("trusted.clickstream", "chunks", name="steps", records=3),
        make_load("aggregate.clickstream_windows", name="windows"),
    ]
    with connect(environment.read()) as duck:
        for load in loads:
            perform(load, clicks.lake, duck)

    receipt = erase(f"username={ADA}")

    assert receipt.clean
    assert {each["name"]: (each["rows_before"] > 0, each["rows_after"]) for each in receipt.loads} == {
        "trusted.clickstream": (True, 0),
        "public.steps": (True, 0),
        "public.windows": (True, 0),
    }
    with server.connect("erasure") as connection:
        for table in ("trusted.clickstream", "steps", "windows"):
            assert connection.execute(f"SELECT DISTINCT username FROM {table}").fetchall() == [(BEN,)]
        assert connection.execute("SELECT count(*) FROM steps").fetchone() == (2,)


@pytest.mark.server
def test_a_person_is_erased_from_a_lake_on_s3(lake_url: str) -> None:
    clicks = Pipeline(sources.get("clickstream"))
    for number, each in enumerate([[click(BEN, 1), click(ADA, 2)], [click(BEN, 3)]]):
        store = object_store(lake_url)
        store.create(f"{lake_url}/landing/clickstream/pending/{number}.json", lines(each))
    clicks.run_well()

    receipt = erase(f"username={ADA}")

    assert receipt.clean
    assert clicks.sql("SELECT DISTINCT username FROM trusted.clickstream") == [(BEN,)]
    found = {each.url.rpartition("-")[2]: store.read(each.url) for each in store.list(f"{lake_url}/landing/clickstream/processed")}
    assert found == {"0.json": lines([click(BEN, 1)]), "1.json": lines([click(BEN, 3)])}
    assert clicks.status().total.erased == 1

    store.create(f"{lake_url}/landing/clickstream/pending/again.json", lines([click(BEN, 1), click(ADA, 2)]))
    clicks.run_well()
    assert erase(f"username={ADA}").clean
