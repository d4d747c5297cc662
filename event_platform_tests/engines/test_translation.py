"""What becomes of a statement on its way to Spark, and what DuckDB does in the executors; no Java is needed to see it."""

import pickle

import pyarrow as pa
import pytest

from event_platform.engines.spark_tasks import SHARE, Limits, evaluate, fed, worked
from event_platform.engines.spark_translation import Function, translated


def one_line(sql: str) -> str:
    return " ".join(sql.split())


def test_files_become_a_view_named_by_what_it_holds() -> None:
    paths = "['/lake/it''s 100%/a+b[1].parquet', '/lake/b.parquet']"
    translation = translated(f'SELECT "a", filename FROM read_parquet({paths}, hive_partitioning = false)')
    (files,) = translation.files
    assert files.paths == ("/lake/it's 100%/a+b[1].parquet", "/lake/b.parquet")
    assert one_line(translation.sql) == f"SELECT `a`, filename FROM {files.name}"
    assert one_line(translated(f"SELECT h.a FROM read_parquet({paths}) AS h").sql) == f"SELECT h.a FROM {files.name} AS h"
    again, other = (translated(f"SELECT a FROM read_parquet({each}, hive_partitioning = false)").files[0] for each in (paths, "['/c']"))
    assert (again.name == files.name, other.name == files.name) == (True, False)


def test_files_older_than_columns_are_read_by_field_id() -> None:
    schema = "MAP {1: {name: 'id', type: 'VARCHAR', default_value: NULL}, 7: {name: 'at', type: 'TIMESTAMPTZ', default_value: NULL}}"
    (files,) = translated(f"SELECT id FROM read_parquet(['/a'], hive_partitioning = false, schema = {schema})").files
    assert files.fields == ((1, "id", "string"), (7, "at", "timestamp"))


def test_temporary_tables_are_kept_and_views_are_not() -> None:
    made = [translated(f'CREATE OR REPLACE TEMP {kind} "losers" AS SELECT 1 AS a') for kind in ("TABLE", "VIEW")]
    assert [(each.creates, each.is_kept, one_line(each.sql)) for each in made] == [
        ("losers", True, "SELECT 1 AS a"),
        ("losers", False, "SELECT 1 AS a"),
    ]


@pytest.mark.parametrize(
    ("sql", "expression", "gives"),
    [
        ("event_key(\"id\")", "EVENT_KEY(a0)", "bigint"),
        ("TRY_CAST(100 * TRY_CAST(field[5] AS DECIMAL(20, 2)) AS BIGINT)", "TRY_CAST(100 * TRY_CAST(a0 AS DECIMAL(20, 2)) AS BIGINT)", "bigint"),
        ("json_extract_string(data, ['$.a', '$.b.c'])", "a0 ->> ['$.a', '$.b.c']", "array<string>"),
        ("regexp_matches(x, '^a')", "REGEXP_MATCHES(a0, '^a')", "boolean"),
    ],
)  # fmt: skip
def test_what_the_engines_would_answer_otherwise_is_duckdbs(sql: str, expression: str, gives: str) -> None:
    translation = translated(f"SELECT {sql} FROM events")
    assert translation.functions == (Function(expression, gives),)
    assert one_line(translation.sql).startswith(f"SELECT {translation.functions[0].name.upper()}(")


def test_an_expression_is_evaluated_in_order_for_every_row() -> None:
    many = pa.array([f'{{"n": {number}}}' for number in range(5_000)] + [None, "torn"])
    found = evaluate("TRY_CAST(TRY_CAST(a0 AS JSON) ->> '$.n' AS BIGINT)", many)
    assert found.to_pylist() == [*range(5_000), None, None]


def test_a_task_finds_its_share_and_tells_what_came_of_it() -> None:
    batches = pa.table({"n": pa.array(range(10_000))}).to_batches(max_chunksize=3_000)
    (told,) = fed(add_up, Limits("500MB"))(batches)
    assert pickle.loads(told["result"][0].as_py()) == [(sum(range(10_000)),)]
    assert list(fed(add_up, Limits())([])) == []
    assert worked(double, Limits())(21) == [(42,)]


def add_up(duck):
    return duck.execute(f"SELECT sum(n)::BIGINT FROM {SHARE}").fetchall()


def double(duck, item):
    return duck.execute(f"SELECT 2 * {item}").fetchall()
