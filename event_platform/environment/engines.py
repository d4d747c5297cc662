"""What computes the tables, and how much of the machine it may have."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from event_platform.environment.kinds import NUMBER_OR_NONE, TEXT
from event_platform.environment.setting import Kind, setting
from event_platform.errors import ConfigurationError

ENGINES = ("duckdb", "spark")


@dataclass(frozen=True)
class DuckDb:
    """What DuckDB may take (its own defaults when None)."""

    memory_limit: str | None = setting(
        "EVENT_PLATFORM_MEMORY_LIMIT", TEXT, "what DuckDB may hold before it spills to disk, as DuckDB writes it: `4GB`", default=None, unset="2500MB"
    )
    threads: int | None = setting("EVENT_PLATFORM_THREADS", NUMBER_OR_NONE, "DuckDB's threads", default=None, unset="all cores")


def _choices(name: str, text: str) -> dict[str, str]:
    """Engines written `duckdb, trusted.payments=spark`, by table; the default under the empty name."""
    chosen: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        table, named, engine = (word.strip() for word in part.rpartition("="))
        if engine not in ENGINES or (named and not re.fullmatch(r"(stage|trusted|aggregate)\.[a-z0-9_]+", table)):
            raise ConfigurationError(
                f"{name} has {part!r}, which is neither an engine ({' or '.join(ENGINES)}) nor a table of stage, trusted or "
                "aggregate with its engine; write for instance: duckdb, trusted.payments=spark."
            )
        chosen[table] = engine
    return chosen


@dataclass(frozen=True)
class Engines:
    """What computes the tables: `default`, but for those named in `exceptions` (`<layer>.<table>`). Of Spark: where it runs, its workers' Python."""

    default: str = setting(
        "EVENT_PLATFORM_ENGINE",
        Kind("`duckdb` or `spark`, then exceptions", lambda name, text: _choices(name, text).get("", "duckdb")),
        "what computes the tables: `duckdb, trusted.payments=spark`",
        default="duckdb",
    )
    exceptions: Mapping[str, str] = setting(
        "EVENT_PLATFORM_ENGINE",
        Kind("", lambda name, text: {table: engine for table, engine in _choices(name, text).items() if table}),
        default={},
    )
    spark_master: str | None = setting(
        "EVENT_PLATFORM_SPARK_MASTER",
        TEXT,
        "where Spark runs: `local[4]`, `spark://host:7077`, `yarn`, `k8s://…`",
        default=None,
        unset="`spark.master` in `spark-defaults.conf`, else this machine",
    )
    spark_python: str = setting(
        "PYSPARK_PYTHON", TEXT, "the Python that Spark's workers start", default=sys.executable, unset="the path of the process's own"
    )

    def of(self, table: str) -> str:
        """The engine of a table; quarantine is made with stage."""
        layer, _, name = table.partition(".")
        return self.exceptions.get(f"stage.{name}" if layer == "quarantine" else table, self.default)
