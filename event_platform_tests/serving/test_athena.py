"""Athena, played by moto: what it is asked, and what becomes of its text. Glue has the tables without any DDL."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
import requests
from typer.testing import CliRunner

import infra
from event_platform import environment
from event_platform.cli import app
from event_platform.serving.engines import Engine, arrow
from event_platform_tests.pipeline import Pipeline, line

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("home")]

TYPES = {"n": "bigint", "share": "double", "day": "date", "at": "timestamp with time zone", "is_new": "boolean", "name": "varchar"}
ROWS = [["7", "0.25", "2026-03-01", "2026-03-01 12:30:00.000001 UTC", "true", "a"], [None, None, None, None, None, None]]


@pytest.fixture
def athena(moto: infra.Moto, monkeypatch: pytest.MonkeyPatch) -> Iterator[infra.Moto]:
    moto.reset()
    settings = {"EVENT_PLATFORM_CATALOG": "glue", "EVENT_PLATFORM_ATHENA_OUTPUT": "s3://answers/here", "EVENT_PLATFORM_ATHENA_WORKGROUP": "primary"}
    for name, value in {**settings, **moto.environment}.items():
        monkeypatch.setenv(name, value)
    yield moto
    moto.reset()


def answers_with(athena: infra.Moto, rows: list[list[str | None]]) -> None:
    """Have the next query answered so, in the shape that Athena gives: the names are the first row."""
    data = [{"Data": [{} if value is None else {"VarCharValue": value} for value in row]} for row in [[*TYPES], *rows]]
    columns = [
        {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name, "Type": kind, "Precision": 0, "Scale": 0}
        for name, kind in TYPES.items()
    ]
    described = [{**column, "Nullable": "UNKNOWN", "CaseSensitive": False} for column in columns]
    sent = {"region": athena.region, "results": [{"rows": data, "column_info": described}]}
    requests.post(f"{athena.endpoint}/moto-api/static/athena/query-results", json=sent, timeout=10).raise_for_status()


def test_text_becomes_values_of_the_types_told(athena: infra.Moto) -> None:
    answers_with(athena, ROWS)
    answer = arrow(Engine.athena, environment.read(), "SELECT 1;").to_pylist()
    assert [*answer[0].values()] == [7, 0.25, date(2026, 3, 1), datetime(2026, 3, 1, 12, 30, 0, 1, UTC), True, "a"]
    assert set(answer[1].values()) == {None}


def test_an_answer_without_rows_has_its_columns(athena: infra.Moto) -> None:
    answers_with(athena, [])
    assert arrow(Engine.athena, environment.read(), "SELECT 1").column_names == [*TYPES]


def test_the_command_prints_it(athena: infra.Moto) -> None:
    answers_with(athena, ROWS[:1])
    told = CliRunner().invoke(app, ["sql", "--engine", "athena", "--format", "json", "SELECT n, name FROM trusted.payments"])
    assert json.loads(told.stdout)[0]["n"] == 7


@pytest.mark.usefixtures("athena")
def test_glue_knows_the_tables_and_where_their_metadata_is() -> None:
    import boto3

    pipeline = Pipeline()
    pipeline.drop("a.json", [line("a"), line("b")])
    pipeline.run_well()
    assert pipeline.sql("SELECT count(*) FROM trusted.payments") == [(2,)]
    known = boto3.client("glue").get_table(DatabaseName="trusted", Name="payments")["Table"]
    assert known["Parameters"]["table_type"] == "ICEBERG"
    assert known["Parameters"]["metadata_location"].startswith("file:///")
    assert {"Name": "event_id", "Type": "string"}.items() <= known["StorageDescriptor"]["Columns"][0].items()
