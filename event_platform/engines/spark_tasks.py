"""What runs in Spark's executors: DuckDB, on what the task was given, with one thread unless there are fewer tasks than cores of this machine.

Executors are other processes, perhaps on other machines: they need this package, and see the lake under the same path.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from event_platform.engines import duckdb as embedded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import duckdb
    import pyarrow as pa

Item = TypeVar("Item")
Result = TypeVar("Result")

TASK_MEMORY = "1GB"
"""What DuckDB may hold in a task before it spills, unless EVENT_PLATFORM_MEMORY_LIMIT says otherwise; beside the executor's own memory."""

SHARE = "share"
"""The relation in which a task of `fed` finds its rows."""


@dataclass(frozen=True)
class Limits:
    """What a task may use."""

    memory_limit: str | None = None
    threads: int = 1


def worked(work: Callable[[duckdb.DuckDBPyConnection, Item], Result], limits: Limits) -> Callable[[Item], Result]:
    """The work as a task that brings its own DuckDB."""
    return partial(_work, work, limits)


def _work(work: Callable[[duckdb.DuckDBPyConnection, Item], Result], limits: Limits, item: Item) -> Result:
    with _duckdb(limits) as duck:
        return work(duck, item)


def fed(work: Callable[[duckdb.DuckDBPyConnection], Any], limits: Limits) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The work as a task over a stream of Arrow batches, which it finds as the relation SHARE; it gives one pickled result, or nothing for no row."""
    return partial(_feed, work, limits)


def _feed(work: Callable[[duckdb.DuckDBPyConnection], Any], limits: Limits, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    import pickle
    from itertools import chain

    import pyarrow as pa

    waiting = iter(batches)
    first = next(waiting, None)
    if first is None:
        return
    with _duckdb(limits) as duck:
        duck.register(SHARE, pa.RecordBatchReader.from_batches(first.schema, chain([first], waiting)))
        done = pickle.dumps(work(duck))
        duck.unregister(SHARE)
    yield pa.RecordBatch.from_arrays([pa.array([done], pa.binary())], names=["result"])


def evaluate(expression: str, *columns: pa.Array) -> pa.Array:
    """The value of a DuckDB expression for each row; it names the columns a0, a1 and so on."""
    import pyarrow as pa

    duck = _evaluator()
    duck.register("given", pa.table({f"a{number}": column for number, column in enumerate(columns)}))
    found = duck.sql(f"SELECT {expression} AS value FROM given").to_arrow_table()["value"]
    return found.combine_chunks() if found.num_chunks != 1 else found.chunk(0)


@cache
def _evaluator() -> duckdb.DuckDBPyConnection:
    """One connection a worker process, for expressions alone."""
    import duckdb

    connection = duckdb.connect(config={"threads": 1, "preserve_insertion_order": True})
    embedded.prepare(connection)
    return connection


@contextmanager
def _duckdb(limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from event_platform.environment import Environment

    with (
        TemporaryDirectory(prefix="event-platform-") as folder,
        embedded.connect(Environment(Path(folder), threads=limits.threads, memory_limit=limits.memory_limit or TASK_MEMORY)) as duck,
    ):
        yield duck
