"""Spark, the distributed engine: runs the platform's SQL after translating it, and DuckDB within its executors.

One session a process, each user of it with temporary tables of its own. What the answers depend on is set here; everything else (memory,
executors, Kubernetes, YARN) is Spark's own configuration, `spark-defaults.conf`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from event_platform.engines.spark_errors import explained, leave_telling_to_us
from event_platform.engines.spark_tasks import Limits, fed, worked
from event_platform.engines.spark_translation import Translation, translated
from event_platform.environment import require_java
from event_platform.errors import ConfigurationError

if TYPE_CHECKING:
    import duckdb
    from pyspark.sql import DataFrame, SparkSession

    from event_platform.environment import Environment

Item = TypeVar("Item")
Result = TypeVar("Result")

SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parquet.fieldId.read.enabled": "true",
    "spark.sql.parquet.fieldId.read.ignoreMissing": "true",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.ui.showConsoleProgress": "false",
}
"""What the answers depend on, and no progress bars among what the platform says."""

ON_THIS_MACHINE = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
}
"""For masters `local…`, unless `spark-defaults.conf` says otherwise: nothing listens to other machines, few tasks, none for looking at files."""

QUIET = {"spark.ui.enabled": "false"}
"""Unless `spark-defaults.conf` says otherwise: Dagster's UI shows what ran."""


PART_BYTES = 64 << 20
"""How much of an archive one task parses: some seconds of work, so that little is lost with an executor."""


@dataclass
class Spark:
    """One user of the session."""

    session: SparkSession
    limits: Limits
    duck: duckdb.DuckDBPyConnection
    kept: dict[str, DataFrame] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)

    def execute(self, statement: str, /) -> Rows:
        """Run one statement of DuckDB's SQL. Raises PermanentError when Spark cannot run it, TransientError when Spark is away."""
        with explained(statement):
            translation = self.translated(statement)
        with explained(translation.sql):
            frame = self._frame(translation)
            if translation.creates is None:
                return Rows(frame)
            if before := self.kept.pop(translation.creates, None):
                before.unpersist()
            if translation.is_kept:
                self.kept[translation.creates] = frame.persist()
            frame.createOrReplaceTempView(translation.creates)
            return Rows(frame.limit(0))

    def translated(self, statement: str) -> Translation:
        """What `execute` makes of a statement."""
        return translated(statement)

    def _frame(self, translation: Translation) -> DataFrame:
        for needed in translation.needs:
            if needed.name not in self.known:
                needed.register(self.session)
                self.known.add(needed.name)
        return self.session.sql(translation.sql)

    def write(self, select: str, together: Sequence[str], work: Callable[[duckdb.DuckDBPyConnection], Result]) -> list[Result]:
        """Share out the rows of a SELECT among executors, where `work` finds its share as the relation SHARE; all that it gave.

        Rows with the same values in the columns `together` meet in one share, unless they are too many for one. The results come in no order.
        """
        with explained(select):
            shares = self._frame(self.translated(select)).hint("rebalance", *together)
            given = shares.mapInArrow(fed(work, self.limits), "result binary").toArrow()
        return [_unpickled(share) for share in given["result"].to_pylist()]

    def each(self, work: Callable[[duckdb.DuckDBPyConnection, Item], Result], items: Sequence[Item]) -> list[Result]:
        """Do a piece of DuckDB work for every item, each a task of its own; the results in order."""
        if not items:
            return []
        context = self.session.sparkContext
        idle = 1 if self.is_distributed else max(1, context.defaultParallelism // len(items))
        with explained("DuckDB's work in the executors"):
            return context.parallelize(items, len(items)).map(worked(work, replace(self.limits, threads=idle))).collect()

    def parts(self, items: Sequence[Item], size: Callable[[Item], int]) -> list[Sequence[Item]]:
        """The items in order, in parts of about PART_BYTES, or smaller if executors would be idle otherwise."""
        whole = sum(map(size, items))
        most = min(PART_BYTES, max(1, whole // self.session.sparkContext.defaultParallelism))
        parts: list[list[Item]] = []
        room = 0
        for item in items:
            if room <= 0:
                parts.append([])
                room = most
            parts[-1].append(item)
            room -= size(item)
        return list(parts)

    @property
    def is_distributed(self) -> bool:
        """Whether executors may be on other machines, which do not see the files of this one."""
        return not str(self.session.sparkContext.master).startswith("local")

    def close(self) -> None:
        """Give back what was kept in the executors' memory."""
        for frame in self.kept.values():
            frame.unpersist()
        self.kept.clear()


@dataclass(frozen=True)
class Rows:
    """What a statement gives."""

    frame: DataFrame

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows as tuples of Python values; times in UTC."""
        with explained("the answer"):
            columns = [column.to_pylist() for column in self.frame.toArrow().columns]
        return list(zip(*columns, strict=True))


@contextmanager
def connect(environment: Environment, duck: duckdb.DuckDBPyConnection) -> Iterator[Spark]:
    """A user of the process's session, which is begun if there is none. Raises ConfigurationError without pyspark or Java."""
    spark = Spark(session(environment).newSession(), Limits(environment.memory_limit), duck)
    try:
        yield spark
    finally:
        spark.close()


def session(environment: Environment, more: Mapping[str, str] | None = None) -> SparkSession:
    """The process's session; `more` are further properties, jars among them, if this is what begins it."""
    try:
        from dagster_pyspark import LazyPySparkResource
        from pyspark.errors import PySparkRuntimeError
    except ImportError as error:
        raise ConfigurationError("The engine spark needs the extra `spark`: pip install 'event-platform[spark]'.") from error
    require_java()
    leave_telling_to_us()
    try:
        begun: SparkSession = LazyPySparkResource(spark_config=_properties(environment.engines.spark_master, more or {})).spark_session
    except PySparkRuntimeError as error:
        raise ConfigurationError(f"Spark cannot start ({error}). It needs Java 17; JAVA_HOME says where that is.") from error
    begun.sparkContext.pythonExec = environment.engines.spark_python
    return begun


def _properties(master: str | None, more: Mapping[str, str]) -> dict[str, str]:
    """Spark's properties: ours where the answers depend on them, and those that `spark-defaults.conf` leaves open."""
    from pyspark import SparkConf, SparkContext

    SparkContext._ensure_initialized(conf=SparkConf(loadDefaults=False).setAll([*more.items()]))  # starts Java, which reads spark-defaults.conf
    given = SparkConf()
    where = master or given.get("spark.master") or "local[*]"
    usual = QUIET | (ON_THIS_MACHINE if where.startswith("local") else {})
    return {key: value for key, value in usual.items() if not given.contains(key)} | SETTINGS | {**more, "spark.master": where}


def _unpickled(share: bytes) -> Any:  # noqa: ANN401 - whatever the work gave
    import pickle

    return pickle.loads(share)  # noqa: S301 - our own executors made it
