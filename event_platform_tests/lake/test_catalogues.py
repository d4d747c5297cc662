"""One suite for every kind of catalogue, each the real server where it can be started here; Glue is played by moto."""

import dataclasses
from collections.abc import Callable, Iterator
from uuid import uuid4

import duckdb
import pytest
from ephemeral_port_reserve import reserve
from pyiceberg.exceptions import NoSuchTableError

import infra
from event_platform import diagnosis, environment
from event_platform.engines.duckdb import connect
from event_platform.errors import ConfigurationError, ConflictError, TransientError
from event_platform.lake import aws
from event_platform.lake.catalog import Lake
from event_platform.lake.schema import Table
from event_platform.lake.table import Change, LakeTable
from event_platform.lake.write import write
from event_platform.sources.contract import Column

Settings = dict[str, str]


def on_sqlite(_: pytest.FixtureRequest) -> Settings:
    return {}


def on_postgres(request: pytest.FixtureRequest) -> Settings:
    return {"EVENT_PLATFORM_CATALOG": request.getfixturevalue("postgres").url()}


def on_hive(request: pytest.FixtureRequest) -> Settings:
    return {"EVENT_PLATFORM_CATALOG": request.getfixturevalue("hive").uri}


def on_glue(request: pytest.FixtureRequest) -> Settings:
    return {"EVENT_PLATFORM_CATALOG": "glue", **request.getfixturevalue("moto").environment}


def on_rest(request: pytest.FixtureRequest) -> Settings:
    server = request.getfixturevalue("seaweedfs")
    return {
        "EVENT_PLATFORM_CATALOG": server.catalog,
        "EVENT_PLATFORM_LAKE": f"s3://{server.warehouse}",
        "PYICEBERG_CATALOG__LAKE__WAREHOUSE": server.warehouse,
        "PYICEBERG_CATALOG__LAKE__REST__SIGV4_ENABLED": "true",
        "PYICEBERG_CATALOG__LAKE__REST__SIGNING_NAME": "s3tables",
        "PYICEBERG_CATALOG__LAKE__REST__SIGNING_REGION": server.region,
        **server.environment,
    }


KINDS = [
    on_sqlite,
    *(pytest.param(kind, marks=pytest.mark.server) for kind in (on_postgres, on_glue, on_rest)),
    pytest.param(on_hive, marks=pytest.mark.java),
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def lake(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Lake]:
    """Opens the same lake anew, as another process would."""
    request.getfixturevalue("home")
    kind: Callable[[pytest.FixtureRequest], Settings] = request.param
    for name, value in kind(request).items():
        monkeypatch.setenv(name, value)
    return lambda: Lake(environment.read())


@pytest.fixture
def duck(lake: Callable[[], Lake]) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(lake().environment) as connection:
        yield connection


@pytest.fixture
def table() -> Table:
    """A table that no other test has in the catalogue, which they share."""
    return Table("aggregate", f"any_{uuid4().hex[:12]}", "One row per test.", (Column("a", "long", "Anything"), Column("d", "date", "Day")), ("d",))


def append(duck: duckdb.DuckDBPyConnection, opened: LakeTable, value: int, **marks: int) -> None:
    added = write(duck, opened, f"SELECT {value}::BIGINT AS a, DATE '2026-03-01' AS d")
    opened.commit(Change("arrival"), f"run {value}", added=added, consumed=marks)


def values(duck: duckdb.DuckDBPyConnection, opened: LakeTable, columns: str = "a") -> list[tuple[object, ...]]:
    return duck.execute(f"SELECT {columns} FROM ({opened.select()}) ORDER BY ALL").fetchall()


def test_what_is_not_there_is_neither_found_nor_dropped(lake: Callable[[], Lake], table: Table) -> None:
    lake().open(dataclasses.replace(table, short_name=f"{table.short_name}_other"))
    assert not lake().exists(table)
    with pytest.raises(NoSuchTableError):
        lake().catalog.drop_table(table.name)


def test_a_table_is_made_once_and_seen_by_others(lake: Callable[[], Lake], table: Table, duck: duckdb.DuckDBPyConnection) -> None:
    made = lake().open(table)
    append(duck, made, 1, upstream=3)
    seen = lake().open(table)
    assert (seen.identity, values(duck, seen), seen.consumed("upstream"), lake().exists(table)) == (made.identity, [(1,)], 3, True)
    append(duck, seen, 2)
    made.refresh()
    assert values(duck, made) == [(1,), (2,)]
    assert made.partitions("d") == {20513}


def test_a_table_is_widened_and_keeps_its_rows(lake: Callable[[], Lake], table: Table, duck: duckdb.DuckDBPyConnection) -> None:
    append(duck, lake().open(table), 1)
    wider = dataclasses.replace(table, columns=(*table.columns, Column("b", "string", "Anything else")))
    assert values(duck, lake().open(wider), "a, b") == [(1, None)]
    assert lake().open(table).iceberg.schema().column_names == ["a", "d", "b"]


def test_who_comes_second_changes_nothing_and_starts_anew(lake: Callable[[], Lake], table: Table, duck: duckdb.DuckDBPyConnection) -> None:
    lake().open(table)
    first, second = lake().open(table), lake().open(table)
    append(duck, first, 1, upstream=7)
    with pytest.raises(ConflictError, match=f"{table.name} was changed by another writer at the same moment"):
        append(duck, second, 1, upstream=6)
    second.refresh()
    assert (values(duck, second), second.consumed("upstream")) == ([(1,)], 7)
    append(duck, second, 2, upstream=8)
    assert (values(duck, lake().open(table)), lake().open(table).consumed("upstream")) == ([(1,), (2,)], 8)


def test_a_mark_alone_does_not_go_back(lake: Callable[[], Lake], table: Table, duck: duckdb.DuckDBPyConnection) -> None:
    append(duck, lake().open(table), 1)
    first, second, third = lake().open(table), lake().open(table), lake().open(table)
    first.commit(Change("upkeep"), "first", consumed={"upstream": 7})
    with pytest.raises(ConflictError):
        second.commit(Change("upkeep"), "second", consumed={"upstream": 6})
    with pytest.raises(ConflictError):
        append(duck, third, 2, upstream=6)
    opened = lake().open(table)
    assert (values(duck, opened), opened.consumed("upstream")) == ([(1,)], 7)
    assert opened.changes_since(opened.sequence - 1) == []


@pytest.mark.parametrize("address", ["postgresql://me:hidden@127.0.0.1:{}/lake", "http://me:hidden@127.0.0.1:{}", "thrift://127.0.0.1:{}", "glue"])
@pytest.mark.usefixtures("home")
def test_a_catalogue_that_is_away_is_told_without_the_password(monkeypatch: pytest.MonkeyPatch, address: str, table: Table) -> None:
    nobody = reserve()
    monkeypatch.setenv("EVENT_PLATFORM_CATALOG", address.format(nobody))
    for name, value in {"ENDPOINT_URL": f"http://127.0.0.1:{nobody}", "ACCESS_KEY_ID": "k", "SECRET_ACCESS_KEY": "hidden"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    monkeypatch.setattr(aws, "ATTEMPTS", 1)
    with pytest.raises(TransientError, match=r"(?s)The catalogue can ?not be (used|reached)") as told:
        Lake(environment.read()).open(table)
    assert "hidden" not in str(told.value) + repr(environment.read())
    (finding,) = [each for each in diagnosis.diagnose() if each.what == "catalogue"]
    assert not finding.ok
    assert "hidden" not in finding.way_out


@pytest.mark.server
@pytest.mark.usefixtures("home")
def test_a_wrong_password_is_told_and_not_repeated(monkeypatch: pytest.MonkeyPatch, postgres: infra.Postgres, table: Table) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_CATALOG", postgres.url().replace(postgres.password, "hidden"))
    with pytest.raises(ConfigurationError, match=r"password authentication failed\. Correct EVENT_PLATFORM_CATALOG") as told:
        Lake(environment.read()).open(table)
    assert "hidden" not in str(told.value)


@pytest.mark.parametrize("text", ["postgres://x", "postgresql://u:50%@h/d", "thrift:h", "http://", "sqlite:///x"])
def test_an_address_that_is_none_is_refused_without_being_repeated(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("EVENT_PLATFORM_CATALOG", text)
    with pytest.raises(ConfigurationError, match="EVENT_PLATFORM_CATALOG is not the address of a catalogue") as told:
        environment.read()
    assert text not in str(told.value)
