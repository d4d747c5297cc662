"""What the platform asks of an engine: to run a statement in DuckDB's SQL. DuckDB's own connections do, `spark.Spark` does after translating it.

Writing tables (`lake.write`) and parsing files (`each`) are what a distributed engine does in its own way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from event_platform.engines.spark import Spark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import duckdb

Item = TypeVar("Item")
Result = TypeVar("Result")


class Answer(Protocol):
    """What a statement gives."""

    def fetchall(self) -> list[Any]:
        """Its rows, as tuples of Python values; times in UTC."""


class Engine(Protocol):
    """Runs SQL: a SELECT over `LakeTable.select`, or CREATE OR REPLACE TEMP TABLE / VIEW … AS one."""

    def execute(self, statement: str, /) -> Answer:
        """Run one statement."""


def drivers_duckdb(engine: Engine) -> duckdb.DuckDBPyConnection:
    """The DuckDB of this process, for what is small: the ledger, a few rows to show."""
    return engine.duck if isinstance(engine, Spark) else engine  # type: ignore[return-value] # the other engine is DuckDB


def reads_objects(engine: Engine) -> bool:
    """Whether the engine reads objects of a store by itself, since its machines do not see copies on this one."""
    return isinstance(engine, Spark) and engine.is_distributed


def in_parts(engine: Engine, items: Sequence[Item], size: Callable[[Item], int]) -> list[Sequence[Item]]:
    """The items in order, cut into as many parts as can be worked on at once; `size` is in bytes."""
    if isinstance(engine, Spark):
        return engine.parts(items, size)
    return [items] if items else []


def each(engine: Engine, work: Callable[[duckdb.DuckDBPyConnection, Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Do a piece of DuckDB work for every item: here one after the other, or on Spark's executors, where both must be picklable.

    Work must be such that doing it again, or half, does no harm: an executor that is lost has its items done by another.
    """
    if isinstance(engine, Spark):
        return iter(engine.each(work, items))
    return (work(engine, item) for item in items)  # type: ignore[arg-type] # the other engine is DuckDB
