"""Queries over `landing.*`, `stage.*`, `quarantine.*`, `trusted.*` and `aggregate.*`.

A query sees each table as its last commit left it: the files of that snapshot are listed first and never change, so neither locks the other out.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from event_platform import tables
from event_platform.aggregate import all_aggregates
from event_platform.aggregate.clickstream_live import streamed_of
from event_platform.alerts.log import alerts_of
from event_platform.engines.duckdb import connect
from event_platform.engines.spelling import literal
from event_platform.errors import UsageError
from event_platform.lake.catalog import Lake
from event_platform.serving.forms import Format
from event_platform.serving.roles import Role, require_access
from event_platform.serving.statements import is_explanation, queries
from event_platform.sources import all_sources

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from event_platform.environment import Environment
    from event_platform.lake.schema import Table

COPY_OPTIONS = {Format.csv: "FORMAT csv, HEADER", Format.json: "FORMAT json, ARRAY true", Format.parquet: "FORMAT parquet"}

LIST_TABLES = "SELECT table_schema AS layer, table_name AS name FROM information_schema.tables ORDER BY ALL"


def declared_tables() -> list[Table]:
    """Every table that people query, whether it has been written yet or not."""
    there = all_sources().values()
    of_sources = (declare(source) for source in there for declare in (tables.ledger, tables.stage, tables.quarantine, tables.trusted))
    beside = (table for source in there for table in (*streamed_of(source), *alerts_of(source)))
    return [*of_sources, *(aggregate.table for aggregate in all_aggregates()), *beside]


@contextmanager
def session(environment: Environment, *, masked: bool = False, role: Role | None = None) -> Iterator[Session]:
    """A connection in which the tables can be queried by name; `masked`: their personal columns hold nothing but a mask.

    With a role only its tables can be queried, masked as it sees them, and nothing else be read.
    """
    with connect(environment) as duck:
        yield Session(Lake(environment), duck, masked=masked, role=role)


class Session:
    """Statements over the lake; `refresh` takes the newest snapshots of the tables that a statement names."""

    def __init__(self, lake: Lake, duck: duckdb.DuckDBPyConnection, *, masked: bool = False, role: Role | None = None) -> None:
        """Every table is there from the start, empty until a statement names it."""
        self.lake, self.duck, self.role = lake, duck, role
        self.masked = masked or (role is not None and role.is_masked)
        self.tables = {table.name: table for table in declared_tables()}
        for layer in sorted({table.layer for table in self.tables.values()}):
            duck.execute(f'CREATE SCHEMA "{layer}"')
        for table in self.tables.values():
            duck.execute(f'CREATE VIEW {table.layer}."{table.short_name}" AS {table.empty_select}')
        if role is not None:
            duck.execute("SET python_enable_replacements = false")

    def refresh(self, statement: str) -> None:
        """Point the views that the statement names at the tables' current files."""
        text = statement.lower().replace('"', "")
        for table in self.tables.values():
            if table.short_name in text and self.lake.exists(table):
                select = self.lake.open(table).select()
                shown = table.masked(select) if self.masked else select
                self.duck.execute(f'CREATE OR REPLACE VIEW {table.layer}."{table.short_name}" AS {shown}')

    def statements(self, text: str) -> list[str]:
        """The queries of a text, parted by `;`; UsageError when it holds none, cannot be read, or holds a statement that is no query."""
        with _explained("The statement cannot be read"):
            found = queries(text, self.duck)
            if self.role is not None:
                require_access(self.role, found, self.duck)
            return found

    def query(self, statement: str) -> tuple[list[str], list[tuple[object, ...]]]:
        """Column names and rows of a query, the last one's of several; UsageError with DuckDB's reason if it cannot be run or is no query."""
        self.statements(statement)
        self.refresh(statement)
        with self._running():
            result = self.duck.execute(_asked(statement))
        return [column[0] for column in result.description or ()], result.fetchall()

    def arrow(self, statement: str) -> pa.Table:
        """The answer of a statement as an Arrow table, without columns if it gives none; UsageError with DuckDB's reason if it cannot be run."""
        import pyarrow as pa

        self.statements(statement)
        self.refresh(statement)
        with self._running():
            answer = self.duck.sql(_asked(statement))
            return pa.table({}) if answer is None else answer.to_arrow_table()

    def print(self, statement: str, form: Format, stream: BinaryIO) -> None:
        """Write the answer of a SELECT to an open stream, in the forms of `export`."""
        with tempfile.TemporaryDirectory() as folder:
            answer = Path(folder) / "answer"
            self.export(statement, form, answer)
            with answer.open("rb") as written:
                shutil.copyfileobj(written, stream)
        stream.flush()

    def export(self, statement: str, form: Format, output: Path) -> None:
        """Write the answer of one query to a file as csv, json (one array of objects) or parquet; UsageError as `query`."""
        query, *others = self.statements(statement)
        if others or is_explanation(query):
            raise UsageError(f"{'One of several answers' if others else 'EXPLAIN'} cannot be written as {form}; leave --format and --output out.")
        self.refresh(query)
        with self._running():
            self.duck.execute(f"COPY (\n{_asked(query)}\n) TO {literal(str(output))} ({COPY_OPTIONS[form]})")

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Says what is wrong with a statement; of a table that is not there, which there are."""
        try:
            with _explained("The statement cannot be run"):
                yield
        except UsageError as error:
            if "Catalog Error: Table with name" not in str(error):
                raise
            raise UsageError(f"{error}\nTables: {', '.join(sorted(self.tables))}.") from error


def _asked(statement: str) -> str:
    """What DuckDB is asked: its own SHOW TABLES looks into one schema alone, in which there is no table."""
    return LIST_TABLES if re.fullmatch(r"\s*SHOW\s+TABLES\s*;?\s*", statement, re.IGNORECASE) else statement


@contextmanager
def _explained(what: str) -> Iterator[None]:
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise UsageError(f"{what}: {error}") from error
