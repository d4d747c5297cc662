"""People may ask anything of the lake and change nothing through it."""

import io
from pathlib import Path

import pytest

from event_platform import environment
from event_platform.environment import Environment
from event_platform.errors import UsageError
from event_platform.serving.engines import QUERY, Engine, arrow
from event_platform.serving.forms import Format
from event_platform.serving.sql import Session, session

TWO = "(SELECT 1 AS a, 2 AS b)"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Session:
    with session(environment.Environment(tmp_path_factory.mktemp("home"))) as found:
        yield found


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 -- one",
        "FROM trusted.payments",
        "WITH x AS (SELECT 1) SELECT * FROM x; -- done",
        "VALUES (';')",
        "DESCRIBE trusted.payments",
        "SHOW ALL TABLES",
        "SUMMARIZE trusted.payments",
        f"PIVOT {TWO} ON a USING sum(b)",
        f"WITH p AS (PIVOT {TWO} ON a USING sum(b)) SELECT 'ä' FROM p",
        f"UNPIVOT {TWO} ON a, b",
    ],
)
def test_queries_are_answered_in_every_form(opened: Session, statement: str) -> None:
    columns, _ = opened.query(statement)
    assert columns == opened.arrow(statement).column_names
    printed = io.BytesIO()
    opened.print(statement, Format.csv, printed)
    assert printed.getvalue()


@pytest.mark.parametrize("statement", ["SHOW TABLES", "show tables;"])
def test_the_tables_are_shown_with_their_layers(opened: Session, statement: str) -> None:
    columns, rows = opened.query(statement)
    assert columns == opened.arrow(statement).column_names == ["layer", "name"]
    assert {f"{layer}.{name}" for layer, name in rows} == opened.tables.keys()
    printed = io.BytesIO()
    opened.print(statement, Format.csv, printed)
    assert printed.getvalue().decode().splitlines()[1:] == [f"{layer},{name}" for layer, name in rows]


@pytest.mark.parametrize("statement", ["EXPLAIN SELECT 'ä'", "explain /* how */ ANALYZE SELECT 1;", f"EXPLAIN PIVOT {TWO} ON a USING sum(b)"])
def test_explanations_are_given_as_a_table_alone(opened: Session, statement: str) -> None:
    assert opened.query(statement)[1]
    with pytest.raises(UsageError, match="EXPLAIN cannot be written as csv"):
        opened.print(statement, Format.csv, io.BytesIO())


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE x (a int)",
        f"CREATE TABLE x AS PIVOT {TWO} ON a USING sum(b)",
        "INSERT INTO trusted.payments VALUES (1)",
        "WITH x AS (SELECT 1) DELETE FROM trusted.payments",
        "SET threads = 1",
        "PRAGMA database_list",
        "ATTACH ':memory:' AS other",
        "DROP VIEW trusted.payments",
        "SELECT 1; DROP VIEW trusted.payments",
    ],
)
def test_other_statements_are_refused_in_words(opened: Session, statement: str) -> None:
    for ask in (opened.query, opened.arrow):
        with pytest.raises(UsageError, match="Tables are only read here"):
            ask(statement)
    assert opened.query("SELECT count(*) FROM trusted.payments")[1] == [(0,)]


@pytest.mark.parametrize("before", ["", "EXPLAIN ANALYZE ", "EXPLAIN (ANALYZE) ", "SELECT 1; "])
@pytest.mark.parametrize("source", ["(SELECT 1 AS a)", f"(PIVOT {TWO} ON a USING sum(b))"])
def test_no_statement_writes_a_file(opened: Session, tmp_path: Path, before: str, source: str) -> None:
    with pytest.raises(UsageError):
        opened.query(f"{before}COPY {source} TO '{tmp_path}/x.csv'")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("statement", "asks"),
    [
        ("select 1", True),
        ("-- what\n/* and\nmore */ WITH a AS (SELECT 1) TABLE a", True),
        ("((VALUES 1))", True),
        ("explain (TYPE LOGICAL) SELECT 1", True),
        ("EXPLAIN ANALYZE VERBOSE SELECT 1", True),
        ("SHOW TABLES", True),
        ("DELETE FROM trusted.payments", False),
        ("EXPLAIN ANALYZE DELETE FROM trusted.payments", False),
        ("EXPLAIN ANALYZE /* x */ INSERT INTO a SELECT 1", False),
        ("-- select\nDROP TABLE a", False),
        ("/* select */ CALL system.run()", False),
        ("selection", False),
    ],
)
def test_what_asks_in_the_grammar_of_trino(statement: str, asks: bool) -> None:
    assert bool(QUERY.match(statement)) is asks


@pytest.mark.parametrize("engine", [Engine.trino, Engine.athena])
def test_other_engines_are_asked_no_more_than_queries(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no query"):
        arrow(engine, Environment(tmp_path), "CREATE TABLE a AS SELECT 1")
