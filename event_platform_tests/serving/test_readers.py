"""Every engine that reads the lake's tables by itself finds in each the rows that the platform finds."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

import infra
import infra.java
from event_platform import environment, sources
from event_platform.cli import app
from event_platform.engines.duckdb import connect
from event_platform.environment import Environment
from event_platform.instance import open_instance
from event_platform.lake.catalog import Lake
from event_platform.lake.schema import MASK, Table
from event_platform.landing.queue import land
from event_platform.runs import process_pending
from event_platform.samples import census, payments, storefront
from event_platform.serving.engines import Engine, arrow
from event_platform.serving.sql import declared_tables, session
from event_platform_tests.serving.checksums import count_and_checksum

pytestmark = pytest.mark.server

Found = dict[str, tuple[int, str]]


@dataclass
class Shared:
    """A lake with three feeds in it, catalogued in PostgreSQL, and what the platform itself finds in its tables."""

    environment: Environment
    tables: Mapping[str, Table]
    found: Found

    @property
    def lake(self) -> Lake:
        return Lake(self.environment)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, postgres: infra.Postgres) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENT_PLATFORM_HOME", str(tmp_path_factory.mktemp("readers") / "home"))
        patch.setenv("EVENT_PLATFORM_SETTLE_SECONDS", "0")
        patch.setenv("EVENT_PLATFORM_CATALOG", postgres.url())
        yield


@pytest.fixture(scope="module")
def shared(settings: None, tmp_path_factory: pytest.TempPathFactory) -> Shared:  # noqa: ARG001 - where the lake is
    here, folder = environment.read(), tmp_path_factory.mktemp("samples")
    samples = {
        "payments": payments.write_sample(folder / "payments", events=1_000, days=5, files=2),
        "storefront": storefront.write_sample(folder / "storefront", visits=60),
        "census": census.write_sample(folder / "census", people=100),
    }
    with open_instance() as instance:
        for name, files in samples.items():
            source = sources.get(name)
            land(here, source, files)
            outcomes = list(process_pending(Lake(here), source, instance, lambda _: None))
            assert [failure for outcome in outcomes for failure in outcome.failures] == []
    return _with_what_is_found(here)


def _with_what_is_found(here: Environment) -> Shared:
    lake = Lake(here)
    with session(here) as opened:
        tables = {table.name: table for table in declared_tables() if lake.exists(table) and lake.open(table).rows}
        found = {name: opened.query(count_and_checksum(table, "duckdb"))[1][0] for name, table in tables.items()}
    assert len(tables) >= 12
    return Shared(here, tables, found)  # type: ignore[arg-type] # a row of two


def as_found(shared: Shared, engine: Engine) -> Found:
    """What another engine finds, asked as `event-platform sql` asks."""
    asked = {name: arrow(engine, shared.environment, count_and_checksum(table, engine)) for name, table in shared.tables.items()}
    return {name: tuple(answer.to_pylist()[0].values()) for name, answer in asked.items()}  # type: ignore[misc] # two columns


def in_duckdb(tables: Mapping[str, tuple[Table, Any]]) -> Found:
    """The same of Arrow tables."""
    found = {}
    with duckdb.connect() as connection:
        for name, (table, rows) in tables.items():
            connection.register("read", rows)
            (found[name],) = connection.execute(count_and_checksum(table, "duckdb", "read")).fetchall()
    return found


@pytest.mark.java
def test_trino(shared: Shared, trino: infra.Trino, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_TRINO", trino.url)
    here = Shared(environment.read(), shared.tables, shared.found)
    assert as_found(here, Engine.trino) == shared.found


@pytest.mark.java
def test_trino_reads_the_wanted_partitions_alone(shared: Shared, trino: infra.Trino, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_TRINO", trino.url)
    here = environment.read()
    with session(here) as opened:
        ((day,),) = opened.query("SELECT max(event_date) FROM trusted.payments")[1]
    wanted = f"FROM trusted.payments WHERE year = {day.year} AND month = {day.month} AND day = {day.day}"  # type: ignore[attr-defined]
    (plan,) = arrow(Engine.trino, here, f"EXPLAIN SELECT count(*) {wanted}").column(0).to_pylist()
    assert "ScanFilter" not in plan, "the partition's columns answer the condition; no row need be looked at"
    assert f"day:integer:identity\n            {day.day}" in plan or f"[[{day.day}]]" in plan, plan
    (read,) = arrow(Engine.trino, here, f'SELECT count(DISTINCT "$path") {wanted}').column(0).to_pylist()
    (all_files,) = arrow(Engine.trino, here, 'SELECT count(DISTINCT "$path") FROM trusted.payments').column(0).to_pylist()
    assert 0 < read < all_files == len(shared.lake.open(shared.tables["trusted.payments"]).files())


@pytest.mark.java
def test_trino_changes_nothing_and_says_what_is_wrong(shared: Shared, trino: infra.Trino, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from event_platform.errors import TransientError, UsageError
    from event_platform.serving.engines import trino as in_trino

    monkeypatch.setenv("EVENT_PLATFORM_TRINO", trino.url)
    with pytest.raises(UsageError, match=r"Trino at 127\.0\.0\.1 says: .*nosuch"):
        arrow(Engine.trino, environment.read(), "SELECT nosuch FROM trusted.payments")
    with pytest.raises((UsageError, TransientError), match="Access Denied"):  # by Trino itself, whoever asks
        in_trino.arrow(environment.read(), "DELETE FROM trusted.payments")
    statement = "SELECT count(*) AS n FROM trusted.payments"
    told = CliRunner().invoke(app, ["sql", "--engine", "trino", "--format", "json", statement])
    assert json.loads(told.stdout) == [{"n": shared.found["trusted.payments"][0]}]


@pytest.mark.java
@pytest.mark.long
@pytest.mark.timeout(3600)
def test_superset(shared: Shared, trino: infra.Trino, postgres: infra.Postgres, server_folder: Path) -> None:
    """Its admin signs in and asks in SQL Lab. Trino knows Superset by a name without a role of its own, so it sees what readers see."""
    with infra.superset(server_folder / "superset", postgres, trino) as server, requests.Session() as browser:
        sign_in = {"username": server.user, "password": server.password, "provider": "db"}
        token = browser.post(f"{server.url}/api/v1/security/login", json=sign_in, timeout=300).json()["access_token"]
        browser.headers["Authorization"] = f"Bearer {token}"
        browser.headers["X-CSRFToken"] = browser.get(f"{server.url}/api/v1/security/csrf_token/", timeout=300).json()["result"]
        (database,) = browser.get(f"{server.url}/api/v1/database/", timeout=300).json()["result"]

        def asked(statement: str) -> list[dict[str, object]]:
            question = {"database_id": database["id"], "sql": statement, "schema": "trusted", "runAsync": False}
            answer = browser.post(f"{server.url}/api/v1/sqllab/execute/", json=question, timeout=300)
            assert answer.ok, answer.text
            return answer.json()["data"]

        assert database["database_name"] == "lake"
        assert asked("SELECT count(*) AS found FROM trusted.payments") == [{"found": shared.found["trusted.payments"][0]}]
        assert asked("SELECT DISTINCT data AS told FROM trusted.payments") == [{"told": MASK}]


OF_JAVA_ITSELF = ("WARNING: Using incubator modules", "NOTE: Picked up JDK_JAVA_OPTIONS")


@pytest.mark.java
def test_spark_sql(shared: Shared) -> None:
    """In a process of its own, since a process has one Spark."""
    script = """
import sys
from event_platform import environment
from event_platform.serving.engines import Engine, arrow
from event_platform.serving.sql import declared_tables
from event_platform_tests.serving.checksums import count_and_checksum
import json
tables = {table.name: table for table in declared_tables()}
asked = {name: arrow(Engine.spark, environment.read(), count_and_checksum(tables[name], "spark")) for name in sys.argv[1:]}
import psutil
family = {child.pid for child in psutil.Process().children(recursive=True)}
words = [word for each in psutil.process_iter(["cmdline"]) if each.pid in family for word in each.info["cmdline"] or ()]  # none of one that ended
assert words and not [word for word in words if "password" in word]
print(json.dumps({name: [*answer.to_pylist()[0].values()] for name, answer in asked.items()}))
"""
    home = infra.java.home(17, 17)
    settings = {**os.environ, "EVENT_PLATFORM_SPARK_JARS": str(infra.jars("spark")), "SPARK_LOCAL_IP": "127.0.0.1", "JAVA_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", script, *shared.found], env=settings, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [line for line in done.stderr.splitlines() if not line.startswith(OF_JAVA_ITSELF)] == []
    assert {name: tuple(found) for name, found in json.loads(done.stdout.splitlines()[-1]).items()} == shared.found


def test_pyiceberg(shared: Shared) -> None:
    """With nothing of the platform but the address of the catalogue."""
    from pyiceberg.catalog import load_catalog

    assert shared.environment.catalog
    catalog = load_catalog("lake", uri=shared.environment.catalog.replace("postgresql", "postgresql+psycopg", 1))
    read = {name: (table, catalog.load_table(name).scan().to_arrow()) for name, table in shared.tables.items()}
    assert in_duckdb(read) == shared.found


def test_polars(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    import polars as pl

    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")  # it has another in a package of its own, and warns when that is not there
    scanned = {name: pl.scan_iceberg(shared.lake.open(table).iceberg).collect().to_arrow() for name, table in shared.tables.items()}
    assert in_duckdb({name: (shared.tables[name], rows) for name, rows in scanned.items()}) == shared.found


def test_the_iceberg_reader_of_duckdb(shared: Shared) -> None:
    """It reads metadata by itself; there are no packages of it for the DuckDB that the platform uses."""
    script = """
import json, sys
import duckdb, duckdb_extensions
assert duckdb.__version__ == "1.5.5"
for name in ("avro", "iceberg"):
    duckdb_extensions.import_extension(name)
connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
for name in ("avro", "iceberg"):
    connection.load_extension(name)
print(json.dumps({name: connection.execute(statement).fetchone() for name, statement in json.load(sys.stdin).items()}))
"""
    statements = {
        name: count_and_checksum(table, "duckdb", f"iceberg_scan('{shared.lake.open(table).iceberg.metadata_location}')")
        for name, table in shared.tables.items()
    }
    settings = {**os.environ, "PYTHONPATH": str(infra.packages("duckdb_iceberg"))}
    done = subprocess.run(
        [sys.executable, "-c", script], env=settings, input=json.dumps(statements), capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert {name: tuple(found) for name, found in json.loads(done.stdout).items()} == shared.found


def test_the_platform_itself_after_all_that(shared: Shared) -> None:
    with connect(shared.environment):
        assert _with_what_is_found(shared.environment).found == shared.found
