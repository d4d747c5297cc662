"""Statement by statement, Spark answers what DuckDB answers."""

import math
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from event_platform import environment
from event_platform.engines import duckdb as embedded
from event_platform.engines import spark
from event_platform.engines.spelling import literal
from event_platform.errors import PermanentError, TransientError

pytestmark = [pytest.mark.java, pytest.mark.timeout(1800)]

NUMBERS = "(SELECT unnest(['1', '-1', '0', '2', NULL, 'nan', 'inf', '-inf', '-0', '1e308', '0.1', '0.2'])::DOUBLE AS n)"
HALVES = "(SELECT unnest(['2.505', '-2.505', '2.5', '-0.005']) AS x)"
WORDS = "(SELECT unnest(['a', 'B', 'ä', 'z', 'Z', '', NULL, '😀', 'ﬀ', 'a ', ' a', 'é', 'é']) AS w)"
MOMENTS = "(SELECT unnest(['2026-03-01 23:59:59.999999+00', '2026-03-02 00:00:00+00', '1969-12-31 23:00:00-05', NULL])::TIMESTAMPTZ AS t)"


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[spark.Spark, duckdb.DuckDBPyConnection]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENT_PLATFORM_HOME", str(tmp_path_factory.mktemp("home")))
        here = environment.read()
        with embedded.connect(here) as duck, spark.connect(here, duck) as started:
            yield started, duck


@pytest.fixture(scope="module")
def files(engines: tuple[spark.Spark, duckdb.DuckDBPyConnection], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The rows above as Parquet files in a folder whose name no glob, URL or partition must be read into."""
    folder = tmp_path_factory.mktemp("year=1 a+b %20 [x]{y}*")
    paths = {name: literal(str(folder / f"{name}.parquet")) for name in ("numbers", "halves", "words", "moments")}
    for name, select in {"numbers": NUMBERS, "halves": HALVES, "words": WORDS, "moments": MOMENTS}.items():
        engines[1].execute(f"COPY {select} TO {paths[name]} (FORMAT parquet)")
    return {name: f"read_parquet([{path}], hive_partitioning = false)" for name, path in paths.items()}


STATEMENTS = {
    "float order": "SELECT n FROM {numbers} ORDER BY n DESC LIMIT 20",
    "float extremes": "SELECT min(n), max(n), count(n), count(*) FROM {numbers}",
    "float groups": "SELECT n, count(*) FROM (SELECT n FROM {numbers} UNION ALL SELECT -n FROM {numbers}) GROUP BY n ORDER BY n, 2",
    "text order": "SELECT w FROM {words} ORDER BY w",
    "text extremes": "SELECT min(w), max(w), count(DISTINCT w) FROM {words}",
    "text equality": "SELECT count(*) FROM {words} AS a JOIN {words} AS b USING (w)",
    "days": "SELECT d, year(d), month(d), day(d) FROM (SELECT CAST(t AT TIME ZONE 'UTC' AS DATE) AS d FROM {moments}) ORDER BY d",
    "hours": "SELECT date_trunc('hour', t) AS h, t + INTERVAL '30' MINUTE AS later FROM {moments} ORDER BY t",
    "buckets": "SELECT time_bucket(INTERVAL '5' SECOND, t, TIMESTAMPTZ '1970-01-01 00:00:00+00') b, count(*) FROM {moments} GROUP BY ALL ORDER BY b",
    "null among others": "SELECT w NOT IN ('a', 'B') AS other FROM {words} ORDER BY w",
    "distinct from": "SELECT a.w IS DISTINCT FROM b.w AS differs, count(*) FROM {words} AS a, {words} AS b GROUP BY differs ORDER BY differs",
    "semi and anti": "SELECT count(*) FROM (SELECT w FROM {words} SEMI JOIN (SELECT w FROM {words} WHERE w < 'b') AS low USING (w))",
    "division": "SELECT count(*) FILTER (WHERE n > 0) / count(*) AS share FROM {numbers}",
    "sum beyond 64 bits": "SELECT sum(CAST(9223372036854775807 AS BIGINT)::DECIMAL(19, 0))::VARCHAR AS s FROM {numbers}",
    "sum made to fit": "SELECT TRY_CAST(sum(CAST(9223372036854775807 AS BIGINT)::DECIMAL(19, 0)) AS BIGINT) AS s FROM {numbers}",
    "rounding": "SELECT TRY_CAST(x AS DECIMAL(20, 2)) AS d, TRY_CAST(x AS BIGINT) AS b FROM {halves} ORDER BY d",
    "what is no number": "SELECT TRY_CAST(w AS DOUBLE) AS d, TRY_CAST(w AS DATE) AS e FROM {words} ORDER BY w",
    "first in order": "SELECT w FROM {words} QUALIFY row_number() OVER (PARTITION BY w IS NULL ORDER BY w DESC) = 1 ORDER BY w",
    "stored hash": "SELECT w, event_key(w) AS k FROM {words} WHERE w IS NOT NULL ORDER BY w",
    "paths": "SELECT DISTINCT filename FROM {words}",
    "patterns": "SELECT w FROM {words} WHERE regexp_matches(w, '^[[:alpha:]]$') ORDER BY w",
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_answers_are_the_same(engines: tuple[spark.Spark, duckdb.DuckDBPyConnection], files: dict[str, str], name: str) -> None:
    statement = STATEMENTS[name].format(**files)
    theirs, ours = (engine.execute(statement).fetchall() for engine in engines)
    assert list(map(comparable, theirs)) == list(map(comparable, ours))


def comparable(row: tuple[object, ...]) -> list[object]:
    """NaN equals itself; which of -0.0 and 0.0 stands for both is nobody's business."""
    return ["NaN" if isinstance(value, float) and math.isnan(value) else value for value in row]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT histogram_of_nothing(1)",
        "SELEC 1",
        "SELECT sum(n) FROM (SELECT unnest([9223372036854775807, 1]) AS n)",
        "SELECT CAST(w AS INT) FROM (SELECT unnest(['ada', 'b']) AS w)",
    ],
)
def test_a_statement_that_spark_cannot_run_is_told_in_one_sentence(
    statement: str, engines: tuple[spark.Spark, duckdb.DuckDBPyConnection], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PermanentError, match="EVENT_PLATFORM_ENGINE") as told:
        engines[0].execute(statement).fetchall()
    assert "\x1b" not in str(told.value)
    assert "ada" not in capfd.readouterr().err


def test_an_error_of_ours_in_an_executor_is_told_as_such(engines: tuple[spark.Spark, duckdb.DuckDBPyConnection]) -> None:
    with pytest.raises(TransientError) as told:
        engines[0].each(_fail, ["stage.payments"])
    assert str(told.value) == "The disk is full: stage.payments could not be written."


def test_what_is_not_shared_out_is_done_by_all_cores(engines: tuple[spark.Spark, duckdb.DuckDBPyConnection]) -> None:
    cores = engines[0].session.sparkContext.defaultParallelism
    assert engines[0].each(_threads, ["one"]) == [cores]
    assert engines[0].each(_threads, ["each"] * cores) == [1] * cores


def _threads(duck: duckdb.DuckDBPyConnection, _: str) -> int:
    ((threads,),) = duck.execute("SELECT current_setting('threads')").fetchall()
    return int(threads)


def _fail(_: duckdb.DuckDBPyConnection, table: str) -> None:
    raise TransientError(f"The disk is full: {table} could not be written.")


def test_old_files_are_read_by_field_id(engines: tuple[spark.Spark, duckdb.DuckDBPyConnection], tmp_path: Path) -> None:
    """A column under its former name, and one that the file has not."""
    engines[1].execute(f"COPY (SELECT 'x' AS former, 1::BIGINT AS n) TO '{tmp_path}/old.parquet' (FORMAT parquet, FIELD_IDS {{'former': 3, 'n': 1}})")
    told = {1: ("n", "BIGINT"), 3: ("now", "VARCHAR"), 9: ("added", "TIMESTAMPTZ")}
    schema = ", ".join(f"{number}: {{name: '{name}', type: '{kind}', default_value: NULL}}" for number, (name, kind) in told.items())
    statement = f"SELECT n, now, added FROM read_parquet(['{tmp_path}/old.parquet'], hive_partitioning = false, schema = MAP {{{schema}}})"
    assert [engine.execute(statement).fetchall() for engine in engines] == [[(1, "x", None)]] * 2
