"""The same deliveries through two homes, one on DuckDB and one on Spark, and every table compared row by row."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from event_platform import tables
from event_platform.aggregate import aggregates_of
from event_platform.instance import open_instance
from event_platform.lake.schema import Table
from event_platform.runs import asset_of, process_pending, run_dates
from event_platform.sources.contract import Source
from event_platform_tests.pipeline import Pipeline

ENGINES = ("duckdb", "spark")
CLAIMED_AT = r"regexp_replace(landing_file, '\d{16}-', '')"
"""A landed file's path without the moment at which it was claimed."""


@dataclass
class Both:
    """Two homes beside each other below `root`; `lake_of_spark` are the settings of a lake elsewhere for the one on Spark."""

    source: Source
    root: Path
    patch: pytest.MonkeyPatch
    choices: dict[str, str] = field(default_factory=lambda: {engine: engine for engine in ENGINES})
    lake_of_spark: dict[str, str] = field(default_factory=dict)

    def on(self, engine: str) -> Pipeline:
        """The home of one engine, which the process is told to use from now on."""
        for name in self.lake_of_spark:
            self.patch.delenv(name, raising=False)
        for name, value in self.settings(engine).items():
            self.patch.setenv(name, value)
        return Pipeline(self.source)

    def settings(self, engine: str) -> dict[str, str]:
        """What tells a process of it."""
        home = {"EVENT_PLATFORM_HOME": str(self.root / engine), "EVENT_PLATFORM_ENGINE": self.choices[engine]}
        return home | (self.lake_of_spark if engine == "spark" else {})

    def deliver(self, files: Mapping[str, bytes | str | list[str]], engines: Sequence[str] = ENGINES) -> None:
        """Drop the files in both homes and process what is pending, in the order of the files.

        Each is given a time of its own: those that are written within one tick of the kernel's clock have the same and are claimed by name, and
        which these are is another matter in each home.
        """
        for engine in engines:
            pipeline = self.on(engine)
            for second, (name, content) in enumerate(files.items()):
                os.utime(pipeline.drop(name, content), (second, second))
            with open_instance() as instance:
                outcomes = list(process_pending(pipeline.lake, self.source, instance, pipeline.told.append))
            failures = [failure for outcome in outcomes for failure in outcome.failures]
            assert not failures, failures
            assert pipeline.status().balanced

    def backfill(self, table: str, first: date, last: date) -> None:
        """Materialize the dates of one table anew in both homes."""
        for engine in ENGINES:
            self.on(engine)
            with open_instance() as instance:
                assert run_dates(asset_of(table), first, last, instance, lambda _: None).failures == ()

    def agree(self) -> None:
        """Fail with the rows that one engine's tables have and the other's lack."""
        declared = [tables.stage(self.source), tables.quarantine(self.source), tables.trusted(self.source)]
        for table in (*declared, *(aggregate.table for aggregate in aggregates_of(self.source))):
            ours, theirs = (self.rows(engine, table) for engine in ENGINES)
            differing = [pair for pair in zip(ours, theirs, strict=False) if not _same(*pair)]
            assert (table.name, len(ours), differing[:3]) == (table.name, len(theirs), [])

    def rows(self, engine: str, table: Table) -> list[tuple[object, ...]]:
        """All rows in order, the moment of landing told as the file's place in the order of landing."""
        ledger, names = tables.ledger(self.source).name, table.column_names
        told = {"file_id": "landed_as AS file_id", "landing_file": f"{CLAIMED_AT} AS landing_file", "landed_at": "landed_as AS landed_at"}
        columns = ", ".join(told.get(name, f'held."{name}"') for name in names)
        places = f"(SELECT file_id, row_number() OVER (ORDER BY file_id) AS landed_as FROM {ledger}) AS ledger"
        joined = f"{table.name} AS held JOIN {places} USING (file_id)" if "file_id" in names else f"{table.name} AS held"
        return self.on(engine).sql(f"SELECT {columns} FROM {joined} ORDER BY ALL")


def _same(ours: tuple[object, ...], theirs: tuple[object, ...]) -> bool:
    """Values and types alike; means and sums of floats but for the last digits, which hang on the order in which an engine adds."""
    return all(
        math.isclose(mine, other, rel_tol=1e-12)
        if isinstance(mine, float) and isinstance(other, float)
        else (mine, type(mine)) == (other, type(other))
        for mine, other in zip(ours, theirs, strict=True)
    )
